//! The standard word, from the source that ships, over atomics that note what is
//! asked of them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};

use closesocket::engine::sync::{Monitor, Word};

/// An atomic that does nothing but note the orderings.
#[derive(Debug, Default)]
pub(crate) struct AtomicU64(Mutex<Vec<Ordering>>);

impl AtomicU64 {
    fn new(_: u64) -> Self {
        Self::default()
    }

    fn note(&self, ordering: Ordering) -> u64 {
        self.0.lock().unwrap().push(ordering);
        0
    }

    fn load(&self, ordering: Ordering) -> u64 {
        self.note(ordering)
    }

    fn store(&self, _: u64, ordering: Ordering) {
        self.note(ordering);
    }

    fn fetch_add(&self, _: u64, ordering: Ordering) -> u64 {
        self.note(ordering)
    }

    fn fetch_sub(&self, _: u64, ordering: Ordering) -> u64 {
        self.note(ordering)
    }

    fn compare_exchange(
        &self,
        _: u64,
        _: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.note(success);
        Ok(self.note(failure))
    }

    fn noted(&self) -> Vec<Ordering> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[path = "../../../crates/closesocket/src/engine/standard/parts.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::duplicate_mod,
    reason = "its monitor is asked elsewhere"
)]
mod source;

/// Loom's words make additions of loads and swaps of stores, so no interleaving
/// shows these two.
#[test]
fn a_word_has_the_orderings_that_are_asked_for() {
    use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    let word = source::StdWord::new(0);
    for ordering in [Relaxed, Acquire, SeqCst] {
        word.load(ordering);
        assert_eq!(word.0.noted(), [ordering]);
    }
    for ordering in [Relaxed, Release, SeqCst] {
        word.store(1, ordering);
        assert_eq!(word.0.noted(), [ordering]);
    }
    for ordering in [Relaxed, Acquire, Release, AcqRel, SeqCst] {
        word.fetch_add(1, ordering);
        word.fetch_sub(1, ordering);
        assert_eq!(word.0.noted(), [ordering; 2]);
    }
    assert!(word.compare_exchange(0, 1).is_ok());
    assert_eq!(word.0.noted(), [AcqRel, Acquire]);
}
