//! `cargo verify check`: explores scenarios and compares every verdict with the
//! expected one.

mod as_test;
mod print;
mod progress;
mod report;

use std::fs;
use std::io;
use std::path::Path;

use closesocket_models::{
    Defect, DefectSpec, Outcome as Found, SCENARIOS, Scenario, check_watched,
};

use crate::Outcome;
use crate::cli::Format;
use crate::out::errln;
use crate::output::Output;
use crate::parallel::side_by_side;
use crate::report::Report;
use crate::style::Style;
use progress::Progress;
pub(crate) use report::{CheckReport, InvariantReport, ScenarioReport};

/// What to explore.
pub(crate) struct Job {
    pub(crate) scenario: &'static Scenario,
    pub(crate) defect: Option<&'static DefectSpec>,
}

/// What to check, and how to show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// The scenarios; all of them if it is empty.
    pub(crate) scenarios: &'a [String],
    /// A defect, in the scenario that shows it.
    pub(crate) defect: Option<&'a str>,
    /// Draw the shortest counterexample in this file.
    pub(crate) svg: Option<&'a Path>,
    /// Print the shortest counterexample as a test.
    pub(crate) as_test: bool,
}

/// Checks the named scenarios, or all, or the scenario of a defect; prints.
pub(crate) fn command(plan: Plan<'_>, output: &Output) -> Outcome {
    let jobs = match jobs(plan.scenarios, plan.defect) {
        Ok(jobs) => jobs,
        Err(unknown) => {
            errln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    if plan.as_test {
        return as_test::command(&jobs, output);
    }
    let check = explore(&jobs, output);
    if output.is_text() {
        print_summary(&check, output);
    }
    if let Some(file) = plan.svg
        && let Err(error) = draw(&check, file)
    {
        errln!("error: {} cannot be written: {error}", file.display());
        return Outcome::Usage;
    }
    let outcome = check.outcome();
    let report = Report {
        command: "cargo verify check",
        outcome,
        check: Some(&check),
        defects: None,
        run: None,
    };
    let render = |format| match format {
        Format::Text => Some(text(&check)),
        Format::Json => crate::output::json(&check),
        format => report.render(format),
    };
    output.deliver(outcome, render, || Some(report.page()))
}

/// Writes the shortest counterexample, if there is one; if there is none, the
/// outcome says so.
fn draw(report: &CheckReport, file: &Path) -> io::Result<()> {
    match report.shortest() {
        Some(drawing) => fs::write(file, drawing.to_svg()),
        None => Ok(()),
    }
}

/// Explores every scenario.
pub(crate) fn every_scenario(output: &Output) -> CheckReport {
    explore(&every_job(), output)
}

/// Prints the summary of a report for people.
pub(crate) fn print_summary(report: &CheckReport, output: &Output) {
    let summary = print::summary(report, output.style);
    let brief = !output.is_chatty() && report.outcome() == Outcome::AsExpected;
    let lines = summary.lines().take(if brief { 1 } else { usize::MAX });
    let lines: Vec<_> = lines.collect();
    crate::out::text(format_args!("{}\n", lines.join("\n")));
}

/// All of a report for people.
pub(crate) fn text(report: &CheckReport) -> String {
    let width = width(report.scenarios.iter().map(|it| it.name));
    let lines = report.scenarios.iter();
    let lines: String = lines
        .map(|it| print::scenario(it, width, Style::PLAIN))
        .collect();
    lines + &print::summary(report, Style::PLAIN)
}

fn every_job() -> Vec<Job> {
    SCENARIOS
        .iter()
        .map(|scenario| Job {
            scenario,
            defect: None,
        })
        .collect()
}

fn jobs(names: &[String], defect: Option<&str>) -> Result<Vec<Job>, String> {
    if let Some(name) = defect {
        let spec = DefectSpec::named(name).ok_or_else(|| format!("there is no defect `{name}`"))?;
        let scenario = find(spec.scenario)?;
        return Ok(vec![Job {
            scenario,
            defect: Some(spec),
        }]);
    }
    if names.is_empty() {
        return Ok(every_job());
    }
    names
        .iter()
        .map(|name| {
            Ok(Job {
                scenario: find(name)?,
                defect: None,
            })
        })
        .collect()
}

/// The scenario of this name.
pub(crate) fn find(name: &str) -> Result<&'static Scenario, String> {
    let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| format!("there is no scenario `{name}`"))
}

/// Explores the jobs side by side. Each scenario is searched by one thread, so
/// that its counts and its depth are the same in every run.
fn explore(jobs: &[Job], output: &Output) -> CheckReport {
    let width = width(jobs.iter().map(|job| job.scenario.name));
    let progress = Progress::of(jobs, output);
    let reports = side_by_side(
        jobs,
        |job| job.scenario.states,
        |job| {
            let watched = progress.begin();
            let report = judge(job, &|states| watched.look(states));
            watched.end(job.scenario.states);
            if output.is_chatty() || (output.is_text() && !report.is_plain()) {
                // One call, so that the lines of two threads do not mix.
                let text = print::scenario(&report, width, output.style);
                progress.aside(|| crate::out::text(format_args!("{text}")));
            }
            report
        },
    );
    progress.finish();
    CheckReport::new(reports)
}

/// The length of the longest name.
fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(str::len).max().unwrap_or(0)
}

/// Explores one job, and tells now and then how many states it has found.
pub(crate) fn judge(job: &Job, watch: &dyn Fn(usize)) -> ScenarioReport {
    let defect: Option<Defect> = job.defect.map(|spec| spec.defect);
    let found: Found = check_watched(job.scenario, defect, watch);
    ScenarioReport::new(job.scenario, job.defect, found)
}
