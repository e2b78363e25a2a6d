//! Threads that wait at their endpoint, and whom the reactor watches for.
//! One test at a time, since they count what the process has.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use closesocket::engine::Error;
use closesocket::engine::completions::{Interest, Notify, Overlapped};
use closesocket::engine::net::{Endpoint, Received};
use common::world::{LONG, World, until};
use common::{Net, SMALL};
use socket2::SockRef;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many descriptors the reactor watches, its waker included. It has several
/// descriptors of what it watches with.
fn watched() -> usize {
    let files = fs::read_dir("/proc/self/fdinfo").unwrap();
    let text = |file: std::io::Result<fs::DirEntry>| {
        // One may be closed meanwhile.
        fs::read_to_string(file.unwrap().path()).unwrap_or_default()
    };
    let watched = |text: &str| text.lines().filter(|it| it.starts_with("tfd:")).count();
    files.map(|file| watched(&text(file))).max().unwrap()
}

#[test]
fn what_was_there_before_a_wait_ends_it() {
    let _alone = alone();
    let net = Net::new(SMALL);
    let (mut endpoint, mut peer) = net.connected();
    let waiter = endpoint.waiter().unwrap();
    waiter.wake();
    waiter.wait(Interest::NONE, None);
    waiter.wait(Interest::WRITABLE, None);
    assert_eq!(endpoint.receive(&mut [0; 2]), Ok(Received::Nothing));
    peer.write_all(b"abc").unwrap();
    waiter.wait(Interest::READABLE, None);
    assert_eq!(endpoint.receive(&mut [0; 2]), Ok(Received::Bytes(2)));
    waiter.wait(Interest::READABLE, None);
    assert_eq!(endpoint.receive(&mut [0; 2]), Ok(Received::Bytes(1)));
    net.fill(&mut endpoint);
    let nothing = Some(Duration::from_millis(1));
    waiter.wait(Interest::WRITABLE, nothing);
    drop(peer);
    waiter.wait(Interest::READABLE, None);
    drop(endpoint);
    waiter.wait(Interest::NONE, nothing);
}

#[test]
fn a_connection_is_watched_only_while_somebody_waits_for_its_events() {
    let _alone = alone();
    let world = World::new();
    let process = &world.process;
    let of_the_reactor = watched();
    let (descriptor, mut peer) = world.connect();
    let receive = || {
        let overlapped = Overlapped::new();
        let notify = Notify::event(&overlapped);
        let started = process.recv_overlapped(descriptor, vec![0; 4], notify);
        started.unwrap();
        overlapped
    };
    let overlapped = receive();
    assert_eq!(watched(), of_the_reactor + 1);
    peer.write_all(b"0123").unwrap();
    assert_eq!(overlapped.wait(LONG).unwrap().buffer, b"0123");
    let receiving = world.block(move |process| {
        let mut buffer = [0; 4];
        (process.recv(descriptor, &mut buffer), buffer)
    });
    until("it is not watched", || watched() == of_the_reactor);
    let overlapped = receive();
    assert_eq!(watched(), of_the_reactor + 1, "for what is behind it");
    peer.write_all(b"1234").unwrap();
    assert_eq!(receiving.result(), (Ok(4), *b"1234"));
    peer.write_all(b"5678").unwrap();
    assert_eq!(overlapped.wait(LONG).unwrap().buffer, b"5678");
    process.close(descriptor).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    world.until_nothing_is_left();
    until("nothing is watched", || watched() == of_the_reactor);
}

/// A receive that takes all there is leaves the next one to an event.
#[test]
fn what_has_come_behind_the_bytes_of_a_receive_ends_the_next_one() {
    let _alone = alone();
    let world = World::new();
    let process = &world.process;
    let behind: [fn(TcpStream) -> Option<TcpStream>; 3] = [
        |_finishes| None,
        |resets| {
            let hard = Some(Duration::ZERO);
            SockRef::from(&resets).set_linger(hard).unwrap();
            None
        },
        |mut is_urgent| {
            SockRef::from(&is_urgent).send_out_of_band(b"!").unwrap();
            is_urgent.write_all(b"more").unwrap();
            Some(is_urgent)
        },
    ];
    let next = [Ok(0), Err(Error::ConnectionReset), Ok(4)];
    for (behind, next) in behind.into_iter().zip(next) {
        let (descriptor, mut peer) = world.connect();
        let receiving = world.block(move |process| process.recv(descriptor, &mut [0; 16]));
        peer.write_all(b"first").unwrap();
        assert_eq!(receiving.result(), Ok(5));
        // It is not watched now, so all of this is one event.
        peer.write_all(b"second").unwrap();
        let _peer = behind(peer);
        for result in [Ok(6), next] {
            let overlapped = Overlapped::new();
            world.start_recv(descriptor, 16, Notify::event(&overlapped));
            assert_eq!(overlapped.wait(LONG).unwrap().result, result);
        }
        process.close(descriptor).unwrap();
    }
}

/// It would be told of nothing that has come before.
#[test]
fn who_only_looks_sees_what_no_event_has_told_yet() {
    let _alone = alone();
    let world = World::new();
    let process = &world.process;
    let (descriptor, mut peer) = world.connect();
    let receiving = world.block(move |process| process.recv(descriptor, &mut [0; 16]));
    peer.write_all(b"first").unwrap();
    assert_eq!(receiving.result(), Ok(5));
    peer.write_all(b"second").unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(process.recv(descriptor, &mut [0; 4]), Ok(4));
    process.set_nonblocking(descriptor, false).unwrap();
    assert_eq!(process.recv(descriptor, &mut [0; 16]), Ok(2));
    let limit = Some(Duration::from_millis(1));
    process.set_receive_limit(descriptor, limit).unwrap();
    peer.write_all(b"third").unwrap();
    assert_eq!(process.recv(descriptor, &mut [0; 16]), Ok(5));
}
