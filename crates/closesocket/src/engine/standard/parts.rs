//! The standard word and monitor, of the atomics, the mutex and the condition
//! variable that the module above names.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{AtomicU32, AtomicU64, Condvar, Monitor, Mutex, MutexGuard, Word};

/// The standard library's atomic word.
#[derive(Debug)]
pub struct StdWord(pub(super) AtomicU64);

impl Word for StdWord {
    #[inline]
    fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    #[inline]
    fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(ordering)
    }

    #[inline]
    fn store(&self, value: u64, ordering: Ordering) {
        self.0.store(value, ordering);
    }

    #[inline]
    fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64 {
        self.0.fetch_add(amount, ordering)
    }

    #[inline]
    fn fetch_sub(&self, amount: u64, ordering: Ordering) -> u64 {
        self.0.fetch_sub(amount, ordering)
    }

    #[inline]
    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        self.0
            .compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// A mutex with a condition variable. A panic inside a critical section does
/// not poison it: sections change nothing before they can fail.
#[derive(Debug)]
pub struct StdMonitor<T> {
    value: Mutex<T>,
    changed: Condvar,
    /// How many threads wait; changed only under the lock. Waking is a system
    /// call even if nobody does.
    waiting: AtomicU32,
}

impl<T: Send> Monitor<T> for StdMonitor<T> {
    fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Condvar::new(),
            waiting: AtomicU32::new(0),
        }
    }

    fn lock<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait<R>(
        &self,
        limit: Option<Duration>,
        mut section: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut guard = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = section(&mut guard) {
                return Some(result);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            guard = self.wait_once(guard, left);
        }
    }

    #[inline]
    fn notify(&self) {
        // The caller has held the lock since it changed something. A thread
        // that looked before that had counted itself before it let go of the
        // lock, so it is seen here; one that looks later sees the change. The
        // lock orders all that.
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.changed.notify_all();
        }
    }
}

impl<T> StdMonitor<T> {
    /// Waits for one wake-up, or a spurious one, or until the time has passed.
    fn wait_once<'a>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let guard = match limit {
            None => self
                .changed
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.changed
                    .wait_timeout(guard, limit)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        guard
    }
}
