//! JUnit XML: a suite for each scenario with a case for each invariant, one for
//! the defects, one for the real connections.

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

use super::cases::{Case, Suite, Verdict, suites};
use super::rules::rule;
use crate::found::Report;

/// The whole file.
pub(super) fn render(report: &Report<'_>) -> String {
    let suites = suites(report);
    let all = suites.iter().flat_map(|it| &it.cases);
    let seconds: f64 = suites.iter().map(|it| it.seconds).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" {}>",
        escape(report.command),
        counts(all, seconds)
    );
    for it in &suites {
        suite(&mut out, it);
    }
    out.push_str("</testsuites>\n");
    out
}

/// The attributes that count cases.
fn counts<'a>(cases: impl Iterator<Item = &'a Case>, seconds: f64) -> String {
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for case in cases {
        tests += 1;
        match case.verdict {
            Verdict::Holds | Verdict::Expected => {}
            Verdict::Differs => failures += 1,
            Verdict::Incomplete | Verdict::Unknown => errors += 1,
        }
    }
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" time=\"{seconds:.3}\""
    )
}

fn suite(out: &mut String, suite: &Suite) {
    let name = escape(&suite.name);
    let counts = counts(suite.cases.iter(), suite.seconds);
    let _ = writeln!(out, "  <testsuite name=\"{name}\" {counts}>");
    for case in &suite.cases {
        let title = escape(case.name);
        let (message, story) = (escape(&case.message), escape(&story(case)));
        let result = match case.verdict {
            Verdict::Holds => String::new(),
            // A defect was put in, and this is how it shows.
            Verdict::Expected => format!("<system-out>{story}</system-out>"),
            Verdict::Differs => {
                format!("<failure type=\"violated\" message=\"{message}\">{story}</failure>")
            }
            Verdict::Incomplete | Verdict::Unknown => {
                format!("<error type=\"incomplete\" message=\"{message}\"/>")
            }
        };
        let _ = writeln!(
            out,
            "    <testcase name=\"{title}\" classname=\"{name}\" time=\"0.000\">{result}</testcase>"
        );
    }
    out.push_str("  </testsuite>\n");
}

/// The rule, its clauses and the counterexample; of a rule of the gate, what is
/// wrong.
fn story(case: &Case) -> String {
    let Some(rule) = rule(case.rule).filter(|it| !it.clauses.is_empty()) else {
        return case.message.clone();
    };
    let clauses = rule.clauses.join(", ");
    let mut text = format!("{}\n{}\nclauses: {clauses}\n", case.message, rule.why);
    for (index, step) in case.steps.iter().enumerate() {
        let _ = writeln!(text, "{:>3}. {step}", index + 1);
    }
    text
}
