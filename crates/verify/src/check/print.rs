//! A check for people.

use super::report::{CheckReport, ScenarioReport};
use crate::out::outln;

/// One line for a scenario, as soon as it is done; its violations below.
pub(super) fn scenario(report: &ScenarioReport, width: usize) {
    let held = report
        .invariants
        .iter()
        .filter(|it| it.verdict == "holds")
        .count();
    let verdict = match (report.complete, report.is_as_expected()) {
        (false, _) => "INCOMPLETE",
        (true, true) => "as expected",
        (true, false) => "DIFFERS",
    };
    let mut text = format!(
        "  {:<width$} {:>9} states {:>9} transitions  depth {:>3} {:>6.2} s  {held}/{} hold  {verdict}\n",
        report.name,
        report.unique_states,
        report.transitions,
        report.depth,
        report.seconds,
        report.invariants.len(),
    );
    if let Some(expected) = report.expected_states
        && expected != report.unique_states
    {
        text += &format!("    the count of states is pinned to {expected}\n");
    }
    let mut drawn = None;
    for invariant in &report.invariants {
        if let Some(drawing) = &invariant.drawing {
            text += &format!(
                "    {} is violated, expected: {}\n",
                invariant.id, invariant.expected
            );
            let steps = invariant.counterexample.len();
            text += &format!("    the shortest way there, {steps} steps");
            if drawn == Some(drawing) {
                text += ", is the same\n";
                continue;
            }
            text += &format!(":\n\n{}\n", drawing.to_text());
            drawn = Some(drawing);
        } else if invariant.expected == "violated" {
            text += &format!("    {} holds, expected: violated\n", invariant.id);
        }
    }
    // One call, so that the lines of two threads do not mix.
    crate::out::text(format_args!("{text}"));
}

/// What a tired person wants to know.
pub(super) fn summary(report: &CheckReport) {
    let states: usize = report.scenarios.iter().map(|it| it.unique_states).sum();
    let complete = report.scenarios.iter().filter(|it| it.complete).count();
    let count = report.scenarios.len();
    outln!(
        "model: {count} scenarios, {complete} explored completely, {states} unique states: {}",
        report.verdict
    );
}
