//! `cargo verify sweep`: every scenario with each of its bounds raised by one,
//! within limits of time and memory. The verdict must stay.

use std::time::Duration;

use closesocket_models::{Bound, CloseModel, Limits, Scenario, check_within};

use crate::found::sweep::{Row, SweepReport};
use crate::interrupt::Part;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::parallel::side_by_side;
use crate::report::count;
use crate::suite::suite;

/// How far a sweep goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Where each search gives up.
    pub(crate) limits: Limits,
    /// Only scenarios of at most so many states.
    pub(crate) up_to: usize,
}

impl Plan {
    pub(crate) fn new(seconds: u64, states: usize, up_to: Option<usize>) -> Self {
        Self {
            limits: Limits {
                states,
                time: Duration::from_secs(seconds),
                ..Limits::NONE
            },
            up_to: up_to.unwrap_or(usize::MAX),
        }
    }
}

/// Sweeps and prints a table.
pub(crate) fn command(plan: Plan, output: &Output) -> Outcome {
    let report = sweep(plan, output);
    let text = || match report.is_empty() {
        true => format!(
            "no scenario has {} or fewer: no bound is raised\n",
            count(plan.up_to, "state")
        ),
        false => report.text(),
    };
    output.tell(report.outcome(), text, &report)
}

fn sweep(plan: Plan, output: &Output) -> SweepReport {
    let scenarios = suite()
        .scenarios
        .iter()
        .filter(|it| it.states <= plan.up_to);
    let jobs: Vec<(&Scenario, Bound)> = scenarios
        .flat_map(|scenario| Bound::ALL.map(|bound| (scenario, bound)))
        .collect();
    let bar = output.progress(
        jobs.len() as u64,
        "raising bounds {pos}/{len} {wide_bar} {msg}",
    );
    let part = Part::begin("bound", "raised", Some(jobs.len()));
    let rows = side_by_side(
        &jobs,
        |(scenario, _)| scenario.states,
        |(scenario, bound)| {
            bar.set_message(scenario.name);
            let raised = scenario.raised(*bound);
            let fits = |it| CloseModel::new(it, None).map_err(|_| "the state has no room for it");
            let model = raised.and_then(fits);
            let found = model.map(|it| check_within(&it, plan.limits));
            bar.inc(1);
            let row = Row::new(scenario, *bound, found);
            part.done(row.line());
            row
        },
    );
    bar.finish_and_clear();
    SweepReport::new(rows)
}
