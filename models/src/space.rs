//! The model as a space for the frontier search, and with what else is looked for
//! on the way.

use std::cell::{Cell, RefCell};

use closesocket::protocol::invariant::{COUNT, Event, Step};
use closesocket_frontier::{Findings, Space, Wire};

use crate::action::Action;
use crate::model::{CloseModel, Transition};
use crate::probe::PROBES;
use crate::state::{State, WORDS};
use crate::view::View;

/// Its findings are the violated invariants, by their place in the table.
impl Space for CloseModel {
    type State = State;
    type Action = Action;

    fn starts(&self) -> Vec<State> {
        vec![self.start()]
    }

    #[inline(always)]
    fn steps(&self, from: &State, mut step: impl FnMut(Action, State)) {
        self.transitions(from, |_, Transition { next, action }| step(action, next));
    }

    #[inline(always)]
    fn in_state(&self, state: &State) -> Findings {
        violated(state)
    }
}

#[inline(always)]
fn violated(state: &State) -> Findings {
    state.violated().bits().into()
}

/// A state is its words.
impl Wire for State {
    fn write(&self, to: &mut Vec<u8>) {
        for word in self.0 {
            word.write(to);
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let mut words = [0; WORDS];
        for word in &mut words {
            *word = u64::read(from)?;
        }
        Some(Self::from_words(words))
    }
}

/// The number of the first probe, behind the invariants.
pub(crate) const FIRST_PROBE: usize = COUNT;

const _: () = assert!(FIRST_PROBE + PROBES.len() <= Findings::BITS as usize);

/// The model, with the probes that its steps reach.
pub(crate) struct Probing<'a>(pub(crate) &'a CloseModel);

impl Space for Probing<'_> {
    type State = State;
    type Action = (Event, Action);

    fn starts(&self) -> Vec<State> {
        self.0.starts()
    }

    fn steps(&self, from: &State, mut step: impl FnMut(Self::Action, State)) {
        let mut step = |event, it: Transition| step((event, it.action), it.next);
        self.0.transitions(from, &mut step);
    }

    fn in_state(&self, state: &State) -> Findings {
        violated(state)
    }

    fn in_step(
        &self,
        known: Findings,
        from: &State,
        (event, action): &Self::Action,
        to: &State,
    ) -> Findings {
        let mut found = 0;
        for (at, probe) in PROBES.iter().enumerate() {
            let bit = 1 << (FIRST_PROBE + at);
            if known & bit == 0 && (probe.seen)(from, action.what, *event, to) {
                found |= bit;
            }
        }
        found
    }
}

/// The model, with the steps in which an invariant of one's own does not hold.
pub(crate) struct Holding<'a, F> {
    pub(crate) model: &'a CloseModel,
    pub(crate) holds: F,
}

impl<F: Fn(&Step<'_, View<'_>>) -> bool> Space for Holding<'_, F> {
    type State = State;
    type Action = (Event, Action);

    fn starts(&self) -> Vec<State> {
        self.model.starts()
    }

    fn steps(&self, from: &State, step: impl FnMut(Self::Action, State)) {
        Probing(self.model).steps(from, step);
    }

    fn in_step(
        &self,
        _: Findings,
        from: &State,
        (event, _): &Self::Action,
        to: &State,
    ) -> Findings {
        let scenario = self.model.scenario;
        let view = |state| View { scenario, state };
        let step = Step {
            before: &view(from),
            event: *event,
            after: &view(to),
        };
        Findings::from(!(self.holds)(&step))
    }
}

/// The model, each of whose states is shown to somebody who may refuse it.
pub(crate) struct Showing<'a, F> {
    pub(crate) model: &'a CloseModel,
    pub(crate) passes: RefCell<F>,
    /// The first that was refused.
    pub(crate) refused: Cell<Option<State>>,
}

impl<F: FnMut(&State) -> bool> Space for Showing<'_, F> {
    type State = State;
    type Action = Action;

    fn starts(&self) -> Vec<State> {
        self.model.starts()
    }

    fn steps(&self, from: &State, step: impl FnMut(Action, State)) {
        self.model.steps(from, step);
    }

    fn in_state(&self, state: &State) -> Findings {
        let passes = self.refused.get().is_some() || self.passes.borrow_mut()(state);
        if !passes {
            self.refused.set(Some(*state));
        }
        Findings::from(!passes)
    }
}
