//! When and in which order results are delivered, and what waits for it.

use std::sync::{Arc, Mutex};
use std::thread;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::{Config, Error, Process};
use closesocket::protocol::{AbortScope, HandleKind};

use crate::faulty::{System, World};

fn world(abort_scope: AbortScope) -> World {
    World::new(Config {
        handle_kind: HandleKind::NonIfs,
        abort_scope,
        ..Config::default()
    })
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
//= docs/specification.md#h2-after-the-operations
//# - An overlapped call and its operation MUST each have a hold of their own from the moment that
//# the call is let in.
#[test]
fn the_handle_waits_for_the_thread_that_is_still_inside_its_overlapped_call() {
    let world = world(AbortScope::Descriptor);
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    let (closer, seen) = (world.process.clone(), Arc::clone(&world.dll));
    world.meanwhile(move || {
        // The caller is on its way out of its call.
        let closed = thread::spawn(move || closer.close(descriptor)).join();
        assert_eq!(closed.unwrap(), Ok(()));
        assert_eq!(seen.count(), 0, "the caller is still inside");
    });
    world.start_recv(descriptor, 1, Notify::queue(&queue, 7));
    let aborted = queue.take().unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(world.dll.returned(), [(world.process.id(), descriptor)]);
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn an_overlapped_call_that_is_refused_gives_both_its_holds_back() {
    let world = world(AbortScope::Descriptor);
    let unconnected = world.process.socket().unwrap();
    let refused = world
        .process
        .recv_overlapped(unconnected, vec![0; 1], Notify::nobody());
    assert_eq!(refused, Err(Error::NotConnected));
    assert_eq!(world.process.close(unconnected), Ok(()));
    assert_eq!(world.dll.returned(), [(world.process.id(), unconnected)]);
}

//= docs/specification.md#s3-process-death
//# - A completion MUST NOT be posted to a dead process.
#[test]
fn nothing_comes_to_a_process_that_dies_while_what_it_waited_for_completes() {
    let world = world(AbortScope::LastReference);
    let (descriptor, peer) = world.connect();
    let other = world.provider.startup().unwrap();
    let kept = world.share(descriptor, &other);
    let (queue, dead) = (CompletionQueue::new(), CompletionQueue::new());
    let start = |process: &Process<System>, through, to: &CompletionQueue| {
        let notify = Notify::queue(to, 7);
        process
            .recv_overlapped(through, vec![0; 1], notify)
            .unwrap();
    };
    start(&world.process, descriptor, &queue);
    start(&other, kept, &dead);
    assert_eq!(world.process.close(descriptor), Ok(()), "it outlives it");
    let told = Arc::new(Mutex::new(None));
    let (note, seen) = (Arc::clone(&told), dead.clone());
    world.dll.during(move |_, _| {
        // In the midst of one section's results.
        other.die();
        note.lock().unwrap().get_or_insert(seen.len());
    });
    peer.write(b"xy").unwrap();
    assert_eq!(queue.take().unwrap().result, Ok(1));
    let told = told.lock().unwrap().expect("the handle went back");
    assert_eq!(dead.len(), told, "it was told after it had died");
}
