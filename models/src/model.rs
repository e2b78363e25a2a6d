//! The stateright model: a scenario, its step programs, and the judgement of
//! every step.

use std::cell::Cell;

use closesocket::protocol::invariant::{
    COUNT, Event, Invariant, Step, Violations, When, violations, violations_of,
};
use stateright::{Model, Property};

use crate::action::{Action, What};
use crate::defect::Defect;
use crate::pack::Packed;
use crate::rank::{falls, rank};
use crate::scenario::Scenario;
use crate::state::State;
use crate::steps::Steps;
use crate::touched::Touched;
use crate::view::View;

/// A scenario as a model, with or without a defect.
#[derive(Clone, Copy, Debug)]
pub struct CloseModel {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// The deviation from the algorithm, if any.
    pub defect: Option<Defect>,
    /// The start, from which states are unpacked.
    start: State,
}

/// An action together with the state it leads to, which is computed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What happens.
    pub action: Action,
    /// The state afterwards.
    pub next: Packed,
}

impl CloseModel {
    /// The model of a scenario, with or without a defect.
    #[must_use]
    pub fn new(scenario: &'static Scenario, defect: Option<Defect>) -> Self {
        Self {
            scenario,
            defect,
            start: scenario.start(),
        }
    }

    /// Hands every transition from a state to `out`, judged. A state that
    /// violates something has none, and neither has one at rest.
    pub fn transitions(&self, from: &Packed, mut out: impl FnMut(Event, &State, Transition)) {
        let scenario = self.scenario;
        let before = from.unpack_into(
            &self.start,
            [
                scenario.slots.len(),
                scenario.operations.len(),
                scenario.sockets.len(),
            ],
        );
        if before.rested || !before.violated.is_empty() {
            return;
        }
        let steps = Steps {
            scenario: self.scenario,
            defect: self.defect,
        };
        let any = Cell::new(false);
        let mut take = |action: Action, event: Event, after: &State| {
            any.set(true);
            let touched = Touched::by(action, event, self.defect.is_some());
            let unjudged = from.after(&before, after, touched);
            debug_assert!(
                self.defect.is_some() || unjudged.unpack() == *after,
                "{action} leads to a state that cannot be packed: {after:?}"
            );
            let changed = unjudged.changed_since(from);
            let mut violated = self.judge(&before, event, after, changed);
            let falls = falls(&before, after, touched.threads, changed);
            debug_assert_eq!(falls, rank(after) < rank(&before), "{action}");
            if !falls {
                violated = Violations::from_bits(violated.bits() | 1 << ENDS);
            }
            let next = unjudged.with_violated(violated);
            out(event, after, Transition { action, next });
        };
        steps.from(&before, &mut take);
        if !any.get() {
            let what = What::Rest;
            let mut after = before;
            after.rested = true;
            take(Action { thread: None, what }, Event::Internal, &after);
        }
    }

    /// What one step violates of the invariants that it can break.
    #[inline]
    fn judge(&self, before: &State, event: Event, after: &State, changed: When) -> Violations {
        let scenario = self.scenario;
        let step = Step {
            before: &View {
                scenario,
                state: before,
            },
            event,
            after: &View {
                scenario,
                state: after,
            },
        };
        let violated = violations_of(&step, changed);
        debug_assert_eq!(violated, violations(&step), "an invariant heeds too little");
        violated
    }
}

/// The place of `everything-released-at-the-end` in the table.
pub(crate) const ENDS: usize = index_of("everything-released-at-the-end");

/// The place of an invariant in the table.
const fn index_of(id: &str) -> usize {
    let table = &Invariant::<View<'static>>::TABLE;
    let mut index = 0;
    while index < COUNT {
        if equal(table[index].id.as_bytes(), id.as_bytes()) {
            return index;
        }
        index += 1;
    }
    COUNT
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

const _: () = assert!(ENDS < COUNT);

impl Model for CloseModel {
    type State = Packed;
    type Action = Transition;

    fn init_states(&self) -> Vec<Packed> {
        vec![Packed::new(&self.start)]
    }

    fn actions(&self, state: &Packed, actions: &mut Vec<Transition>) {
        self.transitions(state, |_, _, transition| actions.push(transition));
    }

    fn next_state(&self, _: &Packed, transition: Transition) -> Option<Packed> {
        Some(transition.next)
    }

    fn format_action(&self, transition: &Transition) -> String {
        transition.action.to_string()
    }

    /// One property for all invariants: stateright pays for each of them on
    /// every state. Which one is violated is in the state.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "every invariant holds",
            |_, state: &Packed| state.violated().is_empty(),
        )]
    }
}
