//! An endpoint: a nonblocking socket and what the kernel would forget about it.

mod calls;
mod connecting;
mod input;
mod options;
mod sharing;
mod waiting;

pub(crate) use sharing::limit_waits;

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use closesocket::engine::net::{Endpoint as _, Token};
use closesocket::engine::sockopt::OptionValue;
use closesocket::protocol::Error;
use socket2::{SockAddr, Socket};

use crate::error::winsock;
use crate::family::{Family, Ip, Local};
use crate::kernel;
use crate::reactor::Shared;

/// Unread input that a drop throws away at most, in bytes: more than a receive
/// buffer holds, so only a peer that sends faster than this reads is reset.
const DISCARD_AT_DROP: usize = 16 << 20;

/// How far the endpoint has come.
///
/// ```text
/// Idle ── listen ──► Listening
///   └─── connect ──► Connecting ──► Connected      (accept starts here)
///                        └──► Failed ── connect ──► Connecting
/// any ── reset ──► Reset
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No connection; bound or not.
    Idle,
    Listening,
    Connecting,
    Connected,
    /// The connect ended with this error; another may be tried.
    Failed(Error),
    /// Reset by order; the socket is closed.
    Reset,
}

/// Under which token an endpoint reports, if it does; in one word, since thousands
/// are held.
#[derive(Clone, Copy, Debug)]
struct Reports(u64);

impl Reports {
    /// No engine gives it to a socket, nor could it be watched.
    const NOT: Self = Self(u64::MAX);

    const fn under(token: Option<Token>) -> Self {
        match token {
            Some(Token(number)) => Self(number),
            None => Self::NOT,
        }
    }

    const fn token(self) -> Option<Token> {
        if self.0 == Self::NOT.0 {
            None
        } else {
            Some(Token(self.0))
        }
    }
}

/// What only an endpoint without a connection has, and few of them.
#[derive(Debug, Default)]
struct Early {
    /// Options that the socket will get when there is one.
    wishes: Vec<OptionValue>,
    /// Where a connect goes that is to be tried again.
    retry: Option<SockAddr>,
}

/// One end of a TCP connection, or a listener.
pub type TcpEndpoint = StreamEndpoint<Ip>;

/// One end of a connection of `AF_UNIX`, or a listener: see [`Local`].
pub type UnixEndpoint = StreamEndpoint<Local>;

/// One end of a connection of stream sockets, or a listener.
///
/// Over TCP: IPv6 sockets take IPv6 only; an address is bound once, and may be bound while
/// old connections of it are in `TIME_WAIT`, or accepted ones are alive: all as
/// Winsock does it. A process that is killed while it is connected from an
/// address that it has bound leaves this to the kernel, which may keep the
/// address for a minute.
///
/// Dropping it closes the socket. If neither a FIN nor a reset was ordered, the
/// kernel sends a FIN behind what was queued; unread input is thrown away
/// first, since it would make that a reset. But while accepted bytes wait in the
/// engine, a drop is a reset, and so is the end of the operating system process
/// (S5).
#[derive(Debug)]
pub struct StreamEndpoint<F: Family> {
    family: PhantomData<F>,
    shared: Arc<Shared>,
    /// Where to report; none for an accepted connection not yet registered.
    reports: Reports,
    /// Whether somebody waits for events, and whether the reactor reports them.
    wanted: bool,
    watched: bool,
    /// Made by the first bind or connect, which tell the family.
    socket: Option<Arc<Socket>>,
    early: Option<Box<Early>>,
    stage: Stage,
    /// Why the connection is lost. The kernel tells it once, to whichever call
    /// comes first.
    lost: Option<Error>,
    /// It was bound by a call.
    bound: bool,
    /// The FIN was ordered.
    fin_sent: bool,
    /// The peer's FIN was read.
    end_seen: bool,
    /// The last receive had room for more than there was, and no event has been
    /// reported since.
    emptied: bool,
    /// Input is to be thrown away.
    discarding: bool,
    /// Another operating system process may have the connection too (D9).
    transferred: bool,
    /// Accepted bytes wait in the engine, and the kernel is told to reset.
    unsent_waits: bool,
}

impl<F: Family> StreamEndpoint<F> {
    pub(crate) const fn new(shared: Arc<Shared>, token: Token) -> Self {
        Self::with(shared, Some(token), None, Stage::Idle)
    }

    /// A connection that a listener has taken; not registered yet.
    fn accepted(shared: Arc<Shared>, socket: Socket) -> Self {
        Self::with(shared, None, Some(Arc::new(socket)), Stage::Connected)
    }

    const fn with(
        shared: Arc<Shared>,
        token: Option<Token>,
        socket: Option<Arc<Socket>>,
        stage: Stage,
    ) -> Self {
        Self {
            shared,
            reports: Reports::under(token),
            wanted: true,
            watched: false,
            socket,
            family: PhantomData,
            early: None,
            stage,
            lost: None,
            bound: false,
            fin_sent: false,
            end_seen: false,
            emptied: false,
            discarding: false,
            transferred: false,
            unsent_waits: false,
        }
    }

    /// Whether its connect is to be tried again as time passes.
    fn is_tried_again(&self) -> bool {
        self.early.as_ref().is_some_and(|it| it.retry.is_some())
    }

    /// The socket of an endpoint that was bound, connected or accepted.
    fn socket(&self) -> Result<&Socket, Error> {
        match (&self.socket, self.stage) {
            (Some(socket), _) => Ok(socket),
            (None, Stage::Reset) => Err(Error::ConnectionAborted),
            (None, _) => Err(Error::InvalidArgument),
        }
    }

    /// The socket of a connection, or of one that is being made.
    fn connection(&self) -> Result<&Socket, Error> {
        match (&self.socket, self.stage) {
            (Some(socket), Stage::Connecting | Stage::Connected) => Ok(socket),
            (_, Stage::Reset) => Err(Error::ConnectionAborted),
            _ => Err(Error::NotConnected),
        }
    }

    /// Makes a socket of the address's family.
    fn create(&mut self, address: &F::Address) -> Result<(), Error> {
        let socket = self.new_socket(F::domain(address))?;
        self.socket = Some(Arc::new(socket));
        self.have_events_reported()
            .inspect_err(|_| self.socket = None)
    }

    /// Has the reactor report this socket's events, or no longer, as is wanted.
    fn have_events_reported(&mut self) -> Result<(), Error> {
        if self.wanted != self.watched
            && let (Some(socket), Some(token)) = (&self.socket, self.reports.token())
        {
            if self.wanted {
                self.shared.register(socket, token)?;
            } else {
                self.shared.deregister(socket);
            }
            self.watched = self.wanted;
        }
        Ok(())
    }

    /// Notes what the kernel said and translates it.
    fn fail(&mut self, error: &io::Error) -> Error {
        let error = winsock(error);
        match self.stage {
            Stage::Connecting => self.stage = Stage::Failed(error),
            Stage::Connected if error.is_loss() => self.lost = Some(error),
            _ => {}
        }
        error
    }

    /// Whether the connection is lost; takes the kernel's error if there is one.
    fn check_lost(&mut self) -> Result<(), Error> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let socket = self.connection()?;
        let pending = match kernel::poll(socket) {
            Ok(seen) if seen.error => socket.take_error(),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        match pending {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(self.fail(&error)),
        }
    }

    /// Deregisters, then closes, so that the number cannot be reused while it
    /// is watched.
    fn close(&mut self) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        if self.bound {
            // As for a FIN that was ordered: here it is the close that sends it.
            let _ = socket.set_reuse_address(true);
        }
        // Who else has the descriptor may have set a linger time, for which the
        // kernel would wait here.
        if let Ok(Some(time)) = socket.linger()
            && !time.is_zero()
        {
            let _ = socket.set_linger(None);
        }
        if self.watched {
            self.shared.deregister(&socket);
        }
        drop(socket);
        self.watched = false;
        self.shared.endpoint_left();
    }
}

impl<F: Family> Drop for StreamEndpoint<F> {
    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Discard`, a graceful last close MUST read and throw away the
    //# received data that nobody has read, as well as what arrives during the drain.
    fn drop(&mut self) {
        if self.unsent_waits {
            return self.reset();
        }
        if self.lost.is_none()
            && !self.end_seen
            && !self.transferred
            && let Ok(socket) = self.connection()
        {
            // An error means that there is no connection left to spare.
            let _ = kernel::discard(socket, DISCARD_AT_DROP);
        }
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_leaves_the_cell_of_its_socket_at_256_bytes() {
        assert!(size_of::<TcpEndpoint>() <= 80);
    }
}
