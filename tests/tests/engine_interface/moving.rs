//! Bytes that go to and fro.

use std::sync::atomic::Ordering;

use closesocket::engine::completions::{Notify, Overlapped};
use closesocket::engine::net::{Call, Fault};
use closesocket::engine::{Config, Error, Shutdown, SocketId};

use crate::faulty::{Faults, World};

/// Others want the socket's lock too.
#[test]
fn a_send_of_many_windows_that_are_all_acknowledged_makes_pauses() {
    let world = World::with_small_window();
    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(16 * 100).collect();
    world.start_send(descriptor, bytes.clone(), Notify::event(&overlapped));
    let mut pauses = 0;
    let sent = loop {
        if let Some(sent) = overlapped.take() {
            break sent;
        }
        pauses += 1;
        assert!(pauses < 50, "it goes on when it is looked at again");
        if let Some(pause) = world.provider.tick() {
            std::thread::sleep(pause);
        }
    };
    assert!(pauses > 1, "{pauses}");
    assert_eq!(sent.result, Ok(bytes.len()));
    assert_eq!(peer.read_all().0, bytes);
}

//= docs/specification.md#d3-stale-values
//# - An operation MUST keep the socket and the `(slot, generation)` with which it was issued,
//# without a second look-up.
#[test]
fn an_event_that_comes_late_reaches_nobody() {
    let world = World::new(Config::default());
    let name = |descriptor| -> SocketId { world.process.begin(descriptor).unwrap().socket() };
    let (first, _one) = world.connect();
    let gone = name(first);
    world.process.close(first).unwrap();
    let (second, _two) = world.connect();
    let now = name(second);
    assert_eq!((now.cell(), gone.cell()), (gone.cell(), now.cell()));
    let overlapped = Overlapped::new();
    world.start_recv(second, 4, Notify::event(&overlapped));
    // There is input, which no event has told of yet.
    Faults::set(&world.faults.endless_input, true);
    let receives = world.faults.receives.load(Ordering::SeqCst);
    world.faults.ready(gone);
    assert_eq!(world.faults.receives.load(Ordering::SeqCst), receives);
    assert!(overlapped.take().is_none());
    world.faults.ready(now);
    assert_eq!(overlapped.take().unwrap().result, Ok(4));
}

#[test]
fn a_send_larger_than_the_window_needs_no_tick_when_all_is_acknowledged() {
    let world = World::with_small_window();
    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    world.start_send(descriptor, vec![7; 100], Notify::event(&overlapped));
    assert_eq!(overlapped.take().unwrap().result, Ok(100));
    assert_eq!(peer.read_all().0, vec![7; 100]);
}

#[test]
fn a_shutdown_that_finds_the_connection_lost_says_so_and_leaves_the_receives_alone() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    world.start_recv(descriptor, 8, Notify::event(&overlapped));
    let lost = Fault::Fails(Call::SendFin, Error::ConnectionReset);
    world.provider.transport().memory.inject(lost);
    let shut = world.process.shutdown(descriptor, Shutdown::Send);
    assert_eq!(shut, Err(Error::ConnectionReset));
    assert!(overlapped.take().is_none(), "something may have arrived");
    peer.write(b"answer").unwrap();
    assert_eq!(overlapped.take().unwrap().result, Ok(6));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.process.descriptors(), 0);
}
