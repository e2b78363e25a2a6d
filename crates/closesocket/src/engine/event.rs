//! Events, and overlapped operations that signal one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::completion::{Completion, Parcel};
use super::line::limit_here;
use super::primitives::{Monitor, Primitives};
use super::standard::Std;

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
    abandoned: bool,
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
    /// or if nothing will come ([`Overlapped::is_abandoned`]): with no limit it
    /// is the latter. On a thread of the transport's it does not wait (C4).
    //= docs/specification.md#s2a-waiters-of-what-ended-silently
    //# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
    //# operation has ended silently or was never started.
    #[must_use]
    pub fn wait(&self, limit: Option<Duration>) -> Option<Completion> {
        let limit = limit_here::<P>(limit);
        let parcel = self.place.wait(limit, |it| match it.parcel.take() {
            Some(parcel) => Some(Some(parcel)),
            None => it.abandoned.then_some(None),
        });
        parcel.flatten().and_then(Parcel::open)
    }

    /// Whether its operation has ended without a word, so that nothing will come
    /// (S2a, S3a): its process was cleaned up or died, the provider is gone, or
    /// the call that was to start it was refused. The event is not set then.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.place.lock(|it| it.abandoned && it.parcel.is_none())
    }

    /// Puts the completion here and sets the event, waking nobody. Returns what
    /// was here before.
    fn put(&self, parcel: Parcel) -> Option<Parcel> {
        let before = self.place.lock(|it| it.parcel.replace(parcel));
        self.event.0.lock(|set| *set = true);
        before
    }

    pub(super) fn wake(&self) {
        self.place.notify();
        self.event.0.notify();
    }
}

/// An overlapped operation that has been promised a completion; if it is dropped
/// without one, nothing will come.
pub(super) struct Promise<P: Primitives>(Option<Overlapped<P>>);

impl<P: Primitives> Promise<P> {
    pub(super) fn new(overlapped: Overlapped<P>) -> Self {
        overlapped.place.lock(|it| it.abandoned = false);
        Self(Some(overlapped))
    }

    /// Keeps it with this completion.
    /// Returns it, with what was there before.
    pub(super) fn keep(mut self, parcel: Parcel) -> Option<(Overlapped<P>, Option<Parcel>)> {
        let overlapped = self.0.take()?;
        let before = overlapped.put(parcel);
        Some((overlapped, before))
    }
}

impl<P: Primitives> Drop for Promise<P> {
    fn drop(&mut self) {
        if let Some(overlapped) = self.0.take() {
            overlapped.place.lock(|it| it.abandoned = true);
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
