//! What a provider says of itself.

use std::thread;
use std::time::Duration;

use closesocket::engine::Config;
use closesocket::engine::completions::Notify;
use closesocket::engine::net::PeerRead;

use crate::faulty::World;
use crate::{PATIENCE, Task, until};

#[test]
fn a_drain_that_runs_out_of_time_is_counted_as_a_timeout_and_a_reset() {
    let world = World::new(Config {
        drain_limit: Some(Duration::from_millis(5)),
        ..Config::default()
    });
    let mut peers = Vec::new();
    for _ in 0..2 {
        let (descriptor, peer) = world.connect();
        peer.stall(true);
        world.process.send(descriptor, b"never taken").unwrap();
        world.process.close(descriptor).unwrap();
        peers.push(peer);
    }
    let (hard, peer) = world.connect();
    world.process.set_linger(hard, Some(0)).unwrap();
    world.process.close(hard).unwrap();
    assert_eq!(peer.read(1), PeerRead::Reset);
    until("both drains have ended", || {
        world.provider.tick();
        world.provider.usage().sockets == 0
    });
    let metrics = world.provider.metrics();
    assert_eq!((metrics.resets, metrics.drain_timeouts), (3, 2));
}

#[test]
fn metrics_tell_what_every_process_holds() {
    let world = World::new(Config::default());
    let other = world.provider.startup().unwrap();
    let (descriptor, peer) = world.connect();
    let theirs = world.share(descriptor, &other);
    let (draining, stalled) = world.connect();
    stalled.stall(true);
    world.process.send(draining, b"later").unwrap();
    world.process.close(draining).unwrap();
    peer.stall(true);
    for (process, through) in [(&world.process, descriptor), (&other, theirs)] {
        for _ in 0..2 {
            process
                .recv_overlapped(through, vec![0; 4], Notify::nobody())
                .unwrap();
        }
        process
            .send_overlapped(through, vec![7; 1 << 20], Notify::nobody())
            .unwrap();
    }
    let metrics = world.provider.metrics();
    assert_eq!((metrics.descriptors, metrics.sockets), (2, 2));
    assert_eq!((metrics.pending, metrics.draining), (6, 1));
    assert_eq!(metrics.aborted, 0);
    world.process.close(descriptor).unwrap();
    assert_eq!(world.provider.metrics().aborted, 3);
    other.die();
    assert_eq!(world.provider.metrics().aborted, 6);
    let after = world.provider.metrics();
    assert_eq!((after.descriptors, after.pending), (0, 0));
}

#[test]
fn draining_all_waits_as_long_as_it_may_and_not_longer_than_it_must() {
    let world = World::new(Config::default());
    let mut peers = Vec::new();
    for _ in 0..2 {
        let (descriptor, peer) = world.connect();
        peer.stall(true);
        world.process.send(descriptor, b"later").unwrap();
        world.process.close(descriptor).unwrap();
        peers.push(peer);
    }
    assert_eq!(world.provider.drain_all(Duration::from_millis(30)), 2);
    let provider = world.provider.clone();
    let waiting = Task::start(move || provider.drain_all(PATIENCE * 100));
    for peer in peers {
        thread::sleep(Duration::from_millis(20));
        assert!(waiting.goes_on(), "one still drains");
        peer.stall(false);
        assert_eq!(peer.read_all(), (b"later".to_vec(), PeerRead::End));
    }
    assert_eq!(waiting.result(), 0);
    let metrics = world.provider.metrics();
    assert_eq!((metrics.resets, metrics.drain_timeouts), (0, 0));
}
