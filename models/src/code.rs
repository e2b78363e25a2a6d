//! Which code decides a step: the shipped function that it is taken by.

use closesocket::protocol::{Cause, OperationKind};

use crate::action::What;

/// A function of the protocol that ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// Its file, from the root of the repository.
    pub file: &'static str,
    /// Its name, with that of its type, or of its module if it has none.
    pub function: &'static str,
}

/// The function of this name in this file of the protocol.
macro_rules! code {
    ($file:literal $owner:ident::$function:ident) => {
        Code {
            file: concat!("crates/closesocket/src/protocol/", $file),
            function: concat!(stringify!($owner), "::", stringify!($function)),
        }
    };
}

impl What {
    /// The shipped function that decides this step: the one whose fault a wrong step
    /// is, unless it is a defect's. Where no other decides, it is the program's, which
    /// says what comes next. `None` if nobody takes the step.
    #[must_use]
    pub const fn code(self) -> Option<Code> {
        Some(match self {
            Self::Rest => return None,
            Self::Enter { .. } | Self::EnterRefused { .. } => code!("word.rs" word::admit),
            Self::BackOut { .. } | Self::Leave { .. } => code!("word.rs" word::leave),
            Self::Claim { .. } | Self::LoseClaim { .. } => code!("word.rs" word::claim),
            Self::Recycle { .. } | Self::Retire { .. } => code!("word.rs" word::recycle),
            Self::Look { .. } | Self::NextSlot { .. } => code!("word.rs" Word::is_open),
            Self::Upcall { .. } | Self::UpcallFails { .. } => {
                code!("ending.rs" ending::returns_handle)
            }
            Self::Lock { .. }
            | Self::FindClosed { .. }
            | Self::RetryCommit { .. }
            | Self::Commit { .. } => code!("close.rs" Socket::close),
            Self::WouldBlock { .. } => code!("close.rs" Socket::would_block),
            Self::Wake { .. } | Self::Cancel { .. } => code!("socket.rs" Socket::is_draining),
            Self::DeliverAborted { .. } => code!("ending.rs" ending::cut_off),
            Self::TakeOutlived { .. } => code!("ending.rs" ending::notice),
            Self::CancelOperation { .. } | Self::CancelNothing { .. } => {
                code!("ending.rs" ending::may_cancel)
            }
            Self::Redeem { .. } => code!("record.rs" DuplicationRecord::redeem),
            Self::Reclaim { .. } => code!("record.rs" DuplicationRecord::reclaim),
            Self::Startup => code!("startup.rs" Startups::startup),
            Self::Begin {
                cause: Cause::Death,
            } => code!("startup.rs" Startups::die),
            Self::Begin { .. } => code!("startup.rs" Startups::cleanup),
            Self::Transmit { .. } => code!("drain.rs" Socket::transmitted),
            Self::Acknowledge { .. } => code!("drain.rs" Socket::acknowledged),
            Self::LoseConnection { .. } => code!("drain.rs" Socket::connection_lost),
            Self::Expire { .. } => code!("drain.rs" Socket::expire),
            _ => self.code_of_socket(),
        })
    }

    /// What happens to an open socket; or else the program's.
    const fn code_of_socket(self) -> Code {
        match self {
            Self::Complete { .. } => code!("socket.rs" Socket::may_go_on),
            Self::AcceptBytes { .. } => code!("socket.rs" Socket::accept_bytes),
            Self::CompleteAtOnce { kind, .. } => match kind {
                OperationKind::Recv => code!("socket.rs" Socket::set_input_unread),
                OperationKind::Send => code!("socket.rs" Socket::accept_bytes),
                OperationKind::Accept => code!("socket.rs" Socket::backlog_taken),
                OperationKind::Connect => code!("socket.rs" Socket::connect_finished),
            },
            Self::SetLinger { .. } => code!("socket.rs" Socket::set_linger),
            Self::ShutDownSend { .. } => code!("socket.rs" Socket::shut_down_send),
            Self::Duplicate { .. } => code!("socket.rs" Socket::duplicate),
            Self::Input { .. } => code!("socket.rs" Socket::set_input_unread),
            Self::JoinBacklog { .. } => code!("socket.rs" Socket::backlog_joined),
            Self::AcceptAtOnce { .. } => code!("socket.rs" Socket::backlog_taken),
            Self::Register { .. } | Self::RegisterAccept { .. } | Self::StartRefused { .. } => {
                code!("socket.rs" Socket::may_start)
            }
            _ => code!("program.rs" program::next),
        }
    }
}
