//! Checking a scenario: what `cargo verify check` shows.

use std::time::Instant;

use closesocket::protocol::invariant::{COUNT, Invariant};
use stateright::{Checker, Model};

use crate::defect::Defect;
use crate::model::CloseModel;
use crate::scenario::Scenario;
use crate::search::{Counterexample, Limits, search_within};
use crate::view::View;

/// Whether an invariant held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In every step of every run.
    Holds,
    /// Not in the last step of this one, which is as short as any.
    Violated(Counterexample),
}

/// What a check of one scenario found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scenario.
    pub scenario: &'static str,
    /// Unique states.
    pub unique_states: usize,
    /// Transitions, those into known states too.
    pub transitions: usize,
    /// The longest path that the search followed, in steps.
    pub depth: usize,
    /// Everything was explored.
    pub complete: bool,
    /// How long it took.
    pub seconds: f64,
    /// Every invariant's name and verdict, in the order of the table.
    pub verdicts: Vec<(&'static str, Verdict)>,
}

impl Outcome {
    /// The names of the violated invariants.
    #[must_use]
    pub fn violated(&self) -> Vec<&'static str> {
        let violated = self.verdicts.iter();
        violated
            .filter(|(_, verdict)| *verdict != Verdict::Holds)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Steps of the shortest counterexample, if there is one.
    #[must_use]
    pub fn shortest(&self) -> Option<usize> {
        let steps = self
            .verdicts
            .iter()
            .filter_map(|(_, verdict)| match verdict {
                Verdict::Holds => None,
                Verdict::Violated(path) => Some(path.actions.len()),
            });
        steps.min()
    }
}

/// Checks a scenario, with or without a defect.
///
/// Without a defect stateright's checker explores it, depth first. If that
/// finds a violation, or if there is a defect, our own search does, which goes
/// on after violations and has the shortest counterexamples.
#[must_use]
pub fn check(scenario: &'static Scenario, defect: Option<Defect>) -> Outcome {
    let begin = Instant::now();
    let model = CloseModel::new(scenario, defect);
    let explored = defect.is_none().then(|| explore(model)).flatten();
    let mut outcome = explored.unwrap_or_else(|| look_for_violations(&model, Limits::NONE));
    outcome.seconds = begin.elapsed().as_secs_f64();
    outcome
}

/// Checks a scenario without a defect, by our own search, as far as the limits
/// allow: [`Outcome::complete`] says whether they did.
#[must_use]
pub fn check_within(scenario: &'static Scenario, limits: Limits) -> Outcome {
    let begin = Instant::now();
    let mut outcome = look_for_violations(&CloseModel::new(scenario, None), limits);
    outcome.seconds = begin.elapsed().as_secs_f64();
    outcome
}

/// stateright's verdict, if it is that everything holds.
fn explore(model: CloseModel) -> Option<Outcome> {
    // Joined before anything is read: a worker that panicked is noticed here.
    let checker = model.checker().spawn_dfs().join();
    let holds = checker.discoveries().is_empty();
    holds.then(|| Outcome {
        scenario: model.scenario.name,
        unique_states: checker.unique_state_count(),
        transitions: checker.state_count() - model.init_states().len(),
        depth: checker.max_depth() - 1,
        complete: checker.is_done(),
        seconds: 0.0,
        verdicts: verdicts([const { None }; COUNT]),
    })
}

fn look_for_violations(model: &CloseModel, limits: Limits) -> Outcome {
    let found = search_within(model, limits);
    Outcome {
        scenario: model.scenario.name,
        unique_states: found.unique_states,
        transitions: found.transitions,
        depth: found.depth,
        complete: found.complete,
        seconds: 0.0,
        verdicts: verdicts(found.counterexamples),
    }
}

fn verdicts(found: [Option<Counterexample>; COUNT]) -> Vec<(&'static str, Verdict)> {
    let table = Invariant::<View<'static>>::TABLE;
    let ids = table.iter().map(|it| it.id);
    ids.zip(found)
        .map(|(id, found)| (id, found.map_or(Verdict::Holds, Verdict::Violated)))
        .collect()
}
