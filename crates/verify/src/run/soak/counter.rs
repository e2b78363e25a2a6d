//! Gives out the numbers of connections, and knows how many are open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What all workers of a round share.
pub(super) struct Counter {
    pub(super) seed: u64,
    next: AtomicU64,
    /// The first number of the next round.
    end: u64,
    deadline: Instant,
    open: AtomicU64,
    most_open: AtomicU64,
    closed: AtomicU64,
}

/// What one worker has told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    open: u64,
    closed: u64,
}

impl Counter {
    /// Gives out `numbers`, until the deadline.
    pub(super) const fn new(seed: u64, numbers: std::ops::Range<u64>, deadline: Instant) -> Self {
        Self {
            seed,
            next: AtomicU64::new(numbers.start),
            end: numbers.end,
            deadline,
            open: AtomicU64::new(0),
            most_open: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        }
    }

    /// The number of the next connection; none when the round is over.
    pub(super) fn next(&self) -> Option<u64> {
        let in_time = Instant::now() < self.deadline;
        let after = |number| (in_time && number < self.end).then_some(number + 1);
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, after)
            .ok()
    }

    /// Whether no number is left.
    pub(super) fn is_done(&self) -> bool {
        Instant::now() >= self.deadline || self.reached() >= self.end
    }

    /// The number that comes next.
    pub(super) fn reached(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Notes how many connections a worker has open and has closed by now.
    pub(super) fn note(&self, counted: &mut Counted, open: usize, closed: u64) {
        let open = open as u64;
        // Wraps around to a subtraction.
        let more = open.wrapping_sub(counted.open);
        let now = self.open.fetch_add(more, Ordering::Relaxed);
        self.most_open
            .fetch_max(now.wrapping_add(more), Ordering::Relaxed);
        self.closed
            .fetch_add(closed - counted.closed, Ordering::Relaxed);
        *counted = Counted { open, closed };
    }

    pub(super) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// The most that were open at once.
    pub(super) fn most_open(&self) -> u64 {
        self.most_open.load(Ordering::Relaxed)
    }

    pub(super) fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }
}
