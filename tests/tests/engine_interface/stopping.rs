//! A transport that stops for good.

use closesocket::engine::completions::{CompletionQueue, Event, Interest, Notify};
use closesocket::engine::net::PeerRead;
use closesocket::engine::{Config, Error};

use crate::faulty::{Faults, World};
use crate::{PATIENCE, Task, until};

const DOWN: Error = Error::NetworkDown;

#[test]
fn what_is_pending_ends_when_the_transport_stops() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer) = world.connect();
    let listening = world.listen(1);
    let connecting = process.socket().unwrap();
    let queue = CompletionQueue::new();
    let notify = |key| Notify::queue(&queue, key);
    let lot = vec![7; 1 << 20];
    world.start_send(descriptor, lot, notify(1));
    world.start_recv(descriptor, 4, notify(2));
    process.accept_overlapped(listening, notify(3)).unwrap();
    process
        .connect_overlapped(connecting, &crate::faulty::HOME, notify(4))
        .unwrap();
    let event = Event::new();
    world.watch(listening, Interest::READABLE, &event);
    assert!(queue.is_empty() && !event.is_set());

    world.faults.stop();
    let mut ends: Vec<_> = std::iter::from_fn(|| queue.take())
        .map(|it| (it.key, it.result))
        .collect();
    ends.sort_by_key(|it| it.0);
    assert_eq!(
        ends,
        [
            (1, Err(DOWN)),
            (2, Err(DOWN)),
            (3, Err(DOWN)),
            (4, Err(DOWN))
        ]
    );
    assert!(event.is_set());
    // Part of what was accepted was never sent: no FIN says that this was all.
    assert_eq!(peer.read_all().1, PeerRead::Reset);
    assert_eq!(world.provider.metrics().pending, 0);
}

#[test]
fn blocked_threads_wake_when_the_transport_stops() {
    let world = World::new(Config::default());
    let (receiving, _peer) = world.connect();
    let (lingering, stalled) = world.connect();
    let (selected, _other) = world.connect();
    for descriptor in [receiving, lingering] {
        world.process.set_nonblocking(descriptor, false).unwrap();
    }
    stalled.stall(true);
    world.process.send(lingering, b"never read").unwrap();
    world.process.set_linger(lingering, Some(600)).unwrap();
    let process = world.process.clone();
    let receive = Task::start(move || process.recv(receiving, &mut [0; 4]));
    let process = world.process.clone();
    let close = Task::start(move || process.close(lingering));
    until("both wait", || world.process.blocked_threads() == 2);
    let process = world.process.clone();
    let readable = [(selected, Interest::READABLE)];
    let select = Task::start(move || process.select(&readable, Some(PATIENCE)));
    world.faults.stop();
    assert_eq!(receive.result(), Err(DOWN));
    assert_eq!(close.result(), Ok(()), "its connection is gone (L5)");
    assert_eq!(select.result(), Err(DOWN));
}

#[test]
fn a_network_whose_transport_has_stopped_does_not_come_back() {
    let world = World::new(Config::default());
    let (descriptor, _peer) = world.connect();
    world.provider.set_network_down(true);
    world.provider.set_network_down(true);
    assert_eq!(world.process.socket(), Err(DOWN));
    world.provider.set_network_down(false);
    assert_eq!(world.process.linger(descriptor), Ok(None));
    // It may tell so more than once.
    world.faults.stop();
    world.faults.stop();
    world.provider.set_network_down(true);
    world.provider.set_network_down(false);
    assert_eq!(world.process.socket(), Err(DOWN));
    assert_eq!(world.process.recv(descriptor, &mut [0; 4]), Err(DOWN));
    assert_eq!(world.process.close(descriptor), Err(DOWN));
    assert_eq!(world.process.cleanup(), Ok(()));
    assert_eq!(world.process.descriptors(), 0);
    assert_eq!(world.provider.usage().sockets, 0);
}

/// A call that was let in before the transport stopped, and that comes to its
/// socket only after, finds that nothing will ever be reported.
#[test]
fn a_select_that_a_stop_overtakes_says_that_the_network_is_down() {
    let world = World::new(Config::default());
    let (descriptor, _peer) = world.connect();
    let faults: Faults = world.faults.clone();
    world.meanwhile(move || faults.stop());
    let readable = [(descriptor, Interest::READABLE)];
    // The stop comes when the select has registered, before it first looks.
    assert_eq!(world.process.select(&readable, Some(PATIENCE)), Err(DOWN));
}
