//! Real traces of the engine over connections in memory.

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

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use closesocket::engine::completions::CompletionQueue;
use closesocket::engine::net::{Memory, MemoryAddress, Peer};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{
    Config, Descriptor, Process, ProcessId, Provider, UpcallFailed, Upcalls,
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

/// Every so many-th handle upcall fails; 0 for none.
#[derive(Default)]
pub struct Dll {
    calls: AtomicU64,
    fails: u64,
}

impl Upcalls for Dll {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
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
    pub queue: CompletionQueue,
    descriptors: Mutex<Vec<(usize, Descriptor)>>,
    peers: Mutex<Vec<Peer>>,
}

impl World {
    pub fn new(config: Config, recorder: &Recorder, fails: u64) -> Self {
        let memory = Memory::with_window(32);
        let dll = Dll {
            fails,
            ..Dll::default()
        };
        let clock = SystemClock::default();
        let provider = Provider::new(config, memory.clone(), clock, recorder.clone(), dll);
        let processes = [provider.startup().unwrap(), provider.startup().unwrap()];
        let listener = processes[0].socket().unwrap();
        processes[0].bind(listener, &HOME).unwrap();
        processes[0].listen(listener, 64).unwrap();
        Self {
            provider,
            memory,
            processes,
            queue: CompletionQueue::new(),
            descriptors: Mutex::new(vec![(0, listener)]),
            peers: Mutex::default(),
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
                        self.processes[0].close(shared).ok();
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

    pub fn pick(&self, at: usize) -> (usize, Descriptor) {
        let descriptors = self.descriptors.lock().unwrap();
        descriptors[at % descriptors.len()]
    }

    /// Closes everything, lets everything drain, and ends the processes.
    pub fn end(self, recorder: &Recorder) -> Vec<Record> {
        for (owner, descriptor) in self.descriptors.lock().unwrap().drain(..).skip(1) {
            self.processes[owner].close(descriptor).ok();
        }
        for peer in &*self.peers.lock().unwrap() {
            peer.stall(false);
            drop(peer.read_all());
        }
        drop(self.processes);
        for peer in &*self.peers.lock().unwrap() {
            drop(peer.read_all());
        }
        drop(self.provider);
        recorder.finish().unwrap()
    }
}

/// Fails with the first problem unless the trace was accepted.
pub fn expect_accepted(replay: &Replay) {
    if let Some(problem) = &replay.first_problem {
        panic!("rejected: {problem}");
    }
    assert!(replay.accepted);
}
