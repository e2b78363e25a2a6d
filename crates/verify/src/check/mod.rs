//! `cargo verify check`: explores scenarios and compares every verdict with the
//! expected one.

mod print;
mod report;

use std::fs;
use std::io;
use std::path::Path;

use closesocket_models::{Defect, DefectSpec, Outcome as Found, SCENARIOS, Scenario, check};

use crate::Outcome;
use crate::cli::Format;
use crate::out::errln;
use crate::parallel::side_by_side;
pub(crate) use report::CheckReport;
use report::ScenarioReport;

/// What to explore.
pub(crate) struct Job {
    pub(crate) scenario: &'static Scenario,
    pub(crate) defect: Option<&'static DefectSpec>,
}

/// Checks the named scenarios, or all, or the scenario of a defect; prints, and
/// draws the defect's shortest counterexample in a file if one is given.
pub(crate) fn command(
    names: &[String],
    defect: Option<&str>,
    svg: Option<&Path>,
    format: Format,
) -> Outcome {
    let jobs = match jobs(names, defect) {
        Ok(jobs) => jobs,
        Err(unknown) => {
            errln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    let report = explore(&jobs, format);
    match format {
        Format::Text => print::summary(&report),
        Format::Json => crate::print_json(&report),
    }
    if let Some(file) = svg
        && let Err(error) = draw(&report, file)
    {
        errln!("error: {} cannot be written: {error}", file.display());
        return Outcome::Usage;
    }
    report.outcome()
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
pub(crate) fn every_scenario(format: Format) -> CheckReport {
    let jobs: Vec<_> = SCENARIOS
        .iter()
        .map(|scenario| Job {
            scenario,
            defect: None,
        })
        .collect();
    explore(&jobs, format)
}

/// Prints the summary of a report for people.
pub(crate) fn print_summary(report: &CheckReport) {
    print::summary(report);
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
        return Ok(SCENARIOS
            .iter()
            .map(|scenario| Job {
                scenario,
                defect: None,
            })
            .collect());
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
fn explore(jobs: &[Job], format: Format) -> CheckReport {
    let width = jobs
        .iter()
        .map(|job| job.scenario.name.len())
        .max()
        .unwrap_or(0);
    let reports = side_by_side(
        jobs,
        |job| job.scenario.states,
        |job| {
            let report = judge(job);
            if format == Format::Text {
                print::scenario(&report, width);
            }
            report
        },
    );
    CheckReport::new(reports)
}

/// Explores one job.
pub(crate) fn judge(job: &Job) -> ScenarioReport {
    let defect: Option<Defect> = job.defect.map(|spec| spec.defect);
    let found: Found = check(job.scenario, defect);
    ScenarioReport::new(job.scenario, job.defect, found)
}
