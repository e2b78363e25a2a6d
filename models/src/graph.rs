//! Everything that can be reached in a small scenario, as a graph: for tools that look at
//! more than one path.

use std::collections::HashMap;

use crate::action::Action;
use crate::model::CloseModel;
use crate::state::State;

/// The reachable states and every transition between them.
///
/// It is found without the searches and by whole states, not by their fingerprints: that
/// it has as many nodes and edges as a search counts states and transitions is a check of
/// both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// The states, nearest first: the start is the first.
    pub nodes: Vec<Node>,
    /// The transitions, in the order of the states that they leave.
    pub edges: Vec<Edge>,
}

/// A state of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The state.
    pub state: State,
    /// Steps from the start, on a shortest way.
    pub depth: usize,
}

/// A transition of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The place of the state that it leaves.
    pub from: usize,
    /// The place of the state that it leads to.
    pub to: usize,
    /// What happens.
    pub action: Action,
}

impl CloseModel {
    /// All that can be reached; `None` if that is more than `limit` states.
    #[must_use]
    pub fn graph(&self, limit: usize) -> Option<Graph> {
        let start = Node {
            state: self.start(),
            depth: 0,
        };
        let mut known = HashMap::from([(start.state, 0)]);
        let (mut nodes, mut edges) = (vec![start], Vec::new());
        let mut from = 0;
        while let Some(&Node { state, depth }) = nodes.get(from) {
            if nodes.len() > limit {
                return None;
            }
            self.transitions(&state, |_, it| {
                let to = *known.entry(it.next).or_insert_with(|| {
                    nodes.push(Node {
                        state: it.next,
                        depth: depth + 1,
                    });
                    nodes.len() - 1
                });
                let action = it.action;
                edges.push(Edge { from, to, action });
            });
            from += 1;
        }
        Some(Graph { nodes, edges })
    }
}
