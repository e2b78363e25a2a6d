//! Runs the real engine and shows what was seen.

use std::fmt::Write as _;

use serde::Serialize;

use super::driver::run;
use super::limit;
use super::plan::{Plan, Schedules};
use super::progress::{self, mebibytes};
use super::traced::Traced;
use super::verdict;
use crate::found::Report;
use crate::found::run::{CrowdReport, RunReport, SoakReport, WayReport};
use crate::out::errln;
use crate::outcome::Outcome;
use crate::output::{Format, Output};
use crate::report::{self, count, grouped};

/// System descriptors of a random connection: both ends, and as many of one that
/// drains in the background.
const DESCRIPTORS_EACH: u64 = 4;
/// Descriptors of a worker: its listeners.
const DESCRIPTORS_OF_THREAD: u64 = 2;

/// The documented JSON of a run of any kind.
fn json(run: &impl Serialize) -> Option<String> {
    crate::output::json(&serde_json::json!({ "schema": 1, "run": run }))
}

/// Runs and prints.
pub(crate) fn command(plan: Plan, traced: &Traced, output: &Output) -> Outcome {
    let connections = match plan.schedules {
        Schedules::Fixed { .. } => return command_fixed(plan, traced, output),
        Schedules::Random { .. } => plan.open.saturating_mul(DESCRIPTORS_EACH),
        // The peers' process has the other ends.
        Schedules::Crowd => plan.open,
    };
    if let Err(error) = limit::raise(connections + plan.threads * DESCRIPTORS_OF_THREAD) {
        errln!("error: {error}");
        return Outcome::Usage;
    }
    if let Schedules::Random { seed, .. } = plan.schedules {
        errln!("seed {seed}");
    }
    let seen = match progress::shown(plan, output, |show| run(plan, traced, show)) {
        Ok(seen) => seen,
        Err(error) => {
            errln!("error: the run could not be finished: {error}");
            return Outcome::Differs;
        }
    };
    match plan.schedules {
        Schedules::Random { seed, .. } => {
            let report = SoakReport::new(seed, plan.threads, seen);
            deliver(&report, &report.run, &soak_text(&report), output)
        }
        Schedules::Fixed { .. } | Schedules::Crowd => {
            let report = CrowdReport::new(plan.open, plan.threads, seen);
            deliver(&report, &report.run, &crowd_text(&report), output)
        }
    }
}

fn command_fixed(plan: Plan, traced: &Traced, output: &Output) -> Outcome {
    let run = fixed_ways(plan, traced, output);
    if let Ok(run) = &run
        && output.is_text()
    {
        print(run, output);
    }
    let outcome = run.as_ref().map_or(Outcome::Differs, RunReport::outcome);
    let report = Report {
        run: Some(run.as_ref().map_err(String::as_str)),
        ..Report::new("cargo verify run", outcome)
    };
    let render = |format| match (format, &run) {
        (Format::Text, Ok(run)) => Some(text(run)),
        (Format::Json, Ok(run)) => json(run),
        (Format::Text | Format::Json, Err(_)) => None,
        _ => report::render(&report, format),
    };
    output.deliver(outcome, render, || None)
}

/// Prints what came of a run of another kind, and writes its files: `text` is for
/// people, the report itself is the JSON.
fn deliver<R: Serialize>(report: &R, run: &RunReport, text: &str, output: &Output) -> Outcome {
    if output.is_text() {
        show(run, text, output);
    }
    let render = |format| match format {
        Format::Text => Some(text.to_owned()),
        _ => json(report),
    };
    output.deliver(run.outcome(), render, || None)
}

/// Closes connections in the fixed ways. What keeps the run from starting is said
/// on standard error as well.
pub(crate) fn fixed_ways(
    plan: Plan,
    traced: &Traced,
    output: &Output,
) -> Result<RunReport, String> {
    let seen = progress::shown(plan, output, |show| run(plan, traced, show));
    if let Err(error) = &seen {
        errln!("error: the run could not be started: {error}");
    }
    seen.map(verdict::fixed)
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
    let heading = format!(
        "real TCP: {} closed in {:.1} s\n",
        count(report.connections, "connection"),
        report.seconds
    );
    heading + &top(report) + &bottom(report)
}

fn crowd_text(report: &CrowdReport) -> String {
    let heading = format!(
        "real TCP: {} opened in {:.2} s and open at once; closed by {}, with {} aborted once each, within {:.3} s\n",
        count(report.open_at_once, "connection"),
        report.open_seconds,
        count(report.threads, "thread"),
        count(report.aborted, "receive"),
        report.close_seconds
    );
    heading + &top(&report.run) + &bottom(&report.run)
}

fn soak_text(report: &SoakReport) -> String {
    let mut out = format!(
        "real TCP: {} closed in {:.1} s, at most {} open at once; seed {}\n",
        count(report.run.connections, "random connection"),
        report.run.seconds,
        grouped(report.most_open),
        report.seed
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
    out + &bottom(&report.run)
}

/// The table of the ways to close, and what went wrong.
fn top(report: &RunReport) -> String {
    let mut out = String::new();
    let heads = [
        "way",
        "closed",
        "unsent",
        "accepted B",
        "received B",
        "FIN",
        "RST",
    ];
    let heads = [heads.map(str::to_owned)];
    let rows = heads
        .into_iter()
        .chain(report.ways.iter().map(WayReport::columns));
    for [way, a, b, c, d, e, f] in rows {
        let _ = writeln!(
            out,
            "  {way:<16} {a:>7} {b:>9} {c:>13} {d:>13} {e:>6} {f:>6}"
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
fn bottom(report: &RunReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "  trace of {} {} by the protocol",
        count(report.trace_events, "event"),
        if report.trace_accepted {
            "accepted"
        } else {
            "REJECTED"
        }
    );
    if let Some(problem) = &report.first_problem {
        let _ = writeln!(out, "  first problem: {problem}");
    }
    let not = if report.ok { "" } else { "NOT " };
    let _ = writeln!(out, "  {not}as the rules say");
    out
}
