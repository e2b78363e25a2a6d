//! With which gate of the engine each step of the model begins.

use closesocket::protocol::Waiting;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket_models::state::WORKER;
use closesocket_models::{Call, Handle, State, What};

use super::course::Course;
use super::seat::{At, Gate};

impl Course<'_> {
    /// Whether the gate that the thread is at is the one that this step begins with.
    pub(crate) fn may_pass(
        &self,
        t: usize,
        what: What,
        before: &State,
        at: At,
    ) -> Result<(), String> {
        let fits = match at {
            At::Gate { gate, .. } => self.is_gate_of(gate, t, what, before),
            At::Asleep { at_socket: true } => {
                matches!(what, What::Wake { .. } | What::Cancel { .. })
            }
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("it is at {at:?}"))
        }
    }

    fn is_gate_of(&self, gate: Gate, t: usize, what: What, before: &State) -> bool {
        let word = |slot: u8| self.world.slots[usize::from(slot)].word;
        let next = before.thread(t).next();
        match what {
            What::Enter { slot, .. } | What::EnterRefused { slot, .. } => {
                matches!(gate, Gate::Enter { word: it, .. } if it == word(slot))
            }
            What::BackOut { slot } => {
                matches!(gate, Gate::Leave { word: it, .. } if it == word(slot))
            }
            What::Leave { slot, holds } => {
                let (word, holders) = (word(slot), u64::from(holds));
                gate == Gate::Leave { word, holders }
            }
            // Nobody's descriptor: any word will do.
            What::Look { .. } if self.closes_nothing(t, before) => {
                matches!(gate, Gate::Load { .. })
            }
            What::Look { slot, .. } | What::Recycle { slot } | What::Retire { slot } => {
                gate == Gate::Load { word: word(slot) }
            }
            What::NextSlot { slot, .. } => match self.swept[usize::from(slot)] {
                WordPhase::Open => gate == Gate::Load { word: word(slot) },
                _ => gate == Gate::Section,
            },
            What::Commit { slot, .. }
            | What::RetryCommit { slot }
            | What::Claim { slot }
            | What::LoseClaim { slot } => gate == Gate::Swap { word: word(slot) },
            What::DeliverAborted { operation, .. } | What::DeliverCompleted { operation, .. } => {
                let of = self.sleeper(operation, before);
                match self.waiting(operation) {
                    Waiting::Overlapped => gate == Gate::Queue,
                    Waiting::Blocked => gate == Gate::Answer { of },
                }
            }
            What::Upcall { .. } | What::UpcallFails { .. } => gate == Gate::Upcall,
            What::Reserve { .. } => gate == Gate::Reserve,
            What::LookAtProcess { .. } => gate == Gate::LookAtProcess,
            What::Begin { .. } | What::Startup => gate == Gate::Startups,
            What::Skip => match next {
                Next::Idle if self.call(t, before) == Call::Cleanup => gate == Gate::Startups,
                Next::Idle => gate == Gate::Reserve,
                Next::NextSlot | Next::NextRecord => gate == Gate::Index,
                _ => gate == Gate::Section,
            },
            _ => gate == Gate::Section,
        }
    }

    /// Whether the thread is to close what it has opened, and has opened nothing.
    fn closes_nothing(&self, t: usize, state: &State) -> bool {
        let own = self.call(t, state) == Call::Close(Handle::Own);
        own && state.thread(t).own_generation() == 0
    }

    /// Whether the engine has nothing to do in this step: the delivery of what ends
    /// silently, which is put nowhere; a slot that had no occupant when the sweep began,
    /// which it has not even noted.
    pub(crate) fn is_nothing(&self, what: What, before: &State) -> bool {
        match what {
            What::DeliverAborted { operation, .. } | What::DeliverCompleted { operation, .. } => {
                before.operation(operation).silent()
            }
            What::NextSlot { slot, open: false } => {
                let phase = self.swept.get(usize::from(slot));
                matches!(phase, Some(WordPhase::Free | WordPhase::Claimed))
            }
            _ => false,
        }
    }

    /// The thread that is blocked in this operation.
    fn sleeper(&self, operation: u8, state: &State) -> usize {
        let threads = self.world.scenario.threads.iter().enumerate();
        let mut blocked = threads.filter(|(index, spec)| {
            let call = spec.calls.get(usize::from(state.thread(*index).call()));
            matches!(call, Some(Call::Start { operation: it, .. }) if *it == operation)
        });
        blocked.next().map_or(WORKER, |it| it.0)
    }
}
