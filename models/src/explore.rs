//! The model as Explorer shows it: one property for each invariant.

use closesocket::protocol::invariant::{COUNT, Invariant};
use stateright::{Model, Property};

use crate::model::{CloseModel, Transition};
use crate::state::State;
use crate::view::View;

/// The same model with a property for every invariant, by its name. The checks
/// use [`CloseModel`], whose one property costs less.
#[derive(Clone, Copy, Debug)]
pub struct ExplorerModel(pub CloseModel);

impl Model for ExplorerModel {
    type State = State;
    type Action = Transition;

    fn init_states(&self) -> Vec<State> {
        self.0.init_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Transition>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &State, transition: Transition) -> Option<State> {
        self.0.next_state(state, transition)
    }

    fn format_action(&self, transition: &Transition) -> String {
        self.0.format_action(transition)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let table = Invariant::<View<'static>>::TABLE;
        let names = table.iter().map(|it| it.id);
        names
            .zip(CONDITIONS)
            .map(|(name, condition)| Property::always(name, condition))
            .collect()
    }
}

type Condition = fn(&ExplorerModel, &State) -> bool;

/// A property's condition cannot capture the index, so there is one for each.
const CONDITIONS: [Condition; COUNT] = [
    holds::<0>,
    holds::<1>,
    holds::<2>,
    holds::<3>,
    holds::<4>,
    holds::<5>,
    holds::<6>,
    holds::<7>,
    holds::<8>,
    holds::<9>,
    holds::<10>,
    holds::<11>,
    holds::<12>,
    holds::<13>,
    holds::<14>,
    holds::<15>,
    holds::<16>,
    holds::<17>,
    holds::<18>,
];

fn holds<const INDEX: usize>(_: &ExplorerModel, state: &State) -> bool {
    !state.violated().contains(INDEX)
}
