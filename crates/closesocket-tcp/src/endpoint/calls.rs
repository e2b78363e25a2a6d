//! The calls of the engine, each a few system calls that never wait.
//!
//! Whoever else has the kernel's descriptor, by a transfer or a fork, can clear
//! its `O_NONBLOCK`. So each call says for itself that it must not wait.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use closesocket::engine::net::{Connecting, Endpoint, Found, Received, Token, Waiter};
use closesocket::engine::sockopt::{OptionName, OptionValue};
use closesocket::protocol::Error;
use rustix::net::RecvFlags;

use super::{Reports, Stage, StreamEndpoint, limit_waits};
use crate::error::winsock;
use crate::family::Family;
use crate::kernel::{self, retry};
use crate::reactor::watchable;

impl<F: Family> Endpoint for StreamEndpoint<F> {
    type Address = F::Address;

    fn bind(&mut self, address: &F::Address) -> Result<(), Error> {
        if self.bound || (self.socket.is_some() && self.stage != Stage::Idle) {
            return Err(Error::InvalidArgument);
        }
        let kernel_address = F::to_kernel(address).map_err(|error| winsock(&error))?;
        let new = self.socket.is_none();
        if new {
            self.create(address)?;
        }
        let bound = kernel::bind(self.socket()?, &kernel_address);
        self.bound = bound.is_ok();
        bound.map_err(|error| {
            if new {
                // The next attempt may be of the other family.
                self.close();
            }
            winsock(&error)
        })
    }

    fn local_address(&self) -> Result<F::Address, Error> {
        let address = self
            .socket()?
            .local_addr()
            .map_err(|error| winsock(&error))?;
        F::from_kernel(&address).ok_or(Error::InvalidArgument)
    }

    /// The kernel forgets it with the connection.
    fn peer_address(&self) -> Result<F::Address, Error> {
        if self.stage != Stage::Connected {
            return Err(Error::NotConnected);
        }
        let asked = self.socket()?.peer_addr().ok();
        let peer = asked.and_then(|it| F::from_kernel(&it));
        peer.ok_or(Error::NotConnected)
    }

    fn listen(&mut self, backlog: u32) -> Result<(), Error> {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        let listening = kernel::listen(self.socket()?, backlog);
        listening.map_err(|error| winsock(&error))?;
        self.stage = Stage::Listening;
        Ok(())
    }

    fn connect(&mut self, address: &F::Address) -> Result<Connecting, Error> {
        self.begin_connect(address)
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        self.go_on_connecting()
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        if self.stage != Stage::Listening {
            return Err(Error::InvalidArgument);
        }
        loop {
            // An accept cannot be told otherwise not to wait.
            if self.look()? == Found::Nothing {
                return Ok(None);
            }
            let listener = self.socket()?;
            listener
                .set_nonblocking(true)
                .map_err(|error| winsock(&error))?;
            match listener.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
                Ok((socket, _)) => {
                    if self.transferred {
                        limit_waits(&socket, false);
                    }
                    F::inherit(listener, &socket).map_err(|error| winsock(&error))?;
                    return Ok(Some(Self::accepted(Arc::clone(&self.shared), socket)));
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Ok(None),
                    // Interrupted, or the connection has died in the backlog
                    // and is out of it: the next one, as accept(2) advises.
                    Some(
                        libc::EINTR
                        | libc::ECONNABORTED
                        | libc::EPROTO
                        | libc::ENOPROTOOPT
                        | libc::ENETDOWN
                        | libc::ENETUNREACH
                        | libc::EHOSTDOWN
                        | libc::EHOSTUNREACH
                        | libc::ENONET,
                    ) => {}
                    // The kernel looks for a free descriptor before it looks
                    // for a connection. Without one there is nothing to refuse.
                    Some(libc::EMFILE | libc::ENFILE) if self.look()? == Found::Nothing => {
                        return Ok(None);
                    }
                    _ => return Err(winsock(&error)),
                },
            }
        }
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        if self.reports.token().is_some() {
            return Err(Error::InvalidArgument);
        }
        self.shared.check_running()?;
        watchable(token).ok_or(Error::InvalidArgument)?;
        self.reports = Reports::under(Some(token));
        self.have_events_reported()
            .inspect_err(|_| self.reports = Reports::NOT)
    }

    fn waiter(&self) -> Option<Arc<dyn Waiter>> {
        self.waiting()
    }

    fn watch(&mut self, wanted: bool) -> Result<(), Error> {
        if wanted && self.is_tried_again() {
            // It has to be tried as time passes.
            return Err(Error::NotSupported);
        }
        let before = std::mem::replace(&mut self.wanted, wanted);
        self.have_events_reported()
            .inspect_err(|_| self.wanted = before)
    }

    //= docs/specification.md#d9-transfer-between-operating-system-processes
    //# - A call on a TCP socket MUST NOT wait in the kernel where a close cannot wake it, whatever
    //# another process that has its descriptor too does to the state that both share.
    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let socket = self.connection()?;
        if self.fin_sent {
            return Err(Error::ShutDown);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        match retry(|| socket.send_with_flags(bytes, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)) {
            Ok(taken) => {
                self.stage = Stage::Connected;
                Ok(taken)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.is_shut_elsewhere() => {
                Err(Error::ShutDown)
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Also has the kernel reset when it is the one who ends the connection: the
    /// process exits or is killed. Between the two system calls of a send that
    /// is the first to be taken in part, a kill still makes it a FIN; nobody was
    /// told yet that bytes were accepted.
    fn set_unsent_waits(&mut self, waits: bool) {
        if self.transferred {
            // The kernel's linger is the option itself there (D9).
            return;
        }
        self.unsent_waits = waits;
        if let Some(socket) = &self.socket {
            // It cannot fail on an open socket.
            let _ = socket.set_linger(waits.then_some(Duration::ZERO));
        }
    }

    /// After [`Endpoint::shut_down_receive`] it finds no bytes any more.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        self.input(buffer, RecvFlags::empty())
    }

    fn peek(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        self.input(buffer, RecvFlags::PEEK)
    }

    fn available(&mut self) -> Result<usize, Error> {
        self.count_input()
    }

    fn is_emptied(&self) -> bool {
        self.emptied
    }

    fn event_reported(&mut self) {
        self.emptied = false;
    }

    /// Nothing is found where there is no connection.
    fn look(&mut self) -> Result<Found, Error> {
        match self.stage {
            Stage::Listening => {
                let seen = kernel::poll(self.socket()?).map_err(|error| winsock(&error))?;
                Ok(if seen.input {
                    Found::Input
                } else {
                    Found::Nothing
                })
            }
            Stage::Idle | Stage::Failed(_) => Ok(Found::Nothing),
            Stage::Connecting | Stage::Connected | Stage::Reset => {
                Ok(match self.peek(&mut [0])? {
                    Received::Bytes(_) => Found::Input,
                    Received::Nothing => Found::Nothing,
                    Received::End => Found::End,
                })
            }
        }
    }

    /// Also throws away input after [`Endpoint::shut_down_receive`], so that
    /// the ticks of a drain keep the peer's window open.
    fn unacknowledged(&mut self) -> Result<usize, Error> {
        match self.stage {
            Stage::Connected => {}
            Stage::Reset => return Err(Error::ConnectionAborted),
            // Nothing was taken. The kernel would count the SYN.
            Stage::Idle | Stage::Listening | Stage::Connecting | Stage::Failed(_) => return Ok(0),
        }
        self.discard()?;
        let bytes = F::unacknowledged(self.connection()?);
        // The error after the bytes: a reset in between is seen.
        self.check_lost()?;
        bytes.map_err(|error| self.fail(&error))
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let socket = self.connection()?;
        if self.fin_sent {
            return Ok(());
        }
        if self.bound {
            // The kernel remembers the connection for a while, as it is now. It
            // cannot fail on an open socket.
            let _ = socket.set_reuse_address(true);
        }
        match socket.shutdown(Shutdown::Write) {
            Ok(()) => {
                self.fin_sent = true;
                Ok(())
            }
            // The kernel has no connection any more; its error says why.
            Err(error) => match self.check_lost() {
                Err(lost) => Err(lost),
                Ok(()) => Err(self.fail(&error)),
            },
        }
    }

    /// Reads and throws away; see the crate's description why it is not
    /// `shutdown(SHUT_RD)`.
    fn shut_down_receive(&mut self) {
        if self.transferred {
            // The input may be another process's (D9).
            return;
        }
        self.discarding = true;
        // A loss is remembered, and reported by the calls that can.
        let _ = self.discard();
    }

    fn set_option(&mut self, option: OptionValue) -> Result<(), Error> {
        self.set(option)
    }

    fn option(&self, name: OptionName) -> Result<OptionValue, Error> {
        self.get(name)
    }

    fn set_reset_at_end(&mut self, reset: bool) -> Result<(), Error> {
        self.tell_kernel_to_reset_at_end(reset)
    }

    fn resets_at_end(&self) -> Result<bool, Error> {
        self.kernel_resets_at_end()
    }

    /// Also where somebody else has the socket, unless it was transferred.
    //= docs/specification.md#l-t2-hard-close
    //# - With hard linger, a last close MUST discard the queued data and reset the
    //# connection, so that the peer's receive fails with WSAECONNRESET.
    fn reset(&mut self) {
        if self.stage != Stage::Listening
            && !self.transferred
            && let Some(socket) = &self.socket
        {
            F::reset(socket);
        }
        self.stage = Stage::Reset;
        self.close();
    }
}
