//! Connections in memory whose network can be told to misbehave.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{Event, Interest, Notify, OperationId};
use closesocket::engine::net::{
    Connecting, Endpoint, Events, Found, Memory, MemoryAddress, MemoryEndpoint, Peer, PeerListener,
    Received, Token, Transport, Waiter,
};
use closesocket::engine::observe::{NoProbe, Probe};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, Descriptor, Error, Process, Provider, SocketId};

use crate::dll::{Dll, ToDll};
use crate::{Task, until};

/// Where plain peers are connected to.
pub(crate) const HOME: MemoryAddress = MemoryAddress(1);
/// For a listener of the engine.
pub(crate) const AWAY: MemoryAddress = MemoryAddress(2);

pub(crate) type System<P = NoProbe> = (Faulty, Std, SystemClock, P);

/// A provider over such a network, with a process that has been started.
pub(crate) struct World<P: Probe = NoProbe> {
    pub(crate) provider: Provider<System<P>>,
    pub(crate) process: Process<System<P>>,
    pub(crate) listener: PeerListener,
    pub(crate) faults: Faults,
    pub(crate) dll: Arc<Dll>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self::observed(config, NoProbe)
    }

    /// No more than 16 bytes are in flight.
    pub(crate) fn with_small_window() -> Self {
        Self::new(Config {
            window: 16,
            ..Config::default()
        })
    }

    /// The same, with a connection that sends no more until its peer takes what
    /// is in flight.
    pub(crate) fn with_full_window() -> (Self, Descriptor, Peer) {
        let world = Self::with_small_window();
        let (descriptor, peer) = world.connect();
        peer.stall(true);
        assert_eq!(world.process.send(descriptor, &[7; 20]), Ok(16));
        assert_eq!(world.process.queued(descriptor), Ok(16));
        (world, descriptor, peer)
    }

    fn overtaken_by(&self, act: Act) {
        let process = self.process.clone();
        self.meanwhile(move || act(&process));
    }
}

impl<P: Probe> World<P> {
    /// With somebody who is told of what happens.
    pub(crate) fn observed(config: Config, probe: P) -> Self {
        let network = Faulty::default();
        let listener = network.memory.listen(HOME).unwrap();
        let (faults, clock) = (network.faults.clone(), SystemClock::default());
        let dll = Arc::new(Dll::default());
        let upcalls = ToDll(Arc::clone(&dll));
        let provider = Provider::new(config, network, clock, probe, upcalls);
        Self {
            process: provider.startup().unwrap(),
            provider,
            listener,
            faults,
            dll,
        }
    }

    /// A connected, nonblocking socket and its far end.
    pub(crate) fn connect(&self) -> (Descriptor, Peer) {
        let descriptor = self.process.socket().unwrap();
        self.process.set_nonblocking(descriptor, true).unwrap();
        assert_eq!(
            self.process.connect(descriptor, &HOME),
            Err(Error::WouldBlock)
        );
        (descriptor, self.listener.accept().unwrap())
    }

    /// The same, blocking.
    pub(crate) fn connect_blocking(&self) -> (Descriptor, Peer) {
        let (descriptor, peer) = self.connect();
        self.process.set_nonblocking(descriptor, false).unwrap();
        (descriptor, peer)
    }

    /// A second descriptor of the socket, of that process.
    pub(crate) fn share(&self, descriptor: Descriptor, with: &Process<System<P>>) -> Descriptor {
        let record = self.process.duplicate(descriptor, with.id()).unwrap();
        with.redeem(record).unwrap()
    }

    /// Does this on a thread of its own, and returns when that is blocked: with its
    /// name, for a cancel.
    pub(crate) fn block<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Process<System<P>>) -> T + Send + 'static,
    ) -> (u64, Task<T>) {
        let before = self.process.blocked_threads();
        let process = self.process.clone();
        let (tell, name) = channel();
        let task = Task::start(move || {
            tell.send(Process::<System>::current_thread()).unwrap();
            call(&process)
        });
        until("it blocks", || self.process.blocked_threads() > before);
        (name.recv().unwrap(), task)
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

    /// A listener of the process at [`AWAY`].
    pub(crate) fn listen(&self, backlog: u32) -> Descriptor {
        let listening = self.process.socket().unwrap();
        self.process.bind(listening, &AWAY).unwrap();
        self.process.listen(listening, backlog).unwrap();
        listening
    }

    /// Does this once, when the engine has left the next critical section.
    pub(crate) fn meanwhile(&self, act: impl FnOnce() + Send + 'static) {
        *self.faults.on_deliver.lock().unwrap() = Some(Box::new(act));
    }

    /// Two sockets of the process that are connected to each other.
    pub(crate) fn connect_to_each_other(&self) -> (Descriptor, Descriptor) {
        let listening = self.listen(1);
        let near = self.process.socket().unwrap();
        self.process.connect(near, &AWAY).unwrap();
        let far = self.process.accept(listening).unwrap();
        self.process.close(listening).unwrap();
        (near, far)
    }
}

/// What overtakes a call.
type Act = fn(&Process<System>);
/// A call that opens a descriptor, perhaps with this listener.
type Open = fn(&World, Descriptor, Act) -> Result<Descriptor, Error>;

/// Every call that opens a descriptor, overtaken by something when the descriptor is
/// there and the call has not returned. The accept is one of this listener: what was
/// accepted becomes a descriptor when all is over.
pub(crate) const OPENING: [Open; 3] = [
    |world, _, act| {
        world.overtaken_by(act);
        world.process.socket()
    },
    |world, listening, act| {
        let process = &world.process;
        let record = process.duplicate(listening, process.id()).unwrap();
        world.overtaken_by(act);
        process.redeem(record)
    },
    |world, listening, act| {
        world.overtaken_by(act);
        world.process.accept(listening)
    },
];

type Hook = Box<dyn FnOnce() + Send>;

/// What goes wrong. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    /// No events are reported, as when the kernel watches too much already.
    pub(crate) watch_fails: Arc<AtomicBool>,
    /// There is always something more to receive.
    pub(crate) endless_input: Arc<AtomicBool>,
    /// How many receives were asked for.
    pub(crate) receives: Arc<AtomicUsize>,
    /// What the kernel does when the last process leaves a shared connection.
    pub(crate) reset_at_end: Arc<AtomicBool>,
    /// Where the network reports to.
    events: Arc<Mutex<Option<Weak<dyn Events>>>>,
    /// Runs once, when events would be delivered the next time.
    pub(crate) on_deliver: Arc<Mutex<Option<Hook>>>,
    /// Runs once, when a connection is reset the next time: under its lock.
    pub(crate) on_reset: Arc<Mutex<Option<Hook>>>,
    /// Runs once, when a thread waits at its endpoint. Threads do so that begin to wait
    /// while it is there.
    pub(crate) on_wait: Arc<Mutex<Option<Hook>>>,
}

impl Faults {
    pub(crate) fn set(flag: &AtomicBool, value: bool) {
        flag.store(value, Ordering::SeqCst);
    }

    pub(crate) fn is(flag: &AtomicBool) -> bool {
        flag.load(Ordering::SeqCst)
    }

    fn act(hook: &Mutex<Option<Hook>>) {
        let hook = hook.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
    }

    /// The transport has stopped, for good.
    pub(crate) fn stop(&self) {
        self.events().ended();
    }

    /// The transport reports that something may have changed there.
    pub(crate) fn ready(&self, socket: SocketId) {
        self.events().ready(Token(socket.0));
    }

    /// The transport lets time pass.
    pub(crate) fn tick(&self) -> Option<Duration> {
        self.events().tick()
    }

    fn events(&self) -> Arc<dyn Events> {
        let events = self.events.lock().unwrap().clone();
        events.unwrap().upgrade().unwrap()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Faulty {
    pub(crate) memory: Memory,
    pub(crate) faults: Faults,
}

pub(crate) struct FaultyEndpoint {
    inner: MemoryEndpoint,
    faults: Faults,
}

impl Transport for Faulty {
    type Endpoint = FaultyEndpoint;

    fn attach(&self, events: Weak<dyn Events>) {
        *self.faults.events.lock().unwrap() = Some(Weak::clone(&events));
        self.memory.attach(events);
    }

    fn open(&self, token: Token) -> Result<FaultyEndpoint, Error> {
        Ok(FaultyEndpoint {
            inner: self.memory.open(token)?,
            faults: self.faults.clone(),
        })
    }

    fn deliver_events(&self) {
        Faults::act(&self.faults.on_deliver);
        self.memory.deliver_events();
    }
}

/// Returns at once, and lets others run.
struct Waiting(Faults);

impl Waiter for Waiting {
    fn wait(&self, _: Interest, _: Option<Duration>) {
        Faults::act(&self.0.on_wait);
        thread::yield_now();
    }

    fn wake(&self) {}
}

impl Endpoint for FaultyEndpoint {
    type Address = MemoryAddress;

    fn waiter(&self) -> Option<Arc<dyn Waiter>> {
        let waits = self.faults.on_wait.lock().unwrap().is_some();
        waits.then(|| Arc::new(Waiting(self.faults.clone())) as Arc<dyn Waiter>)
    }

    fn bind(&mut self, address: &MemoryAddress) -> Result<(), Error> {
        self.inner.bind(address)
    }

    fn local_address(&self) -> Result<MemoryAddress, Error> {
        self.inner.local_address()
    }

    fn listen(&mut self, backlog: u32) -> Result<(), Error> {
        self.inner.listen(backlog)
    }

    fn connect(&mut self, address: &MemoryAddress) -> Result<Connecting, Error> {
        self.inner.connect(address)
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        self.inner.connect_progress()
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        let accepted = self.inner.accept()?;
        Ok(accepted.map(|inner| Self {
            inner,
            faults: self.faults.clone(),
        }))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        self.inner.register(token)
    }

    fn watch(&mut self, wanted: bool) -> Result<(), Error> {
        if wanted && Faults::is(&self.faults.watch_fails) {
            return Err(Error::NoBuffers);
        }
        self.inner.watch(wanted)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.inner.send(bytes)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        self.faults.receives.fetch_add(1, Ordering::SeqCst);
        if Faults::is(&self.faults.endless_input) {
            return Ok(Received::Bytes(buffer.len()));
        }
        self.inner.receive(buffer)
    }

    fn look(&mut self) -> Result<Found, Error> {
        self.inner.look()
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        self.inner.unacknowledged()
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        self.inner.send_fin()
    }

    fn set_unsent_waits(&mut self, waits: bool) {
        self.inner.set_unsent_waits(waits);
    }

    fn shut_down_receive(&mut self) {
        self.inner.shut_down_receive();
    }

    fn set_reset_at_end(&mut self, reset: bool) -> Result<(), Error> {
        Faults::set(&self.faults.reset_at_end, reset);
        Ok(())
    }

    fn resets_at_end(&self) -> Result<bool, Error> {
        Ok(Faults::is(&self.faults.reset_at_end))
    }

    fn reset(&mut self) {
        Faults::act(&self.faults.on_reset);
        self.inner.reset();
    }
}
