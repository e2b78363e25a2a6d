//! Connections in memory whose endpoints let threads wait, as real ones do: a
//! waiter sees what its endpoint has to tell, and the engine only what it has
//! asked for. Or those who wait for completions poll.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use closesocket::engine::Error;
use closesocket::engine::completions::Interest;
use closesocket::engine::net::{
    Connecting, Endpoint, Events, Found, Memory, MemoryAddress, MemoryEndpoint, Poller, Received,
    Token, Transport, Waiter,
};
use closesocket::engine::sync::Monitor;

use super::polled::Polled;
use super::primitives::{Loom, LoomMonitor};

/// Where a thread waits at an endpoint.
#[derive(Default)]
struct Wire {
    /// Something has happened, or somebody has called, since the last wait.
    news: bool,
    /// The engine wants the events too.
    watched: bool,
}

type Wires = Mutex<HashMap<Token, Arc<LoomMonitor<Wire>>>>;

/// The memory transport, with or without waiters.
pub(crate) struct Wired {
    memory: Memory<Loom>,
    /// What the memory reports to, if threads wait at the endpoints.
    relay: Option<Arc<Relay>>,
    /// What it reports to, if who waits for completions polls.
    polled: Option<Arc<Polled>>,
}

struct Relay {
    wires: Wires,
    engine: Mutex<Option<Weak<dyn Events>>>,
}

impl Wired {
    pub(crate) fn new(memory: Memory<Loom>, lets_threads_wait: bool) -> Self {
        let relay = || {
            Arc::new(Relay {
                wires: Mutex::default(),
                engine: Mutex::new(None),
            })
        };
        Self {
            memory,
            relay: lets_threads_wait.then(relay),
            polled: None,
        }
    }

    /// Who waits for completions polls, or nobody does.
    pub(crate) fn polled(self, polled: bool) -> Self {
        let polled = polled.then(Polled::new);
        Self { polled, ..self }
    }

    pub(crate) fn poll(&self) -> &Arc<Polled> {
        self.polled.as_ref().unwrap()
    }

    fn endpoint(&self, endpoint: MemoryEndpoint<Loom>, token: Option<Token>) -> WiredEndpoint {
        let relay = self.relay.clone();
        let mut wired = WiredEndpoint {
            endpoint,
            relay,
            wire: None,
        };
        wired.lay(token);
        wired
    }
}

impl Deref for Wired {
    type Target = Memory<Loom>;

    fn deref(&self) -> &Memory<Loom> {
        &self.memory
    }
}

impl Relay {
    fn wire(&self, token: Token) -> Option<Arc<LoomMonitor<Wire>>> {
        let wires = self.wires.lock().unwrap_or_else(PoisonError::into_inner);
        wires.get(&token).cloned()
    }

    fn engine(&self) -> Option<Arc<dyn Events>> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().and_then(Weak::upgrade)
    }
}

impl Events for Relay {
    fn ready(&self, token: Token) {
        let Some(wire) = self.wire(token) else { return };
        let watched = wire.lock(|wire| {
            wire.news = true;
            wire.watched
        });
        wire.notify();
        if let Some(engine) = self.engine().filter(|_| watched) {
            engine.ready(token);
        }
    }

    fn tick(&self) -> Option<Duration> {
        self.engine().and_then(|engine| engine.tick())
    }
}

impl Transport for Wired {
    type Endpoint = WiredEndpoint;

    fn attach(&self, events: Weak<dyn Events>) {
        match (&self.relay, &self.polled) {
            (None, None) => self.memory.attach(events),
            (_, Some(polled)) => {
                polled.attach(events);
                let polled: Weak<Polled> = Arc::downgrade(polled);
                self.memory.attach(polled);
            }
            (Some(relay), None) => {
                *relay.engine.lock().unwrap() = Some(events);
                let relay: Weak<Relay> = Arc::downgrade(relay);
                self.memory.attach(relay);
            }
        }
    }

    fn open(&self, token: Token) -> Result<WiredEndpoint, Error> {
        let endpoint = self.memory.open(token)?;
        Ok(self.endpoint(endpoint, Some(token)))
    }

    fn deliver_events(&self) {
        self.memory.deliver_events();
    }

    fn wake(&self) {
        self.memory.wake();
    }

    fn poller(&self) -> Option<Arc<dyn Poller>> {
        let polled = Arc::clone(self.polled.as_ref()?);
        Some(polled)
    }
}

/// An endpoint of [`Wired`].
pub(crate) struct WiredEndpoint {
    endpoint: MemoryEndpoint<Loom>,
    relay: Option<Arc<Relay>>,
    wire: Option<Arc<LoomMonitor<Wire>>>,
}

impl WiredEndpoint {
    /// Has what the memory tells of this token come here.
    fn lay(&mut self, token: Option<Token>) {
        if let (Some(relay), Some(token)) = (&self.relay, token) {
            let wire = Arc::new(LoomMonitor::new(Wire::default()));
            relay.wires.lock().unwrap().insert(token, Arc::clone(&wire));
            self.wire = Some(wire);
        }
    }
}

struct Waiting(Arc<LoomMonitor<Wire>>);

impl Waiter for Waiting {
    fn wait(&self, _: Interest, limit: Option<Duration>) {
        self.0
            .wait(limit, |wire| std::mem::take(&mut wire.news).then_some(()));
    }

    fn wake(&self) {
        self.0.lock(|wire| wire.news = true);
        self.0.notify();
    }
}

impl Endpoint for WiredEndpoint {
    type Address = MemoryAddress;

    fn waiter(&self) -> Option<Arc<dyn Waiter>> {
        let wire = Arc::clone(self.wire.as_ref()?);
        Some(Arc::new(Waiting(wire)))
    }

    fn watch(&mut self, wanted: bool) -> Result<(), Error> {
        if let Some(wire) = &self.wire {
            wire.lock(|wire| wire.watched = wanted);
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        let relay = self.relay.clone();
        let wired = |endpoint| Self {
            endpoint,
            relay,
            wire: None,
        };
        self.endpoint.accept().map(|it| it.map(wired))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        self.lay(Some(token));
        self.endpoint.register(token)
    }

    fn bind(&mut self, address: &MemoryAddress) -> Result<(), Error> {
        self.endpoint.bind(address)
    }

    fn local_address(&self) -> Result<MemoryAddress, Error> {
        self.endpoint.local_address()
    }

    fn listen(&mut self, backlog: u32) -> Result<(), Error> {
        self.endpoint.listen(backlog)
    }

    fn connect(&mut self, address: &MemoryAddress) -> Result<Connecting, Error> {
        self.endpoint.connect(address)
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        self.endpoint.connect_progress()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.endpoint.send(bytes)
    }

    fn set_unsent_waits(&mut self, waits: bool) {
        self.endpoint.set_unsent_waits(waits);
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        self.endpoint.receive(buffer)
    }

    fn look(&mut self) -> Result<Found, Error> {
        self.endpoint.look()
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        self.endpoint.unacknowledged()
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        self.endpoint.send_fin()
    }

    fn shut_down_receive(&mut self) {
        self.endpoint.shut_down_receive();
    }

    fn reset(&mut self) {
        self.endpoint.reset();
    }
}
