//! The real engine, under one thread of calls, answers every random history as
//! the naive oracle says, and leaves nothing behind. How the two are brought
//! together, and what is mapped, is said in
//! [`engine_runner`](closesocket_tests::engine_runner).

use std::cell::RefCell;

use closesocket_tests::call::{Origin, Scope, Unread, Wait};
use closesocket_tests::engine_runner::Workers;
use closesocket_tests::script::{Action, Intent, Who, histories, setups};
use closesocket_tests::trial::{Settings, Shapes, against_oracle};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const HISTORIES: u32 = 20_000;

fn settings() -> impl Strategy<Value = Settings> {
    let scope = prop_oneof![Just(Scope::Descriptor), Just(Scope::LastReference)];
    let unread = prop_oneof![Just(Unread::Discard), Just(Unread::Reset)];
    (setups(), scope, unread)
}

/// Under the scope of the last reference: the operation outlives its descriptor
/// and is aborted when another process ends. It is told of a close, not of the
/// other's end.
fn ended_by_another_process() -> impl Strategy<Value = Vec<Intent>> {
    let wait = prop_oneof![3 => Just(Wait::Overlapped), 1 => Just(Wait::Blocked)];
    (wait, any::<bool>()).prop_map(|(wait, dies)| {
        vec![
            Intent::Startup(0),
            Intent::Startup(1),
            Intent::Socket(0, Scope::LastReference, Unread::Discard),
            Intent::Do(Who::Newest, Action::Connect(true, wait)),
            Intent::Do(Who::Newest, Action::Duplicate(1)),
            Intent::Redeem(0, None),
            Intent::Do(Who::Newest, Action::Recv(9, wait)),
            Intent::Close(Who::Newest, Origin::Thread),
            if dies {
                Intent::Die(0)
            } else {
                Intent::Cleanup(0)
            },
        ]
    })
}

fn all_histories() -> impl Strategy<Value = Vec<Intent>> {
    let begun = (ended_by_another_process(), histories());
    let begun = begun.prop_map(|(first, then)| first.into_iter().chain(then).collect());
    prop_oneof![15 => histories(), 1 => begun]
}

/// Shapes that a generator worth its time reaches often.
const SHAPES: [&str; 37] = [
    "backlog reset",
    "close from a callback",
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
    "lingering close interrupted by the end of its process",
    "lingering wait",
    "never issued value",
    "operation ended by another process",
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
    "stale value of a reused slot",
    "table full",
    "would block",
];

#[test]
fn every_history_of_calls_is_answered_by_the_engine_as_the_oracle_says() {
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        // A thread that hangs costs every try its patience.
        max_shrink_time: 30_000,
        ..Config::default()
    };
    let shapes = RefCell::new(Shapes::new());
    let workers = Workers::default();
    let result =
        TestRunner::new(config).run(&(settings(), all_histories()), |(settings, intents)| {
            let shapes = &mut shapes.borrow_mut();
            against_oracle(settings, &intents, &workers, shapes).map_err(TestCaseError::fail)
        });
    if let Err(error) = result {
        panic!("{error}");
    }
    let shapes = shapes.into_inner();
    println!("{shapes:#?}");
    for shape in SHAPES {
        let count = shapes.get(shape).copied().unwrap_or(0);
        assert!(count >= 30, "{shape}: reached only {count} times");
    }
}
