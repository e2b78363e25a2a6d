//! The engine over connections in memory, one behaviour a test.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use closesocket::engine::{
    AlertableThread, CompletionQueue, Error, Event, Interest, MemoryAddress, Notify, Overlapped,
    Peer, PeerListener, PeerRead, Process, Provider,
};
use closesocket::protocol::Descriptor;

const HOME: MemoryAddress = MemoryAddress(1);
const LONG: Option<Duration> = Some(Duration::from_secs(20));

struct World {
    provider: Provider,
    process: Process,
    listener: PeerListener,
}

impl World {
    fn new() -> Self {
        let provider = Provider::in_memory();
        let listener = provider.transport().listen(HOME).unwrap();
        Self {
            process: provider.startup().unwrap(),
            provider,
            listener,
        }
    }

    fn connect(&self) -> (Descriptor, Peer) {
        let descriptor = self.process.socket().unwrap();
        self.process.set_nonblocking(descriptor, true).unwrap();
        assert_eq!(
            self.process.connect(descriptor, &HOME),
            Err(Error::WouldBlock)
        );
        let peer = self.listener.accept().unwrap();
        self.process.set_nonblocking(descriptor, false).unwrap();
        (descriptor, peer)
    }

    fn assert_nothing_left(&self) {
        assert_eq!(self.process.descriptors(), 0);
        assert_eq!(self.process.blocked_threads(), 0);
        assert_eq!(self.provider.usage().sockets, 0);
    }
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn bytes_go_both_ways_and_a_graceful_close_sends_the_fin() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    assert_eq!(world.process.send(descriptor, b"hello"), Ok(5));
    assert_eq!(peer.read(64), PeerRead::Bytes(b"hello".to_vec()));
    assert_eq!(peer.write(b"world"), Ok(5));
    let mut buffer = [0; 8];
    assert_eq!(world.process.recv(descriptor, &mut buffer), Ok(5));
    assert_eq!(&buffer[..5], b"world");
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(peer.read(64), PeerRead::End);
    assert_eq!(world.process.close(descriptor), Err(Error::NotSocket));
    world.assert_nothing_left();
}

#[test]
fn a_blocked_receive_is_woken_by_a_close() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let process = world.process.clone();
    let receiver = thread::spawn(move || process.recv(descriptor, &mut [0; 8]));
    until(|| world.process.blocked_threads() == 1);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(receiver.join().unwrap(), Err(Error::Interrupted));
    world.assert_nothing_left();
}

#[test]
fn an_overlapped_receive_is_aborted_once_through_its_queue() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    for key in 0..100 {
        let notify = Notify::queue(&queue, key);
        world
            .process
            .recv_overlapped(descriptor, vec![0; 4], notify)
            .unwrap();
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    for key in 0..100 {
        let completion = queue.take().unwrap();
        assert_eq!(
            (completion.key, completion.result),
            (key, Err(Error::OperationAborted))
        );
        assert_eq!(completion.buffer.len(), 4);
    }
    assert!(queue.is_empty());
    world.assert_nothing_left();
}

#[test]
fn a_lingering_close_waits_and_resets_when_its_time_has_passed() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_linger(descriptor, Some(1)).unwrap();
    world.process.send(descriptor, b"never read").unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.assert_nothing_left();
    peer.stall(false);
}

#[test]
fn a_lingering_close_returns_when_the_peer_has_taken_everything() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_linger(descriptor, Some(60)).unwrap();
    world.process.send(descriptor, b"read late").unwrap();
    let process = world.process.clone();
    let closer = thread::spawn(move || process.close(descriptor));
    until(|| world.process.blocked_threads() == 1);
    assert_eq!(world.process.close(descriptor), Err(Error::NotSocket));
    peer.stall(false);
    assert_eq!(closer.join().unwrap(), Ok(()));
    assert_eq!(peer.read_all(), (b"read late".to_vec(), PeerRead::End));
    world.assert_nothing_left();
}

#[test]
fn a_cancelled_linger_returns_and_the_drain_goes_on() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_linger(descriptor, Some(60)).unwrap();
    world.process.send(descriptor, b"later").unwrap();
    let process = world.process.clone();
    let (tell, thread_id) = std::sync::mpsc::channel();
    let closer = thread::spawn(move || {
        tell.send(Process::<closesocket::engine::InMemory>::current_thread())
            .unwrap();
        process.close(descriptor)
    });
    let thread_id = thread_id.recv().unwrap();
    until(|| world.process.cancel_blocking_call(thread_id));
    assert_eq!(closer.join().unwrap(), Err(Error::Interrupted));
    assert_eq!(world.provider.usage().sockets, 1);
    peer.stall(false);
    assert_eq!(peer.read_all(), (b"later".to_vec(), PeerRead::End));
    world.assert_nothing_left();
}

#[test]
fn a_hard_close_resets_and_discards() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    world.process.set_linger(descriptor, Some(0)).unwrap();
    world.process.send(descriptor, b"lost").unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    // What had arrived before the reset can still be read.
    assert_eq!(peer.read_all(), (b"lost".to_vec(), PeerRead::Reset));
    world.assert_nothing_left();
}

#[test]
fn a_nonblocking_lingering_close_would_block_and_changes_nothing() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_nonblocking(descriptor, true).unwrap();
    world.process.set_linger(descriptor, Some(5)).unwrap();
    let queue = CompletionQueue::new();
    world
        .process
        .recv_overlapped(descriptor, vec![0; 4], Notify::queue(&queue, 7))
        .unwrap();
    world.process.send(descriptor, b"queued").unwrap();
    assert_eq!(world.process.close(descriptor), Err(Error::WouldBlock));
    assert!(queue.is_empty());
    assert_eq!(world.process.queued(descriptor), Ok(6));
    peer.stall(false);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(queue.take().unwrap().result, Err(Error::OperationAborted));
    assert_eq!(peer.read_all(), (b"queued".to_vec(), PeerRead::End));
    world.assert_nothing_left();
}

#[test]
fn a_select_wakes_when_its_descriptor_is_closed() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let process = world.process.clone();
    let waiter = thread::spawn(move || process.select(&[(descriptor, Interest::READABLE)], LONG));
    thread::sleep(Duration::from_millis(20));
    assert_eq!(world.process.close(descriptor), Ok(()));
    let ready = waiter.join().unwrap().unwrap();
    assert!(ready[0].1.closed);
    world.assert_nothing_left();
}

#[test]
fn an_accept_gives_a_connection_and_a_listener_close_resets_its_backlog() {
    let world = World::new();
    let address = MemoryAddress(2);
    let listener = world.process.socket().unwrap();
    world.process.bind(listener, &address).unwrap();
    world.process.listen(listener, 4).unwrap();
    let overlapped = Overlapped::new();
    world
        .process
        .accept_overlapped(listener, Notify::event(&overlapped))
        .unwrap();
    let first = world.provider.transport().dial(address).unwrap();
    let accepted = overlapped.wait(LONG).unwrap().accepted.unwrap();
    let second = world.provider.transport().dial(address).unwrap();
    assert_eq!(world.process.close(listener), Ok(()));
    assert_eq!(second.read(8), PeerRead::Reset);
    world.process.send(accepted, b"kept").unwrap();
    assert_eq!(first.read(8), PeerRead::Bytes(b"kept".to_vec()));
    assert_eq!(world.process.close(accepted), Ok(()));
    world.assert_nothing_left();
}

#[test]
fn a_close_from_within_a_completion_routine_works() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let thread = AlertableThread::new();
    let process = world.process.clone();
    let notify = Notify::routine(&thread, 1, move |completion| {
        assert_eq!(completion.result, Ok(2));
        assert_eq!(process.close(descriptor), Ok(()));
    });
    world
        .process
        .recv_overlapped(descriptor, vec![0; 4], notify)
        .unwrap();
    peer.write(b"go").unwrap();
    assert_eq!(thread.wait(LONG), 1);
    assert_eq!(peer.read(8), PeerRead::End);
    world.assert_nothing_left();
}

#[test]
fn cleanup_closes_everything_without_notification_and_death_reclaims_records() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let other = world.provider.startup().unwrap();
    let record = world.process.duplicate(descriptor, other.id()).unwrap();
    let queue = CompletionQueue::new();
    world
        .process
        .recv_overlapped(descriptor, vec![0; 4], Notify::queue(&queue, 1))
        .unwrap();
    assert_eq!(world.process.cleanup(), Ok(()));
    assert!(queue.is_empty());
    assert_eq!(world.process.close(descriptor), Err(Error::NotInitialised));
    assert_eq!(peer.read(8), PeerRead::Nothing);
    other.die();
    assert_eq!(peer.read(8), PeerRead::End);
    assert_eq!(other.redeem(record), Err(Error::NotInitialised));
    world.assert_nothing_left();
}

#[test]
fn a_large_transfer_between_two_sockets_of_the_engine_arrives_whole() {
    let world = World::new();
    let address = MemoryAddress(3);
    let listener = world.process.socket().unwrap();
    world.process.bind(listener, &address).unwrap();
    world.process.listen(listener, 4).unwrap();
    let sender = world.process.socket().unwrap();
    world.process.connect(sender, &address).unwrap();
    let receiver = world.process.accept(listener).unwrap();
    let bytes: Arc<Vec<u8>> = Arc::new((0..3_000_000_u32).map(|i| (i % 251) as u8).collect());
    let (process, sent) = (world.process.clone(), Arc::clone(&bytes));
    let sending = thread::spawn(move || {
        assert_eq!(process.send(sender, &sent), Ok(sent.len()));
        process.close(sender).unwrap();
    });
    let mut received = Vec::new();
    let mut buffer = vec![0; 10_000];
    loop {
        match world.process.recv(receiver, &mut buffer).unwrap() {
            0 => break,
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
    sending.join().unwrap();
    assert!(received == *bytes);
    world.process.close(receiver).unwrap();
    world.process.close(listener).unwrap();
    world.assert_nothing_left();
}

#[test]
fn a_registered_event_is_set_by_readiness_and_replaced_by_the_next() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let (first, second) = (Event::new(), Event::new());
    world
        .process
        .event_select(descriptor, Interest::READABLE, &first)
        .unwrap();
    world
        .process
        .event_select(descriptor, Interest::READABLE, &second)
        .unwrap();
    peer.write(b"now").unwrap();
    assert!(second.wait(LONG));
    assert!(!first.is_set());
    world.process.close(descriptor).unwrap();
    world.assert_nothing_left();
}

#[test]
fn metrics_count_what_is_held_and_drain_all_waits_for_the_drains() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world
        .process
        .recv_overlapped(descriptor, vec![0; 4], Notify::nobody())
        .unwrap();
    world.process.send(descriptor, b"to be drained").unwrap();
    let before = world.provider.metrics();
    assert_eq!(
        (
            before.descriptors,
            before.sockets,
            before.pending,
            before.draining
        ),
        (1, 1, 1, 0)
    );
    world.process.close(descriptor).unwrap();
    let draining = world.provider.metrics();
    assert_eq!(
        (draining.descriptors, draining.draining, draining.aborted),
        (0, 1, 1)
    );
    assert_eq!(world.provider.drain_all(Duration::from_millis(30)), 1);
    let provider = world.provider.clone();
    let waiting = thread::spawn(move || provider.drain_all(Duration::from_secs(60)));
    peer.stall(false);
    assert_eq!(waiting.join().unwrap(), 0);
    let (hard, _peer) = world.connect();
    world.process.set_linger(hard, Some(0)).unwrap();
    world.process.close(hard).unwrap();
    let after = world.provider.metrics();
    assert_eq!(
        (after.resets, after.drain_timeouts, after.sockets),
        (1, 0, 0)
    );
    world.assert_nothing_left();
}
