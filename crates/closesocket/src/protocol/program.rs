//! What a thread does between entering a call and returning, one atomic
//! instruction or one critical section at a time.
//!
//! ```text
//! a call    enter ─► section ─► leave ─► (claim)
//!             │         └─► sleep ──┘
//!             └─► back out ─► (claim)
//! a close   look ─► lock ─► commit ─► deliver… ─► give up others' holds…
//!                               ─► wait ─► give up its own ─► (claim)
//! (claim)   the last one out: claim ─► return the handle ─► recycle
//! opening   reserve ─► open ─► look at the process ─► (a close, if that is over)
//! an accept reserves in the section that starts it, opens in the one that takes a
//!           connection; who tells its result looks at the process behind that
//! the end   stop ─► every slot: (a close) ─► every socket with operations that
//! of a life     outlived their descriptors ─► of the dead: every record
//! ```
//!
//! The model takes each of these steps on its packed state, and asks here what
//! comes next; a replay asks the same of what a thread of the engine has recorded.
//! The engine has the programs written out, in this order.

/// What a thread does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nothing: it is in no call.
    #[default]
    Idle,
    /// Takes the entry back that was refused, with one `fetch_sub`.
    BackOut,
    /// The call's critical section, under the socket's lock.
    Section,
    /// Sleeps, until the operation that it is blocked in is answered.
    Sleep,
    /// Leaves the descriptor, with one `fetch_sub`.
    Leave,
    /// Takes the lock of the socket that it is to close, and loads the word.
    Lock,
    /// Swaps the sealed word in and does the rest of the section (D6a).
    Commit,
    /// Tells the result of one operation that it took out: what is posted under the
    /// lock, the answers of blocked threads after it (O3, O4).
    Deliver,
    /// Waits for the drain of its lingering close (L table, row 3).
    Wait,
    /// Gives up the holds of what it delivered, descriptor by descriptor, and its
    /// own of a close (H2).
    GiveUp,
    /// Tries to claim the descriptor that it left closed and empty (H1).
    Claim,
    /// Gives the handle back (H1, H3).
    ReturnHandle,
    /// Recycles the slot that it claimed, or retires it (H4).
    Recycle,
    /// Opens a descriptor in the slot that it reserved.
    Open,
    /// Looks whether the life of its process is over: nobody else closes what it
    /// has opened then (S2, S3).
    LookAtProcess,
    /// Takes the next slot of its ending process.
    NextSlot,
    /// Takes the next socket with operations that outlived their descriptors (O1).
    NextOutlived,
    /// Takes the next record that targets its dead process (D5).
    NextRecord,
}

impl Next {
    /// All of them, each at the place of its discriminant.
    pub const ALL: [Self; 18] = [
        Self::Idle,
        Self::BackOut,
        Self::Section,
        Self::Sleep,
        Self::Leave,
        Self::Lock,
        Self::Commit,
        Self::Deliver,
        Self::Wait,
        Self::GiveUp,
        Self::Claim,
        Self::ReturnHandle,
        Self::Recycle,
        Self::Open,
        Self::LookAtProcess,
        Self::NextSlot,
        Self::NextOutlived,
        Self::NextRecord,
    ];
}

/// What a step came to, as far as it decides what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Did {
    /// Entered a descriptor; without admission the entry has to go again.
    Enter {
        /// Whether the call was let in.
        admitted: bool,
    },
    /// The section of a call.
    Section {
        /// It is blocked in the operation that it registered.
        blocked: bool,
    },
    /// Was answered in its sleep.
    WakeUp,
    /// Looked at a descriptor to close it, without a lock.
    Look {
        /// Whether it is open.
        open: bool,
    },
    /// Took the lock.
    Lock {
        /// Whether the close can go on; else it has failed and changed nothing (L3).
        allowed: bool,
    },
    /// Missed the word: somebody entered or left between the load and the swap.
    MissSwap,
    /// Took operations out, in a commit or otherwise, or told one's result.
    TakeOut,
    /// Waited for the drain, to its end or until it was cancelled (L9).
    Wait,
    /// Gave up holds.
    Leave {
        /// Nobody is left inside the closed descriptor.
        last_out: bool,
    },
    /// Tried to claim a slot.
    Claim {
        /// Whether it has it.
        won: bool,
        /// Whether the handle goes back.
        returns_handle: bool,
    },
    /// Returned the handle, or failed to: it is not tried again (H4).
    ReturnHandle,
    /// Recycled the slot, or retired it.
    Recycle,
    /// Wanted to reserve a slot.
    Reserve {
        /// Whether there is one, and something to open in it.
        found: bool,
    },
    /// Wanted to open a descriptor in it.
    Open {
        /// Whether it did; a record may be redeemed already (D5).
        opened: bool,
    },
    /// Looked at its process.
    LookAtProcess {
        /// Whether the descriptor is open and its life over.
        closes: bool,
    },
    /// Stopped its process: a cleanup or a death.
    Stop {
        /// Whether it is the one that acts (S2).
        acts: bool,
    },
    /// Has passed the last slot of its process, or the last socket so far with
    /// operations that outlived their descriptors.
    Pass {
        /// Whether there is such a socket left.
        outlived: bool,
        /// Whether it is the death of the process, which ends records too.
        dies: bool,
    },
}

/// What a thread has still to do in its call, apart from the step it is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owed {
    /// Results of operations that it took out.
    pub results: bool,
    /// Holds of operations that it has delivered, on other descriptors than the one
    /// it closes.
    pub holds: bool,
    /// A wait for the drain.
    pub drain: bool,
    /// Its own hold, of a close, with those of operations on the same descriptor.
    pub own_hold: bool,
    /// What it goes on with in the end of a life.
    pub sweep: Option<Sweep>,
}

/// How far the end of a life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sweep {
    /// Slots are closed.
    Slots,
    /// What outlived its descriptors is taken out.
    Outlived,
    /// Records are reclaimed.
    Records,
}

impl Owed {
    /// What a thread does next that has nothing else to do first.
    //= docs/specification.md#l4-operations-end-first
    //# - A lingering close MUST abort the pending operations before it starts to wait.
    //= docs/specification.md#h2-after-the-operations
    //# - The closing thread MUST give up its hold only after it has delivered the operations
    //# that it aborted.
    #[must_use]
    pub const fn next(self) -> Next {
        match self {
            Self { results: true, .. } => Next::Deliver,
            Self { holds: true, .. } => Next::GiveUp,
            Self { drain: true, .. } => Next::Wait,
            Self { own_hold: true, .. } => Next::GiveUp,
            Self { sweep: None, .. } => Next::Idle,
            Self {
                sweep: Some(it), ..
            } => match it {
                Sweep::Slots => Next::NextSlot,
                Sweep::Outlived => Next::NextOutlived,
                Sweep::Records => Next::NextRecord,
            },
        }
    }
}

/// What a thread does after a step that came to this; `owed` says how much is left
/// to do, and is asked only if that decides.
#[must_use]
#[inline(always)]
pub fn next(did: Did, owed: impl FnOnce() -> Owed) -> Next {
    match did {
        Did::Enter { admitted: true } => Next::Section,
        Did::Enter { admitted: false } => Next::BackOut,
        Did::Section { blocked: true } => Next::Sleep,
        Did::Section { blocked: false } | Did::WakeUp => Next::Leave,
        Did::Look { open: true } | Did::LookAtProcess { closes: true } => Next::Lock,
        Did::Lock { allowed: true } | Did::MissSwap => Next::Commit,
        Did::Wait => Next::GiveUp,
        Did::Leave { last_out: true } => Next::Claim,
        Did::Claim {
            won: true,
            returns_handle: true,
        } => Next::ReturnHandle,
        Did::Claim { won: true, .. } | Did::ReturnHandle => Next::Recycle,
        Did::Reserve { found: true } => Next::Open,
        Did::Open { opened: true } => Next::LookAtProcess,
        Did::Stop { acts: true } => Next::NextSlot,
        Did::Pass { outlived: true, .. } => Next::NextOutlived,
        Did::Pass { dies: true, .. } => Next::NextRecord,
        Did::Look { .. }
        | Did::LookAtProcess { .. }
        | Did::Lock { .. }
        | Did::TakeOut
        | Did::Leave { .. }
        | Did::Claim { .. }
        | Did::Recycle => owed().next(),
        Did::Reserve { .. } | Did::Open { .. } | Did::Stop { .. } | Did::Pass { .. } => Next::Idle,
    }
}
