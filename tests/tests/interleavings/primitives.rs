//! The engine's synchronization primitives on loom, sound or with a defect.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::panicking;
use std::time::Duration;

use closesocket::engine::{Monitor, Primitives, Word};
use loom::sync::atomic::AtomicU64;

/// What is wrong with the primitives; nothing by default.
pub(crate) trait Defect: Sized + Send + Sync + 'static {
    /// A compare-and-swap is a load, a comparison and a plain store.
    const SWAP_IS_A_STORE: bool = false;
    /// A compare-and-swap does not compare.
    const SWAP_IS_BLIND: bool = false;
    /// An addition is a load and a store.
    const ADDITION_IS_SPLIT: bool = false;
    /// A subtraction is a load and a store.
    const SUBTRACTION_IS_SPLIT: bool = false;
    /// A subtraction publishes nothing.
    const SUBTRACTION_IS_RELAXED: bool = false;
    /// An addition of nothing is a relaxed load: it may read an old value.
    const RECHECK_IS_A_LOAD: bool = false;
    /// A notification reaches nobody.
    const NOTIFY_IS_LOST: bool = false;
    /// A waiter looks, lets go of the lock, and only then goes to sleep.
    const WAIT_LEAVES_A_GAP: bool = false;
}

/// No defect.
pub(crate) struct Sound;
impl Defect for Sound {}

/// Loom's primitives, with this defect.
pub(crate) struct Loom<D>(PhantomData<D>);

impl<D: Defect> Primitives for Loom<D> {
    type Word = LoomWord<D>;
    type Monitor<T: Send + 'static> = LoomMonitor<T, D>;

    fn current_thread() -> u64 {
        if panicking() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        loom::thread::current().id().hash(&mut hasher);
        hasher.finish()
    }
}

/// An atomic word.
///
/// A load is an addition of nothing: loom remembers only the last access of an
/// atomic, so a thread's own load would hide the earlier accesses it races
/// with, and `load; compare_exchange` would be explored once. It keeps the
/// load's ordering, which never releases: a stronger one could hide that a
/// writer forgot to. What this gives up is that a load reads an old value;
/// where that matters, a defect ([`Defect::RECHECK_IS_A_LOAD`]) brings it back.
/// For the same reason a store is a swap: loom lets a plain store and such a
/// load, which writes, take either place in the word's order, and a thread then
/// finds its own store undone.
///
/// A thread that unwinds (loom found a deadlock, a test failed) must not switch
/// threads any more, so its words do nothing.
pub(crate) struct LoomWord<D>(AtomicU64, PhantomData<D>);

impl<D: Defect> Word for LoomWord<D> {
    fn new(value: u64) -> Self {
        Self(AtomicU64::new(value), PhantomData)
    }

    fn load(&self, ordering: Ordering) -> u64 {
        if panicking() {
            return 0;
        }
        self.0.fetch_add(0, ordering)
    }

    fn store(&self, value: u64, ordering: Ordering) {
        if !panicking() {
            self.0.swap(value, ordering);
        }
    }

    fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64 {
        if panicking() {
            return 0;
        }
        if D::RECHECK_IS_A_LOAD && amount == 0 {
            return self.0.load(Ordering::Relaxed);
        }
        if D::ADDITION_IS_SPLIT {
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
        if D::SUBTRACTION_IS_SPLIT {
            let before = self.load(Ordering::Acquire);
            self.store(before.wrapping_sub(amount), Ordering::Release);
            return before;
        }
        let relaxed = D::SUBTRACTION_IS_RELAXED;
        let ordering = if relaxed { Ordering::Relaxed } else { ordering };
        self.0.fetch_sub(amount, ordering)
    }

    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        if panicking() {
            return Err(0);
        }
        if D::SWAP_IS_BLIND {
            return Ok(self.0.swap(new, Ordering::AcqRel));
        }
        if D::SWAP_IS_A_STORE {
            let found = self.load(Ordering::Acquire);
            if found != current {
                return Err(found);
            }
            self.store(new, Ordering::Release);
            return Ok(found);
        }
        self.0
            .compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// A lock and a condition variable that loom knows. The value lies beside them,
/// so that unwinding threads can still reach it.
pub(crate) struct LoomMonitor<T, D> {
    gate: Arc<Gate>,
    value: Mutex<T>,
    defect: PhantomData<D>,
}

#[derive(Default)]
struct Gate {
    lock: loom::sync::Mutex<()>,
    changed: loom::sync::Condvar,
}

impl<T: Send, D: Defect> LoomMonitor<T, D> {
    /// Runs the section on the value, which the gate (or unwinding) guards.
    fn enter<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        match self.value.try_lock() {
            Ok(mut value) => section(&mut value),
            Err(TryLockError::Poisoned(value)) => section(&mut value.into_inner()),
            Err(TryLockError::WouldBlock) => panic!("two threads in one critical section"),
        }
    }
}

impl<T: Send, D: Defect> Monitor<T> for LoomMonitor<T, D> {
    fn new(value: T) -> Self {
        Self {
            gate: Arc::default(),
            value: Mutex::new(value),
            defect: PhantomData,
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
            if D::WAIT_LEAVES_A_GAP {
                drop(held);
                held = self.gate.lock.lock().unwrap();
            }
            held = self.gate.changed.wait(held).unwrap();
        }
    }

    fn notify(&self) {
        if !D::NOTIFY_IS_LOST && !panicking() {
            self.gate.changed.notify_all();
        }
    }
}

// Loom runs all threads of an execution as coroutines of one thread, one at a
// time; these are theirs together and not visible to loom.
thread_local! {
    static TIMED: RefCell<Vec<Arc<Gate>>> = const { RefCell::new(Vec::new()) };
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

/// Forgets what the last execution has left.
pub(crate) fn start_execution() {
    TIMED.with_borrow_mut(Vec::clear);
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
