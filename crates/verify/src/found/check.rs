//! The result of a check, as the documented JSON has it.

mod words;

use closesocket_models::lanes::Drawing;
use closesocket_models::{
    CloseModel, Counterexample, DefectSpec, Outcome as Found, Scenario, Verdict,
};
use serde::Serialize;

use super::code::Code;
use super::witness::Witness;
use crate::outcome::Outcome;

/// All scenarios.
#[derive(Debug, Serialize)]
pub(crate) struct CheckReport {
    schema: u32,
    /// `as expected`, `differs` or `incomplete`.
    pub(crate) verdict: &'static str,
    pub(crate) scenarios: Vec<ScenarioReport>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    pub(crate) name: &'static str,
    #[serde(skip)]
    pub(crate) scenario: &'static Scenario,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) defect: Option<&'static str>,
    pub(crate) unique_states: usize,
    /// The count that the scenario is pinned to; absent with a defect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_states: Option<usize>,
    pub(crate) transitions: usize,
    pub(crate) depth: usize,
    /// Explored completely: nothing was cut off.
    pub(crate) complete: bool,
    pub(crate) seconds: f64,
    pub(crate) invariants: Vec<InvariantReport>,
    /// Only its canonical states were explored.
    #[serde(skip)]
    reduced: bool,
    /// Why the search came to nothing, if it did.
    #[serde(skip)]
    pub(crate) failure: Option<String>,
    /// That was since what was asked for cannot be done.
    #[serde(skip)]
    pub(crate) misasked: bool,
}

/// One invariant in one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct InvariantReport {
    pub(crate) id: &'static str,
    /// `holds` or `violated`.
    pub(crate) verdict: &'static str,
    pub(crate) expected: &'static str,
    /// The shortest way to break it, step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) counterexample: Vec<String>,
    /// The code that decides each step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) code: Vec<Option<Code>>,
    /// What its last step breaks of the invariant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) witness: Option<Witness>,
    /// The same as steps of the model.
    #[serde(skip)]
    pub(crate) path: Option<Counterexample>,
    /// The same as lanes.
    #[serde(skip)]
    pub(crate) drawing: Option<Drawing>,
}

impl ScenarioReport {
    pub(crate) fn new(
        model: &CloseModel,
        defect: Option<&'static DefectSpec>,
        found: Found,
    ) -> Self {
        let scenario = model.scenario();
        let violates = defect.map_or(&[][..], |spec| spec.violates);
        let invariants = found.verdicts.into_iter().map(|(id, verdict)| {
            let expected = if violates.contains(&id) {
                VIOLATED
            } else {
                HOLDS
            };
            let path = match verdict {
                Verdict::Holds => None,
                Verdict::Violated(path) => Some(path),
            };
            let actions = || path.iter().flat_map(|it| &it.actions);
            let draw = |it: &Counterexample| Drawing::of_path(model, &it.transitions());
            let breaches = path
                .iter()
                .flat_map(|it| model.breaches_of_path(&it.transitions()));
            InvariantReport {
                id,
                witness: breaches
                    .into_iter()
                    .find(|it| it.id == id)
                    .and_then(Witness::of),
                verdict: path.as_ref().map_or(HOLDS, |_| VIOLATED),
                expected,
                counterexample: actions().map(ToString::to_string).collect(),
                code: actions().map(|it| Code::of(it.what)).collect(),
                drawing: path.as_ref().map(draw),
                path,
            }
        });
        Self {
            unique_states: found.unique_states,
            expected_states: defect.is_none().then(|| model.pinned_states()).flatten(),
            transitions: found.transitions,
            depth: found.depth,
            complete: found.complete,
            seconds: found.seconds,
            invariants: invariants.collect(),
            reduced: model.is_reduced(),
            ..Self::unexplored(scenario, defect)
        }
    }

    /// Of a scenario that could not be explored: nothing is known.
    pub(crate) fn unexplored(
        scenario: &'static Scenario,
        defect: Option<&'static DefectSpec>,
    ) -> Self {
        Self {
            name: scenario.name,
            scenario,
            defect: defect.map(|spec| spec.name),
            unique_states: 0,
            expected_states: defect.is_none().then_some(scenario.states),
            transitions: 0,
            depth: 0,
            complete: false,
            seconds: 0.0,
            invariants: Vec::new(),
            reduced: false,
            failure: None,
            misasked: false,
        }
    }

    /// Whether every verdict and the count of states is the expected one. The
    /// count of a search that was cut off says nothing.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.invariants.iter().all(InvariantReport::is_as_expected)
            && self.states_problem().is_none()
    }

    /// Why nothing at all is known of it, if that is so.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let why = self.failure.as_deref().unwrap_or("it was not explored");
        self.invariants.is_empty().then_some(why)
    }

    /// Whether there is nothing to say but that all is well.
    pub(crate) fn is_plain(&self) -> bool {
        self.complete && self.defect.is_none() && self.is_as_expected()
    }

    /// How many invariants hold.
    pub(crate) fn held(&self) -> usize {
        let violated = |it: &&InvariantReport| it.is_violated();
        self.invariants.len() - self.invariants.iter().filter(violated).count()
    }

    /// The shortest counterexample; of several the one of the first invariant.
    pub(crate) fn shortest(&self) -> Option<&Counterexample> {
        let paths = self.invariants.iter().filter_map(|it| it.path.as_ref());
        paths.min_by_key(|it| it.actions.len())
    }

    /// Whether an invariant is violated that should hold.
    fn is_broken(&self) -> bool {
        let mut invariants = self.invariants.iter();
        invariants.any(|it| it.is_violated() && !it.is_as_expected())
    }
}

impl InvariantReport {
    pub(crate) fn is_violated(&self) -> bool {
        self.verdict == VIOLATED
    }

    pub(crate) fn is_as_expected(&self) -> bool {
        self.verdict == self.expected
    }

    /// Who takes each step of the counterexample.
    pub(crate) fn threads(&self) -> Vec<Option<u8>> {
        let actions = self.path.iter().flat_map(|it| &it.actions);
        actions.map(|it| it.thread).collect()
    }
}

impl CheckReport {
    pub(crate) fn new(scenarios: Vec<ScenarioReport>) -> Self {
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

    /// How many scenarios were explored completely.
    pub(crate) fn complete(&self) -> usize {
        self.scenarios.iter().filter(|it| it.complete).count()
    }

    /// The unique states of all scenarios.
    pub(crate) fn states(&self) -> usize {
        self.scenarios.iter().map(|it| it.unique_states).sum()
    }

    /// Whether canonical states stand for others.
    pub(crate) fn is_reduced(&self) -> bool {
        self.scenarios.iter().any(|it| it.reduced)
    }

    /// Whether everything is as expected.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == "as expected"
    }

    /// Whether it proves the protocol as it ships.
    pub(crate) fn is_proof(&self) -> bool {
        self.is_good() && self.scenarios.iter().all(|it| it.defect.is_none())
    }

    /// How many invariants are violated that should hold.
    pub(crate) fn broken(&self) -> usize {
        let invariants = self.scenarios.iter().flat_map(|it| &it.invariants);
        let broken = |it: &&InvariantReport| it.is_violated() && !it.is_as_expected();
        invariants.filter(broken).count()
    }

    /// The invariant with the shortest counterexample of all, and its scenario.
    pub(crate) fn shortest(&self) -> Option<(&ScenarioReport, &InvariantReport)> {
        let all = self.scenarios.iter().flat_map(|scenario| {
            let violated = scenario.invariants.iter().filter(|it| it.path.is_some());
            violated.map(move |it| (scenario, it))
        });
        all.min_by_key(|it| it.1.counterexample.len())
    }

    /// The outcome that the report stands for. A difference that was found
    /// stands, whatever else was cut off; a search that was cut off proves
    /// nothing.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.scenarios.iter().any(|it| !it.is_as_expected()) {
            Outcome::Differs
        } else if self.is_good() {
            Outcome::AsExpected
        } else {
            Outcome::Incomplete
        }
    }
}

const HOLDS: &str = "holds";
const VIOLATED: &str = "violated";

#[cfg(test)]
pub(super) mod tests {
    use closesocket_models::{
        CloseModel, Counterexample, DefectSpec, Limits, Outcome as Found, SCENARIOS, Scenario,
        Verdict, check, check_within,
    };

    use super::{CheckReport, ScenarioReport};
    use crate::outcome::Outcome;

    pub(super) fn smallest() -> &'static Scenario {
        let smallest = SCENARIOS.iter().min_by_key(|it| it.states);
        smallest.expect("a catalogue that is not empty")
    }

    fn model() -> CloseModel {
        CloseModel::new(smallest(), None).expect("it fits")
    }

    /// The report on the smallest scenario, of which `spoil` says something else
    /// than was found.
    pub(in crate::found) fn report(spoil: impl FnOnce(&mut Found)) -> CheckReport {
        let mut found = check(&model());
        spoil(&mut found);
        CheckReport::new(vec![ScenarioReport::new(&model(), None, found)])
    }

    #[test]
    fn the_exit_codes_are_the_documented_ones() {
        let codes = [
            Outcome::AsExpected,
            Outcome::Differs,
            Outcome::Usage,
            Outcome::Incomplete,
        ];
        assert_eq!(codes.map(|it| it as u8), [0, 1, 2, 3]);
    }

    #[test]
    fn each_thing_that_is_wrong_has_its_outcome() {
        let half = || Limits {
            states: smallest().states / 2,
            ..Limits::NONE
        };
        let violate =
            |it: &mut Found| it.verdicts[3].1 = Verdict::Violated(Counterexample::default());
        type Spoil<'a> = &'a dyn Fn(&mut Found);
        let cases: [(Spoil<'_>, &str, Outcome); 5] = [
            (&|_| {}, "as expected", Outcome::AsExpected),
            (
                &|it| *it = check_within(&model(), half()),
                "incomplete",
                Outcome::Incomplete,
            ),
            (&|it| it.unique_states -= 1, "differs", Outcome::Differs),
            (&violate, "differs", Outcome::Differs),
            // It stands although the search was cut off.
            (
                &|it| {
                    it.complete = false;
                    violate(it);
                },
                "incomplete",
                Outcome::Differs,
            ),
        ];
        for (index, (spoil, verdict, outcome)) in cases.into_iter().enumerate() {
            let report = report(spoil);
            assert_eq!(
                (report.verdict, report.outcome()),
                (verdict, outcome),
                "{index}"
            );
        }
        assert_eq!(report(violate).scenarios[0].verdict(), "VIOLATED");
    }

    #[test]
    fn a_defect_that_violates_nothing_fails() {
        let spec = DefectSpec::named("timer-forgotten");
        let found = check(&model());
        let report = CheckReport::new(vec![ScenarioReport::new(&model(), spec, found)]);
        assert_eq!(report.outcome(), Outcome::Differs);
    }

    #[test]
    fn a_check_of_nothing_proves_nothing() {
        assert_eq!(CheckReport::new(Vec::new()).outcome(), Outcome::Incomplete);
    }
}
