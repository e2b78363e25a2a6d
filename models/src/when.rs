//! Which invariants a step can break: so that a search judges only those.

use closesocket::protocol::Error;
use closesocket::protocol::invariant::{COUNT, Event, Invariant, Step, Violations, World};

/// What happened in a step, and which parts of the world it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct When(u32);

/// Gives each of these a bit of its own.
macro_rules! bits {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place {
            $($name,)*
        }

        impl When {
            /// How many bits there are.
            pub(crate) const BITS: usize = [$(stringify!($name)),*].len();

            $($(#[$doc])* pub(crate) const $name: Self = Self(1 << Place::$name as u32);)*
        }
    };
}

bits! {
    /// A call was let in.
    ADMITTED,
    /// A close committed.
    COMMITTED,
    /// A close failed before its commit, for another reason than that the
    /// descriptor is closed.
    CLOSE_REFUSED,
    /// A close returned.
    CLOSE_RETURNED,
    /// An operation was registered.
    REGISTERED,
    /// Bytes of a send were accepted.
    BYTES_ACCEPTED,
    /// The result of an operation was delivered.
    DELIVERED,
    /// A handle was given back.
    HANDLE_RETURNED,
    /// The state, the generation or the socket of a descriptor changed.
    DESCRIPTORS,
    /// The phase, the abort scope or the releases of a socket changed, or it
    /// came into being.
    PHASES,
    /// An operation changed.
    OPERATIONS,
    /// A duplication record changed.
    RECORDS,
    /// Nothing can happen any more.
    REST,
    /// A cleanup was counted.
    CLEANED_UP,
    /// A thread was told to claim a descriptor.
    LAST_OUT,
    /// The connection, the send side or the bytes of a socket changed, or it
    /// came into being.
    DATA,
    /// The backlog of a socket changed, or it came into being.
    BACKLOGS,
    /// Whether a waiter holds the lock of a socket changed, or it came into
    /// being.
    WAITERS,
    /// The generation of a slot changed.
    GENERATIONS,
    /// How often a handle was given back changed, or a slot is retired now, or
    /// a descriptor changed while there was a retired slot.
    HANDLES,
    /// A close found its descriptor closed.
    CLOSE_LOST,
    /// A socket was made of a connection that an accept took.
    ACCEPTED,
    /// What outlived its descriptors was taken out.
    OUTLIVED,
    /// An operation was cancelled.
    CANCELLED,
    /// An operation was not started.
    START_REFUSED,
    /// The receive side of a socket, or what waits there, changed, or it came
    /// into being.
    INPUT,
}

impl When {
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
macro_rules! heeds {
    ($($id:literal: $($when:ident)+;)*) => {
        const HEEDS: [(&str, When); COUNT] = [$(($id, When::any(&[$(When::$when),+]))),*];
    };
}

heeds! {
    "no-release-before-last-reference": COMMITTED DESCRIPTORS PHASES RECORDS;
    "queued-data-sent-when-graceful": PHASES;
    "every-pending-op-aborted": COMMITTED DELIVERED;
    "each-op-ends-once": DELIVERED REGISTERED OPERATIONS;
    "closed-descriptor-never-resolves": ADMITTED REGISTERED GENERATIONS RECORDS;
    "one-close-wins": COMMITTED CLOSE_LOST CLOSE_RETURNED;
    "released-exactly-once": PHASES;
    "everything-released-at-the-end": REST;
    "hard-close-resets": COMMITTED DATA;
    "linger-expiry-resets-before-return": COMMITTED CLOSE_RETURNED;
    "would-block-changes-nothing": CLOSE_REFUSED;
    "other-descriptors-undisturbed": COMMITTED;
    "handle-returned-once-after-ops": HANDLE_RETURNED LAST_OUT HANDLES;
    "cleanup-is-silent": CLEANED_UP COMMITTED CLOSE_REFUSED OPERATIONS;
    "death-waits-for-nothing": COMMITTED CLOSE_REFUSED OPERATIONS;
    "peer-receives-a-prefix": BYTES_ACCEPTED PHASES DATA;
    "no-operation-orphaned": OPERATIONS DESCRIPTORS PHASES;
    "backlog-never-leaked": PHASES BACKLOGS;
    "linger-wait-blocks-nobody": WAITERS;
    "unread-input-reset-is-seen": PHASES DATA;
    "accepted-has-its-listeners-options": ACCEPTED;
    "cancel-ends-only-its-own": CANCELLED;
    "received-before-loss-is-delivered": START_REFUSED OPERATIONS INPUT;
    "shutdown-ends-nothing-pending": OPERATIONS DATA;
    "sweep-ends-its-own-life": COMMITTED OUTLIVED;
    "told-exactly-when-alive": OPERATIONS DELIVERED;
    "results-in-order": DELIVERED;
}

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

    use super::{HEEDS, Heeding};
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
}
