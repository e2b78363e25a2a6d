//! A process that knows nothing of us has inherited the kernel's descriptor of a
//! connection: a forked child, or whatever it has executed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use closesocket::engine::{Config, NoUpcalls, Shutdown};
use closesocket::protocol::UnreadInput;
use common::world::{World, until};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;

/// A copy of the kernel's descriptor that is connected to this peer.
fn copy(peer: &TcpStream) -> OwnedFd {
    let (ours, theirs) = (peer.peer_addr().unwrap(), peer.local_addr().unwrap());
    let me = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
    let mut copies = numbers.filter_map(|number| {
        let copy = pidfd_getfd(&me, number, PidfdGetfdFlags::empty()).ok()?;
        let socket = Socket::from(copy);
        let (local, remote) = (socket.local_addr().ok()?, socket.peer_addr().ok()?);
        let it = local.as_socket() == Some(ours) && remote.as_socket() == Some(theirs);
        it.then(|| OwnedFd::from(socket))
    });
    copies.next().unwrap()
}

/// A process that has inherited the descriptor and does nothing with it.
struct Heir(Child);

impl Heir {
    fn of(peer: &TcpStream) -> Self {
        let mut command = Command::new("sleep");
        let command = command.arg("600").stdin(Stdio::from(copy(peer)));
        Self(command.spawn().unwrap())
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Sees the reset while the heir still has the descriptor.
#[track_caller]
fn expect_reset(mut peer: TcpStream, mut heir: Heir) -> usize {
    let (mut received, mut buffer) = (0, vec![0; 64 * 1024]);
    let end = loop {
        match peer.read(&mut buffer) {
            Ok(0) => panic!("a clean end"),
            Ok(bytes) => received += bytes,
            Err(error) => break error.kind(),
        }
    };
    assert_eq!(end, ErrorKind::ConnectionReset);
    assert!(heir.lives());
    received
}

//= docs/specification.md#c5-a-reset-waits-for-nobody
//# - A hard close and a drain that is reset MUST reset a TCP connection at once, also while another
//# operating system process that knows nothing of the provider, such as a forked child, has
//# inherited the kernel's descriptor of it.
#[test]
fn a_hard_close_resets_whoever_else_has_the_descriptor() {
    let world = World::new();
    for (peer_finishes, we_finish) in [(false, false), (true, false), (false, true), (true, true)] {
        // The queue is full, so that no FIN is out.
        let (descriptor, peer, accepted) = world.stalled();
        let heir = Heir::of(&peer);
        if peer_finishes {
            peer.shutdown(std::net::Shutdown::Write).unwrap();
        }
        if we_finish {
            world.process.shutdown(descriptor, Shutdown::Send).unwrap();
        }
        world.process.set_linger(descriptor, Some(0)).unwrap();
        assert_eq!(world.process.close(descriptor), Ok(()));
        assert!(expect_reset(peer, heir) < accepted);
    }
    let (descriptor, peer) = world.connect();
    let heir = Heir::of(&peer);
    world.process.set_linger(descriptor, Some(0)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(expect_reset(peer, heir), 0);
    world.until_nothing_is_left();
}

#[test]
fn an_expired_linger_resets_whoever_else_has_the_descriptor() {
    let world = World::new();
    let (descriptor, peer, accepted) = world.stalled();
    let heir = Heir::of(&peer);
    world.process.set_linger(descriptor, Some(1)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(expect_reset(peer, heir) < accepted);
    world.until_nothing_is_left();
}

#[test]
fn unread_input_resets_whoever_else_has_the_descriptor() {
    let config = Config {
        unread_input: UnreadInput::Reset,
        ..Config::default()
    };
    let world = World::with(config, NoUpcalls);
    let (descriptor, mut peer) = world.connect();
    let heir = Heir::of(&peer);
    std::io::Write::write_all(&mut peer, b"unread").unwrap();
    let readable = [(descriptor, closesocket::engine::Interest::READABLE)];
    world
        .process
        .select(&readable, common::world::LONG)
        .unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(expect_reset(peer, heir), 0);
    world.until_nothing_is_left();
}

#[test]
fn a_graceful_close_ends_whoever_else_has_the_descriptor() {
    let world = World::new();
    let (descriptor, mut peer, accepted) = world.stalled();
    let mut heir = Heir::of(&peer);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(common::read_to_end(&mut peer).unwrap(), accepted);
    until("released", || world.provider.usage().sockets == 0);
    assert!(heir.lives());
}
