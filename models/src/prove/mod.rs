//! Proof for any number of threads, calls, operations, duplicates and reuses: the
//! fixpoint of views.
//!
//! A bounded scenario is explored completely and says nothing of a larger world. Here
//! a world of any size is seen from the standpoint of one actor at one descriptor
//! slot: the slot with its socket, the actor exactly, and of the rest of the world
//! for each kind of other only whether there is any ([`Ghosts`]). There are finitely
//! many such views. The fixpoint begins with a slot that was never used, and goes on
//! until nothing is new:
//!
//! - `world` takes a view back to states of the model, its representatives;
//! - on these run the steps of the model, and with them the shipped functions: there
//!   is no second transition relation (`step.rs`);
//! - `abstraction.rs` takes the states after them to views again, and what a step
//!   does to others is carried to every view that agrees with it (`fixpoint`);
//! - every step is judged by the shipped invariants, every view by *nothing leaks*
//!   (`leak.rs`).
//!
//! The method is view abstraction (Abdulla, Haziza, Holik 2013) with thread-modular
//! interference (Flanagan, Qadeer 2003).
//!
//! Checks of the check: every state of concrete worlds has its views in the fixpoint
//! (`containment.rs`), every defect that can be expressed is refuted
//! (`sensitivity.rs`), and without any one ghost the proof fails ([`needed`]).

mod abstraction;
mod call;
mod containment;
mod family;
mod fixpoint;
mod ghost;
mod key;
mod leak;
mod path;
mod random;
mod sensitivity;
mod step;
mod view;
mod world;

use std::time::Instant;

use containment::Containment;
use fixpoint::Fixpoint;

use crate::SCENARIOS;
use crate::defect::Defect;
use crate::model::CloseModel;

pub use family::{FAMILIES, Family, OUTSIDE};
pub use ghost::Ghosts;
pub use path::Refutation;
pub use sensitivity::{NOT_EXPRESSED, Refuted, not_expressed, refute};

/// What became of the proof of a family.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The family.
    pub family: &'static Family,
    /// Views of the fixpoint.
    pub views: usize,
    /// Keys: slots with their sockets.
    pub keys: usize,
    /// Actors.
    pub actors: usize,
    /// Steps that were taken on representatives.
    pub transitions: u64,
    /// What is wrong; with it the fixpoint was not completed.
    pub refutation: Option<Refutation>,
    /// What concrete worlds have shown of it, if that was asked for.
    pub contained: Option<Contained>,
    /// How long it took.
    pub seconds: f64,
}

/// What concrete worlds have shown of a fixpoint.
#[derive(Clone, Debug, Default)]
pub struct Contained {
    /// The scenarios of the catalogue that are of the family, explored completely.
    pub scenarios: Vec<&'static str>,
    /// Random worlds, through which walks were made.
    pub random_worlds: usize,
    /// States that were looked at.
    pub states: u64,
    /// Views that they have, each as often as it was met.
    pub views: u64,
    /// Views of the fixpoint that were met.
    pub covered: usize,
    /// A world with a view that is not in the fixpoint.
    pub outside: Option<String>,
}

/// Which concrete worlds are looked for in a fixpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worlds {
    /// The scenarios of the catalogue.
    pub scenarios: bool,
    /// Random worlds.
    pub random: usize,
    /// Walks through each of these.
    pub walks: usize,
}

impl Worlds {
    /// None.
    pub const NONE: Self = Self {
        scenarios: false,
        random: 0,
        walks: 0,
    };
    /// Those of the gate, for each family.
    pub const OF_THE_GATE: Self = Self {
        scenarios: true,
        random: 2_000,
        walks: 5,
    };
}

/// Proves a family, or refutes it with a defect, and looks for concrete worlds in
/// what was proved.
#[must_use]
pub fn prove(family: &'static Family, defect: Option<Defect>, worlds: Worlds) -> Proof {
    let begin = Instant::now();
    let fixpoint = Fixpoint::of(family, defect, Ghosts::NONE);
    let refutation = refutation(family, &fixpoint);
    let asked = worlds != Worlds::NONE && refutation.is_none();
    Proof {
        family,
        views: fixpoint.views.len(),
        keys: fixpoint.keys(),
        actors: fixpoint.actors(),
        transitions: fixpoint.transitions,
        contained: asked.then(|| contained(family, &fixpoint, worlds)),
        refutation,
        seconds: begin.elapsed().as_secs_f64(),
    }
}

/// How the proof of a family fails when one ghost is left out: when nobody knows
/// whether there is any of that kind. `None` if it does not.
#[must_use]
pub fn needed(family: &'static Family, ghost: Ghosts) -> Option<Refutation> {
    refutation(family, &Fixpoint::of(family, None, ghost))
}

fn refutation(family: &Family, fixpoint: &Fixpoint<'_>) -> Option<Refutation> {
    let wrong = fixpoint.wrong.as_ref();
    wrong.map(|it| Refutation::of(fixpoint, it, family.name.to_owned()))
}

fn contained(family: &'static Family, fixpoint: &Fixpoint<'_>, worlds: Worlds) -> Contained {
    let mut found = Containment::new(fixpoint);
    let mut scenarios = Vec::new();
    let mine = SCENARIOS.iter().filter(|it| family.refuses(it).is_none());
    for scenario in mine.filter(|_| worlds.scenarios) {
        let Ok(model) = CloseModel::new(scenario, None) else {
            continue;
        };
        scenarios.push(scenario.name);
        if !found.of_scenario(fixpoint, &model) {
            break;
        }
    }
    if found.outside.is_none() {
        found.of_random_worlds(fixpoint, family, (worlds.random, worlds.walks));
    }
    let describe = |(world, view)| format!("{world}: {view:?}");
    Contained {
        random_worlds: found.worlds - scenarios.len(),
        scenarios,
        states: found.states,
        views: found.views,
        covered: found.covered(),
        outside: found.outside.map(describe),
    }
}

impl Family {
    /// The calls that its threads make, in words.
    pub fn calls(&self) -> impl Iterator<Item = &'static str> {
        self.calls.iter().map(|it| it.name())
    }
}
