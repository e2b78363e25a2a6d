//! Random histories on real threads: whatever the interleaving, every operation
//! ends once, one close of a descriptor wins, every handle goes back once and
//! nothing is left; and there is an order of all that the engine did which the
//! shipped protocol allows.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{Memory, MemoryAddress, Peer};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{
    Config, Descriptor, Error, Process, ProcessId, Provider, UpcallFailed, Upcalls,
};
use closesocket::protocol::{AbortScope, HandleKind, UnreadInput};
use closesocket_trace::{Recorder, replay};
use proptest::prelude::*;

type System = (Memory, Std, SystemClock, Recorder);

const HOME: MemoryAddress = MemoryAddress(1);
const THREADS: usize = 3;

/// One call of a thread; numbers pick one of the descriptors that exist.
#[derive(Clone, Copy, Debug)]
enum Call {
    Open,
    Close(usize),
    Share(usize),
    Recv(usize),
    Send(usize),
    Linger(usize, Option<u16>),
    ShutDown(usize),
    PeerWrites(usize),
    PeerReads(usize),
    PeerResets(usize),
    PeerStalls(usize, bool),
}

fn call() -> impl Strategy<Value = Call> {
    let pick = 0..6_usize;
    prop_oneof![
        2 => Just(Call::Open),
        5 => pick.clone().prop_map(Call::Close),
        3 => pick.clone().prop_map(Call::Share),
        5 => pick.clone().prop_map(Call::Recv),
        4 => pick.clone().prop_map(Call::Send),
        1 => (pick.clone(), prop_oneof![Just(None), Just(Some(0))])
            .prop_map(|(at, seconds)| Call::Linger(at, seconds)),
        1 => pick.clone().prop_map(Call::ShutDown),
        3 => pick.clone().prop_map(Call::PeerWrites),
        3 => pick.clone().prop_map(Call::PeerReads),
        1 => pick.clone().prop_map(Call::PeerResets),
        2 => (pick, any::<bool>()).prop_map(|(at, stalled)| Call::PeerStalls(at, stalled)),
    ]
}

fn scripts() -> impl Strategy<Value = Vec<Vec<Call>>> {
    prop::collection::vec(prop::collection::vec(call(), 1..20), THREADS)
}

fn config() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>()).prop_map(|(last, reset)| Config {
        window: 64,
        abort_scope: if last {
            AbortScope::LastReference
        } else {
            AbortScope::Descriptor
        },
        unread_input: if reset {
            UnreadInput::Reset
        } else {
            UnreadInput::Discard
        },
        handle_kind: HandleKind::NonIfs,
        ..Config::default()
    })
}

/// Counts the handles that went back; every seventh upcall fails.
#[derive(Clone, Default)]
struct Handles {
    returned: Arc<Mutex<HashMap<(ProcessId, Descriptor), u32>>>,
    calls: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl Upcalls for Handles {
    fn close_socket_handle(&self, process: ProcessId, d: Descriptor) -> Result<(), UpcallFailed> {
        *self
            .returned
            .lock()
            .unwrap()
            .entry((process, d))
            .or_default() += 1;
        if self.calls.fetch_add(1, Ordering::Relaxed) % 7 == 6 {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return Err(UpcallFailed);
        }
        Ok(())
    }
}

/// What the threads share.
struct World {
    provider: Provider<System>,
    memory: Memory,
    processes: [Process<System>; 2],
    descriptors: Mutex<Vec<(usize, Descriptor)>>,
    peers: Mutex<Vec<Arc<Peer>>>,
    queue: CompletionQueue,
    /// Overlapped operations that started: their keys are below this.
    next_key: AtomicU64,
    started: Mutex<Vec<u64>>,
    /// How many closes of each descriptor succeeded.
    closed: Mutex<HashMap<(usize, Descriptor), u32>>,
}

impl World {
    fn new(config: Config, handles: Handles, recorder: &Recorder) -> Self {
        let memory = Memory::with_window(32);
        let provider = Provider::<System>::new(
            config,
            memory.clone(),
            SystemClock::default(),
            recorder.clone(),
            handles,
        );
        let processes = [provider.startup().unwrap(), provider.startup().unwrap()];
        let listener = processes[0].socket().unwrap();
        processes[0].bind(listener, &HOME).unwrap();
        processes[0].listen(listener, 64).unwrap();
        let world = Self {
            provider,
            memory,
            processes,
            descriptors: Mutex::new(vec![(0, listener)]),
            peers: Mutex::default(),
            queue: CompletionQueue::new(),
            next_key: AtomicU64::new(0),
            started: Mutex::default(),
            closed: Mutex::default(),
        };
        (0..2).for_each(|_| world.open());
        world
    }

    /// A connected socket of the first process; none once the listener is
    /// closed.
    fn open(&self) {
        let listener = self.descriptors.lock().unwrap()[0].1;
        let Ok(peer) = self.memory.dial(HOME) else {
            return;
        };
        self.peers.lock().unwrap().push(Arc::new(peer));
        self.processes[0].set_nonblocking(listener, true).ok();
        if let Ok(descriptor) = self.processes[0].accept(listener) {
            self.processes[0]
                .set_nonblocking(descriptor, false)
                .unwrap_or_default();
            self.descriptors.lock().unwrap().push((0, descriptor));
        }
    }

    fn pick(&self, at: usize) -> (usize, Descriptor) {
        let descriptors = self.descriptors.lock().unwrap();
        descriptors[at % descriptors.len()]
    }

    fn peer(&self, at: usize) -> Option<Arc<Peer>> {
        let peers = self.peers.lock().unwrap();
        peers.get(at % peers.len().max(1)).cloned()
    }

    fn overlapped(&self, start: impl FnOnce(Notify) -> Result<(), Error>) {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        if start(Notify::queue(&self.queue, key)).is_ok() {
            self.started.lock().unwrap().push(key);
        }
    }

    fn close(&self, (owner, descriptor): (usize, Descriptor)) {
        let result = self.processes[owner].close(descriptor);
        assert!(
            matches!(result, Ok(()) | Err(Error::NotSocket)),
            "{result:?}"
        );
        if result.is_ok() {
            *self
                .closed
                .lock()
                .unwrap()
                .entry((owner, descriptor))
                .or_default() += 1;
        }
    }

    fn run(&self, call: Call) {
        match call {
            Call::Open => self.open(),
            Call::Close(at) => self.close(self.pick(at)),
            Call::Share(at) => {
                let (owner, descriptor) = self.pick(at);
                let target = &self.processes[1 - owner];
                if let Ok(record) = self.processes[owner].duplicate(descriptor, target.id()) {
                    let theirs = target.redeem(record).unwrap();
                    self.descriptors.lock().unwrap().push((1 - owner, theirs));
                }
            }
            Call::Recv(at) => self.overlapped(|notify| {
                let (owner, descriptor) = self.pick(at);
                self.processes[owner]
                    .recv_overlapped(descriptor, vec![0; 8], notify)
                    .map(drop)
            }),
            Call::Send(at) => self.overlapped(|notify| {
                let (owner, descriptor) = self.pick(at);
                self.processes[owner]
                    .send_overlapped(descriptor, vec![7; 100], notify)
                    .map(drop)
            }),
            Call::Linger(at, seconds) => {
                let (owner, descriptor) = self.pick(at);
                self.processes[owner].set_linger(descriptor, seconds).ok();
            }
            Call::ShutDown(at) => {
                let (owner, descriptor) = self.pick(at);
                self.processes[owner]
                    .shutdown(descriptor, closesocket::engine::Shutdown::Send)
                    .ok();
            }
            Call::PeerWrites(at) => self.with_peer(at, |peer| _ = peer.write(b"abcdefgh")),
            Call::PeerReads(at) => self.with_peer(at, |peer| _ = peer.read(64)),
            Call::PeerResets(at) => self.with_peer(at, Peer::reset),
            Call::PeerStalls(at, stalled) => self.with_peer(at, |peer| peer.stall(stalled)),
        }
    }

    fn with_peer(&self, at: usize, act: impl FnOnce(&Peer)) {
        if let Some(peer) = self.peer(at) {
            act(&peer);
        }
    }

    /// Closes what is open, lets every drain end, and counts.
    fn judge(&self, handles: &Handles) {
        let all = self.descriptors.lock().unwrap().clone();
        for &each in &all {
            self.close(each);
        }
        for peer in &*self.peers.lock().unwrap() {
            peer.stall(false);
            drop(peer.read_all());
        }
        let mut seen = Vec::new();
        while let Some(completion) = self.queue.take() {
            seen.push(completion.key);
        }
        seen.sort_unstable();
        let mut started = self.started.lock().unwrap().clone();
        started.sort_unstable();
        assert_eq!(seen, started, "every operation that started ends once");
        let closed = self.closed.lock().unwrap();
        for each in &all {
            assert_eq!(closed.get(each), Some(&1), "one close of {each:?} wins");
        }
        let returned = handles.returned.lock().unwrap();
        for (owner, descriptor) in &all {
            let handle = (self.processes[*owner].id(), *descriptor);
            assert_eq!(
                returned.get(&handle),
                Some(&1),
                "the handle {handle:?} goes back once"
            );
        }
        assert_eq!(returned.len(), all.len(), "no other handle goes back");
        let failed = handles.failed.load(Ordering::Relaxed);
        let usage = self.provider.usage();
        assert_eq!((usage.sockets, usage.retired_handles), (0, failed));
        let occupied: usize = self.processes.iter().map(Process::descriptors).sum();
        assert_eq!(occupied as u64, failed, "only retired slots stay occupied");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_interleaving_everything_ends_once(scripts in scripts(), config in config()) {
        let handles = Handles::default();
        let recorder = Recorder::in_memory();
        let world = World::new(config, handles.clone(), &recorder);
        let barrier = Barrier::new(scripts.len());
        thread::scope(|scope| {
            for script in &scripts {
                scope.spawn(|| {
                    barrier.wait();
                    script.iter().for_each(|call| world.run(*call));
                });
            }
        });
        world.judge(&handles);
        drop(world);
        let replay = replay(&recorder.finish().unwrap());
        if let Some(problem) = replay.first_problem {
            panic!("no order is allowed: {problem}");
        }
    }
}
