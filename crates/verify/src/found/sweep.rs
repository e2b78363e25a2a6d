//! What became of every scenario with a bound raised.

use std::fmt::Write as _;

use closesocket_models::{Bound, Outcome as Found, Scenario};
use serde::Serialize;

use crate::outcome::Outcome;

/// A scenario with one bound raised by one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    scenario: &'static str,
    bound: &'static str,
    /// `holds`, `violated`, `incomplete` (it was cut off and proves nothing) or
    /// `not raised`.
    verdict: &'static str,
    /// Why it was not raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// The states of the scenario as it is.
    states_before: usize,
    states: usize,
    seconds: f64,
    /// What is violated.
    violates: Vec<&'static str>,
}

impl Row {
    pub(crate) fn new(
        scenario: &Scenario,
        bound: Bound,
        found: Result<Found, &'static str>,
    ) -> Self {
        let mut row = Self {
            scenario: scenario.name,
            bound: bound.name(),
            verdict: "not raised",
            why: None,
            states_before: scenario.states,
            states: 0,
            seconds: 0.0,
            violates: Vec::new(),
        };
        match found {
            Err(why) => row.why = Some(why),
            Ok(found) => {
                row.violates = found.violated();
                row.states = found.unique_states;
                row.seconds = found.seconds;
                // A violation that was found stands, whatever else was cut off.
                row.verdict = match (row.violates.is_empty(), found.complete) {
                    (false, _) => VIOLATED,
                    (true, true) => HOLDS,
                    (true, false) => INCOMPLETE,
                };
            }
        }
        row
    }

    /// Its line in the table, if it was raised.
    pub(crate) fn line(&self) -> Option<String> {
        let verdict = if self.violates.is_empty() {
            self.verdict.to_owned()
        } else {
            format!("VIOLATED: {}", self.violates.join(", "))
        };
        self.why.is_none().then(|| {
            format!(
                "| {} | {} | {} | {} | {:.1} | {verdict} |",
                self.scenario, self.bound, self.states_before, self.states, self.seconds
            )
        })
    }
}

const HOLDS: &str = "holds";
const VIOLATED: &str = "violated";
const INCOMPLETE: &str = "incomplete";

/// The whole sweep.
#[derive(Debug, Serialize)]
pub(crate) struct SweepReport {
    schema: u32,
    rows: Vec<Row>,
}

impl SweepReport {
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        Self { schema: 1, rows }
    }

    /// Whether there was nothing to raise a bound of.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn count(&self, verdict: &str) -> usize {
        self.rows.iter().filter(|it| it.verdict == verdict).count()
    }

    /// A violation fails. A row that was cut off may hide one, and a sweep of
    /// nothing proves nothing: a lower limit must not make a failure a success.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.count(VIOLATED) > 0 {
            Outcome::Differs
        } else if self.count(INCOMPLETE) > 0 || self.count(HOLDS) == 0 {
            Outcome::Incomplete
        } else {
            Outcome::AsExpected
        }
    }

    /// A table that is one of markdown, too.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "| scenario | bound raised | states | states raised | seconds | verdict |"
        );
        let _ = writeln!(out, "|---|---|---|---|---|---|");
        for line in self.rows.iter().filter_map(Row::line) {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(out, "\nnot raised:");
        for row in &self.rows {
            if let Some(why) = row.why {
                let _ = writeln!(out, "  {}, {}: {why}", row.scenario, row.bound);
            }
        }
        let _ = writeln!(
            out,
            "\nsweep: {} hold, {} violated, {} incomplete, {} not raised",
            self.count(HOLDS),
            self.count(VIOLATED),
            self.count(INCOMPLETE),
            self.count("not raised")
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use closesocket_models::{
        Bound, CloseModel, Counterexample, Limits, Scenario, Verdict, check_within,
    };

    use super::{Row, SweepReport};
    use crate::outcome::Outcome;

    /// A raised scenario, searched up to so many states.
    fn row(states: usize, violated: bool) -> Row {
        let scenario = Scenario::named("system-handles").expect("a scenario");
        let limits = Limits {
            states,
            ..Limits::NONE
        };
        let raised = scenario.raised(Bound::Threads).expect("room for a thread");
        let model = CloseModel::new(raised, None).expect("it fits");
        let mut found = check_within(&model, limits);
        if violated {
            found.verdicts[0].1 = Verdict::Violated(Counterexample::default());
        }
        Row::new(scenario, Bound::Threads, Ok(found))
    }

    #[test]
    fn a_row_that_was_cut_off_proves_nothing_although_another_holds() {
        let (whole, cut) = (row(usize::MAX, false), row(10, false));
        assert_eq!((whole.verdict, cut.verdict), ("holds", "incomplete"));
        assert!(whole.states > whole.states_before);
        let outcome = |rows| SweepReport::new(rows).outcome();
        assert_eq!(outcome(vec![whole.clone()]), Outcome::AsExpected);
        assert_eq!(outcome(vec![whole, cut.clone()]), Outcome::Incomplete);
        assert_eq!(outcome(vec![cut]), Outcome::Incomplete);
        assert_eq!(outcome(Vec::new()), Outcome::Incomplete);
    }

    #[test]
    fn a_violation_fails_although_the_search_was_cut_off() {
        let report = SweepReport::new(vec![row(usize::MAX, false), row(10, true)]);
        assert_eq!(report.outcome(), Outcome::Differs);
    }

    #[test]
    fn what_has_no_room_says_why() {
        let scenario = Scenario::named("nonblocking-linger").expect("a scenario");
        let full = scenario.raised(Bound::Threads).err();
        assert_eq!(full, Some("the state has no room for one more thread"));
    }
}
