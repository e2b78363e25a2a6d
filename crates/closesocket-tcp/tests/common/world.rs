//! A provider over TCP with one process, plain peers, and what is left of them.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::completions::{Notify, Overlapped};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, Descriptor, Error, NoUpcalls, Process, Provider, Upcalls};
use closesocket_tcp::Tcp;

use super::{PATIENCE, SMALL, peer_listener};

pub(crate) type Sys = (Tcp, Std, SystemClock, NoProbe);

/// What the tests wait for at most.
pub(crate) const LONG: Option<Duration> = Some(PATIENCE);

/// What a socket queues at most, in bytes.
pub(crate) const WINDOW: u32 = 64 * 1024;

pub(crate) struct World {
    pub(crate) process: Process<Sys>,
    pub(crate) provider: Provider<Sys>,
    listener: TcpListener,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), NoUpcalls)
    }

    /// With these settings, but for the window.
    pub(crate) fn with(mut config: Config, upcalls: impl Upcalls) -> Self {
        config.window = WINDOW;
        let tcp = Tcp::with_config(SMALL).unwrap();
        let provider = Provider::new(config, tcp, SystemClock::default(), NoProbe, upcalls);
        Self {
            process: provider.startup().unwrap(),
            provider,
            listener: peer_listener(),
        }
    }

    /// A blocking socket, connected to a peer.
    pub(crate) fn connect(&self) -> (Descriptor, TcpStream) {
        let descriptor = self.connect_to(&self.listener.local_addr().unwrap());
        let peer = self.listener.accept().unwrap().0;
        peer.set_read_timeout(LONG).unwrap();
        peer.set_write_timeout(LONG).unwrap();
        (descriptor, peer)
    }

    /// A blocking socket, connected to this address.
    pub(crate) fn connect_to(&self, address: &SocketAddr) -> Descriptor {
        let descriptor = self.process.socket().unwrap();
        let connected = Overlapped::new();
        let notify = Notify::event(&connected);
        self.process
            .connect_overlapped(descriptor, address, notify)
            .unwrap();
        assert_eq!(connected.wait(LONG).unwrap().result, Ok(0));
        descriptor
    }

    /// A connection whose peer does not read, with a full queue, and how many
    /// bytes were accepted.
    pub(crate) fn stalled(&self) -> (Descriptor, TcpStream, usize) {
        let (descriptor, peer) = self.connect();
        let accepted = self.fill(descriptor);
        (descriptor, peer, accepted)
    }

    /// Sends until the window is full; the socket is blocking afterwards.
    pub(crate) fn fill(&self, descriptor: Descriptor) -> usize {
        let process = &self.process;
        process.set_nonblocking(descriptor, true).unwrap();
        let mut accepted = 0;
        loop {
            match process.send(descriptor, &[7; 16 * 1024]) {
                Ok(bytes) => accepted += bytes,
                Err(error) => {
                    assert_eq!(error, Error::WouldBlock);
                    process.set_nonblocking(descriptor, false).unwrap();
                    return accepted;
                }
            }
        }
    }

    /// A listener of the engine.
    pub(crate) fn listening(&self) -> (Descriptor, SocketAddr) {
        let descriptor = self.process.socket().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        self.process.bind(descriptor, &any).unwrap();
        self.process.listen(descriptor, 16).unwrap();
        (descriptor, self.process.local_address(descriptor).unwrap())
    }

    /// Starts an overlapped receive of at most so many bytes.
    #[track_caller]
    pub(crate) fn start_recv(&self, descriptor: Descriptor, bytes: usize, notify: Notify) {
        let started = self
            .process
            .recv_overlapped(descriptor, vec![0; bytes], notify);
        started.unwrap();
    }

    /// Starts an overlapped send.
    #[track_caller]
    pub(crate) fn start_send(&self, descriptor: Descriptor, bytes: Vec<u8>, notify: Notify) {
        let started = self.process.send_overlapped(descriptor, bytes, notify);
        started.unwrap();
    }

    /// Does this in a thread of its own, and returns when that thread is blocked.
    pub(crate) fn block<T: Send + 'static>(
        &self,
        call: impl FnOnce(Process<Sys>) -> T + Send + 'static,
    ) -> Task<T> {
        let process = self.process.clone();
        let before = process.blocked_threads();
        let task = Task::start(move || call(process));
        until("the call blocks", || {
            self.process.blocked_threads() > before
        });
        task
    }

    /// Waits until nothing is left of any socket or descriptor.
    #[track_caller]
    pub(crate) fn until_nothing_is_left(&self) {
        until("nothing is left", || {
            self.provider.usage().sockets == 0
                && self.process.descriptors() == 0
                && self.process.blocked_threads() == 0
        });
    }
}

/// Something that another thread does.
pub(crate) struct Task<T>(Receiver<T>);

impl<T: Send + 'static> Task<T> {
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (tell, result) = channel();
        thread::spawn(move || {
            // Nobody listens any more if the test has failed.
            let _ = tell.send(work());
        });
        Self(result)
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.0.try_recv().is_err()
    }

    #[track_caller]
    pub(crate) fn result(self) -> T {
        // An error means that it has panicked, or does not end.
        self.0.recv_timeout(PATIENCE).unwrap()
    }
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < give_up, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Descriptors and threads of this operating system process.
pub(crate) fn holdings() -> (usize, usize) {
    let count = |what| fs::read_dir(what).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// Waits until descriptors and threads are as they were: a thread leaves `/proc`
/// a moment after it is done.
#[track_caller]
pub(crate) fn until_holdings_are(before: (usize, usize)) {
    until("no descriptor and no thread is left over", || {
        holdings() == before
    });
}
