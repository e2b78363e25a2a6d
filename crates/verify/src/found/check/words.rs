//! What is said of a check in sentences: its verdict, what is wrong, and where to look.

use closesocket_trace::words::{count, grouped};

use super::{CheckReport, InvariantReport, ScenarioReport};

impl ScenarioReport {
    /// How the count of states differs from the pinned one, in words.
    pub(crate) fn states_problem(&self) -> Option<String> {
        let expected = self.expected_states?;
        let differs = self.complete && expected != self.unique_states;
        differs.then(|| {
            format!(
                "{} has {} and is pinned to {}",
                self.name,
                count(self.unique_states, "state"),
                grouped(expected as u64)
            )
        })
    }

    /// What is explored, in words.
    pub(crate) fn title(&self) -> String {
        match self.defect {
            Some(defect) => format!("{} with {defect}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// The command that shows it in the browser.
    pub(crate) fn explored_by(&self) -> String {
        match self.defect {
            Some(defect) => format!("`cargo verify explore --open --defect {defect}`"),
            None => format!("`cargo verify explore --open {}`", self.name),
        }
    }

    /// What is violated or fails, a line each, with the steps to it.
    pub(crate) fn closing(&self) -> Vec<(usize, String)> {
        let (mut lines, title) = (Vec::new(), self.title());
        let invariants = self.invariants.iter();
        for it in invariants.filter(|it| it.is_violated() || !it.is_as_expected()) {
            let steps = it.counterexample.len();
            let line = if it.is_violated() {
                let expected = if it.is_as_expected() {
                    " as expected"
                } else {
                    ""
                };
                let (id, what) = (it.id, it.what());
                let after = count(steps, "step");
                format!("violated{expected}: {title}: {id} after {after}{what}")
            } else {
                format!("not caught: {title}: {} holds", it.id)
            };
            lines.push((steps, format!("{line}; next: {}", self.explored_by())));
        }
        let cut = match &self.failure {
            Some(why) => format!("{title} was not explored completely: {why}"),
            None => format!("{title} was not explored completely"),
        };
        // A run ends at its violation, so a violated scenario has other states.
        let others = self.states_problem().filter(|_| !self.is_broken());
        let others = others.into_iter().chain((!self.complete).then_some(cut));
        lines.extend(others.map(|it| (usize::MAX, it)));
        lines
    }

    /// In words; what is not as it should be in capitals.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.complete, self.is_as_expected()) {
            (false, true) => "INCOMPLETE",
            (_, true) => "as expected",
            (_, false) if self.is_broken() => "VIOLATED",
            (_, false) => "DIFFERS",
        }
    }
}

impl InvariantReport {
    /// What is wrong, behind a colon; empty if it is not known.
    pub(crate) fn what(&self) -> String {
        let witness = self.witness.as_ref();
        witness.map_or_else(String::new, |it| format!(": {}", it.sentence))
    }
}

impl CheckReport {
    /// The verdict in words: that something is violated goes before that it differs.
    pub(crate) fn words(&self) -> &'static str {
        match self.broken() {
            0 => self.verdict,
            _ => "VIOLATED",
        }
    }

    /// Everything that is not as expected, a line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for scenario in &self.scenarios {
            let name = scenario.name;
            if !scenario.complete {
                problems.push(format!("{name} was not explored completely"));
            }
            problems.extend(scenario.states_problem());
            let wrong = scenario.invariants.iter();
            let wrong = wrong.filter(|it| !it.is_as_expected());
            problems.extend(wrong.map(|it| {
                let (id, found, expected) = (it.id, it.verdict, it.expected);
                format!("{name}: {id}: {found}, expected: {expected}")
            }));
        }
        problems
    }

    /// The last lines when something is violated or fails: what to look at, the
    /// shortest way first, and the command that shows it. Else nothing.
    pub(crate) fn closing(&self) -> String {
        let lines = self.scenarios.iter().flat_map(ScenarioReport::closing);
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|it| it.0);
        let left = lines.len().saturating_sub(CLOSING);
        let shown = lines.iter().take(CLOSING);
        let mut text: String = shown.map(|it| format!("{}\n", it.1)).collect();
        if left > 0 {
            text += &format!("and {left} more, above\n");
        }
        text
    }
}

/// The most lines of a failure that are said once more at the end.
const CLOSING: usize = 5;

#[cfg(test)]
mod tests {
    use closesocket_models::{Counterexample, Verdict};

    use super::super::tests::{report, smallest};

    #[test]
    fn the_last_lines_name_what_failed_and_what_to_do() {
        assert_eq!(report(|_| {}).closing(), "");
        let all = report(|found| {
            // A run ends at its violation, so there are other states: no news.
            found.unique_states -= 1;
            for it in &mut found.verdicts {
                it.1 = Verdict::Violated(Counterexample::default());
            }
        });
        let text = all.closing();
        let scenario = smallest().name;
        let invariant = all.scenarios[0].invariants[0].id;
        let first = format!(
            "violated: {scenario}: {invariant} after 0 steps; next: `cargo verify explore --open {scenario}`"
        );
        assert_eq!(text.lines().next(), Some(&*first));
        let left = all.broken() - super::CLOSING;
        let last = format!("and {left} more, above");
        assert_eq!(text.lines().last(), Some(&*last));
        let short = report(|found| found.complete = false);
        assert!(short.closing().ends_with("not explored completely\n"));
    }
}
