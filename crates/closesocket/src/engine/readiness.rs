//! What a socket is ready for, and what somebody waits for.

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interest {
    /// A receive or accept would not block.
    pub readable: bool,
    /// A send would not block.
    pub writable: bool,
}

impl Interest {
    /// Ready to receive or accept.
    pub const READABLE: Self = Self {
        readable: true,
        writable: false,
    };
    /// Ready to send.
    pub const WRITABLE: Self = Self {
        readable: false,
        writable: true,
    };

    /// Nothing.
    pub const NONE: Self = Self {
        readable: false,
        writable: false,
    };

    pub(super) const fn matches(self, ready: Readiness) -> bool {
        (self.readable && ready.readable) || (self.writable && ready.writable) || ready.closed
    }
}

/// What is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Readiness {
    /// A receive or accept would not block.
    pub readable: bool,
    /// A send would not block.
    pub writable: bool,
    /// The descriptor was closed meanwhile (O8).
    pub closed: bool,
}

impl Readiness {
    pub(super) const CLOSED: Self = Self {
        readable: false,
        writable: false,
        closed: true,
    };
}
