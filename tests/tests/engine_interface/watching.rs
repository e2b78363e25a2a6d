//! What has to be looked at as time passes.

use std::thread;
use std::time::Duration;

use closesocket::engine::{Config, Notify, PeerRead};

use crate::faulty::{AWAY, HOME, World};

/// The pause that a tick asks for grows with what there is to watch.
#[test]
fn a_socket_is_watched_once_however_much_happens_to_it() {
    let world = World::new(Config::default());
    let (shared, peer) = world.connect();
    peer.stall(true);
    world.process.send(shared, &[7; 20]).unwrap();
    let record = world.process.duplicate(shared, world.process.id()).unwrap();
    let descriptor = world.process.redeem(record).unwrap();
    world
        .process
        .send_overlapped(descriptor, vec![7; 1 << 20], Notify::nobody())
        .unwrap();
    let pause = world.provider.tick();
    assert!(pause.is_some());
    for _ in 0..100 {
        world.process.queued(descriptor).unwrap();
    }
    assert_eq!(world.provider.tick(), pause);
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

/// So that looking stays a small part of the time.
#[test]
fn the_more_there_is_to_watch_the_longer_is_the_pause() {
    let world = World::new(Config::default());
    let mut peers = Vec::new();
    let mut drain = || {
        let (descriptor, peer) = world.connect();
        peer.stall(true);
        world.process.send(descriptor, b"later").unwrap();
        world.process.close(descriptor).unwrap();
        peers.push(peer);
        world.provider.tick().unwrap()
    };
    let one = drain();
    let many = (0..600).map(|_| drain()).last().unwrap();
    assert!(many > one && many < 10 * one, "{one:?} and {many:?}");
}

/// An event will tell of these.
#[test]
fn what_only_waits_for_its_peer_is_not_watched() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (receiving, _peer) = world.connect();
    process
        .recv_overlapped(receiving, vec![0; 4], Notify::nobody())
        .unwrap();
    let connecting = process.socket().unwrap();
    process
        .connect_overlapped(connecting, &HOME, Notify::nobody())
        .unwrap();
    let listening = process.socket().unwrap();
    process.bind(listening, &AWAY).unwrap();
    process.listen(listening, 1).unwrap();
    process
        .accept_overlapped(listening, Notify::nobody())
        .unwrap();
    assert_eq!(world.provider.metrics().pending, 3);
    assert_eq!(world.provider.tick(), None);
}
