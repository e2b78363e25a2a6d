//! The synchronization primitives the engine is built on, as a type parameter.
//!
//! [`Std`] is the default. The interleaving tests give an implementation that
//! explores every schedule, in the same build of the same code.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A family of synchronization primitives.
pub trait Primitives: Sized + Send + Sync + 'static {
    /// An atomic 64-bit word.
    type Word: Word;
    /// A lock that threads can wait at.
    type Monitor<T: Send + 'static>: Monitor<T>;

    /// A number for the calling thread, unique among living threads. It names
    /// the thread to [`cancel_blocking_call`](super::Process::cancel_blocking_call)
    /// and spreads threads over the free lists.
    fn current_thread() -> u64;

    /// Notes that the calling thread begins a call of the transport's
    /// ([`Events`](super::net::Events)), or ends it. They can lie within each other.
    fn note_transport_call(begins: bool);

    /// Whether the calling thread is in one: nothing may wait there then (C4).
    fn in_transport_call() -> bool;
}

/// The calling thread is in a call of the transport's while this lives.
pub(super) struct TransportCall<P: Primitives>(std::marker::PhantomData<P>);

impl<P: Primitives> TransportCall<P> {
    pub(super) fn new() -> Self {
        P::note_transport_call(true);
        Self(std::marker::PhantomData)
    }
}

impl<P: Primitives> Drop for TransportCall<P> {
    fn drop(&mut self) {
        P::note_transport_call(false);
    }
}

/// An atomic 64-bit word. Each method is one atomic instruction.
pub trait Word: Send + Sync {
    /// A word with this value.
    fn new(value: u64) -> Self;
    /// Reads the value.
    fn load(&self, ordering: Ordering) -> u64;
    /// Writes the value.
    fn store(&self, value: u64, ordering: Ordering);
    /// Adds, wrapping, and returns the value before.
    fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64;
    /// Subtracts, wrapping, and returns the value before.
    fn fetch_sub(&self, amount: u64, ordering: Ordering) -> u64;
    /// Puts `new` in place of `current`, with acquire-release ordering.
    ///
    /// # Errors
    /// The value found, if it was another one.
    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64>;
}

/// A value under a lock, with threads that wait until it changes.
pub trait Monitor<T>: Send + Sync {
    /// A monitor of this value.
    fn new(value: T) -> Self;

    /// Runs one critical section. It must not call out: see the invariants of
    /// absence in `docs/architecture.md`.
    fn lock<R>(&self, section: impl FnOnce(&mut T) -> R) -> R;

    /// Repeats a critical section until it gives a result, waiting between the
    /// tries for [`Monitor::notify`]; `None` when the time limit passed first.
    /// `None` as a limit waits for ever.
    fn wait<R>(
        &self,
        limit: Option<Duration>,
        section: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R>;

    /// Wakes every thread that waits. What they wait for was changed in a
    /// critical section of this monitor before: an implementation may skip the
    /// wake-up if no thread was waiting by the end of that section.
    fn notify(&self);
}

/// The standard library's primitives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Std;

impl Primitives for Std {
    type Word = AtomicU64;
    type Monitor<T: Send + 'static> = StdMonitor<T>;

    fn current_thread() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! {
            static THIS: Cell<u64> = const { Cell::new(0) };
        }
        THIS.with(|this| {
            if this.get() == 0 {
                this.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            this.get()
        })
    }

    fn note_transport_call(begins: bool) {
        let depth = Self::depth();
        DEPTH.set(if begins {
            depth + 1
        } else {
            depth.saturating_sub(1)
        });
    }

    fn in_transport_call() -> bool {
        Self::depth() > 0
    }
}

thread_local! {
    /// How many calls of the transport's this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

impl Std {
    fn depth() -> u32 {
        DEPTH.get()
    }
}

impl Word for AtomicU64 {
    #[inline]
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    #[inline]
    fn load(&self, ordering: Ordering) -> u64 {
        Self::load(self, ordering)
    }

    #[inline]
    fn store(&self, value: u64, ordering: Ordering) {
        Self::store(self, value, ordering);
    }

    #[inline]
    fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64 {
        Self::fetch_add(self, amount, ordering)
    }

    #[inline]
    fn fetch_sub(&self, amount: u64, ordering: Ordering) -> u64 {
        Self::fetch_sub(self, amount, ordering)
    }

    #[inline]
    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        Self::compare_exchange(self, current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// A mutex with a condition variable. A panic inside a critical section does
/// not poison it: sections change nothing before they can fail.
#[derive(Debug, Default)]
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
        // lock, so it is seen here; one that looks later sees the change.
        if self.waiting.load(Ordering::Acquire) != 0 {
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
        self.waiting.fetch_add(1, Ordering::AcqRel);
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
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        guard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wake_up_is_lost_when_two_threads_take_turns() {
        const TURNS: u64 = 20_000;
        let monitor = StdMonitor::new(0_u64);
        let take_turns = |parity: u64| {
            for turn in (parity..TURNS).step_by(2) {
                let limit = Some(Duration::from_secs(20));
                let mine = monitor.wait(limit, |value| (*value == turn).then(|| *value += 1));
                assert_eq!(mine, Some(()), "turn {turn}");
                monitor.notify();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| take_turns(0));
            scope.spawn(|| take_turns(1));
        });
        assert_eq!(monitor.lock(|value| *value), TURNS);
        assert_eq!(monitor.waiting.load(Ordering::Acquire), 0);
    }
}
