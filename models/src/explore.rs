//! The model as stateright's Explorer has it: one property for each invariant, every
//! path as lanes.

use std::fmt;

use closesocket::protocol::invariant::{COUNT, Invariant};
use stateright::{Model, Path, Property};

use crate::lanes::Drawing;
use crate::model::{CloseModel, Transition};
use crate::show;
use crate::state::State;
use crate::view::View;

/// The same model with a property for every invariant, by its name. The checks
/// use [`CloseModel`], whose one property costs less.
#[derive(Clone, Copy, Debug)]
pub struct ExplorerModel {
    model: CloseModel,
}

/// An action of Explorer: a transition that shows itself as its sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shown(pub Transition);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.action, f)
    }
}

impl ExplorerModel {
    /// The model for Explorer.
    #[must_use]
    pub const fn new(model: CloseModel) -> Self {
        Self { model }
    }
}

impl Model for ExplorerModel {
    type State = State;
    type Action = Shown;

    fn init_states(&self) -> Vec<State> {
        self.model.init_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Shown>) {
        self.model
            .transitions(state, |_, it| actions.push(Shown(it)));
    }

    fn next_state(&self, _: &State, action: Shown) -> Option<State> {
        Some(action.0.next)
    }

    fn format_action(&self, action: &Shown) -> String {
        format!("{action:?}")
    }

    /// What the step changes, one line each.
    fn format_step(&self, before: &State, action: Shown) -> Option<String> {
        Some(show::changes(before, &action.0.next).join("\n"))
    }

    /// The lanes of the path.
    fn as_svg(&self, path: Path<State, Shown>) -> Option<String> {
        let actions = path.into_actions();
        let transitions: Vec<_> = actions.into_iter().map(|it| it.0).collect();
        Some(Drawing::of_path(&self.model, &transitions).to_svg())
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

/// A property's condition cannot capture the index, so there is one for each bit
/// that [`Violations`](closesocket::protocol::invariant::Violations) can have.
macro_rules! conditions {
    ($($index:literal)*) => { [$(holds::<$index>),*] };
}

#[rustfmt::skip]
const CONDITIONS: [Condition; 29] = conditions!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
);
const _: () = assert!(COUNT <= CONDITIONS.len());

fn holds<const INDEX: usize>(_: &ExplorerModel, state: &State) -> bool {
    !state.violated().contains(INDEX)
}
