//! Closing, by call, cleanup and death, and the waiting that may follow.

use closesocket::protocol::word::{self, Word, WordPhase};
use closesocket::protocol::{
    Cause, CloseRequest, Commit, Cut, Descriptor, Error, Notice, PendingOperations, Preconditions,
    ProcessId, Take, Waiting, cut_off, notice,
};

use super::operations::OfSocket;
use super::table::Reference;
use super::{Closer, Operation, Runner};
use crate::call::{Answer, Happening, Key, Origin, Outcome};

impl Runner {
    pub(super) fn close(
        &mut self,
        process: ProcessId,
        descriptor: Descriptor,
        from: Origin,
    ) -> Result<Answer, Error> {
        Preconditions {
            idle: from != Origin::BlockingCall,
            ..self.preconditions(process)
        }
        .check()?;
        self.commit(process, descriptor, Cause::Call)
    }

    fn request(&self, cause: Cause) -> CloseRequest {
        CloseRequest {
            cause,
            now: self.now,
            drain_limit: self.setup.drain_limit,
            may_wait: true,
        }
    }

    /// The critical section of a close and what follows it.
    fn commit(
        &mut self,
        process: ProcessId,
        descriptor: Descriptor,
        cause: Cause,
    ) -> Result<Answer, Error> {
        let request = self.request(cause);
        let Self {
            processes,
            operations,
            sockets,
            ..
        } = self;
        let slot = processes
            .get_mut(usize::try_from(process.0).unwrap_or(usize::MAX))
            .and_then(|it| it.slot(descriptor))
            .filter(|it| Word::from_bits(it.word).is_open(descriptor.generation()))
            .ok_or(Error::NotSocket)?;
        let reference = Reference {
            process,
            descriptor,
            socket: slot.socket,
        };
        let mut pending = OfSocket {
            all: operations,
            socket: slot.socket,
            closing: Some(reference),
        };
        let seen = Word::from_bits(slot.word);
        let Commit {
            aborted,
            actions,
            wait,
            ..
        } = sockets[slot.socket].socket.close(
            request,
            seen,
            descriptor.generation(),
            &mut pending,
            |sealed| {
                slot.word = sealed.bits();
                slot.closed = Some(cause);
                Ok::<(), Error>(())
            },
        )?;
        self.carry_out(reference.socket, actions);
        let holds = 1 + self.deliver_aborted(aborted, Some(reference));
        if wait {
            let key = Key(self.calls);
            self.closers.push(Closer {
                key,
                reference,
                holds,
            });
            return Ok(Answer::Waiting);
        }
        self.leave(reference, holds);
        Ok(Answer::Done)
    }

    /// Delivers aborted operations. Returns how many holds on the closing
    /// descriptor its closer has to give up: those of overlapped operations;
    /// a woken thread leaves by itself, as do operations of other descriptors.
    fn deliver_aborted(&mut self, aborted: Vec<Operation>, closing: Option<Reference>) -> u64 {
        let mut holds = 0;
        for operation in aborted {
            let of = operation.reference;
            let over = self.process(of.process).is_ok_and(|it| it.gone.is_some());
            let told = cut_off(Cut::Closed, operation.waiting, operation.accepted());
            let told = told.map(Answer::bytes).into();
            let outcome = match notice(operation.waiting, over) {
                Notice::Wake => Outcome::Returned(told),
                Notice::Post => Outcome::Posted(told),
                Notice::Silent => Outcome::Silent,
            };
            self.deliver(&operation, outcome);
            if operation.waiting == Waiting::Overlapped && Some(of) == closing {
                holds += 1;
            } else {
                self.leave(of, 1);
            }
        }
        holds
    }

    pub(super) fn cleanup(&mut self, process: ProcessId) -> Result<Answer, Error> {
        if self.process(process)?.startups.cleanup()? {
            self.close_everything(process, Cause::Cleanup)?;
        }
        Ok(Answer::Done)
    }

    pub(super) fn die(&mut self, process: ProcessId) -> Result<Answer, Error> {
        let dying = self.process(process)?;
        if dying.gone == Some(Cause::Death) {
            return Err(Error::NotInitialised);
        }
        dying.startups.die();
        self.close_everything(process, Cause::Death)?;
        for index in 0..self.records.len() {
            let record = &mut self.records[index];
            if !record.record.reclaim(process) {
                continue;
            }
            let socket = record.socket;
            let request = self.request(Cause::Reclaimed);
            let mut pending = OfSocket {
                all: &mut self.operations,
                socket,
                closing: None,
            };
            let commit = self.sockets[socket].socket.reclaim(request, &mut pending);
            self.carry_out(socket, commit.actions);
            self.deliver_aborted(commit.aborted, None);
        }
        Ok(Answer::Done)
    }

    /// Closes every open descriptor, and takes out what is pending through
    /// closed ones (a close under `AbortScope::LastReference` left it).
    fn close_everything(&mut self, process: ProcessId, cause: Cause) -> Result<(), Error> {
        let dying = self.process(process)?;
        dying.gone = Some(cause);
        let slots: Vec<(u32, Word, usize)> = (0..)
            .zip(&dying.slots)
            .map(|(index, slot)| (index, Word::from_bits(slot.word), slot.socket))
            .collect();
        for &(index, word, _) in &slots {
            if word.phase() == WordPhase::Open {
                let descriptor = word::descriptor(word, index);
                self.commit(process, descriptor, cause)?;
                self.end_sends();
            }
        }
        for (index, word, socket) in slots {
            let descriptor = word::descriptor(word, index);
            match word.phase() {
                WordPhase::Free | WordPhase::Claimed | WordPhase::Open => {}
                WordPhase::Sealed => {
                    let closing = Some(Reference {
                        process,
                        descriptor,
                        socket,
                    });
                    let taken = OfSocket {
                        all: &mut self.operations,
                        socket,
                        closing,
                    }
                    .take(Take::ThisReference);
                    self.deliver_aborted(taken, None);
                }
            }
        }
        self.end_sends();
        Ok(())
    }

    /// A waiting close returns once its socket is closed.
    pub(super) fn wake_closers(&mut self) {
        for closer in std::mem::take(&mut self.closers) {
            if self.machine(closer.reference).is_closed() {
                self.happenings
                    .push(Happening::CloseReturned(closer.key, Answer::Done));
                self.leave(closer.reference, closer.holds);
            } else {
                self.closers.push(closer);
            }
        }
    }
}
