//! Streams and listeners, the owners of descriptors.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use closesocket::engine::net::{MemoryAddress, Peer, PeerRead};
use closesocket::engine::{Closed, Error, Process, Provider, Shutdown};
use closesocket::{Listener, Stream};

struct World {
    provider: Provider,
    process: Process,
}

impl World {
    fn new() -> Self {
        let provider = Provider::in_memory();
        let process = provider.startup().unwrap();
        Self { provider, process }
    }

    /// A stream, and its peer.
    fn pair(&self) -> (Stream, Stream) {
        let listener = Listener::bind(&self.process, &MemoryAddress(7)).unwrap();
        let dialled = Stream::connect(&self.process, &MemoryAddress(7)).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        (dialled, accepted)
    }

    /// A stream whose peer knows nothing of the engine.
    fn with_peer(&self) -> (Stream, Peer) {
        let listener = Listener::bind(&self.process, &MemoryAddress(8)).unwrap();
        let peer = self.provider.transport().dial(MemoryAddress(8)).unwrap();
        (listener.accept().unwrap().0, peer)
    }

    fn sockets(&self) -> usize {
        self.provider.usage().sockets
    }
}

#[test]
fn a_dropped_stream_never_waits_and_what_was_accepted_is_sent() {
    for (linger, nonblocking) in [(None, false), (Some(30), false), (Some(30), true)] {
        let world = World::new();
        let (stream, peer) = world.with_peer();
        peer.stall(true);
        stream.set_linger(linger).unwrap();
        stream.set_nonblocking(nonblocking).unwrap();
        stream.send(b"all of it").unwrap();
        drop(stream);
        assert_eq!((world.process.descriptors(), world.sockets()), (0, 1));
        peer.stall(false);
        assert_eq!(peer.read_all().0, b"all of it");
        assert_eq!(world.sockets(), 0);
    }
}

#[test]
fn a_dropped_stream_with_hard_linger_resets() {
    let world = World::new();
    let (stream, peer) = world.with_peer();
    stream.set_linger(Some(0)).unwrap();
    drop(stream);
    assert_eq!(peer.read_all().1, PeerRead::Reset);
}

#[test]
fn a_close_says_how_the_connection_has_ended() {
    let world = World::new();
    let (stream, peer) = world.with_peer();
    stream.send(b"x").unwrap();
    assert_eq!(stream.close(), Ok(Closed::Drained), "at once");

    assert_eq!(peer.read_all().1, PeerRead::End);
    let (stream, peer) = world.with_peer();
    peer.stall(true);
    stream.send(b"x").unwrap();
    assert_eq!(stream.close(), Ok(Closed::InBackground));
    peer.stall(false);

    let (stream, peer) = world.with_peer();
    peer.stall(true);
    stream.send(b"x").unwrap();
    assert_eq!(
        stream.close_within(Duration::from_millis(1)),
        Ok(Closed::Reset)
    );
    peer.stall(false);
    assert_eq!(peer.read_all().1, PeerRead::Reset);

    let (stream, peer) = world.with_peer();
    stream.send(b"x").unwrap();
    assert_eq!(stream.abort(), Ok(Closed::Reset));
    assert_eq!(peer.read_all().1, PeerRead::Reset);

    let (stream, peer) = world.with_peer();
    peer.reset();
    let _ = stream.send(b"x");
    assert_eq!(stream.close(), Ok(Closed::Reset), "by the peer");
    assert_eq!(world.sockets(), 0);
}

#[test]
fn a_close_that_waits_says_drained_when_the_peer_has_everything() {
    let world = World::new();
    let (stream, peer) = world.with_peer();
    peer.stall(true);
    stream.send(b"x").unwrap();
    thread::scope(|scope| {
        let closing = scope.spawn(|| stream.close_within(Duration::from_secs(600)));
        while world.process.blocked_threads() == 0 {
            thread::yield_now();
        }
        peer.stall(false);
        assert_eq!(closing.join().unwrap(), Ok(Closed::Drained));
    });
}

#[test]
fn a_nonblocking_stream_is_closed_though_a_descriptor_would_not_be() {
    let world = World::new();
    let (stream, peer) = world.with_peer();
    peer.stall(true);
    stream.set_nonblocking(true).unwrap();
    stream.set_linger(Some(30)).unwrap();
    stream.send(b"x").unwrap();
    assert_eq!(
        world.process.close(stream.descriptor()),
        Err(Error::WouldBlock)
    );
    assert_eq!(stream.close(), Ok(Closed::InBackground));
    peer.stall(false);
    assert_eq!(peer.read_all().0, b"x");
}

//= docs/specification.md#l3-a-failed-close-leaves-no-trace
//= type=test
//# - A close that fails before its commit MUST leave the descriptor, its operations and its
//# socket as they were.
#[test]
fn a_close_that_would_block_tells_nothing_and_changes_no_option() {
    let world = World::new();
    let (stream, peer) = world.with_peer();
    peer.stall(true);
    stream.set_nonblocking(true).unwrap();
    stream.set_linger(Some(9)).unwrap();
    stream.send(b"x").unwrap();
    let (process, descriptor) = (&world.process, stream.descriptor());
    for _ in 0..2 {
        let closed = process.close_and_tell(descriptor, None);
        assert_eq!(closed, Err(Error::WouldBlock));
    }
    assert_eq!(stream.linger(), Ok(Some(9)));
    stream.shutdown(Shutdown::Send).unwrap();
    let closed = process.close_and_tell(descriptor, None);
    assert_eq!(closed, Ok(Closed::InBackground));
    peer.stall(false);
}

#[test]
fn a_close_with_a_time_of_its_own_waits_whatever_the_mode() {
    let world = World::new();
    let (stream, peer) = world.with_peer();
    peer.stall(true);
    stream.set_nonblocking(true).unwrap();
    stream.send(b"x").unwrap();
    assert_eq!(
        stream.close_within(Duration::from_millis(1)),
        Ok(Closed::Reset)
    );
}

#[test]
fn a_clone_keeps_the_connection_whatever_the_other_does() {
    let world = World::new();
    let (stream, mut peer) = world.pair();
    let clone = stream.try_clone().unwrap();
    assert_eq!(stream.abort(), Ok(Closed::Shared));
    (&clone).write_all(b"still here").unwrap();
    assert_eq!(clone.linger(), Ok(None), "the option is everybody's");
    assert_eq!(clone.close(), Ok(Closed::Drained));
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "still here");
}

#[test]
fn a_descriptor_goes_in_and_out_without_being_closed() {
    let world = World::new();
    let (stream, _peer) = world.pair();
    let descriptor = stream.into_descriptor();
    assert!(world.process.begin(descriptor).is_ok());
    drop(Stream::from_descriptor(&world.process, descriptor));
    assert!(world.process.begin(descriptor).is_err());

    let listener = Listener::bind(&world.process, &MemoryAddress(9)).unwrap();
    let descriptor = listener.into_descriptor();
    let listener = Listener::from_descriptor(&world.process, descriptor);
    let clone = listener.try_clone().unwrap();
    listener.close().unwrap();
    assert!(Stream::connect(&world.process, &MemoryAddress(9)).is_ok());
    drop(clone);
    let refused = Stream::connect(&world.process, &MemoryAddress(9));
    assert_eq!(refused.err(), Some(Error::ConnectionRefused));
    assert_eq!(world.process.descriptors(), 1, "the peer");
}

#[test]
fn both_ends_know_both_addresses() {
    let world = World::new();
    let listener = Listener::bind(&world.process, &MemoryAddress(7)).unwrap();
    let dialled = Stream::connect(&world.process, &MemoryAddress(7)).unwrap();
    let (accepted, peer) = listener.accept().unwrap();
    assert_eq!(dialled.peer_address(), Ok(MemoryAddress(7)));
    assert_eq!(accepted.local_address(), Ok(MemoryAddress(7)));
    assert_eq!(accepted.peer_address().ok(), peer);
    assert_eq!(dialled.local_address().ok(), peer);
    let descriptor = listener.descriptor();
    let of_none = world.process.peer_address(descriptor);
    assert_eq!(of_none, Err(Error::NotConnected));
}

#[test]
fn threads_read_and_write_through_one_stream() {
    let world = World::new();
    let (stream, peer) = world.pair();
    let text = [7; 300_000];
    thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(&text).unwrap();
            stream.shutdown(Shutdown::Send).unwrap();
        });
        scope.spawn(|| std::io::copy(&mut &peer, &mut &peer).unwrap());
        let mut echoed = Vec::new();
        let reader = scope.spawn(|| {
            let mut echo = vec![0; text.len()];
            (&stream).read_exact(&mut echo).unwrap();
            echo
        });
        echoed.extend(reader.join().unwrap());
        assert_eq!(echoed, text);
    });
}

#[test]
fn a_limit_of_a_read_is_an_io_error_of_its_kind() {
    let world = World::new();
    let (mut stream, _peer) = world.pair();
    stream
        .set_receive_limit(Some(Duration::from_millis(1)))
        .unwrap();
    let error = stream.read(&mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}
