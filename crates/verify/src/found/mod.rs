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
    /// The verdict in words.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.outcome {
            Outcome::AsExpected => "as expected",
            Outcome::Incomplete => "incomplete: nothing is proved",
            _ if self.check.is_some_and(|it| it.broken() > 0) => "an invariant is VIOLATED",
            Outcome::Differs | Outcome::Usage => "differs from what is expected",
        }
    }
}
