//! Everything that can happen to a socket while it keeps its references, as one
//! list.

use super::{Actions, Error, Limits, Linger, Socket, Time};

/// What happens to a socket. A reference that comes or goes is not here, since a
/// descriptor or a record goes with it: [`Socket::duplicate`], [`Socket::close`],
/// [`Socket::reclaim`].
///
/// ```text
///                 Listening
///   UNCONNECTED ------------> LISTENING   (BacklogJoined, BacklogTaken)
///     |     ^
///     |     | ConnectFinished { false }
///     v     |
///   CONNECTING                                              +- the peer has it all: Graceful, Unread
///     |  ConnectFinished { true }                           |  (transferred: HandedOver)
///     v                           close, the last reference |- Expired: Expired
///   CONNECTED ------------------------> DRAINING -----------+- ConnectionLost: Lost
///     |                     \                               |
///     | ConnectionLost       \ hard, or nothing is queued   v
///     v                       +-------------------------> CLOSED
///    LOST ---------------------- close, the last reference --^
///     | ReceiveLost
///     v
///    LOST, nothing left to receive
/// ```
///
/// Options (`Linger`, `Limits`, `Nonblocking`), shutdowns (`ReceiveShut`,
/// `SendShut`, `SendsEnded`), bytes (`BytesOffered`, `Transmitted`,
/// `Acknowledged`), `InputUnread` and `Transferred` change no state of the
/// diagram, though an acknowledgement can end a drain. What each does in each
/// state is a table in `docs/socket.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Input {
    /// [`Socket::set_linger`].
    Linger(Linger),
    /// [`Socket::set_limits`].
    Limits(Limits),
    /// [`Socket::set_nonblocking`].
    Nonblocking(bool),
    /// [`Socket::listen`].
    Listening,
    /// [`Socket::connecting`].
    Connecting,
    /// [`Socket::connect_finished`].
    ConnectFinished {
        /// It succeeded.
        connected: bool,
    },
    /// [`Socket::backlog_joined`].
    BacklogJoined,
    /// [`Socket::backlog_taken`].
    BacklogTaken,
    /// [`Socket::accept_bytes`].
    BytesOffered {
        /// How many there are to accept.
        bytes: usize,
    },
    /// [`Socket::shut_down_receive`].
    ReceiveShut,
    /// [`Socket::shut_down_send`].
    SendShut {
        /// While sends were pending (S1a).
        pending: bool,
    },
    /// [`Socket::sends_ended`].
    SendsEnded,
    /// [`Socket::transfer`].
    Transferred,
    /// [`Socket::set_input_unread`].
    InputUnread(bool),
    /// [`Socket::transmitted`].
    Transmitted {
        /// How many bytes.
        bytes: u32,
    },
    /// [`Socket::acknowledged`].
    Acknowledged {
        /// How many bytes.
        bytes: u32,
    },
    /// [`Socket::connection_lost`].
    ConnectionLost,
    /// [`Socket::receive_side_lost`].
    ReceiveLost,
    /// [`Socket::expire`].
    Expired {
        /// The time.
        now: Time,
    },
}

/// What comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "it may order something"]
pub struct Outcome {
    /// Orders to the transport.
    pub actions: Actions,
    /// Bytes that were accepted, of [`Input::BytesOffered`].
    pub accepted: u32,
}

impl Socket {
    /// Has happen what the input says.
    ///
    /// # Errors
    /// Those of the function that the input names. Nothing has changed then.
    #[inline]
    pub fn apply(&mut self, input: Input) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        match input {
            Input::Linger(linger) => self.set_linger(linger),
            Input::Limits(limits) => self.set_limits(limits),
            Input::Nonblocking(nonblocking) => self.set_nonblocking(nonblocking),
            Input::Listening => self.listen()?,
            Input::Connecting => self.connecting(),
            Input::ConnectFinished { connected } => self.connect_finished(connected),
            Input::BacklogJoined => self.backlog_joined(),
            Input::BacklogTaken => self.backlog_taken(),
            Input::BytesOffered { bytes } => outcome.accepted = self.accept_bytes(bytes),
            Input::ReceiveShut => self.shut_down_receive()?,
            Input::SendShut { pending } => outcome.actions = self.shut_down_send(pending)?,
            Input::SendsEnded => outcome.actions = self.sends_ended(),
            Input::Transferred => self.transfer().map(|_| ())?,
            Input::InputUnread(unread) => self.set_input_unread(unread),
            Input::Transmitted { bytes } => outcome.actions = self.transmitted(bytes),
            Input::Acknowledged { bytes } => outcome.actions = self.acknowledged(bytes),
            Input::ConnectionLost => outcome.actions = self.connection_lost(),
            Input::ReceiveLost => outcome.actions = self.receive_side_lost(),
            Input::Expired { now } => outcome.actions = self.expire(now),
        }
        Ok(outcome)
    }
}
