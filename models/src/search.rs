//! Searches of the model by the frontier: the whole, an invariant of one's own, any
//! state of a kind. They go on after violations, and what they find is on a
//! shortest way.

use std::cell::{Cell, RefCell};

use closesocket::protocol::invariant::{COUNT, Event, Step};
use closesocket_frontier::{Limits, Options, Path, explore_alone};

use crate::action::Action;
use crate::model::{CloseModel, Transition};
use crate::probe::PROBES;
use crate::space::{FIRST_PROBE, Holding, Probing, Showing};
use crate::state::State;
use crate::view::View;

/// The shortest way to break an invariant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counterexample {
    /// The actions from the start.
    pub actions: Vec<Action>,
    /// The states after each of them.
    pub states: Vec<State>,
}

impl Counterexample {
    pub(crate) fn of(path: Path<State, Action>) -> Self {
        let (actions, states) = path.steps.into_iter().unzip();
        Self { actions, states }
    }

    /// The steps as numbered sentences, one a line.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let numbered = self.actions.iter().enumerate();
        numbered
            .map(|(index, action)| format!("{:>3}. {action}", index + 1))
            .collect()
    }

    /// The steps as transitions of the model.
    #[must_use]
    pub fn transitions(&self) -> Vec<Transition> {
        let steps = self.actions.iter().zip(&self.states);
        steps
            .map(|(&action, &next)| Transition { action, next })
            .collect()
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// Everything was explored: no limit was reached.
    pub complete: bool,
    /// Unique states.
    pub unique_states: usize,
    /// Transitions, those into known states too.
    pub transitions: usize,
    /// Steps to the state that is furthest from the start.
    pub depth: usize,
    /// The shortest counterexample of each violated invariant, in the order of
    /// the table.
    pub counterexamples: [Option<Counterexample>; COUNT],
    /// Which probes were reached, in the order of [`PROBES`].
    pub reached: Vec<bool>,
}

/// Explores everything, by one worker, and looks at every probe.
#[must_use]
pub fn search(model: &CloseModel) -> Search {
    search_within(model, Limits::NONE)
}

/// Explores everything, or as much as the limits allow.
#[must_use]
pub fn search_within(model: &CloseModel, limits: Limits) -> Search {
    let options = Options {
        limits,
        ..Options::default()
    };
    let report = explore_alone(&Probing(model), &options, &|_| {});
    let mut search = Search {
        complete: report.is_complete(),
        unique_states: report.unique_states,
        transitions: report.transitions,
        depth: report.depth,
        counterexamples: [const { None }; COUNT],
        reached: vec![false; PROBES.len()],
    };
    for found in report.found {
        match found.number.checked_sub(FIRST_PROBE) {
            Some(probe) => search.reached[probe] = true,
            None => search.counterexamples[found.number] = Some(way_of_events(found.path)),
        }
    }
    search
}

/// A way that could not be walked again is an empty one: what it leads to stands.
pub(crate) fn way(path: Option<Path<State, Action>>) -> Counterexample {
    path.map(Counterexample::of).unwrap_or_default()
}

/// The same, of a search that was told of events too.
fn way_of_events(path: Option<Path<State, (Event, Action)>>) -> Counterexample {
    way(path.map(|it| it.map(|(_, action)| action)))
}

/// Looks for the shortest way to break an invariant of your own: a predicate
/// over one step, as those of the table are. `None` if it holds in every step
/// of every run.
#[must_use]
pub fn search_violation(
    model: &CloseModel,
    holds: impl Fn(&Step<'_, View<'_>>) -> bool,
) -> Option<Counterexample> {
    let options = Options {
        first_only: true,
        ..Options::default()
    };
    let report = explore_alone(&Holding { model, holds }, &options, &|_| {});
    let first = report.found.into_iter().next()?;
    Some(way_of_events(first.path))
}

/// Hands every reachable state to `passes`, until one is not let pass: that one.
pub(crate) fn first_state(model: &CloseModel, passes: impl FnMut(&State) -> bool) -> Option<State> {
    let showing = Showing {
        model,
        passes: RefCell::new(passes),
        refused: Cell::new(None),
    };
    let options = Options {
        paths: false,
        first_only: true,
        ..Options::default()
    };
    explore_alone(&showing, &options, &|_| {});
    showing.refused.get()
}
