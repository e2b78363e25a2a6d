//! Tasks that are polled by hand, and a provider whose clock a test sets.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use closesocket::engine::net::{Memory, MemoryAddress, Peer};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Clock, Std};
use closesocket::engine::{Config, Descriptor, Error, NoUpcalls, Process, Provider};
use closesocket::protocol::Time;

/// A task: counts how often it is woken.
#[derive(Default)]
pub(crate) struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Woken>);

impl Tasks {
    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Polls once.
    pub(crate) fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker()))
    }

    /// Whether it was woken since.
    pub(crate) fn was_woken(&self) -> bool {
        self.0.0.swap(0, Ordering::SeqCst) > 0
    }

    /// Polls as a runtime does, whenever the task was woken, until it ends or sleeps.
    pub(crate) fn run<F: Future>(&self, mut future: Pin<&mut F>) -> Poll<F::Output> {
        loop {
            let polled = self.poll(future.as_mut());
            if polled.is_ready() || !self.was_woken() {
                return polled;
            }
        }
    }
}

/// A clock that a test sets, in milliseconds.
#[derive(Clone, Default)]
pub(crate) struct ByHand(Arc<AtomicU64>);

impl Clock for ByHand {
    fn now(&self) -> Time {
        Time::ZERO.after(Duration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}

pub(crate) type System = (Memory, Std, ByHand, NoProbe);

pub(crate) struct World {
    pub(crate) provider: Provider<System>,
    pub(crate) process: Process<System>,
    pub(crate) clock: ByHand,
}

pub(crate) const ADDRESS: MemoryAddress = MemoryAddress(1);

impl World {
    pub(crate) fn new() -> Self {
        let clock = ByHand::default();
        // Room for few bytes: sends have to wait.
        let config = Config {
            window: 4,
            ..Config::default()
        };
        let memory = Memory::with_window(4);
        let provider = Provider::new(config, memory, clock.clone(), NoProbe, NoUpcalls);
        let process = provider.startup().unwrap();
        Self {
            provider,
            process,
            clock,
        }
    }

    pub(crate) fn listen(&self) -> Descriptor {
        let listener = self.process.socket().unwrap();
        self.process.bind(listener, &ADDRESS).unwrap();
        self.process.listen(listener, 8).unwrap();
        listener
    }

    pub(crate) fn dial(&self) -> Peer {
        self.provider.transport().dial(ADDRESS).unwrap()
    }

    pub(crate) fn connected(&self) -> (Descriptor, Peer) {
        let listener = self.listen();
        let peer = self.dial();
        let accepted = self.process.accept(listener).unwrap();
        self.process.close(listener).unwrap();
        (accepted, peer)
    }

    pub(crate) fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
        self.provider.tick();
    }

    /// Nothing is pending through the descriptor.
    pub(crate) fn assert_idle(&self, descriptor: Descriptor) {
        let cancelled = self.process.cancel_all(descriptor);
        assert_eq!(cancelled, Err(Error::NotFound));
    }

    /// Everything is closed and released.
    pub(crate) fn assert_empty(&self) {
        let held = (self.process.descriptors(), self.provider.usage().sockets);
        assert_eq!(held, (0, 0));
    }
}
