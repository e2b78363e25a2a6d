//! Every invariant, evaluated on one step.

use closesocket::protocol::invariant::{Event, Invariant, Step, Violations, violations};

use crate::model::{CloseModel, ENDS, Transition};
use crate::rank::rank;
use crate::state::State;
use crate::view::View;

/// An invariant and whether it holds of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name.
    pub id: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    /// The clauses of the specification that it proves.
    pub clauses: &'static [&'static str],
    /// Whether it holds of the step.
    pub holds: bool,
}

impl CloseModel {
    /// Evaluates every invariant, by its own predicate, on the step from `before`
    /// by `transition`; without one, on the start, as on a step that changes
    /// nothing. A step that the model does not have is judged as one that no rule
    /// speaks of.
    #[must_use]
    pub fn judged(&self, before: &State, transition: Option<&Transition>) -> Vec<Judged> {
        let (event, after, falls) = match transition {
            None => (Event::Internal, *before, true),
            Some(it) => {
                let falls = rank(&it.next) < rank(before);
                (self.event(before, it), it.next, falls)
            }
        };
        let view = |state| View {
            scenario: self.scenario,
            state,
        };
        let mut violated = violations(&Step {
            before: &view(before),
            event,
            after: &view(&after),
        });
        if !falls {
            violated = Violations::from_bits(violated.bits() | 1 << ENDS);
        }
        let table = Invariant::<View<'static>>::TABLE;
        let judged = table.iter().enumerate().map(|(index, it)| Judged {
            id: it.id,
            sentence: it.sentence,
            clauses: it.clauses,
            holds: !violated.contains(index),
        });
        judged.collect()
    }

    /// What a transition of this state was, for the rules.
    fn event(&self, before: &State, transition: &Transition) -> Event {
        let mut found = Event::Internal;
        self.transitions(before, |event, it| {
            if it == *transition {
                found = event;
            }
        });
        found
    }
}
