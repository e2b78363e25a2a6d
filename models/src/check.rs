//! Checking a scenario: what `cargo verify check` shows.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use closesocket::protocol::invariant::{COUNT, Invariant};
use closesocket_frontier::{Ending, Failure, Limits, Options, Progress, explore_anywhere};
use stateright::{Checker as _, Model as _};

use crate::model::CloseModel;
use crate::search::{Counterexample, way};
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
    /// Steps to the state that is furthest from the start; by stateright, of the
    /// longest path that it followed.
    pub depth: usize,
    /// Everything was explored.
    pub complete: bool,
    /// How long it took.
    pub seconds: f64,
    /// Every invariant's name and verdict, in the order of the table.
    pub verdicts: Vec<(&'static str, Verdict)>,
    /// Why the search came to nothing, if it did; then it is not complete.
    pub failure: Option<Arc<Failure>>,
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

/// Which of the two explores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checker {
    /// The frontier search, nearest first.
    Frontier,
    /// stateright's own, depth first, by one thread. What it finds violated the
    /// frontier search shows the shortest way to.
    Stateright,
}

/// Checks a model, with or without a defect, by one worker.
#[must_use]
pub fn check(model: &CloseModel) -> Outcome {
    check_within(model, Limits::NONE)
}

/// Checks as [`check`] does, as far as the limits allow: [`Outcome::complete`] says
/// whether they did.
#[must_use]
pub fn check_within(model: &CloseModel, limits: Limits) -> Outcome {
    let options = Options {
        limits,
        ..Options::default()
    };
    check_by(model, Checker::Frontier, &options, &|_| {})
}

/// Checks a model with these options, and tells now and then how far it is.
///
/// A search without a defect keeps no ways. If it finds a violation, a second one
/// that keeps them has the shortest counterexamples. [`Options::name`] and
/// [`Options::paths`] are set here.
#[must_use]
pub fn check_by(
    model: &CloseModel,
    checker: Checker,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Outcome {
    let begin = Instant::now();
    let without_ways = match (model.defect, checker) {
        (Some(_), _) => None,
        (None, Checker::Frontier) => Some(explore(model, options, false, watch)),
        (None, Checker::Stateright) => explore_by_stateright(*model, watch),
    };
    let mut outcome = without_ways
        .filter(|it| it.violated().is_empty())
        .unwrap_or_else(|| explore(model, options, true, watch));
    outcome.seconds = begin.elapsed().as_secs_f64();
    outcome
}

/// The frontier's verdict.
fn explore(
    model: &CloseModel,
    options: &Options,
    paths: bool,
    watch: &dyn Fn(&Progress),
) -> Outcome {
    let defect = model.defect.map(|it| format!(" with {it:?}"));
    let reduced = if model.canon.is_some() {
        ", reduced"
    } else {
        ""
    };
    // Its states are no states of the other width.
    let wide = if cfg!(feature = "wide") { ", wide" } else { "" };
    let options = Options {
        paths,
        name: format!(
            "{}{wide}{reduced}{}",
            model.scenario.name,
            defect.unwrap_or_default()
        ),
        ..options.clone()
    };
    let mut outcome = Outcome {
        scenario: model.scenario.name,
        unique_states: 0,
        transitions: 0,
        depth: 0,
        complete: false,
        seconds: 0.0,
        verdicts: verdicts([const { None }; COUNT]),
        failure: None,
    };
    match explore_anywhere(&Arc::new(*model), &options, watch) {
        Ok(report) => {
            let mut ways = [const { None }; COUNT];
            for found in report.found {
                ways[found.number] = Some(way(found.path));
            }
            outcome.unique_states = report.unique_states;
            outcome.transitions = report.transitions;
            outcome.depth = report.depth;
            outcome.complete = report.ending == Ending::Complete;
            outcome.verdicts = verdicts(ways);
            outcome.failure = (report.ending == Ending::Memory)
                .then(|| Arc::new(Failure::OutOfMemory(options.limits.memory)));
        }
        Err(failure) => outcome.failure = Some(Arc::new(failure)),
    }
    outcome
}

/// The longest time from one look at a search to the next.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// stateright's verdict, if it is that everything holds.
fn explore_by_stateright(model: CloseModel, watch: &dyn Fn(&Progress)) -> Option<Outcome> {
    let mut checker = model.checker().spawn_dfs();
    let workers = checker.handles();
    let mut pause = Duration::from_millis(1);
    while !workers.iter().all(JoinHandle::is_finished) {
        watch(&Progress {
            states: checker.unique_state_count(),
            ..Progress::default()
        });
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    // Joined before anything is read: a worker that panicked is noticed here.
    for worker in workers {
        worker
            .join()
            .unwrap_or_else(|panicked| resume_unwind(panicked));
    }
    if !checker.discoveries().is_empty() {
        return None;
    }
    Some(Outcome {
        scenario: model.scenario.name,
        unique_states: checker.unique_state_count(),
        transitions: checker.state_count() - model.init_states().len(),
        depth: checker.max_depth() - 1,
        complete: checker.is_done(),
        seconds: 0.0,
        verdicts: verdicts([const { None }; COUNT]),
        failure: None,
    })
}

fn verdicts(found: [Option<Counterexample>; COUNT]) -> Vec<(&'static str, Verdict)> {
    let table = Invariant::<View<'static>>::TABLE;
    let ids = table.iter().map(|it| it.id);
    ids.zip(found)
        .map(|(id, found)| (id, found.map_or(Verdict::Holds, Verdict::Violated)))
        .collect()
}
