//! Runs a crowd and shows it.

use std::fmt::Write as _;

use super::super::print::{bottom, deliver, top};
use super::{CrowdReport, Plan, limit, run};
use crate::Outcome;
use crate::out::errln;
use crate::output::Output;
use crate::run::Traced;

/// Runs and prints.
pub(crate) fn command(plan: Plan, traced: &Traced, output: &Output) -> Outcome {
    if let Err(error) = limit::raise(plan.connections) {
        errln!("error: {error}");
        return Outcome::Usage;
    }
    let report = run(plan, traced);
    deliver(report, |it| &it.run, text, output)
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
