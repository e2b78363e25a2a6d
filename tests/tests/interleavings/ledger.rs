//! The ledger: what the engine's probe saw in one execution, replayed through
//! the shipped protocol at its end.

use closesocket::engine::observe::{Observation, Probe, Step};
use closesocket::engine::sync::Primitives as _;
use closesocket::engine::{Descriptor, ProcessId};
use closesocket_models::lanes::Drawing;
use closesocket_trace::{Problem, records_of, replay_execution, to_text};

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
            fail(&observed, &problem);
        }
        let mut told: Vec<_> = observed.iter().filter_map(|it| handle(&it.1)).collect();
        let mut got: Vec<_> = returned.iter().map(|it| (it.0, it.1)).collect();
        told.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, told, "the DLL got other handles");
        judged(replay.events);
    }
}

/// Prints a failing execution as lanes, writes it as a trace, and fails.
fn fail(observed: &[(u32, Observation)], problem: &Problem) -> ! {
    let records = records_of(observed);
    let drawing = Drawing::of_records("the execution".to_owned(), &records);
    println!("{}", drawing.to_text(80));
    let test = std::thread::current();
    let name = test.name().unwrap_or("execution").replace("::", "-");
    let path = format!("{}/{name}.trace", env!("CARGO_TARGET_TMPDIR"));
    match std::fs::write(&path, to_text(&records)) {
        Ok(()) => println!("next: `cargo verify replay {path}`"),
        Err(error) => println!("{path} cannot be written: {error}"),
    }
    panic!("no order is allowed: {problem}");
}

/// The handle that was given back.
fn handle(observation: &Observation) -> Option<(ProcessId, Descriptor)> {
    match observation.step {
        Step::HandleReturned { .. } => observation.process.zip(observation.descriptor),
        _ => None,
    }
}
