//! Closing a descriptor, and what else takes references away.

use super::clock::Clock as _;
use super::descriptors::Descriptors;
use super::observation::{Observation, OperationId, Step};
use super::primitives::Primitives as _;
use super::probe::Probe;
use super::process::ProcessState;
use super::progress::Section;
use super::reference::{Reference, Taker};
use super::table::{Missed, Slot};
use super::transport::{Endpoint as _, Found};
use super::{SocketId, System};
use crate::protocol::word::Word;
use crate::protocol::{
    AbortScope, Actions, Cause, CloseRequest, Commit, Connection, Descriptor, Error, Input, Socket,
    Time, UnreadInput, notice,
};

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
        self.close_prepared(descriptor, cause, |_| ())
    }

    /// The same; `prepare` runs in its section before it is decided.
    pub(super) fn close_prepared(
        &self,
        descriptor: Descriptor,
        cause: Cause,
        prepare: impl FnOnce(&mut Section<'_, S>),
    ) -> Result<(), Error> {
        let life = self.life();
        let committed = match self.commit(descriptor, cause, prepare) {
            Ok(committed) => committed,
            Err(error) => {
                self.observe_return(descriptor, None, Err(error));
                return Err(error);
            }
        };
        let result = if committed.wait {
            self.linger(committed.socket, life)
        } else {
            Ok(())
        };
        self.leave_slot(committed.slot, descriptor, 1 + committed.operations);
        self.observe_return(descriptor, Some(committed.wait), result);
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

    /// The critical section of a close (D6a).
    //= docs/specification.md#d6a-one-critical-section
    //# - A close MUST perform all these steps in one critical section of its socket.
    //= docs/specification.md#d2-one-close-wins
    //# - When none of several concurrent closes of a descriptor fails before its commit,
    //# the provider MUST let exactly one of them commit.
    fn commit(
        &self,
        descriptor: Descriptor,
        cause: Cause,
        prepare: impl FnOnce(&mut Section<'_, S>),
    ) -> Result<Committed<'_, S>, Error> {
        let open = |slot: &&Slot<S::Primitives>| slot.word().is_open(descriptor.generation());
        let Some(slot) = self.table.slot(descriptor).filter(open) else {
            return Err(self.refuse(descriptor, cause));
        };
        // A hint until the word is sealed in this generation.
        let socket = slot.socket();
        let commit = self.shared.with_socket(socket, |section| {
            section.prepare_close();
            prepare(section);
            let request = section.close_request(cause);
            let outlives = section.may_be_outlived(self, descriptor);
            if outlives {
                self.outlived.add(socket);
            }
            let mut taken = Vec::new();
            let commit = loop {
                match section.try_commit((self, descriptor), slot, request, &mut taken) {
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
            section.out.closing = Some((self.id, descriptor));
            section.settle(commit.actions, &taken);
            section.abort(taken);
            section.out.kept = section.out.released && slot.keep(socket);
            Ok(Committed {
                slot,
                socket,
                wait: commit.wait,
                operations: section.out.closer_ends,
            })
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
}

/// What a close that has committed still has to do.
struct Committed<'a, S: System> {
    /// The slot to leave.
    slot: &'a Slot<S::Primitives>,
    socket: SocketId,
    /// Whether to wait for the drain of the socket.
    wait: bool,
    /// How many holds of operations on this descriptor end with the closer's.
    operations: u64,
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
    /// Brings a socket that is or was connected up to date before a close is
    /// decided: what the peer has acknowledged is not queued data, and unread input
    /// counts (L6, L8).
    #[inline]
    pub(super) fn prepare_close(&mut self) {
        match self.socket.machine.connection {
            Connection::Connected | Connection::Lost => self.bring_up_to_date(),
            Connection::Unconnected | Connection::Connecting | Connection::Listening => {}
        }
    }

    fn bring_up_to_date(&mut self) {
        let outcome = self.flush().and_then(|()| self.note_acknowledged());
        self.note_loss(outcome);
        if self.socket.machine.unread_input == UnreadInput::Reset
            && !self.socket.machine.transferred
            && let Some(endpoint) = self.socket.endpoint.as_mut()
        {
            let unread = endpoint.look() == Ok(Found::Input);
            let _ = self.input(Input::InputUnread(unread));
        }
    }

    /// What the protocol is told of a close for this cause. The clock is asked only
    /// if there may be a drain, and so a deadline: where nothing is queued, the FIN
    /// ends it at once.
    pub(super) fn close_request(&self, cause: Cause) -> CloseRequest {
        let may_drain = self.socket.machine.queued() > 0;
        CloseRequest {
            cause,
            now: if may_drain {
                self.services.clock.now()
            } else {
                Time::ZERO
            },
            drain_limit: self.services.config.drain_limit,
            may_wait: !S::Primitives::in_transport_call(),
        }
    }

    /// Whether operations may outlive this descriptor. The sweep of its process
    /// must find them as soon as it can see the descriptor closed, so they are
    /// counted before the seal.
    fn may_be_outlived(&mut self, process: &Descriptors<S>, descriptor: Descriptor) -> bool {
        self.socket.machine.abort_scope == AbortScope::LastReference
            && self
                .socket
                .reference(process, descriptor)
                .is_some_and(|it| it.has_operations())
    }

    /// One try to commit.
    #[inline]
    fn try_commit(
        &mut self,
        closing: (&Descriptors<S>, Descriptor),
        slot: &Slot<S::Primitives>,
        request: CloseRequest,
        taken: &mut Vec<Reference<S>>,
    ) -> Result<Commit<()>, Refusal> {
        let (process, descriptor) = closing;
        let (before, machine) = (slot.word(), *self.socket.machine);
        let state = &mut *self.socket;
        let reference = state.reference(process, descriptor);
        let life = reference.map_or(0, |it| it.life.0);
        let mut taker = Taker {
            socket: self.id,
            references: &mut state.references,
            closing: Some(closing),
            taken,
        };
        let swap = |sealed| slot.swap(before, sealed).map_err(Refusal::from);
        let commit = state
            .machine
            .close(request, before, descriptor, &mut taker, swap)?;
        let seen = (life, before, machine);
        self.observe_commit((process, descriptor), seen, request, commit, taken);
        Ok(commit)
    }

    /// Carries out a commit's orders; a drain starts at once, and so does a FIN
    /// that has waited for the sends that were taken out (S1a). What was left to a
    /// thread that goes on with it no more goes on here: its events were passed
    /// over, or not asked for.
    #[inline]
    pub(super) fn settle(&mut self, actions: Actions, taken: &[Reference<S>]) {
        self.socket.carry_out(self.services, actions, self.out);
        let machine = &self.socket.machine;
        let left = machine.is_open() && taken.iter().any(Reference::is_driven);
        if left || machine.is_draining() || self.socket.fin_waits() {
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
        commit: Commit<()>,
        taken: &mut [Reference<S>],
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
                aborted: count(taken),
                machine,
            };
            Observation::through(process.id, descriptor, committed).saw(before)
        });
        self.observe_taken(taken, request.cause);
    }

    pub(super) fn observe_reclaim(
        &mut self,
        dead: &Descriptors<S>,
        record: u64,
        (now, machine): (Time, Socket),
        commit: Commit<()>,
        taken: &mut [Reference<S>],
    ) {
        self.socket.machine.note(self.services, || {
            let reclaimed = Step::Reclaimed {
                record,
                now,
                last: commit.last,
                actions: commit.actions,
                aborted: count(taken),
                machine,
            };
            Observation::by(dead.id, reclaimed)
        });
        self.observe_taken(taken, Cause::Reclaimed);
    }

    /// Decides which of the operations that were taken out end silently, and
    /// tells the probe.
    pub(super) fn observe_taken(&mut self, references: &mut [Reference<S>], cause: Cause) {
        let socket = self.id;
        for reference in references {
            let process = reference.keeper.as_ref();
            reference.over = process.is_some_and(|it| it.is_over(reference.life));
            if !S::Probe::ENABLED {
                continue;
            }
            for pending in reference.writes.iter().chain(reference.reads.iter()) {
                let number = pending.number;
                let notice = notice(pending.end.waiting(), reference.over);
                let taken = Step::Taken {
                    operation: OperationId { socket, number },
                    aborted: Some(cause),
                    error: None,
                    silent: Descriptors::<S>::silence(reference.life, notice),
                };
                let taken = Observation::by(reference.process, taken);
                self.socket.machine.note(self.services, || taken);
            }
        }
    }
}

fn count<S: System>(references: &[Reference<S>]) -> usize {
    references
        .iter()
        .map(|it| it.reads.len() + it.writes.len())
        .sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Provider;
    use super::super::completions::{CompletionQueue, Notify};
    use super::super::net::MemoryAddress;
    use crate::protocol::Error;

    /// The end of its process would look for them there for ever.
    #[test]
    fn a_close_that_would_block_leaves_no_operation_to_outlive_its_descriptor() {
        let provider = Provider::under_last_reference();
        let process = provider.startup().unwrap();
        let peers = provider.transport().listen(MemoryAddress(1)).unwrap();
        let descriptor = process.socket().unwrap();
        process.set_nonblocking(descriptor, true).unwrap();
        let connecting = process.connect(descriptor, &peers.address());
        assert_eq!(connecting, Err(Error::WouldBlock));
        let peer = peers.accept().unwrap();
        peer.stall(true);
        process.send(descriptor, b"queued").unwrap();
        process.set_linger(descriptor, Some(9)).unwrap();
        let queue = CompletionQueue::new();
        process
            .recv_overlapped(descriptor, vec![0; 4], Notify::queue(&queue, 1))
            .unwrap();
        assert_eq!(process.close(descriptor), Err(Error::WouldBlock));
        assert!(process.state.outlived.all().is_empty());
    }
}
