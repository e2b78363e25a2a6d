//! What a socket is made of and judged by: its policies, how far its sides have
//! come, how it ended, and what it orders.

use super::Time;

/// Which operations a close aborts (O1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AbortScope {
    /// Every operation that was issued through the closed descriptor.
    //= docs/specification.md#o1-closing-aborts
    //# - `AbortScope::Descriptor` MUST be the default.
    #[default]
    Descriptor,
    /// None until the last reference goes, then every operation of the socket.
    /// Cleanup and death still end what their process issued (S2, S3).
    LastReference,
}

/// What a graceful last close does with received data that nobody read (L6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnreadInput {
    /// Read it and throw it away, so that the queued data reaches the peer.
    //= docs/specification.md#l6-unread-input
    //# - `UnreadInput::Discard` MUST be the default.
    #[default]
    Discard,
    /// Reset the connection, but only once the queued data is acknowledged. No
    /// FIN goes ahead of it, so that the peer notices, and every drain keeps its
    /// FIN until then, since input may still come. Unless a shutdown of the send
    /// side has sent the FIN before: then only the peer's writes find the reset.
    Reset,
}

/// How far a socket's connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// Created, perhaps bound.
    Unconnected,
    /// Accepting; connections may wait in the backlog.
    Listening,
    /// A connect is under way.
    Connecting,
    /// Connected: data can be sent and received.
    Connected,
    /// The peer reset the connection or the network failed (L5). What arrived
    /// before can still be received, see [`Socket::receive_lost`](super::Socket::receive_lost) (R1).
    Lost,
}

/// The send side's way to the FIN.
///
/// ```text
///   OPEN -- shut down, sends pending --> SHUTTING DOWN -- no send pending --+
///    |                                                                      v
///    +---------- shut down, or the last reference is gone ----------> CLOSING --> FINISHED
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendSide {
    /// Accepting bytes.
    Open,
    /// Shut down while sends are pending: these go on, no new one starts (S1a).
    ShuttingDown,
    /// Shut down or closing: the FIN follows the queued bytes.
    Closing,
    /// The FIN has been handed to the transport.
    Finished,
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It was never connected, or was a listener.
    Unconnected,
    /// Everything queued was acknowledged, then the connection was finished.
    Graceful,
    /// `l_linger = 0`: what was queued was discarded and the connection reset.
    Hard,
    /// The linger time, or the provider's own limit, passed first: reset.
    Expired,
    /// The peer reset the connection or the network failed (L5).
    Lost,
    /// Drained, then reset because unread input was there
    /// ([`UnreadInput::Reset`]).
    Unread,
    /// Transferred: everything queued was handed to the kernel, whose business
    /// the end is (D9).
    HandedOver,
}

/// The phase of a socket's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// References exist.
    Open,
    /// No reference is left; queued data is still being sent.
    Draining {
        /// When to give up and reset, if ever.
        deadline: Option<Time>,
    },
    /// Released: the transport endpoint is freed (D8).
    Closed(Ending),
}

/// What the transport must do, in the order of the fields. Several can be asked
/// for at once; none is asked for twice in a socket's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "actions are orders to the transport"]
pub struct Actions {
    /// Send the FIN behind the bytes handed over so far.
    pub send_fin: bool,
    /// Throw away the queued bytes and reset the connection.
    pub reset: bool,
    /// Reset every connection that waits in the backlog (O7).
    pub reset_backlog: bool,
    /// Free the endpoint: the socket is released (D8).
    pub release: bool,
}

impl Actions {
    /// No order.
    pub const NONE: Self = Self {
        send_fin: false,
        reset: false,
        reset_backlog: false,
        release: false,
    };
}

/// The kinds of operation a thread can have pending on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Receives bytes.
    Recv,
    /// Queues bytes for sending.
    Send,
    /// Takes a connection from a listener's backlog.
    Accept,
    /// Establishes a connection.
    Connect,
}
