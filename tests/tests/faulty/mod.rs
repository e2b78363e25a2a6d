//! Connections in memory whose network can be told to misbehave.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use closesocket::engine::{
    Connecting, Endpoint, Error, Events, Memory, MemoryAddress, MemoryEndpoint, Received, Token,
    Transport,
};

type Hook = Box<dyn FnOnce() + Send>;

/// What goes wrong. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    /// A FIN finds the connection reset.
    pub(crate) fin_fails: Arc<AtomicBool>,
    /// Accepts fail, as when the process has no descriptors left.
    pub(crate) accept_fails: Arc<AtomicBool>,
    /// There is always something more to receive.
    pub(crate) endless_input: Arc<AtomicBool>,
    /// How many receives were asked for.
    pub(crate) receives: Arc<AtomicUsize>,
    /// Runs once, when events would be delivered the next time.
    pub(crate) on_deliver: Arc<Mutex<Option<Hook>>>,
}

impl Faults {
    pub(crate) fn set(flag: &AtomicBool, value: bool) {
        flag.store(value, Ordering::SeqCst);
    }

    fn is(flag: &AtomicBool) -> bool {
        flag.load(Ordering::SeqCst)
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
        self.memory.attach(events);
    }

    fn open(&self, token: Token) -> Result<FaultyEndpoint, Error> {
        Ok(FaultyEndpoint {
            inner: self.memory.open(token)?,
            faults: self.faults.clone(),
        })
    }

    fn deliver_events(&self) {
        let hook = self
            .faults
            .on_deliver
            .lock()
            .ok()
            .and_then(|mut it| it.take());
        if let Some(hook) = hook {
            hook();
        }
        self.memory.deliver_events();
    }
}

impl Endpoint for FaultyEndpoint {
    type Address = MemoryAddress;

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
        if Faults::is(&self.faults.accept_fails) {
            return Err(Error::TooManyDescriptors);
        }
        let accepted = self.inner.accept()?;
        Ok(accepted.map(|inner| Self {
            inner,
            faults: self.faults.clone(),
        }))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        self.inner.register(token)
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

    fn has_input(&mut self) -> Result<bool, Error> {
        self.inner.has_input()
    }

    fn has_unread(&mut self) -> Result<bool, Error> {
        self.inner.has_unread()
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        self.inner.unacknowledged()
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        if Faults::is(&self.faults.fin_fails) {
            return Err(Error::ConnectionReset);
        }
        self.inner.send_fin()
    }

    fn shut_down_receive(&mut self) {
        self.inner.shut_down_receive();
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}
