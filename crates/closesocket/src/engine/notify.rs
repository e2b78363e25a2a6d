//! How the issuer of an overlapped operation learns of its end: an event, a
//! completion queue or a completion routine.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::OperationId;
use super::line::{Abandon, Line, Liveness, Parcel, limit_here};
use super::metrics::Counters;
use super::primitives::{Monitor, Primitives, Std};
use crate::protocol::{Descriptor, Error};

/// The end of an overlapped operation. It is delivered exactly once (O2, O3).
#[derive(Debug)]
pub struct Completion {
    /// Which operation.
    pub operation: OperationId,
    /// The number the issuer gave it; a packet keeps its key (O3).
    pub key: u64,
    /// Bytes transferred, or why it failed. Aborted by a close:
    /// [`Error::OperationAborted`].
    pub result: Result<usize, Error>,
    /// Bytes transferred, also if it failed: of an aborted send the part that
    /// was accepted and is still sent (O6).
    pub transferred: usize,
    /// The operation's buffer, back from the provider (O5).
    pub buffer: Vec<u8>,
    /// The new connection, of an accept that succeeded.
    pub accepted: Option<Descriptor>,
}

/// A manual-reset event (`WSAEVENT`). Clones are the same event.
pub struct Event<P: Primitives = Std>(Arc<P::Monitor<bool>>);

impl<P: Primitives> Event<P> {
    /// A new event, not set.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(P::Monitor::new(false)))
    }

    /// Sets it and wakes every waiter.
    pub fn set(&self) {
        self.0.lock(|set| *set = true);
        self.0.notify();
    }

    /// Resets it.
    pub fn reset(&self) {
        self.0.lock(|set| *set = false);
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.lock(|set| *set)
    }

    /// Waits until it is set; false if the limit passed first.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        let limit = limit_here::<P>(limit);
        self.0.wait(limit, |set| set.then_some(())).is_some()
    }
}

impl<P: Primitives> Default for Event<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Primitives> Clone for Event<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Primitives> fmt::Debug for Event<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").finish_non_exhaustive()
    }
}

/// An overlapped operation that signals an event (`WSAOVERLAPPED` with
/// `hEvent`). Clones are the same operation; use each for one operation.
pub struct Overlapped<P: Primitives = Std> {
    event: Event<P>,
    place: Arc<P::Monitor<Kept>>,
}

#[derive(Default)]
struct Kept {
    parcel: Option<Parcel>,
    /// The operation has ended silently: nothing will come.
    forsaken: bool,
}

impl<P: Primitives> Overlapped<P> {
    /// Signals a new event of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::with_event(Event::new())
    }

    /// Signals this event.
    #[must_use]
    pub fn with_event(event: Event<P>) -> Self {
        Self {
            event,
            place: Arc::new(P::Monitor::new(Kept::default())),
        }
    }

    /// The event that is set at the end.
    #[must_use]
    pub const fn event(&self) -> &Event<P> {
        &self.event
    }

    /// Takes the completion if it is there (`WSAGetOverlappedResult` without
    /// waiting).
    #[must_use]
    pub fn take(&self) -> Option<Completion> {
        let parcel = self.place.lock(|it| it.parcel.take());
        parcel.and_then(Parcel::open)
    }

    /// Waits for the completion and takes it; `None` if the limit passed first,
    /// or if nothing will come ([`Overlapped::is_forsaken`]): with no limit it
    /// is the latter. On a thread of the transport's it does not wait (C4).
    //= docs/specification.md#s2a-waiters-of-what-ended-silently
    //# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
    //# operation has ended silently or was never started.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        let limit = limit_here::<P>(limit);
        let parcel = self.place.wait(limit, |it| match it.parcel.take() {
            Some(parcel) => Some(Some(parcel)),
            None => it.forsaken.then_some(None),
        });
        parcel.flatten().and_then(Parcel::open)
    }

    /// Whether its operation has ended without a word, so that nothing will come
    /// (S2a, S3a): its process was cleaned up or died, the provider is gone, or
    /// the call that was to start it was refused. The event is not set then.
    #[must_use]
    pub fn is_forsaken(&self) -> bool {
        self.place.lock(|it| it.forsaken && it.parcel.is_none())
    }

    /// Puts the completion here and sets the event, waking nobody. Returns what
    /// was here before.
    fn put(&self, parcel: Parcel) -> Option<Parcel> {
        let before = self.place.lock(|it| it.parcel.replace(parcel));
        self.event.0.lock(|set| *set = true);
        before
    }

    fn wake(&self) {
        self.place.notify();
        self.event.0.notify();
    }
}

/// An overlapped operation that has been promised a completion; if it is dropped
/// without one, nothing will come.
pub(super) struct Promise<P: Primitives>(Option<Overlapped<P>>);

impl<P: Primitives> Promise<P> {
    fn new(overlapped: Overlapped<P>) -> Self {
        overlapped.place.lock(|it| it.forsaken = false);
        Self(Some(overlapped))
    }

    /// Keeps it with this completion.
    fn keep(mut self, parcel: Parcel) -> Option<Posted<P>> {
        let overlapped = self.0.take()?;
        let before = overlapped.put(parcel);
        Some(Posted(Place::Event(overlapped, before)))
    }
}

impl<P: Primitives> Drop for Promise<P> {
    fn drop(&mut self) {
        if let Some(overlapped) = self.0.take() {
            overlapped.place.lock(|it| it.forsaken = true);
            overlapped.place.notify();
        }
    }
}

impl<P: Primitives> Default for Overlapped<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Primitives> Clone for Overlapped<P> {
    fn clone(&self) -> Self {
        Self {
            event: self.event.clone(),
            place: Arc::clone(&self.place),
        }
    }
}

impl<P: Primitives> fmt::Debug for Overlapped<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlapped").finish_non_exhaustive()
    }
}

/// A completion queue (an I/O completion port). Clones are the same queue; any
/// number of threads can take from it.
pub struct CompletionQueue<P: Primitives = Std>(Arc<Line<P, Parcel>>);

impl<P: Primitives> CompletionQueue<P> {
    /// A new, empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Line::new()))
    }

    /// Takes the oldest completion, waiting for one if need be; `None` if the
    /// limit passed first (`GetQueuedCompletionStatus`), or if nothing will come
    /// ([`CompletionQueue::is_abandoned`]). On a thread of the transport's it
    /// does not wait (C4).
    //= docs/specification.md#s2a-waiters-of-what-ended-silently
    //# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
    //# queue is closed by hand or when no provider is left that could post to it.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        self.0.wait(limit).and_then(Parcel::open)
    }

    /// Takes the oldest completion if there is one.
    #[must_use]
    pub fn take(&self) -> Option<Completion> {
        self.0.take().and_then(Parcel::open)
    }

    /// How many completions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes it: its waiters return, and what is posted from now on is dropped.
    /// What waits already can still be taken.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether none waits and none will come: it was closed, or every provider
    /// that ever posted to it is gone, and with them their operations (S2a).
    /// One that no provider has used yet is not abandoned.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }

    /// Puts a batch of completions here under one lock, waking nobody.
    pub(super) fn put(self, mut parcels: Vec<Parcel>) -> Posted<P> {
        self.0.put(&mut parcels);
        Posted(Place::Queue(self, parcels))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<P: Primitives> Default for CompletionQueue<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Primitives> Clone for CompletionQueue<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Primitives> fmt::Debug for CompletionQueue<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionQueue").finish_non_exhaustive()
    }
}

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
struct Routines<P: Primitives> {
    queued: Line<P, (u64, Parcel)>,
    pending: P::Monitor<PendingRoutines>,
    /// The thread that they run on.
    thread: u64,
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

impl<P: Primitives> Abandon for Routines<P> {
    fn provider_gone(&self, number: u64) {
        self.queued.forget_provider(number);
    }
}

/// A routine that waits for its completion. Dropped without one, the routine goes.
pub(super) struct Ticket<P: Primitives> {
    thread: Arc<Routines<P>>,
    number: u64,
}

impl<P: Primitives> Ticket<P> {
    fn new(thread: &Arc<Routines<P>>, routine: Routine) -> Self {
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

    /// Queues the routine with its completion, waking nobody.
    fn queue(mut self, parcel: Parcel) -> Posted<P> {
        let mut routine = vec![(std::mem::take(&mut self.number), parcel)];
        self.thread.queued.put(&mut routine);
        Posted(Place::Routine(Arc::clone(&self.thread), routine))
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
    pub fn wait(&self, limit: Option<Duration>) -> usize {
        let mut next = self.routines.queued.wait(limit);
        let mut ran = 0;
        while let Some((number, parcel)) = next {
            let routine = self.routines.remove(number);
            if let (Some(routine), Some(completion)) = (routine, parcel.open()) {
                //= docs/specification.md#o9-closing-from-a-callback
                //# - A close that is called from a completion routine or another callback MUST work
                //# as any other close does.
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

/// How an overlapped operation reports its end.
pub struct Notify<P: Primitives = Std>(pub(super) How<P>);

pub(super) enum How<P: Primitives> {
    Event(Promise<P>),
    Queue { queue: CompletionQueue<P>, key: u64 },
    Routine { ticket: Ticket<P>, key: u64 },
}

impl<P: Primitives> Notify<P> {
    /// To nobody. A connection that such an accept takes is closed at once.
    #[must_use]
    pub fn nobody() -> Self {
        Self(How::Event(Promise::new(Overlapped::new())))
    }

    /// Through an event.
    #[must_use]
    pub fn event(overlapped: &Overlapped<P>) -> Self {
        Self(How::Event(Promise::new(overlapped.clone())))
    }

    /// By a packet with this key in a completion queue.
    #[must_use]
    pub fn queue(queue: &CompletionQueue<P>, key: u64) -> Self {
        Self(How::Queue {
            queue: queue.clone(),
            key,
        })
    }

    /// By a routine that runs on this thread, in an alertable wait. The operation
    /// must be started on this thread.
    #[must_use]
    pub fn routine(
        thread: &AlertableThread<P>,
        key: u64,
        routine: impl FnOnce(Completion) + Send + 'static,
    ) -> Self {
        Self(How::Routine {
            ticket: Ticket::new(&thread.routines, Box::new(routine)),
            key,
        })
    }

    /// Whether the calling thread may start an operation with it: a routine must
    /// be of this thread.
    pub(super) fn is_of_this_thread(&self) -> bool {
        match &self.0 {
            How::Event(_) | How::Queue { .. } => true,
            How::Routine { ticket, .. } => ticket.thread.thread == P::current_thread(),
        }
    }

    /// Lets the waiters learn when this provider is gone.
    pub(super) fn know(&self, provider: &Liveness<P>) {
        match &self.0 {
            How::Event(_) => {}
            How::Queue { queue, .. } => Line::know(&queue.0, &queue.0, provider),
            How::Routine { ticket, .. } => {
                Line::know(&ticket.thread, &ticket.thread.queued, provider);
            }
        }
    }

    /// The key its completion carries; 0 for an event.
    pub(super) const fn key(&self) -> u64 {
        match &self.0 {
            How::Event(_) => 0,
            How::Queue { key, .. } | How::Routine { key, .. } => *key,
        }
    }

    /// Puts the completion where it is waited for, waking nobody and dropping
    /// nothing of the caller's: so it may be done under a socket's lock.
    pub(super) fn put(self, parcel: Parcel) -> Option<Posted<P>> {
        match self.0 {
            How::Event(promise) => promise.keep(parcel),
            How::Queue { queue, .. } => Some(queue.put(vec![parcel])),
            How::Routine { ticket, .. } => Some(ticket.queue(parcel)),
        }
    }

    /// Goes without a word (S2, S3); who waits learns that nothing will come.
    pub(super) fn forget(self, counters: &Counters<P>) {
        counters.guard(|| drop(self));
    }
}

/// Completions that were put where they are waited for, with those that nobody
/// wants any more, since the queue was closed or the thread is gone: who waits is
/// woken, and those go, outside the lock.
#[must_use]
pub(super) struct Posted<P: Primitives>(Place<P>);

enum Place<P: Primitives> {
    Event(Overlapped<P>, Option<Parcel>),
    Queue(CompletionQueue<P>, Vec<Parcel>),
    Routine(Arc<Routines<P>>, Vec<(u64, Parcel)>),
}

impl<P: Primitives> Posted<P> {
    pub(super) fn wake(self, counters: &Counters<P>) {
        match self.0 {
            Place::Event(overlapped, before) => {
                overlapped.wake();
                counters.guard(|| drop((overlapped, before)));
            }
            Place::Queue(queue, refused) => {
                queue.0.wake();
                counters.guard(|| drop((queue, refused)));
            }
            Place::Routine(thread, refused) => {
                thread.queued.wake();
                counters.guard(|| drop((thread, refused)));
            }
        }
    }
}

impl<P: Primitives> fmt::Debug for Notify<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            How::Event(_) => "Notify::event",
            How::Queue { .. } => "Notify::queue",
            How::Routine { .. } => "Notify::routine",
        })
    }
}
