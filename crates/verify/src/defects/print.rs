//! The matrix of defects and invariants, for people.

use std::fmt::Write as _;

use crate::found::defects::{DefectsReport, Entry, Mark};
use crate::style::Style;

/// One row a defect, one column an invariant. A column's mark is its own
/// letter, so that a row can be read without its header.
pub(super) fn matrix(report: &DefectsReport, style: Style) -> String {
    let mut out = String::new();
    let names = report.defects.iter().map(|it| it.name.len());
    let width = names.max().unwrap_or(0);
    let header: String = report.letters().map(|(letter, _)| letter).collect();
    let _ = writeln!(out, "  {:<width$}  {header}  steps  scenario", "defect");
    for it in &report.defects {
        let _ = writeln!(
            out,
            "  {:<width$}  {}  {:>5}  {}{}",
            it.name,
            marks(report, it, style),
            it.steps(),
            style.faint(it.scenario),
            match it.problem {
                Some(_) => style.bad("  DIFFERS"),
                None => String::new(),
            }
        );
    }
    let _ = writeln!(out, "\n  invariants, and how many defects break each:");
    for (key, invariant) in report.letters() {
        let count = report.breakers(invariant);
        let line = format!("  {key} {count:>3}  {invariant}");
        let _ = writeln!(out, "{}", if count == 0 { style.bad(&line) } else { line });
    }
    let _ = writeln!(out, "\n  what each breaks at the end of its shortest way:");
    for it in &report.defects {
        if let Some(witness) = &it.witness {
            let _ = writeln!(out, "  {:<width$}  {}", it.name, witness.sentence);
        }
    }
    out
}

/// A row's marks: the letter of what is violated as pinned, `!` for what is
/// violated and should not be, `?` for what should be and is not.
fn marks(report: &DefectsReport, entry: &Entry, style: Style) -> String {
    let mark = |(letter, invariant): (char, _)| match entry.mark(invariant) {
        Mark::Hit => style.good(&letter.to_string()),
        Mark::Extra => style.bad("!"),
        Mark::Missing => style.bad("?"),
        Mark::Nothing => style.faint("."),
    };
    report.letters().map(mark).collect()
}
