//! Closes against threads that are blocked.

use closesocket::engine::completions::Interest;
use closesocket::engine::{Error, Process};

use super::model::{must_fail, reached, run_model};
use super::primitives::Defect;
use super::world::{Shared, Tested, World, spawn};

fn two_blocked_receives() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let receive = move |world: &World| world.process.recv(descriptor, &mut [0; 2]);
    let callers = [spawn(&world, receive), spawn(&world, receive)];
    assert_eq!(world.process.close(descriptor), Ok(()));
    let woken = callers
        .into_iter()
        .map(|caller| caller.join().unwrap())
        .filter(|result| match result {
            Err(Error::Interrupted) => true,
            refused => {
                assert_eq!(*refused, Err(Error::NotSocket));
                false
            }
        })
        .count();
    reached(["none woken", "one woken", "both woken"][woken]);
    world.judge();
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
#[test]
fn every_blocked_thread_is_woken_and_the_handle_goes_back_after_the_last_has_left() {
    let outcomes = &["none woken", "one woken", "both woken"];
    run_model(Some(3), 12_400, outcomes, two_blocked_receives);
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
#[test]
fn a_lost_notification_is_caught_by_blocked_receives() {
    let scenario = two_blocked_receives;
    must_fail(Defect::NotifyIsLost, Some(2), "deadlock", scenario);
}

fn cancelled_receive() {
    cancel_a_receive(&World::new());
}

/// A cancel meets a receive that may not be blocked yet.
pub(super) fn cancel_a_receive(world: &Shared) {
    let (descriptor, peer) = world.connect();
    let me = Process::<Tested>::current_thread();
    let other = spawn(world, move |world| {
        let cancelled = world.process.cancel_blocking_call(me);
        if !cancelled {
            peer.write(b"x").unwrap();
        }
        (peer, cancelled)
    });
    let received = world.process.recv(descriptor, &mut [0; 2]);
    let (_peer, cancelled) = other.join().unwrap();
    if cancelled {
        reached("cancelled");
        assert_eq!(received, Err(Error::Interrupted));
    } else {
        reached("not yet blocked");
        assert_eq!(received, Ok(1));
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

#[test]
fn a_cancel_ends_the_blocked_call_or_says_that_there_is_none() {
    let outcomes = &["cancelled", "not yet blocked"];
    run_model(None, 440, outcomes, cancelled_receive);
}

fn close_and_select() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let waiter = spawn(&world, move |world| {
        world
            .process
            .select(&[(descriptor, Interest::READABLE)], None)
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    match waiter.join().unwrap() {
        Ok(ready) => {
            reached("woken");
            assert_eq!(ready.len(), 1);
            assert!(ready[0].1.closed);
        }
        error => {
            reached("refused");
            assert_eq!(error, Err(Error::NotSocket));
        }
    }
    world.judge();
}

//= docs/specification.md#o8-readiness-waits
//# - A wait for readiness, such as select or poll, that names the closed descriptor MUST wake up.
#[test]
fn a_select_wakes_up_when_its_descriptor_is_closed() {
    run_model(Some(5), 3_400, &["woken", "refused"], close_and_select);
}
