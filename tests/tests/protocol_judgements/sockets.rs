//! What becomes of a socket, its bytes and its backlog.

use closesocket::protocol::invariant::{DescriptorState, Event, OperationState, SocketView};
use closesocket::protocol::{
    Cause, Connection, Ending, Linger, OperationKind, Phase, ProcessId, SendSide, Socket,
    UnreadInput,
};

use crate::world::{Little, committed, holds, world};

const DRAINING: Phase = Phase::Draining { deadline: None };

fn in_phase(from: &Little, phase: Phase) -> Little {
    from.with(|it| it.sockets[0].machine.phase = phase)
}

/// Nobody refers to the first socket, which drains.
fn draining() -> Little {
    in_phase(&world().alone().closed(Cause::Call), DRAINING)
}

#[test]
fn no_release_before_last_reference() {
    let fine = |before: &Little, event, after: &Little| {
        holds("no-release-before-last-reference", before, event, after)
    };
    let event = committed(Cause::Call, false);
    let (before, after) = (world(), world().closed(Cause::Call));
    assert!(fine(&before, event, &after));
    assert!(!fine(&before, Event::Internal, &in_phase(&after, DRAINING)));
    let by_record = in_phase(&draining(), DRAINING).with(|it| it.records[0].socket = 0);
    assert!(fine(&draining(), Event::Internal, &draining()));
    assert!(!fine(&draining(), Event::Internal, &by_record));
    // A commit that is not the last drops one reference, and that is all.
    for change in [
        |it: &mut Socket| it.unsent -= 1,
        |it: &mut Socket| it.references -= 1,
        |it: &mut Socket| it.references += 1,
        |it: &mut Socket| it.send_side = SendSide::Closing,
    ] {
        let other = after.with(|it| change(&mut it.sockets[0].machine));
        assert!(!fine(&before, event, &other));
        assert!(fine(&before, Event::Internal, &other));
    }
    // But for the FIN of a shutdown, if it has waited for the send that this ends.
    let waits = |pending: usize| {
        world().with(|it| {
            it.operations[pending].kind = OperationKind::Send;
            it.sockets[0].machine.send_side = SendSide::ShuttingDown;
        })
    };
    let due = |it: &Little| {
        let closed = it.closed(Cause::Call);
        closed.with(|it| it.sockets[0].machine.send_side = SendSide::Closing)
    };
    assert!(fine(&waits(0), event, &due(&waits(0))));
    assert!(!fine(&waits(1), event, &due(&waits(1))));
    assert!(fine(&world().alone(), event, &draining()));
    let redeemed = |by| Event::Redeemed {
        record: 0,
        by: ProcessId(by),
    };
    let gone = world().with(|it| it.records[0].unredeemed = false);
    assert!(fine(&world(), redeemed(2), &gone));
    assert!(!fine(&world(), redeemed(1), &gone));
    assert!(!fine(&gone, redeemed(2), &gone));
}

#[test]
fn queued_data_sent_when_graceful() {
    let fine = |before: &Little, event, after: &Little| {
        holds("queued-data-sent-when-graceful", before, event, after)
    };
    let open = world().alone();
    let drains = in_phase(&open, DRAINING);
    assert!(fine(&open, Event::Internal, &drains));
    let lost = drains.with(|it| it.sockets[0].machine.unsent = 0);
    assert!(!fine(&open, Event::Internal, &lost));
    assert!(fine(&drains, Event::Internal, &lost));
    let ended = |from: &Little, ending| in_phase(from, Phase::Closed(ending));
    let whole = |from: &Little| {
        from.with(|it| {
            it.sockets[0].acknowledged = 10;
            it.sockets[0].machine.send_side = SendSide::Finished;
        })
    };
    for before in [&open, &drains] {
        let ends = |ending, event| fine(before, event, &ended(before, ending));
        let all = |ending| fine(before, Event::Internal, &whole(&ended(before, ending)));
        assert!(all(Ending::Graceful) && all(Ending::Unread));
        assert!(!ends(Ending::Graceful, Event::Internal));
        assert!(!ends(Ending::Unread, Event::Internal));
        assert!(!ends(Ending::Unconnected, Event::Internal));
        assert!(!ends(Ending::Hard, Event::Internal));
        assert!(ends(Ending::Expired, Event::Expired { socket: 0 }));
        assert!(!ends(Ending::Expired, Event::Expired { socket: 1 }));
        assert!(!ends(Ending::Expired, Event::Internal));
        assert!(ends(Ending::Lost, Event::ConnectionLost { socket: 0 }));
        assert!(!ends(Ending::Lost, Event::ConnectionLost { socket: 1 }));
        assert!(!ends(Ending::Lost, Event::Internal));
        for (ending, change) in [
            (
                Ending::Unconnected,
                (|it| it.connection = Connection::Unconnected) as fn(&mut Socket),
            ),
            (Ending::Hard, |it| it.linger = Linger::off().set_on(0)),
            (Ending::Lost, |it| it.connection = Connection::Lost),
        ] {
            let other = before.with(|it| change(&mut it.sockets[0].machine));
            assert!(fine(&other, Event::Internal, &ended(&other, ending)));
        }
        for spoil in [
            (|it| it.sockets[0].acknowledged = 9) as fn(&mut Little),
            |it| it.sockets[0].machine.send_side = SendSide::Closing,
            |it| it.sockets[0].reset = true,
        ] {
            let after = whole(&ended(before, Ending::Graceful)).with(spoil);
            assert!(!fine(before, Event::Internal, &after));
        }
    }
}

#[test]
fn released_exactly_once() {
    let fine = |before: &Little, after: &Little| {
        holds("released-exactly-once", before, Event::Internal, after)
    };
    let closed = in_phase(&draining(), Phase::Closed(Ending::Graceful));
    let released = closed.with(|it| it.sockets[0].releases = 1);
    assert!(fine(&draining(), &released));
    assert!(fine(&released, &released));
    assert!(!fine(&draining(), &closed));
    let twice = released.with(|it| it.sockets[0].releases = 2);
    assert!(!fine(&released, &twice));
    let early = draining().with(|it| it.sockets[0].releases = 1);
    assert!(!fine(&draining(), &early));
    let referred = |it: &mut Little| it.descriptors[1].state = DescriptorState::Open;
    assert!(!fine(&draining(), &released.with(referred)));
    assert!(fine(&released.with(referred), &released.with(referred)));
    let ended_anew = in_phase(&released, Phase::Closed(Ending::Lost));
    assert!(!fine(&released, &ended_anew));
}

#[test]
fn everything_released_at_the_end() {
    let fine = |after: &Little| {
        holds(
            "everything-released-at-the-end",
            after,
            Event::Internal,
            after,
        )
    };
    let end = world().with(|it| it.at_rest = true);
    assert!(fine(&end));
    assert!(!fine(&end.with(|it| it.stuck = Some(0))));
    let closed = end.with(|it| {
        it.descriptors[2].state = DescriptorState::Free;
        it.operations[2].state = OperationState::Ended(None);
        it.records[0].unredeemed = false;
    });
    assert!(!fine(&closed), "nobody refers to the second socket");
    assert!(fine(&closed.with(|it| it.at_rest = false)));
    let released = closed.with(|it| it.sockets[1].releases = 1);
    assert!(fine(&released));
    assert!(fine(
        &released.with(|it| it.operations[2].state = OperationState::Idle)
    ));
    for spoil in [
        (|it| it.operations[2].state = OperationState::Pending) as fn(&mut Little),
        |it| it.operations[0].generation = 4,
        |it| it.operations[0].state = OperationState::Ending(None),
        |it| it.descriptors[2].state = DescriptorState::Closed(Cause::Call),
    ] {
        assert!(!fine(&released.with(spoil)));
    }
    let retired = released.with(|it| {
        it.descriptors[2].state = DescriptorState::Closed(Cause::Call);
        it.descriptors[2].retired = true;
    });
    assert!(fine(&retired));
}

#[test]
fn peer_receives_a_prefix() {
    let fine = |before: &Little, event, after: &Little| {
        holds("peer-receives-a-prefix", before, event, after)
    };
    let accepted = Event::BytesAccepted { operation: 0 };
    assert!(fine(&world(), accepted, &world()));
    for state in [OperationState::Idle, OperationState::Ending(None)] {
        let before = world().with(|it| it.operations[0].state = state);
        assert!(!fine(&before, accepted, &before));
        assert!(fine(&before, Event::Internal, &before));
    }
    let change = |acknowledged, queued, accepted| {
        world().with(|it| {
            it.sockets[1].acknowledged = acknowledged;
            it.sockets[1].accepted = accepted;
            it.sockets[1].machine.in_flight = 0;
            it.sockets[1].machine.unsent = queued;
        })
    };
    let after = |after: &Little| fine(&world(), Event::Internal, after);
    assert!(after(&change(7, 3, 10)) && after(&change(4, 6, 10)));
    assert!(!after(&change(8, 2, 10)), "more than was in flight");
    assert!(!after(&change(4, 7, 10)), "more than was accepted");
    let hole = change(4, 5, 10);
    assert!(!after(&hole));
    let in_phase = |phase| hole.with(|it| it.sockets[1].machine.phase = phase);
    assert!(after(
        &hole.with(|it| it.sockets[1].machine.connection = Connection::Lost)
    ));
    assert!(!after(&in_phase(DRAINING)));
    for (ending, discards) in [
        (Ending::Graceful, false),
        (Ending::Unread, false),
        (Ending::Hard, true),
        (Ending::Expired, true),
        (Ending::Lost, true),
        (Ending::HandedOver, true),
    ] {
        assert_eq!(after(&in_phase(Phase::Closed(ending))), discards);
    }
}

#[test]
fn backlog_never_leaked() {
    let fine = |after: &Little| holds("backlog-never-leaked", after, Event::Internal, after);
    let backlog = |waiting, counted, phase| {
        world().with(|it| {
            it.sockets[0].waiting_connections = waiting;
            it.sockets[0].machine.backlog = counted;
            it.sockets[0].machine.phase = phase;
        })
    };
    let closed = Phase::Closed(Ending::Unconnected);
    assert!(fine(&backlog(2, 2, Phase::Open)) && fine(&backlog(0, 2, closed)));
    for leak in [
        backlog(2, 1, Phase::Open),
        backlog(1, 2, Phase::Open),
        backlog(1, 1, closed),
        backlog(2, 0, closed),
    ] {
        assert!(!fine(&leak));
    }
}

#[test]
fn linger_wait_blocks_nobody() {
    let fine = |after: &Little| holds("linger-wait-blocks-nobody", after, Event::Internal, after);
    assert!(fine(&world()));
    for socket in 0..2 {
        assert!(!fine(
            &world().with(|it| it.sockets[socket].locked_by_waiter = true)
        ));
    }
}

/// Judges a step of a drain under `UnreadInput::Reset` whose FIN is not out.
fn reset_is_seen(change: impl FnOnce(&mut SocketView)) -> bool {
    let before = world().with(|it| {
        let machine = &mut it.sockets[1].machine;
        machine.unread_input = UnreadInput::Reset;
        machine.send_side = SendSide::Closing;
        machine.phase = DRAINING;
    });
    let after = before.with(|it| change(&mut it.sockets[1]));
    holds(
        "unread-input-reset-is-seen",
        &before,
        Event::Internal,
        &after,
    )
}

#[test]
fn unread_input_reset_is_seen() {
    let finished = |change: fn(&mut SocketView)| {
        reset_is_seen(|it| {
            it.machine.send_side = SendSide::Finished;
            change(it);
        })
    };
    assert!(reset_is_seen(|_| {}) && !finished(|_| {}));
    assert!(finished(|it| it.machine.phase = Phase::Open));
    assert!(finished(
        |it| it.machine.phase = Phase::Closed(Ending::Graceful)
    ));
    assert!(finished(|it| it.machine.unread_input = UnreadInput::Discard));
    assert!(finished(|it| it.machine.transferred = true));
    let ends = |ending, unread, reset, send_side| {
        reset_is_seen(|it| {
            it.machine.phase = Phase::Closed(ending);
            it.machine.send_side = send_side;
            it.machine.input_unread = unread;
            it.reset = reset;
        })
    };
    let held = |ending, unread, reset| ends(ending, unread, reset, SendSide::Closing);
    assert!(held(Ending::Graceful, false, false) && !held(Ending::Graceful, true, false));
    assert!(held(Ending::Unread, true, true) && !held(Ending::Unread, true, false));
    assert!(!held(Ending::Unread, false, true));
    assert!(held(Ending::Expired, true, true) && held(Ending::Lost, true, false));
    for ending in [Ending::Unread, Ending::Expired, Ending::Lost] {
        assert!(!ends(ending, true, true, SendSide::Finished));
    }
}

#[test]
fn accepted_has_its_listeners_options() {
    let fine = |taken| {
        let event = Event::Accepted { socket: 1, taken };
        holds(
            "accepted-has-its-listeners-options",
            &world(),
            event,
            &world(),
        )
    };
    let machine = world().sockets[1].machine;
    assert!(fine(machine));
    let hard = machine.linger.set_on(0);
    assert!(!fine(Socket {
        linger: hard,
        ..machine
    }));
    assert!(!fine(Socket {
        nonblocking: true,
        ..machine
    }));
}
