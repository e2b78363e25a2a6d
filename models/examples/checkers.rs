//! Compares the checkers: states per CPU-second and wall clock of stateright's, depth
//! first, and of the frontier with one worker and with two, and what its tables take
//! for each state, without ways and with them. They take turns; medians.
//!
//! `cargo run --release -p closesocket-models --example checkers [SCENARIO [ROUNDS]]`

use std::sync::Arc;
use std::time::Instant;

use closesocket_frontier::explore;
use closesocket_models::{CloseModel, Options, Scenario};
use stateright::{Checker, Model};

/// One search: unique states, bytes of the tables.
type Search = (usize, usize);

/// What a search took, in seconds.
struct Took {
    cpu: f64,
    wall: f64,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let name = args.next();
    let name = name.as_deref().unwrap_or("two-processes-share-a-socket");
    let rounds = args.next().and_then(|it| it.parse().ok()).unwrap_or(5);
    let model = Scenario::named(name).map(|it| CloseModel::new(it, None));
    let Some(Ok(model)) = model else {
        eprintln!("there is no scenario {name}");
        std::process::exit(2);
    };
    let frontier = |workers, paths| {
        move || {
            let options = Options {
                workers,
                paths,
                ..Options::default()
            };
            let report = explore(&Arc::new(model), &options, &|_| {});
            report.map_or((0, 0), |it| (it.unique_states, it.table_bytes))
        }
    };
    let contenders: [(&str, &dyn Fn() -> Search); 5] = [
        ("stateright, depth first", &|| stateright(model)),
        ("frontier, 1 worker", &frontier(1, false)),
        ("frontier, 1 worker, with ways", &frontier(1, true)),
        ("frontier, 2 workers", &frontier(2, false)),
        ("frontier, 2 workers, with ways", &frontier(2, true)),
    ];
    let mut took: Vec<(Search, Vec<Took>)> = Vec::new();
    took.resize_with(contenders.len(), || ((0, 0), Vec::new()));
    for _ in 0..rounds {
        for ((_, search), took) in contenders.iter().zip(&mut took) {
            let (wall, cpu) = (Instant::now(), cpu_seconds());
            took.0 = search();
            took.1.push(Took {
                cpu: cpu_seconds() - cpu,
                wall: wall.elapsed().as_secs_f64(),
            });
        }
    }
    println!("{name}, medians of {rounds} rounds");
    for ((contender, _), ((states, bytes), took)) in contenders.iter().zip(&took) {
        let median = |of: fn(&Took) -> f64| {
            let mut all: Vec<f64> = took.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let (cpu, wall) = (median(|it| it.cpu), median(|it| it.wall));
        print!(
            "{contender:<32}{states:>9} states  {:>5.2} M/CPU-s  wall {wall:.2} s",
            *states as f64 / cpu / 1e6
        );
        if *bytes > 0 {
            print!("  {:.1} bytes a state", *bytes as f64 / *states as f64);
        }
        println!();
    }
}

fn stateright(model: CloseModel) -> Search {
    let checker = model.checker().spawn_dfs().join();
    (checker.unique_state_count(), 0)
}

/// CPU time of this process, all threads, user and system: the clock ticks a hundred
/// times a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks = ticks.filter_map(|it| it.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
