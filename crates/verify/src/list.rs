//! `cargo verify list`: what there is to check.

use std::fmt::Write as _;

use closesocket::protocol::invariant::Invariant;
use closesocket_models::{DEFECTS, SCENARIOS, View};
use serde_json::{Value, json};

use crate::outcome::Outcome;
use crate::output::Output;

/// Prints the list.
pub(crate) fn command(output: &Output) -> Outcome {
    output.tell(Outcome::AsExpected, text, &list())
}

/// The documented JSON.
fn list() -> Value {
    let scenarios = SCENARIOS
        .iter()
        .map(|it| json!({ "name": it.name, "summary": it.summary, "unique_states": it.states }));
    let defects = DEFECTS.iter().map(|it| {
        json!({
            "name": it.name,
            "summary": it.summary,
            "scenario": it.scenario,
            "violates": it.violates,
        })
    });
    let invariants = Invariant::<View<'static>>::TABLE.map(
        |it| json!({ "id": it.id, "sentence": it.sentence, "why": it.why, "clauses": it.clauses }),
    );
    json!({
        "schema": 1,
        "scenarios": scenarios.collect::<Value>(),
        "defects": defects.collect::<Value>(),
        "invariants": invariants.to_vec(),
    })
}

fn text() -> String {
    let mut out = String::from("scenarios:\n");
    for it in SCENARIOS {
        let _ = writeln!(
            out,
            "  {} ({} states)\n      {}",
            it.name, it.states, it.summary
        );
    }
    out += "\ndefects, to be caught with `cargo verify check --defect NAME`:\n";
    for it in DEFECTS {
        let _ = writeln!(
            out,
            "  {} (in {})\n      {}",
            it.name, it.scenario, it.summary
        );
        let _ = writeln!(out, "      violates {}", it.violates.join(", "));
    }
    out += "\ninvariants:\n";
    for it in Invariant::<View<'static>>::TABLE {
        let clauses = it.clauses.join(", ");
        let _ = writeln!(out, "  {} ({clauses})\n      {}", it.id, it.sentence);
    }
    out
}
