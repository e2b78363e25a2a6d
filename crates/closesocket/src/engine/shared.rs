//! What all processes of a provider share: the sockets, and the rule how a
//! socket is worked on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use super::cells::Cells;
use super::clock::Clock as _;
use super::delivery::Outbox;
use super::descriptors::Descriptors;
use super::observation::{Observation, Step};
use super::primitives::{Monitor, Primitives, TransportCall};
use super::processes::Processes;
use super::progress::Section;
use super::services::{Services, TRANSPORT_ENDED};
use super::socket::SocketState;
use super::transport::{Endpoint as _, Events, Token, Transport};
use super::{SocketId, System};
use crate::protocol::{Input, Phase, ProcessId, Time};

type MonitorOf<S, T> = <<S as System>::Primitives as Primitives>::Monitor<T>;

/// The provider's shared part.
pub(super) struct Shared<S: System> {
    pub(super) services: Arc<Services<S>>,
    pub(super) cells: Cells<S>,
    /// The sockets to look at as time passes, the next one on top. An entry that
    /// its socket has put off or given up meanwhile is passed over.
    pub(super) looks: MonitorOf<S, BinaryHeap<Reverse<(Time, SocketId)>>>,
    pub(super) processes: MonitorOf<S, Processes<S>>,
    /// Keeps alive what the transport reports to.
    sink: OnceLock<Arc<EventSink<S>>>,
}

impl<S: System> Shared<S> {
    pub(super) fn new(services: Services<S>) -> Self {
        let config = &services.config;
        Self {
            cells: Cells::new(config),
            services: Arc::new(services),
            looks: Monitor::new(BinaryHeap::new()),
            processes: Monitor::new(Processes::new()),
            sink: OnceLock::new(),
        }
    }

    /// Lets the transport report here.
    pub(super) fn attach_transport(self: &Arc<Self>) {
        let sink = self
            .sink
            .get_or_init(|| Arc::new(EventSink(Arc::downgrade(self))));
        let events: Weak<EventSink<S>> = Arc::downgrade(sink);
        self.services.transport.attach(events);
    }

    pub(super) fn process(&self, id: ProcessId) -> Option<Arc<Descriptors<S>>> {
        self.processes.lock(|all| all.get(id))
    }

    /// Works on a socket: one critical section under its lock, then, outside,
    /// whatever the section has left to deliver. `None` if the socket is gone.
    //= docs/specification.md#d6a-one-critical-section
    //# - Duplicating a descriptor, redeeming a record, setting an option, accepting bytes and
    //# registering an operation MUST each happen under the lock of that same critical section.
    pub(super) fn with_socket<R>(
        self: &Arc<Self>,
        id: SocketId,
        act: impl FnOnce(&mut Section<'_, S>) -> R,
    ) -> Option<R> {
        let monitor = self.cells.monitor(id)?;
        let mut out = Outbox::default();
        let (result, look) = monitor.lock(|state| {
            if state.generation != id.generation() || state.endpoint.is_none() {
                return (None, None);
            }
            let mut section = Section {
                services: &self.services,
                cells: &self.cells,
                id,
                socket: &mut *state,
                out: &mut out,
            };
            let result = act(&mut section);
            if out.released {
                state.generation = state.generation.wrapping_add(1);
                return (Some(result), None);
            }
            let look = state.plan_look(|| self.services.clock.now());
            (Some(result), look)
        });
        if out.released {
            if !out.kept {
                self.cells.give_back(id);
            }
            monitor.notify();
        }
        self.services.counters.add_resets(out.resets, out.timeouts);
        if let Some(at) = look {
            let is_next = self.looks.lock(|looks| {
                looks.push(Reverse((at, id)));
                looks.peek() == Some(&Reverse((at, id)))
            });
            if is_next {
                self.services.transport.wake();
            }
        }
        out.deliver(&self.services);
        self.services.transport.deliver_events();
        result
    }

    /// How many sockets are not released yet, draining ones included.
    pub(super) fn sockets_in_use(&self) -> usize {
        let kept: usize = self.processes.lock(|processes| {
            let tables = processes.alive().map(|process| process.table.kept());
            tables.sum()
        });
        self.cells.taken().saturating_sub(kept)
    }

    /// Whether a socket is still draining, for those who wait for it.
    pub(super) fn is_draining(state: &SocketState<S>, id: SocketId) -> bool {
        state.generation == id.generation() && state.machine.is_draining()
    }

    /// Expires the socket's drain if its deadline has passed, and lets it go on
    /// otherwise.
    //= docs/specification.md#d8-release
    //# - A socket without references MUST be released eventually, provided that the scheduler is
    //# fair and that the transport or the timer makes progress.
    pub(super) fn look_at(self: &Arc<Self>, id: SocketId) {
        self.with_socket(id, |section| {
            section.advance();
            let now = section.services.clock.now();
            let before = section.out.resets;
            let _ = section.input(Input::Expired { now });
            section.out.timeouts += section.out.resets - before;
        });
    }

    /// Waits until the socket has ended its drain; its deadline expires it on
    /// the way. `interrupted` is asked under the lock, whenever something
    /// changed; true ends the wait early. Returns false then (L9).
    //= docs/specification.md#l10-waiting-alone
    //# - A close that waits in its linger MUST NOT hold up any other thread or any other
    //# socket.
    //= docs/specification.md#l9-a-cancelled-wait
    //# - The drain of a lingering close whose wait is cancelled MUST go on in the
    //# background.
    //= docs/specification.md#l5-the-connection-fails-during-a-drain
    //# - A close that waits for a drain which ends by such a failure MUST return
    //# success.
    pub(super) fn wait_for_drain(
        self: &Arc<Self>,
        id: SocketId,
        mut interrupted: impl FnMut() -> bool,
    ) -> bool {
        let Some(monitor) = self.cells.monitor(id) else {
            return true;
        };
        loop {
            let left = monitor.lock(|state| match state.machine.phase {
                Phase::Draining {
                    deadline: Some(deadline),
                } if Self::is_draining(state, id) => {
                    Some(self.services.clock.now().until(deadline))
                }
                _ => None,
            });
            let ended = monitor.wait(left, |state| {
                let ended = if Self::is_draining(state, id) {
                    interrupted().then_some(false)
                } else {
                    Some(true)
                };
                if let Some(drained) = ended {
                    let ended = Observation::of(Step::LingerEnded { drained });
                    state.machine.note_of(&self.services, id, || ended);
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
            shared.with_socket(SocketId(token.0), |section| {
                if let Some(endpoint) = section.socket.endpoint.as_mut() {
                    endpoint.event_reported();
                }
                section.advance();
            });
        }
    }

    fn tick(&self) -> Option<Duration> {
        // Around the reference too, which may be the last.
        let _call = TransportCall::<S::Primitives>::new();
        self.0.upgrade().and_then(|shared| shared.tick())
    }

    fn ended(&self) {
        let _call = TransportCall::<S::Primitives>::new();
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        shared.services.set_network_down(TRANSPORT_ENDED, true);
        for socket in shared.cells.every_socket() {
            // A call that was let in before and registers behind this sweep
            // finds the mark, under the same lock.
            if let Some(monitor) = shared.cells.monitor(socket) {
                monitor.lock(|state| state.transport_ended = true);
            }
            shared.with_socket(socket, |section| {
                section.advance();
            });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::completions::Notify;
    use super::super::net::MemoryAddress;
    use super::super::{InMemory, Process, Provider};
    use super::*;
    use crate::protocol::Descriptor;

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
            let monitor = provider.shared().cells.monitor(cell).unwrap();
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
        let first_cell = shared.cells.monitor(SocketId(0)).unwrap();
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

    fn cell_of(process: &Process<InMemory>, descriptor: Descriptor) -> u32 {
        process.begin(descriptor).unwrap().socket().cell()
    }

    /// The cells of so many sockets that are open at once; they are closed then.
    fn cells_of<const N: usize>(process: &Process<InMemory>) -> [u32; N] {
        let opened = [(); N].map(|()| process.socket().unwrap());
        let mut cells = opened.map(|it| cell_of(process, it));
        for descriptor in opened {
            process.close(descriptor).unwrap();
        }
        cells.sort_unstable();
        cells
    }

    #[test]
    fn slots_keep_the_cells_of_their_last_sockets_until_their_process_ends() {
        let provider: Provider<InMemory> = Provider::in_memory();
        let [process, other] = [(); 2].map(|()| provider.startup().unwrap());
        assert_eq!(cells_of(&process), [0, 1, 2]);
        assert_eq!(provider.usage().sockets, 0);
        assert_eq!(cells_of(&other), [3], "another one's are kept");
        assert_eq!(cells_of(&process), [0, 1, 2]);
        drop(process);
        assert_eq!(cells_of(&other), [0, 1, 2, 3]);
        assert_eq!(provider.usage().sockets, 0);
    }

    #[test]
    fn a_slot_that_keeps_a_cell_gives_that_of_a_socket_from_elsewhere_back() {
        let provider: Provider<InMemory> = Provider::in_memory();
        let [process, other] = [(); 2].map(|()| provider.startup().unwrap());
        assert_eq!(cells_of(&process), [0]);
        let theirs = other.socket().unwrap();
        let record = other.duplicate(theirs, process.id()).unwrap();
        let ours = process.redeem(record).unwrap();
        assert_eq!(cell_of(&process, ours), 1);
        other.close(theirs).unwrap();
        assert_eq!(provider.usage().sockets, 1);
        process.close(ours).unwrap();
        assert_eq!(provider.usage().sockets, 0);
        assert_eq!(cells_of(&other), [1], "it is anybody's");
        assert_eq!(cells_of(&process), [0]);
    }
}
