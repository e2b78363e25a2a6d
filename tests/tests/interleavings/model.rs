//! Runs a scenario in every interleaving, and counts what it has reached.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::primitives::{Defect, start_execution};

/// What an exploration has to reach.
pub(crate) struct Explored {
    /// At least as many executions; near the count that was seen.
    pub(crate) executions: usize,
    /// Every one of these outcomes, as [`reached`] names them.
    pub(crate) outcomes: &'static [&'static str],
}

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

/// Notes that an execution of so many events was replayed and judged.
pub(crate) fn judged(events: u64) {
    JUDGED.set(JUDGED.get() + 1);
    EVENTS.set(EVENTS.get() + events);
}

/// Explores the scenario with at most `preemptions` preemptions, or without a
/// bound. It must hold in every execution and reach what it has to.
pub(crate) fn run_model(
    name: &str,
    preemptions: Option<usize>,
    expected: &Explored,
    scenario: fn(),
) {
    assert!(
        expected.executions > 1,
        "{name}: one execution is no exploration"
    );
    let start = Instant::now();
    explore(Defect::None, preemptions, scenario);
    let executions = STARTED.get();
    let outcomes = OUTCOMES.with_borrow(Clone::clone);
    let seconds = start.elapsed().as_secs_f64();
    let events = EVENTS.get();
    println!(
        "loom: {name}: {executions} executions, {events} events replayed, {seconds:.2} s, outcomes {outcomes:?}"
    );
    assert_eq!(JUDGED.get(), executions, "an execution was not judged");
    assert!(
        executions >= expected.executions,
        "only {executions} executions of at least {}",
        expected.executions
    );
    for outcome in expected.outcomes {
        assert!(outcomes.contains_key(outcome), "never reached: {outcome}");
    }
}

/// Explores a scenario with a planted defect; an execution must fail and say
/// this. Otherwise the test would not notice the defect.
pub(crate) fn must_fail(
    name: &str,
    defect: Defect,
    preemptions: Option<usize>,
    saying: &str,
    scenario: fn(),
) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| explore(defect, preemptions, scenario)));
    let executions = STARTED.get();
    let seconds = start.elapsed().as_secs_f64();
    let Err(panic) = outcome else {
        panic!("{name}: the planted defect lived through {executions} executions");
    };
    let message = message(panic.as_ref());
    let line = message.lines().next().unwrap_or_default();
    println!("loom: {name}: killed in execution {executions}, {seconds:.2} s: {line}");
    assert!(message.contains(saying), "{name}: another failure: {line}");
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
