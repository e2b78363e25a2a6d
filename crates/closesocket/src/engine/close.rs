//! Closing a descriptor, and what else takes references away.

use super::clock::Clock as _;
use super::operation::{Pending, deliver_aborted};
use super::probe::{Observation, OperationId, Probe as _};
use super::process::ProcessState;
use super::progress::Section;
use super::socket::{Reference, Taker, abort_cause};
use super::table::Changed;
use super::{SocketId, System};
use crate::protocol::{Cause, CloseRequest, Commit, Descriptor, Error, UnreadInput};

type Taken<S> = Vec<Reference<S>>;

impl<S: System> ProcessState<S> {
    /// Closes a descriptor (D1, D2): look, commit, deliver, wait, leave.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if it is not open, or another close won;
    /// [`Error::WouldBlock`] (L2); [`Error::Interrupted`] if the wait was
    /// cancelled after the commit (L9).
    pub(super) fn close_descriptor(
        &self,
        descriptor: Descriptor,
        cause: Cause,
    ) -> Result<(), Error> {
        let committed = self.commit(descriptor, cause);
        if let Err(error) = committed {
            let process = self.id;
            self.shared.probe.observe(Observation::CloseRefused {
                process,
                descriptor,
                error,
            });
        }
        let (socket, commit) = committed?;
        let mut holds = 1;
        for reference in commit.aborted {
            let ended = self.end_reference(socket, reference, cause, descriptor);
            holds += ended;
        }
        let result = if commit.wait {
            self.linger(socket)
        } else {
            Ok(())
        };
        self.leave(descriptor, holds);
        result
    }

    /// The critical section of a close (D6a).
    fn commit(
        &self,
        descriptor: Descriptor,
        cause: Cause,
    ) -> Result<(SocketId, Commit<Taken<S>>), Error> {
        let slot = self.table.slot(descriptor).ok_or(Error::NotSocket)?;
        let generation = descriptor.generation();
        if !slot.word().is_open(generation) {
            return Err(Error::NotSocket);
        }
        // A hint until the word is sealed in this generation.
        let socket = slot.socket();
        let request = self.close_request(cause);
        let commit = self.shared.with_socket(socket, |work| {
            work.prepare_close();
            let state = &mut *work.state;
            let mut taker = Taker {
                references: &mut state.references,
                closing: Some((self, descriptor)),
            };
            let (before, commit) = loop {
                let seen = slot.word();
                let swap = |sealed| slot.swap(seen, sealed).map_err(Refusal::from);
                match state
                    .core
                    .close(request, seen, generation, &mut taker, swap)
                {
                    Ok(commit) => break (seen, commit),
                    Err(Refusal::Changed) => {}
                    Err(Refusal::Failed(error)) => return Err(error),
                }
            };
            slot.set_cause(cause);
            work.observe_commit(self, descriptor, before, cause, &commit);
            work.settle(commit.actions);
            Ok(commit)
        });
        commit
            .unwrap_or(Err(Error::NotSocket))
            .map(|commit| (socket, commit))
    }

    pub(super) fn close_request(&self, cause: Cause) -> CloseRequest {
        let shared = &self.shared;
        CloseRequest {
            cause,
            now: shared.clock.now(),
            drain_limit: shared.config.drain_limit,
        }
    }

    /// Ends what a close took out of one reference, outside the lock. Returns
    /// how many holds on `closing` end with it; those on other descriptors are
    /// ended here.
    fn end_reference(
        &self,
        socket: SocketId,
        reference: Reference<S>,
        cause: Cause,
        closing: Descriptor,
    ) -> u64 {
        let cause = abort_cause(&reference, self, cause);
        let Reference {
            process,
            descriptor,
            reads,
            writes,
            watches,
            ..
        } = reference;
        for watch in watches {
            watch.descriptor_closed();
        }
        let operations = writes.into_iter().chain(reads);
        let holds = deliver_aborted(&self.shared, &process, socket, cause, operations);
        let own = descriptor == closing && std::ptr::eq(&raw const *process, self);
        if own {
            return holds;
        }
        if holds > 0 {
            process.leave(descriptor, holds);
        }
        0
    }

    /// The process ends: operations that outlived their descriptors end with it
    /// (`AbortScope::LastReference`), silently.
    pub(super) fn forsake_operations(&self, cause: Cause) {
        for socket in self.shared.every_socket() {
            let taken = self.shared.with_socket(socket, |work| {
                let references = &mut work.state.references;
                let mine =
                    |it: &Reference<S>| !it.live && std::ptr::eq(&raw const *it.process, self);
                let mut taken = Vec::new();
                while let Some(index) = references.iter().position(mine) {
                    taken.push(references.swap_remove(index));
                }
                work.observe_taken(&taken, Some(cause));
                taken
            });
            for reference in taken.unwrap_or_default() {
                self.end_reference(socket, reference, cause, NO_DESCRIPTOR);
            }
        }
    }

    /// The process died: the records that nobody can redeem any more are
    /// reclaimed (D5).
    pub(super) fn reclaim_records(&self) {
        for socket in self.shared.every_socket() {
            while let Some(commit) = self.reclaim_one(socket) {
                for reference in commit.aborted {
                    self.end_reference(socket, reference, Cause::Reclaimed, NO_DESCRIPTOR);
                }
            }
        }
    }

    fn reclaim_one(&self, socket: SocketId) -> Option<Commit<Taken<S>>> {
        let request = self.close_request(Cause::Reclaimed);
        self.shared
            .with_socket(socket, |work| {
                let state = &mut *work.state;
                let index = state
                    .records
                    .iter_mut()
                    .position(|(_, record)| record.reclaim(self.id))?;
                state.records.swap_remove(index);
                work.prepare_close();
                let state = &mut *work.state;
                let mut taker = Taker {
                    references: &mut state.references,
                    closing: None,
                };
                let commit = state.core.reclaim(request, &mut taker);
                work.shared.probe.observe(Observation::Reclaimed {
                    socket,
                    last: commit.last,
                });
                work.observe_taken(&commit.aborted, Some(Cause::Reclaimed));
                work.settle(commit.actions);
                Some(commit)
            })
            .flatten()
    }
}

/// Why a try to commit came to nothing.
enum Refusal {
    /// Somebody entered or left between the load and the swap: try again.
    Changed,
    /// The close failed.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Changed> for Refusal {
    fn from(Changed: Changed) -> Self {
        Self::Changed
    }
}

/// A descriptor that is never issued.
const NO_DESCRIPTOR: Descriptor = Descriptor::from_raw(0);

impl<S: System> Section<'_, S> {
    /// Brings the socket up to date before a close is decided: what the peer
    /// has acknowledged is not queued data, and unread input counts (L6, L8).
    fn prepare_close(&mut self) {
        let outcome = self.flush().and_then(|()| self.note_acknowledged());
        self.note_loss(outcome);
        if self.state.core.unread_input == UnreadInput::Reset
            && let Some(endpoint) = self.state.endpoint.as_mut()
        {
            use super::transport::Endpoint as _;
            let unread = endpoint.has_unread().unwrap_or(false);
            self.state.core.set_input_unread(unread);
        }
    }

    /// Carries out a commit's orders; a drain starts at once.
    fn settle(&mut self, actions: crate::protocol::Actions) {
        self.state.carry_out(actions, self.out);
        if self.state.core.is_draining() {
            self.advance();
        }
    }

    fn observe_commit(
        &self,
        process: &ProcessState<S>,
        descriptor: Descriptor,
        before: crate::protocol::word::Word,
        cause: Cause,
        commit: &Commit<Taken<S>>,
    ) {
        let aborted = commit
            .aborted
            .iter()
            .map(|it| it.reads.len() + it.writes.len())
            .sum();
        self.shared.probe.observe(Observation::Committed {
            process: process.id,
            descriptor,
            socket: self.id,
            before,
            cause,
            last: commit.last,
            wait: commit.wait,
            actions: commit.actions,
            aborted,
        });
        self.observe_taken(&commit.aborted, Some(cause));
    }

    fn observe_taken(&self, references: &[Reference<S>], aborted: Option<Cause>) {
        for pending in references
            .iter()
            .flat_map(|it| it.writes.iter().chain(&it.reads))
        {
            let Pending { number, .. } = pending;
            let operation = OperationId {
                socket: self.id,
                number: *number,
            };
            self.shared
                .probe
                .observe(Observation::Taken { operation, aborted });
        }
    }
}
