//! Sockets that somebody else has made, and those that go back.
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::common::world::World;
use closesocket::engine::completions::{Notify, Overlapped};
use closesocket::engine::{Descriptor, Error};
use closesocket_tcp::native::{self, NotAdopted};
use socket2::{Domain, SockRef, Socket, Type};

const HOME: &str = "127.0.0.1:0";

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(HOME).unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, peer)
}

#[test]
fn an_adopted_stream_is_a_socket_like_any_other() {
    let world = World::new();
    let (stream, mut peer) = pair();
    peer.write_all(b"sent before").unwrap();
    let it = native::adopt(&world.process, stream).unwrap();
    let mut buffer = [0; 64];
    let received = world.process.recv(it, &mut buffer).unwrap();
    assert_eq!(&buffer[..received], b"sent before");
    // A blocked call waits, though the stream was blocking.
    let blocked = world.block(move |process| process.recv(it, &mut [0; 8]));
    peer.write_all(b"later").unwrap();
    assert_eq!(blocked.result(), Ok(5));
    world.process.send(it, b"all").unwrap();
    world.process.close(it).unwrap();
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"all");
}

#[test]
fn a_linger_time_of_an_adopted_stream_becomes_the_providers() {
    let world = World::new();
    for (set, seconds) in [(None, None), (Some(0), Some(0)), (Some(9), Some(9))] {
        let (stream, mut peer) = pair();
        let linger = set.map(Duration::from_secs);
        SockRef::from(&stream).set_linger(linger).unwrap();
        let it = native::adopt(&world.process, stream).unwrap();
        assert_eq!(world.process.linger(it), Ok(seconds));
        let lent = native::lend(&world.process, it).unwrap();
        let left = SockRef::from(&lent).linger().unwrap();
        assert_eq!(left, None, "the kernel never waits");
        drop(lent);
        world.process.close(it).unwrap();
        let end = peer.read(&mut [0]).map_err(|error| error.kind());
        match seconds {
            Some(0) => assert_eq!(end, Err(ErrorKind::ConnectionReset)),
            _ => assert_eq!(end.unwrap(), 0),
        }
    }
}

#[test]
fn an_adopted_listener_accepts_also_what_has_waited() {
    let world = World::new();
    let listener = TcpListener::bind(HOME).unwrap();
    let address = listener.local_addr().unwrap();
    let copy = listener.try_clone().unwrap();
    let _first = TcpStream::connect(address).unwrap();
    let it = native::adopt(&world.process, listener).unwrap();
    let first = world.process.accept(it).unwrap();
    let blocked = world.block(move |process| process.accept(it));
    let _second = TcpStream::connect(address).unwrap();
    let second = blocked.result().unwrap();
    // Whoever has opened it keeps it, with the connections that wait.
    let _third = TcpStream::connect(address).unwrap();
    world.process.close(it).unwrap();
    copy.set_nonblocking(false).unwrap();
    copy.accept().unwrap();
    for it in [first, second] {
        world.process.close(it).unwrap();
    }
}

#[test]
fn a_socket_with_options_of_ones_own_is_adopted_before_its_bind_and_before_its_listen() {
    let world = World::new();
    let process = &world.process;
    let any: SocketAddr = HOME.parse().unwrap();
    for bound in [false, true] {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        if bound {
            socket.bind(&any.into()).unwrap();
        }
        let it = native::adopt(process, socket).unwrap();
        assert_eq!(process.bind(it, &any).is_ok(), !bound);
        assert_eq!(process.bind(it, &any), Err(Error::InvalidArgument));
        process.listen(it, 4).unwrap();
        let address = process.local_address(it).unwrap();
        let _peer = TcpStream::connect(address).unwrap();
        let accepted = process.accept(it).unwrap();
        process.close(accepted).unwrap();
        process.close(it).unwrap();
    }
    let listener = TcpListener::bind(HOME).unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let it = native::adopt(process, socket).unwrap();
    process
        .connect(it, &listener.local_addr().unwrap())
        .unwrap();
    process.close(it).unwrap();
}

#[test]
fn what_is_not_adopted_comes_back_as_it_was() {
    let world = World::new();
    let file = std::fs::File::open("/dev/null").unwrap();
    let connecting = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let (_deaf, address) = crate::common::deaf();
    connecting.set_nonblocking(true).unwrap();
    let _ = connecting.connect(&address.into());
    let refused: [(OwnedFd, Error); 4] = [
        (file.into(), Error::NotSocket),
        (UdpSocket::bind(HOME).unwrap().into(), Error::NotSupported),
        (
            UnixStream::pair().unwrap().0.into(),
            Error::FamilyNotSupported,
        ),
        (connecting.into(), Error::AlreadyInProgress),
    ];
    for (socket, expected) in refused {
        let number = socket.as_raw_fd();
        let NotAdopted { error, socket } = native::adopt(&world.process, socket).unwrap_err();
        assert_eq!((error, socket.unwrap().as_raw_fd()), (expected, number));
    }
    world.process.cleanup().unwrap();
    let (stream, mut peer) = pair();
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    let refused = native::adopt(&world.process, stream).unwrap_err();
    assert_eq!(refused.error, Error::NotInitialised);
    let stream = TcpStream::from(refused.socket.unwrap());
    let linger = SockRef::from(&stream).linger().unwrap();
    assert_eq!(linger, Some(Duration::ZERO));
    // It is blocking still.
    peer.write_all(b"x").unwrap();
    assert_eq!((&stream).read(&mut [0; 4]).unwrap(), 1);
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn a_stream_that_was_shut_down_before_says_so_and_is_not_lost() {
    let world = World::new();
    let (stream, mut peer) = pair();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let it = native::adopt(&world.process, stream).unwrap();
    assert_eq!(world.process.send(it, b"x"), Err(Error::ShutDown));
    peer.write_all(b"answer").unwrap();
    assert_eq!(world.process.recv(it, &mut [0; 16]), Ok(6));
    world.process.close(it).unwrap();
}

#[test]
fn a_connection_that_goes_back_goes_on_with_everything_that_was_accepted() {
    let world = World::new();
    let (it, mut peer) = world.connect();
    let pending = Overlapped::new();
    world.start_recv(it, 8, Notify::event(&pending));
    world.process.send(it, b"by us, ").unwrap();
    let stream = TcpStream::from(native::give_back(&world.process, it).unwrap());
    let aborted = pending.wait(crate::common::world::LONG).unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(world.process.close(it), Err(Error::NotSocket));
    assert_eq!(world.process.descriptors(), 0);
    stream.set_nonblocking(false).unwrap();
    (&stream).write_all(b"by them").unwrap();
    drop(stream);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"by us, by them");
}

/// Its events would wake the reactor for as long as its new owner has it.
#[test]
fn a_connection_that_goes_back_is_watched_no_more() {
    let watched = |socket: &dyn AsRawFd| {
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        let number = link.to_str().unwrap().trim_start_matches("socket:[");
        let number: u64 = number.trim_end_matches(']').parse().unwrap();
        let all = fs::read_dir("/proc/self/fdinfo").unwrap();
        // Some are closed by other tests meanwhile.
        let all = all.filter_map(|it| fs::read_to_string(it.ok()?.path()).ok());
        all.collect::<String>()
            .contains(&format!(" ino:{number:x} "))
    };
    let world = World::new();
    let (it, _peer) = world.connect();
    world.start_recv(it, 8, Notify::nobody());
    let lent = native::lend(&world.process, it).unwrap();
    assert!(watched(&lent.as_fd()));
    drop(lent);
    let back = native::give_back(&world.process, it).unwrap();
    world.until_nothing_is_left();
    assert!(!watched(&back));
}

#[test]
fn a_listener_that_goes_back_keeps_the_connections_that_wait() {
    let world = World::new();
    let (it, address) = world.listening();
    let _waits = TcpStream::connect(address).unwrap();
    let listener = TcpListener::from(native::give_back(&world.process, it).unwrap());
    listener.set_nonblocking(false).unwrap();
    listener.accept().unwrap();
    let timeout = SockRef::from(&listener).read_timeout().unwrap();
    assert_eq!(timeout, None);
}

#[test]
fn what_cannot_go_back_stays() {
    let world = World::new();
    let process = &world.process;
    let new = process.socket().unwrap();
    let (timed, _peer) = world.connect();
    process.set_linger(timed, Some(3)).unwrap();
    let (full, _stalled, _) = world.stalled();
    let expected = [
        (new, Error::NotConnected),
        (timed, Error::InvalidArgument),
        (full, Error::WouldBlock),
        (Descriptor::from_raw(7), Error::NotSocket),
    ];
    for (it, error) in expected {
        assert_eq!(native::give_back(process, it).err(), Some(error));
    }
    for it in [timed, full] {
        process.set_linger(it, Some(0)).unwrap();
    }
    for it in [new, timed, full] {
        process.close(it).unwrap();
    }
}

#[test]
fn a_lent_socket_stays_itself_while_it_is_held_and_delays_no_end() {
    let world = World::new();
    let (it, mut peer) = world.connect();
    let lent = native::lend(&world.process, it).unwrap();
    let number = lent.as_fd().as_raw_fd();
    let local = SockRef::from(&lent).local_addr().unwrap();
    world.process.close(it).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the FIN does not wait");
    let others: Vec<_> = (0..64).map(|_| world.connect()).collect();
    for (other, _peer) in others {
        let held = native::lend(&world.process, other).unwrap();
        assert_ne!(held.as_fd().as_raw_fd(), number);
        drop(held);
        world.process.close(other).unwrap();
    }
    assert_eq!(lent.as_fd().as_raw_fd(), number);
    let still = SockRef::from(&lent).local_addr().unwrap();
    assert_eq!(still.as_socket(), local.as_socket());
    assert_eq!(
        native::lend(&world.process, it).err(),
        Some(Error::NotSocket)
    );
    assert_eq!(world.process.descriptors(), 1, "its handle waits");
    drop(lent);
    assert_eq!(world.process.descriptors(), 0);
}
