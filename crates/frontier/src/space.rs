//! What is searched: a state space, of which a stateright model is one.

use std::hash::Hash;

use stateright::{Expectation, Model, Property};

/// A set of numbers below 128: what was found in a state or a step.
pub type Findings = u128;

/// A state space.
pub trait Space {
    /// A state. What is equal must hash equally, and what hashes equally is taken
    /// for the same state.
    type State: Clone + Hash;
    /// What leads from a state to the next.
    type Action;

    /// Where a search begins.
    fn starts(&self) -> Vec<Self::State>;

    /// Hands every step from a state to `step`, with the state it leads to.
    fn steps(&self, from: &Self::State, step: impl FnMut(Self::Action, Self::State));

    /// What there is to find in a state. Asked once for each unique state.
    fn in_state(&self, _state: &Self::State) -> Findings {
        0
    }

    /// What there is to find in a step. Asked for each transition, those into known
    /// states too; what is `known` need not be found again.
    fn in_step(
        &self,
        _known: Findings,
        _from: &Self::State,
        _action: &Self::Action,
        _to: &Self::State,
    ) -> Findings {
        0
    }
}

/// Any stateright model as a space, whose findings are its properties by their
/// place in [`Model::properties`]: an `always` that does not hold, a `sometimes`
/// that does. One with an `eventually` is refused.
pub struct ModelSpace<M: Model> {
    model: M,
    properties: Vec<Property<M>>,
}

/// A model that [`ModelSpace`] does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Liveness, which is no matter of single states.
    #[error("the property `{0}` is an `eventually`, which no search of states decides")]
    Eventually(&'static str),
    /// More than there are findings.
    #[error("{0} properties are more than 128")]
    TooMany(usize),
}

impl<M: Model> ModelSpace<M> {
    /// The space of a model.
    ///
    /// # Errors
    /// [`ModelError`] if not all its properties are of single states, or if they
    /// are more than 128.
    pub fn new(model: M) -> Result<Self, ModelError> {
        let properties = model.properties();
        let eventually = |it: &&Property<M>| it.expectation == Expectation::Eventually;
        if let Some(it) = properties.iter().find(eventually) {
            return Err(ModelError::Eventually(it.name));
        }
        if properties.len() > 128 {
            return Err(ModelError::TooMany(properties.len()));
        }
        Ok(Self { model, properties })
    }

    /// The model.
    pub const fn model(&self) -> &M {
        &self.model
    }
}

impl<M> Space for ModelSpace<M>
where
    M: Model,
    M::State: Clone + Hash,
{
    type State = M::State;
    type Action = M::Action;

    fn starts(&self) -> Vec<M::State> {
        let all = self.model.init_states().into_iter();
        all.filter(|it| self.model.within_boundary(it)).collect()
    }

    fn steps(&self, from: &M::State, mut step: impl FnMut(M::Action, M::State)) {
        // A model consumes the actions that it is asked about: one list is for it,
        // one for whoever wants to know them.
        for (action, next) in self.model.next_steps(from) {
            if self.model.within_boundary(&next) {
                step(action, next);
            }
        }
    }

    fn in_state(&self, state: &M::State) -> Findings {
        let mut found = 0;
        for (at, property) in self.properties.iter().enumerate() {
            let holds = (property.condition)(&self.model, state);
            let wanted = property.expectation == Expectation::Sometimes;
            found |= Findings::from(holds == wanted) << at;
        }
        found
    }
}
