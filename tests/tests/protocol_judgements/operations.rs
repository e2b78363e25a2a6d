//! What becomes of operations.

use closesocket::protocol::invariant::{DescriptorState, Event, OperationState};
use closesocket::protocol::{
    AbortScope, Cause, Ending, Error, OperationKind, Phase, ProcessId, SendSide, Waiting,
};

use crate::world::{Little, committed, holds, world};

use OperationState::{Ended, Ending as Taken, Idle, Pending};

fn delivered(operation: usize, posted: bool, result: Result<(), Error>) -> Event {
    Event::Delivered {
        operation,
        posted,
        result,
    }
}

fn in_scope(from: &Little, scope: AbortScope) -> Little {
    from.with(|it| it.sockets[0].machine.abort_scope = scope)
}

#[test]
fn every_pending_op_aborted_in_the_scope_of_a_commit() {
    let fine = |before: &Little, cause, after: &Little| {
        let event = committed(cause, false);
        holds("every-pending-op-aborted", before, event, after)
    };
    let left = |it: &mut Little| it.operations[0].state = Pending;
    let own = |scope, before: Little, cause: Cause| {
        let before = in_scope(&before, scope);
        let after = before.closed(cause);
        assert!(fine(&before, cause, &after));
        fine(&before, cause, &after.with(left))
    };
    for cause in [Cause::Call, Cause::Cleanup, Cause::Death] {
        assert!(!own(AbortScope::Descriptor, world(), cause));
        // While others refer to the socket, only who loses its process has to end.
        assert_eq!(
            own(AbortScope::LastReference, world(), cause),
            cause == Cause::Call
        );
        assert!(!own(AbortScope::LastReference, world().alone(), cause));
    }
    // The last reference gone, an operation of another descriptor ends as well.
    let before = in_scope(&world().alone(), AbortScope::LastReference);
    let others = before
        .closed(Cause::Call)
        .with(|it| it.operations[1].state = Pending);
    assert!(!fine(&before, Cause::Call, &others));
    let elsewhere = others.with(|it| it.operations[1].socket = 1);
    assert!(fine(&before, Cause::Call, &elsewhere));
    let each_its_own = in_scope(&before, AbortScope::Descriptor);
    assert!(fine(&each_its_own, Cause::Call, &others));
    let unheard = in_scope(&world(), AbortScope::Descriptor).with(left);
    assert!(holds(
        "every-pending-op-aborted",
        &unheard,
        Event::Internal,
        &unheard
    ));
}

#[test]
fn every_aborted_op_is_told_in_its_way() {
    let fine = |operation: usize, cause, posted, result| {
        let before = world().with(|it| it.operations[operation].state = Taken(cause));
        let event = delivered(operation, posted, result);
        holds("every-pending-op-aborted", &before, event, &before)
    };
    let (woken, aborted) = (Err(Error::Interrupted), Err(Error::OperationAborted));
    let (blocked, overlapped) = (0, 1);
    let cause = Some(Cause::Call);
    assert!(fine(blocked, cause, false, woken));
    assert!(!fine(blocked, cause, true, woken));
    assert!(!fine(blocked, cause, false, aborted) && !fine(blocked, cause, false, Ok(())));
    assert!(fine(overlapped, cause, true, aborted));
    assert!(!fine(overlapped, cause, true, woken) && !fine(overlapped, cause, true, Ok(())));
    // Whether a silent end is silent is asked by other invariants.
    assert!(fine(overlapped, Some(Cause::Cleanup), false, woken));
    // A send that was accepted in part says how much, under the same code.
    let in_part = Err(Error::SendInterrupted { accepted: 3 });
    assert!(fine(blocked, cause, false, in_part));
    assert!(fine(blocked, None, true, Ok(())));
}

#[test]
fn told_exactly_when_alive() {
    let id = "told-exactly-when-alive";
    let (blocked, overlapped) = (0, 1);
    for how in [None, Some(Cause::Call), Some(Cause::Death)] {
        let taken = |operation: usize, over, silent| {
            let before = world().with(|it| it.descriptors[operation].life_over = over);
            let after = before.with(|it| {
                it.operations[operation].state = Taken(how);
                it.operations[operation].silent = silent;
            });
            holds(id, &before, Event::Internal, &after)
        };
        for over in [false, true] {
            for silent in [false, true] {
                assert_eq!(taken(overlapped, over, silent), over == silent);
                assert_eq!(taken(blocked, over, silent), !silent);
            }
        }
        let told = |operation: usize, silent, swept, posted| {
            let before = world().with(|it| {
                it.descriptors[operation].life_swept = swept;
                it.operations[operation].state = Taken(how);
                it.operations[operation].silent = silent;
            });
            holds(id, &before, delivered(operation, posted, Ok(())), &before)
        };
        assert!(told(overlapped, false, false, true) && told(overlapped, true, true, false));
        assert!(
            !told(overlapped, false, true, true),
            "the sweep has returned"
        );
        assert!(!told(overlapped, false, false, false) && !told(overlapped, true, false, true));
        assert!(told(blocked, false, true, false) && told(blocked, false, true, true));
    }
    // What was taken out before is not judged anew.
    let ending = world().with(|it| {
        it.operations[1].state = Taken(None);
        it.descriptors[1].life_over = true;
    });
    assert!(holds(id, &ending, Event::Internal, &ending));
}

#[test]
fn results_in_order() {
    // Operations 0 and 1 are receives of socket 0, in this order.
    let of = |first: (OperationState, Waiting), second: OperationState| {
        world().with(|it| {
            (it.operations[0].state, it.operations[0].waiting) = first;
            it.operations[1].state = second;
        })
    };
    let fine = |before: &Little| {
        holds(
            "results-in-order",
            before,
            delivered(1, true, Ok(())),
            before,
        )
    };
    let (blocked, overlapped) = (Waiting::Blocked, Waiting::Overlapped);
    let aborted = Taken(Some(Cause::Call));
    for waiting in [blocked, overlapped] {
        assert!(!fine(&of((Pending, waiting), Taken(None))));
        assert!(
            fine(&of((Pending, waiting), aborted)),
            "a close ends its own"
        );
        assert!(fine(&of((Ended(None), waiting), Taken(None))));
        assert!(fine(&of((Idle, waiting), Taken(None))));
    }
    for posted in [Taken(None), aborted] {
        assert!(!fine(&of((Taken(None), overlapped), posted)));
        assert!(!fine(&of((aborted, overlapped), posted)));
        assert!(fine(&of((Taken(None), blocked), posted)), "it is answered");
    }
    let behind = of((Pending, blocked), Taken(None));
    let failed = behind.with(|it| it.operations[1].failed = Some(Error::OperationAborted));
    assert!(fine(&failed), "it was cut off");
    let later = behind.with(|it| it.operations[0].number = 3);
    let elsewhere = behind.with(|it| it.operations[0].socket = 1);
    let other_way = behind.with(|it| it.operations[0].kind = OperationKind::Send);
    assert!(fine(&later) && fine(&elsewhere) && fine(&other_way));
    assert!(!fine(
        &behind.with(|it| it.operations[0].kind = OperationKind::Accept)
    ));
    let silent = delivered(1, false, Ok(()));
    assert!(holds("results-in-order", &behind, silent, &behind));
    assert!(holds("results-in-order", &behind, Event::Internal, &behind));
}

#[test]
fn each_op_ends_once() {
    let aborted = Some(Cause::Call);
    let states = [
        Idle,
        Pending,
        Taken(None),
        Taken(aborted),
        Ended(None),
        Ended(aborted),
    ];
    let fine = |before, event, after| {
        let of = |state| world().with(|it| it.operations[1].state = state);
        holds("each-op-ends-once", &of(before), event, &of(after))
    };
    let told = delivered(1, false, Ok(()));
    let registered = Event::Registered { operation: 1 };
    for before in states {
        for after in states {
            let (quiet, by_delivery, by_registering) = match (before, after) {
                (Taken(how), Ended(same)) if how == same => (false, true, false),
                (Idle | Ended(_), Pending | Taken(None)) => (false, false, true),
                (Idle | Ended(_), Idle) | (Pending, Pending | Taken(_)) => (true, false, true),
                _ => (before == after, false, before == after),
            };
            assert_eq!(fine(before, Event::Internal, after), quiet);
            assert_eq!(fine(before, told, after), by_delivery);
            assert_eq!(fine(before, registered, after), by_registering);
            let of_another = delivered(0, false, Ok(()));
            let unlike_any = holds(
                "each-op-ends-once",
                &world().with(|it| it.operations[1].state = before),
                of_another,
                &world().with(|it| it.operations[1].state = after),
            );
            assert!(!unlike_any, "operation 0 is pending, and delivered");
        }
    }
    let another = Event::Registered { operation: 2 };
    assert!(!fine(Idle, another, Pending));
}

/// A cancel changes nothing else, but for the FIN of a shutdown that waited for what it
/// ends.
#[test]
fn cancel_ends_only_its_own() {
    let cancelled = Event::Cancelled {
        operation: 0,
        by: ProcessId(1),
        through: None,
    };
    let fine = |before: &Little, due: bool| {
        let after = before.with(|it| {
            it.operations[0].state = Taken(None);
            if due {
                it.sockets[0].machine.send_side = SendSide::Closing;
            }
        });
        holds("cancel-ends-only-its-own", before, cancelled, &after)
    };
    let waits = |pending: usize| {
        world().with(|it| {
            it.operations[pending].kind = OperationKind::Send;
            it.sockets[0].machine.send_side = SendSide::ShuttingDown;
        })
    };
    assert!(fine(&world(), false));
    assert!(!fine(&world(), true));
    assert!(fine(&waits(0), true));
    assert!(!fine(&waits(1), true));
}

#[test]
fn no_operation_orphaned() {
    let fine = |after: &Little| holds("no-operation-orphaned", after, Event::Internal, after);
    assert!(fine(&world()));
    let closed = |it: &mut Little| it.descriptors[0].state = DescriptorState::Closed(Cause::Call);
    assert!(!fine(&world().with(closed)));
    let older = world().with(|it| it.operations[0].generation = 4);
    assert!(!fine(&older));
    for state in [Idle, Taken(None), Ended(None)] {
        assert!(fine(
            &world()
                .with(closed)
                .with(|it| it.operations[0].state = state)
        ));
    }
    let shared = in_scope(&world().with(closed), AbortScope::LastReference);
    assert!(fine(&shared));
    for phase in [
        Phase::Draining { deadline: None },
        Phase::Closed(Ending::Hard),
    ] {
        assert!(!fine(
            &shared.with(|it| it.sockets[0].machine.phase = phase)
        ));
    }
}

/// The two invariants that forbid to notify after a cleanup, and after a death.
const SILENT: [(&str, Cause); 2] = [
    ("cleanup-is-silent", Cause::Cleanup),
    ("death-waits-for-nothing", Cause::Death),
];

#[test]
fn nothing_is_posted_after_cleanup_and_death() {
    for (id, cause) in SILENT {
        let fine = |operation: usize, over, how, silent| {
            let before = world().with(|it| it.descriptors[operation].life_over = over);
            let after = before.with(|it| {
                it.operations[operation].state = Taken(how);
                it.operations[operation].silent = silent;
            });
            holds(id, &before, Event::Internal, &after)
        };
        let (blocked, overlapped) = (0, 1);
        assert!(!fine(overlapped, true, Some(cause), false));
        assert!(fine(overlapped, true, Some(cause), true));
        assert!(fine(overlapped, false, Some(cause), false), "another's end");
        assert!(fine(blocked, true, Some(cause), false));
        assert!(fine(overlapped, true, Some(Cause::Call), false));
        assert!(fine(overlapped, true, None, false));
        for (_, other) in SILENT {
            assert_eq!(fine(overlapped, true, Some(other), false), other != cause);
        }
        let ending = world().with(|it| {
            it.descriptors[overlapped].life_over = true;
            it.operations[overlapped].state = Taken(Some(cause));
        });
        assert!(holds(id, &ending, Event::Internal, &ending), "taken before");
    }
}

#[test]
fn cleanup_and_death_neither_wait_nor_would_block() {
    let world = world();
    for (id, cause) in SILENT {
        let fine = |event| holds(id, &world, event, &world);
        for of in [Cause::Call, Cause::Cleanup, Cause::Death] {
            assert!(fine(committed(of, false)));
            assert_eq!(fine(committed(of, true)), of != cause);
            assert!(fine(crate::world::refused(of, Error::NotSocket)));
            assert_eq!(
                fine(crate::world::refused(of, Error::WouldBlock)),
                of != cause
            );
        }
        assert!(fine(Event::Internal));
    }
}

#[test]
fn only_the_cleanup_that_matches_the_first_startup_acts() {
    let world = world();
    for (acts, startups_left, right) in [
        (true, 0, true),
        (true, 1, false),
        (false, 0, false),
        (false, 1, true),
    ] {
        let event = Event::CleanedUp {
            process: ProcessId(1),
            acts,
            startups_left,
        };
        assert_eq!(holds("cleanup-is-silent", &world, event, &world), right);
    }
}

#[test]
fn sweep_ends_its_own_life() {
    let over = world().with(|it| it.descriptors[0].life_over = true);
    let fine = |before: &Little, event, after: &Little| {
        holds("sweep-ends-its-own-life", before, event, after)
    };
    for cause in [Cause::Cleanup, Cause::Death] {
        let event = committed(cause, false);
        assert!(fine(&over, event, &over.closed(cause)));
        assert!(!fine(&world(), event, &world().closed(cause)));
        // A commit that takes nothing out is judged as well, and so is an operation
        // without one.
        let taken = |it: &Little| it.with(|it| it.operations[0].state = Taken(Some(cause)));
        let silent = |it: &mut Little| it.operations[0].silent = true;
        assert!(!fine(&world(), event, &world()));
        let commit = committed(Cause::Call, false);
        assert!(
            fine(&world(), commit, &taken(&world())),
            "another process ends"
        );
        assert!(!fine(&world(), commit, &taken(&world()).with(silent)));
        let outlived = Event::OutlivedTaken { socket: 0 };
        assert!(fine(&over, outlived, &taken(&over)));
        assert!(!fine(&world(), outlived, &taken(&world())));
        let ending = taken(&world());
        assert!(fine(&ending, outlived, &ending), "it was taken out before");
    }
    let call = committed(Cause::Call, false);
    assert!(fine(&world(), call, &world().closed(Cause::Call)));
}

#[test]
fn what_outlived_its_descriptor_may_stay_while_others_refer_to_the_socket() {
    let rests = |change: fn(&mut Little)| {
        let before = in_scope(&world(), AbortScope::LastReference).with(|it| {
            it.descriptors[0].state = DescriptorState::Closed(Cause::Call);
            it.sockets[0].machine.references = 1;
        });
        let after = before.with(|it| it.at_rest = true).with(change);
        let id = "everything-released-at-the-end";
        holds(id, &before, Event::Internal, &after)
    };
    assert!(rests(|_| {}));
    assert!(!rests(|it| it.descriptors[0].life_over = true));
    assert!(!rests(|it| it.operations[0].state = Taken(None)));
    assert!(!rests(|it| it.operations[0].state = Ended(None)));
    assert!(!rests(|it| {
        it.sockets[0].machine.abort_scope = AbortScope::Descriptor;
    }));
}
