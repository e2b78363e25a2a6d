//! A process that knows nothing of us has inherited the kernel's descriptor of a
//! connection: a forked child, or whatever it has executed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Interest, Notify};
use closesocket::engine::{Config, Error, NoUpcalls, Shutdown};
use closesocket::protocol::UnreadInput;
use common::copies::{copy, copy_of_bound};
use common::world::{LONG, Task, World, until};

/// What another holder of the descriptor can do at any time: calls that do not
/// say otherwise wait in the kernel from then on.
fn let_calls_wait(copy: &OwnedFd) {
    rustix::io::ioctl_fionbio(copy, false).unwrap();
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
    peer.write_all(b"unread").unwrap();
    let readable = [(descriptor, Interest::READABLE)];
    world.process.select(&readable, LONG).unwrap();
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

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - A call on a TCP socket MUST NOT wait in the kernel where a close cannot wake it, whatever
//# another process that has its descriptor too does to the state that both share.
#[test]
fn a_connection_never_waits_in_the_kernel_though_another_holder_lets_it() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let copy = copy(&peer);
    let_calls_wait(&copy);
    let process = world.process.clone();
    let calls = Task::start(move || {
        process.set_nonblocking(descriptor, true).unwrap();
        let received = process.recv(descriptor, &mut [0; 4]);
        assert_eq!(received, Err(Error::WouldBlock));
        let readable = [(descriptor, Interest::READABLE)];
        let ready = process.select(&readable, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
        while process.send(descriptor, &[7; 16 * 1024]).is_ok() {}
        let queue = CompletionQueue::new();
        let notify = Notify::queue(&queue, 1);
        let received = process.recv_overlapped(descriptor, vec![0; 4], notify);
        received.unwrap();
        (process, queue)
    });
    let (process, queue) = calls.result();
    peer.write_all(b"ping").unwrap();
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(4));
    let closed = Task::start(move || {
        process.shutdown(descriptor, Shutdown::Receive).unwrap();
        process.close(descriptor)
    });
    assert_eq!(closed.result(), Ok(()));
    assert!(common::read_to_end(&mut peer).unwrap() > 0);
    world.until_nothing_is_left();
}

#[test]
fn an_accept_never_waits_in_the_kernel_though_another_holder_lets_it() {
    let world = World::new();
    let (listener, address) = world.listening();
    let copy = copy_of_bound(address);
    for round in 0..2 {
        let_calls_wait(&copy);
        let process = world.process.clone();
        let accepted = Task::start(move || {
            process.set_nonblocking(listener, true).unwrap();
            let accepted = process.accept(listener);
            process.set_nonblocking(listener, false).unwrap();
            accepted
        });
        assert_eq!(accepted.result(), Err(Error::WouldBlock));
        let_calls_wait(&copy);
        let waiting = world.block(move |process| process.accept(listener));
        let _peer = TcpStream::connect(address).unwrap();
        let accepted = waiting.result().unwrap();
        assert_eq!(world.process.close(accepted), Ok(()), "{round}");
    }
    let_calls_wait(&copy);
    let waiting = world.block(move |process| process.accept(listener));
    assert_eq!(world.process.close(listener), Ok(()));
    assert_eq!(waiting.result(), Err(Error::Interrupted));
    world.until_nothing_is_left();
}

#[test]
fn a_connect_never_waits_in_the_kernel_though_another_holder_lets_it() {
    let world = World::new();
    let (_deaf, address) = common::deaf();
    let any = "127.0.0.1:0".parse().unwrap();
    let descriptor = world.process.socket().unwrap();
    world.process.bind(descriptor, &any).unwrap();
    let copy = copy_of_bound(world.process.local_address(descriptor).unwrap());
    let_calls_wait(&copy);
    let process = world.process.clone();
    let connecting = Task::start(move || {
        process.set_nonblocking(descriptor, true).unwrap();
        process.connect(descriptor, &address)
    });
    assert_eq!(connecting.result(), Err(Error::WouldBlock));
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.until_nothing_is_left();
}
