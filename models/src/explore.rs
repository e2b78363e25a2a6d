//! The model as Explorer shows it: one property for each invariant, every path as
//! lanes, and every invariant as it stands in the step that is looked at.

mod page;

use std::fmt;

use closesocket::protocol::invariant::{COUNT, Invariant};
use stateright::{Model, Path, Property};

use crate::lanes::Drawing;
use crate::model::{CloseModel, Transition};
use crate::search::{Counterexample, search};
use crate::show;
use crate::state::State;
use crate::view::View;

/// The same model with a property for every invariant, by its name. The checks
/// use [`CloseModel`], whose one property costs less.
#[derive(Clone, Debug)]
pub struct ExplorerModel {
    model: CloseModel,
    home: Option<String>,
    /// The shortest way to break each invariant that the defect breaks.
    ways: Vec<Way>,
}

/// The shortest way to break an invariant.
#[derive(Clone, Debug)]
struct Way {
    /// The invariant's name.
    id: &'static str,
    steps: usize,
    /// The part of Explorer's address that shows it.
    place: String,
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
    /// The model for Explorer. If it has a defect, it is explored here for the
    /// shortest counterexamples, which every page then links to.
    #[must_use]
    pub fn new(model: CloseModel) -> Self {
        let mut explorer = Self {
            model,
            home: None,
            ways: Vec::new(),
        };
        if model.defect.is_some() {
            let table = Invariant::<View<'static>>::TABLE;
            let found = table.iter().zip(search(&model).counterexamples);
            let ways = found.filter_map(|(it, found)| {
                let path = found?;
                Some(Way {
                    id: it.id,
                    steps: path.actions.len(),
                    place: explorer.place_of(&path)?,
                })
            });
            explorer.ways = ways.collect();
        }
        explorer
    }

    /// The same with a link to this address on every page.
    #[must_use]
    pub fn with_home(self, home: String) -> Self {
        let home = Some(home);
        Self { home, ..self }
    }

    /// The part of Explorer's address that shows the shortest counterexample, or
    /// the start if there is none.
    #[must_use]
    pub fn entrance(&self) -> &str {
        self.shortest().map_or(START, |it| &it.place)
    }

    fn shortest(&self) -> Option<&Way> {
        self.ways.iter().min_by_key(|it| it.steps)
    }

    /// The part of Explorer's address that shows this path: the index of each
    /// choice.
    fn place_of(&self, path: &Counterexample) -> Option<String> {
        let start = self.model.scenario.start();
        let actions: Vec<_> = path.transitions().into_iter().map(Shown).collect();
        let path = Path::from_actions(self, start, &actions)?;
        Some(format!("#/steps/{}", path.encode(self)))
    }
}

/// The part of Explorer's address that shows the start.
const START: &str = "#/steps/0";

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

    /// The lanes of the path, and what its last step is judged to be. Explorer
    /// puts it into its page as it is.
    fn as_svg(&self, path: Path<State, Shown>) -> Option<String> {
        let steps = path.into_vec();
        let transitions: Vec<_> = steps.iter().filter_map(|it| Some(it.1?.0)).collect();
        let before = match steps.as_slice() {
            [.., (before, Some(_)), _] => before,
            [.., (last, _)] => last,
            [] => return None,
        };
        let judged = self.model.judged(before, transitions.last());
        let drawing = Drawing::of_path(&self.model, &transitions);
        Some(page::page(self, &drawing, &judged))
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
