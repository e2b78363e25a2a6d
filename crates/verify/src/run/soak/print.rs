//! Runs a soak and shows it.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::print::{bottom, deliver, top};
use super::verdict::SoakReport;
use super::{Plan, Progress, run};
use crate::Outcome;
use crate::out::errln;
use crate::output::Output;
use crate::run::{Traced, limit};

/// Seconds between two lines where there is no terminal.
const LINES: u64 = 5;
/// System descriptors of a connection, both ends.
const DESCRIPTORS_EACH: u64 = 2;

/// Runs and prints.
pub(crate) fn command(plan: Plan, traced: &Traced, output: &Output) -> Outcome {
    // Connections that drain in the background have a descriptor too.
    if let Err(error) = limit::raise(plan.open.saturating_mul(2 * DESCRIPTORS_EACH)) {
        errln!("error: {error}");
        return Outcome::Usage;
    }
    errln!("seed {}", plan.seed);
    let report = with_progress(plan, traced, output);
    deliver(report, |it| &it.run, text, output)
}

fn with_progress(plan: Plan, traced: &Traced, output: &Output) -> Result<SoakReport, String> {
    if output.is_quiet() {
        return run(plan, traced, &|_| {});
    }
    if !std::io::stderr().is_terminal() {
        let told = AtomicU64::new(0);
        return run(plan, traced, &|progress| {
            let seconds = progress.elapsed.as_secs();
            if seconds >= told.load(Ordering::Relaxed) + LINES {
                told.store(seconds, Ordering::Relaxed);
                errln!("{}", line(plan, progress));
            }
        });
    }
    let bar = output.progress(plan.seconds, "{msg} {wide_bar} {eta}");
    let report = run(plan, traced, &|progress| {
        bar.set_position(progress.elapsed.as_secs());
        bar.set_message(line(plan, progress));
    });
    bar.finish_and_clear();
    report
}

fn line(plan: Plan, progress: Progress) -> String {
    format!(
        "{} s of {} s: {} connections closed, {} open, {} resident",
        progress.elapsed.as_secs(),
        plan.seconds,
        progress.closed,
        progress.open,
        mebibytes(progress.resident)
    )
}

fn mebibytes(bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        None => "unknown memory".to_owned(),
    }
}

fn text(report: &SoakReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "real TCP: {} random connections closed in {:.1} s, at most {} open at once; seed {}",
        report.run.connections, report.run.seconds, report.most_open, report.seed
    );
    out += &top(&report.run);
    let _ = writeln!(
        out,
        "  closes refused because they would block: {}",
        report.would_blocks
    );
    let _ = writeln!(
        out,
        "  resident memory: {} at the end, at most {}; highest from 5 s to 20 s {}",
        mebibytes(report.end_rss_bytes),
        mebibytes(report.peak_rss_bytes),
        match report.early_rss_bytes {
            None => "not compared: the run is shorter than 30 s".to_owned(),
            early => mebibytes(early),
        }
    );
    out += &bottom(&report.run);
    out
}
