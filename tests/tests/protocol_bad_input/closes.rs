//! Closes, references and deadlines.

use std::time::Duration;

use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Actions, Cause, CloseRequest, Connection, Error, Linger, Socket, Take, Time,
    UnreadInput,
};

use crate::{Asked, CAUSES, CONNECTIONS, KINDS, OPEN, close, closed_sockets, request, socket};

#[test]
fn a_closed_socket_orders_nothing_whatever_still_happens_to_it() {
    for before in closed_sockets() {
        let mut socket = before;
        let none = Actions::default();
        assert_eq!(socket.transmitted(u32::MAX), none, "{before:?}");
        assert_eq!(socket.transmitted(0), none, "{before:?}");
        assert_eq!(socket.acknowledged(u32::MAX), none, "{before:?}");
        assert_eq!(socket.acknowledged(0), none, "{before:?}");
        assert_eq!(socket.connection_lost(), none, "{before:?}");
        assert_eq!(socket.expire(Time::MAX), none, "{before:?}");
        if let Ok(actions) = socket.shut_down_send(false) {
            assert_eq!(actions, none, "{before:?}");
        }
        socket.backlog_joined();
        socket.backlog_taken();
        assert_eq!(socket.phase, before.phase);
        assert_eq!(socket.backlog, 0);
        for kind in KINDS {
            assert_eq!(socket.may_start(kind, true), Err(Error::NotSocket));
        }
        assert_eq!(socket.duplicate(true, true), Err(Error::NotSocket));
    }
}

//= docs/specification.md#d8-release
//# - A socket MUST NOT be released more than once.
#[test]
fn a_second_last_close_releases_nothing_twice() {
    for cause in CAUSES {
        for mut socket in closed_sockets() {
            let phase = socket.phase;
            let commit = close(&mut socket, request(cause));
            let commit = commit.expect("the seal is the caller's and succeeds here");
            assert!(!commit.last && !commit.wait);
            assert_eq!(commit.actions, Actions::default());
            let commit = socket.reclaim(request(cause), &mut Asked::default());
            assert!(!commit.last);
            assert_eq!(commit.actions, Actions::default());
            assert_eq!((socket.phase, socket.references), (phase, 0));
        }
    }
}

#[test]
fn a_refused_seal_is_passed_on_and_changes_nothing() {
    let before = Socket {
        linger: Linger::off().set_on(0),
        unsent: 5,
        ..socket(Connection::Connected)
    };
    let mut after = before;
    let mut asked = Asked::default();
    let refused = after.close(request(Cause::Call), OPEN, 1, &mut asked, |_| {
        Err(Error::NotSocket)
    });
    assert_eq!(refused.err(), Some(Error::NotSocket));
    assert_eq!(after, before);
    assert!(asked.0.is_empty(), "nothing was taken out");
}

#[test]
fn a_close_that_would_block_does_not_even_try_the_seal() {
    let before = Socket {
        linger: Linger::off().set_on(1),
        nonblocking: true,
        in_flight: 1,
        ..socket(Connection::Connected)
    };
    let mut after = before;
    let refused = after.close(
        request(Cause::Call),
        OPEN,
        1,
        &mut Asked::default(),
        |_| -> Result<(), Error> { panic!("sealed before the decision") },
    );
    assert_eq!(refused.err(), Some(Error::WouldBlock));
    assert_eq!(after, before);
}

#[test]
fn a_close_of_a_closed_descriptor_never_says_would_block() {
    let before = Socket {
        linger: Linger::off().set_on(1),
        nonblocking: true,
        in_flight: 1,
        ..socket(Connection::Connected)
    };
    for word in [
        Word::new(1, WordPhase::Sealed, 1),
        Word::new(2, WordPhase::Open, 0),
    ] {
        let mut after = before;
        let mut asked = Asked::default();
        let refused = after.close(request(Cause::Call), word, 1, &mut asked, |_| {
            Ok::<(), Error>(())
        });
        assert_eq!(refused.err(), Some(Error::NotSocket), "{word:?}");
        assert_eq!(after, before);
        assert!(asked.0.is_empty(), "nothing was taken out");
    }
}

#[test]
fn the_reference_count_neither_overflows_nor_falls_below_zero() {
    let mut full = Socket {
        references: u32::MAX,
        ..socket(Connection::Connected)
    };
    assert_eq!(full.duplicate(true, true), Err(Error::NoBuffers));
    assert_eq!(full.references, u32::MAX);
    let commit = close(&mut full, request(Cause::Call)).expect("one of many references");
    assert!(!commit.last);
    assert_eq!(full.duplicate(true, true), Ok(()));
    assert_eq!(full.references, u32::MAX);

    let mut none = Socket {
        references: 0,
        ..socket(Connection::Unconnected)
    };
    let commit = none.reclaim(request(Cause::Reclaimed), &mut Asked::default());
    assert_eq!(none.references, 0);
    assert_eq!(commit.actions.release, commit.last);
}

#[test]
fn a_gone_reference_duplicates_nothing_and_starts_nothing() {
    for connection in CONNECTIONS {
        let mut socket = socket(connection);
        assert_eq!(socket.duplicate(false, true), Err(Error::NotSocket));
        assert_eq!(socket.duplicate(false, false), Err(Error::NotSocket));
        assert_eq!(socket.duplicate(true, false), Err(Error::InvalidArgument));
        assert_eq!(socket.references, 1);
        for kind in KINDS {
            assert_eq!(socket.may_start(kind, false), Err(Error::NotSocket));
        }
    }
}

#[test]
fn cleanup_and_death_take_their_own_operations_in_either_scope() {
    for cause in CAUSES {
        for references in [1, 2] {
            let scope = AbortScope::LastReference;
            let mut socket = Socket {
                references,
                ..Socket::new(1, scope, UnreadInput::Discard)
            };
            let taken = close(&mut socket, request(cause))
                .expect("unconnected")
                .aborted;
            let expected = match (references, cause) {
                (1, _) => Take::EveryReference,
                (_, Cause::Cleanup | Cause::Death) => Take::ThisReference,
                _ => Take::Nothing,
            };
            assert_eq!(taken, expected, "{cause:?} {references}");
        }
    }
}

#[test]
fn deadlines_saturate_and_still_expire_at_the_end_of_time() {
    for linger in [Linger::off().set_on(u16::MAX), Linger::off()] {
        let mut socket = Socket {
            linger,
            unsent: 1,
            ..socket(Connection::Connected)
        };
        let late = CloseRequest {
            now: Time::MAX,
            drain_limit: Some(Duration::MAX),
            ..request(Cause::Call)
        };
        let commit = close(&mut socket, late).expect("a blocking socket");
        assert_eq!(commit.wait, linger.seconds().is_some());
        assert_eq!(
            socket.expire(Time::from_nanos(u64::MAX - 1)),
            Actions::default()
        );
        let expired = socket.expire(Time::MAX);
        assert!(expired.reset && expired.release && !expired.send_fin);
        assert_eq!(socket.expire(Time::MAX), Actions::default(), "once");
    }
    assert_eq!(Time::MAX.after(Duration::MAX), Time::MAX);
    assert_eq!(Time::MAX.until(Time::ZERO), Duration::ZERO);
}
