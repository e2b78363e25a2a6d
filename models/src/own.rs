//! What somebody brings of their own: an invariant, and a deviation from the algorithm.

use std::fmt;
use std::hash::{Hash, Hasher};

use closesocket::protocol::invariant::{Event, Step, Witness};

use crate::action::Action;
use crate::scenario::Scenario;
use crate::state::State;
use crate::view::View;

/// An invariant of one's own: a predicate over one step (before, event, after) of
/// every run.
#[derive(Clone, Copy, Debug)]
pub struct OwnInvariant {
    /// The name used everywhere, kebab-case.
    pub id: &'static str,
    /// What must hold, in one sentence.
    pub sentence: &'static str,
    /// What goes wrong for users when it does not.
    pub why: &'static str,
    /// Whether it holds of a step.
    pub judge: Judge,
}

/// What judges a step.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    /// Says whether the invariant holds.
    Holds(fn(&Step<'_, View<'_>>) -> bool),
    /// Looks for what speaks against it: it holds if there is nothing. What it finds
    /// is shown wherever the invariant is violated, as those of the table do it.
    Witness(fn(&Step<'_, View<'_>>) -> Option<Witness>),
}

impl OwnInvariant {
    /// Whether it holds of a step.
    #[must_use]
    pub fn holds(&self, step: &Step<'_, View<'_>>) -> bool {
        match self.judge {
            Judge::Holds(holds) => holds(step),
            Judge::Witness(witness) => witness(step).is_none(),
        }
    }

    /// What speaks against it in a step, if it can say that.
    pub(crate) fn witness(&self, step: &Step<'_, View<'_>>) -> Option<Witness> {
        match self.judge {
            Judge::Holds(_) => None,
            Judge::Witness(witness) => witness(step),
        }
    }
}

/// A deviation of one's own: what becomes of each step of the algorithm. It is given
/// the step as the algorithm takes it, may change what it comes to, and says whether
/// it is taken at all.
///
/// It may ask the protocol anything: `after.socket(0).machine()` is the shipped
/// machine. It decides by what it is given only, since a search asks it again and
/// again, and it must not name things that the scenario does not have. Every step
/// that it lets pass is judged by every invariant, and by the rank.
#[derive(Clone, Copy)]
pub struct Deviation(pub fn(&mut Deviating<'_>) -> bool);

/// A step of the algorithm that a [`Deviation`] may change.
#[derive(Debug)]
pub struct Deviating<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The state that it is taken in.
    pub before: &'a State,
    /// Who does what.
    pub action: Action,
    /// What it was for the rules.
    pub event: Event,
    /// The state that it leads to. A value that the packed state cannot hold is cut
    /// off, or panics where debug assertions are on.
    pub after: State,
}

impl fmt::Debug for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deviation")
    }
}

/// The same function; one that the compiler has made twice may be another.
impl PartialEq for Deviation {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Deviation {}

impl Hash for Deviation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0 as usize).hash(state);
    }
}
