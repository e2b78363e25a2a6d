//! How the issuer of an overlapped operation learns of its end: an event, a
//! completion queue, a completion routine, or by its task.

use std::fmt;
use std::sync::Arc;

use super::completion::{Completion, Packet, Parcel};
use super::counters::Counters;
use super::few::Few;
use super::line::{Line, Liveness};
use super::overlapped::Overlapped;
use super::primitives::Primitives;
use super::queue::CompletionQueue;
use super::routine::{AlertableThread, Routines, Ticket};
use super::standard::Std;
use super::task::{Fulfilled, Promise, Task};

/// How an overlapped operation reports its end.
pub struct Notify<P: Primitives = Std>(pub(super) How<P>);

pub(super) enum How<P: Primitives> {
    Nobody,
    /// To a task, or by an event.
    Promise(Promise<P>),
    Queue {
        queue: CompletionQueue<P>,
        key: u64,
    },
    Routine {
        ticket: Ticket<P>,
        key: u64,
    },
}

impl<P: Primitives> Notify<P> {
    /// To nobody. A connection that such an accept takes is closed at once.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(How::Nobody)
    }

    /// Through an event.
    #[must_use]
    pub fn event(overlapped: &Overlapped<P>) -> Self {
        let event = Some(overlapped.event());
        Self(How::Promise(Promise::new(&overlapped.task, event)))
    }

    /// To the task that polls this.
    #[must_use]
    pub fn task(task: &Task<P>) -> Self {
        Self(How::Promise(Promise::new(task, None)))
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
            ticket: Ticket::new(thread, Box::new(routine)),
            key,
        })
    }

    /// Whether the calling thread may start an operation with it: a routine must
    /// be of this thread.
    pub(super) fn is_of_this_thread(&self) -> bool {
        match &self.0 {
            How::Nobody | How::Promise(_) | How::Queue { .. } => true,
            How::Routine { ticket, .. } => ticket.thread.thread == P::current_thread(),
        }
    }

    /// Lets the waiters learn when this provider is gone.
    pub(super) fn know(&self, provider: &Liveness<P>) {
        match &self.0 {
            How::Nobody | How::Promise(_) => {}
            How::Queue { queue, .. } => Line::know(queue.line(), queue.line(), provider),
            How::Routine { ticket, .. } => {
                Line::know(&ticket.thread, &ticket.thread.queued, provider);
            }
        }
    }

    /// The key its completion carries; 0 if there is none to carry.
    pub(super) const fn key(&self) -> u64 {
        match &self.0 {
            How::Nobody | How::Promise(_) => 0,
            How::Queue { key, .. } | How::Routine { key, .. } => *key,
        }
    }

    /// Puts the completion where it is waited for, waking nobody and dropping
    /// nothing of the caller's: so it may be done under a socket's lock.
    pub(super) fn put(self, parcel: Parcel) -> Option<Posted<P>> {
        match self.0 {
            How::Nobody => Some(Posted(Place::Nobody(Box::new(parcel)))),
            How::Promise(promise) => {
                let kept = promise.keep(parcel)?;
                Some(Posted(Place::Promise(kept)))
            }
            How::Queue { queue, .. } => {
                let packet = Packet::One(parcel);
                Some(Posted::in_queue(queue, &mut Few::from(packet)))
            }
            How::Routine { ticket, .. } => {
                let (thread, mut routine) = ticket.queue(parcel);
                let mut refused = Vec::new();
                routine.drain(|it| refused.push(it));
                Some(Posted(Place::Routine(thread, refused)))
            }
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
    Nobody(Box<Parcel>),
    Promise(Fulfilled<P>),
    Queue(CompletionQueue<P>, Vec<Packet>),
    Routine(Arc<Routines<P>>, Vec<(u64, Parcel)>),
}

impl<P: Primitives> Posted<P> {
    /// Puts a batch into a queue under one of its locks.
    pub(super) fn in_queue(queue: CompletionQueue<P>, packets: &mut Few<Packet>) -> Self {
        queue.put(packets);
        let mut refused = Vec::new();
        packets.drain(|packet| refused.push(packet));
        Self(Place::Queue(queue, refused))
    }

    /// The same into the queue that this is about, if it is that one and takes it.
    pub(super) fn joins(&self, queue: &CompletionQueue<P>, packets: &mut Few<Packet>) -> bool {
        let same = matches!(&self.0, Place::Queue(open, _) if open.is(queue));
        if same {
            queue.put(packets);
        }
        same && packets.is_empty()
    }

    pub(super) fn wake(self, counters: &Counters<P>) {
        match self.0 {
            Place::Nobody(parcel) => {
                counters.guard(|| drop(parcel));
            }
            Place::Promise(kept) => kept.wake(counters),
            Place::Queue(queue, refused) => {
                queue.line().wake();
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
            How::Nobody => "Notify::nobody",
            How::Promise(promise) => promise.name(),
            How::Queue { .. } => "Notify::queue",
            How::Routine { .. } => "Notify::routine",
        })
    }
}
