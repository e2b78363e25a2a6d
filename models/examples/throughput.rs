//! Measures what the model costs the search: states per CPU-second of a
//! scenario, of a trivial model with states of the same size, branching and
//! depth, and the ratio, in one run.
//!
//! `cargo run --release -p closesocket-models --example throughput [SCENARIO]`

use std::time::Instant;

use closesocket_models::{CloseModel, SCENARIOS, Scenario, trivial::TrivialModel};
use stateright::{Checker, Model};

fn main() {
    let name = std::env::args().nth(1);
    let largest = || SCENARIOS.iter().max_by_key(|it| it.states);
    let scenario = name.map_or_else(largest, |name| Scenario::named(&name));
    let Some(scenario) = scenario else {
        eprintln!("there is no such scenario");
        std::process::exit(2);
    };
    let mut ratios = Vec::new();
    for _ in 0..7 {
        let real = measure(CloseModel::new(scenario, None));
        let trivial = measure(TrivialModel {
            layers: real.depth,
            // The first layers are narrower, and some places are never led to.
            width: real.states * 104 / 100 / real.depth.saturating_sub(8).max(1),
            successors_of_ten: real.transitions * 10 / real.states,
        });
        println!("{:<34}{real}", scenario.name);
        println!("{:<34}{trivial}", "trivial");
        ratios.push(real.per_second() / trivial.per_second());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "ratio (median of {}): {:.2}",
        ratios.len(),
        ratios[ratios.len() / 2]
    );
}

struct Measured {
    states: u64,
    transitions: u64,
    depth: u64,
    seconds: f64,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
    fn per_second(&self) -> f64 {
        self.states as f64 / self.seconds
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>9} states {:>9} transitions, depth {:>3}, {:>5.2} CPU-s, {:>9.0} states/CPU-s",
            self.states,
            self.transitions,
            self.depth,
            self.seconds,
            self.per_second()
        )
    }
}

/// Explores a model depth first on one thread.
fn measure<M>(model: M) -> Measured
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let checker = model.checker().spawn_dfs().join();
    let cpu = cpu_seconds().zip(cpu).map(|(after, before)| after - before);
    Measured {
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
