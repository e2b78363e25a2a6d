//! The socket machine: what all descriptors of a socket share.
//!
//! ```text
//!               last reference dropped,            drained, lost,
//!               something still to send            or out of time
//!       OPEN ------------------------> DRAINING ------------------> CLOSED(how)
//!        |                                                             ^
//!        +-------------------------------------------------------------+
//!               last reference dropped, nothing to send, or hard
//! ```
//!
//! [`Socket`] is a small `Copy` value without clock, lock or I/O: the engine
//! keeps one under each socket's lock, the model packs it into its state. It
//! decides; whoever runs it carries out the returned [`Actions`] in order. The
//! bulky rest (buffers, pending operations) stays with the runner. This file
//! has the state and what happens while the socket is open; closing is in
//! [`close`](super::close), what follows it in [`drain`](super::drain).

use super::{
    AbortScope, Actions, Connection, Error, Limits, Linger, OperationKind, Phase, SendSide,
    UnreadInput,
};

/// The shared state of a socket that decides.
///
/// The fields are open so that a runner can store, show and pack them; only the
/// methods change them by the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Socket {
    /// The phase of its life.
    pub phase: Phase,
    /// How far the connection has come.
    pub connection: Connection,
    /// The linger option.
    pub linger: Linger,
    /// Calls return [`Error::WouldBlock`] instead of waiting.
    pub nonblocking: bool,
    /// Which operations a close aborts (O1).
    pub abort_scope: AbortScope,
    /// What a graceful close does with unread input (L6).
    pub unread_input: UnreadInput,
    /// Descriptors and unredeemed duplication records (D5).
    pub references: u32,
    /// The most bytes that may be queued.
    pub window: u32,
    /// Accepted bytes that the transport has not taken yet.
    pub unsent: u32,
    /// Bytes that the transport took and the peer has not acknowledged.
    pub in_flight: u32,
    /// The send side's way to the FIN.
    pub send_side: SendSide,
    /// The receive side was shut down.
    pub receive_shut: bool,
    /// The transport has reported the loss of the connection on the receive side
    /// too: whatever had arrived before was given out (R1).
    pub receive_lost: bool,
    /// Received data waits to be read, or was thrown away while draining.
    pub input_unread: bool,
    /// Connections that wait in the backlog of a listener.
    pub backlog: u32,
    /// Another operating system process may share it, so that only the kernel
    /// knows the last reference (D9).
    pub transferred: bool,
    /// The time limits of blocking calls (C3).
    pub limits: Limits,
}

impl Socket {
    /// A new, unconnected socket with one reference, its first descriptor.
    /// `window` is the most bytes it queues.
    //= docs/specification.md#l-t1-do-not-linger
    //# - Don't linger MUST be the setting of a new socket.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - Every open descriptor MUST count as one reference to its socket.
    #[must_use]
    pub const fn new(window: u32, abort_scope: AbortScope, unread_input: UnreadInput) -> Self {
        Self {
            phase: Phase::Open,
            connection: Connection::Unconnected,
            linger: Linger::off(),
            nonblocking: false,
            abort_scope,
            unread_input,
            references: 1,
            window,
            unsent: 0,
            in_flight: 0,
            send_side: SendSide::Open,
            receive_shut: false,
            receive_lost: false,
            input_unread: false,
            backlog: 0,
            transferred: false,
            limits: Limits::NONE,
        }
    }

    /// The socket of an accepted connection: connected, with the listener's
    /// options and one reference. It is made in the critical section in which
    /// the connection is taken from the listener (R4).
    //= docs/specification.md#r4-options-of-an-accepted-socket
    //# - An accepted socket MUST have the options that its listener had in the critical section in
    //# which the connection was taken from it.
    #[must_use]
    pub const fn accepted(listener: &Self) -> Self {
        Self {
            connection: Connection::Connected,
            linger: listener.linger,
            nonblocking: listener.nonblocking,
            limits: listener.limits,
            ..Self::new(listener.window, listener.abort_scope, listener.unread_input)
        }
    }

    /// Whether references exist.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether the socket is released.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed(_))
    }

    /// Whether the last reference is gone and queued data is still being sent.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining { .. })
    }

    /// Queued data in bytes: accepted and not yet acknowledged.
    #[must_use]
    pub const fn queued(&self) -> u32 {
        self.unsent.saturating_add(self.in_flight)
    }

    /// Sets `SO_LINGER` or `SO_DONTLINGER` (D4).
    pub const fn set_linger(&mut self, linger: Linger) {
        self.linger = linger;
    }

    /// Sets the nonblocking mode (D4).
    pub const fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }

    /// Sets the time limits of blocking calls (C3, D4).
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether a call may do anything at all here. `live` says whether its
    /// descriptor is still open; the caller evaluates it under the socket's
    /// lock, in the same critical section that acts on it.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if it is not.
    pub const fn may_act(&self, live: bool) -> Result<(), Error> {
        if live && self.is_open() {
            Ok(())
        } else {
            Err(Error::NotSocket)
        }
    }

    /// Adds the reference that a new duplication record is (D5, D6a). `live`
    /// says whether the duplicating descriptor is still open, `target_lives`
    /// whether the target is there and has not died; the caller evaluates both
    /// under the socket's lock, the second after whatever lets the target's
    /// death find the record.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if the descriptor is not open, which comes first
    /// (O1a); [`Error::InvalidArgument`] if nobody is left to redeem the record
    /// or reclaim it; [`Error::NoBuffers`] if the count is at its limit. Nothing
    /// has changed then.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - A duplication record MUST NOT be made for a target that has died.
    //= docs/specification.md#d4-duplication-shares-the-socket
    //# - Duplicating MUST create only a new reference, never a copy of the socket's state.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - An unredeemed duplication record MUST count as one reference from the moment of its
    //# creation.
    pub const fn duplicate(&mut self, live: bool, target_lives: bool) -> Result<(), Error> {
        if let Err(error) = self.may_act(live) {
            return Err(error);
        }
        if !target_lives {
            return Err(Error::InvalidArgument);
        }
        match self.references.checked_add(1) {
            Some(references) => {
                self.references = references;
                Ok(())
            }
            None => Err(Error::NoBuffers),
        }
    }

    /// Whether an operation may start (O1a, D6a). `live` says whether its
    /// descriptor is still open; the caller evaluates it under the socket's
    /// lock, in the same critical section that registers the operation.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if the reference is gone, else what the
    /// connection's state makes of the operation.
    //= docs/specification.md#o1a-late-registration
    //# - A call that detects that its reference is gone MUST fail with WSAENOTSOCK without
    //# posting a completion.
    pub const fn may_start(&self, kind: OperationKind, live: bool) -> Result<(), Error> {
        if let Err(error) = self.may_act(live) {
            return Err(error);
        }
        match (kind, self.connection) {
            (OperationKind::Recv, Connection::Connected | Connection::Lost)
                if self.receive_shut =>
            {
                Err(Error::ShutDown)
            }
            (OperationKind::Recv, Connection::Connected | Connection::Lost) => self.may_receive(),
            (OperationKind::Send, Connection::Connected) => match self.send_side {
                SendSide::Open => Ok(()),
                SendSide::ShuttingDown | SendSide::Closing | SendSide::Finished => {
                    Err(Error::ShutDown)
                }
            },
            (OperationKind::Send | OperationKind::Connect, Connection::Lost) => {
                Err(Error::ConnectionReset)
            }
            (OperationKind::Send | OperationKind::Recv, _) => Err(Error::NotConnected),
            (OperationKind::Accept, Connection::Listening)
            | (OperationKind::Connect, Connection::Unconnected) => Ok(()),
            (OperationKind::Connect, Connection::Connecting) => Err(Error::AlreadyInProgress),
            (OperationKind::Connect, Connection::Connected) => Err(Error::AlreadyConnected),
            (OperationKind::Accept | OperationKind::Connect, _) => Err(Error::InvalidArgument),
        }
    }

    /// Whether the receive side can still give something: input outlives the
    /// connection that it came by.
    const fn may_receive(&self) -> Result<(), Error> {
        if self.receive_lost {
            Err(Error::ConnectionReset)
        } else {
            Ok(())
        }
    }

    /// Whether an operation that has started may go on: what it waits for can
    /// still come. A shutdown refuses new operations, not those that are pending
    /// (S1a, S1b).
    ///
    /// # Errors
    /// The error that it ends with otherwise.
    pub const fn may_go_on(&self, kind: OperationKind) -> Result<(), Error> {
        match (kind, self.connection) {
            _ if !self.is_open() => Err(Error::NotSocket),
            (OperationKind::Connect, Connection::Connecting) => Ok(()),
            (OperationKind::Recv, Connection::Connected | Connection::Lost) => self.may_receive(),
            (OperationKind::Send, Connection::Connected)
                if matches!(self.send_side, SendSide::ShuttingDown) =>
            {
                Ok(())
            }
            _ => self.may_start(kind, true),
        }
    }

    /// Whether the socket may start listening, for whoever has the transport
    /// do it first.
    ///
    /// # Errors
    /// [`Error::AlreadyConnected`] or [`Error::InvalidArgument`] if the socket
    /// is not unconnected or listening.
    pub const fn may_listen(&self) -> Result<(), Error> {
        match self.connection {
            Connection::Unconnected | Connection::Listening => Ok(()),
            Connection::Connected => Err(Error::AlreadyConnected),
            Connection::Connecting | Connection::Lost => Err(Error::InvalidArgument),
        }
    }

    /// Starts listening.
    ///
    /// # Errors
    /// Those of [`Socket::may_listen`].
    pub const fn listen(&mut self) -> Result<(), Error> {
        let may = self.may_listen();
        if may.is_ok() {
            self.connection = Connection::Listening;
        }
        may
    }

    /// A connect was started.
    pub const fn connecting(&mut self) {
        if matches!(self.connection, Connection::Unconnected) {
            self.connection = Connection::Connecting;
        }
    }

    /// The connect succeeded, or failed and the socket can try again.
    pub const fn connect_finished(&mut self, connected: bool) {
        if matches!(
            self.connection,
            Connection::Unconnected | Connection::Connecting
        ) {
            self.connection = if connected {
                Connection::Connected
            } else {
                Connection::Unconnected
            };
        }
    }

    /// A connection joined the backlog of a listener.
    pub const fn backlog_joined(&mut self) {
        if matches!(self.connection, Connection::Listening) && self.is_open() {
            self.backlog = self.backlog.saturating_add(1);
        }
    }

    /// An accept took a connection from the backlog.
    pub const fn backlog_taken(&mut self) {
        self.backlog = self.backlog.saturating_sub(1);
    }

    /// Accepts as many of `offered` bytes as fit into the window and returns
    /// how many; the runner appends exactly these to its send buffer. They are
    /// queued data from here on, whatever becomes of the send (O6). None fit
    /// once the FIN is due: nothing may follow it.
    //= docs/specification.md#o6-partly-accepted-sends
    //# - When a close aborts a partly accepted send, the accepted part MUST remain queued data
    //# while the rest ends with the abort.
    pub fn accept_bytes(&mut self, offered: usize) -> u32 {
        let accepted = u32::try_from(offered).unwrap_or(u32::MAX).min(self.room());
        self.unsent = self.unsent.saturating_add(accepted);
        accepted
    }

    /// How many bytes [`Socket::accept_bytes`] would accept at most.
    #[must_use]
    pub fn room(&self) -> u32 {
        let takes = matches!(self.send_side, SendSide::Open | SendSide::ShuttingDown);
        if !takes || self.connection != Connection::Connected {
            return 0;
        }
        self.window.saturating_sub(self.queued())
    }

    /// The receive side was shut down: no new receive starts, the pending ones
    /// stay (S1b).
    ///
    /// # Errors
    /// [`Error::NotConnected`] or [`Error::ConnectionReset`] if there is no
    /// connection.
    //= docs/specification.md#s1b-shutting-down-the-receive-side
    //# - After a shutdown of the receive side, a new receive MUST fail with WSAESHUTDOWN.
    //= docs/specification.md#s1b-shutting-down-the-receive-side
    //# - A receive that is pending when the receive side is shut down MUST stay pending and get
    //# what comes.
    pub const fn shut_down_receive(&mut self) -> Result<(), Error> {
        match self.connection {
            Connection::Connected => {
                self.receive_shut = true;
                Ok(())
            }
            Connection::Lost => Err(Error::ConnectionReset),
            _ => Err(Error::NotConnected),
        }
    }

    /// The send side was shut down: no new send starts, the FIN follows what is
    /// queued and the sends that are `pending` now (S1a), as
    /// [`Socket::sends_ended`] says. Frees and closes nothing (S1).
    ///
    /// # Errors
    /// [`Error::NotConnected`] or [`Error::ConnectionReset`] if there is no
    /// connection.
    //= docs/specification.md#s1-shutdown-is-not-a-close
    //# - WSPShutdown MUST NOT close a descriptor or free any resource of the socket, so that a
    //# close remains necessary.
    //= docs/specification.md#s1a-shutting-down-the-send-side
    //# - After a shutdown of the send side, a new send MUST fail with WSAESHUTDOWN.
    //= docs/specification.md#s1a-shutting-down-the-send-side
    //# - A send that is pending when the send side is shut down MUST go on as if it had not been
    //# shut down.
    //= docs/specification.md#s1c-shutting-down-twice-or-too-early
    //# - A shutdown of a side that was shut down before MUST succeed.
    //= docs/specification.md#s1c-shutting-down-twice-or-too-early
    //# - A shutdown of a socket that is not connected MUST fail with WSAENOTCONN.
    pub const fn shut_down_send(&mut self, pending: bool) -> Result<Actions, Error> {
        match self.connection {
            Connection::Connected => {
                if matches!(self.send_side, SendSide::Open) {
                    self.send_side = if pending {
                        SendSide::ShuttingDown
                    } else {
                        SendSide::Closing
                    };
                }
                Ok(self.step())
            }
            Connection::Lost => Err(Error::ConnectionReset),
            _ => Err(Error::NotConnected),
        }
    }

    /// No send is pending any more: after a shutdown the FIN is due. Changes
    /// nothing otherwise, nor when the last reference is gone.
    //= docs/specification.md#s1a-shutting-down-the-send-side
    //# - The FIN of a shutdown MUST follow the bytes of every send that was pending at it.
    pub const fn sends_ended(&mut self) -> Actions {
        if !matches!(self.send_side, SendSide::ShuttingDown) || !self.is_open() {
            return Actions::NONE;
        }
        self.send_side = SendSide::Closing;
        self.step()
    }

    /// Whether received data waits to be read, as the transport tells. What
    /// arrives while draining stays on record, because nobody will read it.
    pub const fn set_input_unread(&mut self, unread: bool) {
        self.input_unread = unread || (self.input_unread && !self.is_open());
    }
}
