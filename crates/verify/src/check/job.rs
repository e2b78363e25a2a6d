//! What to explore.

use closesocket_models::{CloseModel, DefectSpec, Scenario, ScenarioError};

use crate::names;
use crate::suite::suite;

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
        CloseModel::new(self.scenario, self.defect.map(|it| it.defect))
    }
}

/// The scenario of this name.
fn find(name: &str) -> Result<&'static Scenario, String> {
    suite()
        .scenario(name)
        .ok_or_else(|| names::no_scenario(name))
}
