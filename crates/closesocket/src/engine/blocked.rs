//! The blocking calls in progress, so that they can be cancelled
//! (`WSPCancelBlockingCall`, L9), end at their time limit (C3) and end with
//! their process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::event::Event;
use super::observation::OperationId;
use super::primitives::{Monitor, Primitives, Word};
use super::shared::Shared;
use super::{SocketId, System};
use crate::protocol::{Cut, cut_off};

/// A select that waits: 0, or one of the two below.
pub(super) type Fate<S> = Arc<<<S as System>::Primitives as Primitives>::Word>;
/// It was interrupted.
pub(super) const INTERRUPTED: u64 = 1;
/// It has an answer.
pub(super) const ANSWERED: u64 = 2;

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
    call: Call<S>,
}

struct Entries<S: System> {
    next: u64,
    /// By their numbers, in the order in which they began.
    calls: BTreeMap<u64, Entry<S>>,
}

/// The blocking calls of a process.
pub(super) struct BlockedCalls<S: System>(<S::Primitives as Primitives>::Monitor<Entries<S>>);

impl<S: System> BlockedCalls<S> {
    pub(super) fn new() -> Self {
        Self(Monitor::new(Entries {
            next: 0,
            calls: BTreeMap::new(),
        }))
    }

    /// Ends the innermost blocking call of this thread. False if it is in none,
    /// or its call has ended by itself.
    pub(super) fn cancel(&self, shared: &Arc<Shared<S>>, thread: u64) -> bool {
        let call = self.0.lock(|entries| {
            let innermost = entries.calls.values().rfind(|it| it.thread == thread);
            innermost.map(|it| it.call.clone())
        });
        call.is_some_and(|call| interrupt(shared, &call, Cut::Cancelled))
    }

    /// Every blocking call of the process.
    pub(super) fn all(&self) -> Vec<Call<S>> {
        self.0
            .lock(|entries| entries.calls.values().map(|it| it.call.clone()).collect())
    }

    /// How many threads are blocked.
    pub(super) fn count(&self) -> usize {
        let mut threads: Vec<u64> = self
            .0
            .lock(|entries| entries.calls.values().map(|it| it.thread).collect());
        threads.sort_unstable();
        threads.dedup();
        threads.len()
    }

    pub(super) fn enter(&self, call: Call<S>) -> u64 {
        let thread = S::Primitives::current_thread();
        self.0.lock(|entries| {
            let number = entries.next;
            entries.next += 1;
            entries.calls.insert(number, Entry { thread, call });
            number
        })
    }

    /// Removes this very call; an outer one of the thread goes on.
    pub(super) fn exit(&self, number: u64) {
        let ended = self.0.lock(|entries| entries.calls.remove(&number));
        drop(ended);
    }
}

/// Ends a blocking call early. False if it has ended.
pub(super) fn interrupt<S: System>(shared: &Arc<Shared<S>>, call: &Call<S>, cut: Cut) -> bool {
    match call {
        Call::Operation(operation) => shared
            .with_socket(operation.socket, |section| {
                let Some((issuer, pending)) = section.socket.take_operation(operation.number)
                else {
                    return false;
                };
                let result = cut_off(cut, pending.end.reply.waiting(), pending.done);
                section.conclude(issuer, pending, result, None);
                section.advance();
                true
            })
            .unwrap_or(false),
        Call::Lingering(socket, flag) => {
            let Some(monitor) = shared.cells.monitor(*socket) else {
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
