//! The ledger: what the engine's probe saw in one execution, replayed through
//! the shipped protocol at its end.

use closesocket::engine::observe::{Observation, Probe, Step};
use closesocket::engine::sync::Primitives as _;
use closesocket::engine::{Descriptor, ProcessId};
use closesocket_trace::replay_execution;

use super::model::judged;
use super::primitives::{Loom, Notes};

/// A probe that notes everything. It is not visible to loom, so it adds no
/// synchronization; and since loom switches threads only before an atomic
/// instruction or a lock, its order is nearly that of the steps.
#[derive(Default)]
pub(crate) struct Ledger(Notes<(u32, Observation)>);

impl Probe for Ledger {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "five threads at most, told apart by any 32 bits of a hash"
    )]
    fn observe(&self, observation: Observation) {
        self.0.push((Loom::current_thread() as u32, observation));
    }
}

impl Ledger {
    /// What was seen so far.
    pub(crate) fn observations(&self) -> Vec<Observation> {
        self.0.all().into_iter().map(|it| it.1).collect()
    }

    /// Fails unless there is an order of everything seen that the protocol
    /// allows, with nothing left at its end, and the DLL has got back exactly
    /// the handles that the engine says.
    pub(crate) fn judge(&self, returned: &[(ProcessId, Descriptor, u64)]) {
        let observed = self.0.all();
        let replay = replay_execution(&observed);
        if let Some(problem) = replay.first_problem {
            for (thread, observation) in &observed {
                println!("  {thread:08x} {observation:?}");
            }
            panic!("no order is allowed: {problem}");
        }
        let mut told: Vec<_> = observed.iter().filter_map(|it| handle(&it.1)).collect();
        let mut got: Vec<_> = returned.iter().map(|it| (it.0, it.1)).collect();
        told.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, told, "the DLL got other handles");
        judged(replay.events);
    }
}

/// The handle that was given back.
fn handle(observation: &Observation) -> Option<(ProcessId, Descriptor)> {
    match observation.step {
        Step::HandleReturned { .. } => observation.process.zip(observation.descriptor),
        _ => None,
    }
}
