//! A trivial model to measure the search against: the same state size and
//! branching, and nothing to decide.

use std::hash::{Hash, Hasher};

use stateright::{Model, Property};

/// Counters that count up to a limit, in no order.
#[derive(Clone, Copy, Debug)]
pub struct TrivialModel {
    /// How far each of the six counters counts.
    pub limit: u64,
}

/// As large as the model's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters([u64; 8]);

impl Hash for Counters {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for pair in self.0.as_chunks::<2>().0 {
            state.write_u128(u128::from(pair[0]) << 64 | u128::from(pair[1]));
        }
    }
}

impl Model for TrivialModel {
    type State = Counters;
    type Action = u8;

    fn init_states(&self) -> Vec<Counters> {
        vec![Counters([0; 8])]
    }

    fn actions(&self, state: &Counters, actions: &mut Vec<u8>) {
        for (index, &counter) in (0..COUNTERS).zip(&state.0) {
            if counter < self.limit {
                actions.push(index);
            }
        }
    }

    fn next_state(&self, state: &Counters, action: u8) -> Option<Counters> {
        let mut next = *state;
        next.0[usize::from(action)] += 1;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "counts",
            |model: &Self, state: &Counters| state.0.iter().all(|&it| it <= model.limit),
        )]
    }
}

const COUNTERS: u8 = 4;
