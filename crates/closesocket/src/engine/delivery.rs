//! What a critical section hands over, and what it leaves to be done outside the
//! lock.
//!
//! The result of an overlapped operation is put where it is waited for under the
//! lock of its socket, in the section that takes the operation out. So results
//! come there in the order of the operations, whichever threads complete them
//! (R8), and who has held the lock after a process stopped knows that nothing
//! more is put there for it (S2, S3). Nobody is woken and nobody's code runs
//! under the lock: that is left to be done when it is free.

use std::sync::{Arc, Weak};

use super::System;
use super::line::{Orphanage, Parcel};
use super::notify::{Completion, CompletionQueue, Event, How, Notify, Posted};
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, AnswerCell, Pending, Reply};
use super::primitives::Monitor as _;
use super::probe::Probe;
use super::process::{Life, ProcessState};
use super::progress::Section;
use super::shared::Shared;
use super::socket::Issuer;
use crate::protocol::{Descriptor, Error, Notice};

/// The most completions that are put into a queue under one of its locks: few
/// enough not to keep its takers out for long.
const BATCH: usize = 128;

/// What a critical section leaves to be done outside the lock.
pub(super) struct Outbox<S: System> {
    batch: Batch<S>,
    posted: Vec<Posted<S::Primitives>>,
    answers: Vec<(OperationId, AnswerCell<S::Primitives>, Answer)>,
    silent: Vec<Notify<S::Primitives>>,
    /// Holds that end, on descriptors of these processes.
    holds: Vec<(Arc<ProcessState<S>>, Descriptor, u64)>,
    /// Descriptors that were opened for a life that may be over by now.
    pub(super) opened: Vec<(Arc<ProcessState<S>>, Descriptor, Life)>,
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
struct Batch<S: System> {
    queue: Option<CompletionQueue<S::Primitives>>,
    parcels: Vec<Parcel>,
    /// What the probe is told once they are there.
    told: Vec<(OperationId, Option<Error>)>,
}

impl<S: System> Outbox<S> {
    /// A hold of an operation ends, when the section is over.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, the handle and the slot of a closed descriptor MUST NOT
    //# be given back before all operations that outlived the descriptor have ended.
    fn end_hold(&mut self, process: Arc<ProcessState<S>>, descriptor: Descriptor) {
        match self.holds.last_mut() {
            Some((last, it, holds)) if *it == descriptor && Arc::ptr_eq(last, &process) => {
                *holds += 1;
            }
            _ => self.holds.push((process, descriptor, 1)),
        }
    }

    /// The holds on this descriptor that end: the caller ends them with its own.
    pub(super) fn take_holds(&mut self, process: &ProcessState<S>, descriptor: Descriptor) -> u64 {
        let mut taken = 0;
        self.holds.retain(|(of, it, holds)| {
            let own = *it == descriptor && std::ptr::eq(&raw const **of, process);
            taken += if own { *holds } else { 0 };
            !own
        });
        taken
    }
}

impl<S: System> Section<'_, S> {
    /// Hands over the result of an operation that was taken out.
    //= docs/specification.md#o2-one-end-for-each-operation
    //# - Every operation MUST end exactly once, either completed or aborted.
    pub(super) fn hand_over(
        &mut self,
        (process, descriptor, _): Issuer<S>,
        pending: Pending<S::Primitives>,
        notice: Notice,
        result: Result<usize, Error>,
        accepted: Option<Descriptor>,
    ) {
        let operation = OperationId {
            socket: self.id,
            number: pending.number,
        };
        let notify = match pending.reply {
            //= docs/specification.md#o4-blocked-calls
            //# - A notification MUST NOT be posted for a blocked call that a close has aborted.
            Reply::Blocked(cell) => {
                let answer = Answer {
                    result,
                    buffer: pending.buffer,
                    accepted,
                };
                self.out.answers.push((operation, cell, answer));
                return;
            }
            Reply::Overlapped(notify) => notify,
        };
        if notice == Notice::Silent {
            self.note_delivered(operation, false, None);
            self.out.silent.push(notify);
        } else {
            let home = accepted.map(|_| {
                let home: Weak<ProcessState<S>> = Arc::downgrade(&process);
                home as Weak<dyn Orphanage>
            });
            let completion = Completion {
                operation,
                //= docs/specification.md#o3-aborted-overlapped-operations
                //# - The packet of an aborted operation MUST carry the completion key that belongs
                //# to it.
                key: notify.key(),
                result,
                transferred: pending.done,
                buffer: pending.buffer,
                accepted,
            };
            self.post(
                notify,
                Parcel::new(completion, home),
                operation,
                result.err(),
            );
        }
        self.out.end_hold(process, descriptor);
    }

    /// Puts a result where it is waited for, or into the batch for its queue.
    //= docs/specification.md#o3-aborted-overlapped-operations
    //# - The event, packet or routine of an overlapped operation that a close aborts MUST
    //# be delivered once.
    fn post(
        &mut self,
        notify: Notify<S::Primitives>,
        parcel: Parcel,
        operation: OperationId,
        error: Option<Error>,
    ) {
        match notify.0 {
            How::Queue { queue, .. } => {
                let batch = &self.out.batch;
                let open = batch.queue.as_ref().is_some_and(|open| open.is(&queue));
                if !open || batch.parcels.len() == BATCH {
                    self.flush_posts();
                    self.out.batch.queue = Some(queue);
                }
                self.out.batch.parcels.push(parcel);
                if S::Probe::ENABLED {
                    self.out.batch.told.push((operation, error));
                }
            }
            other => {
                self.flush_posts();
                self.out.posted.extend(Notify(other).put(parcel));
                self.note_delivered(operation, true, error);
            }
        }
    }

    /// Puts the batch into its queue. The last thing that a section does.
    pub(super) fn flush_posts(&mut self) {
        if let Some(queue) = self.out.batch.queue.take() {
            let parcels = std::mem::take(&mut self.out.batch.parcels);
            self.out.posted.push(queue.put(parcels));
            for (operation, error) in std::mem::take(&mut self.out.batch.told) {
                self.note_delivered(operation, true, error);
            }
        }
    }

    fn note_delivered(&mut self, operation: OperationId, posted: bool, error: Option<Error>) {
        let delivered = Step::Delivered {
            operation,
            posted,
            error,
        };
        self.state
            .core
            .note(self.shared, || Observation::of(delivered));
    }
}

impl<S: System> Shared<S> {
    /// Does what a section has left, under no lock.
    //= docs/specification.md#o5-buffers
    //# An application therefore cannot take the return of a close as a sign that its buffers
    //# are free, because a completion MAY be delivered later than that.
    pub(super) fn deliver(self: &Arc<Self>, out: Outbox<S>) {
        for posted in out.posted {
            posted.wake(&self.counters);
        }
        for (operation, cell, answer) in out.answers {
            let error = answer.result.err();
            // Told before: the thread tells itself that it goes on.
            let delivered = Step::Delivered {
                operation,
                posted: false,
                error,
            };
            self.observe(|| Observation::of(delivered));
            cell.lock(|place| *place = Some(answer));
            cell.notify();
        }
        for event in out.events {
            event.set();
        }
        for notify in out.silent {
            notify.forget(&self.counters);
        }
        self.counters.add_aborted(out.aborted);
        for (process, descriptor, life) in out.opened {
            let _ = process.close_if_over(descriptor, life);
        }
        for (process, descriptor, holds) in out.holds {
            process.leave(descriptor, holds);
        }
    }
}
