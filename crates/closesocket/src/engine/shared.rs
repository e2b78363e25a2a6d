//! What all processes of a provider share: the sockets, and the rule how a
//! socket is worked on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::clock::Clock as _;
use super::config::{Config, Upcalls};
use super::delivery::Outbox;
use super::free_list::FreeList;
use super::line::Liveness;
use super::metrics::Counters;
use super::observation::{Observation, Step};
use super::primitives::{Monitor, Primitives, TransportCall, Word};
use super::probe::Probe;
use super::process::{Life, ProcessState};
use super::processes::Processes;
use super::progress::Section;
use super::slab::Slab;
use super::socket::{SocketCell, SocketState};
use super::transport::{Events, Token, Transport};
use super::{SocketId, System};
use crate::protocol::{Descriptor, Error, Input, Phase, ProcessId, Socket, Time};

/// The endpoints of a system's transport.
pub(super) type EndpointOf<S> = <<S as System>::Transport as Transport>::Endpoint;
type MonitorOf<S, T> = <<S as System>::Primitives as Primitives>::Monitor<T>;
type WordOf<S> = <<S as System>::Primitives as Primitives>::Word;

/// The most sockets a provider has at once.
const SOCKET_LIMIT: u32 = 1 << 24;

/// The network was said to be down; it may come back.
pub(super) const ANNOUNCED_DOWN: u64 = 1;
/// The transport reports nothing any more, for good.
const TRANSPORT_ENDED: u64 = 2;

/// The provider's shared part.
pub(super) struct Shared<S: System> {
    pub(super) config: Config,
    pub(super) transport: S::Transport,
    pub(super) clock: S::Clock,
    pub(super) probe: S::Probe,
    pub(super) upcalls: Box<dyn Upcalls>,
    /// The sockets, which outlive the processes that had them.
    //= docs/specification.md#s3-process-death
    //# - A drain that began before the death of a process MUST go on after it.
    cells: Slab<SocketCell<S>>,
    free_cells: FreeList<S::Primitives>,
    /// The sockets to look at as time passes, the next one on top. An entry that
    /// its socket has put off or given up meanwhile is passed over.
    pub(super) looks: MonitorOf<S, BinaryHeap<Reverse<(Time, SocketId)>>>,
    pub(super) processes: MonitorOf<S, Processes<S>>,
    /// `ANNOUNCED_DOWN` and `TRANSPORT_ENDED`; 0 while the network is up.
    pub(super) network_down: WordOf<S>,
    pub(super) retired_handles: WordOf<S>,
    pub(super) counters: Counters<S::Primitives>,
    /// Tells the queues that it posts to when it is gone.
    pub(super) liveness: Liveness<S::Primitives>,
    /// Keeps alive what the transport reports to.
    sink: OnceLock<Arc<EventSink<S>>>,
}

impl<S: System> Shared<S> {
    pub(super) fn new(
        config: Config,
        transport: S::Transport,
        clock: S::Clock,
        probe: S::Probe,
        upcalls: Box<dyn Upcalls>,
    ) -> Self {
        Self {
            cells: Slab::new(config.first_segment_log2),
            free_cells: FreeList::new(SOCKET_LIMIT, config.free_list_shards),
            config,
            transport,
            clock,
            probe,
            upcalls,
            looks: Monitor::new(BinaryHeap::new()),
            processes: Monitor::new(Processes::new()),
            network_down: Word::new(0),
            retired_handles: Word::new(0),
            counters: Counters::new(),
            liveness: Liveness::new(),
            sink: OnceLock::new(),
        }
    }

    /// Tells the probe of something that happened under no socket's lock.
    #[inline]
    pub(super) fn observe(&self, observation: impl FnOnce() -> Observation) {
        if S::Probe::ENABLED {
            self.probe.observe(observation());
        }
    }

    /// Sets or clears a flag of `network_down`.
    pub(super) fn set_network_down(&self, flag: u64, down: bool) {
        let mut before = self.network_down.load(Ordering::Acquire);
        loop {
            let after = if down { before | flag } else { before & !flag };
            match self.network_down.compare_exchange(before, after) {
                Ok(_) => return,
                Err(found) => before = found,
            }
        }
    }

    /// Lets the transport report here.
    pub(super) fn attach_transport(self: &Arc<Self>) {
        let sink = self
            .sink
            .get_or_init(|| Arc::new(EventSink(Arc::downgrade(self))));
        let events: Weak<EventSink<S>> = Arc::downgrade(sink);
        self.transport.attach(events);
    }

    pub(super) fn process(&self, id: ProcessId) -> Option<Arc<ProcessState<S>>> {
        self.processes.lock(|all| all.get(id))
    }

    /// How many sockets are not released yet, draining ones included.
    pub(super) fn sockets_in_use(&self) -> usize {
        self.free_cells.taken()
    }

    /// Every socket that may exist, for a sweep.
    pub(super) fn every_socket(&self) -> Vec<SocketId> {
        (0..self.free_cells.issued())
            .filter_map(|index| {
                let generation = self
                    .cells
                    .get(index)?
                    .monitor
                    .lock(|state| state.generation);
                Some(SocketId::of(index, generation))
            })
            .collect()
    }

    /// Makes a socket around an endpoint that `make` gives, and opens the
    /// reserved slot as its first descriptor, for a call of this life: one
    /// section of the new socket, so this cannot fail half-way.
    ///
    /// # Errors
    /// [`Error::NoBuffers`] if there are too many sockets, or what `make` says.
    pub(super) fn open_socket(
        &self,
        process: &Arc<ProcessState<S>>,
        slot: u32,
        life: Life,
        core: Socket,
        make: impl FnOnce(Token) -> Result<EndpointOf<S>, Error>,
    ) -> Result<Descriptor, Error> {
        let index = self.free_cells.take().ok_or(Error::NoBuffers)?;
        let Some(cell) = self.cells.cell(index) else {
            return Err(Error::NoBuffers);
        };
        let opened = cell.monitor.lock(|state| {
            let id = SocketId::of(index, state.generation);
            let endpoint = make(Token(id.0))?;
            state.core.create(self, id, core);
            state.endpoint = Some(endpoint);
            state.open(self, id, process, slot, life)
        });
        if opened.is_err() {
            self.free_cells.put(index);
        }
        opened
    }

    /// Waits until whoever is in a section of this socket has left it.
    pub(super) fn pass_through(&self, id: SocketId) {
        if let Some(monitor) = self.monitor(id) {
            monitor.lock(|_| ());
        }
    }

    /// The monitor of a socket's cell.
    pub(super) fn monitor(&self, id: SocketId) -> Option<&MonitorOf<S, SocketState<S>>> {
        self.cells.get(id.cell()).map(|cell| &cell.monitor)
    }

    /// Works on a socket: one critical section under its lock, then, outside,
    /// whatever the section has left to deliver. `None` if the socket is gone.
    //= docs/specification.md#d6a-one-critical-section
    //# - Duplicating a descriptor, redeeming a record, setting an option, accepting bytes and
    //# registering an operation MUST each happen under the lock of that same critical section.
    pub(super) fn with_socket<R>(
        self: &Arc<Self>,
        id: SocketId,
        section: impl FnOnce(&mut Section<'_, S>) -> R,
    ) -> Option<R> {
        let monitor = self.monitor(id)?;
        let mut out = Outbox::default();
        let (result, look) = monitor.lock(|state| {
            if state.generation != id.generation() || state.endpoint.is_none() {
                return (None, None);
            }
            let mut work = Section {
                shared: self,
                id,
                state,
                out: &mut out,
            };
            let result = section(&mut work);
            work.flush_posts();
            let look = state.plan_look(|| self.clock.now());
            if out.released {
                state.generation = state.generation.wrapping_add(1);
            }
            (Some(result), look)
        });
        if out.released && id.generation() < u32::MAX {
            self.free_cells.put(id.cell());
        }
        self.counters.add_resets(out.resets, out.timeouts);
        if out.wake {
            monitor.notify();
        }
        if let Some(at) = look {
            let is_next = self.looks.lock(|looks| {
                looks.push(Reverse((at, id)));
                looks.peek() == Some(&Reverse((at, id)))
            });
            if is_next {
                self.transport.wake();
            }
        }
        self.deliver(out);
        self.transport.deliver_events();
        result
    }

    /// Whether a socket is still draining, for those who wait for it.
    pub(super) fn is_draining(state: &SocketState<S>, id: SocketId) -> bool {
        state.generation == id.generation() && state.core.is_draining()
    }

    /// Expires the socket's drain if its deadline has passed, and lets it go on
    /// otherwise.
    //= docs/specification.md#d8-release
    //# - A socket without references MUST be released eventually, provided that the scheduler is
    //# fair and that the transport or the timer makes progress.
    pub(super) fn look_at(self: &Arc<Self>, id: SocketId) {
        self.with_socket(id, |work| {
            work.advance();
            let now = work.shared.clock.now();
            let before = work.out.resets;
            let _ = work.input(Input::Expired { now });
            work.out.timeouts += work.out.resets - before;
        });
    }

    /// Waits until the socket has ended its drain; its deadline expires it on
    /// the way. `interrupted` is asked under the lock, whenever something
    /// changed; true ends the wait early. Returns false then (L9).
    pub(super) fn wait_for_drain(
        self: &Arc<Self>,
        id: SocketId,
        mut interrupted: impl FnMut() -> bool,
    ) -> bool {
        let Some(monitor) = self.monitor(id) else {
            return true;
        };
        loop {
            let left = monitor.lock(|state| match state.core.phase {
                Phase::Draining {
                    deadline: Some(deadline),
                } if Self::is_draining(state, id) => Some(self.clock.now().until(deadline)),
                _ => None,
            });
            //= docs/specification.md#l10-waiting-alone
            //# - A close that waits in its linger MUST NOT hold up any other thread or any other
            //# socket.
            let ended = monitor.wait(left, |state| {
                let ended = if Self::is_draining(state, id) {
                    //= docs/specification.md#l9-a-cancelled-wait
                    //# - The drain of a lingering close whose wait is cancelled MUST go on in the
                    //# background.
                    interrupted().then_some(false)
                } else {
                    //= docs/specification.md#l5-the-connection-fails-during-a-drain
                    //# - A close that waits for a drain which ends by such a failure MUST return
                    //# success.
                    Some(true)
                };
                if let Some(drained) = ended {
                    let ended = Observation::of(Step::LingerEnded { drained });
                    state.core.note_of(self, id, || ended);
                }
                ended
            });
            if let Some(ended) = ended {
                return ended;
            }
            self.look_at(id);
        }
    }
}

/// What the transport reports to.
struct EventSink<S: System>(Weak<Shared<S>>);

impl<S: System> Events for EventSink<S> {
    fn ready(&self, token: Token) {
        let _call = TransportCall::<S::Primitives>::new();
        if let Some(shared) = self.0.upgrade() {
            shared.with_socket(SocketId(token.0), |work| {
                work.advance();
            });
        }
    }

    fn tick(&self) -> Option<Duration> {
        self.0.upgrade().and_then(|shared| shared.tick())
    }

    fn ended(&self) {
        let _call = TransportCall::<S::Primitives>::new();
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        shared.set_network_down(TRANSPORT_ENDED, true);
        for socket in shared.every_socket() {
            // A call that was let in before and registers behind this sweep
            // finds the mark, under the same lock.
            if let Some(monitor) = shared.monitor(socket) {
                monitor.lock(|state| state.transport_ended = true);
            }
            shared.with_socket(socket, |work| {
                work.advance();
            });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{InMemory, MemoryAddress, Notify, Provider};
    use super::*;

    /// A cell is kept for ever, what its sockets had is not.
    #[test]
    fn a_full_queue_gives_its_memory_back_with_its_socket() {
        let provider: Provider<InMemory> = Provider::in_memory();
        let process = provider.startup().unwrap();
        let peers = provider.transport().listen(MemoryAddress(1)).unwrap();
        for reset in [true, false] {
            let descriptor = process.socket().unwrap();
            let nobody = Notify::nobody();
            process
                .connect_overlapped(descriptor, &peers.address(), nobody)
                .unwrap();
            let peer = peers.accept().unwrap();
            peer.stall(true);
            process.set_nonblocking(descriptor, true).unwrap();
            while process.send(descriptor, &[0; 64 * 1024]).is_ok() {}
            let cell = process.begin(descriptor).unwrap().socket();
            let monitor = provider.shared().monitor(cell).unwrap();
            let held = || monitor.lock(|state| state.unsent.capacity());
            assert!(held() > 64 * 1024);
            if reset {
                peer.stall(false);
                peer.reset();
                let _ = process.send(descriptor, b"x");
                assert_eq!(held(), 0, "the connection is lost");
            }
            process.set_linger(descriptor, Some(0)).unwrap();
            process.close(descriptor).unwrap();
            assert_eq!(held(), 0);
        }
    }

    /// A name would be given a second time otherwise (D3).
    #[test]
    fn a_cell_whose_generations_are_used_up_is_not_used_again() {
        let provider: Provider<InMemory> = Provider::in_memory();
        let process = provider.startup().unwrap();
        let shared = provider.shared();
        let first_cell = shared.monitor(SocketId(0)).unwrap();
        first_cell.lock(|state| state.generation = u32::MAX - 1);
        let occupant = || {
            let descriptor = process.socket().unwrap();
            let socket = process.begin(descriptor).unwrap().socket();
            process.close(descriptor).unwrap();
            (socket.cell(), socket.generation())
        };
        assert_eq!(occupant(), (0, u32::MAX - 1));
        assert_eq!(occupant(), (0, u32::MAX), "the last one");
        assert_eq!(occupant(), (1, 1));
        assert_eq!(occupant(), (1, 2));
    }
}
