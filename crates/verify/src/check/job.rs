//! What to explore.

use clap::ValueEnum;
use closesocket_models::{CloseModel, DEEP, DefectSpec, Scenario, ScenarioError};

use crate::names;
use crate::suite::suite;

/// Which scenarios there are to explore.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Scope {
    /// Those of the catalogue.
    #[default]
    Catalogue,
    /// Those with several bounds raised at once.
    Deep,
}

/// A scenario, or a defect in its scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) scenario: &'static Scenario,
    pub(crate) defect: Option<&'static DefectSpec>,
    /// Explore its canonical states only.
    pub(crate) reduced: bool,
}

impl Job {
    /// A scenario without a defect.
    pub(crate) const fn plain(scenario: &'static Scenario) -> Self {
        Self {
            scenario,
            defect: None,
            reduced: false,
        }
    }

    /// A defect in the scenario that shows it.
    pub(crate) fn with(spec: &'static DefectSpec) -> Result<Self, String> {
        Ok(Self {
            defect: Some(spec),
            ..Self::plain(find(spec.scenario)?)
        })
    }

    /// The scenario or the defect of this name.
    pub(crate) fn named(
        scenario: Option<&str>,
        defect: Option<&str>,
    ) -> Result<Option<Self>, String> {
        let Some(name) = defect else {
            return scenario.map(|name| find(name).map(Self::plain)).transpose();
        };
        let spec = suite().defect(name).ok_or_else(|| names::no_defect(name))?;
        Self::with(spec).map(Some)
    }

    /// The name of what is explored: the defect's, or else the scenario's.
    pub(crate) fn name(&self) -> &'static str {
        self.defect.map_or(self.scenario.name, |it| it.name)
    }

    /// The model, of all states.
    pub(crate) fn model(&self) -> Result<CloseModel, ScenarioError> {
        let model = CloseModel::new(self.scenario, self.defect.map(|it| it.defect))?;
        let model = model.judged_by(suite().invariants);
        Ok(match self.defect {
            Some(it) => model.with_defect_named(it.name),
            None => model,
        })
    }
}

/// The scenario of this name.
fn find(name: &str) -> Result<&'static Scenario, String> {
    suite()
        .scenario(name)
        .ok_or_else(|| names::no_scenario(name))
}

/// Every scenario of the catalogue.
pub(super) fn every() -> Vec<Job> {
    suite().scenarios.iter().map(Job::plain).collect()
}

/// The defect, or these scenarios, or all of the scope; or what of it there is not.
pub(super) fn asked_for(
    scope: Scope,
    scenarios: &[String],
    defect: Option<&str>,
) -> Result<Vec<Job>, String> {
    if let Some(job) = Job::named(None, defect)? {
        return Ok(vec![job]);
    }
    let all = match scope {
        Scope::Catalogue => suite().scenarios,
        Scope::Deep => DEEP,
    };
    if scenarios.is_empty() {
        return Ok(all.iter().map(Job::plain).collect());
    }
    let mut jobs: Vec<Job> = Vec::new();
    for name in scenarios {
        let found = all.iter().find(|it| it.name == *name);
        let job = found
            .map(Job::plain)
            .ok_or_else(|| names::no_scenario(name))?;
        // One that is named twice is explored, and counted, once.
        if jobs.iter().all(|it| it.name() != job.name()) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::{Job, Scope, asked_for};

    #[test]
    fn who_is_named_twice_is_explored_once() {
        let names = ["lingering-wait", "system-handles", "lingering-wait"].map(str::to_owned);
        let jobs = asked_for(Scope::Catalogue, &names, None).expect("they are there");
        let names: Vec<_> = jobs.iter().map(Job::name).collect();
        assert_eq!(names, ["lingering-wait", "system-handles"]);
    }
}
