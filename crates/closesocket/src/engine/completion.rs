//! The end of an overlapped operation, on its way to whoever waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Weak;

use super::line::Entry;
use super::observation::OperationId;
use crate::protocol::{Descriptor, Error, OperationKind};

/// The end of an overlapped operation, delivered exactly once (O2, O3), or a packet
/// that somebody has posted by hand ([`Completion::posted`]).
pub struct Completion {
    /// Which operation; [`OperationId::NONE`] of a packet posted by hand.
    pub operation: OperationId,
    /// What it did; `None` for a packet posted by hand.
    pub kind: Option<OperationKind>,
    /// Through which descriptor it was issued; [`Descriptor::INVALID`] for a packet
    /// posted by hand.
    pub descriptor: Descriptor,
    /// The number the issuer gave it; a packet keeps its key (O3).
    pub key: u64,
    /// Bytes transferred, or why it failed. Aborted by a close:
    /// [`Error::OperationAborted`].
    pub result: Result<usize, Error>,
    /// Bytes transferred, also if it failed: of an aborted send the part that
    /// was accepted and is still sent (O6).
    pub transferred: usize,
    /// The operation's buffer, back from the provider (O5).
    pub buffer: Vec<u8>,
    /// The new connection, of an accept that succeeded.
    pub accepted: Option<Descriptor>,
}

impl Completion {
    /// A packet to be posted by hand
    /// ([`CompletionQueue::post`](super::completions::CompletionQueue::post)), with
    /// this key and nothing else; set what is to travel with it.
    #[must_use]
    pub const fn posted(key: u64) -> Self {
        Self {
            operation: OperationId::NONE,
            kind: None,
            descriptor: Descriptor::INVALID,
            key,
            result: Ok(0),
            transferred: 0,
            buffer: Vec::new(),
            accepted: None,
        }
    }
}

/// The bytes are the user's and stay out of logs: only how many they are is shown.
impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("operation", &self.operation)
            .field("kind", &self.kind)
            .field("descriptor", &self.descriptor)
            .field("key", &self.key)
            .field("result", &self.result)
            .field("transferred", &self.transferred)
            .field("buffer", &format_args!("{} bytes", self.buffer.len()))
            .field("accepted", &self.accepted)
            .finish()
    }
}

/// One life of a process: from a startup of a stopped process to the cleanup
/// that matches it, or to its death. What a sweep ends is of the life that it
/// ends, or of an earlier one (S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life(pub(super) u64);

/// Who can close a descriptor that nobody will ever be told of.
pub(super) trait Orphanage: Send + Sync {
    /// Closes it in the background.
    fn close_orphan(&self, descriptor: Descriptor);
    /// Closes it if the life for which it was opened is over.
    fn close_outdated(&self, descriptor: Descriptor, life: Life);
}

/// A completion on its way. If nobody ever takes it, the connection that it
/// accepted is closed.
//= docs/specification.md#r4-options-of-an-accepted-socket
//# - A connection whose accept completed for somebody who can no longer be told MUST be closed.
pub(super) struct Parcel {
    completion: Option<Completion>,
    home: Option<Weak<dyn Orphanage>>,
}

impl Parcel {
    /// `home` is the process of an accept.
    pub(super) fn new(completion: Completion, home: Option<Weak<dyn Orphanage>>) -> Self {
        Self {
            completion: Some(completion),
            home,
        }
    }

    /// Gives it to its receiver.
    pub(super) fn open(mut self) -> Option<Completion> {
        self.completion.take()
    }
}

/// Completions that are made one after the other, as they are taken.
pub(super) trait Completions: Send {
    /// Makes the next one.
    fn next(&mut self) -> Option<Completion>;
    /// How many are left.
    fn left(&self) -> usize;
}

/// What is posted to a completion queue at once.
pub(super) enum Packet {
    One(Parcel),
    Several(Box<dyn Completions>),
}

impl Entry for Packet {
    type Item = Parcel;

    fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Several(completions) => completions.left(),
        }
    }

    fn take_first(entries: &mut VecDeque<Self>) -> Option<Parcel> {
        let Some(Self::Several(completions)) = entries.front_mut() else {
            return match entries.pop_front() {
                Some(Self::One(parcel)) => Some(parcel),
                _ => None,
            };
        };
        let next = completions.next();
        if completions.left() == 0 {
            entries.pop_front();
        }
        next.map(|completion| Parcel::new(completion, None))
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        let orphan = self.completion.take().and_then(|it| it.accepted);
        let home = self.home.take().and_then(|it| it.upgrade());
        if let (Some(orphan), Some(home)) = (orphan, home) {
            home.close_orphan(orphan);
        }
    }
}
