//! `cargo verify list`: what there is to check.

use std::fmt::Write as _;

use closesocket::protocol::invariant::Invariant;
use closesocket_models::{DEFECTS, SCENARIOS, View};
use serde::Serialize;

use crate::outcome::Outcome;
use crate::output::Format;
use crate::output::Output;

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
pub(crate) fn command(output: &Output) -> Outcome {
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
    if output.is_text() {
        crate::out::text(format_args!("{}", text(&list)));
    }
    let render = |format| match format {
        Format::Text => Some(text(&list)),
        _ => crate::output::json(&list),
    };
    output.deliver(Outcome::AsExpected, render, || None)
}

fn text(list: &List) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "scenarios:");
    for scenario in &list.scenarios {
        let _ = writeln!(
            out,
            "  {} ({} states)\n      {}",
            scenario.name, scenario.unique_states, scenario.summary
        );
    }
    let _ = writeln!(
        out,
        "\ndefects, to be caught with `cargo verify check --defect NAME`:"
    );
    for defect in &list.defects {
        let _ = writeln!(
            out,
            "  {} (in {})\n      {}",
            defect.name, defect.scenario, defect.summary
        );
        let _ = writeln!(out, "      violates {}", defect.violates.join(", "));
    }
    let _ = writeln!(out, "\ninvariants:");
    for invariant in &list.invariants {
        let _ = writeln!(
            out,
            "  {} ({})\n      {}",
            invariant.id,
            invariant.clauses.join(", "),
            invariant.sentence
        );
    }
    out
}
