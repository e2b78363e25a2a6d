//! An endpoint whose socket others have too (D9), or have made.

use std::sync::Arc;
use std::time::Duration;

use closesocket::engine::net::Token;
use closesocket::protocol::{Connection, Error, TransferState};
use socket2::Socket;

use super::{Stage, StreamEndpoint};
use crate::error::winsock;
use crate::family::Family;
use crate::reactor::Shared;

impl<F: Family> StreamEndpoint<F> {
    /// Lets another process have the kernel's socket, by `send`. The linger
    /// option goes to the kernel with it.
    ///
    /// # Errors
    /// The reason of a loss, and what `send` says. Nothing has changed then.
    pub(crate) fn share(
        &mut self,
        hard: bool,
        send: impl FnOnce(&Socket) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let connected = self.stage == Stage::Connected;
        // Those that have it already may have changed it.
        let first = connected && !self.transferred;
        let socket = self.socket()?;
        if first {
            set_reset_at_end(socket, hard)?;
        }
        if self.stage == Stage::Listening {
            limit_waits(socket, true);
        }
        let sent = send(socket);
        if sent.is_ok() {
            self.transferred = true;
            self.emptied = false;
        } else if first {
            set_reset_at_end(socket, false)?;
        }
        sent
    }

    /// The endpoint of a socket that has come from another process.
    ///
    /// # Errors
    /// [`Error::NetworkDown`] if the transport was stopped; what the kernel says.
    /// The socket comes back then.
    pub(crate) fn arrived(
        shared: Arc<Shared>,
        socket: Socket,
        token: Token,
        transfer_state: TransferState,
    ) -> Result<Self, (Error, Socket)> {
        if let Err(error) = shared.register(&socket, token) {
            return Err((error, socket));
        }
        if transfer_state.listening {
            limit_waits(&socket, true);
        }
        let stage = if transfer_state.listening {
            Stage::Listening
        } else {
            Stage::Connected
        };
        let mut endpoint = Self::with(shared, Some(token), Some(Arc::new(socket)), stage);
        endpoint.watched = true;
        endpoint.fin_sent = transfer_state.send_shut;
        endpoint.transferred = true;
        Ok(endpoint)
    }

    /// The endpoint of a socket that somebody else has made, and that is ours from now
    /// on. The kernel is never left with a linger time.
    ///
    /// # Errors
    /// As [`StreamEndpoint::arrived`].
    pub(crate) fn adopted(
        shared: Arc<Shared>,
        socket: Socket,
        token: Token,
        connection: Connection,
    ) -> Result<Self, (Error, Socket)> {
        if let Err(error) = shared.register(&socket, token) {
            return Err((error, socket));
        }
        // Neither fails on an open socket.
        let _ = socket.set_nonblocking(true);
        let _ = socket.set_linger(None);
        let bound = connection == Connection::Unconnected && is_bound::<F>(&socket);
        let stage = match connection {
            Connection::Listening => Stage::Listening,
            Connection::Connected => Stage::Connected,
            _ => Stage::Idle,
        };
        let mut endpoint = Self::with(shared, Some(token), Some(Arc::new(socket)), stage);
        endpoint.watched = true;
        endpoint.bound = bound;
        Ok(endpoint)
    }

    /// The kernel's socket, for as long as somebody needs it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is none yet.
    pub(crate) fn system_socket(&self) -> Result<Arc<Socket>, Error> {
        self.socket()?;
        self.socket.clone().ok_or(Error::InvalidArgument)
    }

    /// The kernel's word on who resets at the end.
    pub(super) fn kernel_resets_at_end(&self) -> Result<bool, Error> {
        let linger = self.connection()?.linger();
        linger
            .map(|time| time == Some(Duration::ZERO))
            .map_err(|error| winsock(&error))
    }

    pub(super) fn tell_kernel_to_reset_at_end(&self, reset: bool) -> Result<(), Error> {
        set_reset_at_end(self.connection()?, reset)
    }

    /// What a broken pipe means: if the connection is still there, somebody else who
    /// has the socket, or had it, has shut down its send side.
    pub(super) fn is_shut_elsewhere(&self) -> bool {
        let socket = self.socket.as_ref();
        socket.is_some_and(|socket| F::is_only_shut(socket))
    }
}

/// Whether it has an address of its own: a port, or a name.
fn is_bound<F: Family>(socket: &Socket) -> bool {
    socket.local_addr().is_ok_and(|it| F::is_bound(&it))
}

fn set_reset_at_end(socket: &Socket, reset: bool) -> Result<(), Error> {
    let time = reset.then_some(Duration::ZERO);
    socket.set_linger(time).map_err(|error| winsock(&error))
}

/// Has an accept on a shared listener wait for a moment at most, if another
/// process takes its connection and makes the listener wait, both between two
/// system calls. Connections inherit it from their listener.
pub(crate) fn limit_waits(socket: &Socket, limited: bool) {
    let shortest = limited.then_some(Duration::from_micros(1));
    // It cannot fail on an open socket.
    let _ = socket.set_read_timeout(shortest);
}
