//! Our own breadth-first search, beside stateright's checker.
//!
//! It keeps whole states and hashes them otherwise, so equal counts mean that
//! neither loses states; it goes on after a violation; and as it is breadth
//! first with the first parent kept, its counterexamples are the shortest.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use closesocket::protocol::invariant::COUNT;
use stateright::Model;

use crate::action::Action;
use crate::model::CloseModel;
use crate::probe::PROBES;
use crate::state::State;

/// The shortest way to break an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The actions from the start.
    pub actions: Vec<Action>,
    /// The states after each of them.
    pub states: Vec<State>,
}

impl Counterexample {
    /// The steps as numbered sentences, one a line.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let numbered = self.actions.iter().enumerate();
        numbered
            .map(|(index, action)| format!("{:>3}. {action}", index + 1))
            .collect()
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// Unique states.
    pub unique_states: usize,
    /// Transitions, those into known states too.
    pub transitions: usize,
    /// Steps to the state that is furthest from the start.
    pub depth: usize,
    /// The shortest counterexample of each violated invariant, in the order of
    /// the table.
    pub counterexamples: [Option<Counterexample>; COUNT],
    /// Which probes were reached, in the order of [`PROBES`].
    pub reached: Vec<bool>,
}

struct Node {
    state: State,
    parent: u32,
    action: Option<Action>,
}

/// Explores everything.
#[must_use]
pub fn search(model: &CloseModel) -> Search {
    let mut nodes: Vec<Node> = Vec::new();
    let mut known: HashMap<State, (), BuildHasherDefault<Multiply>> = HashMap::default();
    for state in model.init_states() {
        known.insert(state, ());
        nodes.push(Node {
            state,
            parent: 0,
            action: None,
        });
    }
    let mut transitions = 0;
    let mut reached = vec![false; PROBES.len()];
    let mut first_violation = [None; COUNT];
    let (mut next, mut level_end, mut depth) = (0, nodes.len(), 0);
    while next < nodes.len() {
        if next == level_end {
            depth += 1;
            level_end = nodes.len();
        }
        let from = nodes[next].state;
        model.transitions(&from, |event, transition| {
            let after = &transition.next;
            transitions += 1;
            for (probe, reached) in PROBES.iter().zip(&mut reached) {
                *reached |= (probe.seen)(&from, transition.action.what, event, after);
            }
            if known.insert(transition.next, ()).is_none() {
                for (index, first) in first_violation.iter_mut().enumerate() {
                    if transition.next.violated().contains(index) && first.is_none() {
                        *first = Some(nodes.len());
                    }
                }
                nodes.push(Node {
                    state: transition.next,
                    parent: u32::try_from(next).unwrap_or(u32::MAX),
                    action: Some(transition.action),
                });
            }
        });
        next += 1;
    }
    Search {
        unique_states: nodes.len(),
        transitions,
        depth,
        counterexamples: first_violation.map(|it| it.map(|node| path_to(&nodes, node))),
        reached,
    }
}

fn path_to(nodes: &[Node], end: usize) -> Counterexample {
    let (mut actions, mut states) = (Vec::new(), Vec::new());
    let mut node = &nodes[end];
    while let Some(action) = node.action {
        actions.push(action);
        states.push(node.state);
        node = &nodes[node.parent as usize];
    }
    actions.reverse();
    states.reverse();
    Counterexample { actions, states }
}

/// A multiplicative hash, unlike the one that stateright uses.
#[derive(Default)]
struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }
}
