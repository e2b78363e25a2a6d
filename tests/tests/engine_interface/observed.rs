//! What a probe is told: the shipped protocol, replayed along it, allows all of
//! it ([`replay`]). Each history has something that random ones seldom have.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Interest, Notify, OperationId};
use closesocket::engine::net::{Memory, Peer, PeerListener};
use closesocket::engine::observe::{Observation, Probe, Step};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{
    Config, Descriptor, Error, NoUpcalls, Process, ProcessId, Provider, UpcallFailed, Upcalls,
};
use closesocket::protocol::{AbortScope, HandleKind, Input, UnreadInput};
use closesocket_trace::{Record, Recorder, replay};

use crate::faulty::{AWAY, Faults, Faulty, HOME};
use crate::{Task, until};

type System = (Faulty, Std, SystemClock, Recorder);

/// A provider that is recorded.
struct Recorded {
    provider: Provider<System>,
    process: Process<System>,
    other: Process<System>,
    listener: PeerListener,
    faults: Faults,
    recorder: Recorder,
}

/// A DLL that takes no handle back.
struct Refuses;

impl Upcalls for Refuses {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
        Err(UpcallFailed)
    }
}

impl Recorded {
    fn new(config: Config) -> Self {
        let recorder = Recorder::in_memory();
        let network = Faulty::default();
        let listener = network.memory.listen(HOME).unwrap();
        let faults = network.faults.clone();
        let clock = SystemClock::default();
        let provider = Provider::new(config, network, clock, recorder.clone(), Refuses);
        Self {
            process: provider.startup().unwrap(),
            other: provider.startup().unwrap(),
            provider,
            listener,
            faults,
            recorder,
        }
    }

    fn connect(&self) -> (Descriptor, Peer) {
        let descriptor = self.process.socket().unwrap();
        self.process.set_nonblocking(descriptor, true).unwrap();
        let waits = self.process.connect(descriptor, &HOME);
        assert_eq!(waits, Err(Error::WouldBlock));
        let peer = self.listener.accept().unwrap();
        self.process.set_nonblocking(descriptor, false).unwrap();
        (descriptor, peer)
    }

    /// A connection whose peer takes nothing, with ten bytes queued.
    fn stalled(&self) -> (Descriptor, Peer) {
        let (descriptor, peer) = self.connect();
        peer.stall(true);
        assert_eq!(self.process.send(descriptor, &[7; 10]), Ok(10));
        (descriptor, peer)
    }

    /// Does this on a thread that blocks there.
    fn block<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Process<System>) -> T + Send + 'static,
    ) -> (u64, Task<T>) {
        let before = self.process.blocked_threads();
        let process = self.process.clone();
        let (tell, name) = channel();
        let task = Task::start(move || {
            tell.send(Process::<System>::current_thread()).unwrap();
            call(&process)
        });
        until("it blocks", || self.process.blocked_threads() > before);
        (name.recv().unwrap(), task)
    }

    fn recv_overlapped(&self, descriptor: Descriptor, queue: &CompletionQueue) -> OperationId {
        let notify = Notify::queue(queue, 1);
        self.process
            .recv_overlapped(descriptor, vec![0; 4], notify)
            .unwrap()
    }

    /// Ends both processes; what was observed is allowed.
    #[track_caller]
    fn end(self) -> Vec<Record> {
        self.process.die();
        self.other.die();
        until("all drains have ended", || {
            self.provider.tick();
            self.provider.usage().sockets == 0
        });
        drop((self.process, self.other, self.provider, self.listener));
        let records = self.recorder.finish().unwrap();
        let judged = replay(&records);
        assert!(judged.accepted, "{:?}", judged.first_problem);
        records
    }
}

/// What was delivered of this operation: whether it was posted, and its error.
fn delivered(records: &[Record], of: OperationId) -> Vec<(bool, Option<Error>)> {
    let told = records.iter().filter_map(|it| match it.observation.step {
        Step::Delivered {
            operation,
            posted,
            error,
        } if operation == of => Some((posted, error)),
        _ => None,
    });
    told.collect()
}

/// A probe that notes how many packets wait when one is said to be posted.
#[derive(Clone, Default)]
struct Packets {
    queue: CompletionQueue,
    waiting: Arc<Mutex<Vec<usize>>>,
}

impl Probe for Packets {
    fn observe(&self, observation: Observation) {
        if let Step::Delivered { posted: true, .. } = observation.step {
            self.waiting.lock().unwrap().push(self.queue.len());
        }
    }
}

#[test]
fn an_operation_is_told_of_when_its_packet_is_there() {
    let (memory, packets) = (Memory::default(), Packets::default());
    let peers = memory.listen(HOME).unwrap();
    let clock = SystemClock::default();
    let provider: Provider<(Memory, Std, SystemClock, Packets)> =
        Provider::new(Config::default(), memory, clock, packets.clone(), NoUpcalls);
    let process = provider.startup().unwrap();
    let descriptor = process.socket().unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    let waits = process.connect(descriptor, &HOME);
    assert_eq!(waits, Err(Error::WouldBlock));
    let peer = peers.accept().unwrap();
    for key in 0..3 {
        let notify = Notify::queue(&packets.queue, key);
        let received = process.recv_overlapped(descriptor, vec![0; 4], notify);
        received.unwrap();
    }
    peer.write(b"done").unwrap();
    assert_eq!(*packets.waiting.lock().unwrap(), [1], "it has completed");
    process.close(descriptor).unwrap();
    let waiting = packets.waiting.lock().unwrap();
    assert_eq!(*waiting, [1, 3, 3], "the others were aborted together");
}

#[test]
fn an_operation_is_posted_to_whoever_is_told_and_to_nobody_else() {
    let world = Recorded::new(Config::default());
    let queue = CompletionQueue::new();
    let (descriptor, _peer) = world.connect();
    let aborted = world.recv_overlapped(descriptor, &queue);
    let (_, blocked) = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    world.process.close(descriptor).unwrap();
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    let (descriptor, _other_peer) = world.connect();
    let silenced = world.recv_overlapped(descriptor, &queue);
    let (_, woken) = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    world.process.cleanup().unwrap();
    assert_eq!(woken.result(), Err(Error::Interrupted));
    assert_eq!(queue.len(), 1);
    let records = world.end();
    let gone = Some(Error::OperationAborted);
    assert_eq!(delivered(&records, aborted), [(true, gone)]);
    assert_eq!(delivered(&records, silenced), [(false, None)]);
    for operation in [aborted, silenced] {
        let number = operation.number + 1;
        let blocked = OperationId {
            number,
            ..operation
        };
        let woken = Some(Error::Interrupted);
        assert_eq!(delivered(&records, blocked), [(false, woken)]);
    }
}

#[test]
fn lingering_closes_that_end_in_every_way() {
    let world = Recorded::new(Config::default());
    let (descriptor, peer) = world.stalled();
    world.process.set_linger(descriptor, Some(600)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Err(Error::WouldBlock));
    world.process.set_nonblocking(descriptor, false).unwrap();
    let (_, drained) = world.block(move |process| process.close(descriptor));
    peer.stall(false);
    assert_eq!(drained.result(), Ok(()));

    let (descriptor, peer) = world.stalled();
    world.process.set_linger(descriptor, Some(600)).unwrap();
    let (thread, cancelled) = world.block(move |process| process.close(descriptor));
    assert!(world.process.cancel_blocking_call(thread));
    assert_eq!(cancelled.result(), Err(Error::Interrupted));
    peer.stall(false);

    let (descriptor, peer) = world.stalled();
    world.process.set_linger(descriptor, Some(1)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    drop(peer);

    let (descriptor, peer) = world.stalled();
    world.process.set_linger(descriptor, Some(600)).unwrap();
    let (_, stopped) = world.block(move |process| process.close(descriptor));
    world.process.cleanup().unwrap();
    assert_eq!(stopped.result(), Err(Error::Interrupted));
    peer.stall(false);
    world.end();
}

#[test]
fn a_listener_with_a_backlog_and_records_that_nobody_redeems() {
    let world = Recorded::new(Config {
        unread_input: UnreadInput::Reset,
        drain_limit: Some(Duration::from_millis(5)),
        ..Config::default()
    });
    let process = &world.process;
    let listening = process.socket().unwrap();
    process.bind(listening, &AWAY).unwrap();
    process.listen(listening, 4).unwrap();
    let network = &world.provider.transport().memory;
    let peers = [(); 3].map(|()| network.dial(AWAY).unwrap());
    let readable = [(listening, Interest::READABLE)];
    assert!(process.select(&readable, None).unwrap()[0].1.readable);
    let accepted = process.accept(listening).unwrap();
    peers[0].write(b"unread").unwrap();
    process.select(&readable, None).unwrap();
    // The first of these records is reclaimed as the last reference.
    process.duplicate(accepted, world.other.id()).unwrap();
    process.close(accepted).unwrap();
    let (draining, stalled) = world.stalled();
    process.duplicate(draining, world.other.id()).unwrap();
    let theirs = process.duplicate(draining, world.other.id()).unwrap();
    let theirs = world.other.redeem(theirs).unwrap();
    process.close(draining).unwrap();
    world.other.close(theirs).unwrap();
    world.other.die();
    assert_eq!(process.close(listening), Ok(()));
    let records = world.end();
    drop(stalled);
    let changes = |of: Input| {
        let told = records
            .iter()
            .filter(|it| matches!(it.observation.step, Step::Changed { input, .. } if input == of));
        told.count()
    };
    assert_eq!(changes(Input::BacklogJoined), 2);
    assert_eq!(changes(Input::BacklogTaken), 1);
}

#[test]
fn operations_that_outlive_their_descriptors_and_handles_that_nobody_takes() {
    let world = Recorded::new(Config {
        abort_scope: AbortScope::LastReference,
        handle_kind: HandleKind::NonIfs,
        ..Config::default()
    });
    let (process, other) = (&world.process, &world.other);
    let queue = CompletionQueue::new();
    let mut ends = Vec::new();
    for close_the_last in [true, false] {
        let (descriptor, peer) = world.connect();
        let record = process.duplicate(descriptor, other.id()).unwrap();
        let theirs = other.redeem(record).unwrap();
        let done = world.recv_overlapped(descriptor, &queue);
        let left = world.recv_overlapped(descriptor, &queue);
        let (_, blocked) = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
        process.close(descriptor).unwrap();
        peer.write(b"late").unwrap();
        if close_the_last {
            other.close(theirs).unwrap();
        } else {
            process.cleanup().unwrap();
        }
        assert_eq!(blocked.result(), Err(Error::Interrupted));
        ends.push((done, left, peer));
    }
    assert_eq!(queue.len(), 3, "the cleanup silenced one");
    let records = world.end();
    for (place, (done, left, _)) in ends.into_iter().enumerate() {
        assert_eq!(delivered(&records, done), [(true, None)]);
        let aborted = (true, Some(Error::OperationAborted));
        let expected = [aborted, (false, None)][place];
        assert_eq!(delivered(&records, left), [expected]);
    }
}

/// A thread that once worked on a socket may go on to something else while
/// another thread is in a critical section there.
#[test]
fn a_close_that_is_refused_while_another_thread_is_in_the_middle_of_its_own() {
    let world = Recorded::new(Config::default());
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    let lot = vec![7; 1 << 20];
    let nobody = Notify::nobody();
    world
        .process
        .send_overlapped(descriptor, lot, nobody)
        .unwrap();
    world.process.set_linger(descriptor, Some(0)).unwrap();
    let (commits, committed) = channel();
    let (tell, refused) = channel();
    let process = world.process.clone();
    let other = Task::start(move || {
        // The engine moves on what it can, on this thread.
        peer.stall(false);
        tell.send(None).unwrap();
        committed.recv().unwrap();
        tell.send(Some(process.close(descriptor))).unwrap();
    });
    assert_eq!(refused.recv(), Ok(None));
    *world.faults.on_reset.lock().unwrap() = Some(Box::new(move || {
        commits.send(()).unwrap();
        let result = refused.recv_timeout(crate::PATIENCE);
        assert_eq!(result, Ok(Some(Err(Error::NotSocket))));
    }));
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    assert_eq!(closing.result(), Ok(()));
    other.result();
    world.end();
}

/// Counts.
#[derive(Default)]
struct Counts(std::sync::atomic::AtomicUsize);

impl Probe for Counts {
    fn observe(&self, _: Observation) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn both_of_a_pair_of_probes_are_told_also_if_one_wants_nothing() {
    use closesocket::engine::NoUpcalls;
    use closesocket::engine::observe::NoProbe;
    use std::sync::atomic::Ordering;
    type Pair<A, B> = (Memory, Std, SystemClock, (A, B));
    fn tell<A: Probe, B: Probe>(pair: (A, B)) -> Provider<Pair<A, B>> {
        let (config, clock) = (Config::default(), SystemClock::default());
        let provider =
            Provider::<Pair<A, B>>::new(config, Memory::default(), clock, pair, NoUpcalls);
        provider.startup().unwrap().socket().unwrap();
        provider
    }
    let told = |counts: &Counts| counts.0.load(Ordering::Relaxed);
    let both = tell((Counts::default(), Counts::default()));
    let (first, second) = both.probe();
    assert!(told(first) > 3);
    assert_eq!(told(first), told(second));
    assert_eq!(
        told(&tell((Counts::default(), NoProbe)).probe().0),
        told(first)
    );
    assert_eq!(
        told(&tell((NoProbe, Counts::default())).probe().1),
        told(first)
    );
}
