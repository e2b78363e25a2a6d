//! A thread that waits in a blocking call: for an operation's answer, for the
//! drain of its close, in a select.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::blocked::{ANSWERED, Call, Fate, INTERRUPTED, interrupt};
use super::clock::Clock as _;
use super::completion::Life;
use super::event::Event;
use super::observation::{Observation, Step};
use super::operation::{Answer, AnswerCell};
use super::parked::{Awaited, Parked};
use super::primitives::{Monitor, Primitives, Word};
use super::process::ProcessState;
use super::transport::Waiter;
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
    /// longer than its limit. If the thread drives it, `go_on` is a turn of that.
    //= docs/specification.md#c3-time-limits
    //# - A call that its time limit ends MUST NOT have taken a byte or a connection.
    pub(super) fn block(
        &self,
        parked: Parked<S::Primitives>,
        go_on: impl FnMut() -> Option<Awaited>,
    ) -> Answer {
        let Parked {
            operation,
            cell,
            limit,
            drive,
        } = parked;
        let call = Call::Operation(operation);
        let number = self.blocked.enter(call.clone());
        let mut answer = match drive {
            None => cell.wait(limit, |place| place.answer.take()),
            Some(drive) => self.drive(&cell, drive, limit, go_on),
        };
        if answer.is_none() && limit.is_some() {
            // If it has ended meanwhile, whoever took it out is bringing the
            // answer: nothing is lost (C3).
            interrupt(&self.shared, &call, Cut::TimedOut);
            answer = cell.wait(None, |place| place.answer.take());
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

    /// Waits at the endpoint and goes on with the operation, until it has an
    /// answer: this thread's own or somebody else's, such as a close's. `None` if
    /// the limit has passed.
    fn drive(
        &self,
        cell: &AnswerCell<S::Primitives>,
        (waiter, mut awaited): (Arc<dyn Waiter>, Awaited),
        limit: Option<Duration>,
        mut go_on: impl FnMut() -> Option<Awaited>,
    ) -> Option<Answer> {
        let clock = &self.shared.services.clock;
        let end = limit.map(|limit| clock.now().after(limit));
        loop {
            let answer = cell.lock(|place| {
                if place.answer.is_none() {
                    place.asleep = Some(Arc::clone(&waiter));
                }
                place.answer.take()
            });
            let left = end.map(|end| clock.now().until(end));
            if answer.is_some() || left.is_some_and(|left| left.is_zero()) {
                return answer;
            }
            let pause = [left, awaited.pause].into_iter().flatten().min();
            waiter.wait(awaited.interest, pause);
            // An answer of its own need not wake it.
            cell.lock(|place| place.asleep = None);
            match go_on() {
                Some(next) => awaited = next,
                // Whoever has taken the operation out is bringing the answer. Until
                // then the endpoint may be ready for nothing but another wait.
                None => return cell.wait(None, |place| place.answer.take()),
            }
        }
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
