//! Completion routines, and the threads that they run on.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::completion::{Completion, Parcel};
use super::few::Few;
use super::line::{Abandon, Entry, Line};
use super::primitives::{Monitor, Primitives};
use super::standard::Std;

/// A completion routine.
///
/// One that panics does so into the alertable wait that ran it: the panic goes on
/// to the caller of [`AlertableThread::wait`], the routines behind it stay queued
/// for the next wait, and nothing of the engine is held meanwhile. A routine that
/// can never run (its process was cleaned up or died, or its thread's
/// [`AlertableThread`] is gone) is dropped by whoever ends the operation; a panic
/// of its destructor there is caught and counted
/// ([`Metrics::callback_panics`](super::Metrics::callback_panics)).
pub type Routine = Box<dyn FnOnce(Completion) + Send>;

/// What a thread's routines wait in. The routines themselves belong to their
/// thread and are dropped with it, whatever operations are still pending: one
/// that holds a handle of its process must not keep that alive for ever.
pub(super) struct Routines<P: Primitives> {
    pub(super) queued: Line<P, (u64, Parcel)>,
    pending: P::Monitor<PendingRoutines>,
    /// The thread that they run on.
    pub(super) thread: u64,
}

#[derive(Default)]
struct PendingRoutines {
    next: u64,
    by_number: HashMap<u64, Routine>,
}

impl<P: Primitives> Routines<P> {
    /// The routine of this number, if nobody else has had it.
    fn remove(&self, number: u64) -> Option<Routine> {
        self.pending.lock(|it| it.by_number.remove(&number))
    }
}

impl Entry for (u64, Parcel) {
    type Item = Self;

    fn count(&self) -> usize {
        1
    }

    fn take_first(entries: &mut VecDeque<Self>) -> Option<Self> {
        entries.pop_front()
    }
}

impl<P: Primitives> Abandon for Routines<P> {
    fn provider_gone(&self, number: u64) {
        self.queued.forget_provider(number);
    }
}

/// A routine that waits for its completion. Dropped without one, the routine goes.
pub(super) struct Ticket<P: Primitives> {
    pub(super) thread: Arc<Routines<P>>,
    number: u64,
}

impl<P: Primitives> Ticket<P> {
    pub(super) fn new(thread: &AlertableThread<P>, routine: Routine) -> Self {
        let thread = &thread.routines;
        let number = thread.pending.lock(|it| {
            it.next += 1;
            it.by_number.insert(it.next, routine);
            it.next
        });
        Self {
            thread: Arc::clone(thread),
            number,
        }
    }

    /// Queues the routine with its completion, waking nobody. Returns its thread,
    /// and the completion again if that is gone.
    pub(super) fn queue(mut self, parcel: Parcel) -> (Arc<Routines<P>>, Few<(u64, Parcel)>) {
        let mut routine = Few::from((std::mem::take(&mut self.number), parcel));
        self.thread.queued.put(&mut routine);
        (Arc::clone(&self.thread), routine)
    }
}

impl<P: Primitives> Drop for Ticket<P> {
    fn drop(&mut self) {
        if self.number != 0 {
            drop(self.thread.remove(self.number));
        }
    }
}

/// The completion routines of one thread. It stays on the thread that made it,
/// so routines run on the thread that issued the operation, and only in an
/// alertable wait (O3).
///
/// Dropping it drops its routines, also those whose operations are pending:
/// these end without a word. A panic of a destructor there is caught.
pub struct AlertableThread<P: Primitives = Std> {
    routines: Arc<Routines<P>>,
    /// Neither `Send` nor `Sync`.
    //= docs/specification.md#o3-aborted-overlapped-operations
    //# - A completion routine MUST run only on the thread that issued its operation, while that
    //# thread is in an alertable wait.
    stays_here: PhantomData<*const ()>,
}

impl<P: Primitives> AlertableThread<P> {
    /// The routines of the calling thread.
    #[must_use]
    pub fn new() -> Self {
        Self {
            routines: Arc::new(Routines {
                queued: Line::new(),
                pending: P::Monitor::new(PendingRoutines::default()),
                thread: P::current_thread(),
            }),
            stays_here: PhantomData,
        }
    }

    /// Waits alertably (`SleepEx`, `WSAWaitForMultipleEvents` with
    /// `fAlertable`): runs every routine that is queued, waiting for the first.
    /// Returns how many ran; 0 if the limit passed first, or if nothing will
    /// come ([`AlertableThread::is_abandoned`]). A routine may call the
    /// provider, close included (O9). On a thread of the transport's it does not
    /// wait (C4).
    ///
    /// # Panics
    /// If a routine does; those behind it stay queued.
    //= docs/specification.md#s2a-waiters-of-what-ended-silently
    //# - An alertable wait MUST return, and tell that nothing will come, when no provider is left
    //# that could queue a routine.
    //= docs/specification.md#o9-closing-from-a-callback
    //# - A close that is called from a completion routine or another callback MUST work
    //# as any other close does.
    pub fn wait(&self, limit: Option<Duration>) -> usize {
        let mut next = self.routines.queued.wait(limit);
        let mut ran = 0;
        while let Some((number, parcel)) = next {
            let routine = self.routines.remove(number);
            if let (Some(routine), Some(completion)) = (routine, parcel.open()) {
                routine(completion);
                ran += 1;
            }
            next = self.routines.queued.take();
        }
        ran
    }

    /// How many routines are queued.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.routines.queued.len()
    }

    /// Whether no routine is queued and none will be: every provider that this
    /// thread has used is gone (S2a).
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.routines.queued.is_abandoned()
    }
}

impl<P: Primitives> Drop for AlertableThread<P> {
    fn drop(&mut self) {
        self.routines.queued.close();
        let routines = self
            .routines
            .pending
            .lock(|it| std::mem::take(&mut it.by_number));
        // Outside the locks: what they hold may do anything when it goes, end
        // its process for one. One that panics must not keep the others.
        for routine in routines.into_values() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(routine)));
        }
        while let Some((_, parcel)) = self.routines.queued.take() {
            drop(parcel);
        }
    }
}

impl<P: Primitives> Default for AlertableThread<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Primitives> fmt::Debug for AlertableThread<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertableThread").finish_non_exhaustive()
    }
}
