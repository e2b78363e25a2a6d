//! Actions: one step of one thread or of the surroundings, in words.

use std::fmt;

use closesocket::protocol::{Cause, OperationKind};
use closesocket_trace::words::count;

/// One step. It carries all that its sentence needs, because a search shows an
/// action without the state it was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// Who: a thread, or `None` for the surroundings.
    pub thread: Option<u8>,
    /// What.
    pub what: What,
}

/// What happens in a step.
#[expect(missing_docs, reason = "the variant says what its numbers are of")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// Enters a descriptor and is admitted.
    Enter { slot: u8, generation: u8 },
    /// Enters a descriptor and is refused.
    EnterRefused { slot: u8, generation: u8 },
    /// Takes the transient entry of a refused call back.
    BackOut { slot: u8 },
    /// Registers an operation.
    Register { kind: OperationKind, operation: u8 },
    /// Starts an operation that completes at once.
    CompleteAtOnce { kind: OperationKind, operation: u8 },
    /// Registers an accept, with a slot reserved for the descriptor that it gives.
    RegisterAccept { operation: u8, slot: u8 },
    /// Starts an accept that opens its descriptor at once.
    AcceptAtOnce { operation: u8, slot: u8 },
    /// Wants to start an operation, which cannot be.
    StartRefused { kind: OperationKind, operation: u8 },
    /// Sets the linger option.
    SetLinger { seconds: Option<u16> },
    /// Shuts down the send side.
    ShutDownSend { socket: u8 },
    /// Makes a duplication record.
    Duplicate { record: u8, made: bool },
    /// Leaves a descriptor.
    Leave { slot: u8, holds: u8 },
    /// Looks at the descriptor it is to close.
    Look { slot: u8, open: bool },
    /// Takes the socket's lock to close a descriptor.
    Lock { slot: u8 },
    /// Finds under the lock that the descriptor is closed.
    FindClosed { slot: u8 },
    /// Its close would block.
    WouldBlock { slot: u8 },
    /// The word changed: its compare-and-swap fails.
    RetryCommit { slot: u8 },
    /// Commits a close.
    Commit { slot: u8, cause: Cause, last: bool },
    /// Delivers an aborted operation.
    DeliverAborted { kind: OperationKind, operation: u8 },
    /// Delivers a completed operation.
    DeliverCompleted { kind: OperationKind, operation: u8 },
    /// Wakes up from the wait for a drain.
    Wake { socket: u8 },
    /// Is cancelled in the wait for a drain.
    Cancel { socket: u8 },
    /// Takes an operation out to cancel it.
    CancelOperation { kind: OperationKind, operation: u8 },
    /// Finds no such operation pending.
    CancelNothing { kind: OperationKind, operation: u8 },
    /// Claims a closed and empty slot.
    Claim { slot: u8 },
    /// Loses the claim to a transient entry.
    LoseClaim { slot: u8 },
    /// Gives the handle back.
    Upcall { slot: u8 },
    /// Giving the handle back fails.
    UpcallFails { slot: u8 },
    /// Recycles the slot.
    Recycle { slot: u8 },
    /// Retires the slot.
    Retire { slot: u8 },
    /// Reserves a free slot.
    Reserve { slot: u8 },
    /// Opens a new socket's descriptor.
    Open { slot: u8, socket: u8 },
    /// Takes the descriptor of a connection out of the result of an accept.
    TakeAccepted { slot: u8, socket: u8 },
    /// Redeems a record.
    Redeem {
        record: u8,
        slot: u8,
        redeemed: bool,
    },
    /// Looks whether its process is gone.
    LookAtProcess { gone: bool },
    /// Finds nothing to do.
    Skip,
    /// The process starts up.
    Startup,
    /// The process begins to go.
    Begin { cause: Cause },
    /// Takes the next slot of its going process.
    NextSlot { slot: u8, open: bool },
    /// Takes out what outlived its descriptors on a socket, as a mask.
    TakeOutlived { socket: u8, taken: u8 },
    /// Takes the next record of its dead process.
    Reclaim { record: u8, reclaimed: bool },
    /// An operation completes.
    Complete { kind: OperationKind, operation: u8 },
    /// The peer acknowledges a chunk, and one of a pending send is accepted.
    AcceptBytes { operation: u8, rest: u8 },
    /// The transport takes a chunk.
    Transmit { socket: u8 },
    /// The peer acknowledges a chunk.
    Acknowledge { socket: u8 },
    /// The peer resets, or the network fails.
    LoseConnection { socket: u8 },
    /// Input arrives.
    Input { socket: u8 },
    /// A connection joins the backlog.
    JoinBacklog { socket: u8 },
    /// The deadline passes.
    Expire { socket: u8 },
    /// Nothing can happen any more.
    Rest,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.thread {
            Some(thread) if usize::from(thread) == crate::state::WORKER => {
                write!(f, "the transport ")?;
            }
            Some(thread) => write!(f, "T{} ", thread + 1)?,
            None => {}
        }
        self.what.fmt(f)
    }
}

const fn name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Recv => "recv",
        OperationKind::Send => "send",
        OperationKind::Accept => "accept",
        OperationKind::Connect => "connect",
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Rest => f.write_str("nothing can happen any more"),
            Self::Transmit { socket } => {
                write!(f, "the transport takes a chunk of socket {socket}")
            }
            Self::Acknowledge { socket } => {
                write!(f, "the peer of socket {socket} acknowledges a chunk")
            }
            Self::LoseConnection { socket } => {
                write!(f, "the peer of socket {socket} resets the connection")
            }
            Self::Input { socket } => write!(f, "input arrives on socket {socket}"),
            Self::JoinBacklog { socket } => {
                write!(f, "a connection joins the backlog of socket {socket}")
            }
            Self::Expire { socket } => write!(f, "the deadline of socket {socket} passes"),
            _ => self.fmt_thread(f),
        }
    }
}

impl What {
    fn fmt_thread(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enter { slot, generation } => write!(f, "enters descriptor {slot}.{generation}"),
            Self::EnterRefused { slot, generation } => write!(
                f,
                "enters slot {slot} for a moment with the closed descriptor {slot}.{generation}"
            ),
            Self::BackOut { slot } => write!(f, "backs out of slot {slot}"),
            Self::Register { kind, operation } => {
                write!(f, "registers {} #{operation}", name(kind))
            }
            Self::CompleteAtOnce { kind, operation } => {
                write!(f, "completes {} #{operation} at once", name(kind))
            }
            Self::StartRefused { kind, operation } => {
                write!(f, "cannot start {} #{operation}", name(kind))
            }
            Self::SetLinger { seconds: None } => write!(f, "sets DONTLINGER"),
            Self::SetLinger { seconds: Some(s) } => write!(f, "sets LINGER to {s} s"),
            Self::ShutDownSend { socket } => {
                write!(f, "shuts down the send side of socket {socket}")
            }
            Self::Duplicate { record, made: true } => {
                write!(f, "makes duplication record {record}")
            }
            Self::Duplicate { made: false, .. } => write!(f, "cannot duplicate"),
            Self::Leave { slot, holds } => {
                let holds = count(holds, "hold");
                write!(f, "leaves slot {slot} ({holds})")
            }
            Self::Skip => write!(f, "finds nothing to do"),
            Self::Complete { kind, operation } => {
                write!(f, "takes {} #{operation} out as completed", name(kind))
            }
            Self::AcceptBytes { operation, rest } => write!(
                f,
                "accepts bytes of send #{operation}, {} left",
                match rest {
                    1 => "1 chunk is".to_owned(),
                    _ => format!("{rest} chunks are"),
                }
            ),
            Self::CancelOperation { kind, operation } => {
                write!(f, "cancels {} #{operation}", name(kind))
            }
            Self::CancelNothing { kind, operation } => {
                write!(f, "finds no {} #{operation} to cancel", name(kind))
            }
            Self::DeliverAborted { kind, operation } => {
                write!(f, "delivers the abort of {} #{operation}", name(kind))
            }
            Self::DeliverCompleted { kind, operation } => {
                write!(f, "delivers the completion of {} #{operation}", name(kind))
            }
            _ => self.fmt_open(f),
        }
    }

    fn fmt_open(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegisterAccept { operation, slot } => {
                write!(f, "registers accept #{operation} and reserves slot {slot}")
            }
            Self::AcceptAtOnce { operation, slot } => {
                write!(
                    f,
                    "completes accept #{operation} at once and opens slot {slot}"
                )
            }
            Self::Reserve { slot } => write!(f, "reserves slot {slot}"),
            Self::Open { slot, socket } => write!(f, "opens slot {slot} for socket {socket}"),
            Self::TakeAccepted { slot, socket } => {
                write!(f, "takes slot {slot} of socket {socket} out of a result")
            }
            Self::Redeem {
                record,
                slot,
                redeemed: true,
            } => write!(f, "redeems record {record} into slot {slot}"),
            Self::Redeem { record, .. } => write!(f, "is refused record {record}"),
            Self::LookAtProcess { gone: false } => write!(f, "sees that its process goes on"),
            Self::LookAtProcess { gone: true } => write!(f, "sees that its process is gone"),
            _ => self.fmt_close(f),
        }
    }

    fn fmt_close(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Look { slot, open: true } => write!(f, "looks at slot {slot} to close it"),
            Self::Look { slot, open: false } => write!(f, "finds slot {slot} closed already"),
            Self::Lock { slot } => write!(f, "takes the lock to close slot {slot}"),
            Self::FindClosed { slot } => write!(f, "takes the lock and finds slot {slot} closed"),
            Self::WouldBlock { slot } => write!(f, "is told that closing slot {slot} would block"),
            Self::RetryCommit { slot } => {
                write!(f, "has to try again, somebody entered or left slot {slot}")
            }
            Self::Commit { slot, cause, last } => write!(
                f,
                "commits the close of slot {slot}{}{}",
                match cause {
                    Cause::Call => "",
                    Cause::Cleanup => " in cleanup",
                    Cause::Death => " in death",
                    Cause::Reclaimed => " of a record",
                },
                if last { ", the last reference" } else { "" }
            ),
            Self::Wake { socket } => write!(f, "wakes up, socket {socket} is drained"),
            Self::Cancel { socket } => write!(f, "is cancelled while socket {socket} drains"),
            Self::Claim { slot } => write!(f, "claims slot {slot}"),
            Self::LoseClaim { slot } => write!(f, "cannot claim slot {slot}, somebody came"),
            Self::Upcall { slot } => write!(f, "gives the handle of slot {slot} back"),
            Self::UpcallFails { slot } => write!(f, "fails to give the handle of slot {slot} back"),
            Self::Recycle { slot } => write!(f, "recycles slot {slot}"),
            Self::Retire { slot } => write!(f, "retires slot {slot}"),
            Self::Begin { cause } => write!(
                f,
                "begins the {} of its process",
                if cause == Cause::Death {
                    "death"
                } else {
                    "cleanup"
                }
            ),
            Self::Startup => write!(f, "starts its process up"),
            Self::TakeOutlived { socket, taken: 0 } => {
                write!(f, "finds nothing left on socket {socket}")
            }
            Self::TakeOutlived { socket, .. } => write!(
                f,
                "takes out what outlived its descriptors on socket {socket}"
            ),
            Self::NextSlot { slot, open: true } => write!(f, "goes on to close slot {slot}"),
            Self::NextSlot { slot, .. } => write!(f, "passes slot {slot}, which is not open"),
            Self::Reclaim {
                record,
                reclaimed: true,
            } => write!(f, "reclaims record {record}"),
            Self::Reclaim { record, .. } => write!(f, "passes record {record}"),
            _ => write!(f, "{self:?}"),
        }
    }
}
