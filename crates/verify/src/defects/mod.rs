//! `cargo verify defects`: every defect of the catalogue must be caught, by the
//! invariants that it is pinned to, and every invariant must be broken by one. So
//! must be the algorithms of others, whose repairs must pass.

mod field;
mod print;

use std::time::Instant;

use closesocket_models::{DefectSpec, check};

use crate::check::{Job, own};
use crate::found::Report;
use crate::found::defects::{Catalogue, DefectsReport, Found, difference};
use crate::interrupt::Part;
use crate::out::{errln, outln};
use crate::outcome::Outcome;
use crate::output::{Format, Output};
use crate::parallel::side_by_side;
use crate::report;
use crate::style::Style;
use crate::suite::suite;

/// Checks the catalogue and prints the matrix.
pub(crate) fn command(output: &Output) -> Outcome {
    let defects = catalogue(output);
    if output.is_chatty() {
        crate::out::text(format_args!("{}\n", tables(&defects, output.style)));
    }
    if output.is_text() {
        outln!("{}, {:.1} s", defects.summary(), defects.seconds);
    }
    complain(&defects);
    let outcome = defects.outcome();
    let report = Report {
        defects: Some(&defects),
        ..Report::new("cargo verify defects", outcome)
    };
    let render = |format| match format {
        Format::Text => {
            let tables = tables(&defects, Style::PLAIN);
            Some(format!("{tables}\n{}\n", defects.summary()))
        }
        Format::Json => crate::output::json(&defects),
        format => report::render(&report, format),
    };
    output.deliver(outcome, render, || Some(report::page(&report)))
}

/// The matrix of the catalogue, and what was seen elsewhere.
fn tables(report: &DefectsReport, style: Style) -> String {
    print::matrix(report, style) + &field::table(style)
}

/// Checks the catalogue for the main job: one line, if it is for people. What a model that
/// is `violated` itself violates with its defects too is no news.
pub(crate) fn summary(output: &Output, violated: bool) -> DefectsReport {
    let report = catalogue(output);
    if output.is_text() {
        outln!("{}", report.summary());
    }
    if violated && !report.problems.is_empty() {
        errln!("note: the model is violated without a defect too, so its defects differ");
    } else {
        complain(&report);
    }
    report
}

/// Complaints go to standard error, where they do not spoil the JSON.
fn complain(report: &DefectsReport) {
    for problem in &report.problems {
        errln!("error: {problem}");
    }
}

/// Checks every defect in its scenario.
fn catalogue(output: &Output) -> DefectsReport {
    let begin = Instant::now();
    let bar = output.progress(
        suite().defects.len() as u64,
        "checking defects {pos}/{len} {wide_bar} {msg}",
    );
    let part = Part::begin("defect", "checked", Some(suite().defects.len()));
    let all: Vec<&'static DefectSpec> = suite().defects.iter().collect();
    let found = side_by_side(&all, states, |spec| {
        let model = Job::with(spec).and_then(|job| {
            bar.set_message(job.name());
            job.model().map_err(|it| it.to_string())
        });
        let found = match model {
            Ok(model) => {
                let mut found = check(&model);
                found.verdicts.extend(own::verdicts(&model));
                Found::new(&model, &found)
            }
            Err(error) => {
                errln!("error: {error}");
                Found::default()
            }
        };
        bar.inc(1);
        part.done(difference(spec, &found));
        found
    });
    bar.finish_and_clear();
    let catalogue = Catalogue {
        defects: suite().defects,
        invariants: &suite().judged(),
        to_break: &suite().must_be_broken(),
    };
    let mut report = catalogue.judge(found);
    report.problems.extend(field::problems());
    report.seconds = begin.elapsed().as_secs_f64();
    report
}

/// How large the scenario of a defect is without it.
fn states(spec: &&DefectSpec) -> usize {
    suite().scenario(spec.scenario).map_or(0, |it| it.states)
}
