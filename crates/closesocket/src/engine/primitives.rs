//! The synchronization primitives the engine is built on, as a type parameter.
//!
//! [`Std`](super::sync::Std) is the default. The interleaving tests give an implementation that
//! explores every schedule, in the same build of the same code.

use std::sync::atomic::Ordering;
use std::time::Duration;

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
