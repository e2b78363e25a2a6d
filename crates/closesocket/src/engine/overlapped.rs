//! Overlapped operations that signal an event.

use std::fmt;
use std::time::Duration;

use super::completion::Completion;
use super::event::Event;
use super::primitives::Primitives;
use super::standard::Std;
use super::task::Task;

/// An overlapped operation that signals an event (`WSAOVERLAPPED` with
/// `hEvent`). Clones are the same operation; use each for one operation.
pub struct Overlapped<P: Primitives = Std> {
    event: Event<P>,
    pub(super) task: Task<P>,
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
            task: Task::new(),
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
        self.task.take()
    }

    /// Waits for the completion and takes it; `None` if the limit passed first,
    /// or if nothing will come ([`Overlapped::is_abandoned`]): with no limit it
    /// is the latter. On a thread of the transport's it does not wait (C4).
    //= docs/specification.md#s2a-waiters-of-what-ended-silently
    //# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
    //# operation has ended silently or was never started.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        self.task.wait(limit)
    }

    /// Whether its operation has ended without a word, so that nothing will come
    /// (S2a, S3a): its process was cleaned up or died, the provider is gone, or
    /// the call that was to start it was refused. The event is not set then.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.task.is_abandoned()
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
            task: self.task.clone(),
        }
    }
}

impl<P: Primitives> fmt::Debug for Overlapped<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlapped").finish_non_exhaustive()
    }
}
