//! What is done with a connection: a list of decisions.

use closesocket::engine::Shutdown;

/// Seconds; more than any drain to a peer that reads takes.
pub(super) const LONG_LINGER: u16 = 60;
/// Seconds; to be outlived by a peer that never reads.
pub(super) const SHORT_LINGER: u16 = 1;

/// Everything that is decided about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) number: u64,
    pub(super) opening: Opening,
    pub(super) peer: PeerPlan,
    pub(super) steps: Vec<Step>,
    /// Overlapped receives that are started just before the end.
    pub(super) last_receives: u64,
    /// The size of an overlapped send that is started just before the end.
    pub(super) last_send: Option<usize>,
    pub(super) ending: Ending,
}

/// How a connection comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// A blocking connect.
    Connect,
    /// An overlapped connect, from an address that was bound before.
    ConnectOverlapped,
    /// An accept that was started before the peer connects.
    AcceptOverlapped,
    /// Another thread is blocked in an accept.
    AcceptBlocking,
    /// An accept after a select has said that it will not block.
    AcceptSelected,
    /// A blocking connect to the peers' process.
    ConnectElsewhere,
}

/// What the peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerPlan {
    pub(super) habit: Habit,
    /// Bytes that it sends at once.
    pub(super) sends: usize,
    /// It sends a FIN behind them.
    pub(super) half_closes: bool,
    /// Small pieces that it sends later, one at a time.
    pub(super) late_pieces: u64,
}

/// How the peer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Everything, as it comes.
    Reads,
    /// A little at a time.
    Slowly { piece: usize },
    /// Nothing for so many milliseconds, then as it comes.
    Stalls { millis: u64 },
    /// As it comes for so many milliseconds, then it resets the connection.
    Resets { millis: u64 },
    /// As it comes for so many milliseconds, then it is gone.
    Vanishes { millis: u64 },
    /// Nothing, ever.
    Sleeps,
    /// Nothing until the last close has committed, then as it comes.
    Waits,
    /// It is in another process, which counts how the connections end.
    Elsewhere,
}

impl Habit {
    /// Whether the peer stays until everything has come.
    pub(super) const fn reads_all(self) -> bool {
        matches!(
            self,
            Self::Reads | Self::Slowly { .. } | Self::Stalls { .. } | Self::Waits
        )
    }
}

/// How an operation is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Blocking,
    Nonblocking,
    Overlapped(Notice),
}

/// How an overlapped operation reports its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Queue,
    Event,
    Routine,
}

/// Something done with an open connection, through the reference that `through`
/// picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) through: u64,
    pub(super) act: Act,
}

impl Step {
    /// Done through the oldest reference.
    pub(super) const fn first(act: Act) -> Self {
        Self { through: 0, act }
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Send {
        bytes: usize,
        how: How,
    },
    Receive {
        bytes: usize,
        how: How,
    },
    Select,
    Linger(Option<u16>),
    DontLinger(bool),
    /// A thread is blocked in a receive and cancelled.
    CancelReceive,
    /// Duplicates to another process, or within the same.
    Share {
        other: bool,
    },
    /// Closes a reference that is not the last.
    CloseReference,
    /// Closes the oldest reference, which is otherwise closed last.
    CloseOldest,
    /// Uses a descriptor after its close.
    UseClosed,
    ShutDown(Shutdown),
    /// Sends until the engine keeps bytes that the peer does not take.
    Fill,
    /// Says that this connection is as the others of the crowd wait for it.
    Arrive,
    /// Waits until all connections of the crowd are there.
    AwaitCrowd,
}

/// How the last reference is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Ending {
    Graceful,
    DontLinger,
    Lingering,
    /// The linger time passes first.
    Expiring,
    Hard,
    /// The first close is refused; this is the way out of it (L1).
    WouldBlock(WayOut),
    /// Two threads close at once.
    Racing,
    /// While another thread is blocked in a receive or send.
    Blocked {
        sending: bool,
    },
    /// The wait for the drain is cancelled.
    LingerCancelled,
    Cleanup,
    Death,
    /// Gracefully, by the process with which the connection was shared.
    Shared,
    /// Gracefully, at the same time as all others.
    Crowd,
}

/// What a user does when a close would block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum WayOut {
    DontLinger,
    Hard,
    ShutDown,
    Again,
}

impl Ending {
    /// What it is called in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Graceful => "graceful",
            Self::DontLinger => "dontlinger",
            Self::Lingering => "lingering",
            Self::Expiring => "linger-expired",
            Self::Hard => "hard",
            Self::WouldBlock(_) => "would-block",
            Self::Racing => "two-closes",
            Self::Blocked { .. } => "blocked-call",
            Self::LingerCancelled => "linger-cancelled",
            Self::Cleanup => "cleanup",
            Self::Death => "death",
            Self::Shared => "shared",
            Self::Crowd => "crowd",
        }
    }

    /// Whether it resets the connection instead of sending what is queued.
    pub(super) const fn is_hard(self) -> bool {
        matches!(
            self,
            Self::Hard | Self::Expiring | Self::WouldBlock(WayOut::Hard)
        )
    }

    /// Whether the connection is that of a process of its own, which ends.
    pub(super) const fn ends_process(self) -> bool {
        matches!(self, Self::Cleanup | Self::Death)
    }

    /// Whether there has to be unsent data.
    pub(super) const fn needs_unsent(self) -> bool {
        matches!(
            self,
            Self::Expiring
                | Self::WouldBlock(_)
                | Self::LingerCancelled
                | Self::Blocked { sending: true }
        )
    }
}
