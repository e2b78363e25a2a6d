//! Measures what the model costs the search: states per CPU-second of the
//! scenarios, explored depth first on one thread, and of trivial models with
//! states of the same size, as many of them, as many transitions and the same
//! depth, in one run and in turns.
//!
//! `cargo run --release -p closesocket-models --example throughput [SCENARIO]`

use std::time::Instant;

use closesocket_models::{CloseModel, SCENARIOS, Scenario, trivial::TrivialModel};
use stateright::{Checker, Model};

/// How often a scenario and its trivial model take turns.
const ROUNDS: usize = 3;
/// CPU time of one turn at least, in seconds: the clock ticks a hundred times a
/// second, so small state spaces are explored again and again.
const TURN_SECONDS: f64 = 0.25;

fn main() {
    let mut args = std::env::args().skip(1);
    let (name, more) = (args.next(), args.next());
    let scenarios: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|it| name.as_deref().is_none_or(|name| it.name == name))
        .collect();
    if scenarios.is_empty() || more.is_some() {
        eprintln!("give the name of one scenario, or nothing for all of them");
        std::process::exit(2);
    }
    println!(
        "{:<34}{:>9}{:>25}{:>25}",
        "", "states", "model", "trivial model"
    );
    let (mut all, mut all_trivial) = (Explored::default(), Explored::default());
    for scenario in scenarios {
        let (real, trivial) = compare(scenario);
        show(scenario.name, &real, &trivial);
        all.add(&real);
        all_trivial.add(&trivial);
    }
    if name.is_none() {
        show("all of them", &all, &all_trivial);
    }
}

/// One line: transitions for each state and states per CPU-second of both
/// models, and the ratio of the latter.
fn show(name: &str, real: &Explored, trivial: &Explored) {
    println!(
        "{name:<34}{:>9}{real}{trivial}  ratio {:.2}",
        real.states,
        real.per_second() / trivial.per_second()
    );
}

/// Explores a scenario and a trivial model like it in turns.
fn compare(scenario: &'static Scenario) -> (Explored, Explored) {
    let model = || {
        CloseModel::new(scenario, None).unwrap_or_else(|error| {
            eprintln!("{error}");
            std::process::exit(2)
        })
    };
    let trivial = alike(&explore(model()));
    let turns: Vec<_> = (0..ROUNDS)
        .map(|_| (turn(model), turn(|| trivial)))
        .collect();
    let (real, trivial): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
    (median(real), median(trivial))
}

/// The trivial model that has as many states and transitions as were explored.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
#[expect(clippy::cast_possible_truncation, reason = "scaled counts stay small")]
#[expect(clippy::cast_sign_loss, reason = "counts are positive")]
fn alike(real: &Explored) -> TrivialModel {
    let scaled = |by: u64, real: u64, mine: u64| {
        (by as f64 * real as f64 / mine.max(1) as f64)
            .round()
            .max(1.0) as u64
    };
    let mut trivial = TrivialModel {
        layers: real.depth - 1,
        width: real.states / real.depth,
        successors_of_thousand: scaled(1000, real.transitions, real.states),
    };
    // Its first layers are narrow, its last one leads nowhere, and some places
    // are never led to: tried until it fits.
    for _ in 0..5 {
        let mine = explore(trivial);
        trivial.width = scaled(trivial.width, real.states, mine.states);
        trivial.successors_of_thousand = scaled(
            trivial.successors_of_thousand,
            real.transitions * mine.states,
            mine.transitions * real.states,
        );
    }
    trivial
}

/// Explores a model until it has taken a turn's time; the seconds are those of
/// one exploration.
fn turn<M>(model: impl Fn() -> M) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let (mut times, mut seconds) = (0.0, 0.0);
    loop {
        let explored = explore(model());
        times += 1.0;
        seconds += explored.seconds;
        if seconds >= TURN_SECONDS {
            return Explored {
                seconds: seconds / times,
                ..explored
            };
        }
    }
}

/// The turn that was neither the fastest nor the slowest.
fn median(mut turns: Vec<Explored>) -> Explored {
    turns.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    turns.swap_remove(turns.len() / 2)
}

/// An exploration.
#[derive(Default)]
struct Explored {
    states: u64,
    transitions: u64,
    depth: u64,
    seconds: f64,
}

impl Explored {
    fn add(&mut self, other: &Self) {
        self.states += other.states;
        self.transitions += other.transitions;
        self.seconds += other.seconds;
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
    fn per_second(&self) -> f64 {
        self.states as f64 / self.seconds
    }
}

impl std::fmt::Display for Explored {
    #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let branching = self.transitions as f64 / self.states as f64;
        write!(f, "  x {branching:.2} {:>9.0} states/s", self.per_second())
    }
}

/// Explores a model depth first on one thread.
fn explore<M>(model: M) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let checker = model.checker().spawn_dfs().join();
    let cpu = cpu_seconds().zip(cpu).map(|(after, before)| after - before);
    Explored {
        states: checker.unique_state_count() as u64,
        transitions: checker.state_count() as u64,
        depth: checker.max_depth() as u64,
        seconds: cpu.unwrap_or_else(|| wall.elapsed().as_secs_f64()),
    }
}

/// CPU time of this process so far, where `/proc` tells it.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    // A tick is 1/100 s on Linux.
    Some(ticks / 100.0)
}
