//! Rows of ratios: rounds in which every contender has its turn, so that what
//! disturbs the machine for a while disturbs all of them.

use std::time::{Duration, Instant};

/// How long a contender's turn takes, about.
const TURN: Duration = Duration::from_millis(25);

/// What the engine is to reach beside a contender.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The engine's time, divided by theirs.
    TimeAtMost(f64),
    /// The engine's requests per second, divided by theirs.
    RateAtLeast(f64),
}

/// One way to do something.
pub(crate) struct Contender {
    name: &'static str,
    target: Option<Target>,
    /// One turn; how many nanoseconds each repetition took.
    turn: Box<dyn FnMut() -> f64>,
}

impl Contender {
    pub(crate) fn new(
        name: &'static str,
        target: Option<Target>,
        turn: impl FnMut() -> f64 + 'static,
    ) -> Self {
        Self {
            name,
            target,
            turn: Box::new(turn),
        }
    }

    /// One that does `once` as often as a turn has room for it.
    pub(crate) fn repeating(
        name: &'static str,
        target: Option<Target>,
        mut once: impl FnMut() + 'static,
    ) -> Self {
        Self::new(name, target, move || {
            let (start, mut times) = (Instant::now(), 0_u32);
            while start.elapsed() < TURN {
                once();
                times += 1;
            }
            nanos(start.elapsed()) / f64::from(times)
        })
    }
}

/// Something the engine does, and what else could do it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) rounds: usize,
    /// Makes the contenders; the engine comes first.
    pub(crate) contenders: Box<dyn Fn() -> Vec<Contender>>,
}

impl Row {
    /// Measures and prints it.
    pub(crate) fn measure(&self) {
        let mut contenders = (self.contenders)();
        // To warm up.
        for contender in &mut contenders {
            (contender.turn)();
        }
        let mut taken = vec![Vec::with_capacity(self.rounds); contenders.len()];
        for round in 0..self.rounds {
            for turn in 0..contenders.len() {
                let index = (round + turn) % contenders.len();
                taken[index].push((contenders[index].turn)());
            }
        }
        let [_, median, _] = quartiles(&mut taken[0].clone());
        println!("{}: {:.2} us", self.name, median / 1_000.0);
        for (contender, theirs) in contenders.iter().zip(&taken).skip(1) {
            let mut ratios: Vec<f64> = taken[0].iter().zip(theirs).map(|(a, b)| a / b).collect();
            if matches!(contender.target, Some(Target::RateAtLeast(_))) {
                ratios.iter_mut().for_each(|ratio| *ratio = ratio.recip());
            }
            let [low, ratio, high] = quartiles(&mut ratios);
            let [_, median, _] = quartiles(&mut theirs.clone());
            let verdict = match contender.target {
                Some(Target::TimeAtMost(most)) => format!("time at most {most:.2}"),
                Some(Target::RateAtLeast(least)) => format!("rate at least {least:.2}"),
                None => String::new(),
            };
            println!(
                "  {:<28} {:>9.2} us  {ratio:>5.2} x  ({low:.2} to {high:.2})  {verdict}",
                contender.name,
                median / 1_000.0
            );
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds of a turn fit a float's 53 bits"
)]
pub(crate) fn nanos(taken: Duration) -> f64 {
    taken.as_nanos() as f64
}

/// The quartiles of what is not empty.
fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
