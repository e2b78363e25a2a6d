//! A consumer of events that panics.

use std::panic::{self, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use closesocket::engine::net::{Endpoint, Events, Token, Transport};
use closesocket_tcp::Tcp;

use crate::common::fresh_token;
use crate::common::world::until;

struct Planted;

/// Panics, and keeps the panic out of the test's output.
fn plant() -> ! {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Planted>() {
                report(info);
            }
        }));
    });
    panic_any(Planted)
}

/// Panics in every tick and in every event of one token.
#[derive(Default)]
struct Fragile {
    bad: AtomicUsize,
    seen: AtomicUsize,
    ticks: AtomicUsize,
}

impl Events for Fragile {
    fn ready(&self, token: Token) {
        if token.0 == self.bad.load(Ordering::SeqCst) as u64 {
            plant();
        }
        self.seen.fetch_add(1, Ordering::SeqCst);
    }

    fn tick(&self) -> Option<Duration> {
        if self.ticks.fetch_add(1, Ordering::SeqCst) < 3 {
            plant();
        }
        None
    }
}

#[test]
fn a_consumer_of_events_that_panics_neither_ends_the_reactor_nor_loses_others_events() {
    let fragile = Arc::new(Fragile::default());
    let tcp = Tcp::new().unwrap();
    let events = Arc::downgrade(&fragile);
    tcp.attach(events);
    let (bad, good) = (fresh_token(), fresh_token());
    let number = usize::try_from(bad.0).unwrap();
    fragile.bad.store(number, Ordering::SeqCst);
    let peers = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = peers.local_addr().unwrap();
    let mut endpoints = Vec::new();
    for token in [bad, good] {
        let mut endpoint = tcp.open(token).unwrap();
        let _ = endpoint.connect(&address).unwrap();
        endpoints.push(endpoint);
    }
    until("events of both", || {
        tcp.callback_panics() > 0 && fragile.seen.load(Ordering::SeqCst) > 0
    });
    tcp.wake();
    // Each panic of a tick is followed by another tick.
    until("ticks go on", || fragile.ticks.load(Ordering::SeqCst) >= 4);
    assert!(tcp.callback_panics() >= 4);
}
