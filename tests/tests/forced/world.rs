//! The engine as a scenario begins: the same processes, descriptors, sockets and
//! queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use closesocket::engine::completions::CompletionQueue;
use closesocket::engine::{Config, Descriptor, Process, Provider, Record, SocketId};
use closesocket::protocol::{Connection, word};
use closesocket_models::Scenario;

use super::primitives::{Forced, Tested, use_shard};
use super::scripted::{Dll, ManualClock, Scripted, SharedLooks, SharedWire, Watcher, locked};

/// The words that a process's table makes at once, and its free lists.
const SLOTS: usize = 4;

/// A slot of the scenario in the engine.
#[derive(Clone, Copy)]
pub(crate) struct SlotAt {
    pub(crate) process: usize,
    pub(crate) index: u32,
    /// Which of the words that were made is its.
    pub(crate) word: usize,
    /// The generation that the model counts as its first, less one.
    pub(crate) earlier: u32,
}

/// A socket of the scenario in the engine.
pub(crate) struct SocketAt {
    pub(crate) id: SocketId,
    pub(crate) wire: SharedWire,
}

pub(crate) struct World {
    pub(crate) scenario: &'static Scenario,
    pub(crate) provider: Provider<Tested>,
    pub(crate) processes: Vec<Process<Tested>>,
    pub(crate) slots: Vec<SlotAt>,
    pub(crate) sockets: Vec<Option<SocketAt>>,
    /// One for each operation: so each is posted by itself.
    pub(crate) queues: Vec<CompletionQueue<Forced>>,
    pub(crate) records: Vec<Option<Record>>,
    pub(crate) words: Vec<Arc<AtomicU64>>,
    pub(crate) upcall_fails: Arc<AtomicBool>,
    pub(crate) looks: SharedLooks,
}

impl World {
    pub(crate) fn new(scenario: &'static Scenario, looks: &SharedLooks) -> Self {
        *locked(looks) = super::scripted::Looks::default();
        let spec = &scenario.sockets[0];
        let config = Config {
            window: u32::from(spec.window),
            abort_scope: spec.abort_scope,
            unread_input: spec.unread_input,
            drain_limit: scenario.surroundings.drain_limit,
            handle_kind: scenario.surroundings.handles,
            descriptor_limit: u32::try_from(slots_of_a_process(scenario)).unwrap(),
            free_list_shards: SLOTS,
            first_segment_log2: SLOTS.trailing_zeros(),
        };
        let upcall_fails = Arc::new(AtomicBool::new(false));
        let dll = Dll {
            looks: Arc::clone(looks),
            fails: Arc::clone(&upcall_fails),
        };
        let provider = Provider::new(
            config,
            Scripted::default(),
            ManualClock::default(),
            Watcher(Arc::clone(looks)),
            dll,
        );
        let processes = 1 + scenario
            .slots
            .iter()
            .map(|it| it.process)
            .max()
            .unwrap_or(0);
        let processes = (0..processes).map(|_| {
            let process = provider.process();
            for _ in 0..scenario.surroundings.startups {
                process.startup().unwrap();
            }
            process
        });
        let mut world = Self {
            scenario,
            processes: processes.collect(),
            provider,
            slots: Vec::new(),
            sockets: scenario.sockets.iter().map(|_| None).collect(),
            queues: scenario
                .operations
                .iter()
                .map(|_| CompletionQueue::new())
                .collect(),
            records: vec![None; 2],
            words: locked(looks).words.clone(),
            upcall_fails,
            looks: Arc::clone(looks),
        };
        world.open_slots();
        let mut looks = locked(looks);
        looks.observed.clear();
        looks.upcalls.clear();
        drop(looks);
        world
    }

    /// Opens every slot of every process once, and closes those again that are to be
    /// free or refer to a socket that another slot has made: each index is in a free
    /// list of its own then, so who takes one can be told which.
    fn open_slots(&mut self) {
        let mut made: Vec<Option<(usize, Descriptor)>> = vec![None; self.sockets.len()];
        for process in 0..self.processes.len() {
            let of_it = self.scenario.slots.iter().enumerate();
            let of_it: Vec<_> = of_it
                .filter(|it| usize::from(it.1.process) == process)
                .collect();
            let opened: Vec<_> = (0..slots_of_a_process(self.scenario))
                .map(|_| self.processes[process].socket().unwrap())
                .collect();
            for (index, (slot, spec)) in of_it.iter().enumerate() {
                let descriptor = opened[index];
                assert_eq!(descriptor.slot() as usize, index);
                assert_eq!(
                    *slot,
                    self.slots.len(),
                    "slots are in the order of processes"
                );
                let word = process * SLOTS + index;
                let opened = match spec.socket.map(usize::from) {
                    Some(socket) if made[socket].is_none() => {
                        made[socket] = Some((process, descriptor));
                        self.begin_socket(socket, process, descriptor);
                        descriptor
                    }
                    other => {
                        use_shard(index as u64);
                        self.processes[process].close(descriptor).unwrap();
                        other.map_or(descriptor, |socket| {
                            let (maker, first) = made[socket].unwrap();
                            self.share(maker, first, process)
                        })
                    }
                };
                let generation =
                    word::Word::from_bits(self.words[word].load(Ordering::Acquire)).generation();
                assert_eq!(opened.slot() as usize, index);
                self.slots.push(SlotAt {
                    process,
                    index: u32::try_from(index).unwrap(),
                    word,
                    earlier: generation - 1,
                });
            }
        }
        use_shard(0);
    }

    fn share(&self, maker: usize, first: Descriptor, process: usize) -> Descriptor {
        let target = &self.processes[process];
        let record = self.processes[maker].duplicate(first, target.id()).unwrap();
        target.redeem(record).unwrap()
    }

    /// Brings a new socket to where its description says.
    fn begin_socket(&mut self, socket: usize, process: usize, descriptor: Descriptor) {
        let spec = &self.scenario.sockets[socket];
        let maker = &self.processes[process];
        let id = maker.begin(descriptor).unwrap().socket();
        if spec.connection == Connection::Connected {
            maker.connect(descriptor, &()).unwrap();
        }
        if spec.connection == Connection::Listening {
            maker.listen(descriptor, u32::from(spec.joins)).unwrap();
        }
        let queued = vec![b'q'; usize::from(spec.queued)];
        if !queued.is_empty() {
            maker.send(descriptor, &queued).unwrap();
        }
        if let Some(seconds) = spec.linger.seconds() {
            maker.set_linger(descriptor, Some(seconds)).unwrap();
        }
        maker.set_nonblocking(descriptor, spec.nonblocking).unwrap();
        self.know_socket(socket, id);
    }

    /// The model's socket is this one.
    pub(crate) fn know_socket(&mut self, socket: usize, id: SocketId) {
        let wire = self.provider.transport().wire(id);
        self.sockets[socket] = Some(SocketAt { id, wire });
    }

    pub(crate) fn socket(&self, socket: usize) -> &SocketAt {
        self.sockets[socket].as_ref().unwrap()
    }

    /// The descriptor of a slot's occupant, as the model counts its generations.
    /// Generation 0 is never issued: it stands for none.
    pub(crate) fn descriptor(&self, slot: u8, generation: u8) -> Descriptor {
        if generation == 0 {
            return Descriptor::INVALID;
        }
        let at = self.slots[usize::from(slot)];
        Descriptor::new(at.index, at.earlier + u32::from(generation))
    }
}

/// How many slots each process has: as many as the scenario gives to one. Where it
/// gives it fewer, the others are taken.
fn slots_of_a_process(scenario: &Scenario) -> usize {
    let of = |process| {
        let mine = scenario.slots.iter().filter(|it| it.process == process);
        mine.count()
    };
    scenario
        .slots
        .iter()
        .map(|it| of(it.process))
        .max()
        .unwrap_or(1)
}
