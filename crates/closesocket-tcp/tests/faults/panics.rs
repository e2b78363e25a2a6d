//! Foreign code that panics: handle upcalls, consumers of events, completion
//! routines and their destructors.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Once};
use std::time::Duration;

use closesocket::engine::completions::{AlertableThread, CompletionQueue, Notify};
use closesocket::engine::net::{Endpoint, Events, Token, Transport};
use closesocket::engine::{Config, Descriptor, Error, ProcessId, UpcallFailed, Upcalls};
use closesocket::protocol::{AbortScope, HandleKind};
use closesocket_tcp::Tcp;

use crate::common::fresh_token;
use crate::common::world::{LONG, World, until};

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

/// Panics in the first so many upcalls.
struct Dll {
    panics: AtomicUsize,
    calls: Arc<AtomicUsize>,
}

impl Upcalls for Dll {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let left = |panics: usize| panics.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.panics.fetch_update(order, order, left).is_ok() {
            plant();
        }
        Ok(())
    }
}

fn with_dll(panics: usize, abort_scope: AbortScope) -> (World, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let config = Config {
        handle_kind: HandleKind::NonIfs,
        abort_scope,
        ..Config::default()
    };
    let dll = Dll {
        panics: AtomicUsize::new(panics),
        calls: Arc::clone(&calls),
    };
    (World::with(config, dll), calls)
}

#[test]
fn an_upcall_that_panics_in_a_close_has_failed_and_the_close_succeeds() {
    let (world, calls) = with_dll(1, AbortScope::Descriptor);
    let process = &world.process;
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    for key in 0..10 {
        world.start_recv(descriptor, 4, Notify::queue(&queue, key));
    }
    assert_eq!(process.close(descriptor), Ok(()));
    assert_eq!(queue.len(), 10, "no operation is lost");
    assert_eq!(process.close(descriptor), Err(Error::NotSocket));
    let (other, _other_peer) = world.connect();
    assert_eq!(process.close(other), Ok(()));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(world.provider.usage().retired_handles, 1);
    assert_eq!(world.provider.metrics().callback_panics, 1);
    until("released", || world.provider.usage().sockets == 0);
    assert_eq!(process.descriptors(), 1, "the retired slot");
}

#[test]
fn an_upcall_that_panics_on_the_reactor_thread_does_not_end_it() {
    let (world, calls) = with_dll(1, AbortScope::LastReference);
    let process = &world.process;
    let (first, mut peer) = world.connect();
    let record = process.duplicate(first, process.id()).unwrap();
    let second = process.redeem(record).unwrap();
    let queue = CompletionQueue::new();
    for (descriptor, key) in [(first, 1), (second, 2)] {
        world.start_recv(descriptor, 1, Notify::queue(&queue, key));
    }
    // Its operation outlives it, and its end on the reactor thread returns the
    // handle there.
    process.close(first).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    peer.write_all(b"ab").unwrap();
    for key in [1, 2] {
        let completion = queue.wait(LONG).unwrap();
        assert_eq!((completion.key, completion.result), (key, Ok(1)));
    }
    until("the upcall has run", || calls.load(Ordering::SeqCst) == 1);
    assert_eq!(
        world.provider.transport().callback_panics(),
        0,
        "caught before"
    );
    let echoed = world.block(move |process| process.recv(second, &mut [0; 1]));
    peer.write_all(b"c").unwrap();
    assert_eq!(echoed.result(), Ok(1), "the reactor goes on");
    assert_eq!(world.provider.metrics().callback_panics, 1);
    process.close(second).unwrap();
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

/// Panics when it is dropped.
struct Bomb(Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        plant();
    }
}

#[test]
fn a_routine_that_panics_holds_nothing_and_loses_no_other() {
    let (world, calls) = with_dll(0, AbortScope::Descriptor);
    let process = &world.process;
    let (descriptor, mut peer) = world.connect();
    let thread = AlertableThread::new();
    let (tell, told) = channel();
    for key in 0..3 {
        let tell = tell.clone();
        let notify = Notify::routine(&thread, key, move |completion| {
            if key == 1 {
                plant();
            }
            tell.send((key, completion.result)).unwrap();
        });
        world.start_recv(descriptor, 1, notify);
    }
    peer.write_all(b"abc").unwrap();
    until("all three are queued", || thread.queued() == 3);
    let panicked = catch_unwind(AssertUnwindSafe(|| thread.wait(LONG))).unwrap_err();
    assert!(panicked.is::<Planted>());
    assert_eq!(thread.wait(LONG), 1);
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!(told, [(0, Ok(1)), (2, Ok(1))]);
    assert_eq!(process.close(descriptor), Ok(()));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    world.until_nothing_is_left();
}

#[test]
fn the_destructor_of_a_silenced_routine_may_panic() {
    let (world, calls) = with_dll(0, AbortScope::Descriptor);
    let process = &world.process;
    let (descriptor, _peer) = world.connect();
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 1]));
    let thread = AlertableThread::new();
    let dropped: Vec<_> = (0..3).map(|_| Arc::new(AtomicBool::new(false))).collect();
    for (key, dropped) in (0..).zip(&dropped) {
        let bomb = Bomb(Arc::clone(dropped));
        let notify = Notify::routine(&thread, key, move |_| drop(bomb));
        world.start_recv(descriptor, 1, notify);
    }
    assert_eq!(process.cleanup(), Ok(()));
    assert_eq!(thread.queued(), 0, "cleanup is silent");
    assert!(dropped.iter().all(|it| it.load(Ordering::SeqCst)));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "the handle went back");
    assert_eq!(world.provider.metrics().callback_panics, 3);
    world.until_nothing_is_left();
}

#[test]
fn a_routine_whose_thread_goes_may_panic_there_and_its_receive_ends_without_a_word() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let dropped = Arc::new(AtomicBool::new(false));
    let bomb = Bomb(Arc::clone(&dropped));
    let thread = AlertableThread::new();
    let notify = Notify::routine(&thread, 0, move |_| drop(bomb));
    world.start_recv(descriptor, 1, notify);
    drop(thread);
    assert!(dropped.load(Ordering::SeqCst), "it goes with its thread");
    let behind = world.block(move |process| process.recv(descriptor, &mut [0; 1]));
    peer.write_all(b"ab").unwrap();
    assert_eq!(behind.result(), Ok(1));
    assert_eq!(world.provider.metrics().callback_panics, 0);
    assert_eq!(world.provider.transport().callback_panics(), 0);
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.until_nothing_is_left();
}
