//! H1 to H5: when a provider that is not an IFS gives its handles back.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use closesocket::engine::completions::{AlertableThread, CompletionQueue, Notify};
use closesocket::engine::{Config, Error};
use closesocket::protocol::{AbortScope, HandleKind};

use crate::world::{FOREVER, LONG, Network, PATIENCE, Peer, World, assert_all, pattern, settings};

scenarios! {
    h1_each_closed_descriptor_gives_its_handle_back_once,
    h1_a_cleanup_gives_back_the_handle_of_each_descriptor,
    h1_a_death_gives_no_handle_back,
    h1_an_accepted_connection_gives_its_handle_back_too,
    h2_the_handle_follows_the_delivery_of_every_operation,
    h2_the_handle_follows_the_packet_of_an_operation_that_outlived_it,
    h2_the_handle_waits_for_a_thread_that_is_inside_a_call,
    h2_the_handle_waits_for_the_end_of_a_lingering_close,
    h2_a_callback_that_closes_does_not_hold_the_handle_back,
    h3_a_close_that_would_block_gives_no_handle_back,
    h3_a_close_that_found_no_socket_gives_no_handle_back,
    h4_a_failed_upcall_retires_the_slot_and_is_reported_and_not_repeated,
    h4_a_failed_upcall_neither_loses_nor_repeats_the_release,
    h4_an_upcall_that_panics_has_failed_and_stops_nobody,
    h4_an_ifs_provider_makes_no_upcall,
    h4_an_upcall_may_call_the_provider,
    h5_the_handle_goes_back_before_a_background_drain_ends,
}

fn non_ifs<N: Network>() -> World<N> {
    World::with(Config {
        handle_kind: HandleKind::NonIfs,
        ..settings()
    })
}

/// The same, where operations outlive their descriptor.
pub(crate) fn last_reference<N: Network>() -> World<N> {
    World::with(Config {
        handle_kind: HandleKind::NonIfs,
        abort_scope: AbortScope::LastReference,
        ..settings()
    })
}

//= docs/specification.md#h1-once-for-each-closed-descriptor
//# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a close
//# or a cleanup has closed.
fn h1_each_closed_descriptor_gives_its_handle_back_once<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (first, _peer) = world.connect();
    let other = world.other();
    let second = world.share(first, &other);
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(world.dll.returned(), [(world.process.id(), first)]);
    assert_eq!(world.process.close(first), Err(Error::NotSocket));
    assert_eq!(other.close(second), Ok(()));
    let both = [(world.process.id(), first), (other.id(), second)];
    assert_eq!(world.dll.returned(), both);
}

//= docs/specification.md#h1-once-for-each-closed-descriptor
//# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a close
//# or a cleanup has closed.
fn h1_a_cleanup_gives_back_the_handle_of_each_descriptor<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (first, _one) = world.connect();
    let (second, _two, _) = world.stalled();
    let queue = CompletionQueue::new();
    world.start_recv(second, 4, Notify::queue(&queue, 1));
    assert_eq!(world.process.cleanup(), Ok(()));
    let id = world.process.id();
    let mut returned = world.dll.returned();
    returned.sort_by_key(|(_, descriptor)| *descriptor);
    let mut both = [(id, first), (id, second)];
    both.sort_by_key(|(_, descriptor)| *descriptor);
    assert_eq!(returned, both);
}

//= docs/specification.md#h1-once-for-each-closed-descriptor
//# - The handle of a descriptor that was ended by process death MUST NOT be given back.
fn h1_a_death_gives_no_handle_back<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let other = world.other();
    let (first, mut peer) = world.connect_from(&other);
    let second = other
        .redeem(other.duplicate(first, other.id()).unwrap())
        .unwrap();
    assert_ne!(first, second);
    other.die();
    assert_all(peer.read_to_end(), 0);
    world.until_released();
    assert_eq!(world.dll.count(), 0);
}

fn h1_an_accepted_connection_gives_its_handle_back_too<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (listener, address) = world.listener();
    let _peer = world.dial(&address);
    let accepted = world.process.accept(listener).unwrap();
    assert_eq!(world.process.close(listener), Ok(()));
    assert_eq!(world.process.close(accepted), Ok(()));
    let id = world.process.id();
    assert_eq!(world.dll.returned(), [(id, listener), (id, accepted)]);
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back before every operation through its descriptor has ended and
//# its result has been delivered.
//= docs/specification.md#h2-after-the-operations
//# - Every call and every pending operation MUST hold its descriptor until its result has been
//# delivered.
//= docs/specification.md#h2-after-the-operations
//# - The closing thread MUST give up its hold only after it has delivered the operations that it
//# aborted.
fn h2_the_handle_follows_the_delivery_of_every_operation<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, _peer, accepted) = world.stalled();
    let queue = CompletionQueue::new();
    for key in 0..200 {
        let notify = Notify::queue(&queue, key);
        if key == 0 {
            let buffer = pattern(accepted, crate::world::BIG);
            world.start_send(descriptor, buffer, notify);
        } else {
            world.start_recv(descriptor, 2, notify);
        }
    }
    let delivered = Arc::new(Mutex::new(Vec::new()));
    let (seen, packets) = (Arc::clone(&delivered), queue.clone());
    world.dll.during(move |_, _| {
        seen.lock().unwrap().push(packets.len());
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(*delivered.lock().unwrap(), [200]);
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back before every operation through its descriptor has ended and
//# its result has been delivered.
fn h2_the_handle_follows_the_packet_of_an_operation_that_outlived_it<N: Network>(_: &World<N>) {
    let world = last_reference::<N>();
    let (descriptor, mut peer) = world.connect();
    let kept = world.share(descriptor, &world.process);
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.dll.count(), 0);
    let posted = Arc::new(Mutex::new(Vec::new()));
    let (seen, packets) = (Arc::clone(&posted), queue.clone());
    world.dll.during(move |_, _| {
        seen.lock().unwrap().push(packets.len());
    });
    peer.write(b"go");
    world.until("the handle goes back", || world.dll.count() == 1);
    assert_eq!(*posted.lock().unwrap(), [1]);
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(2));
    assert_eq!(world.process.close(kept), Ok(()));
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
//= docs/specification.md#h2-after-the-operations
//# - Every call and every pending operation MUST hold its descriptor until its result has been
//# delivered.
fn h2_the_handle_waits_for_a_thread_that_is_inside_a_call<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, _peer) = world.connect();
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    let inside = world.process.begin(descriptor).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    assert_eq!(world.dll.count(), 0);
    assert_eq!(world.process.descriptors(), 1);
    drop(inside);
    assert_eq!(world.dll.returned(), [(world.process.id(), descriptor)]);
}

//= docs/specification.md#h2-after-the-operations
//# - The closing thread MUST become a holder of the descriptor in the commit itself.
fn h2_the_handle_waits_for_the_end_of_a_lingering_close<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, mut peer, accepted) = world.stalled();
    let closing = world.close_lingering(descriptor);
    assert_eq!(world.dll.count(), 0);
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
    assert_eq!(world.dll.count(), 1);
}

fn h2_a_callback_that_closes_does_not_hold_the_handle_back<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, mut peer) = world.connect();
    let thread = AlertableThread::new();
    let (process, dll) = (world.process.clone(), Arc::clone(&world.dll));
    let notify = Notify::routine(&thread, 1, move |_| {
        assert_eq!(process.close(descriptor), Ok(()));
        // Whoever queued the routine may hold the descriptor a moment longer:
        // it leaves after the delivery.
        let give_up = Instant::now() + PATIENCE;
        while dll.count() == 0 && Instant::now() < give_up {
            thread::yield_now();
        }
        assert_eq!(dll.count(), 1, "while the routine still runs");
    });
    world.start_recv(descriptor, 4, notify);
    peer.write(b"go");
    assert_eq!(thread.wait(LONG), 1);
}

//= docs/specification.md#h3-not-after-a-failed-close
//# - A close that fails before its commit MUST NOT give the handle back.
fn h3_a_close_that_would_block_gives_no_handle_back<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, mut peer, accepted) = world.stalled();
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Err(Error::WouldBlock));
    assert_eq!(world.dll.count(), 0);
    world.process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.dll.count(), 1);
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#h3-not-after-a-failed-close
//# - A close that fails before its commit MUST NOT give the handle back.
fn h3_a_close_that_found_no_socket_gives_no_handle_back<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, _peer) = world.connect();
    world.provider.set_network_down(true);
    assert_eq!(world.process.close(descriptor), Err(Error::NetworkDown));
    world.provider.set_network_down(false);
    assert_eq!(world.dll.count(), 0);
    assert_eq!(world.process.close(descriptor), Ok(()));
    for _ in 0..10 {
        assert_eq!(world.process.close(descriptor), Err(Error::NotSocket));
    }
    assert_eq!(world.dll.count(), 1);
}

//= docs/specification.md#h4-one-attempt
//# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
//= docs/specification.md#h4-one-attempt
//# - A failure of the handle upcall MUST be reported to the provider.
//= docs/specification.md#h4-one-attempt
//# - A slot whose handle upcall has failed MUST be retired, so that it never serves another
//# descriptor.
fn h4_a_failed_upcall_retires_the_slot_and_is_reported_and_not_repeated<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        handle_kind: HandleKind::NonIfs,
        descriptor_limit: 2,
        ..settings()
    });
    let (descriptor, _peer) = world.connect();
    world.dll.fail(true);
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.dll.fail(false);
    world.retired.store(1, Ordering::SeqCst);
    assert_eq!(world.provider.usage().retired_handles, 1);
    assert_eq!(world.process.close(descriptor), Err(Error::NotSocket));
    for _ in 0..3 {
        // One slot is left, and it never is the retired one.
        let next = world.process.socket().unwrap();
        assert_ne!(next.slot(), descriptor.slot());
        let full = world.process.socket();
        assert_eq!(full, Err(Error::TooManyDescriptors));
        assert_eq!(world.process.close(next), Ok(()));
    }
    let attempts = world.dll.returned();
    let of_it = attempts.iter().filter(|(_, it)| *it == descriptor);
    assert_eq!(of_it.count(), 1);
}

//= docs/specification.md#h4-one-attempt
//# - A failure of the handle upcall MUST NOT cause the release of the socket to be lost or
//# repeated.
fn h4_a_failed_upcall_neither_loses_nor_repeats_the_release<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (graceful, mut one, accepted) = world.stalled();
    let (lingering, mut two, also) = world.stalled();
    world.process.set_linger(lingering, Some(FOREVER)).unwrap();
    world.dll.fail(true);
    world.retired.store(2, Ordering::SeqCst);
    assert_eq!(world.process.close(graceful), Ok(()));
    let closing = world.block(move |process| process.close(lingering));
    assert_all(two.read_to_end(), also);
    assert_eq!(closing.result(), Ok(()));
    assert_all(one.read_to_end(), accepted);
    world.until_released();
}

//= docs/specification.md#h4-one-attempt
//# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
fn h4_an_upcall_that_panics_has_failed_and_stops_nobody<N: Network>(_: &World<N>) {
    let world = last_reference::<N>();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    world.dll.during(move |_, _| {
        if counted.fetch_add(1, Ordering::SeqCst) < 2 {
            resume_unwind(Box::new("the DLL above is broken"));
        }
    });
    world.retired.store(2, Ordering::SeqCst);
    let queue = CompletionQueue::new();
    let (first, mut peer) = world.connect();
    let kept = world.share(first, &world.process);
    for (descriptor, key) in [(first, 1), (kept, 2)] {
        world.start_recv(descriptor, 1, Notify::queue(&queue, key));
    }
    // The handle goes back when the receive ends, on a thread of the transport's if it
    // has one.
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(attempts.load(Ordering::SeqCst), 0);
    peer.write(b"ab");
    for key in [1, 2] {
        let received = queue.wait(LONG).unwrap();
        assert_eq!((received.key, received.result), (key, Ok(1)));
    }
    world.until("it has panicked", || attempts.load(Ordering::SeqCst) == 1);
    // In the close itself, which aborts an operation.
    world.start_recv(kept, 1, Notify::queue(&queue, 3));
    assert_eq!(world.process.close(kept), Ok(()));
    assert_eq!(queue.take().unwrap().result, Err(Error::OperationAborted));
    assert_eq!(world.process.close(kept), Err(Error::NotSocket));
    let (after, _peer) = world.connect();
    assert_eq!(world.process.close(after), Ok(()));
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    assert_eq!(world.provider.metrics().callback_panics, 2);
}

//= docs/specification.md#h4-one-attempt
//# - An IFS provider MUST NOT make the handle upcall.
fn h4_an_ifs_provider_makes_no_upcall<N: Network>(world: &World<N>) {
    let (first, _one) = world.connect();
    let (_second, _two) = world.connect();
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(world.process.cleanup(), Ok(()));
    assert_eq!(world.dll.count(), 0);
}

fn h4_an_upcall_may_call_the_provider<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, _peer) = world.connect();
    let process = world.process.clone();
    let depth = AtomicUsize::new(0);
    world.dll.during(move |_, gone| {
        assert_eq!(process.linger(gone), Err(Error::NotSocket));
        if depth.fetch_add(1, Ordering::SeqCst) == 0 {
            let next = process.socket().unwrap();
            assert_eq!(process.close(next), Ok(()));
        }
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.dll.count(), 2);
    // The hook holds a handle of the process.
    world.dll.during(|_, _| {});
}

//= docs/specification.md#h5-background-drains
//# - A provider MAY give the handle back before a background drain has ended.
fn h5_the_handle_goes_back_before_a_background_drain_ends<N: Network>(_: &World<N>) {
    let world = non_ifs::<N>();
    let (descriptor, mut peer, accepted) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.dll.count(), 1);
    assert_eq!(world.provider.usage().sockets, 1);
    assert_all(peer.read_to_end(), accepted);
    world.until_released();
    assert_eq!(world.dll.count(), 1);
}
