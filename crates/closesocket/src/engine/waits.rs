//! A thread that waits in a blocking call: for an operation's answer, for the
//! drain of its close, in a select.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::blocked::{ANSWERED, Call, Fate, INTERRUPTED, interrupt};
use super::completion::Life;
use super::event::Event;
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, AnswerCell};
use super::primitives::{Monitor, Primitives, Word};
use super::process::ProcessState;
use super::{SocketId, System};
use crate::protocol::{Cut, Error};

/// A select that is among the blocked calls.
pub(super) struct Selecting<'a, S: System> {
    process: &'a ProcessState<S>,
    life: Life,
    fate: Fate<S>,
    number: u64,
}

impl<'a, S: System> Selecting<'a, S> {
    /// Puts a select of this thread, which this event wakes, among them.
    pub(super) fn new(process: &'a ProcessState<S>, event: &Event<S::Primitives>) -> Self {
        let life = process.life();
        let fate = Arc::new(<S::Primitives as Primitives>::Word::new(0));
        let call = Call::Selecting(Arc::clone(&fate), event.clone());
        let number = process.blocked.enter(call);
        Self {
            process,
            life,
            fate,
            number,
        }
    }

    /// Whether it must return [`Error::Interrupted`]: it was cancelled, or the
    /// life of its process has ended.
    pub(super) fn is_interrupted(&self) -> bool {
        self.fate.load(Ordering::Acquire) == INTERRUPTED || self.process.is_over(self.life)
    }

    /// It has an answer, unless it was interrupted first.
    pub(super) fn answer(&self) -> Result<(), Error> {
        let answered = self.fate.compare_exchange(0, ANSWERED);
        if answered.is_ok() && !self.process.is_over(self.life) {
            Ok(())
        } else {
            Err(Error::Interrupted)
        }
    }
}

impl<S: System> Drop for Selecting<'_, S> {
    fn drop(&mut self) {
        self.process.blocked.exit(self.number);
    }
}

impl<S: System> ProcessState<S> {
    /// Waits for the answer of an operation that this thread has parked, no
    /// longer than the limit.
    //= docs/specification.md#c3-time-limits
    //# - A call that its time limit ends MUST NOT have taken a byte or a connection.
    pub(super) fn block(
        &self,
        operation: OperationId,
        cell: &AnswerCell<S::Primitives>,
        limit: Option<Duration>,
    ) -> Answer {
        let call = Call::Operation(operation);
        let number = self.blocked.enter(call.clone());
        let mut answer = cell.wait(limit, Option::take);
        if answer.is_none() && limit.is_some() {
            // If it has ended meanwhile, whoever took it out is bringing the
            // answer: nothing is lost (C3).
            interrupt(&self.shared, &call, Cut::TimedOut);
            answer = cell.wait(None, Option::take);
        }
        self.blocked.exit(number);
        let resumed = Observation::of(Step::Resumed { operation });
        self.shared.services.observe(|| resumed);
        answer.unwrap_or(Answer {
            result: Err(Error::Interrupted),
            buffer: Vec::new(),
            accepted: None,
        })
    }

    /// Waits for the drain that this thread's close began (L table, row 3), a
    /// call of this life.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the wait was cancelled or the life ended; the
    /// drain goes on (L9).
    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - A lingering close MUST return success both when the drain ended and when the
    //# timeout expired.
    //= docs/specification.md#l9-a-cancelled-wait
    //# - A lingering close whose wait is cancelled by WSPCancelBlockingCall MUST return
    //# WSAEINTR and leave the descriptor closed.
    pub(super) fn linger(&self, socket: SocketId, life: Life) -> Result<(), Error> {
        let flag = Arc::new(<S::Primitives as Primitives>::Word::new(0));
        let number = self
            .blocked
            .enter(Call::Lingering(socket, Arc::clone(&flag)));
        let drained = self.shared.wait_for_drain(socket, || {
            flag.load(Ordering::Acquire) != 0 || self.is_over(life)
        });
        self.blocked.exit(number);
        if drained {
            Ok(())
        } else {
            Err(Error::Interrupted)
        }
    }
}
