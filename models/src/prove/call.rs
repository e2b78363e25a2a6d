//! What a thread of a family can call, and the scripts that its representatives run.

use std::sync::LazyLock;

use closesocket::protocol::{Connection, OperationKind, Waiting};

use crate::scenario::{Call, Handle, OperationSpec, Scenario, ThreadSpec};
use crate::state::small;

/// Declares the kinds, each with what a user calls it.
macro_rules! kinds {
    ($($(#[$attribute:meta])* $kind:ident = $name:literal,)*) => {
        /// A call, apart from the indices that it names.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Kind {
            $($(#[$attribute])* $kind,)*
        }

        impl Kind {
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// What a user calls it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// None: the thread is in no call.
    #[default]
    None = "nothing",
    /// The transport's worker completes an operation.
    Work = "completion",
    Recv = "overlapped receive",
    BlockedRecv = "blocking receive",
    Send = "overlapped send of one chunk",
    SendTwo = "overlapped send of two chunks",
    BlockedSend = "blocking send",
    Close = "close",
    LingerOff = "don't linger",
    LingerHard = "linger with 0 s",
    LingerTimed = "linger with 1 s",
    ShutDown = "shutdown of the send side",
    Duplicate = "duplicate",
    Redeem = "redeem",
    Open = "open",
    Cancel = "cancel by name",
    CancelForeign = "cancel by name, of another process",
    CancelThrough = "cancel through a descriptor",
    Connect = "overlapped connect",
    BlockedConnect = "blocking connect",
    Accept = "overlapped accept",
    BlockedAccept = "blocking accept",
    Startup = "startup",
    Cleanup = "cleanup",
    Die = "death of the process",
}

impl Kind {
    /// The calls that a thread makes on connected sockets while its process lives:
    /// all but none, the worker's part, and those from connect on.
    pub(crate) const CALLS: &[Self] = {
        let all = Self::ALL.split_at(Self::Connect as usize).0;
        all.split_at(Self::Recv as usize).1
    };

    /// The operation that it starts.
    pub(crate) const fn operation(self) -> Option<OperationSpec> {
        match self {
            Self::Recv => Some(OperationSpec::overlapped(OperationKind::Recv)),
            Self::BlockedRecv => Some(OperationSpec::blocking(OperationKind::Recv)),
            Self::Send => Some(OperationSpec::send(1)),
            Self::SendTwo => Some(OperationSpec::send(2)),
            Self::BlockedSend => Some(BLOCKED_SEND),
            Self::Connect => Some(OperationSpec::overlapped(OperationKind::Connect)),
            Self::BlockedConnect => Some(OperationSpec::blocking(OperationKind::Connect)),
            Self::Accept => Some(OperationSpec::overlapped(OperationKind::Accept)),
            Self::BlockedAccept => Some(OperationSpec::blocking(OperationKind::Accept)),
            _ => None,
        }
    }

    /// Whether its operation is of the sending side of its socket.
    pub(crate) fn sends(self) -> bool {
        let kind = self.operation().map(|it| it.kind);
        matches!(kind, Some(OperationKind::Send | OperationKind::Connect))
    }

    /// Whether it leaves an operation pending behind it.
    pub(crate) const fn is_overlapped(self) -> bool {
        matches!(
            self,
            Self::Recv | Self::Send | Self::SendTwo | Self::Connect | Self::Accept
        )
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
                    (OperationKind::Connect, true, _) => Some(Self::Connect),
                    (OperationKind::Connect, false, _) => Some(Self::BlockedConnect),
                    (OperationKind::Accept, true, _) => Some(Self::Accept),
                    (OperationKind::Accept, false, _) => Some(Self::BlockedAccept),
                    (OperationKind::Send, ..) => None,
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
            Self::Recv
            | Self::BlockedRecv
            | Self::Send
            | Self::SendTwo
            | Self::BlockedSend
            | Self::Connect
            | Self::BlockedConnect
            | Self::Accept
            | Self::BlockedAccept => Call::Start {
                operation,
                through: Handle::Own,
            },
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

/// Operations of a representative, and threads besides the worker: as many as stand for
/// all that a view can say, whatever a state has room for.
pub(super) const OPERATIONS: usize = 4;

static CALLS: LazyLock<Vec<[Call; 1]>> = LazyLock::new(|| {
    let kinds = Kind::ALL.into_iter();
    kinds
        .flat_map(|kind| (0..OPERATIONS).map(move |it| [kind.call(small(it))]))
        .collect()
});

static THREADS: LazyLock<Vec<[ThreadSpec; OPERATIONS]>> = LazyLock::new(|| {
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
    let threads: &'static [[ThreadSpec; OPERATIONS]] = &THREADS;
    &threads[kind as usize * OPERATIONS + operation]
}

/// How the operations of a representative are waited for, and which are sends, as
/// masks.
const SHAPES: usize = 1 << OPERATIONS;

/// What the operations of each side of a socket do: those that take from the peer,
/// and those that give to it.
const SIDES: [[OperationKind; 2]; 3] = [
    [OperationKind::Recv, OperationKind::Send],
    [OperationKind::Recv, OperationKind::Connect],
    [OperationKind::Accept, OperationKind::Send],
];

static OPERATIONS_OF: LazyLock<Vec<[OperationSpec; OPERATIONS]>> = LazyLock::new(|| {
    let spec = |kinds: [OperationKind; 2], blocked: bool, sends: bool| {
        let kind = kinds[usize::from(sends)];
        match (kind, blocked) {
            (OperationKind::Send, true) => BLOCKED_SEND,
            (OperationKind::Send, false) => OperationSpec::send(2),
            (kind, true) => OperationSpec::blocking(kind),
            (kind, false) => OperationSpec::overlapped(kind),
        }
    };
    let shapes = SIDES
        .into_iter()
        .flat_map(|kinds| (0..SHAPES * SHAPES).map(move |it| (kinds, it / SHAPES, it % SHAPES)));
    shapes
        .map(|(kinds, blocked, sends)| {
            std::array::from_fn(|it| spec(kinds, blocked >> it & 1 == 1, sends >> it & 1 == 1))
        })
        .collect()
});

/// The operations of a representative: which are blocked in, and which are of the
/// sending side; with `first`, that of the actor, whose kind decides.
pub(super) fn operations(
    connection: Connection,
    first: Option<OperationKind>,
    (blocked, sends): (u8, u8),
) -> &'static [OperationSpec] {
    let sides = match (first, connection) {
        (Some(OperationKind::Connect), _) | (None, Connection::Connecting) => 1,
        (Some(OperationKind::Accept), _) | (None, Connection::Listening) => 2,
        _ => 0,
    };
    let all: &'static [[OperationSpec; OPERATIONS]] = &OPERATIONS_OF;
    &all[(sides * SHAPES + usize::from(blocked & 15)) * SHAPES + usize::from(sends & 15)]
}
