//! What has to hold: the invariants, and the rules of the gate itself.

use closesocket::protocol::invariant::Invariant;
use closesocket_models::View;

use crate::suite::suite;

/// What a case is about: an invariant, or a rule of the gate itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) why: &'static str,
    pub(crate) clauses: &'static [&'static str],
}

/// The rules of the gate, beside the invariants.
const GATE: [Rule; 5] = [
    Rule {
        id: STATES,
        sentence: "A scenario has as many states as it is pinned to.",
        why: "A scenario that shrinks unnoticed proves less than it says.",
        clauses: &[],
    },
    Rule {
        id: COMPLETE,
        sentence: "Every scenario is explored completely.",
        why: "A search that was cut off proves nothing.",
        clauses: &[],
    },
    Rule {
        id: ANY_NUMBER,
        sentence: "The invariants hold for any number of threads, calls, operations, duplicates and reuses.",
        why: "What holds in small worlds alone may fail in a larger one.",
        clauses: &[],
    },
    Rule {
        id: DEFECTS,
        sentence: "Every known defect is caught as it is pinned, and every invariant is broken by one.",
        why: "A check that cannot fail proves nothing.",
        clauses: &[],
    },
    Rule {
        id: CONNECTIONS,
        sentence: "Real connections are closed as the rules say.",
        why: "What holds in the model would not hold in the engine.",
        clauses: &[],
    },
];

pub(super) const STATES: &str = "states-as-pinned";
pub(super) const COMPLETE: &str = "explored-completely";
pub(super) const ANY_NUMBER: &str = "proved-for-any-number";
pub(super) const DEFECTS: &str = "defects-as-pinned";
pub(super) const CONNECTIONS: &str = "real-connections-as-the-rules-say";

/// The invariants: those of the table, then one's own.
pub(crate) fn every_invariant() -> impl Iterator<Item = Rule> {
    let table = Invariant::<View<'static>>::TABLE
        .into_iter()
        .map(|it| Rule {
            id: it.id,
            sentence: it.sentence,
            why: it.why,
            clauses: it.clauses,
        });
    let own = suite().invariants.iter().map(|it| Rule {
        id: it.id,
        sentence: it.sentence,
        why: it.why,
        clauses: &[],
    });
    table.chain(own)
}

/// All rules, the invariants first.
pub(super) fn rules() -> impl Iterator<Item = Rule> {
    every_invariant().chain(GATE)
}

/// The rule of this name.
pub(crate) fn rule(id: &str) -> Option<Rule> {
    rules().find(|it| it.id == id)
}
