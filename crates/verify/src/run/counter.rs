//! Gives out the numbers of connections.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What all workers of a round take numbers from.
pub(super) struct Counter {
    next: AtomicU64,
    /// The first number of the next round.
    end: u64,
    deadline: Option<Instant>,
}

impl Counter {
    /// Gives out `numbers`, until the deadline.
    pub(super) const fn new(numbers: Range<u64>, deadline: Option<Instant>) -> Self {
        Self {
            next: AtomicU64::new(numbers.start),
            end: numbers.end,
            deadline,
        }
    }

    /// The number of the next connection; none when the round is over.
    pub(super) fn next(&self) -> Option<u64> {
        let late = self.is_late();
        let after = |number| (!late && number < self.end).then(|| number + 1);
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, after)
            .ok()
    }

    /// Whether no number is left.
    pub(super) fn is_done(&self) -> bool {
        self.is_late() || self.reached() >= self.end
    }

    /// The number that comes next.
    pub(super) fn reached(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Gives out no more numbers, in this round or a later one.
    pub(super) fn stop(&self) {
        self.next.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|it| Instant::now() >= it)
    }
}
