//! The table of ratios: rounds in which every contender has its turn, so that
//! what disturbs the machine for a while disturbs all of them.

use std::time::Duration;

use super::world::World;
use super::{Contest, begin_end, open_close};

const ROUNDS: usize = 61;
/// How long one contender's turn takes.
const TURN: Duration = Duration::from_millis(2);

/// Measures and prints everything.
pub(crate) fn print() {
    println!("\nMedians of {ROUNDS} interleaved rounds, ratios with their quartiles: engine to");
    for contest in [begin_end(), open_close()] {
        for threads in [1, 2] {
            print_contest(&contest, threads);
        }
    }
    println!("\nOverlapped receives, nanoseconds for each");
    let world = World::new();
    let (mut register, mut complete) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let parts = world.register_and_complete(1_000);
        register.push(nanos(parts.register, 1_000));
        complete.push(nanos(parts.complete, 1_000));
    }
    print_pending("register", &mut register);
    print_pending("complete, write and take included", &mut complete);
    for (pending, rounds) in [(1, 1_000), (1_000, 10), (100_000, 1)] {
        let mut each: Vec<_> = (0..ROUNDS)
            .map(|_| nanos(world.close_with_pending(pending, rounds), pending * rounds))
            .collect();
        print_pending(&format!("close with {pending} pending"), &mut each);
    }
}

fn print_contest(contest: &Contest, threads: usize) {
    let plural = if threads == 1 { "" } else { "s" };
    let times: Vec<u64> = contest
        .contenders
        .iter()
        .map(|contender| calibrate(|times| contender.time(threads, times)))
        .collect();
    let mut nanoseconds = vec![Vec::with_capacity(ROUNDS); times.len()];
    for round in 0..ROUNDS {
        for turn in 0..times.len() {
            let index = (round + turn) % times.len();
            let taken = contest.contenders[index].time(threads, times[index]);
            nanoseconds[index].push(nanos(taken, times[index]));
        }
    }
    let engine = nanoseconds[0].clone();
    let [_, median, _] = quartiles(&mut engine.clone());
    println!(
        "\n{}, {threads} thread{plural}: {median:.1} ns",
        contest.name
    );
    for (contender, theirs) in contest.contenders.iter().zip(&nanoseconds).skip(1) {
        let mut ratios: Vec<f64> = engine.iter().zip(theirs).map(|(a, b)| a / b).collect();
        let [low, ratio, high] = quartiles(&mut ratios);
        let [_, median, _] = quartiles(&mut theirs.clone());
        let name = contender.name;
        println!("  {name:<29} {median:>8.1} ns  {ratio:>6.2} x  ({low:.2} to {high:.2})");
    }
}

fn print_pending(name: &str, nanoseconds: &mut [f64]) {
    let [low, median, high] = quartiles(nanoseconds);
    println!("  {name:<35} {median:>8.1} ns  ({low:.1} to {high:.1})");
}

/// How many times fit into one turn; warms up on the way.
fn calibrate(time: impl Fn(u64) -> Duration) -> u64 {
    let mut times = 16;
    while time(times) < TURN {
        times *= 2;
    }
    times
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds of a turn fit a float's 53 bits"
)]
fn nanos(taken: Duration, times: u64) -> f64 {
    taken.as_nanos() as f64 / times as f64
}

/// The quartiles of what is not empty.
fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
