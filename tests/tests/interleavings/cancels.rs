//! Cancels against completions and closes (C1), and time limits (C3).

use std::time::Duration;

use closesocket::engine::completions::{Interest, Notify};
use closesocket::engine::net::PeerRead;
use closesocket::engine::{Error, Process};

use super::model::{must_fail, reached, run_model};
use super::primitives::Defect;
use super::world::{Setup, Tested, World, spawn};

fn cancel_completion_and_close() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let operation = world.start_receive(descriptor, 7).unwrap();
    let canceller = spawn(&world, move |world| world.process.cancel(operation));
    let writer = spawn(&world, move |_| {
        // The connection may be gone by now.
        let _ = peer.write(b"x");
        peer
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let cancelled = canceller.join().unwrap();
    let _peer = writer.join().unwrap();
    let ends = world.completions();
    assert_eq!(ends.len(), 1, "it ends once");
    match (cancelled, ends[0]) {
        (Ok(()), (7, Err(Error::OperationAborted))) => reached("cancelled"),
        (Err(Error::NotFound), (7, Ok(1))) => reached("completed"),
        (Err(Error::NotFound), (7, Err(Error::OperationAborted))) => reached("aborted"),
        other => panic!("{other:?}"),
    }
    world.judge();
}

//= docs/specification.md#c1-cancelling
//# - A cancelled operation MUST end exactly once, either completed as if nobody had cancelled it or
//# as cancelled.
#[test]
fn of_a_cancel_a_completion_and_a_close_one_ends_the_operation() {
    let outcomes = &["cancelled", "completed", "aborted"];
    run_model(Some(3), 2_400, outcomes, cancel_completion_and_close);
}

fn two_cancels() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let operation = world.start_receive(descriptor, 7).unwrap();
    let by_name = spawn(&world, move |world| world.process.cancel(operation));
    let through = world.process.cancel_all(descriptor);
    match (by_name.join().unwrap(), through) {
        (Ok(()), Err(Error::NotFound)) => reached("by name"),
        (Err(Error::NotFound), Ok(1)) => reached("through the descriptor"),
        other => panic!("{other:?}"),
    }
    let aborted = [(7, Err(Error::OperationAborted))];
    assert_eq!(world.completions(), aborted);
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

#[test]
fn of_two_cancels_one_finds_the_operation() {
    let outcomes = &["by name", "through the descriptor"];
    run_model(None, 390, outcomes, two_cancels);
}

fn cancelled_send() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let notify = Notify::queue(&world.queue, 7);
    let bytes: Vec<u8> = (0..64).collect();
    let sending = world.process.send_overlapped(descriptor, bytes, notify);
    let operation = sending.unwrap();
    let reader = spawn(&world, move |_| {
        let received = match peer.read(4) {
            PeerRead::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        (peer, received)
    });
    assert_eq!(world.process.cancel(operation), Ok(()));
    let (peer, mut received) = reader.join().unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    received.extend(peer.read_all().0);
    let end = world.queue.take().unwrap();
    assert_eq!(end.result, Err(Error::OperationAborted));
    let sent: Vec<u8> = (0..64).take(end.transferred).collect();
    assert_eq!(received, sent, "what the completion says, no more, no less");
    reached(if end.transferred > 12 {
        "more was accepted"
    } else {
        "a window"
    });
    world.judge();
}

//= docs/specification.md#c1-cancelling
//# - The completion of a cancelled send MUST say how many of its bytes were accepted.
#[test]
fn the_peer_gets_of_a_cancelled_send_what_its_completion_says() {
    run_model(None, 97, &["a window", "more was accepted"], cancelled_send);
}

fn receive_with_a_limit() {
    let world = World::set_up(&Setup {
        time_passes: true,
        ..Setup::default()
    });
    let (descriptor, peer) = world.connect();
    let limit = Some(Duration::from_secs(1));
    world.process.set_receive_limit(descriptor, limit).unwrap();
    let receiver = spawn(&world, move |world| {
        let first = world.process.recv(descriptor, &mut [0; 2]);
        world.process.set_receive_limit(descriptor, None).unwrap();
        let rest = match first {
            Err(Error::TimedOut) => {
                reached("timed out");
                world.process.recv(descriptor, &mut [0; 2])
            }
            received => {
                reached("received");
                received
            }
        };
        assert_eq!(rest, Ok(1), "no byte is lost");
    });
    let writer = spawn(&world, move |_| {
        peer.write(b"x").unwrap();
        peer
    });
    world.provider.clock().let_time_pass();
    receiver.join().unwrap();
    let _peer = writer.join().unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

//= docs/specification.md#c3-time-limits
//# - A call that its time limit ends MUST NOT have taken a byte or a connection.
#[test]
fn a_receive_whose_limit_meets_its_input_has_it_or_leaves_it() {
    let outcomes = &["timed out", "received"];
    run_model(Some(3), 640, outcomes, receive_with_a_limit);
}

fn cancelled_select() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let me = Process::<Tested>::current_thread();
    let other = spawn(&world, move |world| {
        let cancelled = world.process.cancel_blocking_call(me);
        if !cancelled {
            peer.write(b"x").unwrap();
        }
        (peer, cancelled)
    });
    let interests = [(descriptor, Interest::READABLE)];
    let ready = world.process.select(&interests, None);
    let (_peer, cancelled) = other.join().unwrap();
    if cancelled {
        reached("cancelled");
        assert_eq!(ready, Err(Error::Interrupted));
    } else {
        reached("not yet there");
        assert!(ready.unwrap()[0].1.readable);
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

//= docs/specification.md#o8-readiness-waits
//# - A wait for readiness that is cancelled, or whose process is cleaned up or dies, MUST return
//# WSAEINTR.
#[test]
fn a_cancel_ends_a_select_or_says_that_there_is_none() {
    let outcomes = &["cancelled", "not yet there"];
    run_model(Some(3), 220, outcomes, cancelled_select);
}

//= docs/specification.md#o8-readiness-waits
//# - A wait for readiness that is cancelled, or whose process is cleaned up or dies, MUST return
//# WSAEINTR.
#[test]
fn a_wait_that_looks_and_sleeps_in_two_steps_is_caught_by_a_cancelled_select() {
    let scenario = cancelled_select;
    must_fail(Defect::WaitLeavesAGap, Some(3), "deadlock", scenario);
}

fn select_and_cleanup() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let waiter = spawn(&world, move |world| {
        let interests = [(descriptor, Interest::READABLE)];
        world.process.select(&interests, None)
    });
    world.process.cleanup().unwrap();
    match waiter.join().unwrap() {
        Err(Error::Interrupted) => reached("woken"),
        refused => {
            reached("refused");
            assert!(
                matches!(refused, Err(Error::NotInitialised | Error::NotSocket)),
                "{refused:?}"
            );
        }
    }
    world.judge();
}

#[test]
fn a_select_ends_with_the_cleanup_of_its_process() {
    run_model(Some(4), 1_900, &["woken", "refused"], select_and_cleanup);
}
