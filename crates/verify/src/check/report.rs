//! The result of a check, as the documented JSON has it.

use closesocket_models::{DefectSpec, Outcome as Found, Scenario, Verdict};
use serde::Serialize;

use crate::Outcome;

/// All scenarios.
#[derive(Debug, Serialize)]
pub(crate) struct CheckReport {
    schema: u32,
    /// `as expected`, `differs` or `incomplete`.
    pub(super) verdict: &'static str,
    pub(super) scenarios: Vec<ScenarioReport>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    pub(super) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) defect: Option<&'static str>,
    pub(super) unique_states: usize,
    /// The count that the scenario is pinned to; absent with a defect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_states: Option<usize>,
    pub(super) transitions: usize,
    pub(super) depth: usize,
    /// Explored completely: nothing was cut off.
    pub(super) complete: bool,
    pub(super) seconds: f64,
    pub(super) invariants: Vec<InvariantReport>,
}

/// One invariant in one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct InvariantReport {
    pub(super) id: &'static str,
    /// `holds` or `violated`.
    pub(super) verdict: &'static str,
    pub(super) expected: &'static str,
    /// The shortest way to break it, step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) counterexample: Vec<String>,
}

impl ScenarioReport {
    pub(super) fn new(
        scenario: &'static Scenario,
        defect: Option<&'static DefectSpec>,
        found: Found,
    ) -> Self {
        let violates = defect.map_or(&[][..], |spec| spec.violates);
        let invariants = found.verdicts.into_iter().map(|(id, verdict)| {
            let expected = if violates.contains(&id) {
                VIOLATED
            } else {
                HOLDS
            };
            match verdict {
                Verdict::Holds => InvariantReport {
                    id,
                    verdict: HOLDS,
                    expected,
                    counterexample: Vec::new(),
                },
                Verdict::Violated(path) => InvariantReport {
                    id,
                    verdict: VIOLATED,
                    expected,
                    counterexample: path.actions.iter().map(ToString::to_string).collect(),
                },
            }
        });
        Self {
            name: scenario.name,
            defect: defect.map(|spec| spec.name),
            unique_states: found.unique_states,
            expected_states: defect.is_none().then_some(scenario.states),
            transitions: found.transitions,
            depth: found.depth,
            complete: found.complete,
            seconds: found.seconds,
            invariants: invariants.collect(),
        }
    }

    /// Whether every verdict and the count of states is the expected one.
    pub(super) fn is_as_expected(&self) -> bool {
        self.invariants.iter().all(|it| it.verdict == it.expected)
            && self
                .expected_states
                .is_none_or(|expected| expected == self.unique_states)
    }
}

impl CheckReport {
    pub(super) fn new(scenarios: Vec<ScenarioReport>) -> Self {
        let verdict = if scenarios.is_empty() || !scenarios.iter().all(|it| it.complete) {
            "incomplete"
        } else if scenarios.iter().all(ScenarioReport::is_as_expected) {
            "as expected"
        } else {
            "differs"
        };
        Self {
            schema: 1,
            verdict,
            scenarios,
        }
    }

    /// The outcome that the report stands for. A difference that was found
    /// stands, whatever else was cut off; a search that was cut off proves
    /// nothing.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.scenarios.iter().any(|it| !it.is_as_expected()) {
            Outcome::Differs
        } else if self.verdict == "as expected" {
            Outcome::AsExpected
        } else {
            Outcome::Incomplete
        }
    }
}

const HOLDS: &str = "holds";
const VIOLATED: &str = "violated";
