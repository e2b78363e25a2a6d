//! Sending and receiving with several buffers, looking only, and counting: what
//! holds of a send or a receive holds of its variants.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use closesocket::engine::completions::Notify;
use closesocket::engine::{Error, Shutdown};

use crate::skip;
use crate::world::{BIG, Network, Peer, World, assert_all, pattern};

scenarios! {
    o6_a_send_of_several_buffers_is_one_send,
    r1_a_receive_into_several_buffers_is_one_receive,
    r1_a_peek_leaves_what_it_has_seen_to_the_next_receive,
    r1_a_peek_sees_the_end_and_the_loss_behind_the_bytes,
    c1_a_blocked_peek_is_a_blocking_call_like_any_other,
    r8_a_peek_does_not_see_what_an_earlier_receive_waits_for,
    r1_bytes_that_wait_are_counted,
}

/// Skips what needs a transport that can look at its input.
pub(crate) fn must_look<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    world.process.set_nonblocking(descriptor, true).unwrap();
    let looks = [
        world.process.available(descriptor),
        world.process.peek(descriptor, &mut [0]),
    ];
    world.process.close(descriptor).unwrap();
    if looks.contains(&Err(Error::NotSupported)) {
        skip("its transport cannot look at what has come");
    }
}

fn slices(parts: &[Vec<u8>]) -> Vec<IoSlice<'_>> {
    parts.iter().map(|it| IoSlice::new(it)).collect()
}

//= docs/specification.md#o6-partly-accepted-sends
//# - The bytes that the peer receives MUST be a prefix of the bytes that the provider
//# accepted.
fn o6_a_send_of_several_buffers_is_one_send<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let small = [pattern(0, 3), Vec::new(), pattern(3, 4), pattern(7, 5)];
    assert_eq!(process.send_vectored(descriptor, &slices(&small)), Ok(12));
    let one = [Vec::new(), pattern(12, 8)];
    assert_eq!(process.send_vectored(descriptor, &slices(&one)), Ok(8));
    assert_eq!(process.send_vectored(descriptor, &[]), Ok(0));
    // More than fits: the call waits as a send does.
    let large = [
        pattern(20, BIG),
        pattern(20 + BIG, BIG),
        pattern(20 + 2 * BIG, BIG),
    ];
    let blocked = world.block(move |process| process.send_vectored(descriptor, &slices(&large)));
    let all = 20 + 3 * BIG;
    let received = peer.read_exactly(all, 64 * 1024);
    assert_eq!(blocked.result(), Ok(3 * BIG));
    assert!(received == pattern(0, all));
    process.close(descriptor).unwrap();
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#r1-input-before-loss
//# - What the transport has received before it reports a loss MUST be given to the receives
//# before the loss is.
fn r1_a_receive_into_several_buffers_is_one_receive<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    peer.write(b"one, two, three");
    world.until("all has come", || process.available(descriptor) == Ok(15));
    let (mut first, mut none, mut second) = ([0; 5], [0; 0], [0; 64]);
    let mut buffers = [&mut first[..], &mut none, &mut second].map(IoSliceMut::new);
    assert_eq!(process.recv_vectored(descriptor, &mut buffers), Ok(15));
    assert_eq!((&first, &second[..10]), (b"one, ", &b"two, three"[..]));
    let mut only = [IoSliceMut::new(&mut second)];
    peer.write(b"x");
    assert_eq!(process.recv_vectored(descriptor, &mut only), Ok(1));
    assert_eq!(process.recv_vectored(descriptor, &mut []), Ok(0), "R2");
    peer.finish();
    assert_eq!(process.recv_vectored(descriptor, &mut only), Ok(0));
    process.close(descriptor).unwrap();
}

fn r1_a_peek_leaves_what_it_has_seen_to_the_next_receive<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let blocked = world.block(move |process| {
        let mut buffer = [0; 4];
        let seen = process.peek(descriptor, &mut buffer);
        (seen, buffer)
    });
    peer.write(b"seen twice");
    let (seen, buffer) = blocked.result();
    let seen = seen.unwrap();
    assert!(b"seen".starts_with(&buffer[..seen]) && seen > 0);
    world.until("all has come", || {
        process.peek(descriptor, &mut [0; 64]) == Ok(10)
    });
    let mut buffer = [0; 64];
    assert_eq!(process.recv(descriptor, &mut buffer), Ok(10));
    assert_eq!(&buffer[..10], b"seen twice");
    assert_eq!(process.peek(descriptor, &mut []), Ok(0));
    process.set_nonblocking(descriptor, true).unwrap();
    let nothing = process.peek(descriptor, &mut buffer);
    assert_eq!(nothing, Err(Error::WouldBlock));
    process.close(descriptor).unwrap();
}

fn r1_a_peek_sees_the_end_and_the_loss_behind_the_bytes<N: Network>(world: &World<N>) {
    must_look(world);
    let process = &world.process;
    let mut buffer = [0; 8];
    let (ended, mut peer) = world.connect();
    peer.write(b"last");
    peer.finish();
    world.until("the bytes are seen", || {
        process.peek(ended, &mut [0; 8]) == Ok(4)
    });
    assert_eq!(process.recv(ended, &mut buffer), Ok(4));
    for _ in 0..2 {
        assert_eq!(process.peek(ended, &mut buffer), Ok(0));
    }
    assert_eq!(process.recv(ended, &mut buffer), Ok(0));
    let (shut, _peer) = world.connect();
    process.shutdown(shut, Shutdown::Receive).unwrap();
    assert_eq!(process.peek(shut, &mut buffer), Err(Error::ShutDown));
    assert_eq!(process.available(shut), Err(Error::ShutDown));
    let new = process.socket().unwrap();
    assert_eq!(process.peek(new, &mut buffer), Err(Error::NotConnected));
    assert_eq!(process.available(new), Err(Error::NotConnected));
    for descriptor in [ended, shut, new] {
        process.close(descriptor).unwrap();
        assert_eq!(process.peek(descriptor, &mut buffer), Err(Error::NotSocket));
        assert_eq!(process.available(descriptor), Err(Error::NotSocket));
    }
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
fn c1_a_blocked_peek_is_a_blocking_call_like_any_other<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, _peer) = world.connect();
    let process = &world.process;
    let peek = move |process: crate::world::Proc<N>| process.peek(descriptor, &mut [0; 8]);
    let cancelled = world.block(peek);
    assert!(process.cancel_blocking_call(cancelled.thread));
    assert_eq!(cancelled.result(), Err(Error::Interrupted));
    let soon = Some(Duration::from_millis(5));
    process.set_receive_limit(descriptor, soon).unwrap();
    let late = process.peek(descriptor, &mut [0; 8]);
    assert_eq!(late, Err(Error::TimedOut));
    process.set_receive_limit(descriptor, None).unwrap();
    let closed = world.block(peek);
    process.close(descriptor).unwrap();
    assert_eq!(closed.result(), Err(Error::Interrupted));
}

//= docs/specification.md#r8-results-in-order
//# - The results of the operations of one direction of one socket MUST be posted in the order
//# of the operations, whichever threads complete them.
fn r8_a_peek_does_not_see_what_an_earlier_receive_waits_for<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let overlapped = closesocket::engine::completions::Overlapped::new();
    world.start_recv(descriptor, 4, Notify::event(&overlapped));
    process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(
        process.peek(descriptor, &mut [0; 8]),
        Err(Error::WouldBlock)
    );
    peer.write(b"his mine");
    let first = overlapped.wait(crate::world::LONG).unwrap();
    let had = first.transferred;
    assert!(b"his mine".starts_with(&first.buffer[..had]));
    world.until("the rest is seen", || {
        process.peek(descriptor, &mut [0; 8]) == Ok(8 - had)
    });
    process.close(descriptor).unwrap();
}

fn r1_bytes_that_wait_are_counted<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.available(descriptor), Ok(0));
    peer.write(b"12345");
    world.until("they are counted", || {
        process.available(descriptor) == Ok(5)
    });
    assert_eq!(process.recv(descriptor, &mut [0; 2]), Ok(2));
    assert_eq!(process.available(descriptor), Ok(3));
    peer.finish();
    assert_eq!(process.recv(descriptor, &mut [0; 3]), Ok(3));
    assert_eq!(process.recv(descriptor, &mut [0; 3]), Ok(0));
    assert_eq!(process.available(descriptor), Ok(0));
    process.close(descriptor).unwrap();
}
