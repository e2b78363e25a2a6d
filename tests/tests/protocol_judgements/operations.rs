//! What becomes of operations.

use closesocket::protocol::invariant::{DescriptorState, Event, OperationState};
use closesocket::protocol::{AbortScope, Cause, Ending, Error, Phase, ProcessId};

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
    assert!(!fine(overlapped, cause, false, aborted));
    assert!(!fine(overlapped, cause, true, woken) && !fine(overlapped, cause, true, Ok(())));
    // Whether a silent end is silent is asked by other invariants.
    assert!(fine(overlapped, Some(Cause::Cleanup), true, woken));
    assert!(fine(blocked, None, true, Ok(())));
}

#[test]
fn every_aborted_op_ends_for_its_own_process() {
    // Descriptor 1, another process's, is closed already; its operation is not.
    let before = in_scope(&world(), AbortScope::LastReference).with(|it| {
        it.descriptors[1].state = DescriptorState::Closed(Cause::Call);
        it.sockets[0].machine.references = 1;
    });
    for cause in [Cause::Call, Cause::Cleanup, Cause::Death] {
        let fine = |own, others| {
            let after = before.closed(cause).with(|it| {
                it.operations[0].state = Taken(Some(own));
                it.operations[1].state = Taken(Some(others));
            });
            let event = committed(cause, false);
            holds("every-pending-op-aborted", &before, event, &after)
        };
        assert!(fine(cause, Cause::Call));
        for other in [Cause::Call, Cause::Cleanup, Cause::Death, Cause::Reclaimed] {
            assert_eq!(fine(other, Cause::Call), other == cause);
            assert_eq!(fine(cause, other), other == Cause::Call);
        }
    }
    // Record 0 was process 2's, operation 2 is process 1's.
    let reclaimed = |process, told| {
        let before = world().with(|it| it.records[0].target = ProcessId(process));
        let after = before.with(|it| it.operations[2].state = Taken(Some(told)));
        let event = Event::Reclaimed { record: 0 };
        holds("every-pending-op-aborted", &before, event, &after)
    };
    assert!(reclaimed(2, Cause::Call) && !reclaimed(2, Cause::Death));
    assert!(reclaimed(1, Cause::Death) && !reclaimed(1, Cause::Reclaimed));
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
                (Idle | Ended(_), Pending) => (false, false, true),
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
        let fine = |operation: usize, state, posted| {
            let before = world().with(|it| it.operations[operation].state = state);
            let result = Err(Error::OperationAborted);
            holds(id, &before, delivered(operation, posted, result), &before)
        };
        let (blocked, overlapped) = (0, 1);
        assert!(!fine(overlapped, Taken(Some(cause)), true));
        assert!(fine(overlapped, Taken(Some(cause)), false));
        assert!(fine(blocked, Taken(Some(cause)), true));
        assert!(fine(overlapped, Taken(Some(Cause::Call)), true));
        assert!(fine(overlapped, Taken(None), true));
        assert!(fine(overlapped, Pending, true));
        for (_, other) in SILENT {
            assert_eq!(fine(overlapped, Taken(Some(other)), true), other != cause);
        }
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
        assert!(!fine(&world(), event, &world()));
        let forsaken = Event::Forsaken { socket: 0 };
        assert!(fine(&over, forsaken, &taken(&over)));
        assert!(!fine(&world(), forsaken, &taken(&world())));
        let ending = taken(&world());
        assert!(fine(&ending, forsaken, &ending), "it was taken out before");
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
        let after = before.with(|it| it.at_rest = Some(0)).with(change);
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
