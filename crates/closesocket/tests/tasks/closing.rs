//! Closes that are awaited.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use closesocket::engine::net::PeerRead;
use closesocket::engine::{Closed, Error};

use crate::world::{Tasks, World};

#[test]
fn a_close_is_awaited_until_the_peer_has_everything() {
    for linger in [None, Some(30)] {
        for nonblocking in [false, true] {
            let (world, task) = (World::new(), Tasks::default());
            let (descriptor, peer) = world.connected();
            world.process.set_linger(descriptor, linger).unwrap();
            peer.stall(true);
            world.process.send(descriptor, b"all").unwrap();
            world
                .process
                .set_nonblocking(descriptor, nonblocking)
                .unwrap();
            let closing = world.process.close_in_background(descriptor, None);
            let mut closing = pin!(closing.unwrap());
            assert_eq!(world.process.descriptors(), 0, "it is closed");
            assert!(task.poll(closing.as_mut()).is_pending());
            assert!(!task.was_woken());
            peer.stall(false);
            assert!(task.was_woken());
            assert_eq!(task.poll(closing.as_mut()), Poll::Ready(Closed::Drained));
            assert_eq!(peer.read_all().0, b"all");
            world.assert_empty();
        }
    }
}

//= docs/specification.md#c4-on-the-thread-of-the-transport
//= type=test
//# - A lingering close on a thread that is in a call of the transport's MUST drain in the
//# background, and reset the connection when its timeout expires.
#[test]
fn a_close_that_is_awaited_resets_when_its_time_has_passed() {
    // A close that says its own time need not say whole seconds.
    const WITHIN: Option<Duration> = Some(Duration::from_millis(1500));
    for (linger, within, nonblocking, millis) in [
        (Some(10), None, false, 10_000),
        (Some(10), None, true, 10_000),
        (None, WITHIN, false, 1500),
        (Some(0), WITHIN, true, 1500),
    ] {
        let (world, task) = (World::new(), Tasks::default());
        let (descriptor, peer) = world.connected();
        peer.stall(true);
        world.process.send(descriptor, b"all").unwrap();
        world.process.set_linger(descriptor, linger).unwrap();
        world
            .process
            .set_nonblocking(descriptor, nonblocking)
            .unwrap();
        let closing = world.process.close_in_background(descriptor, within);
        let mut closing = pin!(closing.unwrap());
        world.pass(Duration::from_millis(millis - 1));
        assert!(task.poll(closing.as_mut()).is_pending());
        world.pass(Duration::from_millis(1));
        assert!(task.was_woken());
        assert_eq!(task.poll(closing.as_mut()), Poll::Ready(Closed::Reset));
        world.assert_empty();
    }
}

//= docs/specification.md#l9-a-cancelled-wait
//= type=test
//# - The drain of a lingering close whose wait is cancelled MUST go on in the
//# background.
#[test]
fn a_close_whose_future_is_dropped_after_any_poll_drains_all_the_same() {
    for polls in 0..3 {
        let (world, task) = (World::new(), Tasks::default());
        let (descriptor, peer) = world.connected();
        peer.stall(true);
        world.process.send(descriptor, b"all").unwrap();
        {
            let closing = world.process.close_in_background(descriptor, None);
            let mut closing = pin!(closing.unwrap());
            for _ in 0..polls {
                assert!(task.poll(closing.as_mut()).is_pending());
            }
        }
        peer.stall(false);
        assert_eq!(peer.read_all(), (b"all".to_vec(), PeerRead::End));
        world.assert_empty();
    }
}

#[test]
fn a_close_of_a_shared_or_idle_socket_has_ended_at_once() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let (process, id) = (&world.process, world.process.id());
    let other = process
        .redeem(process.duplicate(descriptor, id).unwrap())
        .unwrap();
    let shared = process
        .close_in_background(descriptor, Some(Duration::ZERO))
        .unwrap();
    assert_eq!(task.poll(pin!(shared)), Poll::Ready(Closed::Shared));
    let idle = process.close_in_background(other, None).unwrap();
    assert_eq!(idle.ended(), Some(Closed::Drained));
    assert_eq!(peer.read_all().1, PeerRead::End);
    let again = process.close_in_background(other, None);
    assert_eq!(again.err(), Some(Error::NotSocket));
    world.assert_empty();
}

#[test]
fn a_close_that_outlives_its_provider_was_a_reset() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    world.process.send(descriptor, b"all").unwrap();
    let closing = world.process.close_in_background(descriptor, None);
    let mut closing = pin!(closing.unwrap());
    let earlier = Tasks::default();
    assert!(earlier.poll(closing.as_mut()).is_pending());
    assert!(task.poll(closing.as_mut()).is_pending());
    drop(world);
    // It alone, which has polled last.
    assert_eq!((earlier.was_woken(), task.was_woken()), (false, true));
    assert_eq!(task.poll(closing.as_mut()), Poll::Ready(Closed::Reset));
}
