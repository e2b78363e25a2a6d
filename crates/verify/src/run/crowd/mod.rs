//! `cargo verify run --crowd N`: that many connections, open at once with a
//! receive pending on each, all closed at the same time.

mod peers;
mod print;

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::{
    CompletionQueue, Config, Descriptor, Error, NoUpcalls, Notify, Std, SystemClock,
};
use closesocket_tcp::Tcp;
use closesocket_trace::Recorder;
use serde::Serialize;

use super::census::Census;
use super::traced::Traced;
use super::{DRAIN_TIME, RunReport, WayReport, limit};
pub(crate) use peers::{COMMAND, command as be_peers};
pub(crate) use print::command;

type System = (Tcp, Std, SystemClock, Recorder);
type Process = closesocket::engine::Process<System>;
type Provider = closesocket::engine::Provider<System>;

/// How long the aborts may take to be delivered.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that a receive waits for.
const RECEIVE: usize = 16;

/// How large a crowd, and how many threads close it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) connections: u64,
    pub(crate) threads: u64,
}

/// The result of a crowd. The field names are the documented JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CrowdReport {
    #[serde(flatten)]
    run: RunReport,
    threads: u64,
    /// Connections open when the first close began.
    open_at_once: u64,
    /// Receives that ended with the abort of their close, once.
    aborted: u64,
    /// Until the last connection was open.
    open_seconds: f64,
    /// From the first close to the last of the completions.
    close_seconds: f64,
}

impl Plan {
    /// Threads if nothing is said.
    pub(crate) const THREADS: u64 = 8;
}

fn run(plan: Plan, traced: &Traced) -> Result<CrowdReport, String> {
    let before = Census::take();
    let start = Instant::now();
    let mut report = drive(plan, traced.recorder())?;
    // The reactor ends when its provider is dropped; give it the time to.
    let after = before.wait_until_back(Duration::from_secs(5));
    report.run.leaked_system_descriptors = after.descriptors_over(&before);
    report.run.leaked_threads = after.threads_over(&before);
    report.run.seconds = start.elapsed().as_secs_f64();
    report.run.note(&traced.replay()?);
    report.judge(plan);
    Ok(report)
}

fn drive(plan: Plan, recorder: &Recorder) -> Result<CrowdReport, String> {
    let words = |error: Error| error.to_string();
    let provider = Provider::new(
        Config::default(),
        Tcp::new().map_err(words)?,
        SystemClock::default(),
        recorder.clone(),
        NoUpcalls,
    );
    let process = provider.startup().map_err(words)?;
    let mut peers = peers::Peers::start(plan.connections)?;
    let mut report = CrowdReport {
        threads: plan.threads,
        ..CrowdReport::default()
    };
    let queue = CompletionQueue::new();
    let start = Instant::now();
    let shares = in_threads(plan, |worker| open(&process, &peers, &queue, plan, worker))?;
    let accepted = peers.wait_until_accepted()?;
    report.open_seconds = start.elapsed().as_secs_f64();
    report.open_at_once = accepted.min(process.descriptors() as u64);
    if !queue.is_empty() {
        report.problem("a receive completed before its close".to_owned());
    }
    let closing = Barrier::new(shares.len());
    let start = Instant::now();
    let failed = in_threads(plan, |worker| {
        let worker = usize::try_from(worker).unwrap_or_default();
        let share = shares.get(worker).map(Vec::as_slice).unwrap_or_default();
        closing.wait();
        let failed = share.iter().filter_map(|it| process.close(*it).err());
        Ok(failed.map(words).collect::<Vec<_>>())
    })?;
    failed
        .into_iter()
        .flatten()
        .for_each(|it| report.problem(it));
    report.count_completions(plan, &queue);
    report.close_seconds = start.elapsed().as_secs_f64();
    let ends = peers.ends()?;
    report.run.connections = plan.connections;
    report.run.ways.push(WayReport {
        way: "crowd",
        connections: plan.connections,
        fins: ends.fins,
        resets: ends.resets,
        ..WayReport::default()
    });
    report.run.leaked_sockets = provider.drain_all(DRAIN_TIME) as u64;
    report.run.leaked_descriptors = process.descriptors() as u64;
    Ok(report)
}

/// Does this on each thread, with the thread's number.
fn in_threads<R: Send>(
    plan: Plan,
    work: impl Fn(u64) -> Result<R, String> + Sync,
) -> Result<Vec<R>, String> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        threads
            .into_iter()
            .map(|it| it.join().map_err(|_| "a thread panicked".to_owned())?)
            .collect()
    })
}

/// Opens a thread's share of the connections and starts a receive on each.
fn open(
    process: &Process,
    peers: &peers::Peers,
    queue: &CompletionQueue,
    plan: Plan,
    worker: u64,
) -> Result<Vec<Descriptor>, String> {
    let mut opened = Vec::new();
    let step = usize::try_from(plan.threads).unwrap_or(1);
    for number in (worker..plan.connections).step_by(step) {
        let words = |error: Error| format!("connection {number}: {error}");
        let place = usize::try_from(number).unwrap_or_default() % peers.addresses.len();
        let descriptor = process.socket().map_err(words)?;
        process
            .connect(descriptor, &peers.addresses[place])
            .map_err(words)?;
        let notify = Notify::queue(queue, number);
        process
            .recv_overlapped(descriptor, vec![0; RECEIVE], notify)
            .map_err(words)?;
        opened.push(descriptor);
    }
    Ok(opened)
}

impl CrowdReport {
    fn problem(&mut self, problem: String) {
        self.run.unexpected_results += 1;
        self.run.first_problem.get_or_insert(problem);
    }

    /// Every receive must have been aborted, once.
    fn count_completions(&mut self, plan: Plan, queue: &CompletionQueue) {
        let mut times = vec![0_u64; usize::try_from(plan.connections).unwrap_or_default()];
        let mut distinct = 0;
        while let Some(completion) = match distinct {
            all if all == plan.connections => queue.take(),
            _ => queue.wait(Some(PATIENCE)),
        } {
            let key = completion.key;
            let place = usize::try_from(key).unwrap_or(usize::MAX);
            match (times.get_mut(place), completion.result) {
                (Some(times), Err(Error::OperationAborted)) => {
                    *times += 1;
                    distinct += u64::from(*times == 1);
                }
                (_, result) => self.problem(format!("receive {key} ended with {result:?}")),
            }
        }
        let once = times.iter().filter(|it| **it == 1);
        self.aborted = once.count() as u64;
        let of = |sum: fn(u64) -> u64| times.iter().map(|it| sum(*it)).sum();
        self.run.missing_completions = of(|times| 1_u64.saturating_sub(times));
        self.run.double_completions = of(|times| times.saturating_sub(1));
    }

    fn judge(&mut self, plan: Plan) {
        let all = plan.connections;
        let fins: u64 = self.run.ways.iter().map(|it| it.fins).sum();
        let together = self.open_at_once == all && self.aborted == all && fins == all;
        self.run.ok = self.run.is_clean() && together;
        if !together {
            self.run.first_problem.get_or_insert_with(|| {
                format!(
                    "of {all} connections {} were open at once, {} aborted, {fins} ended with a FIN",
                    self.open_at_once, self.aborted
                )
            });
        }
    }
}
