//! Every invariant, evaluated on one step.

use closesocket::protocol::invariant::Invariant;

use crate::breach::Breach;
use crate::model::{CloseModel, Transition};
use crate::state::State;
use crate::view::View;

/// An invariant and whether it holds of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub id: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    /// What goes wrong for users when it does not.
    pub why: &'static str,
    /// The clauses of the specification that it proves.
    pub clauses: &'static [&'static str],
    /// What the step breaks of it.
    pub breach: Option<Breach>,
}

impl Judged {
    /// Whether it holds of the step.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.breach.is_none()
    }
}

impl CloseModel {
    /// Evaluates every invariant on the step from `before` by `transition`; without
    /// one, on the start, where every invariant holds. A step that the model does not
    /// have is judged as one that no rule speaks of.
    #[must_use]
    pub fn judged(&self, before: &State, transition: Option<&Transition>) -> Vec<Judged> {
        let breaches = transition.map_or_else(Vec::new, |it| self.breaches(before, it));
        let table = Invariant::<View<'static>>::TABLE;
        let judged = table.iter().map(|it| Judged {
            id: it.id,
            sentence: it.sentence,
            why: it.why,
            clauses: it.clauses,
            breach: breaches.iter().find(|breach| breach.id == it.id).cloned(),
        });
        judged.collect()
    }
}
