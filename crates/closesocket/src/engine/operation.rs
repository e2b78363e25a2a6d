//! Pending operations.
//!
//! Whoever removes a [`Pending`] from its reference, under the socket's lock,
//! hands its result over in the same section, once (O2).

use std::sync::Arc;

use super::notify::Notify;
use super::primitives::Primitives;
use super::transport::Waiter;
use crate::protocol::{Descriptor, Error, OperationKind, Waiting};

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

impl<P: Primitives> Pending<P> {
    /// Whether its thread waits at the endpoint and goes on with it: it has the
    /// bytes, and nobody need tell it of events.
    pub(super) const fn is_driven(&self) -> bool {
        matches!(&self.reply, Reply::Blocked(blocked) if blocked.drives)
    }
}
