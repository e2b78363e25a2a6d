//! `cargo verify list`: what there is to check.

use closesocket::protocol::invariant::Invariant;
use closesocket_models::{DEFECTS, SCENARIOS, View};
use serde::Serialize;

use crate::Outcome;
use crate::cli::Format;
use crate::out::outln;

#[derive(Serialize)]
struct List {
    schema: u32,
    scenarios: Vec<ScenarioEntry>,
    defects: Vec<DefectEntry>,
    invariants: Vec<InvariantEntry>,
}

#[derive(Serialize)]
struct ScenarioEntry {
    name: &'static str,
    summary: &'static str,
    unique_states: usize,
}

#[derive(Serialize)]
struct DefectEntry {
    name: &'static str,
    summary: &'static str,
    scenario: &'static str,
    violates: &'static [&'static str],
}

#[derive(Serialize)]
struct InvariantEntry {
    id: &'static str,
    sentence: &'static str,
    why: &'static str,
    clauses: &'static [&'static str],
}

/// Prints the list.
pub(crate) fn command(format: Format) -> Outcome {
    let list = List {
        schema: 1,
        scenarios: SCENARIOS
            .iter()
            .map(|it| ScenarioEntry {
                name: it.name,
                summary: it.summary,
                unique_states: it.states,
            })
            .collect(),
        defects: DEFECTS
            .iter()
            .map(|it| DefectEntry {
                name: it.name,
                summary: it.summary,
                scenario: it.scenario,
                violates: it.violates,
            })
            .collect(),
        invariants: Invariant::<View<'static>>::TABLE
            .iter()
            .map(|it| InvariantEntry {
                id: it.id,
                sentence: it.sentence,
                why: it.why,
                clauses: it.clauses,
            })
            .collect(),
    };
    match format {
        Format::Text => print(&list),
        Format::Json => crate::print_json(&list),
    }
    Outcome::AsExpected
}

fn print(list: &List) {
    outln!("scenarios:");
    for scenario in &list.scenarios {
        outln!(
            "  {} ({} states)\n      {}",
            scenario.name,
            scenario.unique_states,
            scenario.summary
        );
    }
    outln!("\ndefects, to be caught with `cargo verify check --defect NAME`:");
    for defect in &list.defects {
        outln!(
            "  {} (in {})\n      {}",
            defect.name,
            defect.scenario,
            defect.summary
        );
        outln!("      violates {}", defect.violates.join(", "));
    }
    outln!("\ninvariants:");
    for invariant in &list.invariants {
        outln!(
            "  {} ({})\n      {}",
            invariant.id,
            invariant.clauses.join(", "),
            invariant.sentence
        );
    }
}
