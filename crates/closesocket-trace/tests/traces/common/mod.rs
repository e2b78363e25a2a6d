//! Real traces of the engine over connections in memory: whatever the interleaving,
//! every operation ends once, one close of a descriptor wins, every handle goes back
//! once and nothing is left.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

pub mod history;
pub mod numbering;
pub mod scratch;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{Memory, MemoryAddress, Peer};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{
    Config, Descriptor, Error, Process, ProcessId, Provider, UpcallFailed, Upcalls,
};
use closesocket::protocol::{AbortScope, HandleKind, UnreadInput};
use closesocket_trace::{Record, Recorder, Replay};

pub type System = (Memory, Std, SystemClock, Recorder);

const HOME: MemoryAddress = MemoryAddress(1);

/// A non-IFS provider with a small window.
pub fn config(scope: AbortScope, unread: UnreadInput) -> Config {
    Config {
        window: 64,
        abort_scope: scope,
        unread_input: unread,
        handle_kind: HandleKind::NonIfs,
        drain_limit: Some(Duration::from_secs(600)),
        ..Config::default()
    }
}

/// Counts the handles that go back. Every so many-th upcall fails; 0 for none.
#[derive(Clone, Default)]
struct Dll {
    returned: Arc<Mutex<HashMap<(ProcessId, Descriptor), u32>>>,
    calls: Arc<AtomicU64>,
    fails: u64,
}

impl Dll {
    fn failed(&self) -> u64 {
        let calls = self.calls.load(Ordering::Relaxed);
        calls.checked_div(self.fails).unwrap_or_default()
    }
}

impl Upcalls for Dll {
    fn close_socket_handle(&self, process: ProcessId, d: Descriptor) -> Result<(), UpcallFailed> {
        let mut returned = self.returned.lock().unwrap();
        *returned.entry((process, d)).or_default() += 1;
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fails > 0 && call % self.fails == self.fails - 1 {
            return Err(UpcallFailed);
        }
        Ok(())
    }
}

/// What the threads of a history share.
pub struct World {
    pub provider: Provider<System>,
    pub memory: Memory,
    pub processes: [Process<System>; 2],
    dll: Dll,
    descriptors: Mutex<Vec<(usize, Descriptor)>>,
    peers: Mutex<Vec<Peer>>,
    queue: CompletionQueue,
    /// Overlapped operations that started: their keys are below this.
    next_key: AtomicU64,
    started: Mutex<Vec<u64>>,
    /// How many closes of each descriptor succeeded.
    closed: Mutex<HashMap<(usize, Descriptor), u32>>,
}

impl World {
    pub fn new(config: Config, recorder: &Recorder, fails: u64) -> Self {
        let memory = Memory::with_window(32);
        let dll = Dll {
            fails,
            ..Dll::default()
        };
        let (clock, upcalls) = (SystemClock::default(), dll.clone());
        let provider = Provider::new(config, memory.clone(), clock, recorder.clone(), upcalls);
        let processes = [provider.startup().unwrap(), provider.startup().unwrap()];
        let listener = processes[0].socket().unwrap();
        processes[0].bind(listener, &HOME).unwrap();
        processes[0].listen(listener, 64).unwrap();
        Self {
            provider,
            memory,
            processes,
            dll,
            descriptors: Mutex::new(vec![(0, listener)]),
            peers: Mutex::default(),
            queue: CompletionQueue::new(),
            next_key: AtomicU64::new(0),
            started: Mutex::default(),
            closed: Mutex::default(),
        }
    }

    /// With the default policies, and upcalls that succeed.
    pub fn plain(recorder: &Recorder) -> Self {
        let config = config(AbortScope::Descriptor, UnreadInput::Discard);
        Self::new(config, recorder, 0)
    }

    /// Connections, each closed by two threads at once; calls `between` behind each,
    /// when nobody is at work.
    pub fn rounds(self, recorder: &Recorder, between: impl Fn()) -> Vec<Record> {
        for _ in 0..6 {
            let shared = self.open().unwrap();
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        drop(self.processes[0].begin(shared));
                        self.close(0, shared);
                    });
                }
            });
            between();
        }
        self.end(recorder)
    }

    pub fn listener(&self) -> Descriptor {
        self.descriptors.lock().unwrap()[0].1
    }

    pub fn add(&self, owner: usize, descriptor: Descriptor) {
        self.descriptors.lock().unwrap().push((owner, descriptor));
    }

    /// Dials in; the peer is kept to the end.
    pub fn dial(&self) -> bool {
        let peer = self.memory.dial(HOME);
        peer.is_ok_and(|peer| {
            self.peers.lock().unwrap().push(peer);
            true
        })
    }

    pub fn peer<R>(&self, at: usize, act: impl FnOnce(&Peer) -> R) -> Option<R> {
        let peers = self.peers.lock().unwrap();
        let at = at % peers.len().max(1);
        peers.get(at).map(act)
    }

    /// Every peer writes and reads a little, so that nobody waits for ever.
    pub fn wake_readers(&self) {
        for peer in &*self.peers.lock().unwrap() {
            _ = peer.write(b"x");
            _ = peer.read(16);
        }
    }

    /// A connection of the first process.
    pub fn open(&self) -> Option<Descriptor> {
        let descriptor = self.accept_dialled();
        if let Some(descriptor) = descriptor {
            self.add(0, descriptor);
        }
        descriptor
    }

    fn accept_dialled(&self) -> Option<Descriptor> {
        if !self.dial() {
            return None;
        }
        self.processes[0].accept(self.listener()).ok()
    }

    /// Starts an overlapped operation that reports to the queue.
    pub fn overlapped<T>(&self, start: impl FnOnce(Notify) -> Result<T, Error>) {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        if start(Notify::queue(&self.queue, key)).is_ok() {
            self.started.lock().unwrap().push(key);
        }
    }

    /// Closes, and counts the close if it committed.
    pub fn close(&self, owner: usize, descriptor: Descriptor) {
        let result = self.processes[owner].close(descriptor);
        match result {
            Ok(()) | Err(Error::Interrupted) => {
                let mut closed = self.closed.lock().unwrap();
                *closed.entry((owner, descriptor)).or_default() += 1;
            }
            refused => assert!(
                matches!(refused, Err(Error::NotSocket | Error::WouldBlock)),
                "{refused:?}"
            ),
        }
    }

    pub fn pick(&self, at: usize) -> (usize, Descriptor) {
        let descriptors = self.descriptors.lock().unwrap();
        descriptors[at % descriptors.len()]
    }

    /// Closes everything but the listener, lets everything drain, counts, and ends the
    /// processes.
    pub fn end(self, recorder: &Recorder) -> Vec<Record> {
        let all = std::mem::take(&mut *self.descriptors.lock().unwrap());
        for &(owner, descriptor) in &all[1..] {
            self.close(owner, descriptor);
            // If it would have blocked, it is open.
            let process = &self.processes[owner];
            if process.set_dont_linger(descriptor, true).is_ok() {
                self.close(owner, descriptor);
            }
        }
        for peer in &*self.peers.lock().unwrap() {
            peer.stall(false);
            drop(peer.read_all());
        }
        self.judge(&all[1..]);
        drop(self.processes);
        for peer in &*self.peers.lock().unwrap() {
            drop(peer.read_all());
        }
        drop(self.provider);
        recorder.finish().unwrap()
    }

    /// All of these are closed, and only the listener is left.
    fn judge(&self, all: &[(usize, Descriptor)]) {
        let told = std::iter::from_fn(|| self.queue.take());
        let mut ended: Vec<_> = told.map(|it| it.key).collect();
        ended.sort_unstable();
        let mut started = self.started.lock().unwrap().clone();
        started.sort_unstable();
        assert_eq!(ended, started, "every operation that started ends once");
        let (closed, returned) = (
            self.closed.lock().unwrap(),
            self.dll.returned.lock().unwrap(),
        );
        for each @ (owner, descriptor) in all {
            assert_eq!(closed.get(each), Some(&1), "one close of {each:?} wins");
            let handle = (self.processes[*owner].id(), *descriptor);
            assert_eq!(returned.get(&handle), Some(&1), "{handle:?} goes back once");
        }
        assert_eq!(returned.len(), all.len(), "no other handle goes back");
        let (failed, usage) = (self.dll.failed(), self.provider.usage());
        assert_eq!((usage.sockets, usage.retired_handles), (1, failed));
        let occupied: usize = self.processes.iter().map(Process::descriptors).sum();
        assert_eq!(occupied as u64, failed + 1, "retired slots stay occupied");
    }
}

/// Fails with the first problem unless the trace was accepted.
pub fn expect_accepted(replay: &Replay) {
    if let Some(problem) = &replay.first_problem {
        panic!("rejected: {problem}");
    }
    assert!(replay.accepted);
}
