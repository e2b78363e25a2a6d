//! Runs a scenario in every interleaving, and counts what it has reached.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use closesocket::engine::Error;

use super::primitives::{Defect, start_execution};

/// What a failed execution says if the protocol allows no order of its steps.
pub(crate) const NO_ORDER: &str = "no order is allowed: thread";

thread_local! {
    static STARTED: Cell<usize> = const { Cell::new(0) };
    static JUDGED: Cell<usize> = const { Cell::new(0) };
    static EVENTS: Cell<u64> = const { Cell::new(0) };
    static OUTCOMES: RefCell<BTreeMap<&'static str, usize>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// Notes an outcome of the execution.
pub(crate) fn reached(outcome: &'static str) {
    OUTCOMES.with_borrow_mut(|outcomes| *outcomes.entry(outcome).or_default() += 1);
}

/// Of two that wanted the same thing one has it, which is returned, and the other
/// was told this error.
pub(crate) fn one_wins<T: Debug>(
    mine: Result<T, Error>,
    rivals: Result<T, Error>,
    lost: Error,
) -> T {
    reached(if mine.is_ok() {
        "main won"
    } else {
        "the rival won"
    });
    match (mine, rivals) {
        (Ok(won), Err(error)) | (Err(error), Ok(won)) => {
            assert_eq!(error, lost);
            won
        }
        both => panic!("{both:?}"),
    }
}

/// Notes that an execution of so many events was replayed and judged.
pub(crate) fn judged(events: u64) {
    JUDGED.set(JUDGED.get() + 1);
    EVENTS.set(EVENTS.get() + events);
}

/// Explores the scenario with at most `preemptions` preemptions, or without a
/// bound. It must hold in every execution, and reach every outcome in at least
/// so many executions, a number near the count that was seen.
pub(crate) fn run_model(
    preemptions: Option<usize>,
    at_least: usize,
    outcomes: &[&str],
    scenario: fn(),
) {
    assert!(at_least > 1, "one execution is no exploration");
    let start = Instant::now();
    explore(Defect::None, preemptions, scenario);
    let (executions, events) = (STARTED.get(), EVENTS.get());
    let seen = OUTCOMES.with_borrow(Clone::clone);
    println!(
        "loom: {executions} executions, {events} events replayed, {:.2} s, outcomes {seen:?}",
        start.elapsed().as_secs_f64()
    );
    assert_eq!(JUDGED.get(), executions, "an execution was not judged");
    assert!(
        executions >= at_least,
        "only {executions} executions of at least {at_least}"
    );
    for outcome in outcomes {
        assert!(seen.contains_key(outcome), "never reached: {outcome}");
    }
}

/// Explores a scenario with a planted defect; an execution must fail and say
/// this. Otherwise the test would not notice the defect.
pub(crate) fn must_fail(defect: Defect, preemptions: Option<usize>, saying: &str, scenario: fn()) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| explore(defect, preemptions, scenario)));
    let executions = STARTED.get();
    let Err(panic) = outcome else {
        panic!("the planted defect lived through {executions} executions");
    };
    let message = message(panic.as_ref());
    let line = message.lines().next().unwrap_or_default();
    let seconds = start.elapsed().as_secs_f64();
    println!("loom: killed in execution {executions}, {seconds:.2} s: {line}");
    assert!(message.contains(saying), "another failure: {line}");
}

fn explore(defect: Defect, preemptions: Option<usize>, scenario: fn()) {
    STARTED.set(0);
    JUDGED.set(0);
    EVENTS.set(0);
    OUTCOMES.with_borrow_mut(BTreeMap::clear);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 20_000;
    builder.check(move || {
        start_execution(defect);
        STARTED.set(STARTED.get() + 1);
        scenario();
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
