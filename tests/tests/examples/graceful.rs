//! A server that loses no accepted byte, and a proxy.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::{Example, PATIENCE};

/// The byte at this place of what client `seed` sends.
fn pattern(seed: usize, position: usize) -> u8 {
    ((position / 251) ^ position ^ seed.wrapping_mul(97)).to_le_bytes()[0]
}

/// Sends as long as it can, and reads back to the end. Returns how many bytes
/// came, all of which must be what was sent.
fn echo_until_the_end(address: SocketAddr, seed: usize, progress: &AtomicUsize) -> usize {
    let Ok(stream) = TcpStream::connect(address) else {
        return 0;
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sent = 0;
            loop {
                let length = 1 + (sent ^ seed) % 9_000;
                let bytes: Vec<u8> = (sent..sent + length).map(|it| pattern(seed, it)).collect();
                if (&stream).write_all(&bytes).is_err() {
                    break;
                }
                sent += length;
            }
        });
        let mut received = 0;
        let mut buffer = [0; 8_192];
        loop {
            match (&stream).read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    progress.fetch_add(count, Ordering::Relaxed);
                    for byte in &buffer[..count] {
                        assert_eq!(*byte, pattern(seed, received), "at {received}");
                        received += 1;
                    }
                }
                // A connection that was never accepted is reset.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        stream.shutdown(Shutdown::Both).ok();
        received
    })
}

//= docs/specification.md#o6-partly-accepted-sends
//# - After a close that ended gracefully, the peer MUST be able to receive every accepted byte.
#[test]
fn a_graceful_server_cut_200_times_under_load_loses_no_accepted_byte() {
    const CUTS: usize = 200;
    const CLIENTS: usize = 4;
    const LOAD_BYTES: usize = 4_000_000;
    let mut carried = 0;
    for cut in 0..CUTS {
        let server = Example::start("graceful_echo", &["127.0.0.1:0"]);
        let address = server.address;
        let progress = &AtomicUsize::new(0);
        let (received, last_line) = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| cut * CLIENTS + client)
                .map(|seed| scope.spawn(move || echo_until_the_end(address, seed, progress)))
                .collect();
            // Anywhere between the first connection and full load.
            let enough = cut * 7_919_003 % LOAD_BYTES;
            while progress.load(Ordering::Relaxed) < enough {
                std::thread::sleep(Duration::from_micros(100));
            }
            server.signal(Signal::TERM);
            let received: usize = clients.into_iter().map(|it| it.join().unwrap()).sum();
            (received, server.end())
        });
        let words: Vec<_> = last_line.split_whitespace().collect();
        let accepted: usize = words[1].parse().unwrap();
        assert!(
            last_line.ends_with("0 cut off, 0 not delivered"),
            "{last_line}"
        );
        assert_eq!(received, accepted, "cut {cut}: {last_line}");
        carried += received;
    }
    println!("{CUTS} cuts, {carried} bytes echoed");
}

#[test]
fn a_peer_that_does_not_read_is_cut_off_after_the_grace_period() {
    let server = Example::start("graceful_echo", &["127.0.0.1:0"]);
    let stalled = server.connect();
    stalled
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    // Until the server's thread is blocked in its send, and its kernel is full.
    while (&stalled).write_all(&[7; 65_536]).is_ok() {}
    server.signal(Signal::INT);
    let last_line = server.end();
    assert!(
        last_line.ends_with("1 cut off, 0 not delivered"),
        "{last_line}"
    );
}

/// A server behind the proxy that keeps its connection.
fn session_through_the_proxy() -> (Example, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server_address = listener.local_addr().unwrap().to_string();
    let mut proxy = Example::start("proxy", &["127.0.0.1:0", &server_address]);
    let client = proxy.connect();
    let (server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(proxy.line(), "session 1 begins");
    (proxy, client, server)
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut carried = vec![0; bytes.len()];
    to.read_exact(&mut carried).unwrap();
    assert_eq!(carried, bytes);
}

#[test]
fn the_proxy_closes_one_side_under_its_threads_and_both_peers_see_a_fin() {
    let (mut proxy, mut client, mut server) = session_through_the_proxy();
    carry(&client, &server, b"question");
    carry(&server, &client, b"the answer");
    proxy.say("list");
    assert_eq!(proxy.line(), "1 sessions");
    assert_eq!(
        proxy.line(),
        "session 1: 8 bytes to the server, 10 to the client"
    );
    proxy.say("close 1");
    assert_eq!(proxy.line(), "closed the server's side");
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 0);
    assert_eq!(server.read(&mut [0; 16]).unwrap(), 0);
    assert_eq!(proxy.line(), "session 1 ends");
    proxy.say("close 1");
    assert_eq!(proxy.line(), "no such session");
    proxy.say("quit");
    assert_eq!(proxy.end(), "0 not delivered");
}

#[test]
fn the_proxy_resets_one_side_and_the_other_still_ends_gracefully() {
    let (mut proxy, mut client, mut server) = session_through_the_proxy();
    carry(&client, &server, b"question");
    proxy.say("reset 1");
    assert_eq!(proxy.line(), "closed the server's side");
    let error = server.read(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 0);
    assert_eq!(proxy.end(), "0 not delivered");
}

#[test]
fn the_proxy_carries_a_half_closed_connection_to_its_end() {
    let (proxy, mut client, mut server) = session_through_the_proxy();
    client.write_all(b"all there is").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut question = Vec::new();
    server.read_to_end(&mut question).unwrap();
    assert_eq!(question, b"all there is");
    server.write_all(b"late answer").unwrap();
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"late answer");
    assert_eq!(proxy.end(), "0 not delivered");
}

#[test]
fn the_end_of_the_input_closes_both_sides_of_every_session() {
    let (proxy, mut client, mut server) = session_through_the_proxy();
    carry(&server, &client, b"greeting");
    assert_eq!(proxy.end(), "0 not delivered");
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 0);
    assert_eq!(server.read(&mut [0; 16]).unwrap(), 0);
}
