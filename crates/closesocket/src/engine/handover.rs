//! Handing results over, in the section that takes their operations out.
//!
//! The result of an overlapped operation is put where it is waited for under the
//! lock of its socket. So results come there in the order of the operations,
//! whichever threads complete them (R8), and who has held the lock after a process
//! stopped knows that nothing more is put there for it (S2, S3).

use std::sync::Arc;

use super::System;
use super::completion::{Completion, Parcel};
use super::descriptors::Descriptors;
use super::notify::{How, Notify, Posted};
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, Pending, Reply};
use super::probe::Probe;
use super::progress::Section;
use super::reference::Issuer;
use super::transport::EndpointOf;
use crate::protocol::{Descriptor, Error, Notice, Waiting, notice};

/// The most completions that are put into a queue under one of its locks: few
/// enough not to keep its takers out for long.
const BATCH: usize = 128;

impl<S: System> Section<'_, S> {
    /// Ends an operation that was taken out.
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
        self.state
            .core
            .note(self.services, || Observation::by(process.id, taken));
        let mut accepted = None;
        match (connection, pending.reserved.take()) {
            //= docs/specification.md#o7-accept-connect-and-the-backlog
            //# - An accept or connect whose completion came ahead of the commit MUST keep its
            //# success.
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
                .opened
                .push((Arc::clone(process), descriptor, *life));
        }
        self.hand_over(issuer, pending, notice, result, accepted);
        let id = self.id;
        self.state.references.retain(|it| {
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
            let home = accepted.and_then(|_| process.owner());
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
            self.out.posted.push(Posted::in_queue(queue, parcels));
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
            .note(self.services, || Observation::of(delivered));
    }
}
