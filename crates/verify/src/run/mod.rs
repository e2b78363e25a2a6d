//! `cargo verify run`: the real engine, real threads and real TCP connections
//! to plain peers that know nothing of us.

mod census;
mod checks;
mod connection;
pub(crate) mod crowd;
mod limit;
mod print;
pub(crate) mod soak;
mod traced;
mod way;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use closesocket::engine::{Config, Error, NoUpcalls, Provider, SystemClock};
use closesocket_tcp::Tcp;
use closesocket_trace::{Recorder, Replay};
use serde::Serialize;

use census::Census;
use connection::{Report, Worker};
pub(crate) use print::{command, print, text, verdict, with_progress};
pub(crate) use traced::Traced;
use way::Way;

/// How much to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Connections closed in each way.
    pub(crate) connections: u64,
    /// Threads that open, send and close.
    pub(crate) threads: u64,
}

impl Plan {
    /// What `cargo verify` runs.
    pub(crate) const STANDARD: Self = Self {
        connections: 1_000,
        threads: 4,
    };
}

/// How long drains may go on after the last close, before what is left counts
/// as leaked.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// What was seen of the connections that were closed in one way.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct WayReport {
    /// `graceful`, `hard`, `lingering` or `shared`; a soak has more.
    way: &'static str,
    /// Connections closed.
    connections: u64,
    /// Of these, how many had bytes that the peer had not acknowledged when the
    /// last close committed.
    unacknowledged_at_commit: u64,
    /// Bytes that sends reported as accepted.
    accepted_bytes: u64,
    /// Bytes that the peers received.
    received_bytes: u64,
    /// Connections that the peer saw end with a reset.
    resets: u64,
    /// Connections that the peer saw end with a FIN.
    fins: u64,
}

/// The result of a run. The field names are the documented JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RunReport {
    pub(crate) connections: u64,
    pub(crate) ways: Vec<WayReport>,
    /// Accepted bytes that a graceful close lost.
    pub(crate) lost_bytes: u64,
    pub(crate) double_completions: u64,
    pub(crate) missing_completions: u64,
    /// Calls that ended otherwise than the rules say.
    pub(crate) unexpected_results: u64,
    pub(crate) leaked_descriptors: u64,
    pub(crate) leaked_sockets: u64,
    /// Operating system descriptors open afterwards and not before; absent
    /// where the system does not tell.
    pub(crate) leaked_system_descriptors: Option<u64>,
    /// Threads alive afterwards and not before, and threads still blocked.
    pub(crate) leaked_threads: u64,
    /// The recorded trace was accepted by the protocol.
    pub(crate) trace_accepted: bool,
    /// How many events it has.
    pub(crate) trace_events: u64,
    pub(crate) seconds: f64,
    /// The first thing that went wrong, in words.
    pub(crate) first_problem: Option<String>,
    /// Whether everything is as the rules say.
    pub(crate) ok: bool,
}

/// Opens and closes connections in every way and counts.
fn run(
    plan: Plan,
    traced: &Traced,
    progress: &(impl Fn(u64, u64) + Sync),
) -> Result<RunReport, String> {
    let start = Instant::now();
    let before = Census::take();
    let mut report = drive(plan, traced.recorder(), progress).map_err(|error| error.to_string())?;
    // The reactor ends when its provider is dropped; give it the time to.
    let after = before.wait_until_back(Duration::from_secs(5));
    report.leaked_system_descriptors = after.descriptors_over(&before);
    report.leaked_threads += after.threads_over(&before);
    report.seconds = start.elapsed().as_secs_f64();
    report.note(&traced.replay()?);
    report.judge();
    Ok(report)
}

fn drive(
    plan: Plan,
    recorder: &Recorder,
    progress: &(impl Fn(u64, u64) + Sync),
) -> Result<RunReport, Error> {
    let provider = Provider::new(
        Config::default(),
        Tcp::new()?,
        SystemClock::default(),
        recorder.clone(),
        NoUpcalls,
    );
    let (first, second) = (provider.startup()?, provider.startup()?);
    let total = plan.connections * Way::ALL.len() as u64;
    let next = AtomicU64::new(0);
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..plan.threads {
            scope.spawn(|| {
                let mut worker = Worker::new(&first, &second);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(way) = Way::of(number, plan.connections) else {
                        break;
                    };
                    worker.close_one(number, way);
                    progress(number + 1, total);
                }
                reports
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push(worker.finish());
            });
        }
    });
    let parts = reports
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let end = Instant::now() + DRAIN_TIME;
    while provider.usage().sockets > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut report = summarise(&parts);
    report.leaked_sockets = provider.usage().sockets as u64;
    report.leaked_descriptors = (first.descriptors() + second.descriptors()) as u64;
    report.leaked_threads = (first.blocked_threads() + second.blocked_threads()) as u64;
    Ok(report)
}

fn summarise(parts: &[Report]) -> RunReport {
    let mut report = RunReport::default();
    for way in Way::ALL {
        let mut sum = WayReport {
            way: way.name(),
            ..WayReport::default()
        };
        for seen in parts
            .iter()
            .flat_map(|part| &part.connections)
            .filter(|it| it.way == way)
        {
            sum.connections += 1;
            sum.unacknowledged_at_commit += u64::from(seen.unacknowledged_at_commit);
            sum.accepted_bytes += seen.accepted;
            sum.received_bytes += seen.received;
            sum.resets += u64::from(seen.reset);
            sum.fins += u64::from(seen.fin);
            if way != Way::Hard {
                report.lost_bytes += seen.accepted.saturating_sub(seen.received);
            }
        }
        report.connections += sum.connections;
        report.ways.push(sum);
    }
    for part in parts {
        report.double_completions += part.double_completions;
        report.missing_completions += part.missing_completions;
        report.unexpected_results += part.problems.len() as u64;
        report.first_problem = report
            .first_problem
            .or_else(|| part.problems.first().cloned());
    }
    report
}

impl RunReport {
    /// Notes the verdict on the trace.
    fn note(&mut self, replay: &Replay) {
        self.trace_accepted = replay.accepted;
        self.trace_events = replay.events;
        let problem = replay.first_problem.as_ref();
        if self.first_problem.is_none() {
            self.first_problem = problem.map(|it| format!("the trace was rejected: {it}"));
        }
    }

    /// Whether nothing was lost, repeated, left over or against the rules.
    fn is_clean(&self) -> bool {
        self.lost_bytes == 0
            && self.double_completions == 0
            && self.missing_completions == 0
            && self.unexpected_results == 0
            && self.leaked_descriptors == 0
            && self.leaked_sockets == 0
            && self.leaked_system_descriptors.unwrap_or(0) == 0
            && self.leaked_threads == 0
            && self.trace_accepted
    }

    fn judge(&mut self) {
        let ends = self.ways.iter().all(|way| {
            let (ends, others) = if way.way == Way::Hard.name() {
                (way.resets, way.fins)
            } else {
                (way.fins, way.resets)
            };
            ends == way.connections && others == 0
        });
        // A run whose closes found nothing unsent would prove nothing.
        let stalled = self
            .ways
            .iter()
            .all(|way| way.unacknowledged_at_commit * 10 >= way.connections * 9);
        self.ok = ends && stalled && self.is_clean();
        if !stalled && self.first_problem.is_none() {
            self.first_problem = Some("too few closes had unacknowledged bytes".into());
        }
    }
}
