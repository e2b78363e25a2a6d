//! What became of the proof for any number.

use std::fmt::Write as _;

use closesocket_models::DefectSpec;
use closesocket_models::lanes::Drawing;
use closesocket_models::prove::{OUTSIDE, Proof, Refutation, Refuted, not_expressed};
use closesocket_trace::words::count;
use serde::Serialize;

use crate::outcome::Outcome;
use crate::suite::suite;

/// Random worlds that have to be looked for in the fixpoints, together.
const RANDOM_WORLDS: usize = 2_000;

/// A family of worlds of any size.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// The calls that its threads make.
    calls: Vec<&'static str>,
    pub(crate) views: usize,
    pub(crate) expected_views: usize,
    keys: usize,
    actors: usize,
    transitions: u64,
    /// What is violated, or leaks; nothing if the family is proved.
    pub(crate) violates: Vec<String>,
    /// Scenarios whose every state lies in the fixpoint.
    scenarios: Vec<&'static str>,
    random_worlds: usize,
    /// States of concrete worlds that were looked for.
    states: u64,
    /// Views that were met in them.
    covered: usize,
    /// A concrete world that does not lie in the fixpoint.
    outside: Option<String>,
    pub(crate) seconds: f64,
    #[serde(skip)]
    pub(crate) drawing: Option<Drawing>,
}

impl Family {
    pub(crate) fn new(proof: Proof) -> Self {
        let contained = proof.contained.unwrap_or_default();
        Self {
            name: proof.family.name,
            summary: proof.family.summary,
            calls: proof.family.calls().collect(),
            views: proof.views,
            expected_views: proof.family.views,
            keys: proof.keys,
            actors: proof.actors,
            transitions: proof.transitions,
            violates: proof.refutation.as_ref().map(why).unwrap_or_default(),
            scenarios: contained.scenarios,
            random_worlds: contained.random_worlds,
            states: contained.states,
            covered: contained.covered,
            outside: contained.outside,
            seconds: proof.seconds,
            drawing: proof.refutation.map(|it| it.drawing),
        }
    }

    /// Why it is not as it has to be.
    pub(crate) fn problem(&self) -> Option<String> {
        if !self.violates.is_empty() {
            return Some(format!(
                "{} is refuted: {}",
                self.name,
                self.violates.join(", ")
            ));
        }
        if let Some(outside) = &self.outside {
            return Some(format!(
                "a state of a concrete world is not in the fixpoint of {}: {outside}",
                self.name
            ));
        }
        (self.views != self.expected_views).then(|| {
            format!(
                "{} has {} views and is pinned to {}",
                self.name, self.views, self.expected_views
            )
        })
    }
}

/// What the last step violates, or what leaks.
fn why(refutation: &Refutation) -> Vec<String> {
    let violated = refutation.violated.iter().map(ToString::to_string);
    let leak = refutation.leak.map(|it| format!("it leaks: {it}"));
    violated.chain(leak).collect()
}

/// A defect of the catalogue.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Defect {
    name: &'static str,
    /// The family that it refutes.
    family: Option<&'static str>,
    /// Steps of the way of views.
    steps: Option<usize>,
    violates: Vec<String>,
    /// Why no family can express it.
    not_expressed: Option<&'static str>,
}

impl Defect {
    pub(crate) fn new(spec: &DefectSpec, found: Option<&Refuted>) -> Self {
        Self {
            name: spec.name,
            family: found.map(|it| it.family),
            steps: found.map(|it| it.refutation.steps),
            violates: found.map(|it| why(&it.refutation)).unwrap_or_default(),
            not_expressed: not_expressed(spec.defect),
        }
    }
}

/// A ghost, left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ghost {
    name: &'static str,
    /// How the proof fails without it.
    fails: Vec<String>,
}

impl Ghost {
    pub(crate) fn new(name: &'static str, failed: Option<&Refutation>) -> Self {
        let fails = failed.map(why).unwrap_or_default();
        Self { name, fails }
    }
}

/// What no family has, and why.
#[derive(Clone, Debug, Serialize)]
struct Left {
    what: &'static str,
    why: &'static str,
}

/// The whole proof.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProveReport {
    pub(crate) families: Vec<Family>,
    pub(crate) defects: Vec<Defect>,
    pub(crate) ghosts: Vec<Ghost>,
    outside: Vec<Left>,
    pub(crate) seconds: f64,
}

/// The document of the command.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    pub(crate) schema: u32,
    pub(crate) prove: &'a ProveReport,
}

impl ProveReport {
    pub(crate) fn new(
        families: Vec<Family>,
        defects: Vec<Defect>,
        ghosts: Vec<Ghost>,
        seconds: f64,
    ) -> Self {
        let outside = OUTSIDE.iter().map(|&(what, why)| Left { what, why });
        Self {
            families,
            defects,
            ghosts,
            outside: outside.collect(),
            seconds,
        }
    }

    /// What is wrong with the checks of the check.
    pub(crate) fn defect_problem(&self) -> Option<String> {
        let missed = |it: &&Defect| it.family.is_none() && it.not_expressed.is_none();
        let missed: Vec<_> = self
            .defects
            .iter()
            .filter(missed)
            .map(|it| it.name)
            .collect();
        if self.defects.len() != suite().defects.len() {
            return Some("not every defect of the catalogue was tried".to_owned());
        }
        (!missed.is_empty()).then(|| format!("no family is refuted by {}", missed.join(", ")))
    }

    pub(crate) fn ghost_problem(&self) -> Option<String> {
        let idle = self.ghosts.iter().filter(|it| it.fails.is_empty());
        let idle: Vec<_> = idle.map(|it| it.name).collect();
        if self.ghosts.is_empty() {
            return Some("no ghost was left out".to_owned());
        }
        (!idle.is_empty()).then(|| format!("the proof does not need: {}", idle.join(", ")))
    }

    pub(crate) fn worlds_problem(&self) -> Option<String> {
        let random = self.random_worlds();
        (random < RANDOM_WORLDS || self.contained() == 0).then(|| {
            let why = match self.is_refuted() {
                true => ", none in a family that is refuted",
                false => "",
            };
            format!(
                "only {} and {} were looked for in the families{why}",
                count(random, "random world"),
                count(self.contained(), "scenario")
            )
        })
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let families = self.families.iter().filter_map(Family::problem);
        let none = self
            .families
            .is_empty()
            .then(|| "no family was proved".to_owned());
        let others = [
            self.worlds_problem(),
            self.defect_problem(),
            self.ghost_problem(),
        ];
        families
            .chain(none)
            .chain(others.into_iter().flatten())
            .collect()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if self.problems().is_empty() {
            Outcome::AsExpected
        } else {
            Outcome::Differs
        }
    }

    /// Whether something is violated in a family, or leaks.
    fn is_refuted(&self) -> bool {
        self.families.iter().any(|it| !it.violates.is_empty())
    }

    pub(crate) fn views(&self) -> usize {
        self.families.iter().map(|it| it.views).sum()
    }

    fn random_worlds(&self) -> usize {
        self.families.iter().map(|it| it.random_worlds).sum()
    }

    /// Scenarios that lie in a fixpoint, each counted once.
    fn contained(&self) -> usize {
        let mut names: Vec<_> = self.families.iter().flat_map(|it| &it.scenarios).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// The calls of all families.
    fn calls(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        for &call in self.families.iter().flat_map(|it| &it.calls) {
            if !all.contains(&call) {
                all.push(call);
            }
        }
        all
    }

    fn refuted(&self) -> usize {
        self.defects.iter().filter(|it| it.family.is_some()).count()
    }

    /// What was done, a line each.
    pub(crate) fn lines(&self) -> [String; 3] {
        let states: u64 = self.families.iter().map(|it| it.states).sum();
        let proved = self.families.iter().filter(|it| it.violates.is_empty());
        let needed = self.ghosts.iter().filter(|it| !it.fails.is_empty());
        [
            format!(
                "{} of {} families proved, {}",
                proved.count(),
                self.families.len(),
                count(self.views(), "view")
            ),
            format!(
                "{} and {} with {} lie inside",
                count(self.contained(), "scenario"),
                count(self.random_worlds(), "random world"),
                count(states, "state")
            ),
            format!(
                "{} of {} defects refuted, {} needed",
                self.refuted(),
                self.defects.len(),
                count(needed.count(), "ghost")
            ),
        ]
    }

    /// The verdict in one line.
    pub(crate) fn summary(&self) -> String {
        let verdict = match self.problems().is_empty() {
            true => "as expected",
            false if self.is_refuted() => "REFUTED",
            false => "DIFFERS",
        };
        format!("any number: {}: {verdict}", self.lines().join("; "))
    }

    /// Everything, for people, with drawings of so many columns.
    pub(crate) fn text(&self, columns: usize) -> String {
        let mut out = String::new();
        for it in &self.families {
            let verdict = it.problem().unwrap_or_else(|| "proved".to_owned());
            let share = 100.0 * it.covered as f64 / it.views.max(1) as f64;
            let _ = writeln!(
                out,
                "  {:<22} {:>7} views {:>5} keys {:>3} actors {:>8} transitions {:>6.2} s  {verdict}\n  {:<22} {} scenarios, {} random worlds, {} states inside; they meet {share:.1} % of the views",
                it.name,
                it.views,
                it.keys,
                it.actors,
                it.transitions,
                it.seconds,
                "",
                it.scenarios.len(),
                it.random_worlds,
                it.states,
            );
            if let Some(drawing) = &it.drawing {
                let _ = writeln!(out, "{}", drawing.to_text(columns));
            }
        }
        let calls = self.calls().join(", ");
        let _ = writeln!(
            out,
            "inside: any number of threads, calls, operations, duplicates and reuses, in runs of any length\n        {calls}"
        );
        for left in &self.outside {
            let _ = writeln!(out, "outside: {}: {}", left.what, left.why);
        }
        for it in self.defects.iter().filter(|it| it.family.is_none()) {
            let why = it.not_expressed.unwrap_or("NOT REFUTED");
            let _ = writeln!(out, "not expressed: {}: {why}", it.name);
        }
        let _ = writeln!(out, "{}, {:.1} s", self.summary(), self.seconds);
        out
    }
}

#[cfg(test)]
mod tests {
    use closesocket_models::prove::{Family as Named, Ghosts, Worlds, needed, prove, refute};
    use closesocket_models::{DEFECTS, Defect as Deviation};

    use super::{Defect, Family, Ghost, ProveReport};
    use crate::outcome::Outcome;

    /// A report that is as expected, and what spoils it.
    fn spoilt(spoil: impl FnOnce(&mut ProveReport)) -> ProveReport {
        let named = Named::named("few-calls").expect("a family");
        let worlds = Worlds {
            walks: 1,
            ..Worlds::OF_THE_GATE
        };
        let refuted = refute(Deviation::SecondCloseSucceeds);
        let defects = DEFECTS.iter().map(|it| Defect::new(it, refuted.as_ref()));
        let (ghost, name) = Ghosts::ALL[0];
        let ghosts = vec![Ghost::new(name, needed(named, ghost).as_ref())];
        let family = Family::new(prove(named, None, worlds));
        let mut report = ProveReport::new(vec![family], defects.collect(), ghosts, 0.0);
        spoil(&mut report);
        report
    }

    #[test]
    fn a_proof_that_is_as_pinned_is_as_expected() {
        let report = spoilt(|_| {});
        assert_eq!(report.problems(), Vec::<String>::new());
        assert_eq!(report.outcome(), Outcome::AsExpected);
        assert!(report.text(80).contains("proved"), "{}", report.text(80));
    }

    #[test]
    fn whatever_is_missing_differs() {
        let spoils: [fn(&mut ProveReport); 8] = [
            |it| it.families[0].views += 1,
            |it| it.families[0].outside = Some("a world".to_owned()),
            |it| it.families[0].random_worlds = 1_999,
            |it| it.families[0].scenarios.clear(),
            |it| it.families.clear(),
            |it| it.defects.truncate(1),
            |it| it.defects[0].family = None,
            |it| it.ghosts[0].fails.clear(),
        ];
        for (index, spoil) in spoils.into_iter().enumerate() {
            let report = spoilt(spoil);
            assert_eq!(report.outcome(), Outcome::Differs, "{index}");
        }
    }

    #[test]
    fn a_refuted_family_differs_and_is_drawn() {
        let named = Named::named("few-calls").expect("a family");
        let proof = prove(named, Some(Deviation::ForgetsToAbort), Worlds::NONE);
        let report = spoilt(|it| it.families[0] = Family::new(proof));
        assert_eq!(report.outcome(), Outcome::Differs);
        let text = report.text(80);
        assert!(text.contains("violates every-pending-op-aborted"), "{text}");
    }
}
