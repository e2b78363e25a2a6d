//! Commits, refusals and returns of closes.

use closesocket::protocol::invariant::{DescriptorState, Event, OperationState};
use closesocket::protocol::{
    AbortScope, Cause, Connection, Ending, Error, Linger, Phase, SendSide, Socket,
};

use crate::world::{Little, committed, holds, refused, world};

fn machine(from: &Little, change: impl FnOnce(&mut Socket)) -> Little {
    from.with(|it| change(&mut it.sockets[0].machine))
}

#[test]
fn one_close_wins() {
    let fine =
        |before: &Little, event, after: &Little| holds("one-close-wins", before, event, after);
    let event = committed(Cause::Call, false);
    let (open, closed) = (world(), world().closed(Cause::Call));
    assert!(fine(&open, event, &closed));
    assert!(!fine(&open, event, &open) && !fine(&closed, event, &closed));
    let newer = open.with(|it| it.descriptors[0].generation = 6);
    assert!(!fine(&newer, event, &closed));
    assert!(fine(&open, event, &newer));
    let lost = refused(Cause::Call, Error::NotSocket);
    assert!(fine(&closed, lost, &closed) && fine(&newer, lost, &newer));
    assert!(!fine(&open, lost, &open));
    assert!(fine(&open, refused(Cause::Call, Error::WouldBlock), &open));
    for (committed, result, right) in [
        (true, Ok(()), true),
        (true, Err(Error::Interrupted), true),
        (true, Err(Error::NotSocket), false),
        (false, Ok(()), false),
        (false, Err(Error::Interrupted), false),
        (false, Err(Error::NotSocket), true),
        (false, Err(Error::WouldBlock), true),
    ] {
        let event = Event::CloseReturned {
            socket: 0,
            committed,
            waited: false,
            result,
        };
        assert_eq!(fine(&closed, event, &closed), right);
    }
}

#[test]
fn hard_close_resets() {
    let fine =
        |before: &Little, event, after: &Little| holds("hard-close-resets", before, event, after);
    let event = committed(Cause::Call, false);
    let last = machine(&world().alone(), |it| it.linger = Linger::off().set_on(0));
    let after = |from: &Little, phase, reset| {
        machine(&from.closed(Cause::Call), |it| it.phase = phase).with(|it| {
            it.sockets[0].reset = reset;
        })
    };
    let hard = Phase::Closed(Ending::Hard);
    let soft = Phase::Draining { deadline: None };
    assert!(fine(&last, event, &after(&last, hard, true)));
    assert!(!fine(&last, event, &after(&last, hard, false)));
    assert!(!fine(&last, event, &after(&last, soft, true)));
    assert!(fine(&last, Event::Internal, &after(&last, soft, false)));
    // Nothing of this is asked of others.
    for other in [
        machine(&world(), |it| it.linger = Linger::off().set_on(0)),
        machine(&last, |it| it.connection = Connection::Lost),
        machine(&last, |it| it.transferred = true),
        machine(&last, |it| it.linger = Linger::off()),
    ] {
        assert!(fine(&other, event, &after(&other, soft, false)));
    }
    // Nothing is sent afterwards.
    let ended = after(&last, hard, true);
    assert!(fine(&ended, Event::Internal, &ended));
    for change in [
        (|it| it.sockets[0].acknowledged += 1) as fn(&mut Little),
        |it| it.sockets[0].machine.send_side = SendSide::Finished,
    ] {
        assert!(!fine(&ended, Event::Internal, &ended.with(change)));
        assert!(fine(&last, Event::Internal, &last.with(change)));
    }
}

#[test]
fn linger_expiry_resets_before_return_of_the_close_that_waits() {
    let fine = |before: &Little, cause, wait, phase| {
        let after = machine(&before.closed(cause), |it| it.phase = phase);
        let event = committed(cause, wait);
        holds("linger-expiry-resets-before-return", before, event, &after)
    };
    let (drains, ended) = (
        Phase::Draining { deadline: None },
        Phase::Closed(Ending::Graceful),
    );
    let lingers = machine(&world().alone(), |it| it.linger = Linger::off().set_on(5));
    assert!(fine(&lingers, Cause::Call, true, drains));
    assert!(!fine(&lingers, Cause::Call, false, drains));
    assert!(fine(&lingers, Cause::Call, false, ended));
    assert!(!fine(&lingers, Cause::Call, true, ended));
    for other in [
        machine(&world(), |it| it.linger = Linger::off().set_on(5)),
        machine(&lingers, |it| it.nonblocking = true),
        machine(&lingers, |it| it.linger = Linger::off()),
        machine(&lingers, |it| it.linger = Linger::off().set_on(0)),
    ] {
        assert!(fine(&other, Cause::Call, false, drains));
        assert!(!fine(&other, Cause::Call, true, drains));
    }
    for wait in [true, false] {
        assert!(
            fine(&lingers, Cause::Cleanup, wait, drains),
            "others ask this"
        );
    }
}

#[test]
fn linger_expiry_resets_before_return_of_a_success() {
    let fine = |phase, reset, waited, result| {
        let world = machine(&world(), |it| it.phase = phase).with(|it| it.sockets[0].reset = reset);
        let event = Event::CloseReturned {
            socket: 0,
            committed: true,
            waited,
            result,
        };
        holds("linger-expiry-resets-before-return", &world, event, &world)
    };
    let expired = Phase::Closed(Ending::Expired);
    let drains = Phase::Draining { deadline: None };
    assert!(fine(expired, true, true, Ok(())) && !fine(expired, false, true, Ok(())));
    assert!(fine(Phase::Closed(Ending::Graceful), false, true, Ok(())));
    assert!(!fine(drains, false, true, Ok(())) && !fine(Phase::Open, false, true, Ok(())));
    assert!(fine(drains, false, false, Ok(())));
    assert!(fine(drains, false, true, Err(Error::Interrupted)));
}

/// What a commit or a refusal of descriptor 0 has to leave alone.
const ELSEWHERE: [fn(&mut Little); 4] = [
    |it| it.descriptors[2].inside = 0,
    |it| it.operations[2].state = OperationState::Ending(Some(Cause::Call)),
    |it| it.sockets[1].acknowledged = 5,
    |it| it.records[0].unredeemed = false,
];

#[test]
fn would_block_changes_nothing() {
    let fine = |cause, error, before: &Little, after: &Little| {
        holds(
            "would-block-changes-nothing",
            before,
            refused(cause, error),
            after,
        )
    };
    let would = |before: &Little| fine(Cause::Call, Error::WouldBlock, before, before);
    let right = machine(&world().alone(), |it| {
        it.linger = Linger::off().set_on(5);
        it.nonblocking = true;
    });
    assert!(would(&right));
    for cause in [Cause::Cleanup, Cause::Death] {
        assert!(!fine(cause, Error::WouldBlock, &right, &right));
        assert!(fine(cause, Error::NotSocket, &right, &right));
    }
    for spoil in [
        (|it| it.descriptors[0].state = DescriptorState::Closed(Cause::Call)) as fn(&mut Little),
        |it| it.descriptors[0].generation = 6,
        |it| it.descriptors[1].state = DescriptorState::Open,
        |it| it.records[0].socket = 0,
        |it| it.sockets[0].machine.connection = Connection::Lost,
        |it| it.sockets[0].machine.nonblocking = false,
        |it| it.sockets[0].machine.linger = Linger::off(),
        |it| it.sockets[0].machine.linger = Linger::off().set_on(0),
        |it| it.sockets[0].machine.send_side = SendSide::Closing,
        |it| {
            it.sockets[0].machine.unsent = 0;
            it.sockets[0].machine.in_flight = 0;
        },
    ] {
        assert!(!would(&right.with(spoil)));
    }
    assert!(
        would(&machine(&right, |it| it.unsent = 0)),
        "in flight is queued"
    );
    let own: [fn(&mut Little); 3] = [
        |it| it.descriptors[0].inside = 0,
        |it| it.operations[0].state = OperationState::Ending(Some(Cause::Call)),
        |it| it.sockets[0].machine.references = 0,
    ];
    for change in own.iter().chain(&ELSEWHERE) {
        let after = right.with(change);
        assert!(!fine(Cause::Call, Error::WouldBlock, &right, &after));
        assert!(fine(Cause::Call, Error::NotSocket, &right, &after));
    }
}

#[test]
fn other_descriptors_undisturbed() {
    let fine = |before: &Little, event, after: &Little| {
        holds("other-descriptors-undisturbed", before, event, after)
    };
    let event = committed(Cause::Call, false);
    let (before, after) = (world(), world().closed(Cause::Call));
    assert!(fine(&before, event, &after));
    for change in ELSEWHERE {
        assert!(!fine(&before, event, &after.with(change)));
        assert!(fine(&before, Event::Internal, &after.with(change)));
    }
    assert!(!fine(
        &before,
        event,
        &after.with(|it| it.descriptors[1].inside = 0)
    ));
    // An operation of another descriptor is taken out with the last reference,
    // if its scope is that.
    let taken = |it: &mut Little| {
        it.operations[1].state = OperationState::Ending(Some(Cause::Call));
    };
    let late = |scope, referred| {
        let before = machine(&world(), |it| it.abort_scope = scope).with(|it| {
            it.descriptors[1].state = if referred {
                DescriptorState::Open
            } else {
                DescriptorState::Closed(Cause::Call)
            };
        });
        fine(&before, event, &before.closed(Cause::Call).with(taken))
    };
    assert!(late(AbortScope::LastReference, false));
    assert!(!late(AbortScope::LastReference, true));
    assert!(!late(AbortScope::Descriptor, false));
    let elsewhere = |it: &mut Little| {
        it.sockets[1].machine.abort_scope = AbortScope::LastReference;
        it.descriptors[2].state = DescriptorState::Closed(Cause::Call);
        it.records[0].unredeemed = false;
    };
    let other_socket = after.with(elsewhere).with(ELSEWHERE[1]);
    assert!(!fine(&before.with(elsewhere), event, &other_socket));
}
