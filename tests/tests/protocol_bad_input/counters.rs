//! Windows, queues and backlogs at their limits.

use closesocket::protocol::{Cause, Connection, Socket};

use crate::{close, request, socket};

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
