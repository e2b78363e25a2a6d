//! What a step can have changed, so that only that is packed and ranked anew.
//!
//! Debug builds compare with the full packing and the full rank on every step.

use closesocket::protocol::invariant::Event;

use crate::action::{Action, What};

/// What a step can have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) threads: Actor,
    pub(crate) slots: bool,
    pub(crate) operations: bool,
    pub(crate) sockets: bool,
    /// Records, processes, and what is counted.
    pub(crate) rest: bool,
}

impl Touched {
    /// What a step of this kind changes at most. A defect may change anything.
    #[inline]
    pub(crate) fn by(action: Action, event: Event, defect: bool) -> Self {
        use What as W;
        let (slots, operations, sockets, rest) = match action.what {
            W::Enter { .. }
            | W::EnterRefused { .. }
            | W::BackOut { .. }
            | W::Leave { .. }
            | W::Claim { .. }
            | W::LoseClaim { .. }
            | W::Upcall { .. }
            | W::UpcallFails { .. }
            | W::Recycle { .. }
            | W::Retire { .. }
            | W::Reserve { .. } => (true, false, false, false),
            W::StartRefused { .. }
            | W::Look { .. }
            | W::Lock { .. }
            | W::FindClosed { .. }
            | W::WouldBlock { .. }
            | W::RetryCommit { .. }
            | W::Wake { .. }
            | W::Cancel { .. }
            | W::LookAtProcess { .. }
            | W::Skip
            | W::NextSlot { .. } => (false, false, false, false),
            W::DeliverAborted { .. } | W::DeliverCompleted { .. } => (false, true, false, false),
            W::Register { .. }
            | W::CompleteAtOnce { .. }
            | W::Complete { .. }
            | W::AcceptBytes { .. } => (false, true, true, false),
            W::SetLinger { .. }
            | W::ShutDownSend { .. }
            | W::Transmit { .. }
            | W::Acknowledge { .. }
            | W::LoseConnection { .. }
            | W::Input { .. }
            | W::JoinBacklog { .. }
            | W::Expire { .. } => (false, false, true, false),
            W::Commit { .. } => (true, true, true, false),
            W::Duplicate { .. } => (false, false, true, true),
            W::Open { .. } | W::Redeem { .. } => (true, false, true, true),
            W::Reclaim { .. } => (false, true, true, true),
            W::Begin { .. } | W::Rest => (false, false, false, true),
        };
        let counts = matches!(action.what, W::Skip);
        Self {
            threads: match (action.thread, event) {
                _ if defect => Actor::Waker,
                (_, Event::Delivered { .. }) => Actor::Waker,
                (Some(thread), _) => Actor::Thread(thread),
                (None, _) => Actor::Surroundings,
            },
            slots: slots || defect,
            operations: operations || defect,
            sockets: sockets || defect,
            rest: rest || counts || defect,
        }
    }
}

/// Whose step it was, as far as it says which threads can have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// No thread.
    Surroundings,
    /// This one alone.
    Thread(u8),
    /// One that may have woken another.
    Waker,
}
