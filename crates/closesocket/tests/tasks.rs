//! Calls of tasks, polled by hand: who is woken and when, and what a future leaves
//! that is dropped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use closesocket::engine::completions::{Event, Interest, Notify, Overlapped, Task, Wait};
use closesocket::engine::net::{Memory, MemoryAddress, Peer, PeerRead};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Clock, Std};
use closesocket::engine::{
    Closed, Config, Descriptor, Error, NoUpcalls, Process, Provider, Shutdown,
};
use closesocket::protocol::Time;

/// A task: counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
struct Tasks(Arc<Woken>);

impl Tasks {
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Polls once.
    fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker()))
    }

    /// Whether it was woken since.
    fn was_woken(&self) -> bool {
        self.0.0.swap(0, Ordering::SeqCst) > 0
    }

    /// Polls as a runtime does, whenever the task was woken, until it ends or sleeps.
    fn run<F: Future>(&self, mut future: Pin<&mut F>) -> Poll<F::Output> {
        loop {
            let polled = self.poll(future.as_mut());
            if polled.is_ready() || !self.was_woken() {
                return polled;
            }
        }
    }
}

/// A clock that a test sets, in milliseconds.
#[derive(Clone, Default)]
struct ByHand(Arc<AtomicU64>);

impl Clock for ByHand {
    fn now(&self) -> Time {
        Time::ZERO.after(Duration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}

type System = (Memory, Std, ByHand, NoProbe);

struct World {
    provider: Provider<System>,
    process: Process<System>,
    clock: ByHand,
}

const ADDRESS: MemoryAddress = MemoryAddress(1);

impl World {
    fn new() -> Self {
        let clock = ByHand::default();
        // Room for few bytes: sends have to wait.
        let config = Config {
            window: 4,
            ..Config::default()
        };
        let memory = Memory::with_window(4);
        let provider = Provider::new(config, memory, clock.clone(), NoProbe, NoUpcalls);
        let process = provider.startup().unwrap();
        Self {
            provider,
            process,
            clock,
        }
    }

    fn listen(&self) -> Descriptor {
        let listener = self.process.socket().unwrap();
        self.process.bind(listener, &ADDRESS).unwrap();
        self.process.listen(listener, 8).unwrap();
        listener
    }

    fn dial(&self) -> Peer {
        self.provider.transport().dial(ADDRESS).unwrap()
    }

    fn connected(&self) -> (Descriptor, Peer) {
        let listener = self.listen();
        let peer = self.dial();
        let accepted = self.process.accept(listener).unwrap();
        self.process.close(listener).unwrap();
        (accepted, peer)
    }

    fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
        self.provider.tick();
    }

    /// Nothing is pending through the descriptor.
    fn assert_idle(&self, descriptor: Descriptor) {
        let cancelled = self.process.cancel_all(descriptor);
        assert_eq!(cancelled, Err(Error::NotFound));
    }

    /// Everything is closed and released.
    fn assert_empty(&self) {
        let held = (self.process.descriptors(), self.provider.usage().sockets);
        assert_eq!(held, (0, 0));
    }
}

#[test]
fn a_receive_sleeps_until_there_is_something_and_gives_its_buffer_back() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(task.poll(receive.as_mut()).is_pending());
    assert!(task.poll(receive.as_mut()).is_pending());
    assert!(!task.was_woken());
    peer.write(b"abc").unwrap();
    assert!(task.was_woken());
    let Poll::Ready(transfer) = task.poll(receive.as_mut()) else {
        panic!("it was woken in vain")
    };
    assert_eq!((transfer.result, transfer.transferred), (Ok(3), 3));
    assert_eq!(transfer.buffer, b"abc\0\0\0\0\0");
    world.assert_idle(descriptor);
}

#[test]
fn the_task_that_polled_last_is_the_one_that_is_woken() {
    let world = World::new();
    let [first, second] = [Tasks::default(), Tasks::default()];
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(first.poll(receive.as_mut()).is_pending());
    assert!(second.poll(receive.as_mut()).is_pending());
    peer.write(b"abc").unwrap();
    assert_eq!((first.was_woken(), second.was_woken()), (false, true));
}

#[test]
fn a_send_ends_when_all_is_accepted_and_behind_those_before_it() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    let mut first = pin!(world.process.send_async(descriptor, b"0123456789".to_vec()));
    let mut second = pin!(world.process.send_async(descriptor, b"ab".to_vec()));
    assert!(task.poll(first.as_mut()).is_pending());
    assert!(task.poll(second.as_mut()).is_pending());
    peer.stall(false);
    let mut read = Vec::new();
    while read.len() < 12 {
        if let PeerRead::Bytes(bytes) = peer.read(3) {
            read.extend(bytes);
        }
    }
    assert_eq!(read, b"0123456789ab");
    assert!(task.was_woken());
    for (send, bytes) in [(first.as_mut(), 10), (second.as_mut(), 2)] {
        let Poll::Ready(transfer) = task.poll(send) else {
            panic!("it was woken in vain")
        };
        assert_eq!((transfer.result, transfer.buffer.len()), (Ok(bytes), bytes));
    }
}

#[test]
fn a_polled_send_takes_what_fits_and_sleeps_until_there_is_room() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    let (mut wait, waker) = (Wait::new(), task.waker());
    let mut send = || {
        let context = Context::from_waker(&waker);
        let bytes = [7; 64];
        world
            .process
            .poll_send(descriptor, &bytes, &mut wait, &context)
    };
    let mut accepted = 0;
    while let Poll::Ready(sent) = send() {
        accepted += sent.unwrap();
    }
    assert!(accepted > 0 && !task.was_woken());
    assert!(send().is_pending() && !task.was_woken());
    peer.stall(false);
    assert!(task.was_woken());
    assert!(matches!(send(), Poll::Ready(Ok(1..))));
}

#[test]
fn an_accept_sleeps_until_somebody_comes() {
    let (world, task) = (World::new(), Tasks::default());
    let listener = world.listen();
    let mut accept = pin!(world.process.accept_async(listener));
    assert!(task.poll(accept.as_mut()).is_pending());
    let peer = world.dial();
    assert!(task.was_woken());
    let Poll::Ready(Ok(accepted)) = task.poll(accept.as_mut()) else {
        panic!("it was woken in vain")
    };
    peer.write(b"x").unwrap();
    assert_eq!(world.process.recv(accepted, &mut [0; 2]), Ok(1));
}

#[test]
fn a_connect_ends_when_it_is_accepted_or_refused() {
    let (world, task) = (World::new(), Tasks::default());
    let peers = world.provider.transport().listen(ADDRESS).unwrap();
    let descriptor = world.process.socket().unwrap();
    let mut connect = pin!(world.process.connect_async(descriptor, ADDRESS));
    assert!(task.poll(connect.as_mut()).is_pending());
    let _peer = peers.accept().unwrap();
    assert!(task.was_woken());
    assert_eq!(task.poll(connect.as_mut()), Poll::Ready(Ok(())));
    drop(peers);
    let other = world.process.socket().unwrap();
    let mut refused = pin!(world.process.connect_async(other, ADDRESS));
    let refusal = task.run(refused.as_mut());
    assert_eq!(refusal, Poll::Ready(Err(Error::ConnectionRefused)));
}

//= docs/specification.md#o8-readiness-waits
//= type=test
//# - A wait for readiness, such as select or poll, that names the closed descriptor MUST
//# wake up.
#[test]
fn a_task_waits_for_readiness_and_learns_of_a_close() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let ready = |interest| world.process.ready_async(descriptor, interest);
    let mut readable = pin!(ready(Interest::READABLE));
    assert!(task.run(readable.as_mut()).is_pending());
    let mut writable = pin!(ready(Interest::WRITABLE));
    let Poll::Ready(Ok(found)) = task.run(writable.as_mut()) else {
        panic!("there is room")
    };
    assert!(found.writable && !found.readable);
    peer.write(b"x").unwrap();
    assert!(task.was_woken());
    let Poll::Ready(Ok(found)) = task.run(readable.as_mut()) else {
        panic!("it was woken in vain")
    };
    assert!(found.readable && !found.closed);
    world.process.recv(descriptor, &mut [0; 2]).unwrap();
    let mut closed = pin!(ready(Interest::READABLE));
    assert!(task.run(closed.as_mut()).is_pending());
    world.process.close(descriptor).unwrap();
    assert!(task.was_woken());
    let Poll::Ready(Ok(found)) = task.run(closed.as_mut()) else {
        panic!("it was woken in vain")
    };
    assert!(found.closed);
    let mut late = pin!(ready(Interest::READABLE));
    assert_eq!(task.poll(late.as_mut()), Poll::Ready(Err(Error::NotSocket)));
}

//= docs/specification.md#o1-closing-aborts
//= type=test
//# - Under `AbortScope::Descriptor`, a close MUST abort every operation that is pending
//# through its descriptor, whichever thread of the process issued it and whether or not the
//# descriptor is the last reference.
#[test]
fn a_close_ends_every_call_that_a_task_waits_in() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    let mut send = pin!(world.process.send_async(descriptor, vec![7; 64]));
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    let listener = world.listen();
    let mut accept = pin!(world.process.accept_async(listener));
    assert!(task.run(send.as_mut()).is_pending());
    assert!(task.run(receive.as_mut()).is_pending());
    assert!(task.run(accept.as_mut()).is_pending());
    let accepted = world.process.queued(descriptor).unwrap() as usize;
    world.process.close(descriptor).unwrap();
    assert!(task.was_woken());
    world.process.close(listener).unwrap();
    assert!(task.was_woken());
    let (Poll::Ready(sent), Poll::Ready(received)) =
        (task.run(send.as_mut()), task.run(receive.as_mut()))
    else {
        panic!("they were woken in vain")
    };
    assert_eq!(sent.result, Err(Error::OperationAborted));
    assert_eq!((sent.transferred, sent.buffer.len()), (accepted, 64));
    assert_eq!(received.result, Err(Error::OperationAborted));
    let ended = task.run(accept.as_mut());
    assert_eq!(ended, Poll::Ready(Err(Error::OperationAborted)));
    peer.stall(false);
    assert_eq!(peer.read_all().0.len(), accepted);
    world.assert_empty();
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//= type=test
//# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
//# operation has ended silently or was never started.
#[test]
fn the_end_of_a_process_wakes_its_tasks() {
    for dies in [false, true] {
        let (world, task) = (World::new(), Tasks::default());
        let (descriptor, _peer) = world.connected();
        let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
        let ready = world.process.ready_async(descriptor, Interest::READABLE);
        let mut ready = pin!(ready);
        assert!(task.run(receive.as_mut()).is_pending());
        assert!(task.run(ready.as_mut()).is_pending());
        if dies {
            world.process.die();
        } else {
            world.process.cleanup().unwrap();
        }
        assert!(task.was_woken());
        let Poll::Ready(received) = task.run(receive.as_mut()) else {
            panic!("it was woken in vain")
        };
        assert_eq!(received.result, Err(Error::NotInitialised));
        let ended = task.run(ready.as_mut());
        assert_eq!(ended, Poll::Ready(Err(Error::NotInitialised)));
        world.assert_empty();
    }
}

//= docs/specification.md#c1-cancelling
//= type=test
//# - A cancelled operation MUST end exactly once, either completed as if nobody had cancelled
//# it or as cancelled.
#[test]
fn a_cancel_by_somebody_else_ends_the_call_of_a_task() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(task.run(receive.as_mut()).is_pending());
    assert_eq!(world.process.cancel_all(descriptor), Ok(1));
    let Poll::Ready(received) = task.run(receive.as_mut()) else {
        panic!("it was not woken")
    };
    assert_eq!(received.result, Err(Error::OperationAborted));
    peer.write(b"x").unwrap();
    assert_eq!(world.process.recv(descriptor, &mut [0; 2]), Ok(1));
}

/// What happens between the polls of a call.
type Between = fn(&World, Descriptor, &Peer, usize);

/// Runs a call for so many polls, with something happening before each, and drops it.
/// Returns whether it ended, and what of it was received or accepted.
fn cut<F: Future>(
    world: &World,
    (descriptor, peer): (Descriptor, &Peer),
    between: Between,
    call: F,
    polls: usize,
) -> Option<F::Output> {
    let (task, mut call) = (Tasks::default(), pin!(call));
    for turn in 0..polls {
        between(world, descriptor, peer, turn);
        if let Poll::Ready(ended) = task.poll(call.as_mut()) {
            return Some(ended);
        }
    }
    None
}

//= docs/specification.md#c1-cancelling
//= type=test
//# - A cancelled receive MUST NOT have taken any byte.
#[test]
fn a_receive_that_is_dropped_after_any_poll_has_taken_no_byte() {
    let between: Between = |_, _, peer, turn| {
        // Nothing, then a byte in the middle of the waiting, then more.
        if turn >= 2 {
            peer.write(&[b'a' + u8::try_from(turn).unwrap()]).unwrap();
        }
    };
    let mut ended = 0;
    for polls in 0..6 {
        let world = World::new();
        let (descriptor, peer) = world.connected();
        let call = world.process.recv_async(descriptor, vec![0; 8]);
        let received = cut(&world, (descriptor, &peer), between, call, polls);
        world.assert_idle(descriptor);
        ended += usize::from(received.is_some());
        let mut read = received.map_or(Vec::new(), |it| it.buffer[..it.transferred].to_vec());
        peer.write(b"!").unwrap();
        while read.last() != Some(&b'!') {
            let mut buffer = [0; 8];
            let bytes = world.process.recv(descriptor, &mut buffer).unwrap();
            read.extend(&buffer[..bytes]);
        }
        let written = (2..polls.min(3)).map(|turn| b'a' + u8::try_from(turn).unwrap());
        assert_eq!(
            read,
            written.chain([b'!']).collect::<Vec<_>>(),
            "{polls} polls"
        );
        world.process.close(descriptor).unwrap();
        world.assert_empty();
    }
    assert_eq!(ended, 3, "the third poll ends it");
}

#[test]
fn a_receive_that_is_dropped_when_it_was_woken_leaves_what_came() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    {
        let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
        assert!(task.poll(receive.as_mut()).is_pending());
        peer.write(b"abc").unwrap();
        assert!(task.was_woken());
    }
    let mut buffer = [0; 8];
    assert_eq!(world.process.recv(descriptor, &mut buffer), Ok(3));
}

#[test]
fn a_send_that_is_dropped_after_any_poll_has_sent_a_prefix_and_no_more() {
    let between: Between = |_, _, peer, turn| peer.stall(turn < 2);
    for polls in 0..8 {
        let world = World::new();
        let (descriptor, peer) = world.connected();
        peer.stall(true);
        let bytes: Vec<u8> = (0..32).collect();
        let call = world.process.send_async(descriptor, bytes.clone());
        let sent = cut(&world, (descriptor, &peer), between, call, polls);
        assert!(sent.is_none(), "the peer has not read");
        world.assert_idle(descriptor);
        peer.stall(false);
        let closing = world.process.close_in_background(descriptor, None).unwrap();
        let (read, end) = peer.read_all();
        assert_eq!(
            (read.as_slice(), end),
            (&bytes[..read.len()], PeerRead::End)
        );
        assert_eq!(read.is_empty(), polls == 0, "{polls} polls");
        assert_eq!(closing.ended(), Some(Closed::Drained));
        world.assert_empty();
    }
}

#[test]
fn a_polled_send_that_is_dropped_after_any_poll_has_accepted_nothing() {
    let between: Between = |_, _, peer, turn| peer.stall(turn < 2);
    for polls in 0..6 {
        let world = World::new();
        let (descriptor, peer) = world.connected();
        peer.stall(true);
        world.process.set_nonblocking(descriptor, true).unwrap();
        let mut accepted = Vec::new();
        while let Ok(bytes) = world.process.send(descriptor, &[1; 64]) {
            accepted.extend(vec![1; bytes]);
        }
        let mut wait = Wait::new();
        let call = std::future::poll_fn(|context| {
            let bytes = [2; 64];
            world
                .process
                .poll_send(descriptor, &bytes, &mut wait, context)
        });
        if let Some(sent) = cut(&world, (descriptor, &peer), between, call, polls) {
            accepted.extend(vec![2; sent.unwrap()]);
        }
        peer.stall(false);
        drop(wait);
        let _closing = world.process.close_in_background(descriptor, None).unwrap();
        assert_eq!(peer.read_all(), (accepted, PeerRead::End), "{polls} polls");
        world.assert_empty();
    }
}

#[test]
fn an_accept_that_is_dropped_after_any_poll_has_taken_no_connection() {
    for polls in 0..5 {
        for looks_first in [false, true] {
            let (world, task) = (World::new(), Tasks::default());
            let listener = world.listen();
            let mut peers = Vec::new();
            let mut taken = Vec::new();
            {
                let mut accept = pin!(world.process.accept_async(listener));
                for turn in 0..polls {
                    if turn == 2 {
                        peers.push(world.dial());
                        assert!(task.was_woken());
                    }
                    if turn == 2 && looks_first {
                        let ready = world.process.ready_async(listener, Interest::READABLE);
                        assert!(task.run(pin!(ready)).is_ready());
                    }
                    if let Poll::Ready(accepted) = task.poll(accept.as_mut()) {
                        taken.push(accepted.unwrap());
                        break;
                    }
                }
            }
            world.process.set_nonblocking(listener, true).unwrap();
            taken.extend(world.process.accept(listener));
            assert_eq!(taken.len(), peers.len(), "{polls} polls");
            for accepted in taken {
                world.process.close(accepted).unwrap();
            }
            world.process.close(listener).unwrap();
            world.assert_empty();
        }
    }
}

#[test]
fn a_connect_that_is_dropped_after_any_poll_leaves_a_socket_that_can_be_closed() {
    for polls in 0..4 {
        let (world, task) = (World::new(), Tasks::default());
        let peers = world.provider.transport().listen(ADDRESS).unwrap();
        let descriptor = world.process.socket().unwrap();
        let mut ended = false;
        {
            let mut connect = pin!(world.process.connect_async(descriptor, ADDRESS));
            for turn in 0..polls {
                let _peer = if turn == 2 { peers.accept() } else { None };
                ended |= task.poll(connect.as_mut()).is_ready();
                if ended {
                    break;
                }
            }
        }
        assert_eq!(ended, polls == 3);
        world.assert_idle(descriptor);
        world.process.close(descriptor).unwrap();
        world.assert_empty();
    }
}

#[test]
fn a_wait_for_readiness_that_is_dropped_after_any_poll_is_registered_no_more() {
    for polls in 0..4 {
        let (world, task) = (World::new(), Tasks::default());
        let (descriptor, peer) = world.connected();
        {
            let ready = world.process.ready_async(descriptor, Interest::READABLE);
            let mut ready = pin!(ready);
            for _ in 0..polls {
                assert!(task.run(ready.as_mut()).is_pending());
            }
        }
        peer.write(b"x").unwrap();
        assert!(!task.was_woken());
        world.process.close(descriptor).unwrap();
        assert!(!task.was_woken());
    }
}

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
    const WITHIN: Duration = Duration::from_secs(10);
    for (linger, within, nonblocking) in [
        (Some(10), None, false),
        (Some(10), None, true),
        (None, Some(WITHIN), false),
        (Some(0), Some(WITHIN), true),
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
        world.pass(WITHIN - Duration::from_millis(1));
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
    assert!(task.poll(closing.as_mut()).is_pending());
    drop(world);
    assert!(task.was_woken());
    assert_eq!(task.poll(closing.as_mut()), Poll::Ready(Closed::Reset));
}

#[test]
fn a_shutdown_ends_the_receive_of_the_peer_task() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(task.run(receive.as_mut()).is_pending());
    peer.finish().unwrap();
    let Poll::Ready(received) = task.run(receive.as_mut()) else {
        panic!("it was not woken")
    };
    assert_eq!(received.result, Ok(0));
    world.process.shutdown(descriptor, Shutdown::Both).unwrap();
    let mut refused = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    let Poll::Ready(refused) = task.run(refused.as_mut()) else {
        panic!("it does not start")
    };
    assert_eq!(
        (refused.result, refused.buffer.len()),
        (Err(Error::ShutDown), 8)
    );
}

#[test]
fn tasks_and_threads_wait_for_one_event() {
    let [first, second] = [Tasks::default(), Tasks::default()];
    let event: Event = Event::new();
    let poll = |task: &Tasks| event.poll(&Context::from_waker(&task.waker()));
    assert!(poll(&first).is_pending() && poll(&first).is_pending());
    assert!(poll(&second).is_pending());
    event.set();
    assert!(first.was_woken() && second.was_woken());
    assert!(poll(&first).is_ready());
    event.reset();
    assert!(poll(&first).is_pending());
    assert!(!first.was_woken());
}

#[test]
fn an_overlapped_operation_completes_for_a_task_with_its_buffer() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let (place, waker) = (Task::new(), task.waker());
    let context = Context::from_waker(&waker);
    let notify = Notify::task(&place);
    assert_eq!(format!("{notify:?}"), "Notify::task");
    let started = world
        .process
        .recv_overlapped(descriptor, vec![0; 4], notify);
    assert!(place.poll(&context).is_pending());
    peer.write(b"ab").unwrap();
    assert!(task.was_woken());
    let Poll::Ready(Some(completion)) = place.poll(&context) else {
        panic!("it was woken in vain")
    };
    assert_eq!(completion.operation, started.unwrap());
    assert_eq!(
        (completion.result, completion.buffer),
        (Ok(2), b"ab\0\0".to_vec())
    );
    world.process.close(descriptor).unwrap();
    let refused = Notify::task(&place);
    let started = world
        .process
        .recv_overlapped(descriptor, vec![0; 4], refused);
    assert!(started.is_err() && place.is_abandoned());
    assert!(matches!(place.poll(&context), Poll::Ready(None)));
}

/// A waker of foreign code.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics, on purpose");
    }
}

#[test]
fn a_waker_that_panics_harms_nobody_else() {
    let world = World::new();
    let (descriptor, peer) = world.connected();
    let waker = Waker::from(Arc::new(Panics));
    let context = &mut Context::from_waker(&waker);
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(receive.as_mut().poll(context).is_pending());
    let ready = world.process.ready_async(descriptor, Interest::READABLE);
    let mut ready = pin!(ready);
    while ready.as_mut().poll(context).is_ready() {}
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    world
        .process
        .recv_overlapped(descriptor, vec![0; 4], notify)
        .unwrap();
    peer.write(b"abc").unwrap();
    assert!(overlapped.take().is_some());
    assert!(world.provider.metrics().callback_panics > 0);
    world.process.close(descriptor).unwrap();
}
