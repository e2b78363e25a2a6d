//! `cargo verify defects`: every defect of the catalogue must be caught, by the
//! invariants that it is pinned to, and every invariant must be broken by one.

mod print;
mod report;

use std::time::{Duration, Instant};

use closesocket_models::{DEFECTS, DefectSpec, Scenario, check};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Outcome;
use crate::cli::Format;
use crate::out::{errln, outln};
use crate::parallel::side_by_side;
use report::{Catalogue, Found};
pub(crate) use report::{DefectsReport, Entry};

/// Checks the catalogue and prints the matrix.
pub(crate) fn command(format: Format) -> Outcome {
    let (report, time) = catalogue();
    match format {
        Format::Text => print::matrix(&report, time),
        Format::Json => crate::print_json(&report.json()),
    }
    complain(&report);
    report.outcome()
}

/// Checks the catalogue for the main job: one line, if it is for people.
pub(crate) fn summary(format: Format) -> DefectsReport {
    let (report, _) = catalogue();
    if format == Format::Text {
        outln!("{}", report.summary());
    }
    complain(&report);
    report
}

/// Complaints go to standard error, where they do not spoil the JSON.
fn complain(report: &DefectsReport) {
    for problem in &report.problems {
        errln!("error: {problem}");
    }
}

/// Checks every defect in its scenario.
fn catalogue() -> (DefectsReport, Duration) {
    let begin = Instant::now();
    // Hides itself where standard error is no terminal.
    let bar = ProgressBar::new(DEFECTS.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("checking defects {pos}/{len} {wide_bar} {msg}")
    {
        bar.set_style(style);
    }
    let found = side_by_side(DEFECTS, states, |spec| {
        bar.set_message(spec.name);
        let found = Scenario::named(spec.scenario).map_or_else(Found::default, |scenario| {
            Found::from(&check(scenario, Some(spec.defect)))
        });
        bar.inc(1);
        found
    });
    bar.finish_and_clear();
    (Catalogue::SHIPPED.judge(found), begin.elapsed())
}

/// How large the scenario of a defect is without it.
fn states(spec: &DefectSpec) -> usize {
    Scenario::named(spec.scenario).map_or(0, |it| it.states)
}
