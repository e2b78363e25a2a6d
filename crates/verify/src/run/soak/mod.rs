//! `cargo verify run --seconds N`: random connections for as long as one likes.
//!
//! Each connection has a schedule, a pure function of the seed and its number.
//! Workers keep a number of connections open and do the next thing with each in
//! turn; the peers are plain streams. The run goes in rounds: between two of
//! them nothing is open, which is checked, and where the trace is cut.

mod connection;
mod counter;
mod ending;
mod helper;
mod memory;
mod opening;
mod operations;
mod peer;
mod print;
mod random;
mod schedule;
mod steps;
mod tally;
mod verdict;
mod worker;

use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use closesocket::engine::{Config, NoUpcalls, Std, SystemClock};
use closesocket_tcp::{Tcp, TcpConfig};
use closesocket_trace::Recorder;

use super::census::Census;
use super::traced::Traced;
use counter::Counter;
use memory::Memory;
use peer::Peers;
pub(crate) use print::command;
use tally::Tally;
use verdict::SoakReport;
use worker::Worker;

/// The engine over TCP, recorded.
type System = (Tcp, Std, SystemClock, Recorder);
type Process = closesocket::engine::Process<System>;
type Provider = closesocket::engine::Provider<System>;

/// How long a call may block or a connection may be open before it counts as
/// stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long drains may go on after a round, before what is left counts as
/// leaked.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Connections of a round.
const ROUND: u64 = 4_000;
/// How often the memory is looked at and progress is shown.
const LOOK: Duration = Duration::from_millis(100);
/// Small, so that a peer that does not read soon holds up the engine.
const KERNEL_SEND_BUFFER: usize = 32 * 1024;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Seconds in which connections are opened.
    pub(crate) seconds: u64,
    /// Connections that are open at once, at most.
    pub(crate) open: u64,
    /// Threads that open and close them; each has a second one for calls that
    /// block.
    pub(crate) threads: u64,
    pub(crate) seed: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Plan {
    /// Connections open at once if nothing is said.
    pub(crate) const OPEN: u64 = 128;
}

/// A seed that differs from run to run.
pub(crate) fn any_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Short enough to be typed.
    RandomState::new().hash_one(0) >> 32
}

/// Something to do wrong on purpose, to see the verdict fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Each peer drops the last byte that it gets.
    LostByte,
    /// A completion is dropped.
    SwallowedCompletion,
    /// A completion is seen twice.
    DoubledCompletion,
    /// A descriptor of the engine is never closed.
    KeptDescriptor,
    /// A descriptor of the system is never closed.
    KeptSystemDescriptor,
    /// A thread never ends.
    KeptThread,
    /// Memory is taken for each connection and never given back.
    KeptMemory,
}

/// Where a run is.
#[derive(Clone, Copy, Debug)]
struct Progress {
    elapsed: Duration,
    closed: u64,
    open: u64,
    resident: Option<u64>,
}

/// Runs, and judges what was seen.
fn run(plan: Plan, traced: &Traced, show: &dyn Fn(Progress)) -> Result<SoakReport, String> {
    let before = Census::take();
    let mut soak = Soak {
        plan,
        start: Instant::now(),
        memory: Memory::watch(),
        tally: Tally::default(),
        most_open: 0,
        rounds: 0,
        kept: Vec::new(),
        show,
    };
    let mut report = soak.drive(traced.recorder())?;
    // The reactor ends when its provider is dropped; give it the time to.
    let after = before.wait_until_back(Duration::from_secs(5));
    report.run.leaked_system_descriptors = after.descriptors_over(&before);
    report.run.leaked_threads += after.threads_over(&before);
    report.run.seconds = soak.start.elapsed().as_secs_f64();
    report.remember(&soak.memory);
    report.run.note(&traced.replay()?);
    report.judge();
    Ok(report)
}

/// A run on its way.
struct Soak<'a> {
    plan: Plan,
    start: Instant,
    memory: Memory,
    tally: Tally,
    most_open: u64,
    rounds: u64,
    /// What a sabotage keeps.
    kept: Vec<Vec<u8>>,
    show: &'a dyn Fn(Progress),
}

impl Soak<'_> {
    fn drive(&mut self, recorder: &Recorder) -> Result<SoakReport, String> {
        let tcp = Tcp::with_config(TcpConfig {
            send_buffer: Some(KERNEL_SEND_BUFFER),
            ..TcpConfig::default()
        });
        let provider = Provider::new(
            Config::default(),
            tcp.map_err(|error| error.to_string())?,
            SystemClock::default(),
            recorder.clone(),
            NoUpcalls,
        );
        let start = || provider.startup().map_err(|error| error.to_string());
        let (home, other) = (start()?, start()?);
        let peers = Peers::start(self.plan.sabotage);
        let end = self.start + Duration::from_secs(self.plan.seconds);
        let mut next = 0;
        let left = loop {
            next = self.round((&provider, &home, &other), &peers, next, end)?;
            self.rounds += 1;
            let left = wait_for_rest(&provider, &[&home, &other]);
            recorder.cut();
            if Instant::now() >= end || left != Left::default() {
                break left;
            }
        };
        Ok(self.report(&left))
    }

    /// Opens and closes connections until the round or the time is over.
    /// Returns the number of the connection that comes next.
    fn round(
        &mut self,
        processes: (&Provider, &Process, &Process),
        peers: &Peers,
        first: u64,
        end: Instant,
    ) -> Result<u64, String> {
        let Plan {
            threads,
            open,
            seed,
            sabotage,
            ..
        } = self.plan;
        let counter = Counter::new(seed, first..first + ROUND, end);
        let workers = threads.min(open);
        let round = self.rounds;
        let counter = &counter;
        let work = move |worker: u64| {
            let most = open / workers + u64::from(worker < open % workers);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let new = Worker::new(processes, peers, (worker, round), sabotage);
            new.map(|it| it.run(counter, most))
        };
        let tallies = thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|worker| scope.spawn(move || work(worker)))
                .collect();
            while threads.iter().any(|it| !it.is_finished()) {
                thread::sleep(LOOK);
                self.look(counter);
            }
            threads
                .into_iter()
                .map(|it| it.join().map_err(|_| "a worker panicked".to_owned())?)
                .collect::<Result<Vec<_>, String>>()
        })?;
        tallies.into_iter().for_each(|it| self.tally.add(it));
        self.most_open = self.most_open.max(counter.most_open());
        Ok(counter.reached())
    }

    fn look(&mut self, counter: &Counter) {
        if self.plan.sabotage == Some(Sabotage::KeptMemory) {
            self.kept.push(vec![1; 100_000]);
        }
        self.memory.look();
        (self.show)(Progress {
            elapsed: self.start.elapsed(),
            closed: self.tally.closed + counter.closed(),
            open: counter.open(),
            resident: self.memory.now(),
        });
    }

    fn report(&mut self, left: &Left) -> SoakReport {
        let tally = std::mem::take(&mut self.tally);
        let mut report = SoakReport::new(self.plan, tally);
        report.most_open = self.most_open;
        report.rounds = self.rounds;
        report.run.leaked_sockets = left.sockets;
        report.run.leaked_descriptors = left.descriptors;
        report.run.leaked_threads = left.threads;
        report
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
