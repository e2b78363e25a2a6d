//! A check for people.

use std::fmt::Write as _;

use crate::found::check::{CheckReport, InvariantReport, ScenarioReport};
use crate::report::{Bounds, NOT_COVERED, clause, count, proved, rule};
use crate::style::Style;

/// One line for a scenario, as soon as it is done; its violations below.
pub(super) fn scenario(report: &ScenarioReport, width: usize, style: Style) -> String {
    let verdict = if report.complete && report.is_as_expected() {
        style.good(report.verdict())
    } else {
        style.bad(report.verdict())
    };
    if let Some(why) = report.unknown() {
        return format!(
            "  {:<width$} {verdict}, nothing is known: {why}\n",
            report.name
        );
    }
    let (held, all) = (report.held(), report.invariants.len());
    let held = match report.complete {
        true => format!("{held}/{all} hold"),
        false => format!("{}/{all} violated so far", all - held),
    };
    let mut text = format!(
        "  {:<width$} {:>9} states {:>9} transitions  depth {:>3} {:>6.2} s  {held}  {verdict}\n",
        report.name, report.unique_states, report.transitions, report.depth, report.seconds,
    );
    if let Some(problem) = report.states_problem() {
        let _ = writeln!(text, "    {}", style.bad(&problem));
    }
    for it in &report.invariants {
        invariant(&mut text, report, it, style);
    }
    text
}

/// What there is to say about an invariant that does not simply hold: its
/// clauses, the way there, and what to look at next.
fn invariant(text: &mut String, report: &ScenarioReport, it: &InvariantReport, style: Style) {
    if !it.is_violated() {
        if !it.is_as_expected() {
            let holds = format!("{} holds, expected: violated", it.id);
            let _ = writeln!(text, "    {}", style.bad(&holds));
        }
        return;
    }
    let violated = format!("{} is violated, expected: {}", it.id, it.expected);
    let _ = writeln!(text, "\n    {}", style.bad(&violated));
    if let Some(rule) = rule(it.id) {
        let _ = writeln!(text, "    {}\n    {}", rule.sentence, rule.why);
        for place in rule.clauses.iter().filter_map(|it| clause(it)) {
            let heading = place.heading();
            let place = style.faint(&format!("{}:{}", place.file, place.line));
            let _ = writeln!(text, "    {heading}  {place}");
        }
    }
    let steps = it.counterexample.len();
    let _ = write!(text, "    the shortest way there, {}", count(steps, "step"));
    match &it.drawing {
        Some(drawing) if !is_drawn(report, it) => {
            let _ = writeln!(text, ":\n\n{}", drawing.to_text(style.columns));
        }
        _ => text.push_str(", is the same\n"),
    }
    let next = match report.defect {
        Some(defect) => format!("check --defect {defect} --as-test"),
        None => format!("check --scenario {} --report DIR", report.name),
    };
    let explored = report.explored_by();
    let _ = writeln!(text, "    next: {explored}, `cargo verify {next}`");
}

/// Whether an invariant before this one has the same counterexample.
fn is_drawn(report: &ScenarioReport, it: &InvariantReport) -> bool {
    let before = report
        .invariants
        .iter()
        .take_while(|other| other.id != it.id);
    before.into_iter().any(|other| other.drawing == it.drawing)
}

/// What a tired person wants to know.
pub(super) fn summary(report: &CheckReport, style: Style) -> String {
    let complete = report.complete();
    let states = count(report.states(), "unique state");
    let scenarios = count(report.scenarios.len(), "scenario");
    let verdict = match report.broken() {
        _ if report.is_good() => style.good(report.verdict),
        0 => style.bad(report.verdict),
        broken => style.bad(&format!("VIOLATED, {}", count(broken, "time"))),
    };
    let mut text =
        format!("model: {scenarios}, {complete} explored completely, {states}: {verdict}\n");
    if report.is_proof() {
        let _ = writeln!(text, "  proved: {}", proved(report));
    }
    let _ = writeln!(text, "  bounds: {}", Bounds::of(report).sentence());
    let mut first = "not covered:";
    for line in NOT_COVERED {
        let _ = writeln!(text, "  {first:<12} {line}");
        first = "";
    }
    text
}

/// All of a report for people.
pub(crate) fn text(report: &CheckReport) -> String {
    let width = width(report.scenarios.iter().map(|it| it.name));
    let lines = report.scenarios.iter();
    let lines: String = lines.map(|it| scenario(it, width, Style::PLAIN)).collect();
    lines + &summary(report, Style::PLAIN) + &report.closing()
}

/// The length of the longest name.
pub(super) fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(str::len).max().unwrap_or(0)
}
