//! Bytes that go to and fro.

use std::sync::atomic::Ordering;
use std::time::Duration;

use closesocket::engine::completions::{Interest, Notify, Overlapped};
use closesocket::engine::net::PeerRead;
use closesocket::engine::{Config, Error, Shutdown, SocketId};

use crate::faulty::{Faults, World};

#[test]
fn a_nonblocking_receive_takes_what_is_there_and_says_when_nothing_is() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer) = world.connect();
    let mut buffer = [0; 4];
    assert_eq!(
        process.recv(descriptor, &mut buffer),
        Err(Error::WouldBlock)
    );
    peer.write(b"hello").unwrap();
    assert_eq!(process.recv(descriptor, &mut []), Ok(0));
    assert_eq!(process.recv(descriptor, &mut buffer), Ok(4));
    assert_eq!(&buffer, b"hell");
    assert_eq!(process.recv(descriptor, &mut buffer), Ok(1));
    assert_eq!(
        process.recv(descriptor, &mut buffer),
        Err(Error::WouldBlock)
    );
    peer.finish().unwrap();
    assert_eq!(process.recv(descriptor, &mut buffer), Ok(0));
}

#[test]
fn after_a_shutdown_of_the_receive_side_nothing_is_received_and_sending_goes_on() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    world.start_recv(descriptor, 4, Notify::event(&overlapped));
    process.shutdown(descriptor, Shutdown::Receive).unwrap();
    assert!(overlapped.take().is_none(), "what was pending stays");
    peer.write(b"last").unwrap();
    let ended = overlapped.take().expect("it gets what comes");
    assert_eq!((ended.result, ended.buffer), (Ok(4), b"last".to_vec()));
    peer.write(b"for nobody").unwrap();
    let received = process.recv(descriptor, &mut [0; 4]);
    assert_eq!(received, Err(Error::ShutDown));
    // A receive would not block.
    let readable = [(descriptor, Interest::READABLE)];
    let ready = process.select(&readable, Some(Duration::ZERO)).unwrap();
    assert!(ready[0].1.readable);
    assert_eq!(process.send(descriptor, b"still"), Ok(5));
    process.close(descriptor).unwrap();
    assert_eq!(peer.read_all(), (b"still".to_vec(), PeerRead::End));
}

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
