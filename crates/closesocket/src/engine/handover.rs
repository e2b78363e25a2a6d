//! Handing results over, in the section that takes their operations out.
//!
//! The result of an overlapped operation is put where it is waited for under the
//! lock of its socket. So results come there in the order of the operations,
//! whichever threads complete them (R8), and who has held the lock after a process
//! stopped knows that nothing more is put there for it (S2, S3).

use std::borrow::Cow;
use std::sync::Arc;

use super::System;
use super::completion::{Completion, Parcel};
use super::descriptors::Descriptors;
use super::few::Few;
use super::notify::{How, Notify, Posted};
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, Pending, Reply};
use super::probe::Probe;
use super::progress::Section;
use super::queue::CompletionQueue;
use super::reference::Issuer;
use super::transport::EndpointOf;
use crate::protocol::{Descriptor, Error, Notice, Waiting, notice};

/// The most completions that are put into a queue under one of its locks: few
/// enough not to keep its takers out for long.
const BATCH: usize = 128;

/// Completions for one queue, to be put there together.
pub(super) struct Batch<S: System> {
    queue: Option<CompletionQueue<S::Primitives>>,
    parcels: Few<Parcel>,
    /// What the probe is told once they are there.
    told: Vec<(OperationId, Option<Error>)>,
}

impl<S: System> Batch<S> {
    pub(super) const fn new() -> Self {
        Self {
            queue: None,
            parcels: Few::new(),
            told: Vec::new(),
        }
    }

    fn takes(&self, queue: &CompletionQueue<S::Primitives>) -> bool {
        self.queue.as_ref().is_some_and(|open| open.is(queue)) && self.parcels.len() < BATCH
    }
}

impl<S: System> Section<'_, S> {
    /// Ends an operation that was taken out.
    //= docs/specification.md#o7-accept-connect-and-the-backlog
    //# - An accept or connect whose completion came ahead of the commit MUST keep its
    //# success.
    pub(super) fn conclude(
        &mut self,
        issuer: Issuer<S>,
        mut pending: Pending<S::Primitives>,
        mut result: Result<usize, Error>,
        connection: Option<EndpointOf<S>>,
    ) {
        let (process, _, life) = &issuer;
        let notice = notice(pending.reply.waiting(), process.is_over(*life));
        let operation = OperationId {
            socket: self.id,
            number: pending.number,
        };
        let (error, silent) = (result.err(), Descriptors::<S>::silence(*life, notice));
        let taken = Step::Taken {
            operation,
            aborted: None,
            error,
            silent,
        };
        self.socket
            .machine
            .note(self.services, || Observation::by(process.id, taken));
        let mut accepted = None;
        match (connection, pending.reserved.take()) {
            (Some(connection), Some(slot)) => match self.adopt(&issuer, slot, connection) {
                Ok(descriptor) => accepted = Some(descriptor),
                Err(error) => {
                    process.unreserve(Some(slot));
                    result = Err(error);
                }
            },
            (_, reserved) => process.unreserve(reserved),
        }
        if let (Some(descriptor), Waiting::Overlapped) = (accepted, pending.reply.waiting()) {
            self.out
                .rare()
                .opened
                .push((Arc::clone(process), descriptor, *life));
        }
        let (process, descriptor, _) = issuer;
        let through = (Cow::Owned(process), descriptor);
        self.hand_over(through, pending, notice, (result, accepted), None);
        let id = self.id;
        self.socket.references.retain(|it| {
            let stays = it.live || it.has_operations();
            if !stays {
                it.process.outlived.remove(id);
            }
            stays
        });
    }

    /// Hands over the result of an operation that was taken out.
    //= docs/specification.md#o2-one-end-for-each-operation
    //# - Every operation MUST end exactly once, either completed or aborted.
    //= docs/specification.md#o4-blocked-calls
    //# - A notification MUST NOT be posted for a blocked call that a close has aborted.
    //= docs/specification.md#o3-aborted-overlapped-operations
    //# - The packet of an aborted operation MUST carry the completion key that belongs
    //# to it.
    pub(super) fn hand_over(
        &mut self,
        (process, descriptor): (Cow<'_, Arc<Descriptors<S>>>, Descriptor),
        pending: Pending<S::Primitives>,
        notice: Notice,
        (result, accepted): (Result<usize, Error>, Option<Descriptor>),
        batch: Option<&mut Batch<S>>,
    ) {
        let operation = OperationId {
            socket: self.id,
            number: pending.number,
        };
        let notify = match pending.reply {
            Reply::Blocked(blocked) => {
                let answer = Answer {
                    result,
                    buffer: pending.buffer,
                    accepted,
                };
                self.out
                    .rare()
                    .answers
                    .push((operation, blocked.cell, answer));
                return;
            }
            Reply::Overlapped(notify) => notify,
        };
        if notice == Notice::Silent {
            self.note_delivered(operation, false, None);
            self.out.rare().silent.push(notify);
        } else {
            let home = accepted.and_then(|_| process.owner());
            let completion = Completion {
                operation,
                key: notify.key(),
                result,
                transferred: pending.done,
                buffer: pending.buffer,
                accepted,
            };
            let told = (operation, result.err());
            self.post(notify, Parcel::new(completion, home), told, batch);
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
        (operation, error): (OperationId, Option<Error>),
        batch: Option<&mut Batch<S>>,
    ) {
        match (notify.0, batch) {
            (How::Queue { queue, .. }, Some(batch)) => {
                if !batch.takes(&queue) {
                    self.post_batch(batch);
                    batch.queue = Some(queue);
                }
                batch.parcels.push(parcel);
                if S::Probe::ENABLED {
                    batch.told.push((operation, error));
                }
            }
            (How::Queue { queue, .. }, None) => {
                self.put(queue, &mut Few::from(parcel));
                self.note_delivered(operation, true, error);
            }
            (other, batch) => {
                if let Some(batch) = batch {
                    self.post_batch(batch);
                }
                if let Some(posted) = Notify(other).put(parcel) {
                    self.out.posted.push(posted);
                }
                self.note_delivered(operation, true, error);
            }
        }
    }

    /// Puts a batch into its queue.
    pub(super) fn post_batch(&mut self, batch: &mut Batch<S>) {
        if let Some(queue) = batch.queue.take() {
            self.put(queue, &mut batch.parcels);
            for (operation, error) in std::mem::take(&mut batch.told) {
                self.note_delivered(operation, true, error);
            }
        }
    }

    fn put(&mut self, queue: CompletionQueue<S::Primitives>, parcels: &mut Few<Parcel>) {
        let last = self.out.posted.last_mut();
        if !last.is_some_and(|it| it.joins(&queue, parcels)) {
            self.out.posted.push(Posted::in_queue(queue, parcels));
        }
    }

    fn note_delivered(&mut self, operation: OperationId, posted: bool, error: Option<Error>) {
        let delivered = Step::Delivered {
            operation,
            posted,
            error,
        };
        self.socket
            .machine
            .note(self.services, || Observation::of(delivered));
    }
}
