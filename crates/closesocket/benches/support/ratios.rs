//! The table of ratios: rounds in which every contender has its turn, so that
//! what disturbs the machine for a while disturbs all of them.

use std::time::{Duration, Instant};

use super::closing::close_with_pending;
use super::contests::{begin_end, open_close, open_close_in_memory, scaling};
use super::world::World;
use super::{Contender, Contest};

const ROUNDS: usize = 61;
/// How long one contender's turn takes.
const TURN: Duration = Duration::from_millis(2);

/// Measures and prints everything.
pub(crate) fn print() {
    println!("\nMedians of {ROUNDS} interleaved rounds, ratios with their quartiles: engine to");
    for contest in [begin_end(1), begin_end(2), open_close(1), open_close(2)] {
        print_contest(&contest);
    }
    for contest in [open_close_in_memory(1), open_close_in_memory(2)] {
        print_contest(&contest);
    }
    println!("\n2 threads to 1");
    for contender in scaling() {
        print_scaling(&contender);
    }
    for pending in [1, 1_000, 100_000] {
        print_contest(&close_with_pending(pending));
    }
    println!("\nOverlapped receives, nanoseconds for each");
    let world = World::in_memory();
    let (mut register, mut complete) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let parts = world.register_and_complete(1_000);
        register.push(nanos(parts.register, 1_000));
        complete.push(nanos(parts.complete, 1_000));
    }
    print_time("register", &mut register);
    print_time("complete, write and take included", &mut complete);
}

fn print_contest(contest: &Contest) {
    let (threads, contenders) = (contest.threads, &contest.contenders);
    let plural = if threads == 1 { "" } else { "s" };
    let turns: Vec<_> = contenders.iter().map(|it| (it, threads)).collect();
    let times = race(&turns, contest.each);
    let [_, median, _] = quartiles(&mut times[0].clone());
    println!(
        "\n{}, {threads} thread{plural}: {median:.1} ns",
        contest.name
    );
    for (contender, theirs) in contenders.iter().zip(&times).skip(1) {
        print_ratio(contender.name, contender.target, &times[0], theirs);
    }
}

/// What two threads take side by side, to what one takes alone.
fn print_scaling(contender: &Contender) {
    let times = race(&[(contender, 2), (contender, 1)], 1);
    print_ratio(contender.name, contender.target, &times[0], &times[1]);
}

/// The nanoseconds that each of these, on so many threads, takes in each round.
fn race(turns: &[(&Contender, usize)], each: u64) -> Vec<Vec<f64>> {
    let times: Vec<u64> = turns
        .iter()
        .map(|(contender, threads)| calibrate(|times| contender.time(*threads, times)))
        .collect();
    let mut nanoseconds = vec![Vec::with_capacity(ROUNDS); turns.len()];
    for round in 0..ROUNDS {
        for turn in 0..turns.len() {
            let index = (round + turn) % turns.len();
            let (contender, threads) = turns[index];
            let taken = contender.time(threads, times[index]);
            nanoseconds[index].push(nanos(taken, times[index] * each));
        }
    }
    nanoseconds
}

fn print_ratio(name: &str, target: Option<f64>, ours: &[f64], theirs: &[f64]) {
    let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
    let [low, ratio, high] = quartiles(&mut ratios);
    let [_, median, _] = quartiles(&mut theirs.to_vec());
    let target = target.map_or_else(String::new, |target| {
        let missed = if ratio > target { "  missed" } else { "" };
        format!("  at most {target:.2}{missed}")
    });
    println!("  {name:<31} {median:>7.1} ns  {ratio:>6.2} x  ({low:.2} to {high:.2}){target}");
}

fn print_time(name: &str, nanoseconds: &mut [f64]) {
    let [low, median, high] = quartiles(nanoseconds);
    println!("  {name:<35} {median:>8.1} ns  ({low:.1} to {high:.1})");
}

/// How many times fit into one turn, or, with all that has to be got ready, into
/// several; warms up on the way.
fn calibrate(time: impl Fn(u64) -> Duration) -> u64 {
    let mut times = 1;
    loop {
        let start = Instant::now();
        // The shortest of three: what disturbs the machine must not pass for a turn.
        let taken = (0..3).map(|_| time(times)).min();
        if taken >= Some(TURN) || start.elapsed() >= 24 * TURN {
            return times;
        }
        times *= 2;
    }
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
