//! Defects: named deviations from the algorithm, each in a few lines at the
//! step it deviates in. They show that the invariants can fail, and which.

mod reports;
mod table;

pub use reports::{REPORTS, Report};
pub use table::DEFECTS;

use crate::own::Deviation;

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
    /// A close seals the slot's present occupant, whatever generation its handle has.
    SealIgnoresGeneration,
    /// A call lets go of its descriptor and looks its value up again.
    ResolvesAgain,
    /// A close aborts an operation whose completion was delivered.
    AbortsWhatWasDelivered,
    /// A close aborts only at the last reference, whatever the scope is.
    AbortsAtLastReferenceOnly,
    /// Whether a reference is the last is decided before the lock, and dropped under it.
    DecidesBeforeTheLock,
    /// A close that would block leaves its descriptor marked as closing.
    KeepsTheClosingMark,
    /// The linger option does not apply to descriptors that came by duplication.
    ForgetsLingerOfDuplicates,
    /// A slot whose generations are used up starts again.
    GenerationsWrap,
    /// The error path of a failed handle upcall releases the socket again.
    ReleasesAfterFailedUpcall,
    /// A drain sends the FIN before it knows whether unread input makes it a reset.
    SendsTheFinBeforeTheReset,
    /// A drained socket with unread input is released without the reset.
    ForgetsTheResetForUnread,
    /// An accepted socket gets its descriptor in a section of its own, with its
    /// listener's options of then.
    TakesOptionsLater,
    /// Every operation that a close takes out ends for the closer's reason.
    SilencesOtherProcesses,
    /// A cancel takes an operation that has completed and is being delivered.
    CancelsWhatCompleted,
    /// A cancel through a descriptor that was closed takes what the close aborts.
    CancelsWhatAborted,
    /// A cancel forgets the bytes that were accepted of its send.
    CancelLosesAcceptedBytes,
    /// A cancel through a descriptor takes an operation of another.
    CancelsOtherDescriptors,
    /// A cancel by name does not ask whose the operation is.
    CancelsForeignOperations,
    /// A loss that a send finds ends the receives, whatever has arrived.
    LossEndsReceives,
    /// A loss throws away what has arrived.
    LossDiscardsInput,
    /// A receive on a lost connection is refused without a look.
    LossRefusesReceives,
    /// The FIN of a shutdown does not wait for the pending sends.
    FinOvertakesSends,
    /// The end of a process leaves the operations that outlived their descriptors.
    ForgetsTheOutlived,
    /// The end of a life takes the outlived operations of the next one as well.
    OutlivedOfTheNextLife,
    /// The sweep of a cleanup closes whatever is open by then.
    SweepsTheNextLife,
    /// An opener asks whether its process is stopped, not whether its own life has ended.
    LooksAtTheFlagOnly,
    /// An overlapped call enters with one hold and gives it to its operation.
    GivesTheHoldToTheOperation,
    /// A completion is posted whether or not its issuer's process goes on.
    PostsCompletionsToTheDead,
    /// A cleanup or death does not wait for those who are taking operations out.
    SweepWaitsForNobody,
    /// What was taken out is posted when the lock is free again.
    PostsOutsideTheLock,
    /// The transport completes whichever operation it comes across.
    CompletesOutOfOrder,
    /// A deviation of one's own.
    Own(Deviation),
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
    /// Steps of the shortest way to violate one of them.
    pub steps: usize,
}

impl DefectSpec {
    /// The defect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        DEFECTS.iter().find(|it| it.name == name)
    }

    /// The defect's entry in the list.
    #[must_use]
    pub fn of(defect: Defect) -> Option<&'static Self> {
        DEFECTS.iter().find(|it| it.defect == defect)
    }

    /// A public report of the same fault elsewhere, if one is known.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let mut reports = REPORTS.iter();
        reports.find(|it| it.0 == self.defect).map(|it| it.1)
    }
}
