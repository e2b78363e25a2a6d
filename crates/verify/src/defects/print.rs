//! The matrix of defects and invariants, for people.

use std::fmt::Write as _;

use closesocket_models::DefectSpec;

use crate::found::defects::{DefectsReport, Found};
use crate::style::Style;

/// One row a defect, one column an invariant. A column's mark is its own
/// letter, so that a row can be read without its header.
pub(super) fn matrix(report: &DefectsReport, style: Style) -> String {
    let mut out = String::new();
    let names = report.entries.iter().map(|(spec, _)| spec.name.len());
    let width = names.max().unwrap_or(0);
    let header: String = keys(report).map(|(key, _)| key).collect();
    let _ = writeln!(out, "  {:<width$}  {header}  steps  scenario", "defect");
    for (spec, found) in &report.entries {
        let (marks, bad) = marks(report, spec, found, style);
        let steps = found
            .steps
            .map_or("-".to_owned(), |steps| steps.to_string());
        let _ = writeln!(
            out,
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
    let _ = writeln!(out, "\n  invariants, and how many defects break each:");
    for (key, invariant) in keys(report) {
        let count = report.breakers(invariant);
        let line = format!("  {key} {count:>3}  {invariant}");
        let _ = writeln!(out, "{}", if count == 0 { style.bad(&line) } else { line });
    }
    out
}

/// The letter of every invariant.
fn keys(report: &DefectsReport) -> impl Iterator<Item = (char, &'static str)> {
    ('a'..='z')
        .chain('A'..='Z')
        .zip(report.invariants.iter().copied())
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
