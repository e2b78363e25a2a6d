//! What a probe is told: the shipped protocol, replayed along it, allows all of
//! it ([`replay`]). Each history has something that random ones seldom have.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Interest, Notify, OperationId};
use closesocket::engine::net::Peer;
use closesocket::engine::observe::{NoProbe, Observation, Probe, Step};
use closesocket::engine::{Config, Descriptor, Error, Process, Provider};
use closesocket::protocol::{AbortScope, HandleKind, Input, UnreadInput};
use closesocket_trace::{Record, Recorder, replay};

use crate::faulty::{AWAY, System, World};
use crate::{Task, until};

/// A provider that is recorded. Its DLL takes no handle back.
struct Recorded {
    world: World<Recorder>,
    other: Process<System<Recorder>>,
}

impl Deref for Recorded {
    type Target = World<Recorder>;

    fn deref(&self) -> &World<Recorder> {
        &self.world
    }
}

impl Recorded {
    fn new(config: Config) -> Self {
        let world = World::observed(config, Recorder::in_memory());
        world.dll.fail(true);
        Self {
            other: world.provider.startup().unwrap(),
            world,
        }
    }

    /// A connection whose peer takes nothing, with ten bytes queued.
    fn stalled(&self) -> (Descriptor, Peer) {
        let (descriptor, peer) = self.connect_blocking();
        peer.stall(true);
        assert_eq!(self.process.send(descriptor, &[7; 10]), Ok(10));
        (descriptor, peer)
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
        let recorder = self.provider.probe().clone();
        drop(self);
        let records = recorder.finish().unwrap();
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
    let packets = Packets::default();
    let world = World::observed(Config::default(), packets.clone());
    let (descriptor, peer) = world.connect();
    for key in 0..3 {
        let notify = Notify::queue(&packets.queue, key);
        world.start_recv(descriptor, 4, notify);
    }
    peer.write(b"done").unwrap();
    assert_eq!(*packets.waiting.lock().unwrap(), [1], "it has completed");
    world.process.close(descriptor).unwrap();
    let waiting = packets.waiting.lock().unwrap();
    assert_eq!(*waiting, [1, 3, 3], "the others were aborted together");
}

#[test]
fn an_operation_is_posted_to_whoever_is_told_and_to_nobody_else() {
    let world = Recorded::new(Config::default());
    let queue = CompletionQueue::new();
    let (descriptor, _peer) = world.connect_blocking();
    let aborted = world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
    let (_, blocked) = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    world.process.close(descriptor).unwrap();
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    let (descriptor, _other_peer) = world.connect_blocking();
    let silenced = world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
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
    let listening = world.listen(4);
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
    let theirs = world.share(draining, &world.other);
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
        let (descriptor, peer) = world.connect_blocking();
        let theirs = world.share(descriptor, other);
        let done = world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
        let left = world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
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
    let (descriptor, peer) = world.connect_blocking();
    peer.stall(true);
    world.start_send(descriptor, vec![7; 1 << 20], Notify::nobody());
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
struct Counts(AtomicUsize);

impl Probe for Counts {
    fn observe(&self, _: Observation) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn both_of_a_pair_of_probes_are_told_also_if_one_wants_nothing() {
    fn tell<A: Probe, B: Probe>(pair: (A, B)) -> Provider<System<(A, B)>> {
        let world = World::observed(Config::default(), pair);
        world.process.socket().unwrap();
        world.provider
    }
    let told = |counts: &Counts| counts.0.load(Ordering::Relaxed);
    let both = tell((Counts::default(), Counts::default()));
    let (first, second) = both.probe();
    assert!(told(first) > 3);
    assert_eq!(told(first), told(second));
    let one = tell((Counts::default(), NoProbe));
    assert_eq!(told(&one.probe().0), told(first));
    let other = tell((NoProbe, Counts::default()));
    assert_eq!(told(&other.probe().1), told(first));
}
