//! What Linux does with stream sockets of `AF_UNIX`, where it is not what it does
//! with TCP.
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use closesocket::engine::completions::{Interest, Notify, Overlapped};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sockopt::{NoDelay, SendBuffer};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Descriptor, Error, Process, Provider};
use closesocket_tcp::{TcpConfig, Unix, native};
use rustix::net::sockopt::socket_peercred;
use socket2::{Domain, SockAddr, Socket, Type};

type Sys = (Unix, Std, SystemClock, NoProbe);

/// After this long a test has failed.
const LONG: Option<Duration> = Some(Duration::from_secs(20));

fn name() -> String {
    static NAMES: AtomicU32 = AtomicU32::new(1);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    format!("closesocket-unix-{}-{number}", std::process::id())
}

fn free() -> SocketAddr {
    SocketAddr::from_abstract_name(name()).unwrap()
}

fn process() -> (Provider<Sys>, Process<Sys>) {
    let small = TcpConfig {
        send_buffer: Some(16 * 1024),
        ..TcpConfig::default()
    };
    let provider = Provider::over(Unix::with_config(small).unwrap());
    let process = provider.startup().unwrap();
    (provider, process)
}

fn connect(process: &Process<Sys>) -> (Descriptor, UnixStream) {
    let listener = UnixListener::bind_addr(&free()).unwrap();
    let it = process.socket().unwrap();
    process
        .connect(it, &listener.local_addr().unwrap())
        .unwrap();
    let peer = listener.accept().unwrap().0;
    peer.set_read_timeout(LONG).unwrap();
    (it, peer)
}

/// Sends until nothing fits, and tells how much did.
fn fill(process: &Process<Sys>, it: Descriptor) -> usize {
    process.set_nonblocking(it, true).unwrap();
    let mut accepted = 0;
    while let Ok(bytes) = process.send(it, &[7; 64 * 1024]) {
        accepted += bytes;
    }
    process.set_nonblocking(it, false).unwrap();
    accepted
}

/// How much a peer reads, and the end that it sees.
fn read_all(peer: &mut UnixStream) -> (usize, Result<(), ErrorKind>) {
    let (mut total, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        match peer.read(&mut buffer) {
            Ok(0) => return (total, Ok(())),
            Ok(bytes) => total += bytes,
            Err(error) => return (total, Err(error.kind())),
        }
    }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < give_up, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn addresses_are_paths_abstract_names_or_chosen_by_the_kernel() {
    let (_provider, process) = process();
    let path = std::env::temp_dir().join(name());
    let at_path = SocketAddr::from_pathname(&path).unwrap();
    let unnamed = SocketAddr::from_pathname("").unwrap();
    for address in [&at_path, &free(), &unnamed] {
        let listener = process.socket().unwrap();
        process.bind(listener, address).unwrap();
        process.listen(listener, 4).unwrap();
        let bound = process.local_address(listener).unwrap();
        assert_eq!(bound.as_pathname(), address.as_pathname());
        if let Some(name) = address.as_abstract_name() {
            assert_eq!(bound.as_abstract_name(), Some(name));
        }
        assert!(!bound.is_unnamed());
        let client = process.socket().unwrap();
        process.connect(client, &bound).unwrap();
        assert!(process.local_address(client).unwrap().is_unnamed());
        let accepted = process.accept(listener).unwrap();
        process.send(client, b"x").unwrap();
        assert_eq!(process.recv(accepted, &mut [0; 4]), Ok(1));
        for it in [client, accepted, listener] {
            process.close(it).unwrap();
        }
    }
    // The file stays, and the name with it.
    let again = process.socket().unwrap();
    assert_eq!(process.bind(again, &at_path), Err(Error::AddressInUse));
    std::fs::remove_file(&path).unwrap();
    process.bind(again, &at_path).unwrap();
    process.close(again).unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_hard_close_reads_as_an_end_behind_what_the_kernel_had_taken() {
    let (provider, process) = process();
    let (it, mut peer) = connect(&process);
    let accepted = fill(&process, it);
    process.set_linger(it, Some(0)).unwrap();
    process.close(it).unwrap();
    assert_eq!(provider.usage().sockets, 0);
    assert_eq!(peer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let (received, end) = read_all(&mut peer);
    assert_eq!(end, Ok(()));
    assert!(
        received > 0 && received < accepted,
        "{received} of {accepted}"
    );
}

#[test]
fn a_hard_close_with_unread_input_reads_as_a_reset() {
    let (_provider, process) = process();
    let (it, mut peer) = connect(&process);
    peer.write_all(b"unread").unwrap();
    process.send(it, b"sent").unwrap();
    process.set_linger(it, Some(0)).unwrap();
    process.close(it).unwrap();
    assert_eq!(read_all(&mut peer), (4, Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_hard_close_does_not_wait_for_whoever_has_a_copy() {
    let (_provider, process) = process();
    let (it, mut peer) = connect(&process);
    let lent = native::lend(&process, it).unwrap();
    let _copy = lent.as_fd().try_clone_to_owned().unwrap();
    drop(lent);
    process.set_linger(it, Some(0)).unwrap();
    process.close(it).unwrap();
    assert_eq!(read_all(&mut peer), (0, Ok(())));
}

#[test]
fn what_the_kernel_has_taken_has_arrived_though_nobody_reads_it() {
    let (provider, process) = process();
    let (it, mut peer) = connect(&process);
    process.send(it, b"unread by the peer").unwrap();
    assert_eq!(process.queued(it), Ok(0));
    let sent = process.select(&[(it, Interest::SENT)], LONG).unwrap();
    assert!(sent[0].1.sent);
    // So a lingering close has nothing to wait for.
    process.set_linger(it, Some(600)).unwrap();
    process.close(it).unwrap();
    assert_eq!(provider.usage().sockets, 0);
    assert_eq!(read_all(&mut peer), (18, Ok(())));
}

#[test]
fn a_connect_to_a_full_backlog_is_made_when_there_is_room() {
    let (_provider, process) = process();
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket
        .bind(&SockAddr::unix(format!("\0{}", name())).unwrap())
        .unwrap();
    socket.listen(0).unwrap();
    let listener = UnixListener::from(OwnedFd::from(socket));
    let address = listener.local_addr().unwrap();
    let _first = UnixStream::connect_addr(&address).unwrap();
    // One waits by a completion, one in the call, one must not wait.
    let [by_completion, in_the_call, nonblocking] = [0; 3].map(|_| process.socket().unwrap());
    let connected = Overlapped::new();
    let notify = Notify::event(&connected);
    process
        .connect_overlapped(by_completion, &address, notify)
        .unwrap();
    process.set_nonblocking(nonblocking, true).unwrap();
    let at_once = process.connect(nonblocking, &address);
    assert_eq!(at_once, Err(Error::WouldBlock));
    let (blocked, there) = (process.clone(), address.clone());
    let waits = std::thread::spawn(move || blocked.connect(in_the_call, &there));
    until("it waits", || process.blocked_threads() == 1);
    assert!(connected.take().is_none());
    let mut accepted = Vec::new();
    for _ in 0..4 {
        accepted.push(listener.accept().unwrap());
    }
    assert_eq!(connected.wait(LONG).unwrap().result, Ok(0));
    assert_eq!(waits.join().unwrap(), Ok(()));
    let ready = process.select(&[(nonblocking, Interest::WRITABLE)], LONG);
    assert!(ready.unwrap()[0].1.writable);
    // The last of them finds that nobody listens any more.
    let _full = UnixStream::connect_addr(&address).unwrap();
    let late = process.socket().unwrap();
    let refused = Overlapped::new();
    process
        .connect_overlapped(late, &address, Notify::event(&refused))
        .unwrap();
    drop(listener);
    let result = refused.wait(LONG).unwrap().result;
    assert_eq!(result, Err(Error::ConnectionRefused));
    for it in [by_completion, in_the_call, nonblocking, late] {
        process.close(it).unwrap();
    }
}

#[test]
fn an_accepted_socket_has_the_send_buffer_of_its_listener() {
    let (_provider, process) = process();
    let listener = process.socket().unwrap();
    process.set_option(listener, SendBuffer(30_000)).unwrap();
    let refused = process.set_option(listener, NoDelay(true));
    assert_eq!(refused, Err(Error::NoProtocolOption));
    process.bind(listener, &free()).unwrap();
    process.listen(listener, 4).unwrap();
    let address = process.local_address(listener).unwrap();
    let _peer = UnixStream::connect_addr(&address).unwrap();
    let accepted = process.accept(listener).unwrap();
    assert_eq!(process.option(accepted), Ok(SendBuffer(60_000)));
    process.close(accepted).unwrap();
    process.close(listener).unwrap();
}

#[test]
fn the_peers_credentials_are_asked_of_the_lent_socket() {
    let (_provider, process) = process();
    let (it, _peer) = connect(&process);
    let lent = native::lend(&process, it).unwrap();
    let peer = socket_peercred(&lent).unwrap();
    assert_eq!(peer.pid.as_raw_nonzero().get() as u32, std::process::id());
    drop(lent);
    process.close(it).unwrap();
}

#[test]
fn streams_and_listeners_of_the_system_are_adopted_and_go_back() {
    let (_provider, process) = process();
    let (stream, mut peer) = UnixStream::pair().unwrap();
    let it = native::adopt(&process, stream).unwrap();
    process.send(it, b"ours, ").unwrap();
    let stream = UnixStream::from(native::give_back(&process, it).unwrap());
    (&stream).write_all(b"theirs").unwrap();
    drop(stream);
    let mut all = String::new();
    peer.read_to_string(&mut all).unwrap();
    assert_eq!(all, "ours, theirs");
    let listener = UnixListener::bind_addr(&free()).unwrap();
    let address = listener.local_addr().unwrap();
    let _waits = UnixStream::connect_addr(&address).unwrap();
    let it = native::adopt(&process, listener).unwrap();
    let accepted = process.accept(it).unwrap();
    for it in [accepted, it] {
        process.close(it).unwrap();
    }
    let over_tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(over_tcp.local_addr().unwrap()).unwrap();
    let refused = native::adopt(&process, stream).unwrap_err();
    assert_eq!(refused.error, Error::FamilyNotSupported);
    let alone = Socket::new(Domain::UNIX, Type::DGRAM, None).unwrap();
    let refused = native::adopt(&process, alone).unwrap_err();
    assert_eq!(refused.error, Error::NotSupported);
}

#[test]
fn a_peer_that_goes_is_an_end_to_the_reader_and_a_loss_to_the_writer() {
    let (_provider, process) = process();
    let (it, mut peer) = connect(&process);
    process.send(it, b"unread").unwrap();
    peer.write_all(b"last").unwrap();
    drop(peer);
    // Bytes of ours were unread: that is a reset, behind what he had sent (R1).
    assert_eq!(process.send(it, b"x"), Err(Error::ConnectionReset));
    assert_eq!(process.recv(it, &mut [0; 8]), Ok(4));
    assert_eq!(process.recv(it, &mut [0; 8]), Err(Error::ConnectionReset));
    process.close(it).unwrap();
    let (it, peer) = connect(&process);
    drop(peer);
    assert_eq!(process.recv(it, &mut [0; 8]), Ok(0));
    assert_eq!(process.send(it, b"x"), Err(Error::ConnectionReset));
    process.close(it).unwrap();
}
