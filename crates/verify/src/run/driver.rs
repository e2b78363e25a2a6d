//! The driver of every run.
//!
//! Each connection has a schedule. Workers keep a number of connections open and
//! do the next thing with each in turn; the peers are plain streams. The run goes
//! in rounds: between two of them nothing is open, which is checked, and where the
//! trace is cut.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::sync::SystemClock;
use closesocket::engine::{Config, NoUpcalls};
use closesocket_tcp::Tcp;
use closesocket_trace::Recorder;

use super::census::Census;
use super::counter::Counter;
use super::crowd::{Crowd, Together};
use super::memory::Memory;
use super::peer::Peers;
use super::plan::{Plan, Sabotage, Schedules};
use super::system::{Process, Provider};
use super::tally::Tally;
use super::tools::{Shared, lock};
use super::traced::Traced;
use super::worker::Worker;

/// How long drains may go on after a round, before what is left counts as
/// leaked.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// How often the memory is looked at and progress is shown.
const LOOK: Duration = Duration::from_millis(100);

/// Where a run is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) elapsed: Duration,
    pub(super) closed: u64,
    pub(super) open: u64,
    pub(super) resident: Option<u64>,
}

/// What a run of any kind has seen, before it is judged.
pub(super) struct Seen {
    pub(super) tally: Tally,
    /// How often everything was closed and looked at in between.
    pub(super) rounds: u64,
    /// Of a crowd.
    pub(super) together: Option<Together>,
    pub(super) memory: Memory,
}

/// Runs, and says what was seen.
pub(super) fn run(plan: Plan, traced: &Traced, show: &dyn Fn(Progress)) -> Result<Seen, String> {
    let before = Census::take();
    let start = Instant::now();
    let tally = Mutex::default();
    let mut driver = Driver {
        plan,
        start,
        tally: &tally,
        rounds: 0,
        memory: Memory::watch(),
        kept: Vec::new(),
        show,
    };
    let (left, together) = driver.drive(traced.recorder())?;
    let (rounds, memory) = (driver.rounds, driver.memory);
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    // The reactor ends when its provider is dropped; give it the time to.
    let after = before.wait_until_back(Duration::from_secs(5));
    let run = &mut tally.run;
    run.leaked_sockets = left.sockets;
    run.leaked_descriptors = left.descriptors;
    run.leaked_system_descriptors = after.descriptors_over(&before);
    run.leaked_threads = left.threads + after.threads_over(&before);
    run.seconds = start.elapsed().as_secs_f64();
    run.note(&traced.replay()?);
    Ok(Seen {
        tally,
        rounds,
        together,
        memory,
    })
}

/// A run on its way.
struct Driver<'a> {
    plan: Plan,
    start: Instant,
    tally: &'a Mutex<Tally>,
    rounds: u64,
    memory: Memory,
    /// What a sabotage keeps.
    kept: Vec<Vec<u8>>,
    show: &'a dyn Fn(Progress),
}

impl Driver<'_> {
    fn drive(&mut self, recorder: &Recorder) -> Result<(Left, Option<Together>), String> {
        let tcp = Tcp::with_config(self.plan.tcp());
        let provider = Provider::new(
            Config::default(),
            tcp.map_err(|error| error.to_string())?,
            SystemClock::default(),
            recorder.clone(),
            NoUpcalls,
        );
        let start = || provider.startup().map_err(|error| error.to_string());
        let (home, other) = (start()?, start()?);
        let crowd = match self.plan.schedules {
            Schedules::Crowd => Some(Crowd::start(self.plan.open)?),
            Schedules::Fixed { .. } | Schedules::Random { .. } => None,
        };
        let shared = Shared {
            provider: &provider,
            home: &home,
            other: &other,
            peers: &Peers::start(self.plan.sabotage),
            crowd: crowd.as_ref(),
            tally: self.tally,
            plan: self.plan,
        };
        let end = self.plan.time().map(|time| self.start + time);
        let mut next = 0;
        let left = loop {
            next = self.round(shared, next, end)?;
            self.rounds += 1;
            if let Some(crowd) = &crowd {
                lock(self.tally).count_ends(crowd.ends()?);
            }
            let left = wait_for_rest(&provider, &[&home, &other]);
            recorder.cut();
            let over = end.is_some_and(|end| Instant::now() >= end);
            let last = self.plan.total().is_some_and(|total| next >= total);
            if over || last || left != Left::default() {
                break left;
            }
        };
        let together = crowd.map(|it| it.together(lock(self.tally).finished));
        Ok((left, together))
    }

    /// Opens and closes connections until the round or the time is over.
    /// Returns the number of the connection that comes next.
    fn round(
        &mut self,
        shared: Shared<'_>,
        first: u64,
        end: Option<Instant>,
    ) -> Result<u64, String> {
        let Plan { threads, open, .. } = self.plan;
        let counter = &Counter::new(self.plan.round(first), end);
        let workers = threads.min(open);
        let round = self.rounds;
        let work = move |worker: u64| {
            let most = open / workers + u64::from(worker < open % workers);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let worker = Worker::new(shared, (worker, round));
            if let (Err(_), Some(crowd)) = (&worker, shared.crowd) {
                crowd.give_up();
            }
            worker.map(|it| it.run(counter, most))
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|worker| scope.spawn(move || work(worker)))
                .collect();
            while threads.iter().any(|it| !it.is_finished()) {
                thread::sleep(LOOK);
                self.look();
            }
            threads
                .into_iter()
                .try_for_each(|it| it.join().map_err(|_| "a worker panicked".to_owned())?)
        })?;
        Ok(counter.reached())
    }

    fn look(&mut self) {
        if self.plan.sabotage == Some(Sabotage::KeptMemory) {
            self.kept.push(vec![1; 100_000]);
        }
        self.memory.look();
        let tally = lock(self.tally);
        let (closed, open) = (tally.run.connections, tally.open);
        drop(tally);
        (self.show)(Progress {
            elapsed: self.start.elapsed(),
            closed,
            open,
            resident: self.memory.now(),
        });
    }
}

/// What is left after a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    sockets: u64,
    descriptors: u64,
    threads: u64,
}

/// Waits until nothing is open and nothing drains any more, or the time for
/// that has passed.
fn wait_for_rest(provider: &Provider, processes: &[&Process]) -> Left {
    let end = Instant::now() + DRAIN_TIME;
    loop {
        let sum = |count: fn(&Process) -> usize| -> u64 {
            processes.iter().map(|it| count(it) as u64).sum()
        };
        let left = Left {
            sockets: provider.usage().sockets as u64,
            descriptors: sum(Process::descriptors),
            threads: sum(Process::blocked_threads),
        };
        if left == Left::default() || Instant::now() >= end {
            return left;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
