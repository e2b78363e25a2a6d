//! The matrix of defects and invariants, for people.

use std::time::Duration;

use closesocket_models::DefectSpec;

use super::report::{DefectsReport, Found};
use crate::out::outln;
use crate::style::Style;

/// One row a defect, one column an invariant. A column's mark is its own
/// letter, so that a row can be read without its header.
pub(super) fn matrix(report: &DefectsReport, time: Duration) {
    let style = Style::of_output();
    let names = report.entries.iter().map(|(spec, _)| spec.name.len());
    let width = names.max().unwrap_or(0);
    let header: String = keys(report).map(|(key, _)| key).collect();
    outln!("  {:<width$}  {header}  steps  scenario", "defect");
    for (spec, found) in &report.entries {
        let (marks, bad) = marks(report, spec, found, style);
        let steps = found
            .steps
            .map_or("-".to_owned(), |steps| steps.to_string());
        outln!(
            "  {:<width$}  {marks}  {steps:>5}  {}{}",
            spec.name,
            style.faint(spec.scenario),
            if bad {
                style.bad("  DIFFERS")
            } else {
                String::new()
            }
        );
    }
    outln!("\n  invariants, and how many defects break each:");
    for (key, invariant) in keys(report) {
        let count = report.breakers(invariant);
        let line = format!("  {key} {count:>3}  {invariant}");
        outln!("{}", if count == 0 { style.bad(&line) } else { line });
    }
    outln!("\n{}, {:.1} s", report.summary(), time.as_secs_f64());
}

/// The letter of every invariant.
fn keys(report: &DefectsReport) -> impl Iterator<Item = (char, &'static str)> {
    ('a'..='z').zip(report.invariants.iter().copied())
}

/// A row's marks: the letter of what is violated as pinned, `!` for what is
/// violated and should not be, `?` for what should be and is not.
fn marks(report: &DefectsReport, spec: &DefectSpec, found: &Found, style: Style) -> (String, bool) {
    let mut bad = found.steps != Some(spec.steps);
    let mut text = String::new();
    for (key, invariant) in keys(report) {
        let pinned = spec.violates.contains(&invariant);
        let mark = match (found.violates.contains(&invariant), pinned) {
            (true, true) => style.good(&key.to_string()),
            (false, false) => style.faint("."),
            (true, false) => style.bad("!"),
            (false, true) => style.bad("?"),
        };
        bad |= found.violates.contains(&invariant) != pinned;
        text += &mark;
    }
    (text, bad)
}
