//! `cargo verify list`: what there is to check.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::outcome::Outcome;
use crate::output::Output;
use crate::report::{count, every_invariant};
use crate::suite::suite;

/// Prints the list.
pub(crate) fn command(output: &Output) -> Outcome {
    output.tell(Outcome::AsExpected, text, &list())
}

/// The documented JSON.
fn list() -> Value {
    let scenarios = suite()
        .scenarios
        .iter()
        .map(|it| json!({ "name": it.name, "summary": it.summary, "unique_states": it.states }));
    let defects = suite().defects.iter().map(|it| {
        json!({
            "name": it.name,
            "summary": it.summary,
            "scenario": it.scenario,
            "violates": it.violates,
        })
    });
    let invariants = every_invariant().map(
        |it| json!({ "id": it.id, "sentence": it.sentence, "why": it.why, "clauses": it.clauses }),
    );
    json!({
        "schema": 1,
        "scenarios": scenarios.collect::<Value>(),
        "defects": defects.collect::<Value>(),
        "invariants": invariants.collect::<Value>(),
    })
}

fn text() -> String {
    let mut out = String::from("scenarios:\n");
    for it in suite().scenarios {
        let _ = writeln!(
            out,
            "  {} ({})\n      {}",
            it.name,
            count(it.states, "state"),
            it.summary
        );
    }
    out += "\ndefects, to be caught with `cargo verify check --defect NAME`:\n";
    for it in suite().defects {
        let _ = writeln!(
            out,
            "  {} (in {})\n      {}",
            it.name, it.scenario, it.summary
        );
        let _ = writeln!(out, "      violates {}", it.violates.join(", "));
        if let Some(report) = it.report {
            let _ = writeln!(out, "      seen in {report}");
        }
    }
    out += "\ninvariants:\n";
    for it in every_invariant() {
        let clauses = match it.clauses {
            [] => String::new(),
            clauses => format!(" ({})", clauses.join(", ")),
        };
        let _ = writeln!(out, "  {}{clauses}\n      {}", it.id, it.sentence);
    }
    out
}
