//! A trivial model to measure the search against: states of the same size,
//! branching and depth as the real ones, and nothing to decide.

use std::hash::{Hash, Hasher};

use stateright::{Model, Property};

/// Layers of states; each state leads to a few of the next layer.
#[derive(Clone, Copy, Debug)]
pub struct TrivialModel {
    /// How many layers there are: the depth.
    pub layers: u64,
    /// How many states a layer has at most.
    pub width: u64,
    /// Successors of every thousand states: the branching.
    pub successors_of_thousand: u64,
}

/// As large as the model's state, and hashed in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trivial([u64; 8]);

impl Hash for Trivial {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for pair in self.0.as_chunks::<2>().0 {
            state.write_u128(u128::from(pair[0]) << 64 | u128::from(pair[1]));
        }
    }
}

impl TrivialModel {
    fn state(self, layer: u64, place: u64) -> Trivial {
        let mut words = [0; 8];
        words[0] = layer;
        words[1] = place;
        Trivial(words)
    }
}

impl Model for TrivialModel {
    type State = Trivial;
    type Action = u64;

    fn init_states(&self) -> Vec<Trivial> {
        vec![self.state(0, 0)]
    }

    fn actions(&self, state: &Trivial, actions: &mut Vec<u64>) {
        let [layer, place, ..] = state.0;
        if layer < self.layers {
            let all = self.successors_of_thousand;
            // Spread over narrow layers too: 617 is prime to 1000.
            let one_more = place * 617 % 1000 < all % 1000;
            actions.extend(0..all / 1000 + u64::from(one_more));
        }
    }

    fn next_state(&self, state: &Trivial, action: u64) -> Option<Trivial> {
        let [layer, place, ..] = state.0;
        let mut mixed = (layer << 40 | place << 3 | action).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Some(self.state(layer + 1, (mixed >> 24) % self.width))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "counts",
            |model: &Self, state: &Trivial| state.0[0] <= model.layers,
        )]
    }
}
