//! Runs the real engine and prints what was seen.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Plan, RunReport, Traced, run};
use crate::Outcome;
use crate::cli::Format;
use crate::out::errln;
use crate::output::Output;
use crate::report::Report;

/// The documented JSON of a run of any kind.
#[derive(Serialize)]
struct Json<'a, R> {
    schema: u32,
    run: &'a R,
}

/// Runs and prints.
pub(crate) fn command(plan: Plan, traced: &Traced, output: &Output) -> Outcome {
    let run = with_progress(plan, traced, output);
    if let Ok(run) = &run
        && output.is_text()
    {
        print(run, output);
    }
    let outcome = run.as_ref().map_or(Outcome::Differs, verdict);
    let report = Report {
        command: "cargo verify run",
        outcome,
        check: None,
        defects: None,
        run: Some(run.as_ref().map_err(String::as_str)),
    };
    let render = |format| match (format, &run) {
        (Format::Text, Ok(run)) => Some(text(run)),
        (Format::Json, Ok(run)) => crate::output::json(&Json { schema: 1, run }),
        (Format::Text | Format::Json, Err(_)) => None,
        _ => report.render(format),
    };
    output.deliver(outcome, render, || None)
}

/// Prints what came of a run of another kind, and writes its files: `text` is for
/// people, the report itself is the JSON.
pub(super) fn deliver<R: Serialize>(
    report: Result<R, String>,
    run: impl Fn(&R) -> &RunReport,
    text: impl Fn(&R) -> String,
    output: &Output,
) -> Outcome {
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            errln!("error: the run could not be finished: {error}");
            return Outcome::Differs;
        }
    };
    if output.is_text() {
        show(run(&report), &text(&report), output);
    }
    let render = |format| match format {
        Format::Text => Some(text(&report)),
        _ => crate::output::json(&Json {
            schema: 1,
            run: &report,
        }),
    };
    output.deliver(verdict(run(&report)), render, || None)
}

/// The outcome that a report stands for.
pub(crate) fn verdict(report: &RunReport) -> Outcome {
    if report.ok {
        Outcome::AsExpected
    } else {
        Outcome::Differs
    }
}

/// Runs with a progress bar, if a person is watching. What keeps it from
/// starting is said on standard error as well.
pub(crate) fn with_progress(
    plan: Plan,
    traced: &Traced,
    output: &Output,
) -> Result<RunReport, String> {
    let bar = output.progress(0, "closing connections {pos}/{len} {wide_bar} {eta}");
    let report = run(plan, traced, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    if let Err(error) = &report {
        errln!("error: the run could not be started: {error}");
    }
    report
}

/// Prints a report for people.
pub(crate) fn print(run: &RunReport, output: &Output) {
    show(run, &text(run), output);
}

/// Prints this text, or its first line, if they want no more and all is well.
fn show(run: &RunReport, text: &str, output: &Output) {
    match text.lines().next() {
        Some(heading) if run.ok && output.is_quiet() => {
            crate::out::text(format_args!("{heading}: as the rules say\n"));
        }
        _ => crate::out::text(format_args!("{text}")),
    }
}

/// A report for people.
pub(crate) fn text(report: &RunReport) -> String {
    let mut out = format!(
        "real TCP: {} connections closed in {:.1} s\n",
        report.connections, report.seconds
    );
    out += &top(report);
    out += &bottom(report);
    out
}

/// The table of the ways to close, and what went wrong.
pub(super) fn top(report: &RunReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "  {:<16} {:>7} {:>9} {:>13} {:>13} {:>6} {:>6}",
        "way", "closed", "unsent", "accepted B", "received B", "FIN", "RST"
    );
    for way in &report.ways {
        let _ = writeln!(
            out,
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
    let _ = writeln!(
        out,
        "  lost bytes {}, double completions {}, missing completions {}, unexpected results {}",
        report.lost_bytes,
        report.double_completions,
        report.missing_completions,
        report.unexpected_results
    );
    let _ = writeln!(
        out,
        "  left over: descriptors {}, sockets {}, system descriptors {}, threads {}",
        report.leaked_descriptors,
        report.leaked_sockets,
        report
            .leaked_system_descriptors
            .map_or("unknown".to_owned(), |count| count.to_string()),
        report.leaked_threads
    );
    out
}

/// The trace and the verdict.
pub(super) fn bottom(report: &RunReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "  trace of {} events {}",
        report.trace_events,
        if report.trace_accepted {
            "accepted by the protocol"
        } else {
            "REJECTED by the protocol"
        }
    );
    if let Some(problem) = &report.first_problem {
        let _ = writeln!(out, "  first problem: {problem}");
    }
    let _ = writeln!(
        out,
        "  {}",
        if report.ok {
            "as the rules say"
        } else {
            "NOT as the rules say"
        }
    );
    out
}
