//! Cancelling operations (C1): one, or all through one descriptor.

use super::System;
use super::descriptors::Descriptors;
use super::observation::{Observation, OperationId, Step};
use super::process::ProcessState;
use super::progress::Section;
use super::provider::Process;
use crate::protocol::{Cut, Descriptor, Error, cut_off, may_cancel};

impl<S: System> Process<S> {
    /// Cancels one operation of this process (`CancelIoEx` with its
    /// `OVERLAPPED`). It ends exactly once: completed as if nobody had cancelled,
    /// if it was quicker, or with [`Error::OperationAborted`] and its
    /// notification. A receive that was cancelled has taken no byte; of a send,
    /// [`Completion::transferred`](super::completions::Completion::transferred) says how many
    /// were accepted and are still sent. A cancelled connect goes on, as a
    /// nonblocking one does.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it has ended, was never issued or is another
    /// process's; [`Error::NotInitialised`] and [`Error::NetworkDown`].
    pub fn cancel(&self, operation: OperationId) -> Result<(), Error> {
        self.state.check_usable()?;
        self.state.cancel(operation)
    }

    /// Cancels everything that is pending through a descriptor (`CancelIoEx`
    /// with none), and returns how much that was: overlapped operations as in
    /// [`Process::cancel`], blocked calls of other threads as in
    /// [`Process::cancel_blocking_call`]. What is pending through other
    /// descriptors of the socket goes on.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing is pending; [`Error::NotSocket`].
    pub fn cancel_all(&self, descriptor: Descriptor) -> Result<usize, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            let reference = section.socket.reference(&self.state, descriptor);
            let reference = reference.ok_or(Error::NotSocket)?;
            let pending = reference.writes.iter().chain(reference.reads.iter());
            let numbers: Vec<u64> = pending.map(|it| it.number).collect();
            let mut cancelled = 0;
            for number in numbers {
                section.cancel(&self.state, Some(descriptor), number)?;
                cancelled += 1;
            }
            if cancelled == 0 {
                return Err(Error::NotFound);
            }
            Ok(cancelled)
        })
    }
}

impl<S: System> ProcessState<S> {
    /// Cancels an operation of this process, whatever has become of that.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub(super) fn cancel(&self, operation: OperationId) -> Result<(), Error> {
        let cancelled = self.shared.with_socket(operation.socket, |section| {
            let cancelled = section.cancel(self, None, operation.number);
            section.advance();
            cancelled
        });
        cancelled.unwrap_or(Err(Error::NotFound))
    }
}

impl<S: System> Section<'_, S> {
    /// Takes this operation out, to end as cancelled.
    //= docs/specification.md#c1-cancelling
    //# - A cancelled operation MUST end exactly once, either completed as if nobody had cancelled
    //# it or as cancelled.
    //= docs/specification.md#c1-cancelling
    //# - A cancelled receive MUST NOT have taken any byte.
    //= docs/specification.md#c1-cancelling
    //# - The completion of a cancelled send MUST say how many of its bytes were accepted.
    fn cancel(
        &mut self,
        canceller: &Descriptors<S>,
        through: Option<Descriptor>,
        number: u64,
    ) -> Result<(), Error> {
        let owner = self.socket.owner_of(number);
        let own = owner == Some(canceller.id);
        let may = may_cancel(owner.is_some(), own);
        let operation = OperationId {
            socket: self.id,
            number,
        };
        self.socket.machine.note(self.services, || Observation {
            descriptor: through,
            ..Observation::by(
                canceller.id,
                Step::Cancelled {
                    operation,
                    error: may.err(),
                },
            )
        });
        may?;
        let (issuer, pending) = self.socket.take_operation(number).ok_or(Error::NotFound)?;
        let result = cut_off(Cut::Cancelled, pending.end.reply.waiting(), pending.done);
        self.conclude(issuer, pending, result, None);
        Ok(())
    }
}
