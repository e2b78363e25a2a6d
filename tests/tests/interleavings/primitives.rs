//! The engine's synchronization primitives on loom, sound or with a defect.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::panicking;
use std::time::Duration;

use closesocket::engine::sync::{Monitor, Primitives, Word};

use super::standard::{StdWord, swap};

/// What can be wrong with the primitives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Nothing.
    None,
    /// A compare-and-swap is a load, a comparison and a plain store.
    SwapIsAStore,
    /// A compare-and-swap does not compare.
    SwapIsBlind,
    /// An addition is a load and a store.
    AdditionIsSplit,
    /// A subtraction is a load and a store.
    SubtractionIsSplit,
    /// A subtraction publishes nothing.
    SubtractionIsRelaxed,
    /// An addition of nothing is a relaxed load: it may read an old value, as a
    /// sweep that looks for open descriptors.
    SweepIsALoad,
    /// A notification reaches nobody.
    NotifyIsLost,
    /// A waiter looks, lets go of the lock, and only then goes to sleep.
    WaitLeavesAGap,
}

/// Whether the primitives have this defect now.
fn has(defect: Defect) -> bool {
    PLANTED.get() == defect
}

/// Loom's primitives, with the defect that [`start_execution`] plants.
pub(crate) struct Loom;

impl Primitives for Loom {
    type Word = LoomWord;
    type Monitor<T: Send + 'static> = LoomMonitor<T>;

    fn current_thread() -> u64 {
        if panicking() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        loom::thread::current().id().hash(&mut hasher);
        hasher.finish()
    }

    fn note_transport_call(begins: bool) {
        if panicking() {
            return;
        }
        let thread = Self::current_thread();
        DEPTHS.with_borrow_mut(|depths| {
            let depth = depths.entry(thread).or_default();
            *depth = if begins {
                *depth + 1
            } else {
                depth.saturating_sub(1)
            };
        });
    }

    fn in_transport_call() -> bool {
        !panicking() && {
            let thread = Self::current_thread();
            DEPTHS.with_borrow(|depths| depths.get(&thread).is_some_and(|it| *it > 0))
        }
    }
}

/// An atomic word: the standard one over loom's atomics.
///
/// A load is an addition of nothing: loom remembers only the last access of an
/// atomic, so a thread's own load would hide the earlier accesses it races
/// with, and `load; compare_exchange` would be explored once. It keeps the
/// load's ordering, which never releases: a stronger one could hide that a
/// writer forgot to. What this gives up is that a load reads an old value;
/// where that matters, a defect ([`Defect::SweepIsALoad`]) brings it back.
/// For the same reason a store is a swap: loom lets a plain store and such a
/// load, which writes, take either place in the word's order, and a thread then
/// finds its own store undone.
///
/// A thread that unwinds (loom found a deadlock, a test failed) must not switch
/// threads any more, so its words do nothing.
pub(crate) struct LoomWord(StdWord);

impl Word for LoomWord {
    fn new(value: u64) -> Self {
        Self(StdWord::new(value))
    }

    fn load(&self, ordering: Ordering) -> u64 {
        if panicking() {
            return 0;
        }
        self.0.fetch_add(0, ordering)
    }

    fn store(&self, value: u64, ordering: Ordering) {
        if !panicking() {
            swap(&self.0, value, ordering);
        }
    }

    fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64 {
        if panicking() {
            return 0;
        }
        if has(Defect::SweepIsALoad) && amount == 0 {
            return self.0.load(Ordering::Relaxed);
        }
        if has(Defect::AdditionIsSplit) {
            let before = self.load(Ordering::Acquire);
            self.store(before.wrapping_add(amount), Ordering::Release);
            return before;
        }
        self.0.fetch_add(amount, ordering)
    }

    fn fetch_sub(&self, amount: u64, ordering: Ordering) -> u64 {
        if panicking() {
            return 0;
        }
        if has(Defect::SubtractionIsSplit) {
            let before = self.load(Ordering::Acquire);
            self.store(before.wrapping_sub(amount), Ordering::Release);
            return before;
        }
        let relaxed = has(Defect::SubtractionIsRelaxed);
        let ordering = if relaxed { Ordering::Relaxed } else { ordering };
        self.0.fetch_sub(amount, ordering)
    }

    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        if panicking() {
            return Err(0);
        }
        if has(Defect::SwapIsBlind) {
            return Ok(swap(&self.0, new, Ordering::AcqRel));
        }
        if has(Defect::SwapIsAStore) {
            let found = self.load(Ordering::Acquire);
            if found != current {
                return Err(found);
            }
            self.store(new, Ordering::Release);
            return Ok(found);
        }
        self.0.compare_exchange(current, new)
    }
}

/// A lock and a condition variable that loom knows. The value lies beside them,
/// so that unwinding threads can still reach it.
pub(crate) struct LoomMonitor<T> {
    gate: Arc<Gate>,
    value: Mutex<T>,
}

#[derive(Default)]
struct Gate {
    lock: loom::sync::Mutex<()>,
    changed: loom::sync::Condvar,
}

impl<T: Send> LoomMonitor<T> {
    /// Runs the section on the value, which the gate (or unwinding) guards.
    fn enter<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        match self.value.try_lock() {
            Ok(mut value) => section(&mut value),
            Err(TryLockError::Poisoned(value)) => section(&mut value.into_inner()),
            Err(TryLockError::WouldBlock) => panic!("two threads in one critical section"),
        }
    }
}

impl<T: Send> Monitor<T> for LoomMonitor<T> {
    fn new(value: T) -> Self {
        Self {
            gate: Arc::default(),
            value: Mutex::new(value),
        }
    }

    fn lock<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        if panicking() {
            return self.enter(section);
        }
        let _held = self.gate.lock.lock().unwrap();
        self.enter(section)
    }

    /// A limit passes when a test lets it: see [`let_limits_pass`].
    fn wait<R>(
        &self,
        limit: Option<Duration>,
        mut section: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        if panicking() {
            return None;
        }
        let mut held = self.gate.lock.lock().unwrap();
        if limit.is_some() {
            TIMED.with_borrow_mut(|timed| timed.push(Arc::clone(&self.gate)));
        }
        loop {
            if let Some(result) = self.enter(&mut section) {
                return Some(result);
            }
            let passed = limit.is_some_and(|limit| limit.is_zero() || LIMITS_PASSED.get());
            if passed {
                return None;
            }
            if has(Defect::WaitLeavesAGap) {
                drop(held);
                held = self.gate.lock.lock().unwrap();
            }
            held = self.gate.changed.wait(held).unwrap();
        }
    }

    fn notify(&self) {
        if !has(Defect::NotifyIsLost) && !panicking() {
            self.gate.changed.notify_all();
        }
    }
}

// Loom runs all threads of an execution as coroutines of one thread, one at a
// time; these are theirs together and not visible to loom.
thread_local! {
    static DEPTHS: RefCell<HashMap<u64, u32>> = RefCell::new(HashMap::new());
    static TIMED: RefCell<Vec<Arc<Gate>>> = const { RefCell::new(Vec::new()) };
    static PLANTED: Cell<Defect> = const { Cell::new(Defect::None) };
    static LIMITS_PASSED: Cell<bool> = const { Cell::new(false) };
}

/// Lets the limit of every wait pass, of those to come as well.
pub(crate) fn let_limits_pass() {
    LIMITS_PASSED.set(true);
    for gate in TIMED.with_borrow(Clone::clone) {
        // Through the gate, or it could fall between a waiter's look and sleep.
        drop(gate.lock.lock().unwrap());
        gate.changed.notify_all();
    }
}

/// Forgets what the last execution has left, and plants the defect.
pub(crate) fn start_execution(defect: Defect) {
    PLANTED.set(defect);
    TIMED.with_borrow_mut(Vec::clear);
    DEPTHS.with_borrow_mut(HashMap::clear);
    LIMITS_PASSED.set(false);
}

/// A mutex that loom does not see, for what tests note.
pub(crate) struct Notes<T>(Mutex<Vec<T>>);

impl<T> Default for Notes<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Notes<T> {
    pub(crate) fn push(&self, note: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(note);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
