//! A path given step by step: where it leads, and what it violates.

use std::fmt;

use stateright::Model;

use crate::action::Action;
use crate::model::CloseModel;

/// How far a path could be followed, and what that violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The steps that could be taken, in words.
    pub taken: Vec<String>,
    /// The step that was not possible, if any: there the model parts from the
    /// path.
    pub refused: Option<Action>,
    /// The names of the violated invariants, one's own
    /// ([`CloseModel::judged_by`]) behind those of the table.
    pub violates: Vec<&'static str>,
}

impl CloseModel {
    /// Takes these steps from the start, as long as they are possible and
    /// nothing is violated.
    #[must_use]
    pub fn follow(&self, steps: &[Action]) -> Followed {
        let mut state = self.scenario.start();
        let mut taken = Vec::new();
        let (mut refused, mut violates) = (None, Vec::new());
        for step in steps {
            let mut possible = Vec::new();
            self.actions(&state, &mut possible);
            let Some(next) = possible.iter().find(|it| it.action == *step) else {
                refused = Some(*step);
                break;
            };
            for it in self.breaches(&state, next) {
                if !violates.contains(&it.id) {
                    violates.push(it.id);
                }
            }
            state = next.next;
            taken.push(step.to_string());
        }
        Followed {
            taken,
            refused,
            violates,
        }
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.taken.iter().enumerate() {
            writeln!(f, "{:>3}. {step}", index + 1)?;
        }
        if let Some(step) = self.refused {
            writeln!(f, "     not possible: {step}")?;
        }
        if self.violates.is_empty() {
            write!(f, "violates nothing")
        } else {
            write!(f, "violates {}", self.violates.join(", "))
        }
    }
}
