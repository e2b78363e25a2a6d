//! Pending operations.
//!
//! Whoever removes a [`Pending`] from its reference, under the socket's lock,
//! hands its result over in the same section, once (O2).

use std::sync::Arc;

use super::SocketId;
use super::completion::{Completion, Completions};
use super::few::Few;
use super::notify::{How, Notify};
use super::observation::OperationId;
use super::primitives::Primitives;
use super::queue::CompletionQueue;
use super::transport::Waiter;
use crate::protocol::{Cut, Descriptor, Error, OperationKind, Waiting, cut_off};

/// What a blocked thread gets.
pub(super) struct Answer {
    pub(super) result: Result<usize, Error>,
    /// What another thread has received for it; empty if it did so itself.
    pub(super) buffer: Vec<u8>,
    pub(super) accepted: Option<Descriptor>,
}

/// Where a blocked thread gets its answer.
#[derive(Default)]
pub(super) struct Place {
    pub(super) answer: Option<Answer>,
    /// The thread waits at its endpoint, or is about to: whoever brings the
    /// answer wakes it there. Under one lock with the answer, so that neither
    /// misses the other.
    pub(super) asleep: Option<Arc<dyn Waiter>>,
}

/// Where a blocked thread waits for its answer.
pub(super) type AnswerCell<P> = Arc<<P as Primitives>::Monitor<Place>>;

/// A thread that is blocked.
pub(super) struct Blocked<P: Primitives> {
    pub(super) cell: AnswerCell<P>,
    /// It waits at the endpoint, and goes on with the operation itself.
    pub(super) drives: bool,
    /// Bytes of its caller's buffer.
    pub(super) length: usize,
}

/// How the issuer is told.
pub(super) enum Reply<P: Primitives> {
    /// A thread is blocked; it leaves the descriptor itself.
    Blocked(Blocked<P>),
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

/// An operation that was started, and what its end takes.
pub(super) struct Operation<E> {
    pub(super) number: u64,
    pub(super) kind: OperationKind,
    //= docs/specification.md#o5-buffers
    //# - The provider MUST keep the buffers of an operation in its possession until the completion
    //# has been delivered.
    pub(super) buffer: Vec<u8>,
    /// Bytes done so far: of a send, those accepted.
    pub(super) done: usize,
    pub(super) end: E,
}

/// An operation that is to be registered, or was taken out.
pub(super) type Pending<P> = Operation<End<P>>;

/// An operation in its row.
pub(super) type Registered<P> = Operation<Told<P>>;

/// What the end of an operation takes.
pub(super) struct End<P: Primitives> {
    pub(super) reply: Reply<P>,
    /// The slot reserved for the connection that an accept will give.
    pub(super) reserved: Option<u32>,
}

/// How the issuer of a registered operation is told. Thousands may wait, each with
/// one of these: what few need has memory of its own.
pub(super) enum Told<P: Primitives> {
    /// By a packet with this key in the queue of its row.
    InQueue { key: u64 },
    /// Not at all.
    Nobody,
    /// Otherwise.
    Apart(Box<End<P>>),
}

impl<P: Primitives> Told<P> {
    pub(super) const fn waiting(&self) -> Waiting {
        match self {
            Self::InQueue { .. } | Self::Nobody => Waiting::Overlapped,
            Self::Apart(end) => end.reply.waiting(),
        }
    }
}

impl<E> Operation<E> {
    fn told<T>(self, tell: impl FnOnce(E) -> T) -> Operation<T> {
        Operation {
            number: self.number,
            kind: self.kind,
            buffer: self.buffer,
            done: self.done,
            end: tell(self.end),
        }
    }
}

impl<P: Primitives> Registered<P> {
    /// Whether its thread waits at the endpoint and goes on with it: it has the
    /// bytes, and nobody need tell it of events.
    pub(super) fn is_driven(&self) -> bool {
        self.blocked().is_some_and(|blocked| blocked.drives)
    }

    /// The thread that is blocked for it, if one is.
    pub(super) fn blocked(&self) -> Option<&Blocked<P>> {
        match &self.end {
            Told::Apart(end) => match &end.reply {
                Reply::Blocked(blocked) => Some(blocked),
                Reply::Overlapped(_) => None,
            },
            Told::InQueue { .. } | Told::Nobody => None,
        }
    }
}

/// The pending operations of one direction of a descriptor, in the order of
/// registration. It needs no memory before there is one.
///
/// Most report to one queue. That is kept once for all of them, so that a close
/// can post them as they are, without a look at any.
pub(super) struct Operations<P: Primitives>(Option<Box<Row<P>>>);

struct Row<P: Primitives> {
    socket: SocketId,
    /// Through which all of them were issued.
    descriptor: Descriptor,
    list: Few<Registered<P>>,
    /// The queue of those that are told in it; `None` if there are none.
    queue: Option<CompletionQueue<P>>,
    /// How many are not.
    apart: usize,
}

impl<P: Primitives> Operations<P> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Registered<P>> {
        self.0.iter().flat_map(|row| row.list.iter())
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |row| row.list.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The oldest.
    pub(super) fn front(&self) -> Option<&Registered<P>> {
        self.0.as_ref()?.list.first()
    }

    /// The oldest.
    pub(super) fn front_mut(&mut self) -> Option<&mut Registered<P>> {
        self.0.as_mut()?.list.first_mut()
    }

    /// Registers one, issued through the row's descriptor, behind the others.
    pub(super) fn push_back(
        &mut self,
        (socket, descriptor): (SocketId, Descriptor),
        pending: Pending<P>,
    ) {
        let row = self.0.get_or_insert_with(|| {
            Box::new(Row {
                socket,
                descriptor,
                list: Few::new(),
                queue: None,
                apart: 0,
            })
        });
        row.push_back(pending);
    }

    /// Takes the oldest out.
    pub(super) fn pop_front(&mut self) -> Option<Pending<P>> {
        let row = self.0.as_mut()?;
        let first = row.list.pop_first()?;
        Some(row.taken_out(first))
    }

    /// Whether the operation of this number is among them.
    pub(super) fn has(&self, number: u64) -> bool {
        self.0
            .as_ref()
            .is_some_and(|row| row.place(number).is_some())
    }

    /// Takes the operation of this number out, if it is there.
    pub(super) fn remove(&mut self, number: u64) -> Option<Pending<P>> {
        let row = self.0.as_mut()?;
        let found = row.list.remove(row.place(number)?)?;
        Some(row.taken_out(found))
    }

    /// Takes all out at once, aborted by a close, for the one queue to which all of
    /// them report; nothing if they do not.
    pub(super) fn abort_whole(&mut self) -> Option<(CompletionQueue<P>, Box<dyn Completions>)> {
        let mut row = self.0.take_if(|row| row.apart == 0)?;
        let queue = row.queue.take()?;
        Some((queue, row))
    }
}

impl<P: Primitives> Row<P> {
    fn push_back(&mut self, pending: Pending<P>) {
        let registered = pending.told(|end| match end {
            End {
                reply: Reply::Overlapped(Notify(How::Queue { queue, key })),
                reserved: None,
            } if self.queue.as_ref().is_none_or(|it| it.is(&queue)) => {
                self.queue = Some(queue);
                Told::InQueue { key }
            }
            End {
                reply: Reply::Overlapped(Notify(How::Nobody)),
                reserved: None,
            } => {
                self.apart += 1;
                Told::Nobody
            }
            other => {
                self.apart += 1;
                Told::Apart(Box::new(other))
            }
        });
        self.list.push(registered);
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.list.find(&number, |it| it.number)
    }

    /// This was taken out of the list: it names its queue itself again.
    fn taken_out(&mut self, registered: Registered<P>) -> Pending<P> {
        if !matches!(registered.end, Told::InQueue { .. }) {
            self.apart -= 1;
        }
        registered.told(|told| {
            let how = match told {
                Told::Apart(end) => return *end,
                Told::Nobody => How::Nobody,
                Told::InQueue { key } => {
                    let last = self.list.len() == self.apart;
                    let queue = if last {
                        self.queue.take()
                    } else {
                        self.queue.clone()
                    };
                    // There is one while an operation is told in it.
                    queue.map_or(How::Nobody, |queue| How::Queue { queue, key })
                }
            };
            End {
                reply: Reply::Overlapped(Notify(how)),
                reserved: None,
            }
        })
    }
}

/// Those of a row that a close has aborted.
impl<P: Primitives> Completions for Row<P> {
    fn next(&mut self) -> Option<Completion> {
        let operation = self.list.pop_first()?;
        let Told::InQueue { key } = operation.end else {
            return None;
        };
        Some(Completion {
            operation: OperationId {
                socket: self.socket,
                number: operation.number,
            },
            kind: Some(operation.kind),
            descriptor: self.descriptor,
            key,
            result: cut_off(Cut::Closed, Waiting::Overlapped, operation.done),
            transferred: operation.done,
            buffer: operation.buffer,
            accepted: None,
        })
    }

    fn left(&self) -> usize {
        self.list.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::standard::Std;
    use super::*;

    fn receive(number: u64, notify: Notify<Std>) -> Pending<Std> {
        Pending {
            number,
            kind: OperationKind::Recv,
            buffer: Vec::new(),
            done: 0,
            end: End {
                reply: Reply::Overlapped(notify),
                reserved: None,
            },
        }
    }

    fn queue_of(pending: &Pending<Std>) -> &CompletionQueue<Std> {
        match &pending.end.reply {
            Reply::Overlapped(Notify(How::Queue { queue, .. })) => queue,
            _ => panic!("it reports to a queue"),
        }
    }

    #[test]
    fn a_row_goes_whole_if_and_only_if_all_of_it_report_to_one_queue() {
        let [one, other] = [CompletionQueue::new(), CompletionQueue::new()];
        let (socket, descriptor) = (SocketId(7), Descriptor::new(3, 4));
        let through = (socket, descriptor);
        let mut row = Operations::new();
        assert!(row.abort_whole().is_none(), "there is nothing");
        for number in 1..=3 {
            row.push_back(through, receive(number, Notify::queue(&one, 10 * number)));
        }
        row.push_back(through, receive(4, Notify::queue(&other, 40)));
        row.push_back(through, receive(5, Notify::nobody()));
        assert!(row.abort_whole().is_none());
        assert_eq!(row.len(), 5, "they stay");
        assert!(queue_of(&row.remove(4).unwrap()).is(&other));
        assert!(row.abort_whole().is_none(), "one reports to nobody");
        assert!(row.remove(5).is_some() && row.remove(5).is_none());
        assert!(queue_of(&row.pop_front().unwrap()).is(&one));
        let (queue, mut aborted) = row.abort_whole().unwrap();
        assert!(queue.is(&one) && row.is_empty());
        for number in 2..=3 {
            assert_eq!(aborted.left() as u64, 4 - number);
            let completion = aborted.next().unwrap();
            assert_eq!(completion.operation, OperationId { socket, number });
            assert_eq!(completion.key, 10 * number);
            assert_eq!(completion.descriptor, descriptor);
            assert_eq!(completion.kind, Some(OperationKind::Recv));
            assert_eq!(completion.result, Err(Error::OperationAborted));
        }
        assert!(aborted.next().is_none());
    }

    #[test]
    fn the_next_operation_of_an_empty_row_may_report_to_another_queue() {
        let [one, other] = [CompletionQueue::new(), CompletionQueue::new()];
        let mut row = Operations::new();
        for queue in [&one, &other] {
            row.push_back(
                (SocketId(7), Descriptor::INVALID),
                receive(1, Notify::queue(queue, 1)),
            );
            assert!(queue_of(&row.pop_front().unwrap()).is(queue));
        }
        row.push_back(
            (SocketId(7), Descriptor::INVALID),
            receive(2, Notify::queue(&one, 2)),
        );
        assert!(row.abort_whole().unwrap().0.is(&one));
    }
}
