//! Threads that wait at their endpoint and go on with their operation
//! themselves, against whatever ends it.

use closesocket::engine::Error;
use closesocket::engine::completions::Notify;
use closesocket::engine::net::PeerRead;

use super::blocked::cancel_a_receive;
use super::model::{reached, run_model};
use super::world::{Setup, Shared, World, spawn};

fn world() -> Shared {
    World::set_up(&Setup {
        threads_wait_at_endpoints: true,
        ..Setup::default()
    })
}

fn receive_and_close() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let receiver = spawn(&world, move |world| {
        let mut buffer = [0; 2];
        let received = world.process.recv(descriptor, &mut buffer);
        (received, buffer)
    });
    peer.write(b"x").unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    let (received, buffer) = receiver.join().unwrap();
    match received {
        Ok(bytes) => {
            reached("received");
            assert_eq!((bytes, buffer[0]), (1, b'x'));
        }
        Err(Error::Interrupted) => reached("interrupted"),
        refused => {
            reached("refused");
            assert_eq!(refused, Err(Error::NotSocket));
        }
    }
    drop(peer);
    world.judge();
}

//= docs/specification.md#o2-one-end-for-each-operation
//# - A completion that races with a close MUST take effect either as a whole or not at all.
//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
#[test]
fn a_thread_that_waits_at_its_endpoint_receives_or_is_woken_by_the_close() {
    let outcomes = &["received", "interrupted", "refused"];
    run_model(Some(3), 1_000, outcomes, receive_and_close);
}

fn cancelled_receive() {
    cancel_a_receive(&world());
}

#[test]
fn a_cancel_wakes_a_thread_that_waits_at_its_endpoint() {
    let outcomes = &["cancelled", "not yet blocked"];
    run_model(Some(4), 750, outcomes, cancelled_receive);
}

/// An overlapped receive comes before a blocked one, or behind it: nobody but
/// the blocked thread goes on with that, and with what is behind it.
fn receives_behind_each_other() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let blocked = spawn(&world, move |world| {
        let mut buffer = [0; 2];
        let received = world.process.recv(descriptor, &mut buffer);
        (received, buffer[0])
    });
    world.start_receive(descriptor, 7).unwrap();
    peer.write(b"a").unwrap();
    peer.write(b"b").unwrap();
    let first = blocked.join().unwrap();
    let overlapped = world.queue.take();
    match (first, overlapped.map(|it| (it.result, it.buffer[0]))) {
        ((Ok(1), b'a'), Some((Ok(1), b'b'))) => reached("the blocked one first"),
        ((Ok(1), b'b'), Some((Ok(1), b'a'))) => reached("the overlapped one first"),
        // One of them was late, and the other took both.
        ((Ok(2), b'a'), None) => reached("both at once"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    drop(peer);
    world.judge();
}

//= docs/specification.md#r8-results-in-order
//# - The results of the operations of one direction of one socket MUST be posted in the order
//# of the operations, whichever threads complete them.
#[test]
fn what_is_behind_a_thread_that_waits_at_its_endpoint_goes_on_after_it() {
    let outcomes = &[
        "the blocked one first",
        "the overlapped one first",
        "both at once",
    ];
    run_model(Some(2), 270, outcomes, receives_behind_each_other);
}

/// A send that waits for room, against a peer that reads and a close.
fn send_and_close() {
    let world = world();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    let sender = spawn(&world, move |world| {
        world.process.send(descriptor, &[7; 10])
    });
    peer.stall(false);
    let _ = peer.read(16);
    assert_eq!(world.process.close(descriptor), Ok(()));
    match sender.join().unwrap() {
        Ok(10) => reached("sent"),
        Err(Error::SendInterrupted { .. } | Error::Interrupted) => reached("interrupted"),
        refused => {
            reached("refused");
            assert_eq!(refused, Err(Error::NotSocket));
        }
    }
    drop(peer);
    world.judge();
}

#[test]
fn a_send_that_waits_at_its_endpoint_ends_once() {
    let outcomes = &["sent", "interrupted", "refused"];
    run_model(Some(2), 400, outcomes, send_and_close);
}

/// A receive through another descriptor waits behind the blocked one when the
/// descriptor of that is closed.
fn close_before_what_is_behind() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let twin = world.share(descriptor);
    let blocked = spawn(&world, move |world| {
        world.process.recv(descriptor, &mut [0; 2])
    });
    let notify = Notify::queue(&world.queue, 7);
    let started = world.other.recv_overlapped(twin, vec![0; 2], notify);
    started.unwrap();
    world.start_receive(descriptor, 8).unwrap();
    peer.write(b"a").unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    let aborted = Err(Error::OperationAborted);
    match blocked.join().unwrap() {
        Ok(bytes) => {
            reached("received");
            assert_eq!(bytes, 1);
            assert_eq!(world.completions(), [(8, aborted)]);
            assert_eq!(world.other.close(twin), Ok(()));
            assert_eq!(world.completions(), [(7, aborted)]);
        }
        Err(error) => {
            reached("interrupted, or too late");
            assert!(matches!(error, Error::Interrupted | Error::NotSocket));
            // Nobody else would tell; and in their order.
            assert_eq!(world.completions(), [(7, Ok(1)), (8, aborted)]);
            assert_eq!(world.other.close(twin), Ok(()));
        }
    }
    drop(peer);
    world.judge();
}

//= docs/specification.md#d7-other-descriptors-are-left-alone
//# - Closing a descriptor MUST NOT end or alter an operation that was issued through
//# another descriptor.
//= docs/specification.md#r8-results-in-order
//# - The results of the operations of one direction of one socket MUST be posted in the order
//# of the operations, whichever threads complete them.
#[test]
fn what_is_behind_a_thread_that_waits_goes_on_after_the_close_of_its_descriptor() {
    let outcomes = &["received", "interrupted, or too late"];
    run_model(Some(2), 300, outcomes, close_before_what_is_behind);
}

/// Bytes wait in the engine when the descriptor of the blocked send is closed.
fn close_before_what_is_queued() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let twin = world.share(descriptor);
    peer.stall(true);
    let blocked = spawn(&world, move |world| {
        world.process.send(descriptor, &[7; 10])
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let accepted = match blocked.join().unwrap() {
        Err(Error::SendInterrupted { accepted }) => {
            reached("interrupted");
            accepted
        }
        Err(error) => {
            reached("too late");
            assert_eq!(error, Error::NotSocket);
            0
        }
        other => panic!("{other:?}"),
    };
    peer.stall(false);
    let mut received = 0;
    while let PeerRead::Bytes(bytes) = peer.read(16) {
        received += bytes.len();
    }
    assert_eq!(received, accepted, "they are sent");
    assert_eq!(world.other.close(twin), Ok(()));
    drop(peer);
    world.judge();
}

//= docs/specification.md#o6-partly-accepted-sends
//# - When a close aborts a partly accepted send, the accepted part MUST remain queued data
//# while the rest ends with the abort.
#[test]
fn what_a_thread_that_waits_has_queued_is_sent_after_the_close_of_its_descriptor() {
    let outcomes = &["interrupted", "too late"];
    run_model(Some(2), 140, outcomes, close_before_what_is_queued);
}
