//! C1 and C2: cancelling one operation or all of a descriptor, and what a cancelled
//! send has sent.

use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Interest, Notify, OperationId, Overlapped,
};
use closesocket::engine::{Descriptor, Error};

use crate::world::{BIG, LONG, Network, Peer, World, assert_all, pattern, recv_to_end};

scenarios! {
    c1_a_cancelled_operation_ends_with_995_and_its_notification,
    c1_a_cancelled_receive_has_taken_no_byte,
    c1_a_cancelled_send_says_how_much_was_accepted_and_the_peer_gets_that,
    c1_what_has_ended_or_never_was_cannot_be_cancelled,
    c1_a_cancel_by_descriptor_ends_its_own_operations_only,
    c1_an_operation_of_another_process_cannot_be_cancelled,
    c1_a_cancelled_accept_leaves_the_connection_to_the_next,
    c1_a_cancel_that_races_a_completion_and_a_close_ends_the_operation_once,
    c2_a_cancelled_blocking_send_returns_what_was_accepted,
    c2_a_send_whose_descriptor_is_closed_carries_the_count_in_its_error,
    o8_a_select_is_a_blocking_call_like_any_other,
}

/// A connection that takes no byte more, neither we nor its kernel.
pub(crate) fn full<N: Network>(world: &World<N>) -> (Descriptor, N::Peer) {
    let (descriptor, peer, _) = world.stalled();
    let mut quiet = 0;
    while quiet < 3 {
        thread::sleep(Duration::from_millis(20));
        quiet = if world.fill(descriptor) == 0 {
            quiet + 1
        } else {
            0
        };
    }
    (descriptor, peer)
}

//= docs/specification.md#c1-cancelling
//# - A cancelled overlapped operation that does not complete MUST end with WSA_OPERATION_ABORTED
//# and its notification.
fn c1_a_cancelled_operation_ends_with_995_and_its_notification<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let process = &world.process;
    let (by_event, by_queue) = (Overlapped::new(), CompletionQueue::new());
    let thread = AlertableThread::new();
    let (tell, told) = std::sync::mpsc::channel();
    let routine = Notify::routine(&thread, 9, move |it| tell.send(it).unwrap());
    let notices = [
        Notify::event(&by_event),
        Notify::queue(&by_queue, 7),
        routine,
    ];
    let recv = |notify| process.recv_overlapped(descriptor, vec![0; 8], notify);
    for operation in notices.map(|notify| recv(notify).unwrap()) {
        assert_eq!(process.cancel(operation), Ok(()));
        assert_eq!(process.cancel(operation), Err(Error::NotFound));
    }
    assert!(by_event.event().is_set());
    assert_eq!(thread.wait(LONG), 1);
    let ends = [by_event.take(), by_queue.take(), told.try_recv().ok()];
    for (end, key) in ends.into_iter().zip([0, 7, 9]) {
        let end = end.unwrap();
        assert_eq!(end.result, Err(Error::OperationAborted));
        assert_eq!((end.key, end.transferred, end.buffer.len()), (key, 0, 8));
    }
    process.close(descriptor).unwrap();
}

//= docs/specification.md#c1-cancelling
//# - A cancelled receive MUST NOT have taken any byte.
fn c1_a_cancelled_receive_has_taken_no_byte<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let mut received = Vec::new();
    let (mut completed, mut sent) = (0, 0);
    for round in 0..200_u32 {
        let overlapped = Overlapped::new();
        let operation = world.start_recv(descriptor, 8, Notify::event(&overlapped));
        if round % 3 != 0 {
            peer.write(&pattern(sent, 3));
            sent += 3;
        }
        if round % 3 == 2 {
            thread::yield_now();
        }
        let cancelled = process.cancel(operation);
        let end = overlapped.wait(LONG).unwrap();
        match end.result {
            Ok(bytes) => {
                assert_eq!(cancelled, Err(Error::NotFound));
                completed += 1;
                received.extend_from_slice(&end.buffer[..bytes]);
            }
            Err(error) => {
                assert_eq!((cancelled, error), (Ok(()), Error::OperationAborted));
                assert_eq!(end.transferred, 0);
            }
        }
    }
    eprintln!("{completed} of 200 receives were quicker than their cancel");
    peer.finish();
    received.extend(recv_to_end(process, descriptor));
    assert_eq!(received, pattern(0, sent));
    process.close(descriptor).unwrap();
}

//= docs/specification.md#c1-cancelling
//# - The completion of a cancelled send MUST say how many of its bytes were accepted.
fn c1_a_cancelled_send_says_how_much_was_accepted_and_the_peer_gets_that<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let sending = Overlapped::new();
    let operation = world.start_send(descriptor, pattern(0, 16 * BIG), Notify::event(&sending));
    let behind = Overlapped::new();
    world.start_send(descriptor, vec![], Notify::event(&behind));
    assert_eq!(process.cancel(operation), Ok(()));
    let end = sending.wait(LONG).unwrap();
    assert_eq!(end.result, Err(Error::OperationAborted));
    assert!(end.transferred > 0 && end.transferred < 16 * BIG);
    // The next goes on.
    assert_eq!(behind.wait(LONG).unwrap().result, Ok(0));
    process.close(descriptor).unwrap();
    assert_all(peer.read_to_end(), end.transferred);
}

//= docs/specification.md#c1-cancelling
//# - A cancel that finds no operation to cancel MUST fail with ERROR_NOT_FOUND.
fn c1_what_has_ended_or_never_was_cannot_be_cancelled<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.cancel_all(descriptor), Err(Error::NotFound));
    let overlapped = Overlapped::new();
    let operation = world.start_recv(descriptor, 8, Notify::event(&overlapped));
    let never = OperationId {
        number: operation.number + 100,
        ..operation
    };
    assert_eq!(process.cancel(never), Err(Error::NotFound));
    peer.write(b"x");
    assert_eq!(overlapped.wait(LONG).unwrap().result, Ok(1));
    assert_eq!(process.cancel(operation), Err(Error::NotFound));
    let aborted = Overlapped::new();
    let notify = Notify::event(&aborted);
    let operation = process.recv_overlapped(descriptor, vec![0; 8], notify);
    process.close(descriptor).unwrap();
    assert_eq!(process.cancel(operation.unwrap()), Err(Error::NotFound));
    assert_eq!(process.cancel_all(descriptor), Err(Error::NotSocket));
    let end = aborted.take().unwrap();
    assert_eq!(end.result, Err(Error::OperationAborted));
    assert!(aborted.take().is_none());
}

//= docs/specification.md#c1-cancelling
//# - A cancel MUST NOT end an operation that another process, or for a cancel by descriptor another
//# descriptor, has issued.
fn c1_a_cancel_by_descriptor_ends_its_own_operations_only<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let twin = world.share(descriptor, process);
    let queue = CompletionQueue::new();
    let recv = |through, key| {
        world.start_recv(through, 8, Notify::queue(&queue, key));
    };
    recv(descriptor, 1);
    recv(twin, 2);
    recv(descriptor, 3);
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 8]));
    assert_eq!(process.cancel_all(descriptor), Ok(3));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    let cancelled: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
    let keys: Vec<_> = cancelled.iter().map(|it| it.key).collect();
    assert_eq!(keys, [1, 3]);
    peer.write(b"for the twin");
    let end = queue.wait(LONG).unwrap();
    assert_eq!((end.key, end.result), (2, Ok(8)));
    for each in [descriptor, twin] {
        process.close(each).unwrap();
    }
}

//= docs/specification.md#c1-cancelling
//# - A cancel MUST NOT end an operation that another process, or for a cancel by descriptor another
//# descriptor, has issued.
fn c1_an_operation_of_another_process_cannot_be_cancelled<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let other = world.other();
    let theirs = world.share(descriptor, &other);
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    let operation = other.recv_overlapped(theirs, vec![0; 8], notify).unwrap();
    assert_eq!(world.process.cancel(operation), Err(Error::NotFound));
    peer.write(b"x");
    assert_eq!(overlapped.wait(LONG).unwrap().result, Ok(1));
    other.close(theirs).unwrap();
    world.process.close(descriptor).unwrap();
}

//= docs/specification.md#c1-cancelling
//# - A cancelled operation MUST end exactly once, either completed as if nobody had cancelled it or
//# as cancelled.
fn c1_a_cancelled_accept_leaves_the_connection_to_the_next<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let process = &world.process;
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    let operation = process.accept_overlapped(listener, notify).unwrap();
    assert_eq!(process.cancel(operation), Ok(()));
    let end = overlapped.take().unwrap();
    assert_eq!(end.result, Err(Error::OperationAborted));
    assert!(end.accepted.is_none());
    let mut peer = world.dial(&address);
    let accepted = process.accept(listener).unwrap();
    process.send(accepted, b"hello").unwrap();
    assert_eq!(peer.read_exactly(5, 5), b"hello");
    process.close(accepted).unwrap();
    process.close(listener).unwrap();
}

//= docs/specification.md#c1-cancelling
//# - A cancelled operation MUST end exactly once, either completed as if nobody had cancelled it or
//# as cancelled.
fn c1_a_cancel_that_races_a_completion_and_a_close_ends_the_operation_once<N: Network>(
    world: &World<N>,
) {
    let (mut completed, mut aborted) = (0, 0);
    for _ in 0..40 {
        let (descriptor, mut peer) = world.connect();
        let process = &world.process;
        let queue = CompletionQueue::new();
        let operation = world.start_recv(descriptor, 8, Notify::queue(&queue, 1));
        let cancelled = thread::scope(|scope| {
            let cancel = scope.spawn(|| process.cancel(operation));
            scope.spawn(|| process.close(descriptor).unwrap());
            peer.offer(b"x");
            cancel.join().unwrap()
        });
        let end = queue.wait(LONG).unwrap();
        match end.result {
            Ok(bytes) => {
                assert_eq!((bytes, cancelled), (1, Err(Error::NotFound)));
                completed += 1;
            }
            Err(error) => {
                assert_eq!(error, Error::OperationAborted);
                aborted += 1;
            }
        }
        assert!(queue.take().is_none(), "a second end");
    }
    eprintln!("{completed} completed, {aborted} aborted");
}

//= docs/specification.md#c2-partly-accepted-blocking-sends
//# - A blocking send that is cancelled after a part of its bytes was accepted MUST return the number
//# of bytes accepted.
fn c2_a_cancelled_blocking_send_returns_what_was_accepted<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let sending = world.block(move |process| process.send(descriptor, &pattern(0, 16 * BIG)));
    assert!(world.process.cancel_blocking_call(sending.thread));
    let accepted = sending.result().unwrap();
    assert!(accepted > 0 && accepted < 16 * BIG);
    world.process.close(descriptor).unwrap();
    assert_all(peer.read_to_end(), accepted);
    // With nothing accepted there is nothing to count.
    let (full, peer) = full(world);
    let sending = world.block(move |process| process.send(full, &[1]));
    assert!(world.process.cancel_blocking_call(sending.thread));
    assert_eq!(sending.result(), Err(Error::Interrupted));
    drop(peer);
    world.process.set_linger(full, Some(0)).unwrap();
    world.process.close(full).unwrap();
}

//= docs/specification.md#c2-partly-accepted-blocking-sends
//# - A blocking send whose descriptor is closed under it MUST fail with WSAEINTR, and the error
//# carries the number of bytes accepted.
fn c2_a_send_whose_descriptor_is_closed_carries_the_count_in_its_error<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let sending = world.block(move |process| process.send(descriptor, &pattern(0, 16 * BIG)));
    world.process.close(descriptor).unwrap();
    let error = sending.result().unwrap_err();
    assert_eq!(error.code(), Error::Interrupted.code());
    assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
    assert!(error.accepted() > 0, "{error:?}");
    assert_all(peer.read_to_end(), error.accepted());
}

//= docs/specification.md#o8-readiness-waits
//# - A wait for readiness that is cancelled, or whose process is cleaned up or dies, MUST return
//# WSAEINTR.
fn o8_a_select_is_a_blocking_call_like_any_other<N: Network>(world: &World<N>) {
    for end in ["cancel", "cleanup", "death"] {
        let process = world.other();
        let (descriptor, peer) = world.connect_from(&process);
        let (theirs, before) = (process.clone(), process.blocked_threads());
        let selecting = crate::world::Task::start(move || {
            theirs.select(&[(descriptor, Interest::READABLE)], None)
        });
        world.until("the select blocks", || process.blocked_threads() > before);
        match end {
            "cancel" => {
                assert!(process.cancel_blocking_call(selecting.thread));
                assert_eq!(selecting.result(), Err(Error::Interrupted));
                assert_eq!(process.close(descriptor), Ok(()));
            }
            "cleanup" => {
                process.cleanup().unwrap();
                assert_eq!(selecting.result(), Err(Error::Interrupted));
            }
            _ => {
                process.die();
                assert_eq!(selecting.result(), Err(Error::Interrupted));
            }
        }
        assert_eq!(process.blocked_threads(), 0);
        drop(peer);
    }
}
