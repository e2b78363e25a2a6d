//! Pending operations.
//!
//! Whoever removes a [`Pending`] from its reference, under the socket's lock,
//! hands its result over in the same section, once (O2).

use std::sync::Arc;

use super::notify::Notify;
use super::primitives::Primitives;
use crate::protocol::{Descriptor, Error, OperationKind, Waiting};

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
