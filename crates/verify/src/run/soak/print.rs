//! Runs a soak and shows it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::print::{print_bottom, print_top};
use super::verdict::SoakReport;
use super::{Plan, Progress, run};
use crate::Outcome;
use crate::cli::Format;
use crate::out::{errln, outln};
use crate::run::limit;

/// Seconds between two lines where there is no terminal.
const LINES: u64 = 5;
/// System descriptors of a connection, both ends.
const DESCRIPTORS_EACH: u64 = 2;

/// The documented JSON of a soak.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    run: &'a SoakReport,
}

/// Runs and prints.
pub(crate) fn command(plan: Plan, trace: Option<&Path>, format: Format) -> Outcome {
    // Connections that drain in the background have a descriptor too.
    if let Err(error) = limit::raise(plan.open.saturating_mul(2 * DESCRIPTORS_EACH)) {
        errln!("error: {error}");
        return Outcome::Usage;
    }
    errln!("seed {}", plan.seed);
    let report = match with_progress(plan, trace) {
        Ok(report) => report,
        Err(error) => {
            errln!("error: the run could not be finished: {error}");
            return Outcome::Differs;
        }
    };
    match format {
        Format::Text => print_text(&report),
        Format::Json => crate::print_json(&Json {
            schema: 1,
            run: &report,
        }),
    }
    super::super::verdict(&report.run)
}

fn with_progress(plan: Plan, trace: Option<&Path>) -> Result<SoakReport, String> {
    if !std::io::stderr().is_terminal() {
        let told = AtomicU64::new(0);
        return run(plan, trace, &|progress| {
            let seconds = progress.elapsed.as_secs();
            if seconds >= told.load(Ordering::Relaxed) + LINES {
                told.store(seconds, Ordering::Relaxed);
                errln!("{}", line(plan, progress));
            }
        });
    }
    let bar = ProgressBar::new(plan.seconds);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    let bar = Mutex::new(bar);
    let report = run(plan, trace, &|progress| {
        let bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.set_position(progress.elapsed.as_secs());
        bar.set_message(line(plan, progress));
    });
    bar.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish_and_clear();
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

fn print_text(report: &SoakReport) {
    outln!(
        "real TCP: {} random connections closed in {:.1} s, at most {} open at once; seed {}",
        report.run.connections,
        report.run.seconds,
        report.most_open,
        report.seed
    );
    print_top(&report.run);
    outln!(
        "  closes refused because they would block: {}",
        report.would_blocks
    );
    outln!(
        "  resident memory: {} at the end, at most {}; highest from 5 s to 20 s {}",
        mebibytes(report.end_rss_bytes),
        mebibytes(report.peak_rss_bytes),
        match report.early_rss_bytes {
            None => "not compared: the run is shorter than 30 s".to_owned(),
            early => mebibytes(early),
        }
    );
    print_bottom(&report.run);
}
