//! What has arrived before a loss, and what is pending at a shutdown.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::{Connection, Error, OperationKind, Phase, SendSide};

use crate::world::{Little, holds, world};

const LOST: Event = Event::ConnectionLost { socket: 0 };

/// Input waits at the first socket.
fn arrived() -> Little {
    world().with(|it| it.sockets[0].input_waits = true)
}

#[test]
fn received_before_loss_is_delivered() {
    let fine = |before: &Little, event, after: &Little| {
        holds("received-before-loss-is-delivered", before, event, after)
    };
    let lost = |from: &Little| from.with(|it| it.sockets[0].machine.connection = Connection::Lost);
    let over = |from: &Little| from.with(|it| it.sockets[0].machine.receive_lost = true);
    let taken = |from: &Little| from.with(|it| it.sockets[0].input_waits = false);
    // The loss takes nothing, the receive that finds nothing left may.
    assert!(fine(&arrived(), LOST, &lost(&arrived())));
    assert!(!fine(&arrived(), LOST, &lost(&taken(&arrived()))));
    assert!(!fine(&arrived(), LOST, &over(&lost(&arrived()))));
    assert!(fine(&world(), LOST, &over(&lost(&world()))));
    assert!(fine(&over(&arrived()), Event::Internal, &over(&arrived())));
    // Others may take it: a receive, the end of the socket, another's loss.
    assert!(fine(&arrived(), Event::Internal, &taken(&arrived())));
    assert!(fine(
        &arrived(),
        Event::ConnectionLost { socket: 1 },
        &taken(&arrived())
    ));
    let ended = taken(&arrived()).with(|it| {
        it.sockets[0].machine.phase = Phase::Closed(closesocket::protocol::Ending::Lost);
    });
    assert!(fine(&arrived(), LOST, &ended));
}

#[test]
fn a_receive_ends_by_a_loss_only_when_the_receive_side_is_lost() {
    let fine = |before: &Little, event, after: &Little| {
        holds("received-before-loss-is-delivered", before, event, after)
    };
    let fails = |kind, error| {
        let with = |it: &mut Little| it.operations[0].kind = kind;
        let before = world().with(with);
        let after = before.with(|it| {
            it.operations[0].state = OperationState::Ending(None);
            it.operations[0].failed = Some(error);
        });
        (before, after)
    };
    let over = |from: &Little| from.with(|it| it.sockets[0].machine.receive_lost = true);
    let (before, after) = fails(OperationKind::Recv, Error::ConnectionReset);
    assert!(!fine(&before, Event::Taken { operation: 0 }, &after));
    assert!(fine(&before, Event::Taken { operation: 0 }, &over(&after)));
    // Later steps are not about it any more.
    assert!(fine(&after, Event::Internal, &after));
    for (kind, error) in [
        (OperationKind::Send, Error::ConnectionReset),
        (OperationKind::Recv, Error::Interrupted),
    ] {
        let (before, after) = fails(kind, error);
        assert!(fine(&before, Event::Taken { operation: 0 }, &after));
    }
    let refused = |kind, error| Event::StartRefused {
        socket: 0,
        kind,
        error,
    };
    let event = refused(OperationKind::Recv, Error::ConnectionReset);
    assert!(!fine(&world(), event, &world()));
    assert!(fine(&world(), event, &over(&world())));
    for (kind, error) in [
        (OperationKind::Send, Error::ConnectionReset),
        (OperationKind::Recv, Error::ShutDown),
    ] {
        assert!(fine(&world(), refused(kind, error), &world()));
    }
}

#[test]
fn shutdown_ends_nothing_pending() {
    let fine = |after: &Little| {
        holds(
            "shutdown-ends-nothing-pending",
            &world(),
            Event::Internal,
            after,
        )
    };
    let ends = |error| {
        world().with(|it| {
            it.operations[0].state = OperationState::Ending(None);
            it.operations[0].failed = Some(error);
        })
    };
    assert!(!fine(&ends(Error::ShutDown)));
    assert!(fine(&ends(Error::ConnectionReset)));
    let sending = |side| {
        world().with(|it| {
            it.operations[0].kind = OperationKind::Send;
            it.sockets[0].machine.send_side = side;
        })
    };
    for (side, right) in [
        (SendSide::Open, true),
        (SendSide::ShuttingDown, true),
        (SendSide::Closing, false),
        (SendSide::Finished, false),
    ] {
        assert_eq!(fine(&sending(side)), right, "{side:?}");
        // A receive, a send that has ended, a lost connection, a closed socket.
        let others = [
            sending(side).with(|it| it.operations[0].kind = OperationKind::Recv),
            sending(side).with(|it| it.operations[0].state = OperationState::Ended(None)),
            sending(side).with(|it| it.sockets[0].machine.connection = Connection::Lost),
            sending(side)
                .with(|it| it.sockets[0].machine.phase = Phase::Draining { deadline: None }),
        ];
        assert!(others.iter().all(fine), "{side:?}");
    }
}
