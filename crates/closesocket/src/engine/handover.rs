//! Handing results over, in the section that takes their operations out.
//!
//! The result of an overlapped operation is put where it is waited for under the
//! lock of its socket. So results come there in the order of the operations,
//! whichever threads complete them (R8), and who has held the lock after a process
//! stopped knows that nothing more is put there for it (S2, S3).

use std::borrow::Cow;

use super::System;
use super::completion::{Completion, Packet, Parcel};
use super::descriptors::Descriptors;
use super::few::Few;
use super::keeper::Keeper;
use super::notify::{How, Notify, Posted};
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, Operations, Pending, Reply};
use super::probe::Probe;
use super::progress::Section;
use super::queue::CompletionQueue;
use super::reference::{Issuer, Reference, Watch};
use super::transport::EndpointOf;
use crate::protocol::{Cut, Descriptor, Error, Notice, Waiting, cut_off, notice};

/// The most completions that are put into a queue under one of its locks: few
/// enough not to keep its takers out for long.
const BATCH: usize = 128;

/// Completions for one queue, to be put there together.
struct Batch<S: System> {
    queue: Option<CompletionQueue<S::Primitives>>,
    packets: Few<Packet>,
    /// What the probe is told once they are there.
    told: Vec<(OperationId, Option<Error>)>,
}

impl<S: System> Batch<S> {
    const fn new() -> Self {
        Self {
            queue: None,
            packets: Few::new(),
            told: Vec::new(),
        }
    }

    fn takes(&self, queue: &CompletionQueue<S::Primitives>) -> bool {
        self.queue.as_ref().is_some_and(|open| open.is(queue)) && self.packets.len() < BATCH
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
        let notice = notice(pending.end.reply.waiting(), process.is_over(*life));
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
        match (connection, pending.end.reserved.take()) {
            (Some(connection), Some(slot)) => {
                match self.adopt(process, (slot, *life), connection) {
                    Ok(descriptor) => accepted = Some(descriptor),
                    Err(error) => {
                        process.unreserve(Some(slot));
                        result = Err(error);
                    }
                }
            }
            (_, reserved) => process.unreserve(reserved),
        }
        if let (Some(descriptor), Waiting::Overlapped) = (accepted, pending.end.reply.waiting()) {
            self.out
                .rare()
                .opened
                .push((Keeper::clone(process), descriptor, *life));
        }
        let (process, descriptor, _) = issuer;
        let through = (Cow::Owned(process), descriptor);
        self.hand_over(through, pending, notice, (result, accepted), None);
        let id = self.id;
        self.socket.references.retain(|it| {
            let stays = it.live || it.has_operations();
            if let Some(process) = it.keeper.as_ref().filter(|_| !stays) {
                process.outlived.remove(id);
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
    fn hand_over(
        &mut self,
        (process, descriptor): (Cow<'_, Keeper<Descriptors<S>>>, Descriptor),
        pending: Pending<S::Primitives>,
        notice: Notice,
        (result, accepted): (Result<usize, Error>, Option<Descriptor>),
        batch: Option<&mut Batch<S>>,
    ) {
        let operation = OperationId {
            socket: self.id,
            number: pending.number,
        };
        let notify = match pending.end.reply {
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
                kind: Some(pending.kind),
                descriptor,
                key: notify.key(),
                result,
                transferred: pending.done,
                buffer: pending.buffer,
                accepted,
            };
            let told = (operation, result.err());
            self.post(notify, Parcel::new(completion, home), told, batch);
        }
        self.out.end_holds(process, descriptor, 1);
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
                self.open_batch(batch, queue);
                batch.packets.push(Packet::One(parcel));
                if S::Probe::ENABLED {
                    batch.told.push((operation, error));
                }
            }
            (How::Queue { queue, .. }, None) => {
                self.put(queue, &mut Few::from(Packet::One(parcel)));
                self.note_delivered(operation, true, error);
            }
            (other, batch) => {
                if let Some(batch) = batch {
                    self.post_batch(batch);
                }
                if let Some(posted) = Notify(other).put(parcel) {
                    self.out.ended().posted.push(posted);
                }
                self.note_delivered(operation, true, error);
            }
        }
    }

    /// Ends what was taken out, the results behind those of the operations that
    /// completed in the same section.
    //= docs/specification.md#r8-results-in-order
    //# - An operation that is cancelled, or aborted by a close, MUST NOT be posted ahead of one of
    //# its direction that ended before it.
    //= docs/specification.md#r8-results-in-order
    //# - The results of the operations of one direction of one socket MUST be posted in the order
    //# of the operations, whichever threads complete them.
    #[inline]
    pub(super) fn abort(&mut self, mut references: Vec<Reference<S>>) {
        if !references.is_empty() {
            self.abort_all(&mut references);
            if self.socket.references.capacity() == 0 {
                self.socket.references = references;
            }
        }
    }

    // Apart from closes that abort nothing, which save fewer registers then.
    #[cold]
    fn abort_all(&mut self, references: &mut Vec<Reference<S>>) {
        let one = references.len() == 1;
        let (mut taken, mut batch) = (Vec::new(), Batch::new());
        for reference in references.drain(..) {
            // Told by whoever closes it (O8).
            let watches = reference.watches.all();
            for event in watches.filter_map(Watch::descriptor_closed) {
                self.out.rare().events.push(event);
            }
            let Some(keeper) = reference.keeper else {
                continue;
            };
            let issuer = (keeper, reference.descriptor, reference.life);
            let over = reference.over;
            for mut operations in [reference.writes, reference.reads] {
                if one && !over && self.abort_whole(&issuer, &mut operations, &mut batch) {
                    continue;
                }
                while let Some(pending) = operations.pop_front() {
                    if one {
                        self.abort_one(&issuer, over, pending, &mut batch);
                    } else {
                        taken.push((issuer.clone(), over, pending));
                    }
                }
            }
        }
        taken.sort_by_key(|(.., pending)| pending.number);
        for (issuer, over, pending) in taken {
            self.abort_one(&issuer, over, pending, &mut batch);
        }
        self.post_batch(&mut batch);
    }

    fn abort_one(
        &mut self,
        issuer: &Issuer<S>,
        over: bool,
        mut pending: Pending<S::Primitives>,
        batch: &mut Batch<S>,
    ) {
        self.out.ended().aborted += 1;
        issuer.0.unreserve(pending.end.reserved.take());
        let waiting = pending.end.reply.waiting();
        let result = cut_off(Cut::Closed, waiting, pending.done);
        let through = (Cow::Borrowed(&issuer.0), issuer.1);
        let notice = notice(waiting, over);
        self.hand_over(through, pending, notice, (result, None), Some(batch));
    }

    /// Ends all operations of a row that report to one queue at once, aborted by a
    /// close. Returns false, and leaves them, if they do not.
    fn abort_whole(
        &mut self,
        issuer: &Issuer<S>,
        operations: &mut Operations<S::Primitives>,
        batch: &mut Batch<S>,
    ) -> bool {
        let numbers: Vec<u64> = if S::Probe::ENABLED {
            operations.iter().map(|it| it.number).collect()
        } else {
            Vec::new()
        };
        let Some((queue, aborted)) = operations.abort_whole() else {
            return false;
        };
        let count = aborted.left() as u64;
        self.open_batch(batch, queue);
        batch.packets.push(Packet::Several(aborted));
        let socket = self.id;
        let told = numbers.into_iter().map(|number| {
            let operation = OperationId { socket, number };
            (operation, Some(Error::OperationAborted))
        });
        batch.told.extend(told);
        self.out.ended().aborted += count;
        self.out
            .end_holds(Cow::Borrowed(&issuer.0), issuer.1, count);
        true
    }

    /// Makes the batch one for this queue that has room.
    fn open_batch(&mut self, batch: &mut Batch<S>, queue: CompletionQueue<S::Primitives>) {
        if !batch.takes(&queue) {
            self.post_batch(batch);
            batch.queue = Some(queue);
        }
    }

    /// Puts a batch into its queue.
    fn post_batch(&mut self, batch: &mut Batch<S>) {
        if let Some(queue) = batch.queue.take() {
            self.put(queue, &mut batch.packets);
            for (operation, error) in std::mem::take(&mut batch.told) {
                self.note_delivered(operation, true, error);
            }
        }
    }

    fn put(&mut self, queue: CompletionQueue<S::Primitives>, packets: &mut Few<Packet>) {
        let last = self.out.ended().posted.last_mut();
        if !last.is_some_and(|it| it.joins(&queue, packets)) {
            self.out
                .ended()
                .posted
                .push(Posted::in_queue(queue, packets));
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
