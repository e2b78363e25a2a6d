//! What was found: plain data. It knows neither the commands that find it nor the
//! formats that it is written in.

pub(crate) mod check;
pub(crate) mod code;
pub(crate) mod defects;
pub(crate) mod prove;
#[cfg_attr(not(connections), allow(dead_code, reason = "only a run finds it"))]
pub(crate) mod run;
pub(crate) mod sweep;
pub(crate) mod witness;
pub(crate) mod world;

use crate::outcome::Outcome;
use check::CheckReport;
use defects::DefectsReport;
use prove::ProveReport;
use run::RunReport;

/// What a command has found. A part that it does not have is absent.
#[derive(Clone, Copy)]
pub(crate) struct Report<'a> {
    /// How the command is called, as in `cargo verify check`.
    pub(crate) command: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) check: Option<&'a CheckReport>,
    pub(crate) prove: Option<&'a ProveReport>,
    pub(crate) defects: Option<&'a DefectsReport>,
    /// What was seen of real connections, or why they could not be closed.
    pub(crate) run: Option<Result<&'a RunReport, &'a str>>,
}

impl Report<'_> {
    /// Without any part.
    pub(crate) const fn new(command: &'static str, outcome: Outcome) -> Self {
        Self {
            command,
            outcome,
            check: None,
            prove: None,
            defects: None,
            run: None,
        }
    }

    /// The verdict in words.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.outcome {
            Outcome::AsExpected => "as expected",
            Outcome::Incomplete => "incomplete: nothing is proved",
            _ if self.check.is_some_and(|it| it.broken() > 0) => "an invariant is VIOLATED",
            Outcome::Differs | Outcome::Usage => "differs from what is expected",
        }
    }

    /// The last lines when something fails: what, and the command that shows it. What is
    /// violated in the model goes before all that may follow from it.
    pub(crate) fn closing(&self) -> String {
        let violated = self.check.map_or_else(String::new, CheckReport::closing);
        if !violated.is_empty() {
            return violated;
        }
        let proof = self.prove.map_or_else(Vec::new, ProveReport::problems);
        let defects = self.defects.map_or(&[][..], |it| &it.problems);
        let run = self.run.and_then(Result::ok).filter(|it| !it.ok);
        let ran = run.and_then(|it| it.checks().into_iter().find_map(|it| it.problem));
        let parts = [
            (proof.first(), "`cargo verify prove`"),
            (defects.first(), "`cargo verify defects`"),
            (
                ran.as_ref(),
                "`cargo verify run --trace run.jsonl`, then `cargo verify replay run.jsonl`",
            ),
        ];
        let failed = parts.into_iter().filter_map(|(problem, next)| {
            let first = problem?.lines().next()?;
            Some(format!("failed: {first}; next: {next}\n"))
        });
        failed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::check::tests::report as check;
    use super::{Report, run::RunReport};
    use crate::outcome::Outcome;

    #[test]
    fn the_last_lines_lead_to_what_failed_and_the_model_goes_first() {
        let run = RunReport {
            first_problem: Some("thread 1, event 2\n  its state".to_owned()),
            ..RunReport::default()
        };
        let (sound, cut) = (check(|_| {}), check(|it| it.complete = false));
        let closing = |check, run| {
            let report = Report {
                check: Some(check),
                run: Some(Ok(run)),
                ..Report::new("cargo verify", Outcome::Differs)
            };
            report.closing()
        };
        let fine = RunReport {
            ok: true,
            ..RunReport::default()
        };
        assert_eq!(closing(&sound, &fine), "");
        let rejected = "failed: the protocol rejects the trace; first problem: thread 1, event 2; next: \
             `cargo verify run --trace run.jsonl`, then `cargo verify replay run.jsonl`\n";
        assert_eq!(closing(&sound, &run), rejected);
        assert_eq!(closing(&cut, &run), cut.closing());
    }
}
