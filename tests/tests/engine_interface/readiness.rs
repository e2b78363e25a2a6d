//! Select and registered events.

use std::time::Duration;

use closesocket::engine::completions::{Event, Interest};
use closesocket::engine::{Config, Error, Process};

use crate::PATIENCE;
use crate::faulty::{Faults, HOME, World};

const NOW: Option<Duration> = Some(Duration::ZERO);

/// A socket with a full window has to be looked at as time passes while somebody
/// waits for room, and not any longer.
#[test]
fn a_select_that_has_ended_leaves_nothing_to_watch() {
    let (world, descriptor, _peer) = World::with_full_window();
    let writable = [(descriptor, Interest::WRITABLE)];
    assert_eq!(world.process.select(&writable, NOW), Ok(Vec::new()));
    assert_eq!(world.provider.tick(), None);
}

#[test]
fn a_select_leaves_the_registrations_of_its_descriptors_alone() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    let event = Event::new();
    let readable = Interest::READABLE;
    world.watch(descriptor, readable, &event);
    let nothing = world.process.select(&[(descriptor, readable)], NOW);
    assert_eq!(nothing, Ok(Vec::new()));
    peer.write(b"now").unwrap();
    assert!(event.is_set());
}

#[test]
fn a_registered_event_is_replaced_by_the_next() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    let [first, second] = [Event::new(), Event::new()];
    for event in [&first, &second] {
        world.watch(descriptor, Interest::READABLE, event);
    }
    peer.write(b"now").unwrap();
    assert!(second.is_set() && !first.is_set());
}

#[test]
fn whoever_waits_for_input_needs_no_look_at_what_is_acknowledged() {
    let (world, descriptor, _peer) = World::with_full_window();
    world.watch(descriptor, Interest::READABLE, &Event::new());
    assert_eq!(world.provider.tick(), None);
}

/// It is looked at as time passes then, and no longer than somebody wants to know.
#[test]
fn a_socket_whose_events_the_transport_refuses_is_looked_at_while_somebody_waits() {
    let world = World::new(Config::default());
    Faults::set(&world.faults.watch_fails, true);
    let descriptor = world.process.socket().unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    let connecting = world.process.connect(descriptor, &HOME);
    assert_eq!(connecting, Err(Error::WouldBlock));
    assert!(world.provider.tick().is_some());
    let _peer = world.listener.accept().unwrap();
    assert_eq!(world.process.queued(descriptor), Ok(0));
    assert_eq!(world.provider.tick(), None);
}

/// L3, of readiness: what was told before is no news after a close that failed.
#[test]
fn a_close_that_would_block_makes_no_news_of_what_was_told() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.send(descriptor, b"queued").unwrap();
    world.process.set_linger(descriptor, Some(9)).unwrap();
    let event = Event::new();
    world.watch(descriptor, Interest::WRITABLE, &event);
    assert!(event.is_set());
    event.reset();
    assert_eq!(world.process.close(descriptor), Err(Error::WouldBlock));
    assert_eq!(world.process.queued(descriptor), Ok(6));
    assert!(!event.is_set());
}

#[test]
fn a_select_for_writing_sees_that_the_peer_has_acknowledged() {
    let (world, descriptor, peer) = World::with_full_window();
    let writable = [(descriptor, Interest::WRITABLE)];
    assert_eq!(world.process.select(&writable, NOW), Ok(Vec::new()));
    let select = move |process: &Process<_>| process.select(&writable, Some(PATIENCE));
    let (_, selecting) = world.block(select);
    peer.stall(false);
    assert_eq!(selecting.result().unwrap().len(), 1);
    assert_eq!(world.process.send(descriptor, &[7; 20]), Ok(16));
}

#[test]
fn a_socket_that_a_select_for_writing_waits_at_is_looked_at_as_time_passes() {
    let (world, descriptor, _peer) = World::with_full_window();
    assert_eq!(world.provider.tick(), None);
    world.watch(descriptor, Interest::WRITABLE, &Event::new());
    assert!(world.provider.tick().is_some());
}
