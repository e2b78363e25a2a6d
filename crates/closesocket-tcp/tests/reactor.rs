//! The reactor: whom it tells, when it ticks, how it ends, what it leaves.
//! One test at a time, since they count what the process has.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use closesocket::engine::net::{Endpoint, Events, Found, Token, Transport};
use closesocket::protocol::Error;
use closesocket_tcp::{Tcp, TcpConfig, TcpEndpoint};
use common::{Net, SMALL, read_to_end};

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Reactor threads of this process. The kernel cuts names to 15 bytes.
fn reactors() -> usize {
    fs::read_dir("/proc/self/task")
        .unwrap()
        .filter(|task| {
            let name = task.as_ref().unwrap().path().join("comm");
            fs::read_to_string(name).is_ok_and(|name| name.trim() == "closesocket-tcp")
        })
        .count()
}

/// Threads name themselves a moment after they were started, and leave `/proc`
/// a moment after they are done.
fn reactors_become(expected: usize) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while reactors() != expected {
        assert!(Instant::now() < give_up, "{} reactors", reactors());
        std::thread::yield_now();
    }
}

#[test]
fn events_go_to_the_token_of_their_endpoint_only() {
    let _alone = alone();
    let net = Net::new(TcpConfig::default());
    let mut peers = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..8 {
        let (mut listener, address, _) = net.listening();
        let peer = TcpStream::connect(address).unwrap();
        let mut accepted = net.until(|| listener.accept().unwrap());
        let token = common::fresh_token();
        accepted.register(token).unwrap();
        expected.push(token);
        peers.push((accepted, peer));
    }
    net.until(|| {
        let seen = net.ready();
        expected
            .iter()
            .all(|token| seen.contains(token))
            .then_some(())
    });
    let before = net.ready().len();
    peers[3].1.write_all(b"x").unwrap();
    net.until(|| (peers[3].0.look().unwrap() != Found::Nothing).then_some(()));
    net.until(|| (net.ready().len() > before).then_some(()));
    assert!(
        net.ready()[before..]
            .iter()
            .all(|token| *token == expected[3])
    );
}

#[test]
fn a_dropped_endpoint_is_not_heard_of_again_though_its_number_is_reused() {
    let _alone = alone();
    let net = Net::new(TcpConfig::default());
    let (mut listener, address, _) = net.listening();
    let mut connect = || {
        let peer = TcpStream::connect(address).unwrap();
        let mut endpoint = net.until(|| listener.accept().unwrap());
        let token = common::fresh_token();
        endpoint.register(token).unwrap();
        net.until(|| net.ready().contains(&token).then_some(()));
        (endpoint, peer, token)
    };
    let (old, mut old_peer, old_token) = connect();
    drop(old);
    // Whatever the reactor had fetched for the old token is delivered once a
    // later tick has come.
    let ticks = net.ticks();
    net.tcp.wake();
    net.until(|| (net.ticks() > ticks).then_some(()));
    let before = net.ready().len();
    let (_new, mut new_peer, new_token) = connect();
    let _ = old_peer.write_all(b"to the old one");
    new_peer.write_all(b"to the new one").unwrap();
    let count = || {
        let ready = net.ready();
        ready[before..]
            .iter()
            .filter(|token| **token == new_token)
            .count()
    };
    net.until(|| (count() > 1).then_some(()));
    assert!(!net.ready()[before..].contains(&old_token));
}

#[test]
fn ticks_come_while_something_is_to_watch_and_stop_afterwards() {
    let _alone = alone();
    let net = Net::new(TcpConfig::default());
    assert_eq!(net.ticks(), 0);
    let begun = Instant::now();
    // Less than the least: it must not spin.
    net.tick_every(Some(Duration::ZERO));
    net.until(|| (net.ticks() >= 20).then_some(()));
    assert!(begun.elapsed() >= Duration::from_millis(19));
    net.tick_every(None);
    // The tick that this asked for may follow one that was due; then none.
    let quiet = Duration::from_millis(30);
    let mut last = net.ticks();
    loop {
        std::thread::sleep(quiet);
        let now = net.ticks();
        if now == last {
            break;
        }
        assert!(now <= last + 40, "ticks go on");
        last = now;
    }
    net.tcp.wake();
    net.until(|| (net.ticks() == last + 1).then_some(()));
}

#[test]
fn no_descriptor_and_no_thread_is_left_over() {
    let _alone = alone();
    let files = open_files();
    reactors_become(0);
    {
        let net = Net::new(SMALL);
        reactors_become(1);
        for round in 0..20 {
            let (mut endpoint, mut peer) = net.connected();
            net.fill(&mut endpoint);
            match round % 4 {
                0 => endpoint.reset(),
                1 => drop(endpoint),
                2 => {
                    endpoint.send_fin().unwrap();
                    endpoint.shut_down_receive();
                    drop(endpoint);
                    read_to_end(&mut peer).unwrap();
                }
                _ => {
                    let (mut listener, address, _) = net.listening();
                    let _waiting = TcpStream::connect(address).unwrap();
                    let taken = net.until(|| listener.accept().unwrap());
                    let _second = TcpStream::connect(address).unwrap();
                    drop(listener);
                    drop(taken);
                }
            }
        }
        let (mut failed, _) = net.open();
        assert!(failed.bind(&"192.0.2.1:0".parse().unwrap()).is_err());
    }
    reactors_become(0);
    assert_eq!(open_files(), files);
}

#[test]
fn the_reactor_ends_with_the_engine_and_then_opening_fails() {
    let _alone = alone();
    reactors_become(0);
    let net = Net::new(TcpConfig::default());
    reactors_become(1);
    let (mut endpoint, _) = net.open();
    endpoint.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let Net { tcp, recorder } = net;
    drop(recorder);
    // Dropping an endpoint is what tells.
    drop(endpoint);
    reactors_become(0);
    assert!(matches!(tcp.open(Token(1)), Err(Error::NetworkDown)));
}

#[test]
fn an_endpoint_that_outlives_the_transport_still_works_and_closes() {
    let _alone = alone();
    let files = open_files();
    let net = Net::new(TcpConfig::default());
    let (mut endpoint, mut peer) = net.connected();
    drop(net);
    reactors_become(0);
    endpoint.send(b"late").unwrap();
    drop(endpoint);
    assert_eq!(read_to_end(&mut peer).unwrap(), 4);
    drop(peer);
    assert_eq!(open_files(), files);
}

/// Holds the transport, as an engine does, and lets go of it in a tick: the
/// drop then happens on the reactor thread.
struct Suicidal {
    owned: Mutex<Option<(Tcp, TcpEndpoint)>>,
    done: Sender<()>,
}

impl Events for Suicidal {
    fn ready(&self, _: Token) {}

    fn tick(&self) -> Option<Duration> {
        let owned = self.owned.lock().unwrap().take();
        if owned.is_some() {
            drop(owned);
            self.done.send(()).unwrap();
        }
        None
    }
}

#[test]
fn a_transport_dropped_on_its_own_reactor_thread_does_not_wait_for_itself() {
    let _alone = alone();
    reactors_become(0);
    let files = open_files();
    let (done, dropped) = channel();
    let tcp = Tcp::new().unwrap();
    let mut endpoint = tcp.open(Token(1)).unwrap();
    endpoint.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let engine = Arc::new(Suicidal {
        owned: Mutex::new(None),
        done,
    });
    let weak = Arc::downgrade(&engine);
    tcp.attach(weak);
    let mut owned = engine.owned.lock().unwrap();
    tcp.wake();
    *owned = Some((tcp, endpoint));
    drop(owned);
    dropped.recv_timeout(Duration::from_secs(20)).unwrap();
    reactors_become(0);
    assert_eq!(open_files(), files);
}
