//! Invariants of one's own: each has a search of its own.

use closesocket_models::{CloseModel, Verdict, search_violation};

use crate::suite::suite;

/// What became of each in this model, by its name.
pub(crate) fn verdicts(model: &CloseModel) -> Vec<(&'static str, Verdict)> {
    let own = suite().invariants.iter();
    let judged = own.map(|it| {
        let found = search_violation(model, |step| it.holds(step));
        (it.id, found.map_or(Verdict::Holds, Verdict::Violated))
    });
    judged.collect()
}
