//! The small world that scenarios start from.

use std::ops::Deref;
use std::sync::Arc;
use std::thread::panicking;

use closesocket::engine::completions::{Completion, CompletionQueue, Notify, OperationId};
use closesocket::engine::net::{Memory, MemoryAddress, Peer, PeerListener};
use closesocket::engine::sync::Clock;
use closesocket::engine::{
    Config, Descriptor, Error, Process, ProcessId, Provider, UpcallFailed, Upcalls,
};
use closesocket::protocol::{AbortScope, HandleKind, Time, UnreadInput};
use loom::sync::atomic::AtomicU64;
use loom::thread::JoinHandle;
use std::sync::atomic::Ordering;

use super::ledger::Ledger;
use super::polled::Polled;
use super::primitives::{Loom, Notes, let_limits_pass};
use super::wired::Wired;

/// Where the peers listen.
pub(crate) const HOME: MemoryAddress = MemoryAddress(1);

/// What the engine is built on here.
pub(crate) type Tested = (Wired, Loom, ManualClock, Ledger);

/// Keeps a value, and leaks it when its thread unwinds: loom has given up then,
/// and nothing may lock any more.
pub(crate) struct Kept<T>(Option<T>);

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().unwrap()
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        if panicking() {
            std::mem::forget(self.0.take());
        }
    }
}

/// A peer of one connection.
pub(crate) type KeptPeer = Kept<Peer<Loom>>;

/// A provider, its process, another process, and peers to connect to.
pub(crate) struct World {
    pub(crate) provider: Provider<Tested>,
    pub(crate) process: Process<Tested>,
    pub(crate) other: Process<Tested>,
    pub(crate) queue: CompletionQueue<Loom>,
    pub(crate) dll: Arc<Dll>,
    listener: PeerListener<Loom>,
}

/// A world that threads share.
pub(crate) type Shared = Arc<Kept<World>>;

/// How a world is set up.
#[derive(Default)]
pub(crate) struct Setup {
    /// The handle upcall fails.
    pub(crate) upcall_fails: bool,
    /// Time can pass; without, it stands still and costs no interleavings.
    pub(crate) time_passes: bool,
    /// Which operations a close aborts.
    pub(crate) abort_scope: AbortScope,
    /// What a graceful close does with unread input.
    pub(crate) unread_input: UnreadInput,
    /// Blocked threads wait at their endpoints, and go on by themselves.
    pub(crate) threads_wait_at_endpoints: bool,
    /// Who waits for completions polls.
    pub(crate) waiters_lead: bool,
    /// The handle upcall looks how many packets are in the queue.
    pub(crate) counts_packets: bool,
}

impl World {
    pub(crate) fn new() -> Shared {
        Self::set_up(&Setup::default())
    }

    pub(crate) fn set_up(setup: &Setup) -> Shared {
        let config = Config {
            window: 8,
            abort_scope: setup.abort_scope,
            unread_input: setup.unread_input,
            drain_limit: None,
            handle_kind: HandleKind::NonIfs,
            descriptor_limit: 4,
            free_list_shards: 1,
            first_segment_log2: 1,
        };
        let queue = CompletionQueue::new();
        let dll = Arc::new(Dll {
            fails: setup.upcall_fails,
            witness: AtomicU64::new(0),
            returned: Notes::default(),
            queue: setup.counts_packets.then(|| queue.clone()),
            packets: Notes::default(),
        });
        let provider = Provider::<Tested>::new(
            config,
            Wired::new(Memory::with_window(4), setup.threads_wait_at_endpoints)
                .polled(setup.waiters_lead),
            ManualClock(setup.time_passes.then(|| AtomicU64::new(0))),
            Ledger::default(),
            DllUpcalls(Arc::clone(&dll)),
        );
        let listener = provider.transport().listen(HOME).unwrap();
        Arc::new(Kept(Some(Self {
            process: provider.startup().unwrap(),
            other: provider.startup().unwrap(),
            provider,
            queue,
            dll,
            listener,
        })))
    }

    /// A connected descriptor of the process, and its peer.
    pub(crate) fn connect(&self) -> (Descriptor, KeptPeer) {
        let descriptor = self.process.socket().unwrap();
        self.process.set_nonblocking(descriptor, true).unwrap();
        let connected = self.process.connect(descriptor, &HOME);
        assert_eq!(connected, Err(Error::WouldBlock));
        let peer = self.listener.accept().unwrap();
        self.process.set_nonblocking(descriptor, false).unwrap();
        (descriptor, Kept(Some(peer)))
    }

    /// What is polled.
    pub(crate) fn polled(&self) -> &Arc<Polled> {
        self.provider.transport().poll()
    }

    /// A listener with hard linger, and where it listens.
    pub(crate) fn listen_hard(&self) -> (Descriptor, MemoryAddress) {
        let address = MemoryAddress(7);
        let descriptor = self.process.socket().unwrap();
        self.process.bind(descriptor, &address).unwrap();
        self.process.listen(descriptor, 2).unwrap();
        self.process.set_linger(descriptor, Some(0)).unwrap();
        (descriptor, address)
    }

    /// A peer that has connected to a listener of the engine.
    pub(crate) fn dial(&self, address: MemoryAddress) -> KeptPeer {
        Kept(Some(self.provider.transport().dial(address).unwrap()))
    }

    /// A second reference to the descriptor's socket, in the other process.
    pub(crate) fn share(&self, descriptor: Descriptor) -> Descriptor {
        let record = self.process.duplicate(descriptor, self.other.id());
        self.other.redeem(record.unwrap()).unwrap()
    }

    /// Starts an overlapped receive that reports to the world's queue.
    pub(crate) fn start_receive(
        &self,
        descriptor: Descriptor,
        key: u64,
    ) -> Result<OperationId, Error> {
        let notify = Notify::queue(&self.queue, key);
        self.process.recv_overlapped(descriptor, vec![0; 2], notify)
    }

    /// Everything in the queue: keys and results.
    pub(crate) fn completions(&self) -> Vec<(u64, Result<usize, Error>)> {
        let take = || self.queue.take();
        std::iter::from_fn(take)
            .map(|Completion { key, result, .. }| (key, result))
            .collect()
    }

    /// The end of an execution: nothing is left, and the ledger is in order.
    pub(crate) fn judge(&self) {
        self.judge_with_retired(0);
    }

    /// As [`World::judge`], where so many handles could not be given back.
    pub(crate) fn judge_with_retired(&self, retired: usize) {
        self.provider.probe().judge(&self.dll.returned.all());
        let usage = self.provider.usage();
        assert_eq!(usage.sockets, 0, "a socket was not released");
        assert_eq!(usage.retired_handles, retired as u64, "handles retired");
        let (process, other) = (&self.process, &self.other);
        let descriptors = process.descriptors() + other.descriptors();
        assert_eq!(descriptors, retired, "descriptors are left");
        let blocked = process.blocked_threads() + other.blocked_threads();
        assert_eq!(blocked, 0, "a thread is still blocked");
    }
}

/// Runs this on a thread of its own, in the world.
pub(crate) fn spawn<R: 'static>(
    world: &Shared,
    run: impl FnOnce(&World) -> R + 'static,
) -> JoinHandle<R> {
    let world = Arc::clone(world);
    loom::thread::spawn(move || run(&world))
}

/// A clock that stands still until its test lets the time pass.
pub(crate) struct ManualClock(Option<AtomicU64>);

const HOUR: u64 = 3_600_000_000_000;

impl Clock for ManualClock {
    /// Once time passes, every look finds it an hour later, so that no wait for
    /// a deadline is endless.
    fn now(&self) -> Time {
        let Some(clock) = self.0.as_ref().filter(|_| !panicking()) else {
            return Time::ZERO;
        };
        match clock.fetch_add(0, Ordering::AcqRel) {
            0 => Time::ZERO,
            _ => Time::from_nanos(clock.fetch_add(HOUR, Ordering::AcqRel)),
        }
    }
}

impl ManualClock {
    /// From now on time passes, and every limit of a wait.
    pub(crate) fn let_time_pass(&self) {
        let clock = self.0.as_ref().expect("a clock that moves");
        clock.fetch_add(HOUR, Ordering::AcqRel);
        let_limits_pass();
    }
}

/// The Winsock DLL above: counts the handles it gets back.
pub(crate) struct Dll {
    fails: bool,
    /// What threads inside a descriptor have marked.
    witness: AtomicU64,
    /// The handles given back, with the marks that were visible then.
    pub(crate) returned: Notes<(ProcessId, Descriptor, u64)>,
    queue: Option<CompletionQueue<Loom>>,
    /// How many packets were in the queue each time.
    pub(crate) packets: Notes<usize>,
}

impl Dll {
    /// A thread inside a descriptor leaves a mark. Relaxed: only the engine's
    /// own ordering can make it visible to the upcall.
    pub(crate) fn mark(&self) {
        self.witness.store(1, Ordering::Relaxed);
    }
}

struct DllUpcalls(Arc<Dll>);

impl Upcalls for DllUpcalls {
    fn close_socket_handle(&self, by: ProcessId, it: Descriptor) -> Result<(), UpcallFailed> {
        let Dll {
            fails,
            witness,
            returned,
            queue,
            packets,
        } = &*self.0;
        if let Some(queue) = queue.as_ref().filter(|_| !panicking()) {
            packets.push(queue.len());
        }
        if !panicking() {
            returned.push((by, it, witness.load(Ordering::Relaxed)));
        }
        if *fails { Err(UpcallFailed) } else { Ok(()) }
    }
}
