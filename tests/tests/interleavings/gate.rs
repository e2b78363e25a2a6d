//! That an exploration which explores next to nothing fails.

use super::model::{judged, reached, run_model};

fn nothing_to_interleave() {
    reached("done");
    judged(1);
}

#[test]
#[should_panic(expected = "only 1 executions of at least 2")]
fn one_execution_is_not_enough() {
    run_model(None, 2, &["done"], nothing_to_interleave);
}

#[test]
#[should_panic(expected = "one execution is no exploration")]
fn to_ask_for_one_execution_is_not_enough() {
    run_model(None, 1, &["done"], nothing_to_interleave);
}

/// Two threads that may come in either order.
fn two_orders(judge: fn()) {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU64, Ordering};
    let value = Arc::new(AtomicU64::new(0));
    let other = Arc::clone(&value);
    let thread = loom::thread::spawn(move || other.fetch_add(1, Ordering::AcqRel));
    value.fetch_add(2, Ordering::AcqRel);
    assert!(thread.join().is_ok());
    judge();
}

#[test]
#[should_panic(expected = "never reached: an outcome")]
fn an_outcome_that_is_never_reached_is_noticed() {
    run_model(None, 2, &["an outcome"], || {
        two_orders(|| judged(1));
    });
}

#[test]
#[should_panic(expected = "an execution was not judged")]
fn an_execution_that_nobody_judges_is_noticed() {
    run_model(None, 2, &[], || two_orders(|| {}));
}
