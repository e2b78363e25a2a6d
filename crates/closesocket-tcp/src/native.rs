//! The system's own sockets: adopting one that somebody else has made, lending
//! the one behind a descriptor, and giving it back.
//!
//! ```
//! # use std::io::{Read, Write};
//! # use std::net::{TcpListener, TcpStream};
//! # use closesocket::engine::Provider;
//! # use closesocket_tcp::{Tcp, native};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let process = Provider::over(Tcp::new()?).startup()?;
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let mut peer = TcpStream::connect(listener.local_addr()?)?;
//! let (stream, _) = listener.accept()?;
//! let descriptor = native::adopt(&process, stream)?;
//! process.send(descriptor, b"by the provider")?;
//! let stream = TcpStream::from(native::give_back(&process, descriptor)?);
//! stream.set_nonblocking(false)?;
//! (&stream).write_all(b", then without")?;
//! # drop(stream);
//! # let mut all = String::new();
//! # peer.read_to_string(&mut all)?;
//! # assert_eq!(all, "by the provider, then without");
//! # Ok(())
//! # }
//! ```

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use closesocket::engine::{Admission, Descriptor, Process, System};
use closesocket::protocol::{Connection, Error};
use socket2::Socket;

use crate::endpoint::{StreamEndpoint, limit_waits};
use crate::error::winsock;
use crate::family::{self, Family};
use crate::{Streams, kernel};

/// A socket that was not adopted, and why.
#[derive(Debug, thiserror::Error)]
#[error("the socket was not adopted: {error}")]
pub struct NotAdopted {
    /// Why.
    #[source]
    pub error: Error,
    /// The socket, as it was; `None` if the process has ended meanwhile, and the
    /// socket with it.
    pub socket: Option<OwnedFd>,
}

/// Makes a descriptor of a system's socket: a [`TcpStream`](std::net::TcpStream), a
/// [`TcpListener`](std::net::TcpListener), one that a service manager has opened,
/// or one that is only bound, or not even that. It is the provider's from then on,
/// which closes it as any other, and its options stay as they are; a linger time
/// becomes the provider's ([`Process::set_linger`]).
///
/// Who keeps a copy of the socket must not use it: a close resets or shuts the
/// connection down for everybody. A listener can be shared: a close leaves its
/// copies listening, with the connections that wait.
///
/// # Errors
/// The socket comes back, as it was. [`Error::NotSocket`];
/// [`Error::FamilyNotSupported`] and [`Error::NotSupported`] for a socket of
/// another family or kind; [`Error::AlreadyInProgress`] for a connect that goes
/// on; [`Error::TooManyDescriptors`], [`Error::NoBuffers`],
/// [`Error::NotInitialised`], [`Error::NetworkDown`].
pub fn adopt<F: Family, S: System<Transport = Streams<F>>>(
    process: &Process<S>,
    socket: impl Into<OwnedFd>,
) -> Result<Descriptor, NotAdopted> {
    let socket = Socket::from(socket.into());
    let connection = match connection_of::<F>(&socket) {
        Ok(connection) => connection,
        Err(error) => {
            let socket = Some(socket.into());
            return Err(NotAdopted { error, socket });
        }
    };
    let linger = socket.linger().ok().flatten();
    let mut socket = Some(socket);
    let transport = process.transport();
    let taken_in = process.take_in(connection, |token| {
        let taken = socket.take().ok_or(Error::InvalidArgument)?;
        let adopted = transport.adopted(taken, token, connection);
        adopted.map_err(|(error, taken)| {
            socket = Some(taken);
            error
        })
    });
    let descriptor = taken_in.map_err(|error| {
        let socket = socket.map(OwnedFd::from);
        NotAdopted { error, socket }
    })?;
    if let Some(time) = linger {
        let seconds = u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
        // It fails only if somebody has closed the descriptor already.
        let _ = process.set_linger(descriptor, Some(seconds));
    }
    Ok(descriptor)
}

/// Closes the descriptor and gives its socket back: the connection, or the
/// listener, goes on. What was accepted for sending has gone to the kernel, in
/// order; what is pending through the descriptor is aborted (O1). The socket is
/// nonblocking, which is for its new owner to change.
///
/// Other descriptors of the socket stay, and share it with its new owner as with
/// another operating system process ([`transfer`](crate::transfer)); a listener
/// must stay nonblocking then. A connection that a select has seen at a listener
/// and nobody has accepted is reset with the close.
///
/// # Errors
/// [`Error::WouldBlock`] while accepted bytes have not gone to the kernel;
/// [`Error::InvalidArgument`] if timed linger is set: turn it off first;
/// [`Error::NotConnected`] if it is neither a connection nor a listener;
/// [`Error::ConnectionReset`]; [`Error::NotSocket`];
/// [`Error::TooManyDescriptors`]. Nothing has changed then, except that a close
/// by somebody else at the same moment is [`Error::NotSocket`] too.
pub fn give_back<F: Family, S: System<Transport = Streams<F>>>(
    process: &Process<S>,
    descriptor: Descriptor,
) -> Result<OwnedFd, Error> {
    let mut copy = None;
    process.transfer(descriptor, |endpoint, transfer_state| {
        endpoint.share(transfer_state.hard, |socket| {
            copy = Some(socket.try_clone().map_err(|error| winsock(&error))?);
            Ok(())
        })
    })?;
    process.close(descriptor)?;
    let socket = copy.ok_or(Error::NotSocket)?;
    // Its calls may wait again.
    limit_waits(&socket, false);
    Ok(socket.into())
}

/// The system's socket behind a descriptor, for what is not offered here: other
/// options, credentials of the peer, counters of the kernel. While it is held, the
/// number stays this socket's, and the descriptor's handle is not given back (H2),
/// though the descriptor may be closed meanwhile: the socket is at its end then.
/// Of a listener, the address stays bound until then.
///
/// Do not close, shut down, read or write it: the provider would not know.
#[derive(Debug)]
pub struct Lent<'a, S: System> {
    socket: Arc<Socket>,
    _admission: Admission<'a, S>,
}

impl<S: System> AsFd for Lent<'_, S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Lends the system's socket behind a descriptor.
///
/// # Errors
/// [`Error::NotSocket`] if the descriptor is closed; [`Error::InvalidArgument`] if
/// there is no such socket yet: it comes with the first bind or connect.
pub fn lend<F: Family, S: System<Transport = Streams<F>>>(
    process: &Process<S>,
    descriptor: Descriptor,
) -> Result<Lent<'_, S>, Error> {
    let admission = process.begin(descriptor)?;
    let socket = admission.with_endpoint(StreamEndpoint::system_socket)?;
    Ok(Lent {
        socket,
        _admission: admission,
    })
}

/// How far the connection of this socket has come, if it can be adopted.
fn connection_of<F: Family>(socket: &Socket) -> Result<Connection, Error> {
    let failed = |error: std::io::Error| winsock(&error);
    family::check::<F>(socket)?;
    if socket.is_listener().map_err(failed)? {
        return Ok(Connection::Listening);
    }
    let seen = kernel::poll(socket).map_err(failed)?;
    if socket.peer_addr().is_ok() {
        Ok(Connection::Connected)
    } else if seen.hung_up {
        // As the kernel shows a socket that is not connected.
        Ok(Connection::Unconnected)
    } else {
        Err(Error::AlreadyInProgress)
    }
}
