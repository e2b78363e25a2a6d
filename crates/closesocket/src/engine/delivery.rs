//! What a critical section hands over, and what it leaves to be done outside the
//! lock.
//!
//! The result of an overlapped operation is put where it is waited for under the
//! lock of its socket, in the section that takes the operation out. So results
//! come there in the order of the operations, whichever threads complete them
//! (R8), and who has held the lock after a process stopped knows that nothing
//! more is put there for it (S2, S3). Nobody is woken and nobody's code runs
//! under the lock: that is left to be done when it is free.

use std::sync::Arc;

use super::System;
use super::completion::Life;
use super::completion::Parcel;
use super::descriptors::Descriptors;
use super::event::Event;
use super::notify::{Notify, Posted};
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, AnswerCell};
use super::primitives::Monitor as _;
use super::queue::CompletionQueue;
use super::services::Services;
use crate::protocol::{Descriptor, Error};

/// What a critical section leaves to be done outside the lock.
pub(super) struct Outbox<S: System> {
    pub(super) batch: Batch<S>,
    pub(super) posted: Vec<Posted<S::Primitives>>,
    pub(super) answers: Vec<(OperationId, AnswerCell<S::Primitives>, Answer)>,
    pub(super) silent: Vec<Notify<S::Primitives>>,
    /// Holds that end, on descriptors of these processes.
    holds: Vec<(Arc<Descriptors<S>>, Descriptor, u64)>,
    /// Descriptors that were opened for a life that may be over by now.
    pub(super) opened: Vec<(Arc<Descriptors<S>>, Descriptor, Life)>,
    pub(super) events: Vec<Event<S::Primitives>>,
    /// How many operations were aborted.
    pub(super) aborted: u64,
    /// Threads wait at the cell and what they wait for may have come.
    pub(super) wake: bool,
    /// The socket was released: its cell is free.
    pub(super) released: bool,
    /// Connections reset, and of these the drains that ran out of time.
    pub(super) resets: u64,
    pub(super) timeouts: u64,
}

impl<S: System> Default for Outbox<S> {
    fn default() -> Self {
        Self {
            batch: Batch {
                queue: None,
                parcels: Vec::new(),
                told: Vec::new(),
            },
            posted: Vec::new(),
            answers: Vec::new(),
            silent: Vec::new(),
            holds: Vec::new(),
            opened: Vec::new(),
            events: Vec::new(),
            aborted: 0,
            wake: false,
            released: false,
            resets: 0,
            timeouts: 0,
        }
    }
}

/// Completions for one queue, to be put there together.
pub(super) struct Batch<S: System> {
    pub(super) queue: Option<CompletionQueue<S::Primitives>>,
    pub(super) parcels: Vec<Parcel>,
    /// What the probe is told once they are there.
    pub(super) told: Vec<(OperationId, Option<Error>)>,
}

impl<S: System> Outbox<S> {
    /// A hold of an operation ends, when the section is over.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, the handle and the slot of a closed descriptor MUST NOT
    //# be given back before all operations that outlived the descriptor have ended.
    pub(super) fn end_hold(&mut self, process: Arc<Descriptors<S>>, descriptor: Descriptor) {
        match self.holds.last_mut() {
            Some((last, it, holds)) if *it == descriptor && Arc::ptr_eq(last, &process) => {
                *holds += 1;
            }
            _ => self.holds.push((process, descriptor, 1)),
        }
    }

    /// The holds on this descriptor that end: the caller ends them with its own.
    pub(super) fn take_holds(&mut self, process: &Descriptors<S>, descriptor: Descriptor) -> u64 {
        let mut taken = 0;
        self.holds.retain(|(of, it, holds)| {
            let own = *it == descriptor && std::ptr::eq(&raw const **of, process);
            taken += if own { *holds } else { 0 };
            !own
        });
        taken
    }
}

impl<S: System> Outbox<S> {
    /// Does what a section has left, under no lock.
    //= docs/specification.md#o5-buffers
    //# An application therefore cannot take the return of a close as a sign that its buffers
    //# are free, because a completion MAY be delivered later than that.
    pub(super) fn deliver(self, services: &Services<S>) {
        for posted in self.posted {
            posted.wake(&services.counters);
        }
        for (operation, cell, answer) in self.answers {
            let error = answer.result.err();
            // Told before: the thread tells itself that it goes on.
            let delivered = Step::Delivered {
                operation,
                posted: false,
                error,
            };
            services.observe(|| Observation::of(delivered));
            cell.lock(|place| *place = Some(answer));
            cell.notify();
        }
        for event in self.events {
            event.set();
        }
        for notify in self.silent {
            notify.forget(&services.counters);
        }
        services.counters.add_aborted(self.aborted);
        for (process, descriptor, life) in self.opened {
            let owner = process.owner().and_then(|it| it.upgrade());
            if let Some(owner) = owner {
                owner.close_outdated(descriptor, life);
            }
        }
        for (process, descriptor, holds) in self.holds {
            process.leave(descriptor, holds);
        }
    }
}
