//! Completion queues.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::completion::{Completion, Packet, Parcel};
use super::few::Few;
use super::line::Line;
use super::primitives::Primitives;
use super::standard::Std;

/// A completion queue (an I/O completion port). Clones are the same queue; any
/// number of threads can take from it.
pub struct CompletionQueue<P: Primitives = Std>(Arc<Line<P, Packet>>);

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
    ///
    /// Over a transport that lets it ([`Transport::poller`](super::net::Transport::poller))
    /// the thread polls while it waits: it is in a call of the transport's then
    /// whenever it reports events, so upcalls can run on it.
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

    /// Takes the oldest completions that are there, `limit` at most, in their order.
    #[must_use]
    pub fn take_many(&self, limit: usize) -> Vec<Completion> {
        let taken = self.0.take_many(limit).into_iter();
        taken.filter_map(Parcel::open).collect()
    }

    /// Waits until there is a completion, as [`CompletionQueue::wait`] does, and takes
    /// `most` at most, in their order (`GetQueuedCompletionStatusEx`). None if the
    /// limit passed first, or if nothing will come.
    #[must_use]
    pub fn wait_many(&self, most: usize, limit: Option<Duration>) -> Vec<Completion> {
        let Some(rest) = most.checked_sub(1) else {
            return Vec::new();
        };
        let Some(first) = self.wait(limit) else {
            return Vec::new();
        };
        let mut taken = vec![first];
        taken.extend(self.take_many(rest));
        taken
    }

    /// Posts a packet of one's own, which is taken in its turn
    /// (`PostQueuedCompletionStatus`): [`Completion::posted`] makes one.
    ///
    /// # Errors
    /// The packet comes back if the queue is closed.
    pub fn post(&self, packet: Completion) -> Result<(), Completion> {
        let mut packets = Few::from(Packet::One(Parcel::new(packet, None)));
        self.put(&mut packets);
        if packets.is_empty() {
            self.0.wake();
            return Ok(());
        }
        let mut back = None;
        packets.drain(|refused| {
            if let Packet::One(parcel) = refused {
                back = parcel.open();
            }
        });
        back.map_or(Ok(()), Err)
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

    /// Puts a batch of completions here under one lock, waking nobody; if it is
    /// closed, they stay.
    pub(super) fn put(&self, packets: &mut Few<Packet>) {
        self.0.put(packets);
    }

    pub(super) fn line(&self) -> &Arc<Line<P, Packet>> {
        &self.0
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
