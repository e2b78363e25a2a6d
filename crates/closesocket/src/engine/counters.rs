//! Counters of what a provider has done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::primitives::{Primitives, Word};

/// Counters of what has happened.
pub(super) struct Counters<P: Primitives> {
    pub(super) aborted: P::Word,
    pub(super) resets: P::Word,
    pub(super) drain_timeouts: P::Word,
    pub(super) callback_panics: P::Word,
}

impl<P: Primitives> Counters<P> {
    pub(super) fn new() -> Self {
        Self {
            aborted: P::Word::new(0),
            resets: P::Word::new(0),
            drain_timeouts: P::Word::new(0),
            callback_panics: P::Word::new(0),
        }
    }

    pub(super) fn add_aborted(&self, operations: u64) {
        add(&self.aborted, operations);
    }

    /// Runs foreign code in the middle of our work. `None` if it panicked: the
    /// panic must not go on from here, since there is more to deliver; the
    /// panic hook has reported it.
    pub(super) fn guard<R>(&self, callback: impl FnOnce() -> R) -> Option<R> {
        let result = catch_unwind(AssertUnwindSafe(callback)).ok();
        add(&self.callback_panics, u64::from(result.is_none()));
        result
    }

    pub(super) fn add_resets(&self, resets: u64, of_these_timeouts: u64) {
        add(&self.resets, resets);
        add(&self.drain_timeouts, of_these_timeouts);
    }
}

fn add(counter: &impl Word, amount: u64) {
    if amount > 0 {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}
