//! Traces of the engine under real threads are accepted.

use std::collections::HashMap;
use std::thread;

use crate::common::history::{Trace, history, swift_history};
use crate::common::{World, expect_accepted};
use closesocket_trace::{Record, Recorder, read, records_of, replay, replay_execution, to_text};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    //= docs/specification.md#d6a-one-critical-section
    //# - A close MUST perform all these steps in one critical section of its socket.
    //= docs/specification.md#d6a-one-critical-section
    //# - Duplicating a descriptor, redeeming a record, setting an option, accepting bytes and
    //# registering an operation MUST each happen under the lock of that same critical section.
    #[test]
    fn real_histories_are_accepted_and_read_back_as_written(Trace(records) in history()) {
        expect_accepted(&replay(&records));
        let text = to_text(&records);
        let again = read(text.as_bytes()).unwrap();
        prop_assert!(to_text(&again) == text, "written otherwise than read");
        expect_accepted(&replay(&again));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_interleaving_everything_ends_once(Trace(records) in swift_history()) {
        expect_accepted(&replay(&records));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn timestamps_decide_nothing(Trace(mut records) in history(), seed: u64) {
        for (place, record) in (0_u64..).zip(&mut records) {
            record.nanos = (place ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        }
        expect_accepted(&replay(&records));
    }
}

/// Threads that enter and leave one descriptor all the time, while others
/// share and close it.
fn contended(rounds: usize) -> Vec<Record> {
    let recorder = Recorder::in_memory();
    let world = World::plain(&recorder);
    for _ in 0..8 {
        let shared = world.open().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        drop(world.processes[0].begin(shared));
                    }
                    world.close(0, shared);
                    drop(world.processes[0].begin(shared));
                });
            }
        });
    }
    world.end(&recorder)
}

#[test]
fn many_threads_on_one_word_are_put_in_order() {
    let records = contended(2_000);
    assert!(records.len() > 100_000);
    expect_accepted(&replay(&records));
}

#[test]
fn every_kind_of_observation_occurs_in_the_histories() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen: HashMap<String, u64> = HashMap::new();
    for _ in 0..100 {
        let Trace(records) = history().new_tree(&mut runner).unwrap().current();
        for record in records {
            let words = format!("{:?}", record.observation.step);
            let kind = words.split([' ', '(']).next().unwrap().to_owned();
            *seen.entry(kind).or_default() += 1;
        }
    }
    println!("{seen:#?}");
    // A missed compare-and-swap and a blocked wait are rare.
    assert!(seen.len() >= 22, "{seen:?}");
}

#[test]
fn an_execution_is_judged_like_a_trace_and_each_thread_in_its_order() {
    let recorder = Recorder::in_memory();
    let world = World::plain(&recorder);
    let descriptor = world.open().unwrap();
    world.close(0, descriptor);
    let records = world.end(&recorder);
    let observed: Vec<_> = records
        .iter()
        .map(|it| (it.thread, it.observation))
        .collect();
    expect_accepted(&replay_execution(&observed));
    // Written as a trace, it is read back and replayed as one.
    let written = to_text(&records_of(&observed));
    let read = read(written.as_bytes()).unwrap();
    assert_eq!(read.len(), observed.len());
    expect_accepted(&replay(&read));
    let mut swapped = observed.clone();
    let last = swapped.len() - 1;
    swapped.swap(last / 2, last / 2 + 1);
    assert!(!replay_execution(&swapped).accepted);
    assert!(!replay_execution(&observed[..last]).accepted);
}
