//! S2a, R4, C4 and O3: nobody waits for what cannot come, nobody waits where all
//! would, and what nobody can be told of is closed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Interest, Notify, Overlapped,
};
use closesocket::engine::{Descriptor, Error, Process};

use crate::handles::last_reference;
use crate::world::{
    BIG, End, FOREVER, Network, Peer, Sys, Task, World, assert_all, pattern, settings,
};

scenarios! {
    s2a_a_wait_for_an_operation_that_ended_silently_returns,
    s2a_a_wait_for_an_operation_that_was_refused_returns,
    s2a_the_waiters_of_a_closed_queue_return,
    s2a_the_waiters_of_a_queue_return_when_the_last_provider_is_gone,
    s2a_an_alertable_wait_returns_when_the_last_provider_is_gone,
    s2a_a_lingering_close_ends_with_its_process,
    r4_a_connection_that_nobody_can_be_told_of_is_closed,
    c4_nothing_waits_in_an_upcall_on_the_transports_thread,
    o3_a_routine_of_another_thread_is_refused,
    s3_a_routine_that_holds_its_process_goes_with_its_thread,
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
//# operation has ended silently or was never started.
fn s2a_a_wait_for_an_operation_that_ended_silently_returns<N: Network>(world: &World<N>) {
    for end in ["cleanup", "death", "drop"] {
        let process = world.provider.startup().unwrap();
        let (descriptor, peer) = world.connect_from(&process);
        let overlapped = Overlapped::new();
        let notify = Notify::event(&overlapped);
        process
            .recv_overlapped(descriptor, vec![0; 8], notify)
            .unwrap();
        assert!(!overlapped.is_abandoned());
        let waits = overlapped.clone();
        let waiter = Task::start(move || waits.wait(None).map(|it| it.result));
        match end {
            "cleanup" => process.cleanup().unwrap(),
            "death" => process.die(),
            _ => {}
        }
        drop(process);
        assert_eq!(waiter.result(), None, "{end}");
        assert!(overlapped.is_abandoned());
        assert!(!overlapped.event().is_set(), "it is not told");
        drop(peer);
    }
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
//# operation has ended silently or was never started.
fn s2a_a_wait_for_an_operation_that_was_refused_returns<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let overlapped = Overlapped::new();
    let stale = Descriptor::from_raw(0);
    let refused = process.recv_overlapped(stale, vec![0; 8], Notify::event(&overlapped));
    assert_eq!(refused, Err(Error::NotSocket));
    assert!(overlapped.wait(None).is_none() && overlapped.is_abandoned());
    // It can be used again.
    world.start_recv(descriptor, 8, Notify::event(&overlapped));
    assert!(!overlapped.is_abandoned());
    peer.write(b"x");
    assert_eq!(overlapped.wait(None).unwrap().result, Ok(1));
    process.close(descriptor).unwrap();
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
//# queue is closed by hand or when no provider is left that could post to it.
fn s2a_the_waiters_of_a_closed_queue_return<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    let waiters = [0, 1].map(|_| {
        let queue = queue.clone();
        Task::start(move || queue.wait(None).is_none())
    });
    queue.close();
    for waiter in waiters {
        assert!(waiter.result());
    }
    assert!(queue.is_abandoned());
    world.start_recv(descriptor, 8, Notify::queue(&queue, 1));
    peer.write(b"x");
    world.process.close(descriptor).unwrap();
    assert!(queue.wait(None).is_none(), "it stays closed");
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
//# queue is closed by hand or when no provider is left that could post to it.
fn s2a_the_waiters_of_a_queue_return_when_the_last_provider_is_gone<N: Network>(_: &World<N>) {
    let queue = CompletionQueue::new();
    let worlds = [0, 1].map(|_| World::<N>::with(settings()));
    let mut peers = Vec::new();
    for world in &worlds {
        let (descriptor, peer) = world.connect();
        world.start_recv(descriptor, 8, Notify::queue(&queue, 1));
        peers.push(peer);
    }
    let waits = queue.clone();
    let waiter = Task::start(move || waits.wait(None).is_none());
    let mut worlds = worlds.into_iter();
    for world in worlds.by_ref().take(1) {
        world.process.die();
        drop(world);
    }
    assert!(!queue.is_abandoned(), "the other is left");
    assert!(waiter.goes_on());
    for world in worlds {
        world.process.die();
        drop(world);
    }
    assert!(waiter.result());
    assert!(queue.is_abandoned());
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - An alertable wait MUST return, and tell that nothing will come, when no provider is left that
//# could queue a routine.
fn s2a_an_alertable_wait_returns_when_the_last_provider_is_gone<N: Network>(_: &World<N>) {
    let world = World::<N>::with(settings());
    let (descriptor, peer) = world.connect();
    let alertable = AlertableThread::new();
    world.start_recv(descriptor, 8, Notify::routine(&alertable, 1, |_| {}));
    assert!(!alertable.is_abandoned());
    world.process.die();
    drop(world);
    assert_eq!(alertable.wait(None), 0);
    assert!(alertable.is_abandoned());
    drop(peer);
}

fn s2a_a_lingering_close_ends_with_its_process<N: Network>(world: &World<N>) {
    let (descriptor, peer, _) = world.stalled();
    let closing = world.close_lingering(descriptor);
    world.process.die();
    assert_eq!(closing.result(), Err(Error::Interrupted));
    drop(peer);
}

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - A connection whose accept completed for somebody who can no longer be told MUST be closed.
fn r4_a_connection_that_nobody_can_be_told_of_is_closed<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let accept = |notify| {
        let accepting = world.process.accept_overlapped(listener, notify);
        accepting.unwrap();
    };
    let is_closed = || {
        let mut peer = world.dial(&address);
        assert_eq!(peer.read(&mut [0; 8]), Err(End::Fin));
    };
    let thread = AlertableThread::new();
    accept(Notify::routine(&thread, 1, |_| {}));
    drop(thread);
    is_closed();
    accept(Notify::nobody());
    is_closed();
    let overlapped = Overlapped::new();
    accept(Notify::event(&overlapped));
    drop(overlapped);
    is_closed();
    // Completed, but not taken.
    let queue = CompletionQueue::new();
    accept(Notify::queue(&queue, 1));
    let mut peer = world.dial(&address);
    world.until("it has completed", || !queue.is_empty());
    assert!(peer.hears_nothing());
    drop(queue);
    assert_eq!(peer.read(&mut [0; 8]), Err(End::Fin));
    let thread = AlertableThread::new();
    accept(Notify::routine(&thread, 1, |_| {}));
    let mut peer = world.dial(&address);
    world.until("it has completed", || thread.queued() > 0);
    drop(thread);
    assert_eq!(peer.read(&mut [0; 8]), Err(End::Fin));
    world.until("only the listener is left", || {
        world.process.descriptors() == 1
    });
    world.process.close(listener).unwrap();
}

//= docs/specification.md#c4-on-the-thread-of-the-transport
//# - A lingering close on a thread that is in a call of the transport's MUST drain in the
//# background, and reset the connection when its timeout expires.
//= docs/specification.md#c4-on-the-thread-of-the-transport
//# - A call that would wait on a thread that is in a call of the transport's MUST fail with
//# WSAEWOULDBLOCK, as on a nonblocking socket.
fn c4_nothing_waits_in_an_upcall_on_the_transports_thread<N: Network>(_: &World<N>) {
    let world = last_reference::<N>();
    let process = &world.process;
    // The handle of `closed` goes back when its receive ends, on whatever thread
    // the transport reports from.
    let (closed, mut trigger) = world.connect();
    let twin = world.share(closed, process);
    world.start_recv(closed, 8, Notify::nobody());
    process.close(closed).unwrap();
    let (lingering, mut slow) = world.connect();
    process.set_linger(lingering, Some(FOREVER)).unwrap();
    world.start_send(lingering, pattern(0, BIG), Notify::nobody());
    let (idle, mut other) = world.connect();
    let (tell, told) = std::sync::mpsc::channel();
    let (within, before) = (process.clone(), AtomicBool::new(false));
    world.dll.during(move |_, _| {
        if before.swap(true, Ordering::SeqCst) {
            return;
        }
        let queue = CompletionQueue::<closesocket::engine::sync::Std>::new();
        let interests = [(idle, Interest::READABLE)];
        tell.send((
            within.recv(idle, &mut [0; 8]),
            within.select(&interests, None),
            queue.wait(None).is_none(),
            within.close(lingering),
        ))
        .unwrap();
    });
    trigger.write(b"x");
    let (recv, select, nothing, close) = told.recv_timeout(crate::world::PATIENCE).unwrap();
    assert_eq!(recv, Err(Error::WouldBlock));
    assert_eq!(select, Err(Error::WouldBlock));
    assert!(nothing);
    assert_eq!(close, Ok(()));
    // Nobody is held up, and what was accepted arrives.
    other.write(b"y");
    assert_eq!(process.recv(idle, &mut [0; 8]), Ok(1));
    let (received, end) = slow.read_to_end();
    assert_eq!(end, End::Fin);
    assert!(received == pattern(0, received.len()) && !received.is_empty());
    for each in [twin, idle] {
        process.close(each).unwrap();
    }
    // It holds the process, which holds it.
    world.dll.during(|_, _| {});
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - An operation whose completion routine belongs to another thread MUST be refused with WSAEINVAL,
//# and nothing started.
fn o3_a_routine_of_another_thread_is_refused<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let mine = AlertableThread::new();
    let notify = Notify::routine(&mine, 1, |_| {});
    let process = world.process.clone();
    let elsewhere = Task::start(move || process.recv_overlapped(descriptor, vec![0; 8], notify));
    assert_eq!(elsewhere.result(), Err(Error::InvalidArgument));
    assert_eq!(world.process.cancel_all(descriptor), Err(Error::NotFound));
    peer.write(b"all");
    assert_eq!(world.process.recv(descriptor, &mut [0; 8]), Ok(3));
    assert_eq!(mine.wait(Some(Duration::ZERO)), 0);
    world.process.close(descriptor).unwrap();
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#s3-process-death
//# - The death of a process MUST close every descriptor of that process without waiting for
//# anything.
fn s3_a_routine_that_holds_its_process_goes_with_its_thread<N: Network>(_: &World<N>) {
    let world = World::<N>::with(settings());
    let process = world.provider.startup().unwrap();
    let (descriptor, mut peer) = world.connect_from(&process);
    let weak = process.downgrade();
    let alertable = AlertableThread::new();
    let held: Process<Sys<N>> = process.clone();
    let notify = Notify::routine(&alertable, 1, move |_| {
        let _ = held.close(descriptor);
    });
    process
        .recv_overlapped(descriptor, vec![0; 8], notify)
        .unwrap();
    drop(process);
    assert!(weak.upgrade().is_some(), "its routine can still run");
    drop(alertable);
    assert!(weak.upgrade().is_none());
    assert_eq!(peer.read(&mut [0; 8]), Err(End::Fin));
}
