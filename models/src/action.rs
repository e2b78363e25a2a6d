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

/// Declares the steps, each with the sentence that tells it, which is its documentation,
/// too.
macro_rules! steps {
    ($(
        $step:ident $({ $($field:ident: $type:ty),+ })? = $text:literal $(, $part:expr)*;
    )*) => {
        /// What happens in a step.
        #[expect(missing_docs, reason = "the sentence says what its numbers are of")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum What {
            $(#[doc = $text] $step $({ $($field: $type),+ })?,)*
        }

        impl fmt::Display for What {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$step $({ $($field),+ })? => write!(f, $text $(, $part)*),)*
                }
            }
        }
    };
}

steps! {
    Enter { slot: u8, generation: u8 } = "enters descriptor {slot}.{generation}";
    EnterRefused { slot: u8, generation: u8 } =
        "enters slot {slot} for a moment with the closed descriptor {slot}.{generation}";
    BackOut { slot: u8 } = "backs out of slot {slot}";
    Register { kind: OperationKind, operation: u8 } = "registers {kind} #{operation}";
    CompleteAtOnce { kind: OperationKind, operation: u8 } =
        "completes {kind} #{operation} at once";
    RegisterAccept { operation: u8, slot: u8 } =
        "registers accept #{operation} and reserves slot {slot}";
    AcceptAtOnce { operation: u8, slot: u8 } =
        "completes accept #{operation} at once and opens slot {slot}";
    StartRefused { kind: OperationKind, operation: u8 } = "cannot start {kind} #{operation}";
    SetLinger { seconds: Option<u16> } = "sets {}", match seconds {
        None => "DONTLINGER".to_owned(),
        Some(seconds) => format!("LINGER to {seconds} s"),
    };
    ShutDownSend { socket: u8 } = "shuts down the send side of socket {socket}";
    Duplicate { record: u8, made: bool } = "{}", match made {
        true => format!("makes duplication record {record}"),
        false => "cannot duplicate".to_owned(),
    };
    Leave { slot: u8, holds: u8 } = "leaves slot {slot} ({})", count(holds, "hold");
    Look { slot: u8, open: bool } = "{}", match open {
        true => format!("looks at slot {slot} to close it"),
        false => format!("finds slot {slot} closed already"),
    };
    Lock { slot: u8 } = "takes the lock to close slot {slot}";
    FindClosed { slot: u8 } = "takes the lock and finds slot {slot} closed";
    WouldBlock { slot: u8 } = "is told that closing slot {slot} would block";
    RetryCommit { slot: u8 } = "has to try again, somebody entered or left slot {slot}";
    Commit { slot: u8, cause: Cause, last: bool } =
        "commits the close of slot {slot}{}{}",
        match cause {
            Cause::Call => "",
            Cause::Cleanup => " in cleanup",
            Cause::Death => " in death",
            Cause::Reclaimed => " of a record",
        },
        if last { ", the last reference" } else { "" };
    DeliverAborted { kind: OperationKind, operation: u8 } =
        "delivers the abort of {kind} #{operation}";
    DeliverCompleted { kind: OperationKind, operation: u8 } =
        "delivers the completion of {kind} #{operation}";
    Wake { socket: u8 } = "wakes up, socket {socket} is drained";
    Cancel { socket: u8 } = "is cancelled while socket {socket} drains";
    CancelOperation { kind: OperationKind, operation: u8 } = "cancels {kind} #{operation}";
    CancelNothing { kind: OperationKind, operation: u8 } =
        "finds no {kind} #{operation} to cancel";
    Claim { slot: u8 } = "claims slot {slot}";
    LoseClaim { slot: u8 } = "cannot claim slot {slot}, somebody came";
    Upcall { slot: u8 } = "gives the handle of slot {slot} back";
    UpcallFails { slot: u8 } = "fails to give the handle of slot {slot} back";
    Recycle { slot: u8 } = "recycles slot {slot}";
    Retire { slot: u8 } = "retires slot {slot}";
    Reserve { slot: u8 } = "reserves slot {slot}";
    Open { slot: u8, socket: u8 } = "opens slot {slot} for socket {socket}";
    TakeAccepted { slot: u8, socket: u8 } = "takes slot {slot} of socket {socket} out of a result";
    Redeem { record: u8, slot: u8, redeemed: bool } = "{}", match redeemed {
        true => format!("redeems record {record} into slot {slot}"),
        false => format!("is refused record {record}"),
    };
    LookAtProcess { gone: bool } = "sees that its process {}", match gone {
        true => "is gone",
        false => "goes on",
    };
    Skip = "finds nothing to do";
    Startup = "starts its process up";
    Begin { cause: Cause } = "begins the {} of its process", match cause {
        Cause::Death => "death",
        _ => "cleanup",
    };
    NextSlot { slot: u8, open: bool } = "{}", match open {
        true => format!("goes on to close slot {slot}"),
        false => format!("passes slot {slot}, which is not open"),
    };
    TakeOutlived { socket: u8, taken: u8 } = "{} on socket {socket}", match taken {
        0 => "finds nothing left",
        _ => "takes out what outlived its descriptors",
    };
    Reclaim { record: u8, reclaimed: bool } = "{} record {record}", match reclaimed {
        true => "reclaims",
        false => "passes",
    };
    Complete { kind: OperationKind, operation: u8 } = "takes {kind} #{operation} out as completed";
    AcceptBytes { operation: u8, rest: u8 } = "accepts bytes of send #{operation}, {} left",
        match rest {
            1 => "1 chunk is".to_owned(),
            _ => format!("{rest} chunks are"),
        };
    Transmit { socket: u8 } = "the transport takes a chunk of socket {socket}";
    Acknowledge { socket: u8 } = "the peer of socket {socket} acknowledges a chunk";
    LoseConnection { socket: u8 } = "the peer of socket {socket} resets the connection";
    Input { socket: u8 } = "input arrives on socket {socket}";
    JoinBacklog { socket: u8 } = "a connection joins the backlog of socket {socket}";
    Expire { socket: u8 } = "the deadline of socket {socket} passes";
    Rest = "nothing can happen any more";
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
