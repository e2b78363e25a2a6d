//! Handle values: what callers hold instead of references.

use core::fmt;

/// A process-local socket descriptor: one reference to one socket.
///
/// The value is the identity `(slot, generation)`. A slot is reused, a
/// generation never is, so a stale value reaches nothing (D3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Descriptor(u64);

impl Descriptor {
    /// Names no socket (`INVALID_SOCKET`): it is never issued.
    pub const INVALID: Self = Self(0);

    /// The descriptor of a slot's occupant.
    #[must_use]
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self(((generation as u64) << 32) | slot as u64)
    }

    /// A descriptor from a raw value, as a C interface would hand it in. Any
    /// value is safe: one that was never issued is refused with
    /// [`Error::NotSocket`](super::Error::NotSocket).
    #[must_use]
    pub const fn from_raw(value: u64) -> Self {
        Self(value)
    }

    /// The raw value, to hand out through a C interface.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The slot in the process's descriptor table.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower 32 bits are the slot"
    )]
    pub const fn slot(self) -> u32 {
        self.0 as u32
    }

    /// Which occupant of the slot; never 0 for an issued descriptor.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Descriptor({}.{})", self.slot(), self.generation())
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.generation())
    }
}

/// A process: a user of the provider with its own descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}", self.0)
    }
}
