//! When and in which order results are delivered, and what waits for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faulty;

use std::sync::{Arc, Mutex};
use std::thread;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::{Config, Descriptor, Error, Process, ProcessId, UpcallFailed, Upcalls};
use closesocket::protocol::{AbortScope, HandleKind};
use faulty::World;

type Hook = Box<dyn FnMut(ProcessId, Descriptor) + Send>;

/// The DLL above: runs a hook in each upcall.
#[derive(Clone, Default)]
struct Dll(Arc<Mutex<Option<Hook>>>);

impl Dll {
    fn during(&self, hook: impl FnMut(ProcessId, Descriptor) + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(hook));
    }
}

impl Upcalls for Dll {
    fn close_socket_handle(&self, by: ProcessId, it: Descriptor) -> Result<(), UpcallFailed> {
        let hook = self.0.lock().unwrap().take();
        if let Some(mut hook) = hook {
            hook(by, it);
            self.0.lock().unwrap().get_or_insert(hook);
        }
        Ok(())
    }
}

fn world(abort_scope: AbortScope) -> (World, Dll) {
    let config = Config {
        handle_kind: HandleKind::NonIfs,
        abort_scope,
        ..Config::default()
    };
    let dll = Dll::default();
    (World::with_upcalls(config, dll.clone()), dll)
}

/// The handles that go back.
fn returned(dll: &Dll) -> Arc<Mutex<Vec<Descriptor>>> {
    let returned = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&returned);
    dll.during(move |_, it| notes.lock().unwrap().push(it));
    returned
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
//= docs/specification.md#h2-after-the-operations
//# - An overlapped call and its operation MUST each have a hold of their own from the moment that
//# the call is let in.
#[test]
fn the_handle_waits_for_the_thread_that_is_still_inside_its_overlapped_call() {
    let (world, dll) = world(AbortScope::Descriptor);
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    let returned = returned(&dll);
    let (closer, seen) = (world.process.clone(), Arc::clone(&returned));
    world.meanwhile(move || {
        // The caller is on its way out of its call.
        let closed = thread::spawn(move || closer.close(descriptor)).join();
        assert_eq!(closed.unwrap(), Ok(()));
        assert_eq!(*seen.lock().unwrap(), [], "the caller is still inside");
    });
    let notify = Notify::queue(&queue, 7);
    let started = world
        .process
        .recv_overlapped(descriptor, vec![0; 1], notify);
    assert!(started.is_ok());
    let aborted = queue.take().unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(*returned.lock().unwrap(), [descriptor]);
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn an_overlapped_call_that_is_refused_gives_both_its_holds_back() {
    let (world, dll) = world(AbortScope::Descriptor);
    let unconnected = world.process.socket().unwrap();
    let returned = returned(&dll);
    let refused = world
        .process
        .recv_overlapped(unconnected, vec![0; 1], Notify::nobody());
    assert_eq!(refused, Err(Error::NotConnected));
    assert_eq!(world.process.close(unconnected), Ok(()));
    assert_eq!(*returned.lock().unwrap(), [unconnected]);
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back before every operation through its descriptor has ended and
//# its result has been delivered.
#[test]
fn the_handle_goes_back_behind_the_packet_of_the_operation_that_outlived_it() {
    let (world, dll) = world(AbortScope::LastReference);
    let (descriptor, peer) = world.connect();
    let other = world.provider.startup().unwrap();
    let record = world.process.duplicate(descriptor, other.id()).unwrap();
    let kept = other.redeem(record).unwrap();
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 1, Notify::queue(&queue, 7));
    assert_eq!(world.process.close(descriptor), Ok(()));
    let packets = Arc::new(Mutex::new(Vec::new()));
    let (notes, seen) = (Arc::clone(&packets), queue.clone());
    dll.during(move |_, _| notes.lock().unwrap().push(seen.len()));
    peer.write(b"x").unwrap();
    assert_eq!(*packets.lock().unwrap(), [1]);
    assert_eq!(queue.take().unwrap().result, Ok(1));
    assert_eq!(other.close(kept), Ok(()));
}

//= docs/specification.md#s3-process-death
//# - A completion MUST NOT be posted to a dead process.
#[test]
fn nothing_comes_to_a_process_that_dies_while_what_it_waited_for_completes() {
    let (world, dll) = world(AbortScope::LastReference);
    let (descriptor, peer) = world.connect();
    let other = world.provider.startup().unwrap();
    let record = world.process.duplicate(descriptor, other.id()).unwrap();
    let kept = other.redeem(record).unwrap();
    let (queue, dead) = (CompletionQueue::new(), CompletionQueue::new());
    let start = |process: &Process<faulty::System>, through, to: &CompletionQueue| {
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
    dll.during(move |_, _| {
        // In the midst of one section's results.
        other.die();
        note.lock().unwrap().get_or_insert(seen.len());
    });
    peer.write(b"xy").unwrap();
    assert_eq!(queue.take().unwrap().result, Ok(1));
    let told = told.lock().unwrap().expect("the handle went back");
    assert_eq!(dead.len(), told, "it was told after it had died");
}
