//! Pending operations and the delivery of their results.
//!
//! Whoever removes a [`Pending`] from its reference, under the socket's lock,
//! owns it and delivers it once, outside the lock (O2).

use std::sync::{Arc, Weak};

use super::line::{Orphanage, Parcel};
use super::notify::{Completion, CompletionQueue, How, Notify};
use super::observation::{Observation, OperationId};
use super::primitives::{Monitor, Primitives};
use super::probe::Probe;
use super::process::ProcessState;
use super::shared::Shared;
use super::socket::Accepted;
use super::{SocketId, System};
use crate::protocol::{
    AbortNotice, Cause, Cut, Descriptor, Error, OperationKind, Waiting, abort_notice, cut_off,
};

/// What a blocked thread gets.
pub(super) struct Answer {
    pub(super) result: Result<usize, Error>,
    pub(super) buffer: Vec<u8>,
    pub(super) accepted: Option<Descriptor>,
}

/// Where a blocked thread waits for its answer.
pub(super) type AnswerCell<P> = Arc<<P as Primitives>::Monitor<Option<Answer>>>;

/// How the issuer is told.
pub(super) enum Reply<P: Primitives> {
    /// A thread is blocked; it leaves the descriptor itself.
    Blocked(AnswerCell<P>),
    /// Overlapped; whoever delivers leaves the descriptor for it.
    Overlapped(Notify<P>),
}

impl<P: Primitives> Reply<P> {
    pub(super) const fn waiting(&self) -> Waiting {
        match self {
            Self::Blocked(_) => Waiting::Blocked,
            Self::Overlapped(_) => Waiting::Overlapped,
        }
    }
}

/// A registered operation.
pub(super) struct Pending<P: Primitives> {
    pub(super) number: u64,
    pub(super) kind: OperationKind,
    //= docs/specification.md#o5-buffers
    //# - The provider MUST keep the buffers of an operation in its possession until the completion
    //# has been delivered.
    pub(super) buffer: Vec<u8>,
    /// Bytes done so far: of a send, those accepted.
    pub(super) done: usize,
    pub(super) reply: Reply<P>,
    /// The slot reserved for the connection that an accept will give.
    pub(super) reserved: Option<u32>,
}

/// An operation that was taken out, with its result.
pub(super) struct Finished<S: System> {
    pub(super) process: Arc<ProcessState<S>>,
    pub(super) descriptor: Descriptor,
    pub(super) pending: Pending<S::Primitives>,
    pub(super) result: Result<usize, Error>,
    /// The connection, of an accept that succeeded.
    pub(super) connection: Option<Accepted<S>>,
}

impl<S: System> Finished<S> {
    /// Delivers the result and leaves the descriptor. Holds no lock.
    pub(super) fn deliver(self, shared: &Arc<Shared<S>>, socket: SocketId) {
        let Self {
            process,
            descriptor,
            mut pending,
            mut result,
            connection,
        } = self;
        let accepted = match (connection, pending.reserved.take()) {
            //= docs/specification.md#o7-accept-connect-and-the-backlog
            //# - An accept or connect whose completion came ahead of the commit MUST keep its
            //# success.
            (Some(accepted), Some(slot)) => match process.adopt_connection(accepted, slot) {
                Ok(descriptor) => Some(descriptor),
                Err(error) => {
                    result = Err(error);
                    None
                }
            },
            (_, reserved) => {
                process.unreserve(reserved);
                None
            }
        };
        let operation = OperationId {
            socket,
            number: pending.number,
        };
        let transferred = pending.done;
        let delivered = |posted| {
            shared.observe(|| Observation::Delivered {
                operation,
                posted,
                error: result.err(),
            });
        };
        match pending.reply {
            Reply::Blocked(cell) => {
                // Told before: the thread tells itself that it goes on.
                delivered(false);
                answer::<S>(
                    &cell,
                    Answer {
                        result,
                        buffer: pending.buffer,
                        accepted,
                    },
                );
            }
            Reply::Overlapped(notify) => {
                let completion = Completion {
                    operation,
                    key: notify.key(),
                    result,
                    transferred,
                    buffer: pending.buffer,
                    accepted,
                };
                let home = accepted.map(|_| {
                    let home: Weak<ProcessState<S>> = Arc::downgrade(&process);
                    home as Weak<dyn Orphanage>
                });
                notify.deliver(Parcel::new(completion, home), &shared.counters);
                delivered(true);
                process.leave(descriptor, 1);
            }
        }
    }
}

fn answer<S: System>(cell: &AnswerCell<S::Primitives>, answer: Answer) {
    cell.lock(|place| *place = Some(answer));
    cell.notify();
}

/// Delivers the operations that a close took out of one reference (O1, O3, O4,
/// S2, S3) and returns how many holds on the descriptor end with them. Packets
/// for one queue go there in batches.
pub(super) fn deliver_aborted<S: System>(
    shared: &Shared<S>,
    process: &ProcessState<S>,
    socket: SocketId,
    cause: Cause,
    operations: impl Iterator<Item = Pending<S::Primitives>>,
) -> u64 {
    let (mut holds, mut aborted) = (0, 0);
    let mut batch = Batch {
        shared,
        told: Vec::new(),
        queue: None,
        completions: Vec::with_capacity(operations.size_hint().0.min(BATCH)),
    };
    for pending in operations {
        aborted += 1;
        process.unreserve(pending.reserved);
        let operation = OperationId {
            socket,
            number: pending.number,
        };
        let waiting = pending.reply.waiting();
        let told = match (abort_notice(cause, waiting), waiting) {
            (AbortNotice::Post(error) | AbortNotice::Wake(error), _) => Some(error),
            // A blocked thread is never left asleep, whatever the notice says.
            (AbortNotice::Silent, Waiting::Blocked) => Some(Error::Interrupted),
            (AbortNotice::Silent, Waiting::Overlapped) => None,
        };
        let delivered = Observation::Delivered {
            operation,
            posted: waiting == Waiting::Overlapped && told.is_some(),
            error: told,
        };
        let (transferred, buffer) = (pending.done, pending.buffer);
        match (pending.reply, told) {
            (Reply::Overlapped(notify), None) => {
                holds += 1;
                shared.observe(|| delivered);
                notify.forget(&shared.counters);
            }
            //= docs/specification.md#o3-aborted-overlapped-operations
            //# - The event, packet or routine of an overlapped operation that a close aborts MUST
            //# be delivered once.
            (Reply::Overlapped(notify), Some(error)) => {
                holds += 1;
                batch.add(notify, delivered, |key| Completion {
                    operation,
                    key,
                    result: Err(error),
                    transferred,
                    buffer,
                    accepted: None,
                });
            }
            //= docs/specification.md#o4-blocked-calls
            //# - A notification MUST NOT be posted for a blocked call that a close has aborted.
            (Reply::Blocked(cell), _) => {
                shared.observe(|| delivered);
                answer::<S>(
                    &cell,
                    Answer {
                        result: cut_off(Cut::Closed, waiting, transferred),
                        buffer,
                        accepted: None,
                    },
                );
            }
        }
    }
    batch.flush();
    shared.counters.add_aborted(aborted);
    holds
}

/// The most completions that are posted together: few enough to stay in the
/// cache on their way, and not to keep the queue's takers out for long.
const BATCH: usize = 128;

/// Completions for one queue, posted together.
struct Batch<'a, S: System> {
    shared: &'a Shared<S>,
    queue: Option<CompletionQueue<S::Primitives>>,
    completions: Vec<Parcel>,
    /// What the probe is told once they are posted.
    told: Vec<Observation>,
}

impl<S: System> Batch<'_, S> {
    fn add(
        &mut self,
        notify: Notify<S::Primitives>,
        delivered: Observation,
        completion: impl FnOnce(u64) -> Completion,
    ) {
        //= docs/specification.md#o3-aborted-overlapped-operations
        //# - The packet of an aborted operation MUST carry the completion key that belongs to it.
        let completion = completion(notify.key());
        match notify.0 {
            How::Queue { queue, .. } => {
                let open = self.queue.as_ref().is_some_and(|open| open.is(&queue));
                if !open || self.completions.len() == BATCH {
                    self.flush();
                    self.queue = Some(queue);
                }
                self.completions.push(Parcel::new(completion, None));
                if S::Probe::ENABLED {
                    self.told.push(delivered);
                }
            }
            other => {
                Notify(other).deliver(Parcel::new(completion, None), &self.shared.counters);
                self.shared.observe(|| delivered);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.post_all(self.completions.drain(..));
        }
        for delivered in self.told.drain(..) {
            self.shared.observe(|| delivered);
        }
    }
}
