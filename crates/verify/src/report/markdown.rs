//! Markdown, fit for the summary page of a CI run: short tables, and what is
//! long folded away.

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

use super::cases::{Case, Verdict, findings};
use super::rules::rule;
use super::words::{Bounds, NOT_COVERED, count, grouped, proved};
use crate::found::Report;
use crate::found::check::CheckReport;
use crate::found::defects::DefectsReport;
use crate::found::run::RunReport;
use crate::outcome::Outcome;
use crate::places;

/// The whole text.
pub(super) fn render(report: &Report<'_>) -> String {
    let sign = match report.outcome {
        Outcome::AsExpected => "✅",
        Outcome::Incomplete => "⚠️",
        Outcome::Differs | Outcome::Usage => "❌",
    };
    let mut out = format!("## {sign} `{}`: {}\n\n", report.command, report.verdict());
    out.push_str("| part | what was done | verdict |\n|---|---|---|\n");
    if let Some(check) = report.check {
        model(&mut out, check);
    }
    if let Some(proof) = report.prove {
        let _ = writeln!(
            out,
            "| any number | {} | {} |",
            cell(&proof.summary()),
            verdict(proof.problems().is_empty())
        );
    }
    if let Some(defects) = report.defects {
        let (count, broken) = (defects.defects.len(), defects.broken());
        let verdict = verdict(defects.problems.is_empty());
        let _ = writeln!(
            out,
            "| defects | {} of {count} caught, {broken} of {} invariants broken | {verdict} |",
            defects.caught(),
            defects.invariants.len()
        );
    }
    match report.run {
        Some(Ok(run)) => {
            let _ = writeln!(
                out,
                "| real TCP | {} closed, trace of {} replayed | {} |",
                count(run.connections, "connection"),
                count(run.trace_events, "event"),
                verdict(run.ok)
            );
        }
        Some(Err(error)) => {
            let _ = writeln!(out, "| real TCP | {} | not started |", cell(error));
        }
        None => {}
    }
    findings(report).iter().for_each(|it| finding(&mut out, it));
    if let Some(check) = report.check {
        scenarios(&mut out, check);
    }
    if let Some(defects) = report.defects {
        catalogue(&mut out, defects);
    }
    if let Some(Ok(run)) = report.run {
        ways(&mut out, run);
    }
    out
}

const fn verdict(good: bool) -> &'static str {
    if good { "as expected" } else { "**differs**" }
}

/// Text that cannot end a cell or begin an element.
fn cell(text: &str) -> String {
    escape(text).replace('|', "\\|").replace('\n', " ")
}

fn model(out: &mut String, check: &CheckReport) {
    let words = if check.is_good() {
        check.words().to_owned()
    } else {
        format!("**{}**", check.words())
    };
    let _ = writeln!(
        out,
        "| model | {} of {} scenarios explored completely, {} states | {words} |",
        check.complete(),
        check.scenarios.len(),
        grouped(check.states() as u64)
    );
}

fn finding(out: &mut String, finding: &Case) {
    let expected = if finding.verdict == Verdict::Expected {
        " (expected: the defect is put in)"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "\n### `{}`{expected}\n\n{}",
        finding.rule,
        cell(&finding.message)
    );
    let Some(rule) = rule(finding.rule) else {
        return;
    };
    let _ = writeln!(out, "\n{}", cell(rule.why));
    for place in rule.clauses.iter().filter_map(|it| places::clause(it)) {
        let heading = place.heading();
        let _ = writeln!(out, "- {heading} ({}:{})", place.file, place.line);
    }
    if finding.steps.is_empty() {
        return;
    }
    let steps = count(finding.steps.len(), "step");
    let _ = writeln!(
        out,
        "\n<details><summary>The shortest way there, {steps}</summary>\n\n```text"
    );
    for (index, step) in finding.steps.iter().enumerate() {
        let _ = writeln!(out, "{:>3}. {step}", index + 1);
    }
    out.push_str("```\n\n</details>\n");
}

fn scenarios(out: &mut String, check: &CheckReport) {
    if check.is_proof() {
        let _ = writeln!(out, "\n**Proved:** {}.", proved(check));
    }
    let bounds = Bounds::of(check).sentence();
    let _ = writeln!(out, "\n**Bounds:** {bounds}.\n\n**Not covered:**\n");
    for line in NOT_COVERED {
        let _ = writeln!(out, "- {line}");
    }
    let _ = writeln!(
        out,
        "\n<details><summary>Scenarios</summary>\n\n| scenario | states | transitions | depth | seconds | hold | verdict |\n|---|--:|--:|--:|--:|--:|---|"
    );
    for it in &check.scenarios {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {:.2} | {}/{} | {} |",
            it.name,
            it.unique_states,
            it.transitions,
            it.depth,
            it.seconds,
            it.held(),
            it.invariants.len(),
            it.verdict()
        );
    }
    out.push_str("\n</details>\n");
}

fn catalogue(out: &mut String, defects: &DefectsReport) {
    out.push_str("\n<details><summary>Defects</summary>\n\n| defect | scenario | steps | violates |\n|---|---|--:|---|\n");
    for it in &defects.defects {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {}{} |",
            it.name,
            it.scenario,
            it.steps(),
            it.violates.join(", "),
            if it.problem.is_some() {
                " **differs**"
            } else {
                ""
            }
        );
    }
    out.push_str("\n</details>\n");
}

fn ways(out: &mut String, run: &RunReport) {
    out.push_str("\n<details><summary>Real TCP</summary>\n\n| way | closed | unsent | accepted B | received B | FIN | RST |\n|---|--:|--:|--:|--:|--:|--:|\n");
    for way in &run.ways {
        let _ = writeln!(out, "| {} |", way.columns().join(" | "));
    }
    out.push_str("\n</details>\n");
}
