//! A transport that refuses bytes, by an error that is no loss.

use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{Call, Fault, Memory, Peer, PeerRead};
use closesocket::engine::{Config, Descriptor, Error, Process};

use crate::faulty::{System, World};
use crate::{Task, until};

/// Longer than anything here takes.
const LONG: Option<Duration> = Some(Duration::from_secs(60));

/// More than a socket takes, each byte as its place says.
fn lot() -> Vec<u8> {
    (0_u32..1 << 20).map(|it| (it % 251) as u8).collect()
}

/// Refuses so many calls of this kind.
fn refuse(network: &Memory, call: Call, error: Error, times: usize) {
    for _ in 0..times {
        network.inject(Fault::Fails(call, error));
    }
}

fn network(world: &World) -> &Memory {
    &world.provider.transport().memory
}

/// A connection whose peer stalls, and how many bytes it has accepted: part of them wait
/// in the engine.
fn full(world: &World) -> (Descriptor, Peer, usize) {
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    let accepted = world.process.send(descriptor, &lot()).unwrap();
    (descriptor, peer, accepted)
}

#[test]
fn a_queue_that_is_refused_once_is_kept_and_goes_out_later() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer, accepted) = full(&world);
    refuse(network(&world), Call::Send, Error::NoBuffers, 1);
    assert_eq!(process.send(descriptor, b"x"), Err(Error::NoBuffers));
    assert_eq!(process.send(descriptor, b"x"), Err(Error::WouldBlock));
    assert_eq!(process.queued(descriptor).unwrap() as usize, accepted);
    peer.stall(false);
    process.close(descriptor).unwrap();
    let (bytes, end) = peer.read_all();
    assert!(bytes == lot()[..accepted], "{} of {accepted}", bytes.len());
    assert_eq!(end, PeerRead::End);
}

/// Lets time pass, and then finds these bytes. What a peer does makes an event: by the
/// first look all must be there.
#[track_caller]
fn assert_received(world: &World, peer: &Peer, expected: &[u8]) {
    for _ in 0..200 {
        world.faults.tick();
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(peer.read(64), PeerRead::Bytes(expected.to_vec()));
}

/// Nobody calls, and no event tells: the engine looks by itself.
//= docs/specification.md#o6-partly-accepted-sends
//= type=test
//# - Accepted bytes MUST stay queued, and be offered again, while the transport only lacks memory
//# for them.
#[test]
fn what_there_is_no_memory_for_goes_out_when_there_is() {
    for close in [false, true] {
        let world = World::new(Config::default());
        let process = &world.process;
        let (descriptor, peer) = world.connect();
        let queue = CompletionQueue::new();
        refuse(network(&world), Call::Send, Error::NoBuffers, 6);
        world.start_send(descriptor, b"one".to_vec(), Notify::queue(&queue, 1));
        let it = queue.wait(LONG).unwrap();
        assert_eq!((it.key, it.result), (1, Ok(3)));
        let told = process.send(descriptor, b"not accepted");
        assert_eq!(told, Err(Error::NoBuffers));
        if close {
            process.close(descriptor).unwrap();
        } else {
            world.start_send(descriptor, b"two".to_vec(), Notify::queue(&queue, 2));
        }
        assert_received(&world, &peer, if close { b"one" } else { b"onetwo" });
        if !close {
            let it = queue.wait(LONG).unwrap();
            assert_eq!((it.key, it.result), (2, Ok(3)));
            process.close(descriptor).unwrap();
        }
        until("the end has come", || peer.read_all().1 == PeerRead::End);
    }
}

/// One is told that there was none; the bytes are the next one's.
#[test]
fn a_receive_that_there_is_no_memory_for_loses_nothing() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer) = world.connect();
    let queue = CompletionQueue::new();
    refuse(network(&world), Call::Receive, Error::NoBuffers, 2);
    let _ = peer.write(b"one");
    let mut buffer = [0; 8];
    for _ in 0..2 {
        let recv = process.recv(descriptor, &mut buffer);
        assert_eq!(recv, Err(Error::NoBuffers));
    }
    assert_eq!(process.recv(descriptor, &mut buffer), Ok(3));
    for key in [1, 2] {
        world.start_recv(descriptor, 8, Notify::queue(&queue, key));
    }
    refuse(network(&world), Call::Receive, Error::NoBuffers, 1);
    let _ = peer.write(b"two");
    let ends = [1, 2].map(|_| queue.wait(LONG).unwrap());
    let ends = ends.map(|it| (it.key, it.result));
    assert_eq!(ends, [(1, Err(Error::NoBuffers)), (2, Ok(3))]);
    // A drain goes on as well.
    let _ = peer.write(b"nobody receives this");
    refuse(network(&world), Call::Receive, Error::NoBuffers, 2);
    assert_eq!(process.send(descriptor, b"last"), Ok(4));
    process.close(descriptor).unwrap();
    assert_received(&world, &peer, b"last");
    until("the end has come", || {
        world.faults.tick();
        peer.read_all().1 == PeerRead::End
    });
}

/// Whatever is called on it before: a FIN would say that nothing is missing.
#[test]
fn a_connection_whose_queue_is_refused_again_ends_in_a_reset() {
    type Then = fn(&World, Descriptor);
    let then: [Then; 4] = [
        |_, _| {},
        |world, descriptor| {
            let recv = world.process.recv(descriptor, &mut [0; 4]);
            assert_eq!(recv, Err(Error::WouldBlock));
        },
        |world, descriptor| {
            for _ in 0..2 {
                let send = world.process.send(descriptor, b"x");
                assert_eq!(send, Err(Error::ConnectionReset));
            }
        },
        |world, _| world.faults.stop(),
    ];
    for (case, then) in then.into_iter().enumerate() {
        let world = World::new(Config::default());
        let (descriptor, peer, accepted) = full(&world);
        refuse(network(&world), Call::Send, Error::InvalidArgument, 2);
        let refused = world.process.send(descriptor, b"x");
        assert_eq!(refused, Err(Error::InvalidArgument));
        then(&world, descriptor);
        peer.stall(false);
        let (bytes, _) = peer.read_all();
        assert!(bytes.len() < accepted && lot().starts_with(&bytes));
        let closed = world.process.close(descriptor);
        let stopped = Err(Error::NetworkDown);
        assert!(
            closed.is_ok() || closed == stopped,
            "case {case}: {closed:?}"
        );
        drop(world);
        // There is room now, but what was refused is not offered again.
        let (bytes, end) = peer.read_all();
        assert_eq!((bytes.len(), end), (0, PeerRead::Reset), "case {case}");
    }
}

#[test]
fn a_blocked_receive_that_there_is_no_memory_for_is_told() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    world.process.set_nonblocking(descriptor, false).unwrap();
    let memory = network(&world).clone();
    *world.faults.on_wait.lock().unwrap() = Some(Box::new(move || {
        refuse(&memory, Call::Receive, Error::NoBuffers, 1);
        let _ = peer.write(b"one");
        // It stays open.
        std::mem::forget(peer);
    }));
    let recv = |process: Process<System>| move || process.recv(descriptor, &mut [0; 8]);
    let told = Task::start(recv(world.process.clone())).result();
    assert_eq!(told, Err(Error::NoBuffers));
    assert_eq!(recv(world.process.clone())(), Ok(3));
}

#[test]
fn a_blocked_send_that_is_refused_at_its_endpoint_says_what_was_accepted() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect_blocking();
    peer.stall(true);
    let send = || {
        let network = network(&world).clone();
        *world.faults.on_wait.lock().unwrap() = Some(Box::new(move || {
            refuse(&network, Call::Send, Error::NoBuffers, 1);
        }));
        let process = world.process.clone();
        Task::start(move || process.send(descriptor, &lot())).result()
    };
    let accepted = send().unwrap();
    assert_eq!(world.process.queued(descriptor).unwrap() as usize, accepted);
    assert_eq!(send(), Err(Error::NoBuffers), "nothing of it was");
    peer.stall(false);
    world.process.close(descriptor).unwrap();
    let (bytes, end) = peer.read_all();
    assert!(bytes == lot()[..accepted], "{} of {accepted}", bytes.len());
    assert_eq!(end, PeerRead::End);
}
