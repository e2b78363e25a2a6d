//! What a probe is told: each decisive step of the engine, as a value.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::SocketId;
#[cfg(feature = "serde")]
use crate::protocol::text::serde_as_text;
use crate::protocol::text::{pair, parse};
use crate::protocol::word::Word;
use crate::protocol::{
    Actions, Cause, Descriptor, Error, HandleKind, Input, OperationKind, ParseError, ProcessId,
    Socket, Time, Waiting,
};

/// Names an operation: its socket and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId {
    /// The socket it acts on.
    pub socket: SocketId,
    /// Its number, from 1 in the order of registration; never reused.
    pub number: u64,
}

impl OperationId {
    /// Names no operation.
    pub const NONE: Self = Self {
        socket: SocketId(0),
        number: 0,
    };
}

/// `socket#number`, as in traces.
impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.socket, self.number)
    }
}

impl FromStr for OperationId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "operation", |text| {
            let (socket, number) = pair(text, '#')?;
            Some(Self { socket, number })
        })
    }
}

#[cfg(feature = "serde")]
serde_as_text!(OperationId, Place);

/// A decisive step of the engine, told by the thread that made it and before it
/// makes another: where it happened, and what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
#[non_exhaustive]
pub struct Observation {
    /// Under which socket's lock, if under one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub at: Option<Place>,
    /// Whose table, or which process.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub process: Option<ProcessId>,
    /// Through which descriptor.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub descriptor: Option<Descriptor>,
    /// The word that the atomic instruction saw.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub before: Option<Word>,
    /// What happened.
    pub step: Step,
}

/// A place in the order under one lock: `SOCKET@SEQUENCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The socket.
    pub socket: SocketId,
    /// The number of the observation under the lock of the socket's cell, over all
    /// the sockets that live there one after the other.
    pub sequence: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.socket, self.sequence)
    }
}

impl FromStr for Place {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "place", |text| {
            let (socket, sequence) = pair(text, '@')?;
            Some(Self { socket, sequence })
        })
    }
}

impl Observation {
    /// A step that is about nothing in particular.
    #[must_use]
    pub const fn of(step: Step) -> Self {
        Self {
            at: None,
            process: None,
            descriptor: None,
            before: None,
            step,
        }
    }

    /// A step of, or about, this process.
    #[must_use]
    pub const fn by(process: ProcessId, step: Step) -> Self {
        Self {
            process: Some(process),
            ..Self::of(step)
        }
    }

    /// A step through a descriptor of this process.
    #[must_use]
    pub const fn through(process: ProcessId, descriptor: Descriptor, step: Step) -> Self {
        Self {
            descriptor: Some(descriptor),
            ..Self::by(process, step)
        }
    }

    /// Its instruction saw this word.
    #[must_use]
    pub const fn saw(self, before: Word) -> Self {
        Self {
            before: Some(before),
            ..self
        }
    }

    /// It happened there.
    #[must_use]
    pub const fn at(self, place: Place) -> Self {
        Self {
            at: Some(place),
            ..self
        }
    }
}

/// What happened. In brackets what an [`Observation`] of it says besides: its
/// place under the lock, the process, the descriptor, the word before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Step {
    /// The provider was made, with the settings that the protocol asks for.
    Began {
        /// Whether handles are given back by an upcall.
        handle_kind: HandleKind,
        /// After how long a background drain is reset.
        #[cfg_attr(feature = "serde", serde(with = "nanos"))]
        drain_limit: Option<Duration>,
    },
    /// A slot was opened as a descriptor of this socket. (place, descriptor, word)
    Opened {
        /// The life of the process, from 1, of the call that opened it.
        life: u64,
    },
    /// A call entered, or was refused and is about to back out. (descriptor, word)
    Entered {
        /// With how many holds: an overlapped call has one for its operation.
        holders: u64,
        /// It was let in.
        admitted: bool,
    },
    /// Holders left. (descriptor, word)
    Left {
        /// How many.
        holders: u64,
    },
    /// A close's compare-and-swap found another word than it expected, and is
    /// going to be tried again. (descriptor, word)
    SealMissed,
    /// A close committed. (place, descriptor, word)
    Committed {
        /// The life of the process in which it was opened.
        life: u64,
        /// Why it was closed.
        cause: Cause,
        /// The time; any, if the socket is not connected.
        now: Time,
        /// It was the last reference.
        last: bool,
        /// The close is going to wait for the drain.
        wait: bool,
        /// It may wait: its thread is in no call of the transport's (C4).
        may_wait: bool,
        /// Orders to the transport.
        actions: Actions,
        /// How many operations were taken out; [`Step::Taken`] tells which, next.
        aborted: usize,
        /// The machine before.
        machine: Socket,
    },
    /// A close failed before its commit. (descriptor; place, if it came so far)
    CloseRefused {
        /// Why it was to be closed.
        cause: Cause,
        /// How it failed.
        error: Error,
    },
    /// A close returns to its caller. (descriptor)
    CloseReturned {
        /// This very call committed.
        committed: bool,
        /// It had to wait for the drain.
        waited: bool,
        /// How it failed.
        error: Option<Error>,
    },
    /// A socket was made. (place)
    Created {
        /// The machine as it starts.
        machine: Socket,
    },
    /// The machine of a socket changed. (place)
    Changed {
        /// What happened to it.
        input: Input,
        /// The number of the pending operation whose bytes were offered.
        by: Option<u64>,
        /// The machine before.
        machine: Socket,
    },
    /// An order of the machine to the transport was carried out. (place)
    Ordered {
        /// Which.
        order: Order,
    },
    /// A socket was released: the last order. (place)
    Released,
    /// A call asked whether its operation may start. (place, descriptor)
    Started {
        /// What it does.
        operation: OperationKind,
        /// Why it may not.
        error: Option<Error>,
    },
    /// An operation was registered. (place, descriptor)
    Registered {
        /// The operation.
        operation: OperationId,
        /// What it does.
        does: OperationKind,
        /// How its issuer waits.
        waiting: Waiting,
    },
    /// A cancel looked for an operation. If it may, it takes it out next. (place,
    /// the process that cancels; the descriptor whose operations it cancels, unless
    /// it names the operation)
    Cancelled {
        /// The operation.
        operation: OperationId,
        /// Why it may not.
        error: Option<Error>,
    },
    /// An operation was taken out by the one who will deliver it; with the cause if
    /// a close aborts it. (place, the issuer's process)
    Taken {
        /// The operation.
        operation: OperationId,
        /// Why it was aborted, if it was.
        aborted: Option<Cause>,
        /// How it failed, if it was not aborted and did.
        error: Option<Error>,
        /// It ends silently: this life of its process, in which its descriptor was
        /// opened, is over.
        silent: Option<u64>,
    },
    /// An operation's result has been posted, or it ends silently (place), or it is
    /// about to be handed to the thread that is blocked.
    Delivered {
        /// The operation.
        operation: OperationId,
        /// An event, packet or routine is posted.
        posted: bool,
        /// How it ended.
        error: Option<Error>,
    },
    /// The thread that was blocked in this operation goes on.
    Resumed {
        /// The operation.
        operation: OperationId,
    },
    /// The wait of a lingering close ended; the cell may have a new occupant.
    /// (place)
    LingerEnded {
        /// The drain had ended; if not, the wait was cancelled (L9).
        drained: bool,
    },
    /// Somebody tried to claim a closed and empty descriptor. (descriptor, word)
    Claimed {
        /// The claim was won; if not, whoever changed the word tries again.
        won: bool,
    },
    /// The handle upcall was made. (descriptor)
    HandleReturned {
        /// It succeeded.
        succeeded: bool,
    },
    /// The slot of a claimed descriptor was given to its next occupant, or retired.
    /// (descriptor, word)
    Recycled {
        /// It was retired: the word stays as it is.
        retired: bool,
    },
    /// A duplication record was created. (place, descriptor)
    Duplicated {
        /// Its number at the socket.
        record: u64,
        /// Its target.
        target: ProcessId,
    },
    /// A duplication record was redeemed. (place, its target)
    Redeemed {
        /// Its number at the socket.
        record: u64,
    },
    /// A duplication record was reclaimed because its target died. (place, the
    /// process that died)
    Reclaimed {
        /// Its number at the socket.
        record: u64,
        /// The time.
        now: Time,
        /// It was the last reference.
        last: bool,
        /// Orders to the transport.
        actions: Actions,
        /// How many operations were taken out.
        aborted: usize,
        /// The machine before.
        machine: Socket,
    },
    /// A process is ending: this thread begins to close what it has. (the process)
    SweepBegan {
        /// Cleanup or death.
        cause: Cause,
        /// The life that ends.
        life: u64,
    },
    /// This thread has closed what the ending process had. (the process)
    SweepEnded,
}

/// An order of the machine to the transport, as it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Order {
    /// The FIN was sent.
    Fin,
    /// The connection was reset.
    Reset,
    /// The connections in the backlog were reset.
    ResetBacklog,
}

/// Nanoseconds, in recordings.
#[cfg(feature = "serde")]
mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        it: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let nanos = it.map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX));
        nanos.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_nanos))
    }
}
