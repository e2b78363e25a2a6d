//! Threads that wait for completions and poll by themselves, against what is
//! posted to them, against each other, and against the transport's own thread.

use closesocket::engine::Error;
use closesocket::engine::completions::{Notify, Overlapped};

use super::model::{reached, run_model};
use super::primitives::let_limits_pass;
use super::world::{Setup, Shared, World, spawn};

fn world() -> Shared {
    World::set_up(&Setup {
        waiters_lead: true,
        ..Setup::default()
    })
}

/// Nobody polls but who waits: what is posted must end the poll, and what the
/// kernel tells must be reported.
fn wait_and_close() {
    let world = world();
    let (descriptor, peer) = world.connect();
    world.start_receive(descriptor, 7).unwrap();
    let closer = spawn(&world, move |world| {
        peer.write(b"x").unwrap();
        assert_eq!(world.process.close(descriptor), Ok(()));
        peer
    });
    let completion = world.queue.wait(None).unwrap();
    match completion.result {
        Ok(1) => reached("received"),
        aborted => {
            reached("aborted");
            assert_eq!(aborted, Err(Error::OperationAborted));
        }
    }
    drop(closer.join().unwrap());
    world.polled().report_all();
    world.judge();
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - The event, packet or routine of an overlapped operation that a close aborts MUST be
//# delivered once.
#[test]
fn what_is_posted_while_its_waiter_polls_ends_the_poll() {
    let outcomes = &[
        "received",
        "aborted",
        "a waiter polls",
        "the leader is called",
    ];
    run_model(Some(3), 780, outcomes, wait_and_close);
}

/// No event ends the poll, only who posts.
fn wait_and_abort() {
    let world = world();
    let (descriptor, peer) = world.connect();
    world.polled().report_all();
    world.start_receive(descriptor, 7).unwrap();
    let closer = spawn(&world, move |world| {
        assert_eq!(world.process.close(descriptor), Ok(()));
    });
    let completion = world.queue.wait(None).unwrap();
    assert_eq!(completion.result, Err(Error::OperationAborted));
    closer.join().unwrap();
    drop(peer);
    world.polled().report_all();
    world.judge();
}

#[test]
fn what_a_close_aborts_ends_the_poll_of_its_waiter() {
    let outcomes = &["a waiter polls", "the leader is called"];
    run_model(None, 33, outcomes, wait_and_abort);
}

/// Two wait, for a packet each. No time passes.
fn two_waiters() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let own_thread = world.polled().start();
    world.start_receive(descriptor, 7).unwrap();
    world.start_receive(descriptor, 8).unwrap();
    let other = spawn(&world, |world| world.queue.wait(None).unwrap().key);
    peer.write(b"xyz").unwrap();
    let mine = world.queue.wait(None).unwrap().key;
    assert_eq!(mine + other.join().unwrap(), 15);
    reached(if mine == 7 { "first" } else { "second" });
    assert_eq!(world.process.close(descriptor), Ok(()));
    drop(peer);
    world.polled().stop(own_thread);
    world.judge();
}

#[test]
fn one_of_two_waiters_polls_for_both() {
    let outcomes = &[
        "first",
        "second",
        "a waiter polls",
        "a follower is expected",
    ];
    run_model(Some(2), 1_480, outcomes, two_waiters);
}

/// A waiter that comes again and again, beside the transport's own thread. No
/// time passes, so nobody may count on its taking back what lies there.
fn turns() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let own_thread = world.polled().start();
    for key in [1, 2] {
        world.start_receive(descriptor, key).unwrap();
        peer.write(b"x").unwrap();

        let completion = world.queue.wait(None).unwrap();

        assert_eq!((completion.key, completion.result), (key, Ok(1)));
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    drop(peer);
    world.polled().stop(own_thread);
    world.judge();
}

#[test]
fn a_waiter_that_comes_back_leads_and_waits_for_no_time_to_pass() {
    let outcomes = &[
        "a waiter polls",
        "the transport's own thread polls",
        "a follower is expected",
    ];
    run_model(Some(3), 4_600, outcomes, turns);
}

/// The waiter stays away, and somebody waits who does not poll.
fn stays_away() {
    let world = world();
    let (descriptor, peer) = world.connect();
    let own_thread = world.polled().start();
    world.start_receive(descriptor, 1).unwrap();
    peer.write(b"x").unwrap();
    assert_eq!(world.queue.wait(None).unwrap().result, Ok(1));
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    world
        .process
        .recv_overlapped(descriptor, vec![0; 2], notify)
        .unwrap();
    peer.write(b"y").unwrap();
    let_limits_pass();
    assert_eq!(overlapped.wait(None).unwrap().result, Ok(1));
    assert_eq!(world.process.close(descriptor), Ok(()));
    drop(peer);
    world.polled().stop(own_thread);
    world.judge();
}

#[test]
fn the_transports_own_thread_polls_when_the_leader_stays_away() {
    let outcomes = &[
        "a waiter polls",
        "the transport's own thread polls",
        "a follower is expected",
    ];
    run_model(Some(3), 3_880, outcomes, stays_away);
}
