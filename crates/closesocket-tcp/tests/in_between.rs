//! What another thread does while a call has left its critical section and has
//! not returned yet.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::net::TcpStream;
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use closesocket::engine::{
    CompletionQueue, Config, Descriptor, Error, Events, Interest, NoProbe, Notify, Process,
    ProcessId, Provider, Std, SystemClock, Token, Transport, UpcallFailed, Upcalls,
};
use closesocket::protocol::HandleKind;
use closesocket_tcp::{Tcp, TcpEndpoint};
use common::{SMALL, peer_listener, read_to_end};

type Act = Box<dyn FnOnce() + Send>;

/// TCP that does something once, when the engine has left a section.
struct Between {
    tcp: Tcp,
    act: Arc<Mutex<Option<Act>>>,
}

impl Transport for Between {
    type Endpoint = TcpEndpoint;

    fn attach(&self, events: Weak<dyn Events>) {
        self.tcp.attach(events);
    }

    fn open(&self, token: Token) -> Result<TcpEndpoint, Error> {
        self.tcp.open(token)
    }

    fn deliver_events(&self) {
        // The reactor's sections are not meant.
        let reactor = thread::current().name() == Some("closesocket-tcp");
        let act = (!reactor).then(|| self.act.lock().unwrap().take());
        if let Some(act) = act.flatten() {
            act();
        }
        self.tcp.deliver_events();
    }

    fn wake(&self) {
        self.tcp.wake();
    }
}

/// The handles that went back.
#[derive(Clone, Default)]
struct Dll(Arc<Mutex<Vec<Descriptor>>>);

impl Upcalls for Dll {
    fn close_socket_handle(&self, _: ProcessId, it: Descriptor) -> Result<(), UpcallFailed> {
        self.0.lock().unwrap().push(it);
        Ok(())
    }
}

type Sys = (Between, Std, SystemClock, NoProbe);

struct World {
    process: Process<Sys>,
    provider: Provider<Sys>,
    act: Arc<Mutex<Option<Act>>>,
    dll: Dll,
}

impl World {
    fn new() -> Self {
        let (act, dll) = (Arc::default(), Dll::default());
        let between = Between {
            tcp: Tcp::with_config(SMALL).unwrap(),
            act: Arc::clone(&act),
        };
        let config = Config {
            handle_kind: HandleKind::NonIfs,
            ..Config::default()
        };
        let clock = SystemClock::default();
        let provider = Provider::new(config, between, clock, NoProbe, dll.clone());
        Self {
            process: provider.startup().unwrap(),
            provider,
            act,
            dll,
        }
    }

    fn next(&self, act: impl FnOnce() + Send + 'static) {
        *self.act.lock().unwrap() = Some(Box::new(act));
    }
}

/// What is closed by another thread while the caller is still inside its call.
//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
//= docs/specification.md#h2-after-the-operations
//# - An overlapped call and its operation MUST each have a hold of their own from the moment that
//# the call is let in.
#[test]
fn the_handle_waits_for_the_thread_that_is_still_inside_its_overlapped_call() {
    let world = World::new();
    let process = &world.process;
    let peers = peer_listener("127.0.0.1:0");
    let descriptor = process.socket().unwrap();
    let address = peers.local_addr().unwrap();
    process.connect(descriptor, &address).unwrap();
    let mut peer = peers.accept().unwrap().0;
    let queue = CompletionQueue::new();
    let (closer, dll) = (process.clone(), world.dll.clone());
    world.next(move || {
        let closing = thread::spawn(move || closer.close(descriptor));
        assert_eq!(closing.join().unwrap(), Ok(()));
        let returned = dll.0.lock().unwrap();
        assert_eq!(*returned, [], "the caller is still inside");
    });
    let notify = Notify::queue(&queue, 7);
    let started = process.recv_overlapped(descriptor, vec![0; 1], notify);
    assert!(started.is_ok());
    let aborted = queue.take().unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(*world.dll.0.lock().unwrap(), [descriptor]);
    assert_eq!(process.descriptors(), 0);
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
}

/// Closes the listener between the section that takes the connection and the
/// making of its socket.
//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section in
//# which the connection was taken from it.
#[test]
fn a_listener_that_is_closed_meanwhile_takes_no_option_from_the_socket_that_it_accepted() {
    for nonblocking in [false, true] {
        let world = World::new();
        let process = &world.process;
        let listener = process.socket().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        process.bind(listener, &any).unwrap();
        process.listen(listener, 4).unwrap();
        process.set_linger(listener, Some(0)).unwrap();
        let address = process.local_address(listener).unwrap();
        let mut peer = TcpStream::connect(address).unwrap();
        let interests = [(listener, Interest::READABLE)];
        assert_eq!(process.select(&interests, None).unwrap().len(), 1);
        process.set_nonblocking(listener, nonblocking).unwrap();
        let closer = process.clone();
        world.next(move || closer.close(listener).unwrap());
        let accepted = process.accept(listener).unwrap();
        assert_eq!(process.linger(accepted), Ok(Some(0)));
        if nonblocking {
            let nothing = process.recv(accepted, &mut [0; 1]);
            assert_eq!(nothing, Err(Error::WouldBlock));
        }
        process.close(accepted).unwrap();
        let reset = read_to_end(&mut peer).map_err(|error| error.kind());
        assert_eq!(reset, Err(std::io::ErrorKind::ConnectionReset));
        assert_eq!(world.provider.usage().sockets, 0);
    }
}
