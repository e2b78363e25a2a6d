//! What the rest of the world is to an actor: of each kind of other, none or some.

/// A set of kinds of others, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ghosts(pub(crate) u16);

impl Ghosts {
    /// Somebody holds the descriptor and will leave it: inside a call, after the
    /// commit of a close, or for operations that were taken out.
    pub(crate) const HOLDER: Self = Self(1);
    /// A refused entry is in the word for a moment.
    pub(crate) const TRANSIENT: Self = Self(1 << 1);
    /// An overlapped operation is pending.
    pub(crate) const PENDING: Self = Self(1 << 2);
    /// A thread sleeps in a pending operation.
    pub(crate) const ASLEEP: Self = Self(1 << 3);
    /// A thread sleeps in an operation that was taken out.
    pub(crate) const UNANSWERED: Self = Self(1 << 4);
    /// Somebody owes sleeping threads their answers.
    pub(crate) const ANSWERER: Self = Self(1 << 5);
    /// Somebody was told to claim the descriptor.
    pub(crate) const CLAIMER: Self = Self(1 << 6);
    /// Somebody has claimed it and recycles or retires it.
    pub(crate) const OWNER: Self = Self(1 << 7);
    /// Somebody has reserved the free slot.
    pub(crate) const OPENER: Self = Self(1 << 8);

    /// Nobody else.
    pub(crate) const NONE: Self = Self(0);
    /// What is pending.
    pub(crate) const OF_OPERATIONS: Self = Self::PENDING.and(Self::ASLEEP);
    /// Those that are counted in the word.
    pub(crate) const COUNTED: Self = Self(0x1f);

    /// Every ghost with its name.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::HOLDER, "holders who will leave"),
        (Self::TRANSIENT, "transient entries"),
        (Self::PENDING, "pending operations"),
        (Self::ASLEEP, "sleeping threads"),
        (Self::UNANSWERED, "sleepers to be answered"),
        (Self::ANSWERER, "who owes an answer"),
        (Self::CLAIMER, "claimers on their way"),
        (Self::OWNER, "the owner of a claimed slot"),
        (Self::OPENER, "openers with a reservation"),
    ];

    /// Whether all of these are there.
    pub(crate) const fn has(self, all: Self) -> bool {
        self.0 & all.0 == all.0
    }

    /// Whether any of these is there.
    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn only_if(self, there: bool) -> Self {
        if there { self } else { Self::NONE }
    }

    /// Every subset, itself and nothing included.
    pub(crate) fn subsets(self) -> impl Iterator<Item = Self> {
        let mut next = Some(self.0);
        std::iter::from_fn(move || {
            let it = next?;
            next = it.checked_sub(1).map(|less| less & self.0);
            Some(Self(it))
        })
    }

    /// The names of those that are there.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let all = Self::ALL.into_iter();
        all.filter(move |(it, _)| self.has(*it))
            .map(|(_, name)| name)
    }
}
