//! A transport that refuses bytes, by an error that is no loss.

use closesocket::engine::net::{Call, Fault, Memory, Peer, PeerRead};
use closesocket::engine::{Config, Descriptor, Error};

use crate::Task;
use crate::faulty::World;

/// More than a socket takes, each byte as its place says.
fn lot() -> Vec<u8> {
    (0_u32..1 << 20).map(|it| (it % 251) as u8).collect()
}

/// Refuses so many sends.
fn refuse(network: &Memory, times: usize) {
    for _ in 0..times {
        network.inject(Fault::Fails(Call::Send, Error::NoBuffers));
    }
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
    refuse(&world.provider.transport().memory, 1);
    assert_eq!(process.send(descriptor, b"x"), Err(Error::NoBuffers));
    assert_eq!(process.send(descriptor, b"x"), Err(Error::WouldBlock));
    assert_eq!(process.queued(descriptor).unwrap() as usize, accepted);
    peer.stall(false);
    process.close(descriptor).unwrap();
    let (bytes, end) = peer.read_all();
    assert!(bytes == lot()[..accepted], "{} of {accepted}", bytes.len());
    assert_eq!(end, PeerRead::End);
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
        refuse(&world.provider.transport().memory, 2);
        let refused = world.process.send(descriptor, b"x");
        assert_eq!(refused, Err(Error::NoBuffers));
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
fn a_blocked_send_that_is_refused_at_its_endpoint_says_what_was_accepted() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    world.process.set_nonblocking(descriptor, false).unwrap();
    peer.stall(true);
    let send = || {
        let network = world.provider.transport().memory.clone();
        *world.faults.on_wait.lock().unwrap() = Some(Box::new(move || refuse(&network, 1)));
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
