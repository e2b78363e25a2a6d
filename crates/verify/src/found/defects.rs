//! What became of every defect, and whether that is as it is pinned.

use closesocket_models::lanes::Drawing;
use closesocket_models::{CloseModel, Counterexample, DefectSpec, Outcome as Checked};
use closesocket_trace::words::count;
use serde::Serialize;

use super::witness::Witness;
use crate::outcome::Outcome;

/// What a defect has done in its scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The invariants that it violates.
    pub(crate) violates: Vec<&'static str>,
    /// Steps of the shortest counterexample.
    pub(crate) steps: Option<usize>,
    /// What the last step of the shortest counterexample breaks.
    pub(crate) witness: Option<Witness>,
    /// The shortest counterexample as lanes.
    pub(crate) drawing: Option<Drawing>,
}

impl Found {
    /// What a check of the model with the defect has found.
    pub(crate) fn new(model: &CloseModel, outcome: &Checked) -> Self {
        let path = outcome.shortest_path().map(Counterexample::transitions);
        let breaches = path.iter().flat_map(|it| model.breaches_of_path(it));
        Self {
            violates: outcome.violated(),
            steps: outcome.shortest(),
            witness: breaches.into_iter().next().and_then(Witness::of),
            drawing: path.map(|it| Drawing::of_path(model, &it)),
        }
    }
}

/// What has to be caught, and by what.
pub(crate) struct Catalogue<'a> {
    pub(crate) defects: &'a [DefectSpec],
    pub(crate) invariants: &'a [&'static str],
    /// Of these, those that a defect has to break.
    pub(crate) to_break: &'a [&'static str],
}

impl Catalogue<'_> {
    /// Compares what was found, in the order of the defects, with what is
    /// pinned.
    pub(crate) fn judge(&self, found: Vec<Found>) -> DefectsReport {
        let mut problems = Vec::new();
        if found.len() != self.defects.len() {
            problems.push(format!(
                "{} of {} defects were checked",
                found.len(),
                self.defects.len()
            ));
        }
        for (spec, found) in self.defects.iter().zip(&found) {
            problems.extend(difference(spec, found));
        }
        for invariant in self.to_break {
            if !found.iter().any(|it| it.violates.contains(invariant)) {
                problems.push(format!("no defect breaks {invariant}"));
            }
        }
        let defects = self.defects.iter().zip(found);
        DefectsReport {
            schema: 1,
            invariants: self.invariants.to_vec(),
            defects: defects
                .map(|(spec, found)| Entry::new(*spec, found))
                .collect(),
            problems,
            seconds: 0.0,
        }
    }
}

/// In which way a defect shows otherwise than it is pinned.
pub(crate) fn difference(spec: &DefectSpec, found: &Found) -> Option<String> {
    let name = spec.name;
    if found.violates.is_empty() {
        return Some(format!("nothing catches {name} in {}", spec.scenario));
    }
    if found.violates != spec.violates {
        return Some(format!(
            "{name} violates {}, and is pinned to {}",
            found.violates.join(", "),
            spec.violates.join(", ")
        ));
    }
    (found.steps != Some(spec.steps)).then(|| {
        format!(
            "{name} shows after {}, and is pinned to {}",
            count(found.steps.unwrap_or_default(), "step"),
            spec.steps
        )
    })
}

/// The whole catalogue, as the documented JSON has it.
#[derive(Serialize)]
pub(crate) struct DefectsReport {
    schema: u32,
    pub(crate) invariants: Vec<&'static str>,
    /// In the order of the catalogue.
    pub(crate) defects: Vec<Entry>,
    /// What is not as it is pinned, a sentence each.
    #[serde(skip)]
    pub(crate) problems: Vec<String>,
    /// How long it took.
    #[serde(skip)]
    pub(crate) seconds: f64,
}

/// One defect, and what it has done in its scenario.
#[derive(Serialize)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    caught: bool,
    /// The invariants that it violates.
    pub(crate) violates: Vec<&'static str>,
    pub(crate) scenario: &'static str,
    /// Steps of the shortest counterexample.
    pub(crate) steps: Option<usize>,
    /// What its last step breaks; absent if nothing caught it, or what did says nothing
    /// of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) witness: Option<Witness>,
    /// The shortest counterexample as lanes.
    #[serde(skip)]
    pub(crate) drawing: Option<Drawing>,
    /// What it is, and what it is pinned to.
    #[serde(skip)]
    pub(crate) spec: DefectSpec,
    /// In which way it shows otherwise than it is pinned.
    #[serde(skip)]
    pub(crate) problem: Option<String>,
}

/// Whether a defect violates an invariant, and whether it is pinned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It does, as it is pinned.
    Hit,
    /// It does, and should not.
    Extra,
    /// It does not, and should.
    Missing,
    Nothing,
}

impl Entry {
    fn new(spec: DefectSpec, found: Found) -> Self {
        Self {
            name: spec.name,
            caught: !found.violates.is_empty(),
            scenario: spec.scenario,
            problem: difference(&spec, &found),
            spec,
            violates: found.violates,
            steps: found.steps,
            witness: found.witness,
            drawing: found.drawing,
        }
    }

    /// What there is to mark for an invariant.
    pub(crate) fn mark(&self, invariant: &str) -> Mark {
        let pinned = self.spec.violates.contains(&invariant);
        match (self.violates.contains(&invariant), pinned) {
            (true, true) => Mark::Hit,
            (true, false) => Mark::Extra,
            (false, true) => Mark::Missing,
            (false, false) => Mark::Nothing,
        }
    }

    /// The steps for people.
    pub(crate) fn steps(&self) -> String {
        self.steps.map_or("-".to_owned(), |it| it.to_string())
    }
}

impl DefectsReport {
    /// The letter of every invariant.
    pub(crate) fn letters(&self) -> impl Iterator<Item = (char, &'static str)> {
        let letters = ('a'..='z').chain('A'..='Z');
        letters.zip(self.invariants.iter().copied())
    }

    /// How many invariants are broken by a defect.
    pub(crate) fn broken(&self) -> usize {
        let broken = |it: &&&str| self.breakers(it) > 0;
        self.invariants.iter().filter(broken).count()
    }

    /// Everything in a line.
    pub(crate) fn summary(&self) -> String {
        let (count, caught, broken) = (self.defects.len(), self.caught(), self.broken());
        let all = if caught == count {
            "all caught".to_owned()
        } else {
            format!("{caught} CAUGHT")
        };
        let verdict = if self.problems.is_empty() {
            "as expected"
        } else {
            "DIFFERS"
        };
        format!(
            "defects: {count}, {all}, {broken} of {} invariants broken: {verdict}",
            self.invariants.len()
        )
    }

    /// How many defects are caught.
    pub(crate) fn caught(&self) -> usize {
        self.defects.iter().filter(|it| it.caught).count()
    }

    /// How many defects break this invariant.
    pub(crate) fn breakers(&self, invariant: &str) -> usize {
        let breaks = |it: &&Entry| it.violates.contains(&invariant);
        self.defects.iter().filter(breaks).count()
    }

    /// The outcome that the report stands for.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.problems.is_empty() && !self.defects.is_empty() {
            Outcome::AsExpected
        } else {
            Outcome::Differs
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, DefectSpec, Found, Outcome};
    use closesocket_models::Defect;

    const SPEC: DefectSpec = DefectSpec {
        defect: Defect::ForgetsToDrain,
        name: "forgets",
        summary: "",
        scenario: "a-scenario",
        violates: &["one"],
        steps: 3,
        report: None,
    };

    const CATALOGUE: Catalogue<'static> = Catalogue {
        defects: &[SPEC],
        invariants: &["one"],
        to_break: &["one"],
    };

    fn found(violates: &[&'static str], steps: usize) -> Found {
        Found {
            violates: violates.to_vec(),
            steps: Some(steps),
            witness: None,
            drawing: None,
        }
    }

    /// The only complaint about what was found.
    fn complaint(catalogue: &Catalogue<'_>, found: Vec<Found>) -> String {
        let report = catalogue.judge(found);
        assert_eq!(report.outcome(), Outcome::Differs);
        assert!(report.summary().ends_with("DIFFERS"));
        assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
        report.problems[0].clone()
    }

    #[test]
    fn a_catalogue_as_it_is_pinned_passes() {
        let report = CATALOGUE.judge(vec![found(&["one"], 3)]);
        assert_eq!(report.outcome(), Outcome::AsExpected);
        assert_eq!(
            report.summary(),
            "defects: 1, all caught, 1 of 1 invariants broken: as expected"
        );
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            json,
            r#"{"schema":1,"invariants":["one"],"defects":[{"name":"forgets","caught":true,"violates":["one"],"scenario":"a-scenario","steps":3}]}"#
        );
    }

    #[test]
    fn a_defect_that_nothing_catches_fails_the_gate() {
        let catalogue = Catalogue {
            defects: &[SPEC, SPEC],
            ..CATALOGUE
        };
        let found = vec![found(&["one"], 3), Found::default()];
        let text = complaint(&catalogue, found);
        assert_eq!(text, "nothing catches forgets in a-scenario");
    }

    #[test]
    fn an_invariant_that_no_defect_breaks_fails_the_gate() {
        let catalogue = Catalogue {
            invariants: &["one", "two"],
            to_break: &["one", "two"],
            ..CATALOGUE
        };
        let text = complaint(&catalogue, vec![found(&["one"], 3)]);
        assert_eq!(text, "no defect breaks two");
    }

    #[test]
    fn other_invariants_and_another_length_fail_the_gate() {
        let text = complaint(&CATALOGUE, vec![found(&["one", "two"], 3)]);
        assert_eq!(text, "forgets violates one, two, and is pinned to one");
        let text = complaint(&CATALOGUE, vec![found(&["one"], 4)]);
        assert_eq!(text, "forgets shows after 4 steps, and is pinned to 3");
    }

    #[test]
    fn a_catalogue_that_was_not_checked_fails_the_gate() {
        let report = CATALOGUE.judge(Vec::new());
        assert_eq!(report.outcome(), Outcome::Differs);
        assert!(report.problems[0].starts_with("0 of 1 defects"));
    }
}
