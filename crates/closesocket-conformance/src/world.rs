//! What a scenario has to work with: a provider over some network, plain peers,
//! a recording DLL, and ways to wait for what happens.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::completions::{Event, Interest, Notify, OperationId, Overlapped};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::SystemClock;
use closesocket::engine::{Config, Descriptor, Error, InMemory, Process, Provider, System};

use crate::dll::{Dll, ToDll};
use crate::every_call::every_call;
pub(crate) use crate::network::{Address, End, Network, Peer, Ports, Sys};
use crate::skipped::{Skipped, skip};

/// After this long a test has failed. Nothing is ever waited for this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const LONG: Option<Duration> = Some(PATIENCE);
/// A linger time that no test lives to see the end of, in seconds.
pub(crate) const FOREVER: u16 = 600;
/// What a socket queues at most: far more than a stalled peer's kernel takes.
pub(crate) const WINDOW: u32 = 256 * 1024;

/// Bytes of a send that stays pending behind a full window while the peer does
/// not read: more than its kernel can still take.
pub(crate) const BIG: usize = 256 * 1024;

/// Bytes that no connection takes whose peer does not read.
const BOTTOMLESS: usize = 16 * 1024 * 1024;

pub(crate) type Proc<N> = Process<Sys<N>>;

/// A provider with a first process and plain peers. Its drop sees that nothing
/// is left.
pub(crate) struct World<N: Network> {
    pub(crate) provider: Provider<Sys<N>>,
    pub(crate) process: Proc<N>,
    pub(crate) dll: Arc<Dll>,
    /// Slots that stay occupied because their handles could not go back.
    pub(crate) retired: AtomicUsize,
    listener: N::Listener,
    others: Mutex<Vec<Proc<N>>>,
    connections: Mutex<Vec<Ports>>,
}

pub(crate) fn settings() -> Config {
    Config {
        window: WINDOW,
        ..Config::default()
    }
}

impl<N: Network> World<N> {
    pub(crate) fn with(config: Config) -> Self {
        let dll = Arc::new(Dll::default());
        let upcalls = ToDll(Arc::clone(&dll));
        let clock = SystemClock::default();
        let provider = Provider::new(config, N::transport(), clock, NoProbe, upcalls);
        Self {
            process: provider.startup().unwrap(),
            dll,
            retired: AtomicUsize::new(0),
            listener: N::listen(provider.transport()),
            provider,
            others: Mutex::new(Vec::new()),
            connections: Mutex::new(Vec::new()),
        }
    }

    /// Another process, started.
    pub(crate) fn other(&self) -> Proc<N> {
        let other = self.provider.startup().unwrap();
        self.others.lock().unwrap().push(other.clone());
        other
    }

    /// A blocking socket of the first process, connected to a peer.
    pub(crate) fn connect(&self) -> (Descriptor, N::Peer) {
        self.connect_from(&self.process)
    }

    pub(crate) fn connect_from(&self, process: &Proc<N>) -> (Descriptor, N::Peer) {
        let descriptor = process.socket().unwrap();
        (descriptor, self.connect_it(process, descriptor))
    }

    /// Connects this socket to the plain listener.
    pub(crate) fn connect_it(&self, process: &Proc<N>, descriptor: Descriptor) -> N::Peer {
        let connected = Overlapped::new();
        let notify = Notify::event(&connected);
        process
            .connect_overlapped(descriptor, &self.peer_address(), notify)
            .unwrap();
        let peer = self.next_peer();
        assert_eq!(connected.wait(LONG).unwrap().result, Ok(0));
        peer
    }

    /// The address of the plain listener, and the next peer that it has.
    pub(crate) fn peer_address(&self) -> Address<N> {
        N::address(&self.listener)
    }

    pub(crate) fn next_peer(&self) -> N::Peer {
        self.note(N::accept(&self.listener))
    }

    /// A connection whose peer does not read, with a full queue. Tells how many
    /// bytes were accepted.
    pub(crate) fn stalled(&self) -> (Descriptor, N::Peer, usize) {
        let (descriptor, peer) = self.connect();
        let accepted = self.fill(descriptor);
        (descriptor, peer, accepted)
    }

    /// Sends until the window is full; the socket is blocking afterwards.
    pub(crate) fn fill(&self, descriptor: Descriptor) -> usize {
        // Who cannot say this has no peers that do not read.
        N::acknowledged_unread();
        let process = &self.process;
        process.set_nonblocking(descriptor, true).unwrap();
        let mut accepted = 0;
        loop {
            match process.send(descriptor, &pattern(accepted, 64 * 1024)) {
                Ok(_) if accepted > BOTTOMLESS => {
                    skip("it takes whatever is sent, though its peer does not read")
                }
                Ok(bytes) => accepted += bytes,
                Err(error) => {
                    assert_eq!(error, Error::WouldBlock);
                    break;
                }
            }
        }
        process.set_nonblocking(descriptor, false).unwrap();
        assert!(process.queued(descriptor).unwrap() > 0);
        accepted
    }

    /// A listener of the engine.
    pub(crate) fn listener(&self) -> (Descriptor, Address<N>) {
        let descriptor = self.process.socket().unwrap();
        self.process.bind(descriptor, &N::free_address()).unwrap();
        self.process.listen(descriptor, 8).unwrap();
        let address = self.process.local_address(descriptor).unwrap();
        (descriptor, address)
    }

    pub(crate) fn dial(&self, address: &Address<N>) -> N::Peer {
        self.note(N::dial(self.provider.transport(), address))
    }

    /// A second descriptor of the socket, of that process.
    pub(crate) fn share(&self, descriptor: Descriptor, with: &Proc<N>) -> Descriptor {
        let record = self.process.duplicate(descriptor, with.id()).unwrap();
        with.redeem(record).unwrap()
    }

    /// Starts an overlapped receive of at most so many bytes.
    #[track_caller]
    pub(crate) fn start_recv(
        &self,
        descriptor: Descriptor,
        bytes: usize,
        notify: Notify,
    ) -> OperationId {
        let started = self
            .process
            .recv_overlapped(descriptor, vec![0; bytes], notify);
        started.unwrap()
    }

    /// Starts an overlapped send.
    #[track_caller]
    pub(crate) fn start_send(
        &self,
        descriptor: Descriptor,
        bytes: Vec<u8>,
        notify: Notify,
    ) -> OperationId {
        let started = self.process.send_overlapped(descriptor, bytes, notify);
        started.unwrap()
    }

    /// Registers an event for readiness.
    #[track_caller]
    pub(crate) fn watch(&self, descriptor: Descriptor, interest: Interest, event: &Event) {
        let registered = self.process.event_select(descriptor, interest, event);
        registered.unwrap();
    }

    /// Closes in a thread of its own, with a linger that no test outlives, and returns
    /// when that thread waits.
    pub(crate) fn close_lingering(&self, descriptor: Descriptor) -> Task<Result<(), Error>> {
        let forever = Some(FOREVER);
        self.process.set_linger(descriptor, forever).unwrap();
        self.block(move |process| process.close(descriptor))
    }

    /// Does this in a thread of its own, and returns when that thread is
    /// blocked.
    pub(crate) fn block<T: Send + 'static>(
        &self,
        call: impl FnOnce(Proc<N>) -> T + Send + 'static,
    ) -> Task<T> {
        let process = self.process.clone();
        let before = self.process.blocked_threads();
        let blocked = Task::start(move || call(process));
        self.until("the call blocks", || {
            self.process.blocked_threads() > before
        });
        blocked
    }

    /// Waits for a condition.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < give_up, "never: {what}");
            self.provider.tick();
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until no socket is left, draining ones included.
    #[track_caller]
    pub(crate) fn until_released(&self) {
        self.until("every socket is released", || {
            self.provider.usage().sockets == 0
        });
    }

    fn note(&self, peer: N::Peer) -> N::Peer {
        self.connections.lock().unwrap().extend(peer.ports());
        peer
    }
}

impl<N: Network> Drop for World<N> {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        self.until_released();
        let others = self.others.lock().unwrap();
        let retired = self.retired.load(Ordering::SeqCst);
        self.until("no descriptor and no blocked thread is left", || {
            let all = others.iter().chain([&self.process]);
            let (mut descriptors, mut blocked) = (0, 0);
            for process in all {
                descriptors += process.descriptors();
                blocked += process.blocked_threads();
            }
            descriptors == retired && blocked == 0
        });
        assert_eq!(self.provider.usage().retired_handles, retired as u64);
        N::assert_freed(&self.connections.lock().unwrap());
    }
}

/// Something that another thread does.
pub(crate) struct Task<T> {
    result: Receiver<thread::Result<T>>,
    /// Its thread, for a cancel.
    pub(crate) thread: u64,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let ((tell, result), (name, thread)) = (channel(), channel());
        let skipped = Skipped::here();
        thread::spawn(move || {
            skipped.enter();
            name.send(Process::<InMemory>::current_thread()).unwrap();
            let done = catch_unwind(AssertUnwindSafe(work));
            // Nobody listens any more if the test has failed.
            let _ = tell.send(done);
        });
        let thread = thread.recv().unwrap();
        Self { result, thread }
    }

    /// Whether it has not ended.
    pub(crate) fn goes_on(&self) -> bool {
        self.result.try_recv().is_err()
    }

    #[track_caller]
    pub(crate) fn result(self) -> T {
        let result = self.result.recv_timeout(PATIENCE);
        let result = result.expect("the thread has ended");
        // A panic there is one of the scenario.
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Bytes that tell their position in the stream.
pub(crate) fn pattern(from: usize, count: usize) -> Vec<u8> {
    let bytes: Vec<u8> = (0..=250).collect();
    bytes
        .iter()
        .copied()
        .cycle()
        .skip(from % bytes.len())
        .take(count)
        .collect()
}

/// Receives up to the end of what the peer sends.
pub(crate) fn recv_to_end<S: System>(process: &Process<S>, descriptor: Descriptor) -> Vec<u8> {
    let (mut received, mut buffer) = (Vec::new(), vec![0; 10_000]);
    loop {
        match process.recv(descriptor, &mut buffer).unwrap() {
            0 => return received,
            bytes => received.extend_from_slice(&buffer[..bytes]),
        }
    }
}

/// Sees that these are the first bytes of the stream, `accepted` at most.
#[track_caller]
pub(crate) fn assert_prefix(received: &[u8], accepted: usize) {
    assert!(received.len() <= accepted, "bytes that nobody sent");
    assert!(received == pattern(0, received.len()), "other bytes");
}

/// Sees that all of the stream came, and then the FIN.
#[track_caller]
pub(crate) fn assert_all((received, end): (Vec<u8>, End), accepted: usize) {
    assert_eq!((received.len(), end), (accepted, End::Fin));
    assert_prefix(&received, accepted);
}

/// Sees that a beginning of the stream came, and then a reset; how much came.
#[track_caller]
pub(crate) fn assert_reset((received, end): (Vec<u8>, End), accepted: usize) -> usize {
    assert_eq!(end, End::Reset);
    assert_prefix(&received, accepted);
    received.len()
}

/// Sees that every call of this process says this of this descriptor.
#[track_caller]
pub(crate) fn assert_every_call<N: Network>(
    world: &World<N>,
    process: &Proc<N>,
    descriptor: Descriptor,
    expected: Error,
) {
    let (peer, free) = (world.peer_address(), N::free_address());
    for (call, error) in every_call(process, descriptor, &peer, &free) {
        assert_eq!(error, Some(expected), "{call} with {descriptor:?}");
    }
}

/// Runs a scenario, if the machine has the network.
pub(crate) fn run<N: Network>(scenario: fn(&World<N>)) {
    if let Some(why) = N::missing() {
        skip(why);
    }
    scenario(&World::with(settings()));
}
