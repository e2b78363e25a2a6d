//! Which steps can break an invariant.

/// What happened in a step, and which parts of the world it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct When(u32);

impl When {
    /// How many bits there are.
    pub(super) const BITS: usize = 26;

    /// Nothing that an invariant heeds.
    pub const NOTHING: Self = Self(0);
    /// A call was let in.
    pub const ADMITTED: Self = Self(1);
    /// A close committed.
    pub const COMMITTED: Self = Self(1 << 1);
    /// A close failed before its commit, for another reason than that the
    /// descriptor is closed.
    pub const CLOSE_REFUSED: Self = Self(1 << 2);
    /// A close returned.
    pub const CLOSE_RETURNED: Self = Self(1 << 3);
    /// An operation was registered.
    pub const REGISTERED: Self = Self(1 << 4);
    /// Bytes of a send were accepted.
    pub const BYTES_ACCEPTED: Self = Self(1 << 5);
    /// The result of an operation was delivered.
    pub const DELIVERED: Self = Self(1 << 6);
    /// A handle was given back.
    pub const HANDLE_RETURNED: Self = Self(1 << 7);
    /// The state, the generation or the socket of a descriptor changed.
    pub const DESCRIPTORS: Self = Self(1 << 8);
    /// The phase, the abort scope or the releases of a socket changed, or it
    /// came into being.
    pub const PHASES: Self = Self(1 << 9);
    /// An operation changed.
    pub const OPERATIONS: Self = Self(1 << 10);
    /// A duplication record changed.
    pub const RECORDS: Self = Self(1 << 11);
    /// Nothing can happen any more.
    pub const REST: Self = Self(1 << 12);
    /// A cleanup was counted.
    pub const CLEANED_UP: Self = Self(1 << 13);
    /// A thread was told to claim a descriptor.
    pub const LAST_OUT: Self = Self(1 << 14);
    /// The connection, the send side or the bytes of a socket changed, or it
    /// came into being.
    pub const DATA: Self = Self(1 << 15);
    /// The backlog of a socket changed, or it came into being.
    pub const BACKLOGS: Self = Self(1 << 16);
    /// Whether a waiter holds the lock of a socket changed, or it came into
    /// being.
    pub const WAITERS: Self = Self(1 << 17);
    /// The generation of a slot changed.
    pub const GENERATIONS: Self = Self(1 << 18);
    /// How often a handle was given back changed, or a slot is retired now, or
    /// a descriptor changed while there was a retired slot.
    pub const HANDLES: Self = Self(1 << 19);
    /// A close found its descriptor closed.
    pub const CLOSE_LOST: Self = Self(1 << 20);
    /// A socket was made of a connection that an accept took.
    pub const ACCEPTED: Self = Self(1 << 21);
    /// An operation was cancelled.
    pub const CANCELLED: Self = Self(1 << 23);
    /// An operation was not started.
    pub const START_REFUSED: Self = Self(1 << 24);
    /// The receive side of a socket, or what waits there, changed, or it came
    /// into being.
    pub const INPUT: Self = Self(1 << 25);
    /// What outlived its descriptors was taken out.
    pub const FORSAKEN: Self = Self(1 << 22);

    /// All of these together.
    #[must_use]
    pub const fn any(of: &[Self]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < of.len() {
            bits |= of[index].0;
            index += 1;
        }
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::When;

    #[test]
    fn each_has_a_bit_of_its_own() {
        let all = [
            When::ADMITTED,
            When::COMMITTED,
            When::CLOSE_REFUSED,
            When::CLOSE_RETURNED,
            When::REGISTERED,
            When::BYTES_ACCEPTED,
            When::DELIVERED,
            When::HANDLE_RETURNED,
            When::DESCRIPTORS,
            When::PHASES,
            When::OPERATIONS,
            When::RECORDS,
            When::REST,
            When::CLEANED_UP,
            When::LAST_OUT,
            When::DATA,
            When::BACKLOGS,
            When::WAITERS,
            When::GENERATIONS,
            When::HANDLES,
            When::CLOSE_LOST,
            When::ACCEPTED,
            When::CANCELLED,
            When::START_REFUSED,
            When::INPUT,
            When::FORSAKEN,
        ];
        assert_eq!(all.len(), When::BITS);
        for one in all {
            assert_eq!(one.bits().count_ones(), 1);
        }
        assert_eq!(When::any(&all).bits(), (1 << When::BITS) - 1);
        assert_eq!(When::any(&[]), When::NOTHING);
    }
}
