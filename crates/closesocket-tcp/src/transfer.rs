//! Sharing a connection, or a listener, with another operating system process
//! (D9).
//!
//! A duplication record travels over a Unix socket. [`send_record`] sends it with
//! two of the kernel's descriptors (`SCM_RIGHTS`): the connection's, which is a
//! reference from that moment on, wherever the record is, and a ticket, which
//! the one redemption takes. [`receive_record`] gets it on the other side, and
//! [`Record::redeem`] turns it into a descriptor of a provider there.
//!
//! - The record counts as a reference while it is in the Unix socket, or is held
//!   as a [`Record`]. If its holder or its target dies, or the Unix socket is
//!   closed, the kernel drops it: that is its reclaiming (D5).
//! - It is redeemed once, also if somebody has copied it, and only in the process
//!   that it names.
//! - A close in one process aborts the operations of that process and disturbs
//!   nothing in the other.
//!
//! # What only the kernel knows
//!
//! Which close is the last is known to the kernel alone. So the last close in one
//! process hands the own queue over to the kernel, in the background and without
//! a time limit, and leaves without shutting the connection down. When the last
//! process has left, the kernel sends the FIN behind everything that it was
//! given, or the reset if hard linger is set. For a socket that was transferred:
//!
//! - Lingering waits, would-block results and linger expiry are **not
//!   available**. Timed linger is refused with [`Error::InvalidArgument`], when
//!   it is set and, if it is set already, by [`send_record`]. Don't linger and
//!   hard linger go to the kernel, and so are shared by all processes (D4).
//! - Unread input is left to the other processes (L6 does not apply). If nobody
//!   has read it when the last process leaves, the kernel resets the connection.
//! - The nonblocking mode, and what was shut down, are copied. A later shutdown of
//!   the send side acts on the connection, as the kernel's does: elsewhere sends
//!   fail with [`Error::ShutDown`], and the connection counts as lost there. A
//!   later shutdown of the receive side acts on its own process only.
//! - A reset is told to whichever process asks first. Another may read the end
//!   instead; its sends fail.
//! - Bytes of one call stay together, as the kernel keeps them. Between processes
//!   there is no order but that of the kernel; what was accepted before the
//!   transfer comes first.
//! - What the process's own queue holds when the process is killed, or ends
//!   without [`drain_all`](closesocket::engine::Provider::drain_all), is lost (S3),
//!   and the peer is not told: S5 does not apply, since the kernel's linger time
//!   is the option that all processes share.
//!
//! A process that forks shares the reactor's kernel objects and must execute
//! another program before it uses any of this. Process ids are those of the
//! sender's PID namespace. The check of the target guards against mistakes, not
//! against an attacker: whoever gets the Unix socket's messages has the
//! connection.
//!
//! ```no_run
//! # use closesocket::engine::{Descriptor, Provider};
//! # use closesocket_tcp::{Tcp, transfer};
//! # use std::os::unix::net::UnixStream;
//! # fn parent(stream: &UnixStream, child: u32, descriptor: Descriptor) -> Result<(), Box<dyn std::error::Error>> {
//! # let process = Provider::over(Tcp::new()?).startup()?;
//! // In one process:
//! transfer::send_record(&process, descriptor, child, stream)?;
//! process.close(descriptor)?;
//! # Ok(()) }
//! # fn child(stream: &UnixStream) -> Result<(), Box<dyn std::error::Error>> {
//! // In the other:
//! let process = Provider::over(Tcp::new()?).startup()?;
//! let descriptor = transfer::receive_record(stream)?.redeem(&process)?;
//! process.send(descriptor, b"from here")?;
//! # Ok(()) }
//! ```

mod message;

use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use closesocket::engine::{Descriptor, Process, System};
use closesocket::protocol::{Error, TransferState};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{ReadWriteFlags, preadv2};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Tcp;
use crate::error::winsock;
use crate::kernel::retry;
use message::Message;

/// Makes a duplication record of this descriptor's socket for the process with
/// the id `target`, and sends it over `stream`. Never waits.
///
/// The record is a reference at once: this descriptor can be closed as soon as
/// the call has returned.
///
/// # Errors
/// [`Error::InvalidArgument`] if the target is dead, or timed linger is set;
/// [`Error::WouldBlock`] while bytes that were accepted have not gone to the
/// kernel, or when `stream` takes no more for now; [`Error::NotConnected`] if
/// there is neither a connection nor a listener, or nobody reads `stream` any
/// more; [`Error::NotSocket`], [`Error::TooManyDescriptors`],
/// [`Error::ConnectionReset`]. Nothing was sent then, and nothing has changed.
//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - The documentation of a provider that supports such transfer MUST state that lingering waits,
//# would-block results and linger expiry are not available on a transferred socket.
pub fn send_record<S: System<Transport = Tcp>>(
    process: &Process<S>,
    descriptor: Descriptor,
    target: u32,
    stream: &UnixStream,
) -> Result<(), Error> {
    require_alive(target)?;
    let ticket = Ticket::new()?;
    process.transfer(descriptor, |endpoint, transfer_state| {
        let message = Message {
            target,
            transfer_state,
        };
        endpoint.share(transfer_state.hard, |socket| {
            message.send(stream, [socket.as_fd(), ticket.0.as_fd()])
        })
    })
}

/// Receives the next duplication record from `stream`; waits for it if the
/// stream is blocking. One thread at a time may receive from a stream.
///
/// # Errors
/// [`Error::WouldBlock`] if there is none and the stream is nonblocking;
/// [`Error::NotConnected`] if the stream has ended; [`Error::TooManyDescriptors`]
/// if the process has no descriptors left: the record stays in the stream then.
/// [`Error::InvalidArgument`] if something else than a record comes. A record
/// with wrong descriptors is out of the stream then. Bytes that are no record
/// end the stream, since nobody can tell where the next record begins: nothing
/// more is received, and its sender finds it closed.
pub fn receive_record(stream: &UnixStream) -> Result<Record, Error> {
    let (message, [socket, ticket]) = Message::receive(stream)?;
    let record = Record {
        target: message.target,
        transfer_state: message.transfer_state,
        socket: Some(Socket::from(socket)),
        ticket: Ticket(ticket),
    };
    record.verify()?;
    Ok(record)
}

/// A duplication record that has arrived. While it is held it counts as a
/// reference to its socket; dropping it drops the reference.
#[derive(Debug)]
pub struct Record {
    target: u32,
    transfer_state: TransferState,
    /// None when the reference has become a descriptor, here or elsewhere.
    socket: Option<Socket>,
    ticket: Ticket,
}

impl Record {
    /// The id of the only process that can redeem it.
    #[must_use]
    pub const fn target(&self) -> u32 {
        self.target
    }

    /// Redeems it: its reference becomes a descriptor of `process`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if another process is the target, or the record
    /// was redeemed before, also by way of a copy;
    /// [`Error::TooManyDescriptors`], [`Error::NoBuffers`],
    /// [`Error::NetworkDown`], [`Error::NotInitialised`]. Except after a
    /// redemption it can be tried again.
    pub fn redeem<S: System<Transport = Tcp>>(
        &mut self,
        process: &Process<S>,
    ) -> Result<Descriptor, Error> {
        if self.target != std::process::id() {
            return Err(Error::InvalidArgument);
        }
        if !self.ticket.take()? {
            // A copy was redeemed: this one is no reference any more.
            self.socket = None;
            return Err(Error::InvalidArgument);
        }
        let (socket, transfer_state) = (&mut self.socket, self.transfer_state);
        let transport = process.transport();
        let adopted = process.adopt(transfer_state, |token| {
            let taken = socket.take().ok_or(Error::InvalidArgument)?;
            transport
                .arrived(taken, token, transfer_state)
                .map_err(|(error, taken)| {
                    *socket = Some(taken);
                    error
                })
        });
        if self.socket.is_some() {
            self.ticket.give_back();
        }
        adopted
    }

    /// Whether the kernel's descriptors are what the message says.
    fn verify(&self) -> Result<(), Error> {
        let socket = self.socket.as_ref().ok_or(Error::InvalidArgument)?;
        let is_ours = || -> std::io::Result<bool> {
            let domain = socket.domain()?;
            let tcp = socket.r#type()? == Type::STREAM
                && socket.protocol()? == Some(Protocol::TCP)
                && (domain == Domain::IPV4 || domain == Domain::IPV6);
            Ok(tcp && socket.is_listener()? == self.transfer_state.listening)
        };
        if is_ours().unwrap_or(false) {
            // So that calls do not wait; none relies on it.
            socket
                .set_nonblocking(true)
                .map_err(|error| winsock(&error))
        } else {
            Err(Error::InvalidArgument)
        }
    }
}

/// Counts how often a record can still be redeemed, in the kernel: 1 or 0. All
/// copies of the record have the same one.
#[derive(Debug)]
struct Ticket(OwnedFd);

impl Ticket {
    fn new() -> Result<Self, Error> {
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        let counter = eventfd(1, flags).map_err(|error| winsock(&error.into()))?;
        Ok(Self(counter))
    }

    /// Takes the one redemption; false if it was taken.
    fn take(&self) -> Result<bool, Error> {
        let mut count = [0; 8];
        // Whoever has a copy of the record can let reads wait.
        let mut read = || {
            let into = &mut [IoSliceMut::new(&mut count)];
            Ok(preadv2(&self.0, into, u64::MAX, ReadWriteFlags::NOWAIT)?)
        };
        match retry(&mut read) {
            Ok(bytes) => Ok(bytes == size_of::<u64>()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(winsock(&error)),
        }
    }

    fn give_back(&self) {
        // It cannot fail on a counter that was just taken to 0.
        let _ = retry(|| Ok(rustix::io::write(&self.0, &1_u64.to_ne_bytes())?));
    }
}

/// Fails for a process that does not exist, or has ended and was not waited for.
fn require_alive(process: u32) -> Result<(), Error> {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw);
    let id = id.ok_or(Error::InvalidArgument)?;
    let process = match pidfd_open(id, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(rustix::io::Errno::SRCH) => return Err(Error::InvalidArgument),
        Err(error) => return Err(winsock(&error.into())),
    };
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match retry(|| Ok(poll(&mut ended, Some(&at_once))?)) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::InvalidArgument),
        Err(error) => Err(winsock(&error)),
    }
}
