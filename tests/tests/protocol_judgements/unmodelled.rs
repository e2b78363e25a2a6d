//! Steps that neither the model nor any of its defects takes
//! (`models/tests/verdicts.rs` has the rest). Sockets that another operating
//! system process shares are not modelled (D9).

use closesocket::protocol::invariant::{
    DescriptorState, Event, Invariant, OperationState, Step, violations,
};
use closesocket::protocol::{AbortScope, Cause, Ending, Error, Phase, SendSide};

use crate::world::{Little, committed, holds, refused, world};

/// How a drain of ten accepted bytes ended.
struct End {
    ending: Ending,
    transferred: bool,
    unsent: u32,
    acknowledged: u32,
    send_side: SendSide,
    reset: bool,
}

const GRACEFUL: End = End {
    ending: Ending::Graceful,
    transferred: false,
    unsent: 0,
    acknowledged: 10,
    send_side: SendSide::Finished,
    reset: false,
};

const HANDED_OVER: End = End {
    ending: Ending::HandedOver,
    transferred: true,
    acknowledged: 0,
    ..GRACEFUL
};

/// Whether `queued-data-sent-when-graceful` holds of that step.
fn ends(end: &End) -> bool {
    let draining = world().alone().closed(Cause::Call).with(|it| {
        let socket = &mut it.sockets[0];
        socket.acknowledged = 0;
        socket.machine.phase = Phase::Draining { deadline: None };
        socket.machine.transferred = end.transferred;
        (socket.machine.unsent, socket.machine.in_flight) = (10, 0);
        socket.machine.send_side = SendSide::Closing;
    });
    let ended = draining.with(|it| {
        let socket = &mut it.sockets[0];
        socket.releases = 1;
        socket.acknowledged = end.acknowledged;
        socket.reset = end.reset;
        socket.machine.phase = Phase::Closed(end.ending);
        socket.machine.unsent = end.unsent;
        socket.machine.send_side = end.send_side;
    });
    let id = "queued-data-sent-when-graceful";
    holds(id, &draining, Event::Internal, &ended)
}

#[test]
fn l_t1_a_graceful_end_is_acknowledged_finished_and_no_reset() {
    assert!(ends(&GRACEFUL));
    for end in [
        End {
            acknowledged: 9,
            ..GRACEFUL
        },
        End {
            send_side: SendSide::Closing,
            ..GRACEFUL
        },
        End {
            reset: true,
            ..GRACEFUL
        },
    ] {
        assert!(!ends(&end));
    }
}

#[test]
fn d9_only_a_transferred_socket_hands_over_and_only_all_of_its_queue() {
    assert!(ends(&HANDED_OVER));
    for end in [
        End {
            unsent: 1,
            ..HANDED_OVER
        },
        End {
            transferred: false,
            ..HANDED_OVER
        },
    ] {
        assert!(!ends(&end));
    }
}

#[test]
fn d7_a_close_that_is_not_the_last_takes_no_operation_of_another_descriptor() {
    let before = world().with(|it| {
        it.sockets[0].machine.abort_scope = AbortScope::LastReference;
    });
    let undisturbed = |operation| {
        let after = before.closed(Cause::Call);
        let after = after.with(|it| it.operations[1].state = operation);
        let event = committed(Cause::Call, false);
        holds("other-descriptors-undisturbed", &before, event, &after)
    };
    assert!(undisturbed(OperationState::Pending));
    assert!(!undisturbed(OperationState::Ending(Some(Cause::Call))));
}

#[test]
fn d2_a_close_that_finds_an_open_descriptor_closed_is_condemned() {
    let condemning = |world: &Little| {
        let step = Step {
            before: world,
            event: refused(Cause::Call, Error::NotSocket),
            after: world,
        };
        let judged = violations(&step);
        let table = Invariant::<Little>::TABLE.iter().enumerate();
        let violated = table.filter(|(index, _)| judged.contains(*index));
        violated.map(|(_, it)| it.id).collect::<Vec<_>>()
    };
    let closed = world().closed(Cause::Call);
    assert_eq!(
        closed.descriptors[0].state,
        DescriptorState::Closed(Cause::Call)
    );
    assert_eq!(condemning(&world()), ["one-close-wins"]);
    assert!(condemning(&closed).is_empty());
}
