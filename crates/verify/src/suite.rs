//! What there is to check: ours, or somebody's own.

use std::sync::OnceLock;

use closesocket::protocol::invariant::Invariant;
use closesocket_models::prove::{FAMILIES, Family};
use closesocket_models::{DEFECTS, DefectSpec, OwnInvariant, SCENARIOS, Scenario, View};

use crate::sources::SOURCES;

/// What is checked: scenarios, defects, and invariants beside those that every
/// scenario is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The scenarios. Their names differ.
    pub scenarios: &'static [Scenario],
    /// The defects, each in one of these scenarios: deviations that the model knows, or
    /// one's own ([`Defect::Own`](closesocket_models::Defect::Own)). Their names differ.
    pub defects: &'static [DefectSpec],
    /// Invariants of one's own, judged in every scenario too. Each has to be broken
    /// by a defect, as everywhere: a check that cannot fail proves nothing.
    pub invariants: &'static [OwnInvariant],
    /// The families of worlds of any size in which the invariants of the table are
    /// proved, and some of which every defect has to refute; with none, nothing is
    /// proved for any number.
    pub families: &'static [Family],
    /// The sources that define these, by their path in the repository: reports
    /// point there. Of what is in none of them they say no line.
    pub sources: &'static [(&'static str, &'static str)],
}

static CHECKED: OnceLock<Suite> = OnceLock::new();

/// What this process checks.
pub(crate) fn suite() -> &'static Suite {
    CHECKED.get_or_init(|| Suite::OURS)
}

impl Suite {
    /// What this project checks of itself.
    pub const OURS: Self = Self {
        scenarios: SCENARIOS,
        defects: DEFECTS,
        invariants: &[],
        families: FAMILIES,
        sources: SOURCES,
    };

    /// Makes it what this process checks; the first one stays.
    pub(crate) fn install(self) {
        CHECKED.get_or_init(|| self);
    }

    /// Whether it is this project's. A constant has no address of its own, so its
    /// content says so.
    pub(crate) fn is_ours(&self) -> bool {
        let names = |defects: &'static [DefectSpec]| defects.iter().map(|it| it.name);
        names(self.defects).eq(names(DEFECTS))
    }

    /// The scenario of this name.
    #[must_use]
    pub fn scenario(&self, name: &str) -> Option<&'static Scenario> {
        self.scenarios.iter().find(|it| it.name == name)
    }

    /// The defect of this name.
    #[must_use]
    pub fn defect(&self, name: &str) -> Option<&'static DefectSpec> {
        self.defects.iter().find(|it| it.name == name)
    }

    /// The names of all that scenarios are judged by, the table first.
    pub(crate) fn judged(&self) -> Vec<&'static str> {
        let table = Invariant::<View<'static>>::TABLE.into_iter();
        let own = self.invariants.iter().map(|it| it.id);
        table.map(|it| it.id).chain(own).collect()
    }

    /// The names of those that a defect has to break: one's own, and those of the
    /// table in the catalogue that is about them.
    pub(crate) fn must_be_broken(&self) -> Vec<&'static str> {
        let all = self.judged();
        let from = if self.is_ours() {
            0
        } else {
            all.len() - self.invariants.len()
        };
        all[from..].to_vec()
    }
}
