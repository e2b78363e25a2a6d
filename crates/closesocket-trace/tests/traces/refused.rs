//! Traces of an engine that decides otherwise: what it would record is refused.

use closesocket::engine::completions::Notify;
use closesocket::engine::net::{Memory, MemoryAddress};
use closesocket::engine::observe::Step;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, Error, NoUpcalls, ProcessId, Provider};
use closesocket::protocol::AbortScope;
use closesocket_trace::{Record, Recorder, replay};

type System = (Memory, Std, SystemClock, Recorder);

const HOME: MemoryAddress = MemoryAddress(1);

/// What a provider records while something is done with it.
fn recorded(act: impl FnOnce(&Provider<System>)) -> Vec<Record> {
    let recorder = Recorder::in_memory();
    let config = Config {
        abort_scope: AbortScope::LastReference,
        ..Config::default()
    };
    let clock = SystemClock::default();
    let memory = Memory::default();
    let provider: Provider<System> =
        Provider::new(config, memory, clock, recorder.clone(), NoUpcalls);
    act(&provider);
    drop(provider);
    recorder.finish().unwrap()
}

#[track_caller]
fn assert_accepted(records: &[Record]) {
    let verdict = replay(records);
    assert!(verdict.accepted, "{:?}", verdict.first_problem);
}

#[track_caller]
fn assert_refused(records: &[Record], saying: &str) {
    let verdict = replay(records);
    assert!(!verdict.accepted);
    let reason = verdict.first_problem.unwrap().reason;
    assert!(reason.contains(saying), "{reason}");
}

/// A cleanup takes out a receive that has outlived its descriptor.
fn outlived(provider: &Provider<System>) {
    let peers = provider.transport().listen(HOME).unwrap();
    let (process, other) = (provider.startup().unwrap(), provider.startup().unwrap());
    let descriptor = process.socket().unwrap();
    let connected = Notify::nobody();
    process
        .connect_overlapped(descriptor, &HOME, connected)
        .unwrap();
    let _peer = peers.accept().unwrap();
    let record = process.duplicate(descriptor, other.id()).unwrap();
    other.redeem(record).unwrap();
    process
        .recv_overlapped(descriptor, vec![0; 4], Notify::nobody())
        .unwrap();
    process.close(descriptor).unwrap();
    process.cleanup().unwrap();
}

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
#[test]
fn an_operation_of_the_next_life_that_a_cleanup_ends_is_refused() {
    let mut records = recorded(outlived);
    assert_accepted(&records);
    for record in &mut records {
        let first = record.observation.process == Some(ProcessId(0));
        match &mut record.observation.step {
            Step::Opened { life } | Step::Committed { life, .. } if first => *life += 1,
            _ => {}
        }
    }
    assert_refused(&records, "it ends silently for the life of another");
}

/// An accept takes a connection from a listener with hard linger.
fn accepted(provider: &Provider<System>) {
    let process = provider.startup().unwrap();
    let listener = process.socket().unwrap();
    process.bind(listener, &HOME).unwrap();
    process.listen(listener, 2).unwrap();
    process.set_linger(listener, Some(0)).unwrap();
    let _peer = provider.transport().dial(HOME).unwrap();
    let accepted = process.accept(listener).unwrap();
    process.set_linger(listener, None).unwrap();
    process.close(listener).unwrap();
    assert_eq!(process.linger(accepted), Ok(Some(0)));
    process.close(accepted).unwrap();
}

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section in
//# which the connection was taken from it.
#[test]
fn an_accepted_socket_with_other_options_than_its_listener_had_is_refused() {
    let mut records = recorded(accepted);
    assert_accepted(&records);
    let mut machines = records
        .iter_mut()
        .filter_map(|it| match &mut it.observation.step {
            Step::Created { machine } => Some(machine),
            _ => None,
        });
    let taken = machines.nth(1).unwrap();
    taken.linger = taken.linger.set_dont_linger(true);
    assert_refused(&records, "none that an accept took");
}

/// A lingering close aborts a blocked receive and waits until its peer has read
/// what was sent.
fn lingering(provider: &Provider<System>) {
    let peers = provider.transport().listen(HOME).unwrap();
    let process = provider.startup().unwrap();
    let descriptor = process.socket().unwrap();
    process
        .connect_overlapped(descriptor, &HOME, Notify::nobody())
        .unwrap();
    let peer = peers.accept().unwrap();
    peer.stall(true);
    process.send(descriptor, b"late").unwrap();
    process.set_linger(descriptor, Some(60)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cut = process.recv(descriptor, &mut [0; 4]);
            assert_eq!(cut, Err(Error::Interrupted));
        });
        scope.spawn(|| {
            while provider.metrics().draining == 0 {
                std::thread::yield_now();
            }
            peer.stall(false);
            let _ = peer.read_all();
        });
        while provider.metrics().pending == 0 {
            std::thread::yield_now();
        }
        process.close(descriptor).unwrap();
    });
}

/// Has the closing thread, after its commit, do the first of its steps of the one
/// kind where it did the first of the other, and what lies between accordingly.
fn put(records: &mut [Record], one: fn(&Step) -> bool, at: fn(&Step) -> bool) {
    let committed = |it: &Record| matches!(it.observation.step, Step::Committed { .. });
    let commit = records.iter().position(committed).unwrap();
    let closer = records[commit].thread;
    let later = records[commit..].iter_mut();
    let mut steps: Vec<_> = later.filter(|it| it.thread == closer).collect();
    let place = |which: fn(&Step) -> bool| {
        let found = steps.iter().position(|it| which(&it.observation.step));
        found.unwrap()
    };
    let (from, to) = (place(one), place(at));
    let mut observations: Vec<_> = steps.iter().map(|it| it.observation).collect();
    let moved = observations.remove(from);
    observations.insert(to, moved);
    for (step, observation) in steps.iter_mut().zip(observations) {
        step.observation = observation;
    }
}

//= docs/specification.md#l4-operations-end-first
//= type=test
//# - A lingering close MUST abort the pending operations before it starts to wait.
#[test]
fn a_close_that_waits_before_it_has_told_what_it_aborted_is_refused() {
    let mut records = recorded(lingering);
    assert_accepted(&records);
    let waited = |it: &Step| matches!(it, Step::LingerEnded { .. });
    let told = |it: &Step| matches!(it, Step::Delivered { .. });
    put(&mut records, told, waited);
    assert_refused(&records, "has not delivered what it has taken out");
}

//= docs/specification.md#h2-after-the-operations
//= type=test
//# - The closing thread MUST give up its hold only after it has delivered the operations
//# that it aborted.
#[test]
fn a_closer_that_leaves_before_it_has_waited_is_refused() {
    let mut records = recorded(lingering);
    let left = |it: &Step| matches!(it, Step::Left { .. });
    let waited = |it: &Step| matches!(it, Step::LingerEnded { .. });
    put(&mut records, left, waited);
    assert_refused(&records, "has not waited for the drain");
}
