//! What the close algorithm costs: on the fast path, in opening and closing,
//! and for each operation that a close aborts.
//!
//! `cargo bench -p closesocket` runs everything and ends with a table of
//! ratios; `cargo bench -p closesocket -- ratios` prints the table alone.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that fails has nothing to measure"
)]

mod support;

use std::time::Duration;

use criterion::{Criterion, Throughput};
use support::contests::{begin_end, open_close, open_close_in_memory};
use support::world::World;
use support::{Contest, closing, ratios};

/// The engine and what else could do it, in one run.
fn contest(criterion: &mut Criterion, contest: &Contest) {
    let threads = contest.threads;
    let mut group = criterion.benchmark_group(format!("{}/{threads}", contest.name));
    group.throughput(Throughput::Elements(contest.each));
    for contender in &contest.contenders {
        group.bench_function(contender.name, |bencher| {
            bencher.iter_custom(|times| contender.time(threads, times));
        });
    }
    group.finish();
}

/// Registering an overlapped receive, and completing it.
fn operations(criterion: &mut Criterion) {
    let world = World::in_memory();
    let mut group = criterion.benchmark_group("overlapped receive");
    group.bench_function("register", |bencher| {
        bencher.iter_custom(|times| world.register_and_complete(times).register);
    });
    group.bench_function("complete", |bencher| {
        bencher.iter_custom(|times| world.register_and_complete(times).complete);
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .nresamples(10_000)
        .without_plots()
        .configure_from_args();
    for threads in [1, 2] {
        contest(&mut criterion, &begin_end(threads));
        contest(&mut criterion, &open_close(threads));
        contest(&mut criterion, &open_close_in_memory(threads));
    }
    operations(&mut criterion);
    for pending in [1, 1_000, 100_000] {
        contest(&mut criterion, &closing::close_with_pending(pending));
    }
    criterion.final_summary();
    let argument = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    // Without `--bench` everything runs once, to see that it does.
    if argument("--bench") && !argument("--list") {
        ratios::print();
    }
}
