//! Checking a scenario: what `cargo verify check` shows.

use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use closesocket::protocol::invariant::{COUNT, Invariant};
use stateright::{Checker, Model};

use crate::model::CloseModel;
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
        self.shortest_path().map(|path| path.actions.len())
    }

    /// The shortest counterexample, if there is one; of several the one of the
    /// first invariant of the table.
    #[must_use]
    pub fn shortest_path(&self) -> Option<&Counterexample> {
        let paths = self
            .verdicts
            .iter()
            .filter_map(|(_, verdict)| match verdict {
                Verdict::Holds => None,
                Verdict::Violated(path) => Some(path),
            });
        paths.min_by_key(|path| path.actions.len())
    }
}

/// Checks a model, with or without a defect.
///
/// Without a defect stateright's checker explores it, depth first. If that
/// finds a violation, or if there is a defect, our own search does, which goes
/// on after violations and has the shortest counterexamples.
#[must_use]
pub fn check(model: &CloseModel) -> Outcome {
    check_watched(model, &|_| {})
}

/// Checks as [`check`] does, and tells now and then how many unique states
/// stateright's checker has found.
#[must_use]
pub fn check_watched(model: &CloseModel, watch: &dyn Fn(usize)) -> Outcome {
    let begin = Instant::now();
    let healthy = model.defect.is_none();
    let explored = healthy.then(|| explore(*model, watch)).flatten();
    let mut outcome = explored.unwrap_or_else(|| look_for_violations(model, Limits::NONE));
    outcome.seconds = begin.elapsed().as_secs_f64();
    outcome
}

/// Checks a scenario by our own search, as far as the limits allow:
/// [`Outcome::complete`] says whether they did.
#[must_use]
pub fn check_within(model: &CloseModel, limits: Limits) -> Outcome {
    let begin = Instant::now();
    let mut outcome = look_for_violations(model, limits);
    outcome.seconds = begin.elapsed().as_secs_f64();
    outcome
}

/// The longest time from one look at a search to the next.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// stateright's verdict, if it is that everything holds.
fn explore(model: CloseModel, watch: &dyn Fn(usize)) -> Option<Outcome> {
    let mut checker = model.checker().spawn_dfs();
    let workers = checker.handles();
    let mut pause = Duration::from_millis(1);
    while !workers.iter().all(JoinHandle::is_finished) {
        watch(checker.unique_state_count());
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    // Joined before anything is read: a worker that panicked is noticed here.
    for worker in workers {
        worker
            .join()
            .unwrap_or_else(|panicked| resume_unwind(panicked));
    }
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
