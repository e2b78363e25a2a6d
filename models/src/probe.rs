//! Probes: shapes that must be reached, or the checks above them are empty.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Cause, Ending, Error, Phase, SendSide};

use crate::action::What;
use crate::state::{SOCKETS, State, Thread};

/// A shape that at least one step of a scenario must have.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// What it is.
    pub name: &'static str,
    /// The scenario in which it must be reached.
    pub scenario: &'static str,
    /// Whether a step has it.
    pub seen: fn(before: &State, what: What, event: Event, after: &State) -> bool,
}

/// Declares the probes: what is reached in which scenario, and how a step shows it.
macro_rules! probes {
    ($($name:literal in $scenario:literal: $seen:expr;)*) => {
        /// Every probe.
        pub const PROBES: &[Probe] = &[$(Probe {
            name: $name,
            scenario: $scenario,
            seen: $seen,
        }),*];
    };
}

probes! {
    "a transient entry landed on the next occupant" in "reuse-by-a-stale-operation":
        |_, what, _, after| match what {
            What::EnterRefused { slot, generation } => {
                let word = after.slot(slot).word();
                word.phase() == WordPhase::Open && word.generation() > u32::from(generation)
            }
            _ => false,
        };
    "a claim was lost to a transient entry" in "close-against-begin":
        |_, what, _, _| matches!(what, What::LoseClaim { .. });
    "a compare-and-swap had to be retried" in "close-against-begin":
        |_, what, _, _| matches!(what, What::RetryCommit { .. });
    "a call was admitted before the commit and registered too late" in "close-against-begin":
        |_, what, _, _| matches!(what, What::StartRefused { .. });
    "a close found its descriptor closed under the lock" in "two-closers-one-operation":
        |_, what, _, _| matches!(what, What::FindClosed { .. });
    "a close would block" in "nonblocking-linger":
        |_, what, _, _| matches!(what, What::WouldBlock { .. });
    "a drain ended by peer reset" in "graceful-drain":
        |before, _, _, after| ended(before, after, Ending::Lost);
    "a drain ended with everything acknowledged" in "graceful-drain":
        |before, _, _, after| ended(before, after, Ending::Graceful);
    "a drain ran out of time" in "stalled-peer-with-limit":
        |before, _, _, after| ended(before, after, Ending::Expired);
    "unread input reset a drained connection" in "unread-input-resets":
        |before, _, _, after| ended(before, after, Ending::Unread);
    "unread input reset a connection behind the FIN of a shutdown"
        in "unread-input-behind-a-shutdown":
        |before, _, _, after| {
            ended(before, after, Ending::Unread)
                && before.socket(0_usize).machine().send_side == SendSide::Finished
        };
    "a lingering close was cancelled" in "lingering-wait":
        |_, _, event, _| {
            matches!(
                event,
                Event::CloseReturned {
                    result: Err(Error::Interrupted),
                    ..
                }
            )
        };
    "a slot was retired" in "upcall-failure":
        |_, what, _, _| matches!(what, What::Retire { .. });
    "a record was refused" in "record-redeemed-twice":
        |_, what, _, _| matches!(what, What::Redeem { redeemed: false, .. });
    "a record was reclaimed" in "record-with-a-dead-target":
        |_, what, _, _| matches!(what, What::Reclaim { reclaimed: true, .. });
    "a reclaimed record aborted operations of a closed descriptor"
        in "reclaim-at-the-last-reference":
        |_, what, _, after| {
            let aborted = OperationState::Ending(Some(Cause::Reclaimed));
            matches!(what, What::Reclaim { .. })
                && after.operations().any(|it| it.state() == aborted)
        };
    "a duplicate came too late although the socket is still open" in "duplicate-against-close":
        |_, what, _, after| {
            matches!(what, What::Duplicate { made: false, .. })
                && after.socket(0_u8).machine().is_open()
        };
    "a drain went on after its waiter was cancelled" in "lingering-wait":
        |before, _, _, after| {
            ended(before, after, Ending::Graceful)
                && after.threads().all(|it| it.next() != Next::Wait)
                && after.threads().any(Thread::cancelled)
        };
    "bytes of a pending send were accepted later" in "two-processes-share-a-socket":
        |_, what, _, _| matches!(what, What::AcceptBytes { .. });
    "an accepted connection got a descriptor and a graceful drain" in "listener-with-backlog":
        |before, _, _, after| ended(before, after, Ending::Graceful);
    "the backlog was reset" in "listener-with-backlog":
        |before, what, _, after| {
            matches!(what, What::Commit { .. })
                && before.socket(0_u8).waiting() > after.socket(0_u8).waiting()
        };
    "a listener changed its options before a connection taken from it was told"
        in "accept-against-options":
        |before, what, _, _| {
            let told = matches!(what, What::TakeAccepted { .. });
            let [listener, accepted] = [0_u8, 1].map(|it| before.socket(it).machine().linger);
            told && listener != accepted
        };
    "a dying process ended an operation of another" in "death-at-the-last-reference":
        |before, what, _, after| {
            let died = What::Commit {
                slot: 1,
                cause: Cause::Death,
                last: true,
            };
            what == died
                && before.operation(0_u8).state() == OperationState::Pending
                && after.operation(0_u8).state() == OperationState::Ending(Some(Cause::Death))
                && !after.operation(0_u8).silent()
        };
    "a cleanup took out an operation that outlived its descriptor"
        in "cleanup-at-the-last-reference":
        |_, what, _, _| matches!(what, What::TakeOutlived { taken: 1.., .. });
    "a cleanup passed by what the next life had open" in "startup-during-a-cleanup":
        |before, what, _, _| match what {
            What::NextSlot { slot, open: false } => {
                before.slot(slot).word().phase() == WordPhase::Open
            }
            _ => false,
        };
    "a cleanup left an operation of the next life that had outlived its descriptor"
        in "startup-during-a-cleanup":
        |before, what, _, after| {
            matches!(what, What::TakeOutlived { .. } | What::Skip)
                && before.thread(1_u8).next() != Next::Idle
                && after.operation(1_u8).state() == OperationState::Pending
                && before.slot(after.operation(1_u8).slot()).word().phase() == WordPhase::Sealed
        };
    "an opener found that its life had ended, and another begun" in "startup-behind-an-opener":
        |before, what, _, _| {
            matches!(what, What::LookAtProcess { gone: true })
                && before.process(0_u8).gone().is_none()
        };
    "an operation completed for a process that had died, and was not told"
        in "death-against-completions":
        |_, what, _, after| {
            matches!(what, What::Complete { operation: 0, .. }) && after.operation(0_u8).silent()
        };
    "an operation that had completed just before was told while its process died"
        in "death-against-completions":
        |before, what, event, _| {
            let posted = matches!(event, Event::Delivered { posted: true, .. });
            matches!(what, What::DeliverCompleted { operation: 0, .. })
                && posted
                && before.is_dead(0)
        };
    "an opener found its process gone" in "cleanup-with-operations-pending":
        |_, what, _, _| matches!(what, What::LookAtProcess { gone: true });
    "a cancel was quicker than the completion and the close"
        in "cancel-against-completion-and-close":
        |before, what, _, _| {
            matches!(what, What::CancelOperation { .. })
                && before.socket(0_u8).machine().input_unread
                && before.threads().any(|it| it.next() == Next::Lock)
        };
    "a cancel came too late" in "cancel-against-completion-and-close":
        |before, what, _, _| match what {
            What::CancelNothing { operation, .. } => matches!(
                before.operation(operation).state(),
                OperationState::Ending(_) | OperationState::Ended(_)
            ),
            _ => false,
        };
    "a partly accepted send was cancelled and its part sent" in "cancel-of-a-partly-accepted-send":
        |before, what, _, _| {
            matches!(what, What::CancelOperation { .. })
                && before.operation(0_usize).remaining() == 1
        };
}

/// Whether a draining socket ended in this way.
fn ended(before: &State, after: &State, ending: Ending) -> bool {
    (0..SOCKETS)
        .map(|it| (before.socket(it), after.socket(it)))
        .any(|(before, after)| {
            before.machine().is_draining() && after.machine().phase == Phase::Closed(ending)
        })
}
