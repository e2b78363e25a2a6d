//! Explores, and judges what was found.

use closesocket_models::{CloseModel, Failure, Outcome as Found, Progress as Far, check_by};

use super::job::Job;
use super::progress::Progress;
use super::search::Search;
use super::{own, print};
use crate::found::check::{CheckReport, ScenarioReport};
use crate::out::errln;
use crate::output::Output;
use crate::parallel::side_by_side;

/// Explores the jobs side by side, each by one thread, unless something else is
/// asked for. With `lines`, each has its line for people as soon as it is done.
pub(super) fn explore(jobs: &[Job], search: &Search, output: &Output, lines: bool) -> CheckReport {
    let width = print::width(jobs.iter().map(|job| job.scenario.name));
    let states = jobs.iter().map(|job| job.scenario.states);
    let progress = Progress::of(states.sum(), jobs.len(), output);
    let one = |job: &Job| {
        let watched = progress.begin();
        let report = judge(job, search, &|far| watched.look(far));
        watched.end(&report);
        if lines && (output.is_chatty() || !report.is_plain()) {
            // One call, so that the lines of two threads do not mix.
            let text = print::scenario(&report, width, output.style);
            progress.aside(|| crate::out::text(format_args!("{text}")));
        }
        report
    };
    let reports = if search.in_turn {
        jobs.iter().map(one).collect()
    } else {
        side_by_side(jobs, |job| job.scenario.states, one)
    };
    progress.finish();
    CheckReport::new(reports)
}

/// Explores one job, as nobody asked for anything else.
pub(crate) fn judge_plainly(job: &Job, watch: &dyn Fn(&Far)) -> ScenarioReport {
    judge(job, &Search::plain(std::slice::from_ref(job)), watch)
}

/// Explores one job, and tells now and then how far it is.
fn judge(job: &Job, search: &Search, watch: &dyn Fn(&Far)) -> ScenarioReport {
    let full = match job.model() {
        Ok(model) => model,
        Err(error) => {
            errln!("error: {error}");
            return ScenarioReport::unexplored(job.scenario, job.defect);
        }
    };
    let by = |model| check_by(model, search.checker, &search.options, watch);
    let reduced = job.reduced.then(|| full.reduced());
    let found = by(reduced.as_ref().unwrap_or(&full));
    if let Some(failure) = found.failure.clone() {
        let name = job.scenario.name;
        errln!("error: {name}: {failure}");
        // Of a search that has counted nothing there is no verdict, either.
        let mut report = match found.unique_states {
            0 => ScenarioReport::unexplored(job.scenario, job.defect),
            _ => ScenarioReport::new(&full, job.defect, found),
        };
        report.misasked = is_misasked(&failure);
        report.failure = Some(failure.to_string());
        return report;
    }
    match reduced {
        Some(reduced) if found.violated().is_empty() => with_own(&reduced, job, found),
        // Who was exchanged for whom is not told: the way there is shown in full.
        Some(_) => with_own(&full, job, by(&full)),
        None => with_own(&full, job, found),
    }
}

/// The report, with the invariants of one's own.
fn with_own(model: &CloseModel, job: &Job, mut found: Found) -> ScenarioReport {
    found.verdicts.extend(own::verdicts(model));
    ScenarioReport::new(model, job.defect, found)
}

/// Whether a search came to nothing because of what was asked for.
fn is_misasked(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Meeting(_) | Failure::NotThis { .. } | Failure::File { .. }
    )
}
