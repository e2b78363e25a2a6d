//! Which invariants a step can break: so that a search judges only those.

use closesocket::protocol::Error;
use closesocket::protocol::invariant::{COUNT, Event, Invariant, Step, Violations, World};

/// What happened in a step, and which parts of the world it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct When(u32);

impl When {
    /// How many bits there are.
    pub(crate) const BITS: usize = 26;

    /// A call was let in.
    pub(crate) const ADMITTED: Self = Self(1);
    /// A close committed.
    pub(crate) const COMMITTED: Self = Self(1 << 1);
    /// A close failed before its commit, for another reason than that the
    /// descriptor is closed.
    pub(crate) const CLOSE_REFUSED: Self = Self(1 << 2);
    /// A close returned.
    pub(crate) const CLOSE_RETURNED: Self = Self(1 << 3);
    /// An operation was registered.
    pub(crate) const REGISTERED: Self = Self(1 << 4);
    /// Bytes of a send were accepted.
    pub(crate) const BYTES_ACCEPTED: Self = Self(1 << 5);
    /// The result of an operation was delivered.
    pub(crate) const DELIVERED: Self = Self(1 << 6);
    /// A handle was given back.
    pub(crate) const HANDLE_RETURNED: Self = Self(1 << 7);
    /// The state, the generation or the socket of a descriptor changed.
    pub(crate) const DESCRIPTORS: Self = Self(1 << 8);
    /// The phase, the abort scope or the releases of a socket changed, or it
    /// came into being.
    pub(crate) const PHASES: Self = Self(1 << 9);
    /// An operation changed.
    pub(crate) const OPERATIONS: Self = Self(1 << 10);
    /// A duplication record changed.
    pub(crate) const RECORDS: Self = Self(1 << 11);
    /// Nothing can happen any more.
    pub(crate) const REST: Self = Self(1 << 12);
    /// A cleanup was counted.
    pub(crate) const CLEANED_UP: Self = Self(1 << 13);
    /// A thread was told to claim a descriptor.
    pub(crate) const LAST_OUT: Self = Self(1 << 14);
    /// The connection, the send side or the bytes of a socket changed, or it
    /// came into being.
    pub(crate) const DATA: Self = Self(1 << 15);
    /// The backlog of a socket changed, or it came into being.
    pub(crate) const BACKLOGS: Self = Self(1 << 16);
    /// Whether a waiter holds the lock of a socket changed, or it came into
    /// being.
    pub(crate) const WAITERS: Self = Self(1 << 17);
    /// The generation of a slot changed.
    pub(crate) const GENERATIONS: Self = Self(1 << 18);
    /// How often a handle was given back changed, or a slot is retired now, or
    /// a descriptor changed while there was a retired slot.
    pub(crate) const HANDLES: Self = Self(1 << 19);
    /// A close found its descriptor closed.
    pub(crate) const CLOSE_LOST: Self = Self(1 << 20);
    /// A socket was made of a connection that an accept took.
    pub(crate) const ACCEPTED: Self = Self(1 << 21);
    /// An operation was cancelled.
    pub(crate) const CANCELLED: Self = Self(1 << 23);
    /// An operation was not started.
    pub(crate) const START_REFUSED: Self = Self(1 << 24);
    /// The receive side of a socket, or what waits there, changed, or it came
    /// into being.
    pub(crate) const INPUT: Self = Self(1 << 25);
    /// What outlived its descriptors was taken out.
    pub(crate) const OUTLIVED: Self = Self(1 << 22);

    /// All of these together.
    #[must_use]
    pub(crate) const fn any(of: &[Self]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < of.len() {
            bits |= of[index].0;
            index += 1;
        }
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}

/// For each invariant of the table, in its order, the steps that can break it: by
/// what happens or by what changes. Of all others it holds if it held before.
const HEEDS: [(&str, When); COUNT] = [
    (
        "no-release-before-last-reference",
        When::any(&[
            When::COMMITTED,
            When::DESCRIPTORS,
            When::PHASES,
            When::RECORDS,
        ]),
    ),
    ("queued-data-sent-when-graceful", When::any(&[When::PHASES])),
    (
        "every-pending-op-aborted",
        When::any(&[When::COMMITTED, When::DELIVERED]),
    ),
    (
        "each-op-ends-once",
        When::any(&[When::DELIVERED, When::REGISTERED, When::OPERATIONS]),
    ),
    (
        "closed-descriptor-never-resolves",
        When::any(&[
            When::ADMITTED,
            When::REGISTERED,
            When::GENERATIONS,
            When::RECORDS,
        ]),
    ),
    (
        "one-close-wins",
        When::any(&[When::COMMITTED, When::CLOSE_LOST, When::CLOSE_RETURNED]),
    ),
    ("released-exactly-once", When::any(&[When::PHASES])),
    ("everything-released-at-the-end", When::any(&[When::REST])),
    (
        "hard-close-resets",
        When::any(&[When::COMMITTED, When::DATA]),
    ),
    (
        "linger-expiry-resets-before-return",
        When::any(&[When::COMMITTED, When::CLOSE_RETURNED]),
    ),
    (
        "would-block-changes-nothing",
        When::any(&[When::CLOSE_REFUSED]),
    ),
    (
        "other-descriptors-undisturbed",
        When::any(&[When::COMMITTED]),
    ),
    (
        "handle-returned-once-after-ops",
        When::any(&[When::HANDLE_RETURNED, When::LAST_OUT, When::HANDLES]),
    ),
    (
        "cleanup-is-silent",
        When::any(&[
            When::CLEANED_UP,
            When::COMMITTED,
            When::CLOSE_REFUSED,
            When::OPERATIONS,
        ]),
    ),
    (
        "death-waits-for-nothing",
        When::any(&[When::COMMITTED, When::CLOSE_REFUSED, When::OPERATIONS]),
    ),
    (
        "peer-receives-a-prefix",
        When::any(&[When::BYTES_ACCEPTED, When::PHASES, When::DATA]),
    ),
    (
        "no-operation-orphaned",
        When::any(&[When::OPERATIONS, When::DESCRIPTORS, When::PHASES]),
    ),
    (
        "backlog-never-leaked",
        When::any(&[When::PHASES, When::BACKLOGS]),
    ),
    ("linger-wait-blocks-nobody", When::any(&[When::WAITERS])),
    (
        "unread-input-reset-is-seen",
        When::any(&[When::PHASES, When::DATA]),
    ),
    (
        "accepted-has-its-listeners-options",
        When::any(&[When::ACCEPTED]),
    ),
    ("cancel-ends-only-its-own", When::any(&[When::CANCELLED])),
    (
        "received-before-loss-is-delivered",
        When::any(&[When::START_REFUSED, When::OPERATIONS, When::INPUT]),
    ),
    (
        "shutdown-ends-nothing-pending",
        When::any(&[When::OPERATIONS, When::DATA]),
    ),
    (
        "sweep-ends-its-own-life",
        When::any(&[When::COMMITTED, When::OUTLIVED]),
    ),
    (
        "told-exactly-when-alive",
        When::any(&[When::OPERATIONS, When::DELIVERED]),
    ),
    ("results-in-order", When::any(&[When::DELIVERED])),
];

/// The invariants that a step can break, as bits in the order of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heeding(u32);

impl Heeding {
    /// No invariant.
    pub(crate) const NONE: Self = Self(0);

    /// These invariants and those of the other.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These invariants, if `there`.
    #[must_use]
    pub(crate) const fn only_if(self, there: bool) -> Self {
        if there { self } else { Self::NONE }
    }
}

/// Judges one step by these invariants. With all that heed its event or what it
/// changed, the same as
/// [`violations`](closesocket::protocol::invariant::violations) after a world in
/// which they held, at a fraction of the cost.
#[inline]
pub(crate) fn violations_of<W: World>(step: &Step<W>, heeding: Heeding) -> Violations {
    let mut left = heeding.0;
    let mut bits = 0;
    while left != 0 {
        let index = left.trailing_zeros();
        left &= left - 1;
        if !(Invariant::<W>::TABLE[index as usize].predicate)(step) {
            bits |= 1 << index;
        }
    }
    Violations::from_bits(bits)
}

impl Heeding {
    /// For each bit of a [`When`], the invariants that heed it.
    const OF_BITS: [u32; When::BITS] = {
        let mut heeding = [0; When::BITS];
        let mut bit = 0;
        while bit < When::BITS {
            let mut index = 0;
            while index < COUNT {
                if HEEDS[index].1.bits() >> bit & 1 == 1 {
                    heeding[bit] |= 1 << index;
                }
                index += 1;
            }
            bit += 1;
        }
        heeding
    };

    /// The invariants that heed any of this.
    #[inline]
    #[must_use]
    pub(crate) const fn of(when: When) -> Self {
        let mut left = when.bits();
        let mut heeding = 0;
        while left != 0 {
            heeding |= Self::OF_BITS[left.trailing_zeros() as usize];
            left &= left - 1;
        }
        Self(heeding)
    }

    /// The invariants that heed this event.
    // Constants in every arm: a table is made of them. A jump would be guessed
    // wrong most of the time.
    #[inline]
    #[must_use]
    pub(crate) fn of_event(event: Event) -> Self {
        let kind = match event {
            Event::Admitted { .. } => const { Self::of(When::ADMITTED) },
            Event::Committed { .. } => const { Self::of(When::COMMITTED) },
            Event::CloseRefused { .. } => const { Self::of(When::CLOSE_REFUSED) },
            Event::CloseReturned { .. } => const { Self::of(When::CLOSE_RETURNED) },
            Event::Registered { .. } => const { Self::of(When::REGISTERED) },
            Event::StartRefused { .. } => const { Self::of(When::START_REFUSED) },
            Event::BytesAccepted { .. } => const { Self::of(When::BYTES_ACCEPTED) },
            Event::Cancelled { .. } => const { Self::of(When::CANCELLED) },
            Event::Delivered { .. } => const { Self::of(When::DELIVERED) },
            Event::HandleReturned { .. } => const { Self::of(When::HANDLE_RETURNED) },
            Event::CleanedUp { .. } => const { Self::of(When::CLEANED_UP) },
            Event::LastOut { .. } => const { Self::of(When::LAST_OUT) },
            Event::Accepted { .. } => const { Self::of(When::ACCEPTED) },
            Event::OutlivedTaken { .. } => const { Self::of(When::OUTLIVED) },
            Event::Internal
            | Event::Taken { .. }
            | Event::Duplicated { .. }
            | Event::Redeemed { .. }
            | Event::Reclaimed { .. }
            | Event::Acknowledged { .. }
            | Event::ConnectionLost { .. }
            | Event::Expired { .. } => Self::NONE,
        };
        match event {
            Event::CloseRefused {
                error: Error::NotSocket,
                ..
            } => const { Self::of(When::CLOSE_LOST) },
            _ => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use closesocket::protocol::invariant::{Event, Invariant};

    use closesocket::protocol::{Cause, Error};

    use super::{HEEDS, Heeding, When};
    use crate::view::View;

    #[test]
    fn each_invariant_has_its_row() {
        let ids = Invariant::<View<'static>>::TABLE.iter().map(|it| it.id);
        assert!(ids.eq(HEEDS.iter().map(|it| it.0)));
    }

    /// Such a step changes nothing: what heeds its event has to see it.
    #[test]
    fn a_close_that_finds_its_descriptor_closed_is_judged() {
        let lost = Event::CloseRefused {
            slot: 0,
            generation: 1,
            cause: Cause::Call,
            error: Error::NotSocket,
        };
        let one = HEEDS.iter().position(|it| it.0 == "one-close-wins");
        let heeding = Heeding::of_event(lost).0;
        assert!(one.is_some_and(|one| heeding >> one & 1 == 1));
    }

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
            When::OUTLIVED,
        ];
        assert_eq!(all.len(), When::BITS);
        for one in all {
            assert_eq!(one.bits().count_ones(), 1);
        }
        assert_eq!(When::any(&all).bits(), (1 << When::BITS) - 1);
        assert_eq!(When::any(&[]), When(0));
    }
}
