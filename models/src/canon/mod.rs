//! Canonical states: one for all those that differ in nothing that matters.
//!
//! Two states are as good as one if every run from the one is a run from the other,
//! told of other threads or with other values of what nobody reads again:
//!
//! - [`dead`]: what nobody will read again has a fixed value;
//! - [`symmetry`]: threads with the same calls to come, and what they alone name, are
//!   in a fixed order.
//!
//! [`Canon::form`] is applied to each state that a step leads to, after the step was
//! judged, so that every search explores the canonical states alone
//! ([`CloseModel::reduced`](crate::CloseModel::reduced)). That it loses nothing is not
//! taken for granted: `models/tests/canon.rs` compares it with the full search.

mod dead;
mod pinned;
mod symmetry;

use crate::scenario::Scenario;
use crate::state::State;
use symmetry::Renaming;

/// How far states are made canonical: each with what is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reduction {
    /// What nobody will read again has a fixed value.
    Dead,
    /// Threads with the same calls to come are in order.
    Threads,
    /// What a renaming of the scenario leaves as it is, is in order.
    Names,
}

/// How the states of one scenario are made canonical.
#[derive(Debug)]
pub(crate) struct Canon {
    scenario: &'static Scenario,
    scripts: dead::Scripts,
    ends: Option<symmetry::Ends>,
    renamings: Vec<Renaming>,
}

impl Canon {
    /// What there is to reduce in a scenario.
    pub(crate) fn of(scenario: &'static Scenario, up_to: Reduction) -> Self {
        let threads = up_to >= Reduction::Threads;
        let names = up_to >= Reduction::Names;
        let renamings = names.then(|| symmetry::renamings(scenario));
        Self {
            scenario,
            scripts: dead::Scripts::of(scenario),
            ends: threads.then(|| symmetry::Ends::of(scenario)),
            renamings: renamings.unwrap_or_default(),
        }
    }

    /// How many canonical states the scenario is pinned to, if it is in the catalogue.
    pub(crate) fn pinned_states(&self) -> Option<usize> {
        let row = pinned::STATES.iter().find(|it| it.0 == self.scenario.name);
        row.map(|it| it.1)
    }

    /// The canonical state of all those that are as good as this one.
    pub(crate) fn form(&self, state: &State) -> State {
        let mut least = self.sorted(state);
        for renaming in &self.renamings {
            let other = self.sorted(&renaming.apply(self.scenario, state));
            if other.0 < least.0 {
                least = other;
            }
        }
        least
    }

    /// The state without what is dead, its interchangeable threads in order.
    fn sorted(&self, state: &State) -> State {
        let mut state = *state;
        self.scripts.clear(self.scenario, &mut state);
        if let Some(ends) = &self.ends {
            ends.sort(&mut state);
        }
        state
    }
}
