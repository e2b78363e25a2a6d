//! Runs a crowd and shows it.

use std::path::Path;

use serde::Serialize;

use super::super::print::{print_bottom, print_top};
use super::{CrowdReport, Plan, limit, run};
use crate::Outcome;
use crate::cli::Format;
use crate::out::{errln, outln};

/// The documented JSON of a crowd.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    run: &'a CrowdReport,
}

/// Runs and prints.
pub(crate) fn command(plan: Plan, trace: Option<&Path>, format: Format) -> Outcome {
    if let Err(error) = limit::raise(plan.connections) {
        errln!("error: {error}");
        return Outcome::Usage;
    }
    let report = match run(plan, trace) {
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

fn print_text(report: &CrowdReport) {
    outln!(
        "real TCP: {} connections opened in {:.2} s and open at once; {} threads closed them, and all {} receives were aborted once, within {:.3} s",
        report.open_at_once,
        report.open_seconds,
        report.threads,
        report.aborted,
        report.close_seconds
    );
    print_top(&report.run);
    print_bottom(&report.run);
}
