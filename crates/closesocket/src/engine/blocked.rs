//! The blocking calls in progress, so that they can be cancelled
//! (`WSPCancelBlockingCall`, L9) and end with their process.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::observation::{Observation, OperationId};
use super::operation::{Answer, AnswerCell};
use super::primitives::{Monitor, Primitives, Word};
use super::process::ProcessState;
use super::shared::Shared;
use super::{SocketId, System};
use crate::protocol::Error;

/// What a thread is blocked in.
pub(super) enum Call<S: System> {
    /// A send, receive, accept or connect.
    Operation(OperationId),
    /// A close that waits for the drain; the word is set to end the wait.
    Lingering(SocketId, Arc<<S::Primitives as Primitives>::Word>),
}

impl<S: System> Clone for Call<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Operation(operation) => Self::Operation(*operation),
            Self::Lingering(socket, flag) => Self::Lingering(*socket, Arc::clone(flag)),
        }
    }
}

/// The blocking calls of a process, by thread.
pub(super) struct BlockedCalls<S: System>(
    <S::Primitives as Primitives>::Monitor<Vec<(u64, Call<S>)>>,
);

impl<S: System> BlockedCalls<S> {
    pub(super) fn new() -> Self {
        Self(Monitor::new(Vec::new()))
    }

    /// Ends the blocking call of this thread with [`Error::Interrupted`]. False
    /// if it is in none, or its call has ended by itself.
    pub(super) fn cancel(&self, shared: &Arc<Shared<S>>, thread: u64) -> bool {
        let call = self.0.lock(|calls| {
            calls
                .iter()
                .find(|(blocked, _)| *blocked == thread)
                .map(|(_, call)| call.clone())
        });
        call.is_some_and(|call| interrupt(shared, &call))
    }

    /// Every blocking call of the process.
    pub(super) fn all(&self) -> Vec<Call<S>> {
        self.0
            .lock(|calls| calls.iter().map(|(_, call)| call.clone()).collect())
    }

    /// How many threads are blocked.
    pub(super) fn count(&self) -> usize {
        self.0.lock(|calls| calls.len())
    }

    fn enter(&self, call: Call<S>) -> u64 {
        let thread = S::Primitives::current_thread();
        self.0.lock(|calls| calls.push((thread, call)));
        thread
    }

    fn exit(&self, thread: u64) {
        self.0
            .lock(|calls| calls.retain(|(blocked, _)| *blocked != thread));
    }
}

/// Ends a blocking call with [`Error::Interrupted`]. False if it has ended.
pub(super) fn interrupt<S: System>(shared: &Arc<Shared<S>>, call: &Call<S>) -> bool {
    match call {
        Call::Operation(operation) => shared
            .with_socket(operation.socket, |work| {
                let Some((index, pending)) = work.state.take_operation(operation.number) else {
                    return false;
                };
                work.hand_over(index, pending, Err(Error::Interrupted), None);
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
    }
}

impl<S: System> ProcessState<S> {
    /// Waits for the answer of an operation that this thread has parked.
    pub(super) fn block(&self, operation: OperationId, cell: &AnswerCell<S::Primitives>) -> Answer {
        let thread = self.blocked.enter(Call::Operation(operation));
        let answer = cell.wait(None, Option::take);
        self.blocked.exit(thread);
        self.shared.observe(|| Observation::Resumed { operation });
        answer.unwrap_or(Answer {
            result: Err(Error::Interrupted),
            buffer: Vec::new(),
            accepted: None,
        })
    }

    /// Waits for the drain that this thread's close began (L table, row 3).
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the wait was cancelled or the process ended;
    /// the drain goes on (L9).
    pub(super) fn linger(&self, socket: SocketId) -> Result<(), Error> {
        let flag = Arc::new(<S::Primitives as Primitives>::Word::new(0));
        let thread = self
            .blocked
            .enter(Call::Lingering(socket, Arc::clone(&flag)));
        let drained = self.shared.wait_for_drain(socket, || {
            flag.load(Ordering::Acquire) != 0 || self.is_stopped()
        });
        self.blocked.exit(thread);
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
