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
//! The larger scenarios: `FORCED_STATES=200000 cargo test -p closesocket-tests --test
//! forced -- --nocapture`.

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

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use closesocket_models::{
    CloseModel, DEFECTS, Defect, DefectSpec, SCENARIOS, Scenario, Transition, search,
};

use cast::Cast;
use course::Course;
use figures::{FIGURES, Figures, GO_ALONG, NOT_FORCED};
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

/// Has each conductor take paths of these plans until none is left.
fn force(plans: &[Plan]) -> Result<(), String> {
    let mut chunks = Vec::new();
    for plan in plans {
        chunks.extend(plan.paths.chunks(CHUNK).map(|it| (plan, it)));
    }
    let (chunks, failed) = (Mutex::new(chunks), Mutex::new(None));
    let conduct = || {
        let looks = SharedLooks::default();
        primitives::look_at(&looks);
        let (mut cast, mut stuck) = (Cast::new(&looks), 0);
        loop {
            let next = locked(&chunks).pop();
            let Some((plan, paths)) = next.filter(|_| locked(&failed).is_none()) else {
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

/// The scenarios of so many states at most that can be forced, and what was forced.
fn force_up_to(states: usize) -> BTreeMap<&'static str, Figures> {
    let can_be = |it: &&&'static Scenario| NOT_FORCED.iter().all(|not| not.0 != it.name);
    let wanted = SCENARIOS.iter().filter(|it| it.states <= states);
    let only = std::env::var("FORCED_SCENARIO").ok();
    let wanted = wanted.collect::<Vec<_>>();
    let wanted = wanted.iter().filter(can_be);
    let wanted = wanted.filter(|it| only.as_ref().is_none_or(|only| it.name == only));
    let plans: Vec<Plan> = wanted.map(|it| Plan::of(it, None)).collect();
    if let Err(text) = force(&plans) {
        panic!("{text}");
    }
    println!(
        "{:38} {:>7} {:>8} {:>12} {:>8}",
        "scenario", "paths", "steps", "transitions", "of"
    );
    let mut all = Figures::default();
    let mut found = BTreeMap::new();
    for plan in &plans {
        let (name, it) = (plan.model.scenario().name, plan.figures());
        println!("{name:38} {it}");
        for (reason, times) in &plan.graph.refused {
            println!("    {times} refused, with what follows: {reason}");
        }
        all = all.and(it);
        found.insert(name, it);
    }
    println!("{:38} {all}", format!("{} scenarios", plans.len()));
    found
}

#[test]
fn the_engine_takes_every_transition_of_the_small_scenarios() {
    let states = std::env::var("FORCED_STATES").ok();
    let states = states.and_then(|it| it.parse().ok());
    let found = force_up_to(states.unwrap_or(20_000));
    if states.is_none() {
        assert_eq!(found, BTreeMap::from(FIGURES));
    }
}

/// That the comparison can fail: a model with a defect leads where the engine is not.
#[test]
fn the_engine_parts_from_a_model_with_a_defect() {
    let forced = |it: &&DefectSpec| FIGURES.iter().any(|figures| figures.0 == it.scenario);
    let mut goes_along = Vec::new();
    for spec in DEFECTS.iter().filter(forced) {
        let scenario = Scenario::named(spec.scenario).unwrap();
        let plan = Plan::of(scenario, Some(spec.defect));
        let parts = force(&[plan]).err();
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
    for (name, reason) in NOT_FORCED {
        let scenario = Scenario::named(name).unwrap();
        assert!(scenario.states > 20_000 || !reason.is_empty(), "{name}");
        assert!(FIGURES.iter().all(|it| it.0 != name), "{name} is both");
    }
    let small = SCENARIOS.iter().filter(|it| it.states <= 20_000).count();
    let named = |name: &str| Scenario::named(name).unwrap().states <= 20_000;
    let not_forced = NOT_FORCED.iter().filter(|it| named(it.0)).count();
    assert_eq!(FIGURES.len() + not_forced, small);
}
