//! The blocking calls in progress, so that they can be cancelled
//! (`WSPCancelBlockingCall`, L9), end at their time limit (C3) and end with
//! their process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::notify::Event;
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, AnswerCell};
use super::primitives::{Monitor, Primitives, Word};
use super::process::{Life, ProcessState};
use super::shared::Shared;
use super::{SocketId, System};
use crate::protocol::{Cut, Error, cut_off};

/// A select that waits: 0, or one of the two below.
type Fate<S> = Arc<<<S as System>::Primitives as Primitives>::Word>;
/// It was interrupted.
const INTERRUPTED: u64 = 1;
/// It has an answer.
const ANSWERED: u64 = 2;

/// What a thread is blocked in.
pub(super) enum Call<S: System> {
    /// A send, receive, accept or connect.
    Operation(OperationId),
    /// A close that waits for the drain; the word is set to end the wait.
    Lingering(SocketId, Arc<<S::Primitives as Primitives>::Word>),
    /// A select, and what wakes it.
    Selecting(Fate<S>, Event<S::Primitives>),
}

impl<S: System> Clone for Call<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Operation(operation) => Self::Operation(*operation),
            Self::Lingering(socket, flag) => Self::Lingering(*socket, Arc::clone(flag)),
            Self::Selecting(fate, event) => Self::Selecting(Arc::clone(fate), event.clone()),
        }
    }
}

/// A thread in a blocking call. It can be in several at once, one within the
/// other: an upcall or a destructor that runs in one may make the next.
struct Entry<S: System> {
    thread: u64,
    number: u64,
    call: Call<S>,
}

struct Entries<S: System> {
    next: u64,
    list: Vec<Entry<S>>,
}

/// The blocking calls of a process.
pub(super) struct BlockedCalls<S: System>(<S::Primitives as Primitives>::Monitor<Entries<S>>);

impl<S: System> BlockedCalls<S> {
    pub(super) fn new() -> Self {
        Self(Monitor::new(Entries {
            next: 0,
            list: Vec::new(),
        }))
    }

    /// Ends the innermost blocking call of this thread. False if it is in none,
    /// or its call has ended by itself.
    pub(super) fn cancel(&self, shared: &Arc<Shared<S>>, thread: u64) -> bool {
        let call = self.0.lock(|calls| {
            let innermost = calls.list.iter().rfind(|it| it.thread == thread);
            innermost.map(|it| it.call.clone())
        });
        call.is_some_and(|call| interrupt(shared, &call, Cut::Cancelled))
    }

    /// Every blocking call of the process.
    pub(super) fn all(&self) -> Vec<Call<S>> {
        self.0
            .lock(|calls| calls.list.iter().map(|it| it.call.clone()).collect())
    }

    /// How many threads are blocked.
    pub(super) fn count(&self) -> usize {
        let mut threads: Vec<u64> = self
            .0
            .lock(|calls| calls.list.iter().map(|it| it.thread).collect());
        threads.sort_unstable();
        threads.dedup();
        threads.len()
    }

    fn enter(&self, call: Call<S>) -> u64 {
        let thread = S::Primitives::current_thread();
        self.0.lock(|calls| {
            let number = calls.next;
            calls.next += 1;
            calls.list.push(Entry {
                thread,
                number,
                call,
            });
            number
        })
    }

    /// Removes this very call; an outer one of the thread goes on.
    fn exit(&self, number: u64) {
        let ended = self.0.lock(|calls| {
            let place = calls.list.iter().position(|it| it.number == number)?;
            Some(calls.list.swap_remove(place))
        });
        drop(ended);
    }
}

/// Ends a blocking call early. False if it has ended.
pub(super) fn interrupt<S: System>(shared: &Arc<Shared<S>>, call: &Call<S>, cut: Cut) -> bool {
    match call {
        Call::Operation(operation) => shared
            .with_socket(operation.socket, |work| {
                let Some((issuer, pending)) = work.state.take_operation(operation.number) else {
                    return false;
                };
                let result = cut_off(cut, pending.reply.waiting(), pending.done);
                work.conclude(issuer, pending, result, None);
                work.advance();
                true
            })
            .unwrap_or(false),
        Call::Lingering(socket, flag) => {
            let Some(monitor) = shared.monitor(*socket) else {
                return false;
            };
            // Under the lock, so that it cannot fall between the waiter's look
            // and its sleep.
            monitor.lock(|_| flag.store(1, Ordering::Release));
            monitor.notify();
            true
        }
        Call::Selecting(fate, event) => {
            let interrupted = fate.compare_exchange(0, INTERRUPTED).is_ok();
            if interrupted {
                event.set();
            }
            interrupted
        }
    }
}

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
            //= docs/specification.md#c3-time-limits
            //# - A call that its time limit ends MUST NOT have taken a byte or a connection.
            // If it has ended meanwhile, whoever took it out is bringing the
            // answer: nothing is lost (C3).
            interrupt(&self.shared, &call, Cut::TimedOut);
            answer = cell.wait(None, Option::take);
        }
        self.blocked.exit(number);
        let resumed = Observation::of(Step::Resumed { operation });
        self.shared.observe(|| resumed);
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
            //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
            //# - A lingering close MUST return success both when the drain ended and when the
            //# timeout expired.
            Ok(())
        } else {
            //= docs/specification.md#l9-a-cancelled-wait
            //# - A lingering close whose wait is cancelled by WSPCancelBlockingCall MUST return
            //# WSAEINTR and leave the descriptor closed.
            Err(Error::Interrupted)
        }
    }
}
