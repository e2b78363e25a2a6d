//! The engine forced along every transition of the model.
//!
//! The replay of recordings shows that what the engine did is allowed. Here is the other
//! direction: what the model says can happen, the engine does, step by step and in the
//! same way. For each scenario paths through the model's states are computed that take
//! every transition (`graph.rs`). The engine, under primitives that ask before each
//! instruction and each section (`primitives.rs`), goes along each of them: its threads
//! run one at a time from gate to gate (`seat.rs`), the step of the model names who and
//! what (`course.rs`), and after each the engine must be where the model is, by a written
//! mapping (`mapping.rs`).
//!
//! The larger scenarios: `cargo test -p closesocket-tests --test forced -- --ignored
//! --nocapture`. `FORCED_SCENARIO` names one alone.

#![allow(clippy::unwrap_used, clippy::panic)]

mod calls;
mod cast;
mod compare;
mod course;
mod draw;
mod figures;
mod gates;
mod graph;
mod mapping;
mod primitives;
mod rules;
mod scripted;
mod seat;
mod surroundings;
mod told;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use closesocket_models::{
    CloseModel, DEFECTS, Defect, DefectSpec, SCENARIOS, Scenario, Transition, search,
};

use cast::Cast;
use course::Course;
use figures::{FIGURES, Figures, GO_ALONG, LARGER, NOT_FORCED};
use graph::Graph;
use scripted::{SharedLooks, locked};
use world::World;

/// A scenario with its paths.
struct Plan {
    model: CloseModel,
    graph: Graph,
    paths: Vec<Vec<u32>>,
}

impl Plan {
    fn of(scenario: &'static Scenario, defect: Option<Defect>) -> Self {
        let model = CloseModel::new(scenario, defect).unwrap();
        let graph = Graph::of(&model);
        let paths = graph.paths();
        Self {
            model,
            graph,
            paths,
        }
    }

    fn figures(&self) -> Figures {
        let of = match self.graph.refused.is_empty() {
            true => self.graph.transitions,
            false => search(&self.model).transitions,
        };
        Figures {
            paths: self.paths.len(),
            steps: self.paths.iter().map(Vec::len).sum(),
            transitions: self.graph.transitions,
            of,
        }
    }

    /// Drives the engine along a path; if it parts from the model, says where. False if
    /// the model, with a defect, goes no further, and the threads stay where they are.
    fn drive(&self, path: &[u32], cast: &Cast, looks: &SharedLooks) -> Result<bool, String> {
        let world = World::new(self.model.scenario(), looks);
        let edges = || {
            let edges = path.iter().map(|it| &self.graph.edges[*it as usize]);
            edges.map(|it| (it, self.graph.state(it.from)))
        };
        let mut course = Course::new(world, cast, edges());
        let mut taken = Vec::new();
        for (edge, before) in edges() {
            let after = self.graph.state(edge.to);
            taken.push(Transition {
                action: edge.action,
                next: *after,
            });
            let step = catch_unwind(AssertUnwindSafe(|| course.step(edge, before, after)));
            let step = step.unwrap_or_else(|_| Err("the conductor has panicked".to_owned()));
            if let Err(parts) = step {
                let at = course.places_after(before);
                course.places.resize(taken.len(), at);
                let drawn = draw::both(&self.model, &taken, &course.places);
                // Who was at a gate stays there: nothing of this world ends.
                std::mem::forget(course);
                return Err(format!("{drawn}\n{}: {parts}", edge.action));
            }
        }
        if taken
            .last()
            .is_some_and(|it| !it.next.violated().is_empty())
        {
            std::mem::forget(course);
            return Ok(false);
        }
        course.end().map(|()| true)
    }
}

/// Paths of a plan, as many as a conductor takes at once.
const CHUNK: usize = 64;

/// So often a conductor replaces threads that are left behind, and then gives up.
const STUCK: usize = 4;

/// Has each conductor take paths of a plan until none is left.
fn force(plan: &Plan) -> Result<(), String> {
    let chunks = Mutex::new(plan.paths.chunks(CHUNK).collect::<Vec<_>>());
    let failed = Mutex::new(None);
    let conduct = || {
        let looks = SharedLooks::default();
        primitives::look_at(&looks);
        let (mut cast, mut stuck) = (Cast::new(&looks), 0);
        loop {
            let next = locked(&chunks).pop();
            let Some(paths) = next.filter(|_| locked(&failed).is_none()) else {
                break;
            };
            for path in paths {
                match plan.drive(path, &cast, &looks) {
                    Ok(true) => {}
                    Ok(false) => {
                        stuck += 1;
                        cast = Cast::new(&looks);
                    }
                    Err(text) => {
                        locked(&failed).get_or_insert(text);
                    }
                }
                if stuck == STUCK || locked(&failed).is_some() {
                    return;
                }
            }
        }
    };
    let conductors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..conductors {
            scope.spawn(conduct);
        }
    });
    failed.into_inner().unwrap().map_or(Ok(()), Err)
}

/// Forces these scenarios, and says how much that was: as much as they are pinned to.
fn force_pinned(pinned: &[(&'static str, Figures)]) {
    let only = std::env::var("FORCED_SCENARIO").ok();
    let chosen = |it: &&(&str, Figures)| only.as_ref().is_none_or(|only| it.0 == only);
    println!(
        "{:38} {:>7} {:>8} {:>12} {:>8}",
        "scenario", "paths", "steps", "transitions", "of"
    );
    let mut all = Figures::default();
    let mut found = Vec::new();
    for (name, _) in pinned.iter().filter(chosen) {
        let plan = Plan::of(Scenario::named(name).unwrap(), None);
        if let Err(text) = force(&plan) {
            panic!("{text}");
        }
        let it = plan.figures();
        println!("{name:38} {it}");
        for (reason, times) in &plan.graph.refused {
            println!("    {times} refused, with what follows: {reason}");
        }
        all = all.and(it);
        found.push((*name, it));
    }
    println!("{:38} {all}", format!("{} scenarios", found.len()));
    assert_eq!(
        found,
        pinned.iter().filter(chosen).copied().collect::<Vec<_>>()
    );
}

#[test]
fn the_engine_takes_every_transition_of_the_small_scenarios() {
    assert!(FIGURES.iter().all(|(_, it)| it.transitions == it.of));
    force_pinned(&FIGURES);
}

#[test]
#[ignore = "minutes: the larger scenarios"]
fn the_engine_takes_the_transitions_of_larger_scenarios() {
    force_pinned(&LARGER);
}

/// That the comparison can fail: a model with a defect leads where the engine is not.
#[test]
fn the_engine_parts_from_a_model_with_a_defect() {
    let forced = |it: &&DefectSpec| FIGURES.iter().any(|figures| figures.0 == it.scenario);
    let mut goes_along = Vec::new();
    for spec in DEFECTS.iter().filter(forced) {
        let scenario = Scenario::named(spec.scenario).unwrap();
        let plan = Plan::of(scenario, Some(spec.defect));
        let parts = force(&plan).err();
        let last = parts.as_ref().and_then(|it| it.lines().last());
        println!(
            "{:32} {}",
            spec.name,
            last.unwrap_or("the engine goes along")
        );
        if parts.is_none() {
            goes_along.push(spec.name);
        }
    }
    assert_eq!(goes_along, GO_ALONG);
}

#[test]
fn every_scenario_is_forced_or_has_a_reason() {
    let small = FIGURES.iter().map(|it| it.0);
    let larger = LARGER.iter().map(|it| it.0);
    let not = NOT_FORCED.iter().map(|it| it.0);
    let mut named: Vec<&str> = small.clone().chain(larger).chain(not).collect();
    let mut all: Vec<&str> = SCENARIOS.iter().map(|it| it.name).collect();
    named.sort_unstable();
    all.sort_unstable();
    assert_eq!(named, all);
    let is_small = |name: &str| Scenario::named(name).unwrap().states <= 20_000;
    assert!(small.clone().all(is_small));
    let left = named.into_iter().filter(|it| is_small(it));
    let left: Vec<&str> = left
        .filter(|it| small.clone().all(|one| one != *it))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
