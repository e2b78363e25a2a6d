//! Closing a descriptor, and what else takes references away.

use std::borrow::Cow;

use super::clock::Clock as _;
use super::descriptors::Descriptors;
use super::handover::Batch;
use super::observation::{Observation, OperationId, Step};
use super::operation::Pending;
use super::primitives::Primitives as _;
use super::probe::Probe;
use super::process::ProcessState;
use super::progress::Section;
use super::reference::{Issuer, Reference, Taker, Watch};
use super::table::{Missed, Slot};
use super::{SocketId, System};
use crate::protocol::word::Word;
use crate::protocol::{
    AbortScope, Actions, Cause, CloseRequest, Commit, Cut, Descriptor, Error, Input, Socket, Time,
    UnreadInput, cut_off, notice,
};

type Taken<S> = Vec<Reference<S>>;

impl<S: System> ProcessState<S> {
    /// Closes a descriptor (D1, D2): look, commit, deliver, wait, leave.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if it is not open, or another close won;
    /// [`Error::WouldBlock`] (L2); [`Error::Interrupted`] if the wait was
    /// cancelled after the commit (L9).
    //= docs/specification.md#h3-not-after-a-failed-close
    //# - A close that fails before its commit MUST NOT give the handle back.
    //= docs/specification.md#l3-a-failed-close-leaves-no-trace
    //# - A failure before the commit MUST NOT keep a later close of the same descriptor
    //# from succeeding.
    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - With timed linger on a blocking socket, a last close MUST NOT return before the drain
    //# ends, the timeout expires or the wait is interrupted (L9, S2, S3).
    //= docs/specification.md#l4-operations-end-first
    //# - A lingering close MUST abort the pending operations before it starts to wait.
    //= docs/specification.md#h2-after-the-operations
    //# - The closing thread MUST give up its hold only after it has delivered the operations
    //# that it aborted.
    //= docs/specification.md#h5-background-drains
    //# - A provider MAY give the handle back before a background drain has ended.
    pub(super) fn close_descriptor(
        &self,
        descriptor: Descriptor,
        cause: Cause,
    ) -> Result<(), Error> {
        let life = self.life();
        let (socket, wait, operations) = match self.commit(descriptor, cause) {
            Ok(committed) => committed,
            Err(error) => {
                self.observe_return(descriptor, None, Err(error));
                return Err(error);
            }
        };
        let result = if wait {
            self.linger(socket, life)
        } else {
            Ok(())
        };
        self.leave(descriptor, 1 + operations);
        self.observe_return(descriptor, Some(wait), result);
        result
    }

    /// Tells the probe how a close returns; `waited` if it committed.
    fn observe_return(
        &self,
        descriptor: Descriptor,
        waited: Option<bool>,
        result: Result<(), Error>,
    ) {
        let returned = Step::CloseReturned {
            committed: waited.is_some(),
            waited: waited == Some(true),
            error: result.err(),
        };
        self.shared
            .services
            .observe(|| Observation::through(self.id, descriptor, returned));
    }

    /// The critical section of a close (D6a). Returns the socket, whether to wait
    /// for its drain, and how many holds of operations on this descriptor end with
    /// the closer's.
    //= docs/specification.md#d6a-one-critical-section
    //# - A close MUST perform all these steps in one critical section of its socket.
    //= docs/specification.md#d2-one-close-wins
    //# - When none of several concurrent closes of a descriptor fails before its commit,
    //# the provider MUST let exactly one of them commit.
    fn commit(&self, descriptor: Descriptor, cause: Cause) -> Result<(SocketId, bool, u64), Error> {
        let open = |slot: &&Slot<S::Primitives>| slot.word().is_open(descriptor.generation());
        let Some(slot) = self.table.slot(descriptor).filter(open) else {
            return Err(self.refuse(descriptor, cause));
        };
        // A hint until the word is sealed in this generation.
        let socket = slot.socket();
        let request = self.close_request(cause);
        let commit = self.shared.with_socket(socket, |section| {
            section.prepare_close();
            let outlives = section.may_be_outlived(self, descriptor);
            if outlives {
                self.outlived.add(socket);
            }
            let commit = loop {
                match section.try_commit((self, descriptor), slot, request) {
                    Ok(commit) => break commit,
                    Err(Refusal::Missed(Missed(before))) => {
                        let missed = Observation::through(self.id, descriptor, Step::SealMissed);
                        self.shared.services.observe(|| missed.saw(before));
                    }
                    Err(Refusal::Failed(error)) => {
                        section.observe_refusal(self, descriptor, cause, error);
                        if outlives {
                            self.outlived.remove(socket);
                        }
                        return Err(error);
                    }
                }
            };
            let is_left = |it: &Reference<S>| !it.live && it.is_of(self, descriptor);
            if outlives && !section.socket.references.iter().any(is_left) {
                self.outlived.remove(socket);
            }
            slot.set_cause(cause);
            section.settle(commit.actions);
            section.abort(commit.aborted);
            let operations = section.out.take_holds(self, descriptor);
            Ok((socket, commit.wait, operations))
        });
        // If the socket is gone, the descriptor is closed.
        commit.unwrap_or_else(|| Err(self.refuse(descriptor, cause)))
    }

    /// The descriptor was found closed under no lock (D1).
    fn refuse(&self, descriptor: Descriptor, cause: Cause) -> Error {
        let error = Error::NotSocket;
        self.shared.services.observe(|| {
            Observation::through(self.id, descriptor, Step::CloseRefused { cause, error })
        });
        error
    }

    pub(super) fn close_request(&self, cause: Cause) -> CloseRequest {
        let shared = &self.shared;
        CloseRequest {
            cause,
            now: shared.services.clock.now(),
            drain_limit: shared.services.config.drain_limit,
            may_wait: !S::Primitives::in_transport_call(),
        }
    }
}

/// Why a try to commit came to nothing.
enum Refusal {
    /// Somebody entered or left between the load and the swap: try again.
    Missed(Missed),
    /// The close failed.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Missed> for Refusal {
    fn from(missed: Missed) -> Self {
        Self::Missed(missed)
    }
}

impl<S: System> Section<'_, S> {
    /// Brings the socket up to date before a close is decided: what the peer
    /// has acknowledged is not queued data, and unread input counts (L6, L8).
    pub(super) fn prepare_close(&mut self) {
        let outcome = self.flush().and_then(|()| self.note_acknowledged());
        self.note_loss(outcome);
        if self.socket.machine.unread_input == UnreadInput::Reset
            && !self.socket.machine.transferred
            && let Some(endpoint) = self.socket.endpoint.as_mut()
        {
            use super::transport::Endpoint as _;
            let unread = endpoint.has_unread().unwrap_or(false);
            let _ = self.input(Input::InputUnread(unread));
        }
    }

    /// Whether operations may outlive this descriptor. The sweep of its process
    /// must find them as soon as it can see the descriptor closed, so they are
    /// counted before the seal.
    fn may_be_outlived(&mut self, process: &Descriptors<S>, descriptor: Descriptor) -> bool {
        let scope = self.socket.machine.abort_scope;
        let reference = self.socket.reference(process, descriptor);
        scope == AbortScope::LastReference && reference.is_some_and(|it| it.has_operations())
    }

    /// One try to commit.
    fn try_commit(
        &mut self,
        closing: (&Descriptors<S>, Descriptor),
        slot: &Slot<S::Primitives>,
        request: CloseRequest,
    ) -> Result<Commit<Taken<S>>, Refusal> {
        let (process, descriptor) = closing;
        let (before, machine) = (slot.word(), *self.socket.machine);
        let state = &mut *self.socket;
        let life = state
            .reference(process, descriptor)
            .map_or(0, |it| it.life.0);
        let mut taker = Taker {
            socket: self.id,
            references: &mut state.references,
            closing: Some(closing),
        };
        let swap = |sealed| slot.swap(before, sealed).map_err(Refusal::from);
        let mut commit = state
            .machine
            .close(request, before, descriptor, &mut taker, swap)?;
        let seen = (life, before, machine);
        self.observe_commit((process, descriptor), seen, request, &mut commit);
        Ok(commit)
    }

    /// Carries out a commit's orders; a drain starts at once, and so does a FIN
    /// that has waited for the sends that were taken out (S1a).
    pub(super) fn settle(&mut self, actions: Actions) {
        self.socket.carry_out(self.services, actions, self.out);
        if self.socket.machine.is_draining() || self.socket.fin_waits() {
            self.advance();
        }
    }

    fn observe_refusal(
        &mut self,
        process: &Descriptors<S>,
        descriptor: Descriptor,
        cause: Cause,
        error: Error,
    ) {
        let refused = Step::CloseRefused { cause, error };
        self.socket.machine.note(self.services, || {
            Observation::through(process.id, descriptor, refused)
        });
    }

    fn observe_commit(
        &mut self,
        (process, descriptor): (&Descriptors<S>, Descriptor),
        (life, before, machine): (u64, Word, Socket),
        request: CloseRequest,
        commit: &mut Commit<Taken<S>>,
    ) {
        self.socket.machine.note(self.services, || {
            let committed = Step::Committed {
                life,
                cause: request.cause,
                now: request.now,
                last: commit.last,
                wait: commit.wait,
                may_wait: request.may_wait,
                actions: commit.actions,
                aborted: count(&commit.aborted),
                machine,
            };
            Observation::through(process.id, descriptor, committed).saw(before)
        });
        self.observe_taken(&mut commit.aborted, request.cause);
    }

    pub(super) fn observe_reclaim(
        &mut self,
        dead: &Descriptors<S>,
        record: u64,
        (now, machine): (Time, Socket),
        commit: &mut Commit<Taken<S>>,
    ) {
        self.socket.machine.note(self.services, || {
            let reclaimed = Step::Reclaimed {
                record,
                now,
                last: commit.last,
                actions: commit.actions,
                aborted: count(&commit.aborted),
                machine,
            };
            Observation::by(dead.id, reclaimed)
        });
        self.observe_taken(&mut commit.aborted, Cause::Reclaimed);
    }

    /// Decides which of the operations that were taken out end silently, and
    /// tells the probe.
    pub(super) fn observe_taken(&mut self, references: &mut [Reference<S>], cause: Cause) {
        let socket = self.id;
        for reference in references {
            reference.over = reference.process.is_over(reference.life);
            if !S::Probe::ENABLED {
                continue;
            }
            for pending in reference.writes.iter().chain(&reference.reads) {
                let number = pending.number;
                let notice = notice(pending.reply.waiting(), reference.over);
                let taken = Step::Taken {
                    operation: OperationId { socket, number },
                    aborted: Some(cause),
                    error: None,
                    silent: Descriptors::<S>::silence(reference.life, notice),
                };
                let taken = Observation::by(reference.process.id, taken);
                self.socket.machine.note(self.services, || taken);
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
    pub(super) fn abort(&mut self, references: Vec<Reference<S>>) {
        let one = references.len() == 1;
        let (mut taken, mut batch) = (Vec::new(), Batch::new());
        for reference in references {
            let (issuer, over) = (reference.issuer(), reference.over);
            // Told by whoever closes it (O8).
            let watches = reference.watches.into_iter();
            for event in watches.filter_map(Watch::descriptor_closed) {
                self.out.rare().events.push(event);
            }
            for pending in reference.writes.into_iter().chain(reference.reads) {
                if one {
                    self.abort_one(&issuer, over, pending, &mut batch);
                } else {
                    taken.push((issuer.clone(), over, pending));
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
        self.out.aborted += 1;
        issuer.0.unreserve(pending.reserved.take());
        let waiting = pending.reply.waiting();
        let result = cut_off(Cut::Closed, waiting, pending.done);
        let through = (Cow::Borrowed(&issuer.0), issuer.1);
        let notice = notice(waiting, over);
        self.hand_over(through, pending, notice, (result, None), Some(batch));
    }
}

fn count<S: System>(references: &[Reference<S>]) -> usize {
    references
        .iter()
        .map(|it| it.reads.len() + it.writes.len())
        .sum()
}
