//! Runs the real engine and prints what was seen.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{Plan, RunReport, run};
use crate::Outcome;
use crate::cli::Format;
use crate::out::{errln, outln};

/// The documented JSON of `run`.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    run: &'a RunReport,
}

/// Runs and prints.
pub(crate) fn command(plan: Plan, trace: Option<&Path>, format: Format) -> Outcome {
    let Some(report) = with_progress(plan, trace) else {
        return Outcome::Differs;
    };
    match format {
        Format::Text => print_text(&report),
        Format::Json => crate::print_json(&Json {
            schema: 1,
            run: &report,
        }),
    }
    verdict(&report)
}

/// The outcome that a report stands for.
pub(crate) fn verdict(report: &RunReport) -> Outcome {
    if report.ok {
        Outcome::AsExpected
    } else {
        Outcome::Differs
    }
}

/// Runs with a progress bar, if a person is watching.
pub(crate) fn with_progress(plan: Plan, trace: Option<&Path>) -> Option<RunReport> {
    // Hides itself where standard error is no terminal.
    let bar = ProgressBar::no_length();
    if let Ok(style) =
        ProgressStyle::with_template("closing connections {pos}/{len} {wide_bar} {eta}")
    {
        bar.set_style(style);
    }
    let bar = Mutex::new(bar);
    let report = run(plan, trace, &|done, total| {
        let bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish_and_clear();
    match report {
        Ok(report) => Some(report),
        Err(error) => {
            errln!("error: the run could not be started: {error}");
            None
        }
    }
}

/// Prints a report for people.
pub(crate) fn print_text(report: &RunReport) {
    outln!(
        "real TCP: {} connections closed in {:.1} s",
        report.connections,
        report.seconds
    );
    print_top(report);
    print_bottom(report);
}

/// The table of the ways to close, and what went wrong.
pub(super) fn print_top(report: &RunReport) {
    outln!(
        "  {:<16} {:>7} {:>9} {:>13} {:>13} {:>6} {:>6}",
        "way",
        "closed",
        "unsent",
        "accepted B",
        "received B",
        "FIN",
        "RST"
    );
    for way in &report.ways {
        outln!(
            "  {:<16} {:>7} {:>9} {:>13} {:>13} {:>6} {:>6}",
            way.way,
            way.connections,
            way.unacknowledged_at_commit,
            way.accepted_bytes,
            way.received_bytes,
            way.fins,
            way.resets
        );
    }
    outln!(
        "  lost bytes {}, double completions {}, missing completions {}, unexpected results {}",
        report.lost_bytes,
        report.double_completions,
        report.missing_completions,
        report.unexpected_results
    );
    outln!(
        "  left over: descriptors {}, sockets {}, system descriptors {}, threads {}",
        report.leaked_descriptors,
        report.leaked_sockets,
        report
            .leaked_system_descriptors
            .map_or("unknown".to_owned(), |count| count.to_string()),
        report.leaked_threads
    );
}

/// The trace and the verdict.
pub(super) fn print_bottom(report: &RunReport) {
    outln!(
        "  trace of {} events {}",
        report.trace_events,
        if report.trace_accepted {
            "accepted by the protocol"
        } else {
            "REJECTED by the protocol"
        }
    );
    if let Some(problem) = &report.first_problem {
        outln!("  first problem: {problem}");
    }
    outln!(
        "  {}",
        if report.ok {
            "as the rules say"
        } else {
            "NOT as the rules say"
        }
    );
}
