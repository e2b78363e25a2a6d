//! What can be asked of a provider and what can be seen of its answer,
//! whatever it is built from.
//!
//! Things that have no handle value of their own are named by their order: the
//! n-th socket that came to be, the n-th record, the n-th call. A pending
//! operation, an entered call and a waiting close carry the number of the call
//! that issued them.

use std::time::Duration;

use arbitrary::Arbitrary;
use closesocket::protocol::{Descriptor, Error, ProcessId};

/// The number of a call in the history, and of what it left pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub usize);

/// The n-th socket that came to be, by a socket call or by an accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub usize);

/// The n-th duplication record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub usize);

/// How a provider is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Processes 0 to `processes` exist.
    pub processes: u32,
    /// Descriptors that one process can have, retired ones included.
    pub slots: usize,
    /// The most bytes that a socket queues.
    pub window: u32,
    /// The provider's own limit for a background drain.
    pub drain_limit: Option<Duration>,
    /// Seconds of `DONTLINGER = FALSE` when no time was ever set (L7).
    pub default_linger: u16,
    /// Handles are given back by an upcall (H1).
    pub non_ifs: bool,
}

/// Which operations a close aborts (O1).
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the closed descriptor.
    Descriptor,
    /// All of the socket, when its last reference goes.
    LastReference,
}

/// What becomes of unread input at a graceful close (L6).
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is thrown away.
    Discard,
    /// The connection is reset after the queued data was acknowledged.
    Reset,
}

/// How a call is made through a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// In one go.
    Handle(ProcessId, Descriptor),
    /// By a thread that entered earlier and goes on only now ([`Call::Enter`]).
    Entered(Key),
}

/// How the issuer of an operation waits for it.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The call returns when the operation has ended. On a nonblocking socket
    /// it fails instead of waiting.
    Blocked,
    /// The call returns at once; the result is posted.
    Overlapped,
}

/// Where a close is called from (E1, O9).
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A thread with nothing in progress.
    Thread,
    /// A thread that has a blocking call in progress.
    BlockingCall,
    /// A completion routine or callback.
    Callback,
}

/// One thing that a process or the environment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are said in the variants")]
pub enum Call {
    /// The process starts using the provider.
    Startup { process: ProcessId },
    /// The process takes one startup back (S2).
    Cleanup { process: ProcessId },
    /// The process dies (S3).
    Die { process: ProcessId },
    /// A new socket.
    Socket {
        process: ProcessId,
        scope: Scope,
        unread: Unread,
    },
    /// A thread enters a call and stops before it registers anything.
    Enter {
        process: ProcessId,
        descriptor: Descriptor,
    },
    /// A thread that entered gives up.
    Leave { entry: Key },
    /// Connects; the peer answers at once, or later ([`Call::PeerAnswers`]).
    Connect {
        through: Through,
        at_once: bool,
        wait: Wait,
    },
    /// Listens.
    Listen { through: Through },
    /// Accepts a connection from the backlog.
    Accept { through: Through, wait: Wait },
    /// Sends so many bytes.
    Send {
        through: Through,
        bytes: u64,
        wait: Wait,
    },
    /// Receives at most so many bytes.
    Recv {
        through: Through,
        bytes: u64,
        wait: Wait,
    },
    /// `SO_LINGER` with `l_onoff = 1`.
    SetLinger { through: Through, seconds: u16 },
    /// `SO_DONTLINGER`.
    SetDontLinger { through: Through, dont: bool },
    /// Reads `SO_LINGER`.
    GetLinger { through: Through },
    /// `FIONBIO`.
    SetNonblocking { through: Through, nonblocking: bool },
    /// Shuts down the send side (S1).
    ShutDownSend { through: Through },
    /// Makes a duplication record for a process (D5).
    Duplicate { through: Through, target: ProcessId },
    /// Makes a descriptor of a record.
    Redeem {
        process: ProcessId,
        record: RecordId,
    },
    /// Closes a descriptor.
    Close {
        process: ProcessId,
        descriptor: Descriptor,
        from: Origin,
    },
    /// Cancels a pending operation (C1, C2) or a waiting close (L9).
    Cancel { call: Key },
    /// The transport takes at most so many queued bytes.
    Transmit { socket: SocketId, bytes: u32 },
    /// The peer's transport acknowledges at most so many bytes.
    Acknowledge { socket: SocketId, bytes: u32 },
    /// So many bytes arrive from the peer.
    Arrive { socket: SocketId, bytes: u32 },
    /// The peer accepts or refuses a connect that is under way.
    PeerAnswers { socket: SocketId, connected: bool },
    /// The peer resets the connection.
    PeerResets { socket: SocketId },
    /// A connection joins the backlog of a listener.
    Join { socket: SocketId },
    /// Time passes.
    Advance { by: Duration },
    /// The network fails or comes back (E1).
    Network { up: bool },
    /// From now on handing a handle back fails, or works again (H4).
    Upcalls { fail: bool },
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Success without a value.
    Done,
    /// Success with this many bytes.
    Bytes(u64),
    /// A new descriptor.
    Opened(Descriptor),
    /// A new record.
    Record(RecordId),
    /// The linger seconds, if lingering is on.
    Linger(Option<u16>),
    /// The operation is pending; [`Happening::Ended`] comes later. An operation
    /// that ends within its call answers with its result instead.
    Pending,
    /// The close is committed and waits; [`Happening::CloseReturned`] comes
    /// later.
    Waiting,
    /// Failed.
    Refused(OrderedError),
}

/// An [`Error`] that sorts by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderedError(pub Error);

impl PartialOrd for OrderedError {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedError {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.code().cmp(&other.0.code())
    }
}

impl From<Result<Self, Error>> for Answer {
    fn from(result: Result<Self, Error>) -> Self {
        result.unwrap_or_else(Self::refused)
    }
}

impl Answer {
    /// Success with this many bytes.
    #[must_use]
    pub const fn bytes(count: usize) -> Self {
        Self::Bytes(count as u64)
    }

    /// The call failed so.
    #[must_use]
    pub const fn refused(error: Error) -> Self {
        Self::Refused(OrderedError(error))
    }
}

/// How a pending operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The blocked call returned this.
    Returned(Answer),
    /// This was posted to the event, queue or routine.
    Posted(Answer),
    /// It just ended, and nobody was told.
    Silent,
}

/// Something that can be seen besides the caller's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// A pending operation ended.
    Ended(Key, Outcome),
    /// A waiting close returned.
    CloseReturned(Key, Answer),
    /// The peer sees the end of the data.
    Fin(SocketId),
    /// The peer sees a reset.
    Reset(SocketId),
    /// So many connections in the backlog were reset.
    BacklogReset(SocketId, u32),
    /// The socket was released.
    Released(SocketId),
    /// The handle was given back.
    HandleReturned(ProcessId, Descriptor),
    /// Giving the handle back was tried and failed.
    HandleKept(ProcessId, Descriptor),
}

impl Happening {
    /// What it happens to. The order is told only of what happens to one thing.
    const fn subject(self) -> (u8, u64, u64) {
        match self {
            Self::Ended(key, _) => (0, key.0 as u64, 0),
            Self::CloseReturned(key, _) => (1, key.0 as u64, 0),
            Self::Fin(socket)
            | Self::Reset(socket)
            | Self::BacklogReset(socket, _)
            | Self::Released(socket) => (2, socket.0 as u64, 0),
            Self::HandleReturned(process, descriptor) | Self::HandleKept(process, descriptor) => {
                (3, process.0 as u64, descriptor.raw())
            }
        }
    }
}

/// All that can be seen of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the caller gets.
    pub answer: Answer,
    /// What else happens before the next call, told subject by subject.
    pub happenings: Vec<Happening>,
}

impl Seen {
    /// Brings the happenings into the order in which they are compared: by
    /// what they happen to, and for one thing in the order of time.
    #[must_use]
    pub fn new(answer: Answer, mut happenings: Vec<Happening>) -> Self {
        happenings.sort_by_key(|happening| happening.subject());
        Self { answer, happenings }
    }

    /// The descriptors that came to be, in order.
    #[must_use]
    pub fn opened(&self) -> Vec<Descriptor> {
        let ended = self.happenings.iter().filter_map(|it| match it {
            Happening::Ended(_, Outcome::Returned(answer) | Outcome::Posted(answer)) => {
                Some(*answer)
            }
            _ => None,
        });
        std::iter::once(self.answer)
            .chain(ended)
            .filter_map(|answer| match answer {
                Answer::Opened(descriptor) => Some(descriptor),
                _ => None,
            })
            .collect()
    }
}

/// What answers calls.
pub trait Provider {
    /// Answers the next call of the history.
    fn call(&mut self, call: &Call) -> Seen;
}
