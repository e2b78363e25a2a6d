//! The stateright model: a scenario, its step programs, and the judgement of
//! every step.

use std::cell::Cell;

use closesocket::protocol::invariant::{COUNT, Event, Invariant, Step, Violations, violations};
use stateright::{Model, Property};

use crate::action::{Action, What};
use crate::canon::{Canon, Reduction};
use crate::defect::{Defect, DefectSpec};
use crate::own::{Deviating, Deviation, OwnInvariant};
use crate::rank::{falls, rank};
use crate::scenario::Scenario;
use crate::state::State;
use crate::steps::Steps;
use crate::validate::ScenarioError;
use crate::view::View;
use crate::when::{Heeding, violations_of};

/// A scenario as a model, with or without a defect.
///
/// Every search takes one, and there is none of a scenario that does not fit into
/// the packed state.
#[derive(Clone, Copy, Debug)]
pub struct CloseModel {
    pub(crate) scenario: &'static Scenario,
    pub(crate) defect: Option<Defect>,
    pub(crate) canon: Option<&'static Canon>,
    /// Invariants of one's own.
    pub(crate) own: &'static [OwnInvariant],
    /// The name that drawings have for the defect.
    pub(crate) defect_name: Option<&'static str>,
}

/// An action together with the state it leads to, which is computed once.
// The state first: moved with an `Option` around it, it is then copied in the
// pieces it was stored in, and the processor need not wait for one to load another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Transition {
    /// The state afterwards.
    pub next: State,
    /// What happens.
    pub action: Action,
}

impl CloseModel {
    /// The model of a scenario, with or without a defect.
    ///
    /// # Errors
    /// [`ScenarioError`] if the packed state cannot hold the scenario: what a
    /// search of it found would be true of another world.
    pub fn new(scenario: &'static Scenario, defect: Option<Defect>) -> Result<Self, ScenarioError> {
        scenario.validate()?;
        Ok(Self {
            scenario,
            defect,
            canon: None,
            own: &[],
            defect_name: defect.and_then(DefectSpec::of).map(|it| it.name),
        })
    }

    /// The same model, whose [breaches](Self::breaches) and drawings tell of these
    /// invariants too. Searches look for what the table has; for each of these there
    /// is [`search_violation`](crate::search_violation).
    #[must_use]
    pub const fn judged_by(self, own: &'static [OwnInvariant]) -> Self {
        Self { own, ..self }
    }

    /// The same model, with the name that drawings are to have for its defect.
    #[must_use]
    pub const fn with_defect_named(self, name: &'static str) -> Self {
        Self {
            defect_name: Some(name),
            ..self
        }
    }

    /// The same model, of which only the canonical states are explored: one for all
    /// those that differ in nothing that matters.
    ///
    /// What it has found out of the scenario is never freed: it is for a handful of
    /// models in a process that ends soon.
    #[must_use]
    pub fn reduced(self) -> Self {
        self.reduced_by(Reduction::Names)
    }

    /// The same, with the reductions up to this one: to see what each gives.
    #[must_use]
    pub fn reduced_by(self, up_to: Reduction) -> Self {
        let canon = Canon::of(self.scenario, up_to);
        Self {
            canon: Some(Box::leak(Box::new(canon))),
            ..self
        }
    }

    /// The same model with every state of its own.
    #[must_use]
    pub const fn full(self) -> Self {
        Self {
            canon: None,
            ..self
        }
    }

    /// Whether only canonical states are explored.
    #[must_use]
    pub const fn is_reduced(&self) -> bool {
        self.canon.is_some()
    }

    /// The canonical state for this one, of a [reduced](Self::reduced) model; else
    /// itself.
    #[must_use]
    pub fn form(&self, state: &State) -> State {
        self.canon.map_or(*state, |it| it.form(state))
    }

    /// The scenario.
    #[must_use]
    pub const fn scenario(&self) -> &'static Scenario {
        self.scenario
    }

    /// The deviation from the algorithm, if any.
    #[must_use]
    pub const fn defect(&self) -> Option<Defect> {
        self.defect
    }

    /// The state that it starts in.
    #[must_use]
    pub fn start(&self) -> State {
        self.form(&self.scenario.start())
    }

    /// How many unique states a search of it has to find: those that its scenario is
    /// pinned to. `None` of a reduced model whose scenario is not in the catalogue.
    #[must_use]
    pub fn pinned_states(&self) -> Option<usize> {
        self.canon
            .map_or(Some(self.scenario.states), Canon::pinned_states)
    }

    /// Hands every transition from a state to `out`, judged. A state that
    /// violates something has none, and neither has one at rest.
    pub fn transitions(&self, from: &State, mut out: impl FnMut(Event, Transition)) {
        let rest = from.rest();
        if rest.rested() || !rest.violated().is_empty() {
            return;
        }
        let steps = Steps {
            scenario: self.scenario,
            defect: self.defect,
            locked: Steps::locked_sockets(self.scenario, self.defect, from),
        };
        let any = Cell::new(false);
        let mut take = |action: Action, event: Event, after: &State| {
            let deviating;
            let (event, after) = match self.defect {
                // At rest nobody takes a step.
                Some(Defect::Own(own)) if action.what != What::Rest => {
                    match self.deviated(own, from, action, event, *after) {
                        Some(it) => deviating = it,
                        None => return,
                    }
                    (deviating.event, &deviating.after)
                }
                _ => (event, after),
            };
            any.set(true);
            let violated = self.judge(from, action, event, after);
            let mut next = *after;
            if !violated.is_empty() {
                next.rest_mut().set_violated(violated);
            }
            if let Some(canon) = self.canon {
                next = canon.form(&next);
            }
            out(event, Transition { action, next });
        };
        steps.from(from, &mut take);
        if !any.get() {
            let what = What::Rest;
            let mut after = *from;
            after.rest_mut().set_rested(true);
            take(Action { thread: None, what }, Event::Internal, &after);
        }
    }

    /// What becomes of a step by a deviation of one's own; `None` if it is not taken.
    #[cold]
    pub(crate) fn deviated<'a>(
        &self,
        own: Deviation,
        before: &'a State,
        action: Action,
        event: Event,
        after: State,
    ) -> Option<Deviating<'a>> {
        let mut it = Deviating {
            scenario: self.scenario,
            before,
            action,
            event,
            after,
        };
        (own.0)(&mut it).then_some(it)
    }

    /// What one step violates: of the invariants those that it can break, and
    /// the rank, which is the other half of `everything-released-at-the-end`.
    #[inline]
    fn judge(&self, before: &State, action: Action, event: Event, after: &State) -> Violations {
        let view = |state| View {
            scenario: self.scenario,
            state,
        };
        let step = Step {
            before: &view(before),
            event,
            after: &view(after),
        };
        if let Some(Defect::Own(_)) = self.defect {
            // What it changes nobody foresees.
            let ends = u32::from(rank(after) >= rank(before)) << ENDS;
            return Violations::from_bits(violations(&step).bits() | ends);
        }
        let of_event = Heeding::of_event(event);
        let judged = violations_of(&step, of_event.and(after.heeding_since(before)));
        debug_assert_eq!(judged, violations(&step), "an invariant heeds too little");
        let falls = falls(before, after, action.thread);
        debug_assert_eq!(falls, rank(after) < rank(before), "{action}");
        if falls {
            judged
        } else {
            Violations::from_bits(judged.bits() | 1 << ENDS)
        }
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
    type State = State;
    type Action = Transition;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Transition>) {
        self.transitions(state, |_, transition| actions.push(transition));
    }

    fn next_state(&self, _: &State, transition: Transition) -> Option<State> {
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
            |_, state: &State| state.violated().is_empty(),
        )]
    }
}
