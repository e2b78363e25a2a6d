//! Defects that the engine once had, one behaviour a test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faulty;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Event, Interest, Notify, Overlapped,
};
use closesocket::engine::net::{Endpoint, Memory, MemoryAddress, PeerRead, Token, Transport};
use closesocket::engine::observe::{Observation, Probe, Step};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{
    Config, Descriptor, Error, NoUpcalls, Process, ProcessId, Provider, Shutdown, UpcallFailed,
    Upcalls,
};
use closesocket::protocol::{HandleKind, UnreadInput};
use faulty::{AWAY, Faults, HOME, System, World};

const LONG: Duration = Duration::from_secs(10);
/// Long enough to see that something does not happen.
const SHORT: Duration = Duration::from_millis(100);

/// Runs it on a thread of its own and fails if it does not come back.
fn in_time<R: Send + 'static>(what: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = channel();
    thread::spawn(move || {
        let _ = done.send(what());
    });
    result.recv_timeout(LONG).expect("it came back")
}

#[test]
fn two_sockets_that_wait_for_each_other_leave_their_threads_alone() {
    let world = World::new(Config::default());
    let (near, far) = world.connect_to_each_other();
    let receives = in_time(move || {
        let queue = CompletionQueue::new();
        for (key, descriptor) in [(1, near), (2, far)] {
            world.start_recv(descriptor, 8, Notify::queue(&queue, key));
        }
        assert!(queue.is_empty());
        world.process.send(near, b"wake").unwrap();
        assert_eq!(queue.take().unwrap().key, 2);
        world.faults.receives.load(Ordering::SeqCst)
    });
    assert!(receives < 20, "{receives} receives for one message");
}

/// The drop of the endpoint is what tells the other side.
#[test]
fn a_socket_hears_that_the_one_it_sends_to_is_gone() {
    let world = World::new(Config::default());
    let (near, far) = world.connect_to_each_other();
    let overlapped = Overlapped::new();
    world.start_send(near, vec![7; 1 << 20], Notify::event(&overlapped));
    assert!(overlapped.take().is_none(), "nobody reads");
    world.process.close(far).unwrap();
    let completion = overlapped.take().expect("it has ended");
    assert_eq!(completion.result, Err(Error::ConnectionReset));
    world.process.close(near).unwrap();
}

#[test]
fn two_sockets_with_registered_events_leave_their_threads_alone() {
    let world = World::new(Config::default());
    let (near, far) = world.connect_to_each_other();
    in_time(move || {
        let event = Event::new();
        for descriptor in [near, far] {
            world.watch(descriptor, Interest::READABLE, &event);
        }
        assert!(!event.is_set());
        world.process.send(near, b"wake").unwrap();
        assert!(event.is_set());
    });
}

#[test]
fn a_select_for_writing_sees_that_the_peer_has_acknowledged() {
    let (world, descriptor, peer) = World::with_full_window();
    let writable = [(descriptor, Interest::WRITABLE)];
    assert_eq!(
        world.process.select(&writable, Some(Duration::ZERO)),
        Ok(Vec::new())
    );
    let process = world.process.clone();
    let selecting = thread::spawn(move || process.select(&writable, Some(LONG)).unwrap());
    thread::sleep(SHORT);
    peer.stall(false);
    assert_eq!(selecting.join().unwrap().len(), 1);
    assert_eq!(world.process.send(descriptor, &[7; 20]), Ok(16));
}

#[test]
fn a_socket_that_a_select_for_writing_waits_at_is_looked_at_as_time_passes() {
    let (world, descriptor, _peer) = World::with_full_window();
    assert_eq!(world.provider.tick(), None);
    world.watch(descriptor, Interest::WRITABLE, &Event::new());
    assert!(world.provider.tick().is_some());
}

#[test]
fn a_shutdown_that_finds_the_connection_lost_says_so_and_leaves_the_receives_alone() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    world.start_recv(descriptor, 8, Notify::event(&overlapped));
    Faults::set(&world.faults.fin_fails, true);
    let shut = world.process.shutdown(descriptor, Shutdown::Send);
    assert_eq!(shut, Err(Error::ConnectionReset));
    assert!(overlapped.take().is_none(), "something may have arrived");
    peer.write(b"answer").unwrap();
    assert_eq!(overlapped.take().unwrap().result, Ok(6));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn what_a_refused_routine_holds_is_dropped_outside_the_lock() {
    struct CloseOnDrop(Process<System>, Descriptor);
    impl Drop for CloseOnDrop {
        fn drop(&mut self) {
            self.0.close(self.1).unwrap();
        }
    }
    let world = World::new(Config::default());
    let process = world.process.clone();
    let refused = in_time(move || {
        let descriptor = process.socket().unwrap();
        let guard = CloseOnDrop(process.clone(), descriptor);
        let thread = AlertableThread::new();
        let notify = Notify::routine(&thread, 1, move |_| drop(guard));
        process
            .recv_overlapped(descriptor, vec![0; 8], notify)
            .map(|_| ())
    });
    assert_eq!(refused, Err(Error::NotConnected));
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn a_drain_whose_peer_never_stops_sending_holds_up_nobody() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.send(descriptor, b"last words").unwrap();
    Faults::set(&world.faults.endless_input, true);
    let process = world.process.clone();
    assert_eq!(in_time(move || process.close(descriptor)), Ok(()));
    peer.stall(false);
    assert_eq!(peer.read_all(), (b"last words".to_vec(), PeerRead::End));
    for _ in 0..1000 {
        if world.provider.usage().sockets == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
        world.provider.tick();
    }
    panic!("the drain does not end");
}

#[test]
fn a_tick_beside_another_does_not_say_that_nothing_is_to_be_watched() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.send(descriptor, b"on its way").unwrap();
    world.process.close(descriptor).unwrap();
    let beside = Arc::new(Mutex::new(None));
    let (provider, result) = (world.provider.clone(), Arc::clone(&beside));
    world.meanwhile(move || {
        *result.lock().unwrap() = Some(provider.tick());
    });
    let pause = world.provider.tick().expect("it is to be looked at");
    std::thread::sleep(pause);
    assert!(world.provider.tick().is_some());
    let beside = beside.lock().unwrap().take().expect("it ticked");
    assert!(beside.is_some(), "the drain goes on");
}

#[test]
fn the_end_of_the_peers_sending_is_not_unread_input() {
    let world = World::new(Config {
        unread_input: UnreadInput::Reset,
        ..Config::default()
    });
    let (descriptor, peer) = world.connect();
    peer.finish().unwrap();
    world.process.close(descriptor).unwrap();
    assert_eq!(peer.read_all().1, PeerRead::End);

    let (descriptor, peer) = world.connect();
    peer.write(b"nobody reads this").unwrap();
    peer.finish().unwrap();
    world.process.close(descriptor).unwrap();
    assert_eq!(peer.read_all().1, PeerRead::Reset);
}

#[test]
fn a_listener_that_was_reset_leaves_its_address_to_the_next_one() {
    let memory: Memory = Memory::default();
    let listen = |token| {
        let mut endpoint = memory.open(Token(token)).unwrap();
        endpoint.bind(&HOME).unwrap();
        endpoint.listen(1).unwrap();
        endpoint
    };
    let mut first = listen(1);
    first.reset();
    let _second = listen(2);
    drop(first);
    assert!(memory.dial(HOME).is_ok());
}

#[test]
fn a_listener_keeps_its_address_and_gives_it_back() {
    let world = World::new(Config::default());
    let descriptor = world.listen(1);
    assert_eq!(
        world.process.bind(descriptor, &MemoryAddress(3)),
        Err(Error::InvalidArgument)
    );
    let network = &world.provider.transport().memory;
    let peer = network.dial(AWAY).unwrap();
    world.process.close(descriptor).unwrap();
    assert_eq!(peer.read(1), PeerRead::Reset);
    assert!(network.listen(AWAY).is_ok());
}

#[test]
fn a_listener_whose_accept_would_fail_is_readable() {
    let world = World::new(Config::default());
    let descriptor = world.listen(1);
    Faults::set(&world.faults.accept_fails, true);
    let readable = [(descriptor, Interest::READABLE)];
    let ready = world.process.select(&readable, Some(Duration::ZERO));
    assert_eq!(ready.unwrap().len(), 1);
    assert_eq!(
        world.process.accept(descriptor),
        Err(Error::TooManyDescriptors)
    );
}

#[test]
fn a_send_larger_than_the_window_needs_no_tick_when_all_is_acknowledged() {
    let world = World::with_small_window();
    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    world.start_send(descriptor, vec![7; 100], Notify::event(&overlapped));
    assert_eq!(overlapped.take().unwrap().result, Ok(100));
    assert_eq!(peer.read_all().0, vec![7; 100]);
}

/// Does something during the first upcall.
struct During<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send + 'static> Upcalls for During<F> {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
        let act = self.0.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
        Ok(())
    }
}

#[test]
fn a_cleanup_leaves_alone_what_begins_after_the_next_startup() {
    let place = Arc::new(Mutex::new(None::<Process<System>>));
    let ended = Arc::new(AtomicBool::new(false));
    let (here, interrupted) = (Arc::clone(&place), Arc::clone(&ended));
    let during = During(Mutex::new(Some(move || {
        let process = here.lock().unwrap().clone().unwrap();
        process.startup().unwrap();
        let listening = process.socket().unwrap();
        process.listen(listening, 1).unwrap();
        let accepting = process.clone();
        thread::spawn(move || {
            let _ = accepting.accept(listening);
            interrupted.store(true, Ordering::SeqCst);
        });
        while process.blocked_threads() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    })));
    let config = Config {
        handle_kind: HandleKind::NonIfs,
        ..Config::default()
    };
    let world = World::with_upcalls(config, during);
    *place.lock().unwrap() = Some(world.process.clone());
    world.process.socket().unwrap();
    world.process.cleanup().unwrap();
    thread::sleep(SHORT);
    assert!(!ended.load(Ordering::SeqCst), "the accept still waits");
    place.lock().unwrap().take();
    world.process.cleanup().unwrap();
}

//= docs/specification.md#h4-one-attempt
//# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
#[test]
fn an_upcall_that_panics_has_failed_and_stops_nobody_else() {
    let during = During(Mutex::new(Some(|| panic!("the DLL above is broken"))));
    let config = Config {
        handle_kind: HandleKind::NonIfs,
        ..Config::default()
    };
    let world = World::with_upcalls(config, during);
    let descriptor = world.process.socket().unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().retired_handles, 1);
    assert_eq!(world.provider.usage().sockets, 0);
}

/// Does something the next time that a close is refused.
#[derive(Clone, Default)]
struct ActingProbe(Arc<Mutex<Option<Act>>>);

type Act = Box<dyn FnOnce() + Send>;

impl Probe for ActingProbe {
    const ENABLED: bool = true;

    fn observe(&self, observation: Observation) {
        if matches!(observation.step, Step::CloseRefused { .. }) {
            let act = self.0.lock().unwrap().take();
            if let Some(act) = act {
                act();
            }
        }
    }
}

#[test]
fn a_close_that_a_cleanup_overtakes_says_that_nothing_is_initialised() {
    let probe = ActingProbe::default();
    let provider: Provider<(Memory, Std, SystemClock, ActingProbe)> = Provider::new(
        Config::default(),
        Memory::default(),
        SystemClock::default(),
        probe.clone(),
        NoUpcalls,
    );
    let process = provider.startup().unwrap();
    let descriptor = process.socket().unwrap();
    process.close(descriptor).unwrap();
    let stopped = process.clone();
    *probe.0.lock().unwrap() = Some(Box::new(move || stopped.cleanup().unwrap()));
    assert_eq!(process.close(descriptor), Err(Error::NotInitialised));
    assert_eq!(process.descriptors(), 0);
}

/// Which error an accept gets, with a table that has no free slot, is decided
/// in the order of E1: first whether there is such a socket, then whether it
/// listens, then whether a slot is left.
#[test]
fn a_full_table_hides_no_error_that_precedes_it() {
    let world = World::new(Config {
        descriptor_limit: 2,
        ..Config::default()
    });
    let process = &world.process;
    let stale = process.socket().unwrap();
    process.close(stale).unwrap();
    let listener = world.listen(1);
    process.set_nonblocking(listener, true).unwrap();
    let idle = process.socket().unwrap();
    let expected = [
        (stale, Error::NotSocket),
        (idle, Error::InvalidArgument),
        (listener, Error::TooManyDescriptors),
    ];
    for (descriptor, error) in expected {
        let overlapped = process.accept_overlapped(descriptor, Notify::nobody());
        assert_eq!(overlapped.unwrap_err(), error);
        assert_eq!(process.accept(descriptor).unwrap_err(), error);
    }
    // None of the refused calls kept a slot.
    process.close(idle).unwrap();
    assert_eq!(process.accept(listener), Err(Error::WouldBlock));
    assert_eq!(process.descriptors(), 1);
    process.socket().unwrap();
}
