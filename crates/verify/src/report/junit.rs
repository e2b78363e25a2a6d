//! JUnit XML: a suite for each scenario with a case for each invariant, one for
//! the defects, one for the real connections.

use std::fmt::Write as _;

use super::finding::{STATES, rule};
use super::{Report, escape};
use crate::check::{InvariantReport, ScenarioReport};
use crate::defects::DefectsReport;
use crate::run::RunReport;

/// One case of a suite.
struct Case {
    name: String,
    result: Result,
    /// What else there is to read.
    says: String,
}

enum Result {
    Passed,
    /// What is wrong, in a line, and all there is to say about it.
    Failed(String, String),
    /// Why it says nothing.
    Error(String),
}

struct Suite {
    name: String,
    seconds: f64,
    cases: Vec<Case>,
}

/// The whole file.
pub(super) fn render(report: &Report<'_>) -> String {
    let mut suites: Vec<Suite> = report
        .check
        .into_iter()
        .flat_map(|it| &it.scenarios)
        .map(scenario)
        .collect();
    suites.extend(report.defects.map(defects));
    suites.extend(report.run.map(run));
    let all = || suites.iter().flat_map(|it| &it.cases);
    let seconds: f64 = suites.iter().map(|it| it.seconds).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" {}>",
        escape(report.command),
        counts(all(), seconds)
    );
    for suite in &suites {
        suite.write(&mut out);
    }
    out.push_str("</testsuites>\n");
    out
}

/// The attributes that count cases.
fn counts<'a>(cases: impl Iterator<Item = &'a Case>, seconds: f64) -> String {
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for case in cases {
        tests += 1;
        match case.result {
            Result::Passed => {}
            Result::Failed(..) => failures += 1,
            Result::Error(_) => errors += 1,
        }
    }
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" time=\"{seconds:.3}\""
    )
}

impl Suite {
    fn write(&self, out: &mut String) {
        let name = escape(&self.name);
        let counts = counts(self.cases.iter(), self.seconds);
        let _ = writeln!(out, "  <testsuite name=\"{name}\" {counts}>");
        for case in &self.cases {
            let title = escape(&case.name);
            let _ = write!(
                out,
                "    <testcase name=\"{title}\" classname=\"{name}\" time=\"0.000\">"
            );
            match &case.result {
                Result::Passed => {}
                Result::Failed(message, text) => {
                    let (message, text) = (escape(message), escape(text));
                    let _ = write!(
                        out,
                        "<failure type=\"violated\" message=\"{message}\">{text}</failure>"
                    );
                }
                Result::Error(message) => {
                    let message = escape(message);
                    let _ = write!(out, "<error type=\"incomplete\" message=\"{message}\"/>");
                }
            }
            if !case.says.is_empty() {
                let _ = write!(out, "<system-out>{}</system-out>", escape(&case.says));
            }
            out.push_str("</testcase>\n");
        }
        out.push_str("  </testsuite>\n");
    }
}

fn scenario(scenario: &ScenarioReport) -> Suite {
    let mut cases: Vec<Case> = scenario
        .invariants
        .iter()
        .map(|it| invariant(scenario, it))
        .collect();
    // The count of a search with a defect is pinned to nothing.
    if scenario.expected_states.is_some() {
        cases.push(Case {
            name: STATES.to_owned(),
            result: match scenario.states_problem() {
                _ if !scenario.complete => Result::Error(CUT_OFF.to_owned()),
                Some(problem) => Result::Failed(problem.clone(), problem),
                None => Result::Passed,
            },
            says: String::new(),
        });
    }
    Suite {
        name: match scenario.defect {
            Some(defect) => format!("{} with {defect}", scenario.name),
            None => scenario.name.to_owned(),
        },
        seconds: scenario.seconds,
        cases,
    }
}

const CUT_OFF: &str = "the search was cut off, so it proves nothing";

fn invariant(scenario: &ScenarioReport, invariant: &InvariantReport) -> Case {
    let text = story(invariant);
    let (result, says) = match (invariant.is_violated(), invariant.is_as_expected()) {
        (true, false) => {
            let message = format!(
                "violated after {} steps in {}",
                invariant.counterexample.len(),
                scenario.name
            );
            (Result::Failed(message, text), String::new())
        }
        // A defect was put in, and this is how it shows.
        (true, true) => (Result::Passed, text),
        (false, false) => {
            let message = "holds, and should be violated".to_owned();
            (Result::Failed(message, text), String::new())
        }
        (false, true) if scenario.complete => (Result::Passed, String::new()),
        (false, true) => (Result::Error(CUT_OFF.to_owned()), String::new()),
    };
    Case {
        name: invariant.id.to_owned(),
        result,
        says,
    }
}

/// The invariant, its clauses and its counterexample.
fn story(invariant: &InvariantReport) -> String {
    let mut text = String::new();
    if let Some(rule) = rule(invariant.id) {
        let clauses = rule.clauses.join(", ");
        let _ = writeln!(text, "{}\n{}\nclauses: {clauses}", rule.sentence, rule.why);
    }
    for (index, step) in invariant.counterexample.iter().enumerate() {
        let _ = writeln!(text, "{:>3}. {step}", index + 1);
    }
    text
}

/// A case for each defect, and one for the catalogue as a whole.
fn defects(report: &DefectsReport) -> Suite {
    let rows = report.rows();
    let mut cases: Vec<Case> = rows
        .iter()
        .map(|row| Case {
            name: row.spec.name.to_owned(),
            result: match &row.problem {
                Some(problem) => Result::Failed(problem.clone(), problem.clone()),
                None => Result::Passed,
            },
            says: String::new(),
        })
        .collect();
    let of_rows: Vec<_> = rows.iter().filter_map(|it| it.problem.as_ref()).collect();
    let others = report.problems.iter().filter(|it| !of_rows.contains(it));
    let others: Vec<_> = others.map(String::as_str).collect();
    cases.push(Case {
        name: "every-invariant-is-broken-by-a-defect".to_owned(),
        result: if others.is_empty() && !rows.is_empty() {
            Result::Passed
        } else {
            let text = others.join("\n");
            Result::Failed("the catalogue is not as it is pinned".to_owned(), text)
        },
        says: String::new(),
    });
    Suite {
        name: "defects".to_owned(),
        seconds: report.seconds,
        cases,
    }
}

fn run(run: std::result::Result<&RunReport, &str>) -> Suite {
    let name = "real-connections".to_owned();
    let run = match run {
        Ok(run) => run,
        Err(error) => {
            return Suite {
                name,
                seconds: 0.0,
                cases: vec![Case {
                    name: "started".to_owned(),
                    result: Result::Error(error.to_owned()),
                    says: String::new(),
                }],
            };
        }
    };
    let cases = run.checks().into_iter().map(|check| Case {
        name: check.name.to_owned(),
        result: match check.problem {
            Some(problem) => Result::Failed(problem.clone(), problem),
            None => Result::Passed,
        },
        says: String::new(),
    });
    Suite {
        name,
        seconds: run.seconds,
        cases: cases.collect(),
    }
}
