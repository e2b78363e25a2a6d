//! What a socket is ready for, and what somebody waits for.

/// What to wait for. A loss of the connection ends every wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interest {
    /// A receive or accept would not block, be it for the end of the input.
    pub readable: bool,
    /// A send would not block.
    pub writable: bool,
    /// All that was accepted for sending is acknowledged by the peer's transport.
    /// Behind a shutdown of the send side, that is the end of it.
    pub sent: bool,
}

impl Interest {
    /// Nothing.
    pub const NONE: Self = Self {
        readable: false,
        writable: false,
        sent: false,
    };
    /// Ready to receive or accept.
    pub const READABLE: Self = Self {
        readable: true,
        ..Self::NONE
    };
    /// Ready to send.
    pub const WRITABLE: Self = Self {
        writable: true,
        ..Self::NONE
    };
    /// The queue is out.
    pub const SENT: Self = Self {
        sent: true,
        ..Self::NONE
    };

    /// What of this somebody with this interest is told.
    pub(super) const fn of(self, ready: Readiness) -> Readiness {
        Readiness {
            readable: self.readable && ready.readable,
            writable: self.writable && ready.writable,
            sent: self.sent && ready.sent,
            hung_up: self.readable && ready.hung_up,
            error: ready.error,
            closed: ready.closed,
        }
    }

    pub(super) fn matches(self, ready: Readiness) -> bool {
        self.of(ready) != Readiness::default()
    }
}

/// What is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Readiness {
    /// A receive or accept would not block (`POLLIN`).
    pub readable: bool,
    /// A send would not block (`POLLOUT`).
    pub writable: bool,
    /// Nothing that was accepted for sending is unacknowledged.
    pub sent: bool,
    /// Nothing more comes: all input was read, and the peer has finished sending or
    /// the connection is lost (`POLLHUP`, `FD_CLOSE`).
    pub hung_up: bool,
    /// The connection is lost, or the connect has failed (`POLLERR`). The next call
    /// says how, or [`Process::take_error`](super::Process::take_error).
    pub error: bool,
    /// The descriptor was closed meanwhile (O8), or was not open (`POLLNVAL`).
    pub closed: bool,
}

impl Readiness {
    pub(super) const CLOSED: Self = Self {
        readable: false,
        writable: false,
        sent: false,
        hung_up: false,
        error: false,
        closed: true,
    };

    /// What is here and not there.
    pub(super) const fn without(self, other: Self) -> Self {
        Self {
            readable: self.readable && !other.readable,
            writable: self.writable && !other.writable,
            sent: self.sent && !other.sent,
            hung_up: self.hung_up && !other.hung_up,
            error: self.error && !other.error,
            closed: self.closed && !other.closed,
        }
    }

    /// What is here or there.
    pub(super) const fn or(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            sent: self.sent || other.sent,
            hung_up: self.hung_up || other.hung_up,
            error: self.error || other.error,
            closed: self.closed || other.closed,
        }
    }
}
