//! How the issuer of an overlapped operation learns of its end: an event, a
//! completion queue or a completion routine.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::OperationId;
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
    completion: Arc<P::Monitor<Option<Completion>>>,
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
            completion: Arc::new(P::Monitor::new(None)),
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
        self.completion.lock(Option::take)
    }

    /// Waits for the completion and takes it; `None` if the limit passed first.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        self.completion.wait(limit, Option::take)
    }

    fn complete(&self, completion: Completion) {
        self.completion.lock(|place| *place = Some(completion));
        self.completion.notify();
        self.event.set();
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
            completion: Arc::clone(&self.completion),
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
pub struct CompletionQueue<P: Primitives = Std>(Arc<P::Monitor<VecDeque<Completion>>>);

impl<P: Primitives> CompletionQueue<P> {
    /// A new, empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(P::Monitor::new(VecDeque::new())))
    }

    /// Takes the oldest completion, waiting for one if need be; `None` if the
    /// limit passed first (`GetQueuedCompletionStatus`).
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        self.0.wait(limit, VecDeque::pop_front)
    }

    /// Takes the oldest completion if there is one.
    #[must_use]
    pub fn take(&self) -> Option<Completion> {
        self.0.lock(VecDeque::pop_front)
    }

    /// How many completions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock(|queue| queue.len())
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Posts completions of one batch under one lock.
    pub(super) fn post_all(&self, completions: impl IntoIterator<Item = Completion>) {
        self.0.lock(|queue| queue.extend(completions));
        self.0.notify();
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

type RoutineList<P> = Arc<<P as Primitives>::Monitor<VecDeque<(Routine, Completion)>>>;

/// The completion routines of one thread. It stays on the thread that made it,
/// so routines run on the thread that issued the operation, and only in an
/// alertable wait (O3).
pub struct AlertableThread<P: Primitives = Std> {
    queued: RoutineList<P>,
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
            queued: Arc::new(P::Monitor::new(VecDeque::new())),
            stays_here: PhantomData,
        }
    }

    /// Waits alertably (`SleepEx`, `WSAWaitForMultipleEvents` with
    /// `fAlertable`): runs every routine that is queued, waiting for the first.
    /// Returns how many ran; 0 if the limit passed first. A routine may call the
    /// provider, close included (O9).
    ///
    /// # Panics
    /// If a routine does; those behind it stay queued.
    pub fn wait(&self, limit: Option<Duration>) -> usize {
        let Some(first) = self.queued.wait(limit, VecDeque::pop_front) else {
            return 0;
        };
        let mut next = Some(first);
        let mut ran = 0;
        while let Some((routine, completion)) = next {
            //= docs/specification.md#o9-closing-from-a-callback
            //# - A close that is called from a completion routine or another callback MUST work as
            //# any other close does.
            routine(completion);
            ran += 1;
            next = self.queued.lock(VecDeque::pop_front);
        }
        ran
    }

    /// How many routines are queued.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued.lock(|queue| queue.len())
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
    Event(Overlapped<P>),
    Queue {
        queue: CompletionQueue<P>,
        key: u64,
    },
    Routine {
        thread: RoutineList<P>,
        routine: Routine,
        key: u64,
    },
}

impl<P: Primitives> Notify<P> {
    /// To nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self(How::Event(Overlapped::new()))
    }

    /// Through an event.
    #[must_use]
    pub fn event(overlapped: &Overlapped<P>) -> Self {
        Self(How::Event(overlapped.clone()))
    }

    /// By a packet with this key in a completion queue.
    #[must_use]
    pub fn queue(queue: &CompletionQueue<P>, key: u64) -> Self {
        Self(How::Queue {
            queue: queue.clone(),
            key,
        })
    }

    /// By a routine that runs on this thread, in an alertable wait.
    #[must_use]
    pub fn routine(
        thread: &AlertableThread<P>,
        key: u64,
        routine: impl FnOnce(Completion) + Send + 'static,
    ) -> Self {
        Self(How::Routine {
            thread: Arc::clone(&thread.queued),
            routine: Box::new(routine),
            key,
        })
    }

    /// The key its completion carries; 0 for an event.
    pub(super) const fn key(&self) -> u64 {
        match &self.0 {
            How::Event(_) => 0,
            How::Queue { key, .. } | How::Routine { key, .. } => *key,
        }
    }

    /// Delivers the completion.
    pub(super) fn deliver(self, completion: Completion, counters: &Counters<P>) {
        match self.0 {
            How::Event(overlapped) => overlapped.complete(completion),
            How::Queue { queue, .. } => queue.post_all([completion]),
            How::Routine {
                thread, routine, ..
            } => {
                thread.lock(|queue| queue.push_back((routine, completion)));
                thread.notify();
                // If nobody else has the list, the routine goes with it.
                counters.guard(|| drop(thread));
            }
        }
    }

    /// Goes without a word (S2, S3).
    pub(super) fn forget(self, counters: &Counters<P>) {
        if let How::Routine { .. } = self.0 {
            counters.guard(|| drop(self));
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
