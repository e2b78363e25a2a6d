//! Events, which threads and tasks wait for.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::line::limit_here;
use super::primitives::{Monitor, Primitives};
use super::standard::Std;

/// A manual-reset event (`WSAEVENT`). Clones are the same event. Threads and tasks
/// wait for it.
pub struct Event<P: Primitives = Std>(Arc<P::Monitor<State>>);

/// Whether it is set, and the tasks that wait until it is.
#[derive(Default)]
pub(super) struct State {
    set: bool,
    tasks: Vec<Waker>,
}

impl<P: Primitives> Event<P> {
    /// A new event, not set.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(P::Monitor::new(State::default())))
    }

    /// Sets it and wakes every waiter.
    pub fn set(&self) {
        let tasks = self.put();
        self.wake(tasks);
    }

    /// Resets it.
    pub fn reset(&self) {
        self.0.lock(|it| it.set = false);
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.lock(|it| it.set)
    }

    /// Waits until it is set; false if the limit passed first.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        let limit = limit_here::<P>(limit);
        self.0.wait(limit, |it| it.set.then_some(())).is_some()
    }

    /// Whether it is set; otherwise the task of this context is woken when it is.
    pub fn poll(&self, context: &Context<'_>) -> Poll<()> {
        // A waker is foreign code: it is cloned and dropped under no lock.
        let mut waker = Some(context.waker().clone());
        self.0.lock(|it| {
            if it.set {
                return Poll::Ready(());
            }
            let known = it.tasks.iter().any(|task| task.will_wake(context.waker()));
            it.tasks.extend(waker.take_if(|_| !known));
            Poll::Pending
        })
    }

    /// Sets it, waking nobody yet. The tasks that waited are returned.
    pub(super) fn put(&self) -> Vec<Waker> {
        self.0.lock(|it| {
            it.set = true;
            std::mem::take(&mut it.tasks)
        })
    }

    /// Wakes the threads that wait, and these tasks.
    pub(super) fn wake(&self, tasks: Vec<Waker>) {
        self.0.notify();
        for task in tasks {
            task.wake();
        }
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
