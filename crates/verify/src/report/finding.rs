//! What was violated, and what else differs from what is expected.

use closesocket::protocol::invariant::Invariant;
use closesocket_models::View;
use closesocket_models::lanes::Drawing;

use super::Report;
use crate::check::{InvariantReport, ScenarioReport};

/// A rule that a finding is about: an invariant, or one of the gate itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) why: &'static str,
    pub(crate) clauses: &'static [&'static str],
}

/// The rules of the gate, beside the invariants.
pub(super) const GATE: [Rule; 4] = [
    Rule {
        id: STATES,
        sentence: "A scenario has as many states as it is pinned to.",
        why: "A scenario that shrinks unnoticed proves less than it says.",
        clauses: &[],
    },
    Rule {
        id: COMPLETE,
        sentence: "Every scenario is explored completely.",
        why: "A search that was cut off proves nothing.",
        clauses: &[],
    },
    Rule {
        id: DEFECTS,
        sentence: "Every known defect is caught as it is pinned, and every invariant is broken by one.",
        why: "A check that cannot fail proves nothing.",
        clauses: &[],
    },
    Rule {
        id: CONNECTIONS,
        sentence: "Real connections are closed as the rules say.",
        why: "What holds in the model would not hold in the engine.",
        clauses: &[],
    },
];

pub(super) const STATES: &str = "states-as-pinned";
pub(super) const COMPLETE: &str = "explored-completely";
pub(super) const DEFECTS: &str = "defects-as-pinned";
pub(super) const CONNECTIONS: &str = "real-connections-as-the-rules-say";

/// All rules, the invariants first.
pub(super) fn rules() -> impl Iterator<Item = Rule> {
    let invariants = Invariant::<View<'static>>::TABLE.into_iter();
    invariants
        .map(|it| Rule {
            id: it.id,
            sentence: it.sentence,
            why: it.why,
            clauses: it.clauses,
        })
        .chain(GATE)
}

/// The rule of this name.
pub(crate) fn rule(id: &str) -> Option<Rule> {
    rules().find(|it| it.id == id)
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The rule that it is about.
    pub(super) rule: &'static str,
    /// It has to be so, because a defect was put in.
    pub(super) expected: bool,
    pub(super) scenario: Option<&'static str>,
    pub(super) defect: Option<&'static str>,
    /// In one sentence.
    pub(super) message: String,
    /// The shortest way there.
    pub(super) steps: Vec<String>,
    /// The same as lanes.
    pub(super) drawing: Option<Drawing>,
    /// Who takes each step: a thread by its number, or the surroundings.
    pub(super) threads: Vec<Option<u8>>,
}

/// Everything, in the order of the report.
pub(super) fn all(report: &Report<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for scenario in report.check.into_iter().flat_map(|it| &it.scenarios) {
        of_scenario(scenario, &mut found);
    }
    for problem in report.defects.into_iter().flat_map(|it| &it.problems) {
        found.push(plain(DEFECTS, problem.clone()));
    }
    match report.run {
        Some(Ok(run)) => {
            let problems = run.checks().into_iter().filter_map(|it| it.problem);
            found.extend(problems.map(|it| plain(CONNECTIONS, it)));
        }
        Some(Err(error)) => {
            let text = format!("the run could not be started: {error}");
            found.push(plain(CONNECTIONS, text));
        }
        None => {}
    }
    found
}

/// A finding without a scenario or steps.
fn plain(rule: &'static str, message: String) -> Finding {
    Finding {
        rule,
        expected: false,
        scenario: None,
        defect: None,
        message,
        steps: Vec::new(),
        drawing: None,
        threads: Vec::new(),
    }
}

fn of_scenario(scenario: &ScenarioReport, found: &mut Vec<Finding>) {
    let about = |rule, message| Finding {
        scenario: Some(scenario.name),
        defect: scenario.defect,
        ..plain(rule, message)
    };
    for invariant in &scenario.invariants {
        if let Some(message) = message(scenario, invariant) {
            found.push(Finding {
                expected: invariant.is_as_expected(),
                steps: invariant.counterexample.clone(),
                drawing: invariant.drawing.clone(),
                threads: invariant.threads(),
                ..about(invariant.id, message)
            });
        }
    }
    if let Some(message) = scenario.states_problem() {
        found.push(about(STATES, message));
    }
    if !scenario.complete {
        found.push(about(
            COMPLETE,
            format!("the search of {} was cut off", scenario.name),
        ));
    }
}

/// What there is to say about an invariant that does not simply hold.
fn message(scenario: &ScenarioReport, invariant: &InvariantReport) -> Option<String> {
    let with = scenario
        .defect
        .map_or_else(String::new, |name| format!(" with the defect {name}"));
    let place = format!("in {}{with}", scenario.name);
    if invariant.is_violated() {
        let steps = invariant.counterexample.len();
        let sentence = rule(invariant.id).map_or("", |it| it.sentence);
        Some(format!(
            "violated {place} after {steps} steps. It should hold: {sentence}"
        ))
    } else if !invariant.is_as_expected() {
        Some(format!("holds {place}, and should be violated"))
    } else {
        None
    }
}
