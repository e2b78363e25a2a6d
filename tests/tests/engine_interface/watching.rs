//! What has to be looked at as time passes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{Memory, Peer, PeerRead};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Clock, Std};
use closesocket::engine::{Config, Descriptor, NoUpcalls, Process, Provider};
use closesocket::protocol::Time;

use crate::faulty::{Faults, HOME, World};
use crate::{Task, until};

type Sys = (Memory, Std, Hands, NoProbe);

/// A clock that moves by hand, in nanoseconds.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicU64>);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

impl Hands {
    fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap();
        self.0.fetch_add(nanos, Ordering::SeqCst);
    }
}

/// A socket with something on its way that its peer does not take, and a clock.
fn stalled(limit: Option<Duration>) -> (Provider<Sys>, Process<Sys>, Descriptor, Peer, Hands) {
    let (memory, hands) = (Memory::default(), Hands::default());
    let config = Config {
        drain_limit: limit,
        window: 20,
        ..Config::default()
    };
    let provider: Provider<Sys> = Provider::new(config, memory, hands.clone(), NoProbe, NoUpcalls);
    let process = provider.startup().unwrap();
    let listener = provider.transport().listen(HOME).unwrap();
    let descriptor = process.socket().unwrap();
    process
        .connect_overlapped(descriptor, &HOME, Notify::nobody())
        .unwrap();
    let peer = listener.accept().unwrap();
    peer.stall(true);
    process.send(descriptor, &[7; 20]).unwrap();
    (provider, process, descriptor, peer, hands)
}

/// The pauses between this many looks.
fn pauses(provider: &Provider<Sys>, hands: &Hands, looks: usize) -> Vec<u64> {
    let pause = |_| {
        let pause = provider.tick().expect("something is to be looked at");
        hands.advance(pause);
        u64::try_from(pause.as_millis()).unwrap()
    };
    (0..looks).map(pause).collect()
}

/// What nobody acknowledges costs next to nothing in the end.
#[test]
fn the_longer_nothing_happens_the_longer_are_the_pauses() {
    let (provider, process, descriptor, peer, hands) = stalled(None);
    process.close(descriptor).unwrap();
    let doubling = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000];
    assert_eq!(pauses(&provider, &hands, 12), doubling);
    // Looks that others make in between shorten nothing.
    assert_eq!(provider.metrics().draining, 1);
    assert_eq!(pauses(&provider, &hands, 2), [1000, 1000]);
    peer.stall(false);
    assert_eq!(peer.read_all(), (vec![7; 20], PeerRead::End));
    assert_eq!(provider.tick(), None);
    assert_eq!(provider.usage().sockets, 0);
}

#[test]
fn somebody_who_waits_is_not_put_off_as_long_and_news_start_the_pauses_anew() {
    let (provider, process, descriptor, peer, hands) = stalled(None);
    let queue = CompletionQueue::new();
    process
        .send_overlapped(descriptor, vec![8; 30], Notify::queue(&queue, 1))
        .unwrap();
    let doubling = [1, 2, 4, 8, 16, 32, 64, 128, 250, 250];
    assert_eq!(pauses(&provider, &hands, 10), doubling);
    peer.stall(false);
    assert_eq!(queue.take().unwrap().result, Ok(30));
    assert_eq!(provider.tick(), None);
    peer.stall(true);
    process
        .send_overlapped(descriptor, vec![8; 30], Notify::queue(&queue, 2))
        .unwrap();
    assert_eq!(pauses(&provider, &hands, 3), [1, 2, 4]);
}

#[test]
fn a_drain_is_looked_at_when_its_time_has_passed_however_long_the_pause() {
    let (provider, process, descriptor, peer, hands) = stalled(Some(Duration::from_millis(100)));
    process.close(descriptor).unwrap();
    assert_eq!(pauses(&provider, &hands, 7), [1, 2, 4, 8, 16, 32, 37]);
    assert_eq!(provider.tick(), None);
    assert_eq!(provider.metrics().drain_timeouts, 1);
    peer.stall(false);
    assert_eq!(peer.read_all().1, PeerRead::Reset);
}

/// However much happens to it.
#[test]
fn a_socket_is_entered_once() {
    let (provider, process, descriptor, _peer, hands) = stalled(None);
    process
        .send_overlapped(descriptor, vec![7; 1 << 10], Notify::nobody())
        .unwrap();
    for _ in 0..100 {
        process.queued(descriptor).unwrap();
    }
    assert_eq!(pauses(&provider, &hands, 3), [1, 2, 4]);
}

#[test]
fn a_transport_that_lets_time_pass_ends_a_drain_and_hears_when_nothing_is_left() {
    let limit = Duration::from_millis(10);
    let world = World::new(Config {
        drain_limit: Some(limit),
        ..Config::default()
    });
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    assert_eq!(world.faults.tick(), None);
    world.process.send(descriptor, b"never taken").unwrap();
    world.process.close(descriptor).unwrap();
    assert!(
        world
            .faults
            .tick()
            .is_some_and(|pause| pause > Duration::ZERO)
    );
    thread::sleep(limit);
    assert_eq!(world.faults.tick(), None);
    peer.stall(false);
    assert_eq!(peer.read(1), PeerRead::Reset);
    assert_eq!(world.provider.usage().sockets, 0);
}

/// An event will tell of these.
#[test]
fn what_only_waits_for_its_peer_is_not_watched() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (receiving, _peer) = world.connect();
    world.start_recv(receiving, 4, Notify::nobody());
    let connecting = process.socket().unwrap();
    process
        .connect_overlapped(connecting, &HOME, Notify::nobody())
        .unwrap();
    let listening = world.listen(1);
    process
        .accept_overlapped(listening, Notify::nobody())
        .unwrap();
    assert_eq!(world.provider.metrics().pending, 3);
    assert_eq!(world.provider.tick(), None);
}

#[test]
fn a_drain_whose_peer_never_stops_sending_holds_up_nobody() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.send(descriptor, b"last words").unwrap();
    Faults::set(&world.faults.endless_input, true);
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    assert_eq!(closing.result(), Ok(()));
    peer.stall(false);
    assert_eq!(peer.read_all(), (b"last words".to_vec(), PeerRead::End));
    until("the drain ends", || {
        world.provider.tick();
        world.provider.usage().sockets == 0
    });
}

#[test]
fn a_tick_beside_another_does_not_say_that_nothing_is_to_be_watched() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.send(descriptor, b"on its way").unwrap();
    world.process.close(descriptor).unwrap();
    let beside = Arc::new(Mutex::new(None));
    let (provider, result) = (world.provider.clone(), Arc::clone(&beside));
    world.meanwhile(move || {
        *result.lock().unwrap() = Some(provider.tick());
    });
    let pause = world.provider.tick().expect("it is to be looked at");
    thread::sleep(pause);
    assert!(world.provider.tick().is_some());
    let beside = beside.lock().unwrap().take().expect("it ticked");
    assert!(beside.is_some(), "the drain goes on");
}
