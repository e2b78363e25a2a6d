//! Runs a crowd and shows it.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::super::print::{bottom, top};
use super::{CrowdReport, Plan, limit, run};
use crate::Outcome;
use crate::cli::Format;
use crate::out::errln;
use crate::output::Output;

/// The documented JSON of a crowd.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    run: &'a CrowdReport,
}

/// Runs and prints.
pub(crate) fn command(plan: Plan, trace: Option<&Path>, output: &Output) -> Outcome {
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
    if output.is_text() {
        crate::out::text(format_args!("{}", text(&report)));
    }
    let render = |format| match format {
        Format::Text => Some(text(&report)),
        _ => crate::output::json(&Json {
            schema: 1,
            run: &report,
        }),
    };
    output.deliver(super::super::verdict(&report.run), render, || None)
}

fn text(report: &CrowdReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "real TCP: {} connections opened in {:.2} s and open at once; {} threads closed them, and all {} receives were aborted once, within {:.3} s",
        report.open_at_once,
        report.open_seconds,
        report.threads,
        report.aborted,
        report.close_seconds
    );
    out += &top(&report.run);
    out += &bottom(&report.run);
    out
}
