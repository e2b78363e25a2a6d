//! The public face: a provider and its processes.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::clock::SystemClock;
use super::config::{Config, NoUpcalls, Upcalls};
use super::descriptors::Descriptors;
use super::memory::Memory;
use super::observation::{Observation, Step};
use super::primitives::{Monitor, Primitives as _, Word as _};
use super::probe::NoProbe;
use super::process::{Admission, ProcessState};
use super::progress::Section;
use super::services::{ANNOUNCED_DOWN, Services};
use super::shared::Shared;
use super::standard::Std;
use super::transport::EndpointOf;
use super::transport::{Endpoint, Token, Transport};
use super::{InMemory, System};
use crate::protocol::{Descriptor, Error, ProcessId, Socket};

/// The addresses of a system's transport.
pub type AddressOf<S> = <<<S as System>::Transport as Transport>::Endpoint as Endpoint>::Address;

/// A socket provider: sockets that any number of processes share. Clones are
/// the same provider.
pub struct Provider<S: System = InMemory> {
    shared: Arc<Shared<S>>,
}

impl<S: System> Clone for Provider<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Provider {
    /// A provider over connections in memory, with default settings.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::over(Memory::default())
    }
}

#[cfg(test)]
impl Provider {
    /// One over connections in memory whose operations outlive their descriptors, for
    /// tests of what they leave.
    pub(super) fn under_last_reference() -> Self {
        let config = Config {
            abort_scope: crate::protocol::AbortScope::LastReference,
            ..Config::default()
        };
        let clock = SystemClock::default();
        Self::new(config, Memory::default(), clock, NoProbe, NoUpcalls)
    }
}

impl<T: Transport> Provider<(T, Std, SystemClock, NoProbe)> {
    /// A provider over this transport, with default settings.
    #[must_use]
    pub fn over(transport: T) -> Self {
        Self::new(
            Config::default(),
            transport,
            SystemClock::default(),
            NoProbe,
            NoUpcalls,
        )
    }
}

/// What a provider holds at a moment. Exact when nobody is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Sockets not released, draining ones included.
    pub sockets: usize,
    /// Handles that could not be given back; their slots are retired (H4).
    pub retired_handles: u64,
}

impl<S: System> Provider<S> {
    /// A provider of these parts.
    #[must_use]
    pub fn new(
        config: Config,
        transport: S::Transport,
        clock: S::Clock,
        probe: S::Probe,
        upcalls: impl Upcalls,
    ) -> Self {
        let upcalls = Box::new(upcalls);
        let services = Services::new(config, transport, clock, probe, upcalls);
        let shared = Arc::new(Shared::new(services));
        shared.attach_transport();
        let began = Step::Began {
            handle_kind: shared.services.config.handle_kind,
            drain_limit: shared.services.config.drain_limit,
        };
        shared.services.observe(|| Observation::of(began));
        Self { shared }
    }

    /// A new process, not started. Dropping its last handle is its death (S3).
    #[must_use]
    pub fn process(&self) -> Process<S> {
        let services = &self.shared.services;
        let make = |id| Arc::new(Descriptors::new(id, Arc::clone(services)));
        let descriptors = self.shared.processes.lock(|all| all.add(make));
        let state = ProcessState::new(descriptors, Arc::clone(&self.shared));
        Process {
            owner: Arc::new(Owner(Arc::clone(&state))),
            state,
        }
    }

    /// A new process that has called startup.
    ///
    /// # Errors
    /// None for a new process; see [`Process::startup`].
    pub fn startup(&self) -> Result<Process<S>, Error> {
        let process = self.process();
        process.startup()?;
        Ok(process)
    }

    /// Lets time pass: expires drains whose deadline was reached. A transport
    /// with a thread of its own does this by itself; over others call it from a
    /// timer. Returns after how long to call again, `None` if nothing drains.
    pub fn tick(&self) -> Option<Duration> {
        self.shared.tick()
    }

    /// Tells that the network has failed, or is back (E1). A transport that has
    /// stopped for good ([`Events::ended`](super::net::Events::ended)) does not come
    /// back.
    pub fn set_network_down(&self, down: bool) {
        self.shared.services.set_network_down(ANNOUNCED_DOWN, down);
    }

    /// What the provider holds now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            sockets: self.shared.sockets_in_use(),
            retired_handles: self.shared.services.retired_handles.load(Ordering::Relaxed),
        }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<S>> {
        &self.shared
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &S::Transport {
        &self.shared.services.transport
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &S::Clock {
        &self.shared.services.clock
    }

    /// The probe.
    #[must_use]
    pub fn probe(&self) -> &S::Probe {
        &self.shared.services.probe
    }
}

impl<S: System> fmt::Debug for Provider<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

/// Keeps a process alive; the last one to go is its death.
struct Owner<S: System>(Arc<ProcessState<S>>);

impl<S: System> Drop for Owner<S> {
    fn drop(&mut self) {
        self.0.die();
    }
}

/// A process: a user of the provider with its own descriptor table. Clones are
/// the same process; when the last is dropped the process dies (S3).
pub struct Process<S: System = InMemory> {
    owner: Arc<Owner<S>>,
    pub(super) state: Arc<ProcessState<S>>,
}

impl<S: System> Clone for Process<S> {
    fn clone(&self) -> Self {
        Self {
            owner: Arc::clone(&self.owner),
            state: Arc::clone(&self.state),
        }
    }
}

/// A handle that does not keep its process alive: for completion routines,
/// upcalls and whatever else the process itself may come to hold.
pub struct WeakProcess<S: System = InMemory>(Weak<Owner<S>>);

impl<S: System> WeakProcess<S> {
    /// The process, unless it has ended with its last handle.
    #[must_use]
    pub fn upgrade(&self) -> Option<Process<S>> {
        let owner = self.0.upgrade()?;
        let state = Arc::clone(&owner.0);
        Some(Process { owner, state })
    }
}

impl<S: System> Clone for WeakProcess<S> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl<S: System> fmt::Debug for WeakProcess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakProcess").finish_non_exhaustive()
    }
}

impl<S: System> Process<S> {
    /// A handle that does not keep the process alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakProcess<S> {
        WeakProcess(Arc::downgrade(&self.owner))
    }

    /// The name of the process, for duplication.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.state.id
    }

    /// Counts a startup (`WSPStartup`).
    ///
    /// # Errors
    /// [`Error::NotInitialised`] if the process is dead, [`Error::NoBuffers`] if
    /// the count is at its limit.
    pub fn startup(&self) -> Result<(), Error> {
        self.state.startup()
    }

    /// Counts a cleanup (`WSPCleanup`). The one that matches the first startup
    /// closes every descriptor and aborts every operation without notification;
    /// it waits for nothing (S2).
    ///
    /// # Errors
    /// [`Error::NotInitialised`] if there is no startup to match.
    pub fn cleanup(&self) -> Result<(), Error> {
        self.state.cleanup()
    }

    /// The process dies: everything of it is closed, nothing is waited for, and
    /// records that only it could redeem are reclaimed (D5, S3).
    pub fn die(&self) {
        self.state.die();
    }

    /// Creates a socket (`WSPSocket`).
    ///
    /// # Errors
    /// [`Error::TooManyDescriptors`], [`Error::NoBuffers`], or what the
    /// transport says.
    pub fn socket(&self) -> Result<Descriptor, Error> {
        let shared = &self.state.shared;
        let core = shared.services.new_socket();
        self.open_new(&core, |token| shared.services.transport.open(token))
    }

    /// Makes a socket with its first descriptor.
    pub(super) fn open_new(
        &self,
        core: &Socket,
        open: impl FnOnce(Token) -> Result<EndpointOf<S>, Error>,
    ) -> Result<Descriptor, Error> {
        let life = self.state.check_usable()?;
        let reserved = self.state.table.reserve()?;
        let slot = reserved.index;
        let shared = &self.state.shared;
        let opened = shared.cells.open_socket(
            &shared.services,
            &self.state,
            (reserved, life),
            core,
            |token| {
                let mut endpoint = open(token)?;
                // Nobody waits for its events yet.
                endpoint.watch(false)?;
                Ok(endpoint)
            },
        );
        let descriptor = opened.inspect_err(|_| self.state.table.unreserve(slot))?;
        shared.services.transport.deliver_events();
        self.state.close_if_over(descriptor, life)?;
        Ok(descriptor)
    }

    /// Lets a call in, for embedders that add operations of their own: while
    /// the admission lives, the descriptor's handle is not given back (H2).
    ///
    /// # Errors
    /// [`Error::NotSocket`] and its predecessors in E1,
    /// [`Error::TooManyDescriptors`] if too many operations are pending.
    #[inline]
    pub fn begin(&self, descriptor: Descriptor) -> Result<Admission<'_, S>, Error> {
        self.state.admit(descriptor)
    }

    /// Closes a descriptor (`WSPCloseSocket`). Aborts what is pending through
    /// it; the last reference ends the socket by the linger table.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if it is not open or another close won (D1, D2);
    /// [`Error::WouldBlock`] if the socket is nonblocking, lingering, the last
    /// reference and has unsent data: nothing has changed then (L2, L3);
    /// [`Error::Interrupted`] if the wait was cancelled: the descriptor is
    /// closed and the drain goes on (L9).
    pub fn close(&self, descriptor: Descriptor) -> Result<(), Error> {
        self.close_prepared(descriptor, |_| ())
    }

    /// The same; `prepare` runs in its section before it is decided.
    pub(super) fn close_prepared(
        &self,
        descriptor: Descriptor,
        prepare: impl FnOnce(&mut Section<'_, S>),
    ) -> Result<(), Error> {
        self.state.check_usable()?;
        let closed = self
            .state
            .close_prepared(descriptor, crate::protocol::Cause::Call, prepare);
        if closed == Err(Error::NotSocket) {
            // A cleanup may have closed the descriptor since the look (E1).
            self.state.check_usable()?;
        }
        closed
    }

    /// Cancels the blocking call of a thread of this process
    /// (`WSPCancelBlockingCall`); it returns [`Error::Interrupted`]. False if
    /// the thread is in none or its call has just ended. `thread` is what
    /// [`Process::current_thread`] gave there.
    pub fn cancel_blocking_call(&self, thread: u64) -> bool {
        self.state.blocked.cancel(&self.state.shared, thread)
    }

    /// The number of the calling thread, for
    /// [`Process::cancel_blocking_call`].
    #[must_use]
    pub fn current_thread() -> u64 {
        S::Primitives::current_thread()
    }

    /// How many threads of the process are blocked in a call.
    #[must_use]
    pub fn blocked_threads(&self) -> usize {
        self.state.blocked.count()
    }

    /// How many descriptor slots are occupied: open, closing or retired.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.state.table.occupied()
    }
}

impl<S: System> fmt::Debug for Process<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
