//! The standard primitives, from the source that ships, over loom's atomics, mutex
//! and condition variable: what a monitor and a word promise.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use closesocket::engine::sync::{Monitor, Word};
use loom::sync::atomic::{AtomicU32, AtomicU64};
use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
use loom::thread;

use super::model::{judged, reached, run_model};

#[allow(unreachable_pub, reason = "it is public where it ships")]
#[path = "../../../crates/closesocket/src/engine/standard/parts.rs"]
mod source;

pub(crate) use source::{StdMonitor, StdWord};

/// A swap of the word, for a store that loom keeps in order.
pub(crate) fn swap(word: &StdWord, value: u64, ordering: Ordering) -> u64 {
    word.0.swap(value, ordering)
}

/// Waits until the value is at least this. Notes whether it had to sleep.
fn wait_for(monitor: &StdMonitor<u64>, least: u64) {
    let looks = Cell::new(0);
    let seen = monitor.wait(None, |value| {
        looks.set(looks.get() + 1);
        (*value >= least).then_some(*value)
    });
    assert!(seen >= Some(least));
    reached(match looks.get() {
        1 => "it was there",
        2 => "it slept once",
        _ => "it slept twice",
    });
}

fn add_one(monitor: &StdMonitor<u64>) {
    monitor.lock(|value| *value += 1);
    monitor.notify();
}

/// Waiters for these values, while the calling thread adds one so many times. A
/// wake-up that is lost is a deadlock.
fn all_are_woken(waiters: &'static [u64], additions: u64) {
    let monitor = Arc::new(StdMonitor::new(0));
    let waiters: Vec<_> = waiters
        .iter()
        .map(|&least| {
            let monitor = Arc::clone(&monitor);
            thread::spawn(move || wait_for(&monitor, least))
        })
        .collect();
    (0..additions).for_each(|_| add_one(&monitor));
    for waiter in waiters {
        waiter.join().unwrap();
    }
    judged(1);
}

#[test]
fn whoever_looked_before_a_change_is_woken_behind_it() {
    let outcomes = ["it was there", "it slept once"];
    run_model(None, 3, &outcomes, || all_are_woken(&[1], 1));
}

#[test]
fn one_notification_wakes_all() {
    let outcomes = ["it was there", "it slept once"];
    run_model(None, 900, &outcomes, || all_are_woken(&[1, 1], 1));
}

#[test]
fn who_was_woken_too_early_sleeps_again() {
    let outcomes = ["it was there", "it slept once", "it slept twice"];
    run_model(None, 80, &outcomes, || all_are_woken(&[2], 2));
}

#[test]
fn waiters_that_wake_each_other_take_turns() {
    run_model(Some(3), 240, &["it was there", "it slept once"], || {
        let monitor = Arc::new(StdMonitor::new(0));
        let other = Arc::clone(&monitor);
        let thread = thread::spawn(move || {
            for turn in [1, 3] {
                wait_for(&other, turn);
                add_one(&other);
            }
        });
        for turn in [0, 2] {
            wait_for(&monitor, turn);
            add_one(&monitor);
        }
        wait_for(&monitor, 4);
        thread.join().unwrap();
        judged(1);
    });
}
