//! Every defect, and how it shows.

use super::{DefectSpec, Report};
use crate::own::Deviation;

/// Declares the defects, each in one entry: what it does wrong, what it is called, how it
/// shows in which scenario, and, if one is known, a public report of the same fault in
/// another program.
macro_rules! defects {
    ($(
        $(#[doc = $summary:literal])+
        $defect:ident $name:literal:
            $steps:literal steps of $scenario:literal break $($violates:literal),+
            $(, reported to $project:literal as $number:literal)?;
    )*) => {
        /// One deviation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Defect {
            $( $(#[doc = $summary])+ $defect, )*
            /// A deviation of one's own.
            Own(Deviation),
        }

        /// Every defect.
        pub const DEFECTS: &[DefectSpec] = &[$(DefectSpec {
            defect: Defect::$defect,
            name: $name,
            summary: concat!($($summary),+).trim_ascii_start(),
            scenario: $scenario,
            violates: &[$($violates),+],
            steps: $steps,
            report: first(&[$(Report::new($project, $number))?]),
        }),*];
    };
}

/// The one report, if there is one.
const fn first(reports: &[Report]) -> Option<Report> {
    match reports {
        [] => None,
        [report, ..] => Some(*report),
    }
}

// The reports were read: each tells of this fault in another program, not of ours.
defects! {
    /// A call takes the slot's present occupant, whatever generation its handle has.
    ResolvesByValue "resolves-by-value":
        10 steps of "reuse-by-a-stale-operation" break "closed-descriptor-never-resolves",
        // A socket read goes to a number that was closed and given again.
        reported to "ponylang/lori" as 307;
    /// A call lets go of its descriptor and looks its value up again.
    ResolvesAgain "resolves-again":
        10 steps of "reuse-of-system-handles" break
            "closed-descriptor-never-resolves", "no-operation-orphaned",
        // A write uses the number after a close and another open.
        reported to "golang/go" as 7970;
    /// A close seals the slot's present occupant, whatever generation its handle has.
    SealIgnoresGeneration "seal-ignores-generation":
        12 steps of "reuse-by-a-stale-operation" break
            "every-pending-op-aborted", "one-close-wins", "no-operation-orphaned",
        // A second close of a number that another thread may have by then.
        reported to "mz-automation/lib60870" as 52;
    /// A slot whose generations are used up starts again.
    GenerationsWrap "generations-wrap":
        11 steps of "last-generation" break "closed-descriptor-never-resolves",
        // A generation of twelve bits is cut off, and a stale handle, there of a
        // renderer, is valid again.
        reported to "Navidtm/engine" as 65;
    /// A refused call leaves its transient entry in the word.
    ForgetsToBackOut "forgets-to-back-out":
        17 steps of "reuse-by-a-stale-operation" break "everything-released-at-the-end";
    /// An operation is registered without looking again whether its reference is still there.
    RegistersWithoutLooking "registers-without-looking":
        5 steps of "close-against-begin" break "no-operation-orphaned";
    /// The transport goes on accepting bytes of a send that was aborted.
    AcceptsAfterAbort "accepts-after-abort":
        10 steps of "hard-close-with-queued-data" break "peer-receives-a-prefix";
    /// A close aborts only the first of its operations.
    AbortsFirstOnly "aborts-first-only":
        7 steps of "close-against-two-operations" break
            "every-pending-op-aborted", "no-operation-orphaned";
    /// A close leaves its operations pending.
    ForgetsToAbort "forgets-to-abort":
        5 steps of "two-closers-one-operation" break
            "every-pending-op-aborted", "no-operation-orphaned",
        // A receive stalls for ever when its socket is closed.
        reported to "axboe/liburing" as 932;
    /// A close aborts the operations of every descriptor of the socket.
    AbortsOtherDescriptors "aborts-other-descriptors":
        5 steps of "unread-input-resets" break "other-descriptors-undisturbed";
    /// A close aborts only at the last reference, whatever the scope is.
    AbortsAtLastReferenceOnly "aborts-at-last-reference-only":
        6 steps of "unread-input-resets" break "every-pending-op-aborted", "no-operation-orphaned";
    /// A close aborts an operation that has completed and is being delivered.
    AbortsWhatCompleted "aborts-what-completed":
        7 steps of "two-closers-one-operation" break "each-op-ends-once",
        // A completion and a cancel both finish an operation.
        reported to "Cloudef/zig-aio" as 52;
    /// A close aborts an operation whose completion was delivered.
    AbortsWhatWasDelivered "aborts-what-was-delivered":
        9 steps of "close-against-completion" break "each-op-ends-once";
    /// An aborted blocking call is woken and notified as well.
    PostsToBlockedCalls "posts-to-blocked-calls":
        6 steps of "close-against-blocked-call" break "every-pending-op-aborted";
    /// A close that finds the descriptor closed returns success.
    SecondCloseSucceeds "second-close-succeeds":
        4 steps of "two-closers-one-operation" break "one-close-wins";
    /// The commit stores the sealed word instead of swapping it.
    SealIsAStore "seal-is-a-store":
        6 steps of "two-closers-one-operation" break
            "closed-descriptor-never-resolves", "one-close-wins", "everything-released-at-the-end",
            "handle-returned-once-after-ops";
    /// The reference is dropped before the would-block check.
    DropsReferenceFirst "drops-reference-first":
        8 steps of "nonblocking-linger-shut-down" break "would-block-changes-nothing";
    /// The operations are taken out before the would-block check.
    AbortsBeforeWouldBlock "aborts-before-would-block":
        8 steps of "nonblocking-linger-shut-down" break "would-block-changes-nothing";
    /// A close that would block leaves its descriptor marked as closing.
    KeepsTheClosingMark "keeps-the-closing-mark":
        8 steps of "nonblocking-linger-shut-down" break
            "would-block-changes-nothing", "no-operation-orphaned";
    /// Every close acts as if it were the last.
    ClosesAtAnyReference "closes-at-any-reference":
        3 steps of "unread-input-resets" break
            "no-release-before-last-reference", "released-exactly-once",
        // A close shuts down what a duplicate still uses.
        reported to "libuv/libuv" as 1204;
    /// Whether a reference is the last is decided before the lock, and dropped under it.
    DecidesBeforeTheLock "decides-before-the-lock":
        8 steps of "duplicate-against-close" break
            "no-release-before-last-reference", "released-exactly-once",
            "everything-released-at-the-end",
        // Two threads drop a count and look at it afterwards, so its author supposes.
        reported to "apache/pulsar" as 15508;
    /// A graceful close releases the socket at once and forgets what is queued.
    ForgetsToDrain "forgets-to-drain":
        3 steps of "graceful-drain" break
            "queued-data-sent-when-graceful", "peer-receives-a-prefix",
        // What is queued at the close is never sent.
        reported to "microsoft/demikernel" as 1431;
    /// A chunk goes missing between the queue and the wire.
    TransportDropsChunks "transport-drops-chunks":
        1 steps of "graceful-drain" break "peer-receives-a-prefix";
    /// The socket is released at the commit and again when it is drained.
    ReleasesAtCommitToo "releases-at-commit-too":
        3 steps of "graceful-drain" break "released-exactly-once";
    /// Nobody expires a drain whose deadline has passed.
    TimerForgotten "timer-forgotten":
        21 steps of "stalled-peer-with-limit" break "everything-released-at-the-end";
    /// A close with linger time 0 sends what is queued like any other.
    HardCloseDrains "hard-close-drains":
        13 steps of "hard-close-with-queued-data" break "hard-close-resets",
        // Linger 0 ends with a FIN.
        reported to "espressif/esp-idf" as 10258;
    /// A close with linger time 0 discards the data and forgets the reset.
    HardCloseWithoutReset "hard-close-without-reset":
        13 steps of "hard-close-with-queued-data" break "hard-close-resets";
    /// The linger option does not apply to descriptors that came by duplication.
    ForgetsLingerOfDuplicates "forgets-linger-of-duplicates":
        16 steps of "record-redeemed-late" break
            "hard-close-resets", "linger-expiry-resets-before-return";
    /// A lingering close returns before the socket is drained.
    ReturnsWithoutWaiting "returns-without-waiting":
        5 steps of "lingering-wait" break "linger-expiry-resets-before-return",
        // A blocking close returns before the send buffer is empty.
        reported to "Haivision/srt" as 97;
    /// A lingering close that runs out of time releases the socket without a reset.
    ExpiresWithoutReset "expires-without-reset":
        7 steps of "lingering-wait" break "linger-expiry-resets-before-return",
        // A linger time that has passed sends no reset.
        reported to "apache/nuttx" as 8129;
    /// A lingering close keeps the socket's lock while it waits.
    WaitsUnderLock "waits-under-lock":
        3 steps of "lingering-wait" break "linger-wait-blocks-nobody",
        // A close that waits has a lock that others need.
        reported to "grpc/grpc-java" as 12489;
    /// Nobody wakes the close that waits for the drain.
    WaiterSleepsOn "waiter-sleeps-on":
        19 steps of "lingering-wait" break "everything-released-at-the-end",
        // Nobody wakes the close.
        reported to "tokio-rs/tokio-uring" as 122;
    /// The last one out of a closed descriptor does not claim it.
    ForgetsToClaim "forgets-to-claim":
        12 steps of "close-against-completion" break "everything-released-at-the-end";
    /// The closer returns the handle while others are still inside.
    ClaimsTooEarly "claims-too-early":
        7 steps of "close-against-begin" break "handle-returned-once-after-ops";
    /// The handle is given back a second time.
    ReturnsHandlesTwice "returns-handles-twice":
        7 steps of "two-closers-one-operation" break "handle-returned-once-after-ops";
    /// The handles of a dead process are given back too.
    ReturnsHandlesOfTheDead "returns-handles-of-the-dead":
        7 steps of "death-during-a-drain" break "handle-returned-once-after-ops";
    /// A handle upcall that failed is tried again.
    RepeatsFailedUpcalls "repeats-failed-upcalls":
        10 steps of "upcall-failure" break "everything-released-at-the-end",
        // A close that failed is tried again, and hits the next owner of the number.
        reported to "wahern/cqueues" as 56;
    /// The error path of a failed handle upcall releases the socket again.
    ReleasesAfterFailedUpcall "releases-after-failed-upcall":
        10 steps of "upcall-failure" break "released-exactly-once";
    /// Cleanup posts a completion for what it aborts.
    CleanupNotifies "cleanup-notifies":
        7 steps of "cleanup-with-operations-pending" break
            "cleanup-is-silent", "told-exactly-when-alive";
    /// The closes of a cleanup linger like any other.
    CleanupLingers "cleanup-lingers":
        5 steps of "cleanup-with-operations-pending" break "cleanup-is-silent";
    /// The operations of a dead process are notified.
    DeathNotifies "death-notifies":
        6 steps of "death-during-a-drain" break
            "death-waits-for-nothing", "told-exactly-when-alive";
    /// The closes of a dying process linger like any other.
    DeathLingers "death-lingers":
        7 steps of "death-during-a-drain" break "death-waits-for-nothing";
    /// A duplication record does not count as a reference.
    RecordIsNoReference "record-is-no-reference":
        8 steps of "duplicate-against-close" break
            "no-release-before-last-reference", "released-exactly-once";
    /// A record can be redeemed again.
    RedeemsTwice "redeems-twice":
        6 steps of "record-redeemed-twice" break "no-release-before-last-reference";
    /// A record is not reclaimed when its target dies.
    ForgetsToReclaim "forgets-to-reclaim":
        26 steps of "record-with-a-dead-target" break "everything-released-at-the-end";
    /// An opener does not look again whether its process is gone.
    ForgetsToLookAgain "forgets-to-look-again":
        30 steps of "record-with-a-dead-target" break "everything-released-at-the-end";
    /// A record is made for a target that is dead already.
    DuplicatesForTheDead "duplicates-for-the-dead":
        27 steps of "record-with-a-dead-target" break "everything-released-at-the-end";
    /// Closing a listener leaves its backlog alone.
    BacklogForgotten "backlog-forgotten":
        4 steps of "listener-with-backlog" break "backlog-never-leaked",
        // A listener's established connections are not closed with it.
        reported to "embox/embox" as 2982;
    /// A drain sends the FIN before it knows whether unread input makes it a reset.
    SendsTheFinBeforeTheReset "sends-the-fin-before-the-reset":
        11 steps of "unread-input-resets" break "unread-input-reset-is-seen";
    /// A drained socket with unread input is released without the reset.
    ForgetsTheResetForUnread "forgets-the-reset-for-unread":
        14 steps of "unread-input-resets" break "unread-input-reset-is-seen";
    /// An overlapped call enters with one hold and gives it to its operation.
    GivesTheHoldToTheOperation "gives-the-hold-to-the-operation":
        13 steps of "close-against-completion" break "handle-returned-once-after-ops";
    /// An accepted socket gets its descriptor in a section of its own, with its listener's options
    /// of then.
    TakesOptionsLater "takes-options-later":
        7 steps of "accept-against-options" break "accepted-has-its-listeners-options";
    /// Every operation that a close takes out ends for the closer's reason.
    SilencesOtherProcesses "silences-other-processes":
        10 steps of "death-at-the-last-reference" break
            "sweep-ends-its-own-life", "told-exactly-when-alive";
    /// A cancel takes an operation that has completed and is being delivered.
    CancelsWhatCompleted "cancels-what-completed":
        5 steps of "cancel-against-an-answer" break "cancel-ends-only-its-own",
        reported to "ClickHouse/silk" as 55;
    /// A cancel through a descriptor that was closed takes what the close aborts.
    CancelsWhatAborted "cancels-what-aborted":
        6 steps of "cancel-against-an-answer" break "each-op-ends-once", "cancel-ends-only-its-own";
    /// A cancel forgets the bytes that were accepted of its send.
    CancelLosesAcceptedBytes "cancel-loses-accepted-bytes":
        3 steps of "cancel-of-a-partly-accepted-send" break
            "peer-receives-a-prefix", "cancel-ends-only-its-own";
    /// A cancel through a descriptor takes an operation of another.
    CancelsOtherDescriptors "cancels-other-descriptors":
        4 steps of "cancel-through-one-of-two-descriptors" break "cancel-ends-only-its-own";
    /// A cancel by name does not ask whose the operation is.
    CancelsForeignOperations "cancels-foreign-operations":
        3 steps of "cancel-by-another-process" break "cancel-ends-only-its-own";
    /// A loss that a send finds ends the receives, whatever has arrived.
    LossEndsReceives "loss-ends-receives":
        2 steps of "answer-before-the-loss" break "received-before-loss-is-delivered";
    /// A loss throws away what has arrived.
    LossDiscardsInput "loss-discards-input":
        2 steps of "answer-before-the-loss" break "received-before-loss-is-delivered";
    /// A receive on a lost connection is refused without a look.
    LossRefusesReceives "loss-refuses-receives":
        3 steps of "answer-before-the-loss" break "received-before-loss-is-delivered",
        // What had arrived cannot be read after a reset.
        reported to "zephyrproject-rtos/zephyr" as 112_028;
    /// The FIN of a shutdown does not wait for the pending sends.
    FinOvertakesSends "fin-overtakes-sends":
        5 steps of "shutdown-with-pending-sends" break "shutdown-ends-nothing-pending",
        // The FIN goes out before earlier data.
        reported to "shadow/shadow" as 3100;
    /// The end of a process leaves the operations that outlived their descriptors.
    ForgetsTheOutlived "forgets-the-outlived":
        18 steps of "cleanup-at-the-last-reference" break "everything-released-at-the-end";
    /// The end of a life takes the outlived operations of the next one as well.
    OutlivedOfTheNextLife "outlived-of-the-next-life":
        21 steps of "startup-during-a-cleanup" break "sweep-ends-its-own-life";
    /// The sweep of a cleanup closes whatever is open by then.
    SweepsTheNextLife "sweeps-the-next-life":
        14 steps of "startup-during-a-cleanup" break "sweep-ends-its-own-life";
    /// An opener asks whether its process is stopped, not whether its own life has ended.
    LooksAtTheFlagOnly "looks-at-the-flag-only":
        8 steps of "startup-behind-an-opener" break "everything-released-at-the-end";
    /// A completion is posted whether or not its issuer's process goes on.
    PostsCompletionsToTheDead "posts-completions-to-the-dead":
        5 steps of "death-against-completions" break "told-exactly-when-alive";
    /// A cleanup or death does not wait for those who are taking operations out.
    SweepWaitsForNobody "sweep-waits-for-nobody":
        13 steps of "death-against-completions" break "told-exactly-when-alive";
    /// What was taken out is posted when the lock is free again.
    PostsOutsideTheLock "posts-outside-the-lock":
        11 steps of "close-against-completion" break "results-in-order";
    /// The transport completes whichever operation it comes across.
    CompletesOutOfOrder "completes-out-of-order":
        7 steps of "close-against-completion" break "results-in-order",
        // A later read is served before an earlier one.
        reported to "dotnet/corefx" as 6832;
}
