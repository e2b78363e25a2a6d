//! Traces of an engine that decides otherwise: what it would record is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use closesocket::engine::{
    Config, Memory, MemoryAddress, NoUpcalls, Notify, ProcessId, Provider, Std, Step, SystemClock,
};
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
fn forsaken(provider: &Provider<System>) {
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
    let mut records = recorded(forsaken);
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
