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

/// Every probe.
pub const PROBES: &[Probe] = &[
    Probe {
        name: "a transient entry landed on the next occupant",
        scenario: "reuse-by-a-stale-operation",
        seen: |_, what, _, after| match what {
            What::EnterRefused { slot, generation } => {
                let word = after.slot(slot).word();
                word.phase() == WordPhase::Open && word.generation() > u32::from(generation)
            }
            _ => false,
        },
    },
    Probe {
        name: "a claim was lost to a transient entry",
        scenario: "close-against-begin",
        seen: |_, what, _, _| matches!(what, What::LoseClaim { .. }),
    },
    Probe {
        name: "a compare-and-swap had to be retried",
        scenario: "close-against-begin",
        seen: |_, what, _, _| matches!(what, What::RetryCommit { .. }),
    },
    Probe {
        name: "a call was admitted before the commit and registered too late",
        scenario: "close-against-begin",
        seen: |_, what, _, _| matches!(what, What::StartRefused { .. }),
    },
    Probe {
        name: "a close found its descriptor closed under the lock",
        scenario: "two-closers-one-operation",
        seen: |_, what, _, _| matches!(what, What::FindClosed { .. }),
    },
    Probe {
        name: "a close would block",
        scenario: "nonblocking-linger",
        seen: |_, what, _, _| matches!(what, What::WouldBlock { .. }),
    },
    Probe {
        name: "a drain ended by peer reset",
        scenario: "graceful-drain",
        seen: |before, _, _, after| ended(before, after, Ending::Lost),
    },
    Probe {
        name: "a drain ended with everything acknowledged",
        scenario: "graceful-drain",
        seen: |before, _, _, after| ended(before, after, Ending::Graceful),
    },
    Probe {
        name: "a drain ran out of time",
        scenario: "stalled-peer-with-limit",
        seen: |before, _, _, after| ended(before, after, Ending::Expired),
    },
    Probe {
        name: "unread input reset a drained connection",
        scenario: "unread-input-resets",
        seen: |before, _, _, after| ended(before, after, Ending::Unread),
    },
    Probe {
        name: "unread input reset a connection behind the FIN of a shutdown",
        scenario: "unread-input-behind-a-shutdown",
        seen: |before, _, _, after| {
            ended(before, after, Ending::Unread)
                && before.socket(0_usize).machine().send_side == SendSide::Finished
        },
    },
    Probe {
        name: "a lingering close was cancelled",
        scenario: "lingering-wait",
        seen: |_, _, event, _| {
            matches!(
                event,
                Event::CloseReturned {
                    result: Err(Error::Interrupted),
                    ..
                }
            )
        },
    },
    Probe {
        name: "a slot was retired",
        scenario: "upcall-failure",
        seen: |_, what, _, _| matches!(what, What::Retire { .. }),
    },
    Probe {
        name: "a record was refused",
        scenario: "record-redeemed-twice",
        seen: |_, what, _, _| {
            matches!(
                what,
                What::Redeem {
                    redeemed: false,
                    ..
                }
            )
        },
    },
    Probe {
        name: "a record was reclaimed",
        scenario: "record-with-a-dead-target",
        seen: |_, what, _, _| {
            matches!(
                what,
                What::Reclaim {
                    reclaimed: true,
                    ..
                }
            )
        },
    },
    Probe {
        name: "a reclaimed record aborted operations of a closed descriptor",
        scenario: "reclaim-at-the-last-reference",
        seen: |_, what, _, after| {
            let aborted = OperationState::Ending(Some(Cause::Reclaimed));
            matches!(what, What::Reclaim { .. })
                && after.operations().any(|it| it.state() == aborted)
        },
    },
    Probe {
        name: "a duplicate came too late although the socket is still open",
        scenario: "duplicate-against-close",
        seen: |_, what, _, after| {
            matches!(what, What::Duplicate { made: false, .. })
                && after.socket(0_u8).machine().is_open()
        },
    },
    Probe {
        name: "a drain went on after its waiter was cancelled",
        scenario: "lingering-wait",
        seen: |before, _, _, after| {
            ended(before, after, Ending::Graceful)
                && after.threads().all(|it| it.next() != Next::Wait)
                && after.threads().any(Thread::cancelled)
        },
    },
    Probe {
        name: "bytes of a pending send were accepted later",
        scenario: "two-processes-share-a-socket",
        seen: |_, what, _, _| matches!(what, What::AcceptBytes { .. }),
    },
    Probe {
        name: "an accepted connection got a descriptor and a graceful drain",
        scenario: "listener-with-backlog",
        seen: |before, _, _, after| ended(before, after, Ending::Graceful),
    },
    Probe {
        name: "the backlog was reset",
        scenario: "listener-with-backlog",
        seen: |before, what, _, after| {
            matches!(what, What::Commit { .. })
                && before.socket(0_u8).waiting() > after.socket(0_u8).waiting()
        },
    },
    Probe {
        name: "a listener changed its options before a connection taken from it was told",
        scenario: "accept-against-options",
        seen: |before, what, _, _| {
            let told = matches!(what, What::TakeAccepted { .. });
            let [listener, accepted] = [0_u8, 1].map(|it| before.socket(it).machine().linger);
            told && listener != accepted
        },
    },
    Probe {
        name: "a dying process ended an operation of another",
        scenario: "death-at-the-last-reference",
        seen: |before, what, _, after| {
            let died = What::Commit {
                slot: 1,
                cause: Cause::Death,
                last: true,
            };
            what == died
                && before.operation(0_u8).state() == OperationState::Pending
                && after.operation(0_u8).state() == OperationState::Ending(Some(Cause::Death))
                && !after.operation(0_u8).silent()
        },
    },
    Probe {
        name: "a cleanup took out an operation that outlived its descriptor",
        scenario: "cleanup-at-the-last-reference",
        seen: |_, what, _, _| matches!(what, What::TakeOutlived { taken: 1.., .. }),
    },
    Probe {
        name: "a cleanup passed by what the next life had open",
        scenario: "startup-during-a-cleanup",
        seen: |before, what, _, _| match what {
            What::NextSlot { slot, open: false } => {
                before.slot(slot).word().phase() == WordPhase::Open
            }
            _ => false,
        },
    },
    Probe {
        name: "a cleanup left an operation of the next life that had outlived its descriptor",
        scenario: "startup-during-a-cleanup",
        seen: |before, what, _, after| {
            matches!(what, What::TakeOutlived { .. } | What::Skip)
                && before.thread(1_u8).next() != Next::Idle
                && after.operation(1_u8).state() == OperationState::Pending
                && before.slot(after.operation(1_u8).slot()).word().phase() == WordPhase::Sealed
        },
    },
    Probe {
        name: "an opener found that its life had ended, and another begun",
        scenario: "startup-behind-an-opener",
        seen: |before, what, _, _| {
            matches!(what, What::LookAtProcess { gone: true })
                && before.process(0_u8).gone().is_none()
        },
    },
    Probe {
        name: "an operation completed for a process that had died, and was not told",
        scenario: "death-against-completions",
        seen: |_, what, _, after| {
            matches!(what, What::Complete { operation: 0, .. }) && after.operation(0_u8).silent()
        },
    },
    Probe {
        name: "an operation that had completed just before was told while its process died",
        scenario: "death-against-completions",
        seen: |before, what, event, _| {
            let posted = matches!(event, Event::Delivered { posted: true, .. });
            matches!(what, What::DeliverCompleted { operation: 0, .. })
                && posted
                && before.is_dead(0)
        },
    },
    Probe {
        name: "an opener found its process gone",
        scenario: "cleanup-with-operations-pending",
        seen: |_, what, _, _| matches!(what, What::LookAtProcess { gone: true }),
    },
    Probe {
        name: "a cancel was quicker than the completion and the close",
        scenario: "cancel-against-completion-and-close",
        seen: |before, what, _, _| {
            matches!(what, What::CancelOperation { .. })
                && before.socket(0_u8).machine().input_unread
                && before.threads().any(|it| it.next() == Next::Lock)
        },
    },
    Probe {
        name: "a cancel came too late",
        scenario: "cancel-against-completion-and-close",
        seen: |before, what, _, _| match what {
            What::CancelNothing { operation, .. } => matches!(
                before.operation(operation).state(),
                OperationState::Ending(_) | OperationState::Ended(_)
            ),
            _ => false,
        },
    },
    Probe {
        name: "a partly accepted send was cancelled and its part sent",
        scenario: "cancel-of-a-partly-accepted-send",
        seen: |before, what, _, _| {
            matches!(what, What::CancelOperation { .. })
                && before.operation(0_usize).remaining() == 1
        },
    },
];

/// Whether a draining socket ended in this way.
fn ended(before: &State, after: &State, ending: Ending) -> bool {
    (0..SOCKETS)
        .map(|it| (before.socket(it), after.socket(it)))
        .any(|(before, after)| {
            before.machine().is_draining() && after.machine().phase == Phase::Closed(ending)
        })
}
