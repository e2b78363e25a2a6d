//! Sockets, records and startups meet what they must not be given: counters at
//! their limits, events that come too late, records of others. None panics,
//! none wraps, and every refusal is the right error. (Descriptor words have a
//! file of their own.)

use std::time::Duration;

use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Actions, Cause, CloseRequest, Commit, Connection, DuplicationRecord, Ending, Error,
    Linger, OperationKind, PendingOperations, Phase, ProcessId, SendSide, Socket, Startups, Take,
    Time, UnreadInput,
};

/// Takes note of what a close wanted to take.
#[derive(Default)]
struct Asked(Vec<Take>);

impl PendingOperations for Asked {
    type Taken = Take;

    fn take(&mut self, take: Take) -> Take {
        self.0.push(take);
        take
    }
}

fn socket(connection: Connection) -> Socket {
    Socket {
        connection,
        ..Socket::new(100, AbortScope::Descriptor, UnreadInput::Discard)
    }
}

const fn request(cause: Cause) -> CloseRequest {
    CloseRequest {
        cause,
        now: Time::ZERO,
        drain_limit: None,
        may_wait: true,
    }
}

/// An open descriptor's word, generation 1.
const OPEN: Word = Word::new(1, WordPhase::Open, 0);

fn close(socket: &mut Socket, request: CloseRequest) -> Result<Commit<Take>, Error> {
    socket.close(request, OPEN, 1, &mut Asked::default(), |_| Ok(()))
}

/// A socket that ended in each way, with its send side as it was before.
fn closed_sockets() -> Vec<Socket> {
    let mut all = Vec::new();
    for ending in [
        Ending::Unconnected,
        Ending::Graceful,
        Ending::Hard,
        Ending::Expired,
        Ending::Lost,
        Ending::Unread,
    ] {
        for send_side in [
            SendSide::Open,
            SendSide::ShuttingDown,
            SendSide::Closing,
            SendSide::Finished,
        ] {
            for connection in CONNECTIONS {
                all.push(Socket {
                    phase: Phase::Closed(ending),
                    references: 0,
                    send_side,
                    ..socket(connection)
                });
            }
        }
    }
    all
}

const CONNECTIONS: [Connection; 5] = [
    Connection::Unconnected,
    Connection::Listening,
    Connection::Connecting,
    Connection::Connected,
    Connection::Lost,
];
const KINDS: [OperationKind; 4] = [
    OperationKind::Recv,
    OperationKind::Send,
    OperationKind::Accept,
    OperationKind::Connect,
];
const CAUSES: [Cause; 4] = [Cause::Call, Cause::Cleanup, Cause::Death, Cause::Reclaimed];

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
fn each_operation_meets_each_connection_with_the_right_error() {
    use Connection::{Connected, Connecting, Listening, Lost, Unconnected};
    use OperationKind::{Accept, Connect, Recv, Send};
    for connection in CONNECTIONS {
        for kind in KINDS {
            let expected = match (kind, connection) {
                (Send | Recv, Connected) | (Accept, Listening) | (Connect, Unconnected) => Ok(()),
                // What arrived before the loss can still be received.
                (Recv, Lost) => Ok(()),
                (Connect, Connecting) => Err(Error::AlreadyInProgress),
                (Send | Connect, Lost) => Err(Error::ConnectionReset),
                (Send | Recv, _) => Err(Error::NotConnected),
                (Connect, Connected) => Err(Error::AlreadyConnected),
                (Accept | Connect, _) => Err(Error::InvalidArgument),
            };
            let socket = socket(connection);
            assert_eq!(
                socket.may_start(kind, true),
                expected,
                "{kind:?} {connection:?}"
            );
        }
    }
    let mut lost = socket(Connected);
    let _ = lost.connection_lost();
    assert_eq!(lost.may_start(Recv, true), Ok(()));
    assert_eq!(lost.may_go_on(Recv), Ok(()));
    let _ = lost.receive_side_lost();
    assert_eq!(lost.may_start(Recv, true), Err(Error::ConnectionReset));
    assert_eq!(lost.may_go_on(Recv), Err(Error::ConnectionReset));
    let mut never = socket(Connecting);
    let _ = never.connection_lost();
    assert_eq!(never.may_start(Recv, true), Err(Error::ConnectionReset));
    let mut shut = socket(Connected);
    assert_eq!(shut.shut_down_receive(), Ok(()));
    assert_eq!(shut.may_start(Recv, true), Err(Error::ShutDown));
    assert_eq!(shut.may_go_on(Recv), Ok(()));
    assert_eq!(shut.may_start(Send, true), Ok(()));
    let _ = shut.shut_down_send(false).expect("connected");
    assert_eq!(shut.may_start(Send, true), Err(Error::ShutDown));
    assert_eq!(shut.may_go_on(Send), Err(Error::ShutDown));
    let mut pending = socket(Connected);
    let _ = pending.shut_down_send(true).expect("connected");
    assert_eq!(pending.may_start(Send, true), Err(Error::ShutDown));
    assert_eq!(pending.may_go_on(Send), Ok(()));
}

#[test]
fn listening_and_shutting_down_need_the_right_connection() {
    use Connection::{Connected, Connecting, Listening, Lost, Unconnected};
    for connection in CONNECTIONS {
        let listened = match connection {
            Unconnected | Listening => Ok(()),
            Connected => Err(Error::AlreadyConnected),
            Connecting | Lost => Err(Error::InvalidArgument),
        };
        assert_eq!(socket(connection).listen(), listened, "{connection:?}");
        let shut = match connection {
            Connected => Ok(()),
            Lost => Err(Error::ConnectionReset),
            Unconnected | Listening | Connecting => Err(Error::NotConnected),
        };
        let mut socket = socket(connection);
        assert_eq!(socket.shut_down_receive(), shut, "{connection:?}");
        assert_eq!(socket.shut_down_receive(), shut, "{connection:?}");
        assert_eq!(
            socket.shut_down_send(false).map(drop),
            shut,
            "{connection:?}"
        );
        socket.connecting();
        socket.connect_finished(false);
        assert!(matches!(
            (connection, socket.connection),
            (Unconnected | Connecting, Unconnected)
                | (Listening, Listening)
                | (Connected, Connected)
                | (Lost, Lost)
        ));
    }
}

#[test]
fn a_fin_is_sent_once_however_often_the_send_side_is_shut_down() {
    let mut socket = socket(Connection::Connected);
    assert!(socket.shut_down_send(false).expect("connected").send_fin);
    assert!(!socket.shut_down_send(false).expect("connected").send_fin);
    let commit = close(&mut socket, request(Cause::Call)).expect("nothing queued");
    assert!(commit.actions.release && !commit.actions.send_fin && !commit.actions.reset);
}

#[test]
fn the_fin_of_a_shutdown_waits_for_the_sends_that_are_pending() {
    let mut socket = socket(Connection::Connected);
    assert_eq!(socket.sends_ended(), Actions::NONE, "nothing was shut down");
    assert_eq!(socket.send_side, SendSide::Open);
    assert_eq!(socket.shut_down_send(true), Ok(Actions::NONE));
    assert_eq!(socket.accept_bytes(5), 5, "of a pending send");
    let _ = socket.transmitted(5);
    assert_eq!(socket.send_side, SendSide::ShuttingDown);
    // Shutting down again does not make it due either.
    assert_eq!(socket.shut_down_send(true), Ok(Actions::NONE));
    let mut closed = Socket {
        linger: Linger::off().set_on(0),
        ..socket
    };
    assert!(close(&mut closed, request(Cause::Call)).is_ok_and(|it| it.actions.reset));
    let after = closed;
    assert_eq!(closed.sends_ended(), Actions::NONE);
    assert_eq!(closed, after, "a closed socket stays as it ended");
    assert!(socket.sends_ended().send_fin);
    assert_eq!(socket.accept_bytes(1), 0, "nothing follows the FIN");
    assert_eq!(socket.sends_ended(), Actions::NONE);
}

#[test]
fn a_lost_connection_sends_no_fin_for_what_it_discarded() {
    let mut socket = socket(Connection::Connected);
    assert_eq!(socket.accept_bytes(10), 10);
    assert_eq!(socket.shut_down_send(false), Ok(Actions::default()));
    assert_eq!(socket.connection_lost(), Actions::default());
    assert_eq!(socket.acknowledged(10), Actions::default());
    assert_eq!(socket.transmitted(10), Actions::default());
    assert_eq!(socket.queued(), 0);
}

#[test]
fn the_window_bounds_what_is_accepted_whatever_is_offered() {
    for window in [0, 1, 7, u32::MAX - 1, u32::MAX] {
        let mut socket = Socket {
            window,
            ..socket(Connection::Connected)
        };
        assert_eq!(socket.accept_bytes(0), 0);
        assert_eq!(socket.accept_bytes(usize::MAX), window);
        assert_eq!(socket.accept_bytes(usize::MAX), 0, "no room is left");
        let _ = socket.transmitted(u32::MAX);
        assert_eq!((socket.unsent, socket.in_flight), (0, window));
        assert_eq!(socket.accept_bytes(1), 0, "in flight still counts");
        let _ = socket.acknowledged(u32::MAX);
        assert_eq!(socket.queued(), 0);
    }
    let mut shrunk = Socket {
        window: 3,
        unsent: 5,
        ..socket(Connection::Connected)
    };
    assert_eq!(shrunk.accept_bytes(4), 0, "more queued than the window");
}

#[test]
fn queue_counters_saturate() {
    let mut socket = Socket {
        window: u32::MAX,
        unsent: u32::MAX,
        in_flight: u32::MAX,
        ..socket(Connection::Connected)
    };
    assert_eq!(socket.queued(), u32::MAX);
    assert_eq!(socket.accept_bytes(1), 0);
    let _ = socket.transmitted(1);
    assert_eq!((socket.unsent, socket.in_flight), (u32::MAX - 1, u32::MAX));
    let _ = socket.acknowledged(u32::MAX);
    let _ = socket.acknowledged(u32::MAX);
    assert_eq!(socket.in_flight, 0);
}

#[test]
fn the_backlog_neither_overflows_nor_falls_below_zero() {
    let mut listener = Socket {
        backlog: u32::MAX,
        ..socket(Connection::Listening)
    };
    listener.backlog_joined();
    assert_eq!(listener.backlog, u32::MAX);
    let commit = close(&mut listener, request(Cause::Call)).expect("a listener");
    assert!(commit.actions.reset_backlog && commit.actions.release);
    assert_eq!(listener.backlog, 0);
    let mut empty = socket(Connection::Listening);
    empty.backlog_taken();
    assert_eq!(empty.backlog, 0);
    let mut other = socket(Connection::Connected);
    other.backlog_joined();
    assert_eq!(other.backlog, 0, "only a listener has a backlog");
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

#[test]
fn a_record_is_of_no_use_to_anybody_but_its_target() {
    for target in [0, 1, u32::MAX].map(ProcessId) {
        for other in [0, 1, 2, u32::MAX].map(ProcessId) {
            let mut record = DuplicationRecord::new(target);
            if other == target {
                continue;
            }
            assert_eq!(record.redeem(other), Err(Error::InvalidArgument));
            assert!(!record.reclaim(other));
            assert!(record.is_reference());
        }
    }
}

#[test]
fn cleanup_without_startup_is_refused_however_often() {
    let mut startups = Startups::default();
    for _ in 0..3 {
        assert_eq!(startups.cleanup(), Err(Error::NotInitialised));
    }
    assert_eq!(startups.startup(), Ok(()));
    startups.die();
    assert_eq!(startups.cleanup(), Err(Error::NotInitialised));
}
