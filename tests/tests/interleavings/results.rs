//! In which order results are posted (R8), and to whom (S2, S3).

use closesocket::engine::Error;
use closesocket::engine::completions::Notify;
use closesocket::protocol::AbortScope;

use super::model::{reached, run_model};
use super::world::{Setup, Shared, World, spawn};

/// Two receives are pending; the second must not be told before the first.
fn two_receives() -> (
    Shared,
    closesocket::engine::Descriptor,
    super::world::KeptPeer,
) {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    world.start_receive(descriptor, 1).unwrap();
    world.start_receive(descriptor, 2).unwrap();
    (world, descriptor, peer)
}

fn assert_in_order(world: &World) -> Vec<Result<usize, Error>> {
    let (keys, results): (Vec<u64>, Vec<_>) = world.completions().into_iter().unzip();
    assert_eq!(keys, [1, 2], "a later receive overtook an earlier one");
    results
}

fn completion_and_close() {
    let (world, descriptor, peer) = two_receives();
    let peer = spawn(&world, move |_| {
        let written = peer.write(b"x");
        (peer, written)
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let (_peer, _) = peer.join().unwrap();
    let aborted = Err(Error::OperationAborted);
    reached(match assert_in_order(&world)[..] {
        [first, second] if first == aborted && second == aborted => "both aborted",
        [Ok(1), second] if second == aborted => "completed and aborted",
        ref other => panic!("{other:?}"),
    });
    world.judge();
}

//= docs/specification.md#r8-results-in-order
//# - An operation that is cancelled, or aborted by a close, MUST NOT be posted ahead of one of its
//# direction that ended before it.
#[test]
fn what_a_close_aborts_is_posted_behind_what_has_completed() {
    let outcomes = &["both aborted", "completed and aborted"];
    run_model(None, 13_000, outcomes, completion_and_close);
}

/// The transport's thread completes the one, the second's own call the other.
fn completion_and_receive() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    world.start_receive(descriptor, 1).unwrap();
    let writer = spawn(&world, move |_| {
        let written = peer.write(b"abcd");
        (peer, written)
    });
    world.start_receive(descriptor, 2).unwrap();
    let (_peer, written) = writer.join().unwrap();
    assert_eq!(written, Ok(4));
    assert_eq!(assert_in_order(&world), [Ok(2), Ok(2)]);
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

//= docs/specification.md#r8-results-in-order
//# - The results of the operations of one direction of one socket MUST be posted in the order of the
//# operations, whichever threads complete them.
#[test]
fn receives_that_two_threads_complete_are_posted_in_their_order() {
    run_model(None, 3_900, &[], completion_and_receive);
}

/// What was posted when the process had died, or cleaned up, is all there is.
fn told_by_then(world: &World, told: usize) {
    let all = world.completions();
    assert_eq!(
        all.len(),
        told,
        "posted when the sweep had returned: {all:?}"
    );
    reached(match all[..] {
        [] => "silent",
        [(7, Ok(1))] => "completed",
        [(7, Err(Error::OperationAborted))] => "aborted",
        ref other => panic!("{other:?}"),
    });
}

fn close_and_death() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    world.start_receive(descriptor, 7).unwrap();
    let closer = spawn(&world, move |world| world.process.close(descriptor));
    world.process.die();
    let told = world.queue.len();
    let closed = closer.join().unwrap();
    assert!(matches!(
        closed,
        Ok(()) | Err(Error::NotInitialised | Error::NotSocket)
    ));
    told_by_then(&world, told);
    world.judge();
}

//= docs/specification.md#s3-process-death
//# - A completion MUST NOT be posted to a dead process.
#[test]
fn a_close_that_meets_a_death_posts_nothing_once_the_death_has_returned() {
    run_model(None, 9_500, &["silent", "aborted"], close_and_death);
}

fn completion_and_cleanup() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    world.start_receive(descriptor, 7).unwrap();
    let peer = spawn(&world, move |_| {
        let _ = peer.write(b"x");
        peer
    });
    assert_eq!(world.process.cleanup(), Ok(()));
    let told = world.queue.len();
    let _peer = peer.join().unwrap();
    told_by_then(&world, told);
    world.judge();
}

//= docs/specification.md#s2-cleanup
//# - The result of an operation that was issued before a cleanup MUST NOT be posted after that
//# cleanup has returned, whatever ends the operation.
#[test]
fn a_completion_that_meets_a_cleanup_is_posted_before_that_returns_or_never() {
    let outcomes = &["silent", "completed"];
    run_model(None, 18_900, outcomes, completion_and_cleanup);
}

/// The one process dies while the other closes: whichever was the last reference,
/// the other's operation is told.
fn death_and_last_close() {
    let world = World::set_up(&Setup {
        abort_scope: AbortScope::LastReference,
        ..Setup::default()
    });
    let (descriptor, _peer) = world.connect();
    let shared = world.share(descriptor);
    let notify = Notify::queue(&world.queue, 7);
    let started = world.other.recv_overlapped(shared, vec![0; 2], notify);
    started.unwrap();
    let closer = spawn(&world, move |world| {
        let closed = world.other.close(shared);
        (closed, world.queue.len())
    });
    world.process.die();
    let (closed, told) = closer.join().unwrap();
    assert_eq!(closed, Ok(()));
    reached(if told == 0 { "by the death" } else { "told" });
    assert_eq!(world.completions(), [(7, Err(Error::OperationAborted))]);
    world.judge();
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - An operation that the end of another process aborts MUST be told as if a call had closed its
//# descriptor.
#[test]
fn an_operation_that_the_death_of_another_process_ends_is_told() {
    run_model(None, 30, &["by the death", "told"], death_and_last_close);
}

/// Two threads begin at once to use a queue that another provider has used and
/// left.
fn queue_of_a_provider_that_is_gone() {
    let world = World::new();
    let before = World::new();
    let (descriptor, peer) = before.connect();
    let notify = Notify::queue(&world.queue, 9);
    let started = before
        .process
        .recv_overlapped(descriptor, vec![0; 2], notify);
    started.unwrap();
    assert_eq!(before.process.close(descriptor), Ok(()));
    drop((before, peer));
    assert_eq!(world.completions(), [(9, Err(Error::OperationAborted))]);
    assert!(world.queue.is_abandoned());

    let (descriptor, peer) = world.connect();
    let other = spawn(&world, move |world| world.start_receive(descriptor, 1));
    world.start_receive(descriptor, 2).unwrap();
    assert!(!world.queue.is_abandoned(), "an operation will post to it");
    reached("another provider uses it");
    other.join().unwrap().unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.completions().len(), 2);
    drop(peer);
    world.judge();
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
//# queue is closed by hand or when no provider is left that could post to it.
#[test]
fn a_queue_is_not_abandoned_while_an_operation_will_post_to_it() {
    let outcomes = &["another provider uses it"];
    run_model(Some(2), 55, outcomes, queue_of_a_provider_that_is_gone);
}
