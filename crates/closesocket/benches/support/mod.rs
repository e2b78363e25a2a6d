//! What is measured, for criterion and for the table of ratios alike.

pub(crate) mod closing;
pub(crate) mod contests;
pub(crate) mod idle;
pub(crate) mod ratios;
pub(crate) mod world;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// One way to do something.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// The most that the engine's time may be of this one's, if that is a goal.
    pub(crate) target: Option<f64>,
    /// Does it so many times and says how long that took, without what had to be
    /// got ready.
    measure: Box<dyn Fn(u64) -> Duration + Sync>,
}

impl Contender {
    /// `repeat` does it so many times; nothing has to be got ready.
    fn new(name: &'static str, repeat: impl Fn(u64) + Sync + 'static) -> Self {
        Self::measured(name, move |times| {
            let start = Instant::now();
            repeat(times);
            start.elapsed()
        })
    }

    fn measured(name: &'static str, measure: impl Fn(u64) -> Duration + Sync + 'static) -> Self {
        Self {
            name,
            target: None,
            measure: Box::new(measure),
        }
    }

    fn at_most(self, target: f64) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// How long so many threads take, side by side, each doing it `times` on a
    /// core of its own.
    pub(crate) fn time(&self, threads: usize, times: u64) -> Duration {
        if threads == 1 {
            return (self.measure)(times);
        }
        let barrier = Barrier::new(threads);
        thread::scope(|scope| {
            let barrier = &barrier;
            let running: Vec<_> = (0..threads)
                .map(|core| {
                    scope.spawn(move || {
                        keep_to(core);
                        barrier.wait();
                        (self.measure)(times)
                    })
                })
                .collect();
            let times = running.into_iter().map(|thread| thread.join().unwrap());
            times.max().unwrap_or_default()
        })
    }
}

/// Something the engine does, and what else could do it.
pub(crate) struct Contest {
    pub(crate) name: String,
    pub(crate) threads: usize,
    /// What one time does so many of: the table is for each of these.
    pub(crate) each: u64,
    /// The engine comes first.
    pub(crate) contenders: Vec<Contender>,
}

/// Keeps the calling thread on a core: short-lived threads are often left on one
/// together, and then everything seems to take twice as long.
fn keep_to(core: usize) {
    #[cfg(target_os = "linux")]
    {
        let mut cores = rustix::thread::CpuSet::new();
        cores.set(core);
        rustix::thread::sched_setaffinity(None, &cores).unwrap();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}
