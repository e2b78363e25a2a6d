//! Where a completion is kept for who waits for it, a task or a thread.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::completion::{Completion, Parcel};
use super::counters::Counters;
use super::event::Event;
use super::line::limit_here;
use super::primitives::{Monitor, Primitives};
use super::standard::Std;

/// An overlapped operation that a task awaits ([`Notify::task`]). Clones are the
/// same operation; use each for one operation at a time.
///
/// [`Notify::task`]: super::completions::Notify::task
pub struct Task<P: Primitives = Std>(Arc<P::Monitor<Kept>>);

#[derive(Default)]
struct Kept {
    parcel: Option<Parcel>,
    /// The operation has ended silently: nothing will come.
    abandoned: bool,
    /// Who asked last, and is to be woken.
    waker: Option<Waker>,
}

impl Kept {
    /// The completion, or that none will come.
    fn look(&mut self) -> Option<Option<Parcel>> {
        match self.parcel.take() {
            Some(parcel) => Some(Some(parcel)),
            None => self.abandoned.then_some(None),
        }
    }
}

impl<P: Primitives> Task<P> {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(P::Monitor::new(Kept::default())))
    }

    /// Takes the completion if it is there. `Ready(None)` says that nothing will
    /// come ([`Task::is_abandoned`]). Otherwise the task of this context is woken
    /// when that changes; it alone, if several have asked.
    pub fn poll(&self, context: &Context<'_>) -> Poll<Option<Completion>> {
        // A waker is foreign code: it is cloned and dropped under no lock.
        let mut waker = Some(context.waker().clone());
        let found = self.0.lock(|it| {
            let found = it.look();
            let next = if found.is_none() { waker.take() } else { None };
            waker = std::mem::replace(&mut it.waker, next);
            found
        });
        drop(waker);
        match found {
            Some(parcel) => Poll::Ready(parcel.and_then(Parcel::open)),
            None => Poll::Pending,
        }
    }

    /// Takes the completion if it is there.
    #[must_use]
    pub fn take(&self) -> Option<Completion> {
        let parcel = self.0.lock(|it| it.parcel.take());
        parcel.and_then(Parcel::open)
    }

    /// Whether its operation has ended without a word, so that nothing will come
    /// (S2a, S3a): its process was cleaned up or died, the provider is gone, or
    /// the call that was to start it was refused.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.lock(|it| it.abandoned && it.parcel.is_none())
    }

    /// Blocks until the completion is there, or nothing will come, or the limit
    /// has passed.
    pub(super) fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        let limit = limit_here::<P>(limit);
        let parcel = self.0.wait(limit, Kept::look);
        parcel.flatten().and_then(Parcel::open)
    }
}

impl<P: Primitives> Default for Task<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Primitives> Clone for Task<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Primitives> fmt::Debug for Task<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// A completion that was promised to a task, with the event that it sets, if it
/// sets one. If it is dropped without one, nothing will come.
pub(super) struct Promise<P: Primitives> {
    to: Option<Task<P>>,
    event: Option<Event<P>>,
}

/// A promise that was kept: who waits is to be woken.
pub(super) struct Fulfilled<P: Primitives> {
    task: Task<P>,
    waker: Option<Waker>,
    event: Option<(Event<P>, Vec<Waker>)>,
    /// What was there before; there seldom is.
    before: Option<Box<Parcel>>,
}

impl<P: Primitives> Promise<P> {
    pub(super) fn new(task: &Task<P>, event: Option<&Event<P>>) -> Self {
        task.0.lock(|it| it.abandoned = false);
        Self {
            to: Some(task.clone()),
            event: event.cloned(),
        }
    }

    /// By which constructor of `Notify` it was made.
    pub(super) const fn name(&self) -> &'static str {
        match self.event {
            Some(_) => "Notify::event",
            None => "Notify::task",
        }
    }

    /// Keeps it with this completion, waking nobody.
    pub(super) fn keep(mut self, parcel: Parcel) -> Option<Fulfilled<P>> {
        let task = self.to.take()?;
        let (before, waker) = task
            .0
            .lock(|it| (it.parcel.replace(parcel), it.waker.take()));
        let event = self.event.take().map(|event| {
            let tasks = event.put();
            (event, tasks)
        });
        Some(Fulfilled {
            task,
            waker,
            event,
            before: before.map(Box::new),
        })
    }
}

impl<P: Primitives> Fulfilled<P> {
    /// Wakes who waits. Wakers are foreign code, and so is what was there before.
    pub(super) fn wake(self, counters: &Counters<P>) {
        self.task.0.notify();
        if let Some(waker) = self.waker {
            counters.guard(|| waker.wake());
        }
        if let Some((event, tasks)) = self.event {
            counters.guard(|| event.wake(tasks));
        }
        counters.guard(|| drop(self.before));
    }
}

impl<P: Primitives> Drop for Promise<P> {
    fn drop(&mut self) {
        if let Some(task) = self.to.take() {
            let waker = task.0.lock(|it| {
                it.abandoned = true;
                it.waker.take()
            });
            task.0.notify();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}
