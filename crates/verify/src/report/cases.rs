//! Everything that had to hold, as one list of cases. Every format walks it.

use closesocket_models::lanes::Drawing;

use super::rules::{ANY_NUMBER, COMPLETE, CONNECTIONS, DEFECTS, STATES, rule};
use super::words::count;
use crate::found::Report;
use crate::found::check::{InvariantReport, ScenarioReport};
use crate::found::code::Code;
use crate::found::defects::DefectsReport;
use crate::found::prove::ProveReport;
use crate::found::run::RunReport;

/// Cases that belong together: of a scenario, of the defects, of the real
/// connections.
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) seconds: f64,
    pub(super) cases: Vec<Case>,
}

/// One thing that had to hold.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The rule that it is about.
    pub(super) rule: &'static str,
    pub(super) verdict: Verdict,
    /// What there is to say, in one sentence; empty if it simply holds.
    pub(super) message: String,
    pub(super) scenario: Option<&'static str>,
    pub(super) defect: Option<&'static str>,
    /// The shortest way to where it does not hold.
    pub(super) steps: Vec<String>,
    /// Who takes each step: a thread by its number, or the surroundings.
    pub(super) threads: Vec<Option<u8>>,
    /// The code that decides each step.
    pub(super) code: Vec<Option<Code>>,
    /// The same as lanes.
    pub(super) drawing: Option<Drawing>,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    /// It does not hold because a defect was put in, as it should be.
    Expected,
    Differs,
    /// What should have shown it did not come to its end.
    Incomplete,
    /// It is one of many that the same incomplete search says nothing about; that
    /// the search is incomplete is a case of its own.
    Unknown,
}

impl Case {
    /// A case of which there is nothing to say but that it holds, if there is no
    /// problem.
    fn new(name: &'static str, rule: &'static str, problem: Option<String>) -> Self {
        Self {
            name,
            rule,
            verdict: match problem {
                None => Verdict::Holds,
                Some(_) => Verdict::Differs,
            },
            message: problem.unwrap_or_default(),
            scenario: None,
            defect: None,
            steps: Vec::new(),
            threads: Vec::new(),
            code: Vec::new(),
            drawing: None,
        }
    }

    fn incomplete(name: &'static str, rule: &'static str, message: String) -> Self {
        Self {
            verdict: Verdict::Incomplete,
            ..Self::new(name, rule, Some(message))
        }
    }

    /// Whether it has to be shown to whoever wants to know what was found.
    pub(super) fn is_finding(&self) -> bool {
        !matches!(self.verdict, Verdict::Holds | Verdict::Unknown)
    }
}

/// Every case, in the order of the report.
pub(super) fn suites(report: &Report<'_>) -> Vec<Suite> {
    let scenarios = report.check.into_iter().flat_map(|it| &it.scenarios);
    let mut suites: Vec<_> = scenarios.map(of_scenario).collect();
    suites.extend(report.prove.map(of_prove));
    suites.extend(report.defects.map(of_defects));
    suites.extend(report.run.map(of_run));
    suites
}

/// The cases of which there is something to say.
pub(super) fn findings(report: &Report<'_>) -> Vec<Case> {
    let cases = suites(report).into_iter().flat_map(|it| it.cases);
    cases.filter(Case::is_finding).collect()
}

fn of_scenario(scenario: &ScenarioReport) -> Suite {
    let invariants = scenario.invariants.iter();
    let mut cases: Vec<_> = invariants.map(|it| of_invariant(scenario, it)).collect();
    if !scenario.complete {
        let cut_off = format!("the search of {} was cut off", scenario.name);
        cases.push(Case::incomplete(STATES, COMPLETE, cut_off));
    } else if scenario.expected_states.is_some() {
        cases.push(Case::new(STATES, STATES, scenario.states_problem()));
    }
    for case in &mut cases {
        (case.scenario, case.defect) = (Some(scenario.name), scenario.defect);
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

fn of_invariant(scenario: &ScenarioReport, invariant: &InvariantReport) -> Case {
    let with = scenario
        .defect
        .map_or_else(String::new, |name| format!(" with the defect {name}"));
    let place = format!("in {}{with}", scenario.name);
    let (verdict, message) = match (invariant.is_violated(), invariant.is_as_expected()) {
        (true, expected) => {
            let steps = count(invariant.counterexample.len(), "step");
            let sentence = rule(invariant.id).map_or("", |it| it.sentence);
            let verdict = if expected {
                Verdict::Expected
            } else {
                Verdict::Differs
            };
            let message = format!(
                "violated {place} after {steps}{}. It should hold: {sentence}",
                invariant.what()
            );
            (verdict, message)
        }
        (false, false) => (
            Verdict::Differs,
            format!("holds {place}, and should be violated"),
        ),
        (false, true) if scenario.complete => (Verdict::Holds, String::new()),
        (false, true) => (
            Verdict::Unknown,
            "the search was cut off, so it proves nothing".to_owned(),
        ),
    };
    Case {
        verdict,
        steps: invariant.counterexample.clone(),
        threads: invariant.threads(),
        code: invariant.code.clone(),
        drawing: invariant.drawing.clone(),
        ..Case::new(invariant.id, invariant.id, Some(message))
    }
}

/// A case for each family, and one for each check of the check.
fn of_prove(report: &ProveReport) -> Suite {
    let families = report.families.iter().map(|it| Case {
        steps: it.drawing.iter().flat_map(sentences).collect(),
        drawing: it.drawing.clone(),
        ..Case::new(it.name, ANY_NUMBER, it.problem())
    });
    let checks = [
        ("concrete-worlds-lie-inside", report.worlds_problem()),
        ("defects-are-refuted", report.defect_problem()),
        ("every-ghost-is-needed", report.ghost_problem()),
    ];
    let checks = checks.map(|(name, problem)| Case::new(name, ANY_NUMBER, problem));
    Suite {
        name: "any-number".to_owned(),
        seconds: report.seconds,
        cases: families.chain(checks).collect(),
    }
}

/// The steps of a drawing, without its start.
fn sentences(drawing: &Drawing) -> impl Iterator<Item = String> {
    drawing.rows.iter().skip(1).map(|it| it.sentence.clone())
}

/// A case for each defect, and one for the catalogue as a whole.
fn of_defects(report: &DefectsReport) -> Suite {
    let defects = report.defects.iter();
    let mut cases: Vec<_> = defects
        .map(|it| Case::new(it.name, DEFECTS, it.problem.clone()))
        .collect();
    let is_told = |problem: &&String| cases.iter().any(|it| it.message == **problem);
    let others: Vec<_> = report.problems.iter().filter(|it| !is_told(it)).collect();
    let problem = match others.as_slice() {
        [] if cases.is_empty() => Some("the catalogue is empty".to_owned()),
        [] => None,
        others => Some(
            others
                .iter()
                .map(|it| it.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        ),
    };
    cases.push(Case::new(
        "every-invariant-is-broken-by-a-defect",
        DEFECTS,
        problem,
    ));
    Suite {
        name: "defects".to_owned(),
        seconds: report.seconds,
        cases,
    }
}

/// A case for each thing that had to hold of real connections.
pub(super) fn of_run(run: Result<&RunReport, &str>) -> Suite {
    let cases = match run {
        Ok(run) => run
            .checks()
            .into_iter()
            .map(|it| Case::new(it.name, CONNECTIONS, it.problem))
            .collect(),
        Err(error) => {
            let message = format!("the run could not be started: {error}");
            vec![Case::incomplete("started", CONNECTIONS, message)]
        }
    };
    Suite {
        name: "real-connections".to_owned(),
        seconds: run.map_or(0.0, |it| it.seconds),
        cases,
    }
}
