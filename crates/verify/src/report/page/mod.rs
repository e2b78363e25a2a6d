//! A page for the browser, whole in one file: no scripts, nothing to load.

mod elements;
mod parts;

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

use super::cases::{self, Case, Verdict};
use super::rules::rule;
use super::words::{Bounds, NOT_COVERED, count, proved};
use crate::found::Report;
use crate::outcome::Outcome;
use crate::places;
pub(crate) use elements::{badge, prose};
use elements::{card, word};

/// The style of pages, light or dark as the reader's system is.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(crate) fn render(report: &Report<'_>) -> String {
    let mut body = String::new();
    head(&mut body, report);
    findings(&mut body, report);
    if let Some(check) = report.check {
        parts::scenarios(&mut body, check);
    }
    if let Some(defects) = report.defects {
        parts::matrix(&mut body, defects);
        parts::counterexamples(&mut body, defects);
    }
    if let Some(Ok(run)) = report.run {
        parts::connections(&mut body, run, &cases::of_run(Ok(run)).cases);
    }
    parts::invariants(&mut body, report.defects);
    let command = escape(report.command);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{command}: {verdict}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\
         <footer>closesocket-verify {version} on {os} {architecture}. What the words mean: \
         docs/verification.md; the clauses: docs/specification.md.</footer>\n</body>\n</html>\n",
        verdict = report.verdict(),
        version = env!("CARGO_PKG_VERSION"),
        os = std::env::consts::OS,
        architecture = std::env::consts::ARCH,
    )
}

fn head(out: &mut String, report: &Report<'_>) {
    let good = report.outcome == Outcome::AsExpected;
    let badge = badge(good, report.verdict());
    let _ = writeln!(
        out,
        "<h1><code>{}</code> {badge}</h1>\n<div class=\"cards\">",
        escape(report.command)
    );
    if let Some(check) = report.check {
        let (complete, states) = (check.complete(), check.states());
        let transitions: usize = check.scenarios.iter().map(|it| it.transitions).sum();
        let all = check.scenarios.len();
        let mut lines = vec![
            format!(
                "{complete} of {} explored completely",
                count(all, "scenario")
            ),
            format!(
                "{} and {}",
                count(states, "state"),
                count(transitions, "transition")
            ),
        ];
        if check.is_proof() {
            lines.push(format!("Proved: {}.", proved(check)));
        }
        lines.push(format!("Bounds: {}.", Bounds::of(check).sentence()));
        card(out, "Model", check.is_good(), check.words(), &lines);
    }
    if let Some(proof) = report.prove {
        let good = proof.problems().is_empty();
        card(out, "Any number", good, word(good), &proof.lines());
    }
    if let Some(defects) = report.defects {
        let good = defects.problems.is_empty();
        let (caught, broken) = (defects.caught(), defects.broken());
        let lines = [
            format!(
                "{caught} of {} caught",
                count(defects.defects.len(), "defect")
            ),
            format!(
                "{broken} of {} broken by one",
                count(defects.invariants.len(), "invariant")
            ),
        ];
        card(out, "Defects", good, word(good), &lines);
    }
    match report.run {
        Some(Ok(run)) => {
            let lines = [
                format!(
                    "{} closed in {:.1} s",
                    count(run.connections, "connection"),
                    run.seconds
                ),
                format!("trace of {} replayed", count(run.trace_events, "event")),
            ];
            card(out, "Real TCP", run.ok, word(run.ok), &lines);
        }
        Some(Err(error)) => card(out, "Real TCP", false, "not started", &[error.to_owned()]),
        None => {}
    }
    if report.check.is_some() {
        out.push_str("<section class=\"card\"><h3>Not covered</h3>\n");
        for line in NOT_COVERED {
            let _ = writeln!(out, "<p>{}</p>", prose(line));
        }
        out.push_str("</section>\n");
    }
    out.push_str("</div>\n");
}

/// What was violated or differs, each with its clauses and the way there.
fn findings(out: &mut String, report: &Report<'_>) {
    let findings = cases::findings(report);
    if findings.is_empty() {
        return;
    }
    out.push_str("<h2>Findings</h2>\n");
    for it in &findings {
        finding(out, it);
    }
}

fn finding(out: &mut String, finding: &Case) {
    let expected = finding.verdict == Verdict::Expected;
    let class = if expected {
        "finding expected"
    } else {
        "finding"
    };
    let verdict = match (expected, finding.steps.is_empty()) {
        (true, _) => "violated, as expected",
        (false, false) => "violated",
        (false, true) => "differs",
    };
    let _ = writeln!(
        out,
        "<section class=\"{class}\"><h3><code>{}</code> {}</h3><p>{}</p>",
        escape(finding.rule),
        badge(expected, verdict),
        escape(&finding.message)
    );
    if let Some(rule) = rule(finding.rule) {
        let _ = writeln!(out, "<p>{}</p>", escape(rule.why));
        for place in rule.clauses.iter().filter_map(|it| places::clause(it)) {
            let heading = escape(place.heading());
            let _ = writeln!(
                out,
                "<p>{heading} <span class=\"soft mono\">{}:{}</span></p>",
                place.file, place.line
            );
        }
    }
    if let Some(drawing) = &finding.drawing {
        out.push_str(&drawing.to_svg());
    }
    out.push_str("</section>\n");
}
