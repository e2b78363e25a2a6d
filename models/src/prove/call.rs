//! What a thread of a family can call, and the scripts that its representatives run.

use std::sync::LazyLock;

use closesocket::protocol::{OperationKind, Waiting};

use crate::scenario::{Call, Handle, OperationSpec, Scenario, ThreadSpec};
use crate::state::{OPERATIONS, WORKER, small};

/// A call, apart from the indices that it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// None: the thread is in no call.
    #[default]
    None,
    /// The transport's worker completes an operation.
    Work,
    Recv,
    BlockedRecv,
    /// Sends one chunk.
    Send,
    /// Sends two chunks.
    SendTwo,
    BlockedSend,
    Close,
    LingerOff,
    LingerHard,
    LingerTimed,
    ShutDown,
    Duplicate,
    Redeem,
    Open,
    /// By name, an operation of the own process.
    Cancel,
    /// By name, an operation of another process.
    CancelForeign,
    CancelThrough,
    Startup,
    Cleanup,
    /// The death of the process.
    Die,
}

impl Kind {
    pub(crate) const ALL: [Self; 21] = [
        Self::None,
        Self::Work,
        Self::Recv,
        Self::BlockedRecv,
        Self::Send,
        Self::SendTwo,
        Self::BlockedSend,
        Self::Close,
        Self::LingerOff,
        Self::LingerHard,
        Self::LingerTimed,
        Self::ShutDown,
        Self::Duplicate,
        Self::Redeem,
        Self::Open,
        Self::Cancel,
        Self::CancelForeign,
        Self::CancelThrough,
        Self::Startup,
        Self::Cleanup,
        Self::Die,
    ];

    /// The calls that a thread makes while its process lives: all but none, the
    /// worker's part, and what begins and ends a life.
    pub(crate) const CALLS: &[Self] = Self::ALL.split_at(2).1.split_at(16).0;

    /// What a user calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Work => "completion",
            Self::Recv => "overlapped receive",
            Self::BlockedRecv => "blocking receive",
            Self::Send => "overlapped send of one chunk",
            Self::SendTwo => "overlapped send of two chunks",
            Self::BlockedSend => "blocking send",
            Self::Close => "close",
            Self::LingerOff => "don't linger",
            Self::LingerHard => "linger with 0 s",
            Self::LingerTimed => "linger with 1 s",
            Self::ShutDown => "shutdown of the send side",
            Self::Duplicate => "duplicate",
            Self::Redeem => "redeem",
            Self::Open => "open",
            Self::Cancel => "cancel by name",
            Self::CancelForeign => "cancel by name, of another process",
            Self::CancelThrough => "cancel through a descriptor",
            Self::Startup => "startup",
            Self::Cleanup => "cleanup",
            Self::Die => "death of the process",
        }
    }

    /// The operation that it starts.
    pub(crate) const fn operation(self) -> Option<OperationSpec> {
        match self {
            Self::Recv => Some(OperationSpec::overlapped(OperationKind::Recv)),
            Self::BlockedRecv => Some(OperationSpec::blocking(OperationKind::Recv)),
            Self::Send => Some(OperationSpec::send(1)),
            Self::SendTwo => Some(OperationSpec::send(2)),
            Self::BlockedSend => Some(BLOCKED_SEND),
            _ => None,
        }
    }

    /// Whether it leaves an operation pending behind it.
    pub(crate) const fn is_overlapped(self) -> bool {
        matches!(self, Self::Recv | Self::Send | Self::SendTwo)
    }

    /// What a call of a scenario is; `None` if no family has it.
    pub(crate) fn of(scenario: &Scenario, call: &Call) -> Option<Self> {
        match *call {
            Call::Start { operation, .. } => {
                let spec = scenario.operations.get(usize::from(operation))?;
                let overlapped = spec.waiting == Waiting::Overlapped;
                match (spec.kind, overlapped, spec.chunks) {
                    (OperationKind::Recv, true, _) => Some(Self::Recv),
                    (OperationKind::Recv, false, _) => Some(Self::BlockedRecv),
                    (OperationKind::Send, true, 1) => Some(Self::Send),
                    (OperationKind::Send, true, 2) => Some(Self::SendTwo),
                    (OperationKind::Send, false, 1) => Some(Self::BlockedSend),
                    _ => None,
                }
            }
            Call::Close(_) => Some(Self::Close),
            Call::SetLinger(_, None) => Some(Self::LingerOff),
            Call::SetLinger(_, Some(0)) => Some(Self::LingerHard),
            Call::SetLinger(_, Some(1)) => Some(Self::LingerTimed),
            Call::ShutDownSend(_) => Some(Self::ShutDown),
            Call::Duplicate { .. } => Some(Self::Duplicate),
            Call::Redeem { .. } => Some(Self::Redeem),
            Call::Open { .. } => Some(Self::Open),
            Call::Cancel { .. } => Some(Self::Cancel),
            Call::CancelThrough(_) => Some(Self::CancelThrough),
            Call::Startup => Some(Self::Startup),
            Call::Cleanup => Some(Self::Cleanup),
            Call::Die => Some(Self::Die),
            Call::SetLinger(..) | Call::TakeAccepted { .. } => None,
        }
    }

    /// The same as a call of a representative, which names this operation.
    const fn call(self, operation: u8) -> Call {
        match self {
            Self::None | Self::Work | Self::LingerOff => Call::SetLinger(Handle::Own, None),
            Self::Recv | Self::BlockedRecv | Self::Send | Self::SendTwo | Self::BlockedSend => {
                Call::Start {
                    operation,
                    through: Handle::Own,
                }
            }
            Self::Close => Call::Close(Handle::Own),
            Self::LingerHard => Call::SetLinger(Handle::Own, Some(0)),
            Self::LingerTimed => Call::SetLinger(Handle::Own, Some(1)),
            Self::ShutDown => Call::ShutDownSend(Handle::Own),
            Self::Duplicate => Call::Duplicate {
                through: Handle::Own,
                target: 1,
                record: 0,
            },
            Self::Redeem => Call::Redeem { record: 0 },
            Self::Open => Call::Open { socket: 0 },
            Self::Cancel | Self::CancelForeign => Call::Cancel { operation },
            Self::CancelThrough => Call::CancelThrough(Handle::Own),
            Self::Startup => Call::Startup,
            Self::Cleanup => Call::Cleanup,
            Self::Die => Call::Die,
        }
    }
}

const BLOCKED_SEND: OperationSpec = OperationSpec {
    chunks: 1,
    ..OperationSpec::blocking(OperationKind::Send)
};

/// Fillers that are inside; those that sleep are the threads with the indices of
/// their operations.
pub(super) const INSIDER: usize = 1;

static CALLS: LazyLock<Vec<[Call; 1]>> = LazyLock::new(|| {
    let kinds = Kind::ALL.into_iter();
    kinds
        .flat_map(|kind| (0..OPERATIONS).map(move |it| [kind.call(small(it))]))
        .collect()
});

static THREADS: LazyLock<Vec<[ThreadSpec; WORKER]>> = LazyLock::new(|| {
    let calls: &'static [[Call; 1]] = &CALLS;
    let of = |kind: Kind, operation: usize| &calls[kind as usize * OPERATIONS + operation];
    let kinds = Kind::ALL.into_iter();
    kinds
        .flat_map(|kind| {
            (0..OPERATIONS).map(move |operation| {
                let process = u8::from(kind == Kind::CancelForeign);
                let thread = |process, calls| ThreadSpec { process, calls };
                [
                    thread(process, of(kind, operation)),
                    thread(0, of(Kind::LingerOff, 0)),
                    thread(0, of(Kind::BlockedRecv, 2)),
                    thread(0, of(Kind::BlockedRecv, 3)),
                ]
            })
        })
        .collect()
});

/// The threads of a representative: the actor first, then the fillers.
pub(super) fn threads(kind: Kind, operation: usize) -> &'static [ThreadSpec] {
    let threads: &'static [[ThreadSpec; WORKER]] = &THREADS;
    &threads[kind as usize * OPERATIONS + operation]
}

/// How the operations of a representative are waited for, and which are sends, as
/// masks.
const SHAPES: usize = 1 << OPERATIONS;

static OPERATIONS_OF: LazyLock<Vec<[OperationSpec; OPERATIONS]>> = LazyLock::new(|| {
    let spec = |blocked: bool, sends: bool| match (blocked, sends) {
        (true, true) => BLOCKED_SEND,
        (true, false) => OperationSpec::blocking(OperationKind::Recv),
        (false, true) => OperationSpec::send(2),
        (false, false) => OperationSpec::overlapped(OperationKind::Recv),
    };
    let shapes = (0..SHAPES * SHAPES).map(|it| (it / SHAPES, it % SHAPES));
    shapes
        .map(|(blocked, sends)| {
            std::array::from_fn(|it| spec(blocked >> it & 1 == 1, sends >> it & 1 == 1))
        })
        .collect()
});

/// The operations of a representative.
pub(super) fn operations(blocked: u8, sends: u8) -> &'static [OperationSpec] {
    let all: &'static [[OperationSpec; OPERATIONS]] = &OPERATIONS_OF;
    &all[usize::from(blocked & 15) * SHAPES + usize::from(sends & 15)]
}
