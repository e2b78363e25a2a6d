//! Defects: named deviations from the algorithm, each in a few lines at the
//! step it deviates in. They show that the invariants can fail, and which.

/// One deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Defect {
    /// A call takes the slot's present occupant, whatever generation its handle has.
    ResolvesByValue,
    /// A refused call leaves its transient entry in the word.
    ForgetsToBackOut,
    /// An operation is registered without looking again whether its reference is still there.
    RegistersWithoutLooking,
    /// The transport goes on accepting bytes of a send that was aborted.
    AcceptsAfterAbort,
    /// A close aborts only the first of its operations.
    AbortsFirstOnly,
    /// A close leaves its operations pending.
    ForgetsToAbort,
    /// A close aborts the operations of every descriptor of the socket.
    AbortsOtherDescriptors,
    /// A close aborts an operation that has completed and is being delivered.
    AbortsWhatCompleted,
    /// An aborted blocking call is woken and notified as well.
    PostsToBlockedCalls,
    /// A close that finds the descriptor closed returns success.
    SecondCloseSucceeds,
    /// The commit stores the sealed word instead of swapping it.
    SealIsAStore,
    /// The reference is dropped before the would-block check.
    DropsReferenceFirst,
    /// The operations are taken out before the would-block check.
    AbortsBeforeWouldBlock,
    /// Every close acts as if it were the last.
    ClosesAtAnyReference,
    /// A graceful close releases the socket at once and forgets what is queued.
    ForgetsToDrain,
    /// A chunk goes missing between the queue and the wire.
    TransportDropsChunks,
    /// The socket is released at the commit and again when it is drained.
    ReleasesAtCommitToo,
    /// Nobody expires a drain whose deadline has passed.
    TimerForgotten,
    /// A close with linger time 0 sends what is queued like any other.
    HardCloseDrains,
    /// A close with linger time 0 discards the data and forgets the reset.
    HardCloseWithoutReset,
    /// A lingering close returns before the socket is drained.
    ReturnsWithoutWaiting,
    /// A lingering close that runs out of time releases the socket without a reset.
    ExpiresWithoutReset,
    /// A lingering close keeps the socket's lock while it waits.
    WaitsUnderLock,
    /// Nobody wakes the close that waits for the drain.
    WaiterSleepsOn,
    /// The last one out of a closed descriptor does not claim it.
    ForgetsToClaim,
    /// The closer returns the handle while others are still inside.
    ClaimsTooEarly,
    /// The handle is given back a second time.
    ReturnsHandlesTwice,
    /// The handles of a dead process are given back too.
    ReturnsHandlesOfTheDead,
    /// A handle upcall that failed is tried again.
    RepeatsFailedUpcalls,
    /// Cleanup posts a completion for what it aborts.
    CleanupNotifies,
    /// The closes of a cleanup linger like any other.
    CleanupLingers,
    /// The operations of a dead process are notified.
    DeathNotifies,
    /// The closes of a dying process linger like any other.
    DeathLingers,
    /// A duplication record does not count as a reference.
    RecordIsNoReference,
    /// A record can be redeemed again.
    RedeemsTwice,
    /// A record is not reclaimed when its target dies.
    ForgetsToReclaim,
    /// An opener does not look again whether its process is gone.
    ForgetsToLookAgain,
    /// A record is made for a target that is dead already.
    DuplicatesForTheDead,
    /// Closing a listener leaves its backlog alone.
    BacklogForgotten,
}

/// A defect, what it does, and how it shows.
#[derive(Clone, Copy, Debug)]
pub struct DefectSpec {
    /// The deviation.
    pub defect: Defect,
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What it does wrong, in one sentence.
    pub summary: &'static str,
    /// The scenario that shows it.
    pub scenario: &'static str,
    /// Exactly the invariants that it violates there.
    pub violates: &'static [&'static str],
}

impl DefectSpec {
    /// The defect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        DEFECTS.iter().find(|it| it.name == name)
    }
}

/// Every defect.
pub const DEFECTS: &[DefectSpec] = &[
    DefectSpec {
        defect: Defect::ResolvesByValue,
        name: "resolves-by-value",
        summary: "A call takes the slot's present occupant, whatever generation its handle has.",
        scenario: "reuse-by-a-stale-operation",
        violates: &["closed-descriptor-never-resolves"],
    },
    DefectSpec {
        defect: Defect::ForgetsToBackOut,
        name: "forgets-to-back-out",
        summary: "A refused call leaves its transient entry in the word.",
        scenario: "reuse-by-a-stale-operation",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::RegistersWithoutLooking,
        name: "registers-without-looking",
        summary: "An operation is registered without looking again whether its reference is still there.",
        scenario: "close-against-begin",
        violates: &["no-operation-orphaned"],
    },
    DefectSpec {
        defect: Defect::AcceptsAfterAbort,
        name: "accepts-after-abort",
        summary: "The transport goes on accepting bytes of a send that was aborted.",
        scenario: "hard-close-with-queued-data",
        violates: &["peer-receives-a-prefix"],
    },
    DefectSpec {
        defect: Defect::AbortsFirstOnly,
        name: "aborts-first-only",
        summary: "A close aborts only the first of its operations.",
        scenario: "close-against-two-operations",
        violates: &["every-pending-op-aborted", "no-operation-orphaned"],
    },
    DefectSpec {
        defect: Defect::ForgetsToAbort,
        name: "forgets-to-abort",
        summary: "A close leaves its operations pending.",
        scenario: "two-closers-one-operation",
        violates: &["every-pending-op-aborted", "no-operation-orphaned"],
    },
    DefectSpec {
        defect: Defect::AbortsOtherDescriptors,
        name: "aborts-other-descriptors",
        summary: "A close aborts the operations of every descriptor of the socket.",
        scenario: "unread-input-resets",
        violates: &["other-descriptors-undisturbed"],
    },
    DefectSpec {
        defect: Defect::AbortsWhatCompleted,
        name: "aborts-what-completed",
        summary: "A close aborts an operation that has completed and is being delivered.",
        scenario: "close-against-completion",
        violates: &["each-op-ends-once"],
    },
    DefectSpec {
        defect: Defect::PostsToBlockedCalls,
        name: "posts-to-blocked-calls",
        summary: "An aborted blocking call is woken and notified as well.",
        scenario: "close-against-blocked-call",
        violates: &["every-pending-op-aborted"],
    },
    DefectSpec {
        defect: Defect::SecondCloseSucceeds,
        name: "second-close-succeeds",
        summary: "A close that finds the descriptor closed returns success.",
        scenario: "two-closers-one-operation",
        violates: &["one-close-wins"],
    },
    DefectSpec {
        defect: Defect::SealIsAStore,
        name: "seal-is-a-store",
        summary: "The commit stores the sealed word instead of swapping it.",
        scenario: "two-closers-one-operation",
        violates: &[
            "one-close-wins",
            "everything-released-at-the-end",
            "handle-returned-once-after-ops",
        ],
    },
    DefectSpec {
        defect: Defect::DropsReferenceFirst,
        name: "drops-reference-first",
        summary: "The reference is dropped before the would-block check.",
        scenario: "nonblocking-linger-shut-down",
        violates: &["would-block-changes-nothing"],
    },
    DefectSpec {
        defect: Defect::AbortsBeforeWouldBlock,
        name: "aborts-before-would-block",
        summary: "The operations are taken out before the would-block check.",
        scenario: "nonblocking-linger-shut-down",
        violates: &["would-block-changes-nothing"],
    },
    DefectSpec {
        defect: Defect::ClosesAtAnyReference,
        name: "closes-at-any-reference",
        summary: "Every close acts as if it were the last.",
        scenario: "unread-input-resets",
        violates: &["no-release-before-last-reference", "released-exactly-once"],
    },
    DefectSpec {
        defect: Defect::ForgetsToDrain,
        name: "forgets-to-drain",
        summary: "A graceful close releases the socket at once and forgets what is queued.",
        scenario: "graceful-drain",
        violates: &["queued-data-sent-when-graceful", "peer-receives-a-prefix"],
    },
    DefectSpec {
        defect: Defect::TransportDropsChunks,
        name: "transport-drops-chunks",
        summary: "A chunk goes missing between the queue and the wire.",
        scenario: "graceful-drain",
        violates: &["peer-receives-a-prefix"],
    },
    DefectSpec {
        defect: Defect::ReleasesAtCommitToo,
        name: "releases-at-commit-too",
        summary: "The socket is released at the commit and again when it is drained.",
        scenario: "graceful-drain",
        violates: &["released-exactly-once"],
    },
    DefectSpec {
        defect: Defect::TimerForgotten,
        name: "timer-forgotten",
        summary: "Nobody expires a drain whose deadline has passed.",
        scenario: "stalled-peer-with-limit",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::HardCloseDrains,
        name: "hard-close-drains",
        summary: "A close with linger time 0 sends what is queued like any other.",
        scenario: "hard-close-with-queued-data",
        violates: &["hard-close-resets"],
    },
    DefectSpec {
        defect: Defect::HardCloseWithoutReset,
        name: "hard-close-without-reset",
        summary: "A close with linger time 0 discards the data and forgets the reset.",
        scenario: "hard-close-with-queued-data",
        violates: &["hard-close-resets"],
    },
    DefectSpec {
        defect: Defect::ReturnsWithoutWaiting,
        name: "returns-without-waiting",
        summary: "A lingering close returns before the socket is drained.",
        scenario: "lingering-wait",
        violates: &["linger-expiry-resets-before-return"],
    },
    DefectSpec {
        defect: Defect::ExpiresWithoutReset,
        name: "expires-without-reset",
        summary: "A lingering close that runs out of time releases the socket without a reset.",
        scenario: "lingering-wait",
        violates: &["linger-expiry-resets-before-return"],
    },
    DefectSpec {
        defect: Defect::WaitsUnderLock,
        name: "waits-under-lock",
        summary: "A lingering close keeps the socket's lock while it waits.",
        scenario: "lingering-wait",
        violates: &["linger-wait-blocks-nobody"],
    },
    DefectSpec {
        defect: Defect::WaiterSleepsOn,
        name: "waiter-sleeps-on",
        summary: "Nobody wakes the close that waits for the drain.",
        scenario: "lingering-wait",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::ForgetsToClaim,
        name: "forgets-to-claim",
        summary: "The last one out of a closed descriptor does not claim it.",
        scenario: "close-against-completion",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::ClaimsTooEarly,
        name: "claims-too-early",
        summary: "The closer returns the handle while others are still inside.",
        scenario: "close-against-begin",
        violates: &["handle-returned-once-after-ops"],
    },
    DefectSpec {
        defect: Defect::ReturnsHandlesTwice,
        name: "returns-handles-twice",
        summary: "The handle is given back a second time.",
        scenario: "two-closers-one-operation",
        violates: &["handle-returned-once-after-ops"],
    },
    DefectSpec {
        defect: Defect::ReturnsHandlesOfTheDead,
        name: "returns-handles-of-the-dead",
        summary: "The handles of a dead process are given back too.",
        scenario: "death-during-a-drain",
        violates: &["handle-returned-once-after-ops"],
    },
    DefectSpec {
        defect: Defect::RepeatsFailedUpcalls,
        name: "repeats-failed-upcalls",
        summary: "A handle upcall that failed is tried again.",
        scenario: "upcall-failure",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::CleanupNotifies,
        name: "cleanup-notifies",
        summary: "Cleanup posts a completion for what it aborts.",
        scenario: "cleanup-with-operations-pending",
        violates: &["cleanup-is-silent"],
    },
    DefectSpec {
        defect: Defect::CleanupLingers,
        name: "cleanup-lingers",
        summary: "The closes of a cleanup linger like any other.",
        scenario: "cleanup-with-operations-pending",
        violates: &["cleanup-is-silent"],
    },
    DefectSpec {
        defect: Defect::DeathNotifies,
        name: "death-notifies",
        summary: "The operations of a dead process are notified.",
        scenario: "death-during-a-drain",
        violates: &["death-waits-for-nothing"],
    },
    DefectSpec {
        defect: Defect::DeathLingers,
        name: "death-lingers",
        summary: "The closes of a dying process linger like any other.",
        scenario: "death-during-a-drain",
        violates: &["death-waits-for-nothing"],
    },
    DefectSpec {
        defect: Defect::RecordIsNoReference,
        name: "record-is-no-reference",
        summary: "A duplication record does not count as a reference.",
        scenario: "duplicate-against-close",
        violates: &["no-release-before-last-reference", "released-exactly-once"],
    },
    DefectSpec {
        defect: Defect::RedeemsTwice,
        name: "redeems-twice",
        summary: "A record can be redeemed again.",
        scenario: "record-redeemed-twice",
        violates: &["no-release-before-last-reference", "released-exactly-once"],
    },
    DefectSpec {
        defect: Defect::ForgetsToReclaim,
        name: "forgets-to-reclaim",
        summary: "A record is not reclaimed when its target dies.",
        scenario: "record-with-a-dead-target",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::ForgetsToLookAgain,
        name: "forgets-to-look-again",
        summary: "An opener does not look again whether its process is gone.",
        scenario: "record-with-a-dead-target",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::DuplicatesForTheDead,
        name: "duplicates-for-the-dead",
        summary: "A record is made for a target that is dead already.",
        scenario: "record-with-a-dead-target",
        violates: &["everything-released-at-the-end"],
    },
    DefectSpec {
        defect: Defect::BacklogForgotten,
        name: "backlog-forgotten",
        summary: "Closing a listener leaves its backlog alone.",
        scenario: "listener-with-backlog",
        violates: &["backlog-never-leaked"],
    },
];
