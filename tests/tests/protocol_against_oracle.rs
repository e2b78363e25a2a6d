//! The shipped protocol answers every random history of calls as the naive
//! oracle says, and leaves nothing behind.

use std::cell::RefCell;
use std::collections::BTreeMap;

use closesocket_tests::script::{histories, setups};
use closesocket_tests::trial::against_oracle;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const HISTORIES: u32 = 30_000;

/// Shapes that a generator worth its time reaches often.
const SHAPES: [&str; 36] = [
    "backlog reset",
    "close refused within a blocking call",
    "closed value",
    "connection lost while draining",
    "connection lost while open",
    "drained",
    "entered call finds its reference gone",
    "entered call goes on",
    "expiry in the background",
    "expiry of a waiting close",
    "foreign value",
    "handle held back",
    "hard close with queued data",
    "last cleanup",
    "last reference reclaimed",
    "lingering close cancelled",
    "operation cancelled",
    "partly accepted send cancelled",
    "lingering wait",
    "never issued value",
    "operations aborted by the last reference",
    "partly accepted send",
    "pending accept served",
    "pending connect served",
    "posted abort",
    "record reclaimed",
    "record redeemed",
    "record refused",
    "reset because of unread input",
    "silent abort by cleanup",
    "silent abort by death",
    "slot retired by a failed upcall",
    "slot retired by its last generation",
    "stale value of a reused slot",
    "table full",
    "would block",
];

#[test]
fn every_history_of_calls_is_answered_as_the_oracle_says() {
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let shapes = RefCell::new(BTreeMap::<&str, u64>::new());
    let result = TestRunner::new(config).run(&(setups(), histories()), |(setup, intents)| {
        let trial = against_oracle(setup, &intents).map_err(TestCaseError::fail)?;
        for (shape, count) in trial.shapes() {
            *shapes.borrow_mut().entry(shape).or_default() += count;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let shapes = shapes.into_inner();
    println!("{shapes:#?}");
    for shape in SHAPES {
        let count = shapes.get(shape).copied().unwrap_or(0);
        assert!(count >= 100, "{shape}: reached only {count} times");
    }
}
