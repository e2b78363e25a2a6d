//! Everything that can happen in a scenario, as a graph, and paths from its start to
//! its end that take every transition.

use std::collections::{BTreeMap, HashMap, HashSet};

use closesocket::protocol::invariant::Event;
use closesocket_models::{Action, CloseModel, State};

use super::rules::{Memory, Reason, follow};

/// A transition of the model as a path takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) action: Action,
    pub(crate) event: Event,
}

/// The reachable states of a scenario and the transitions between them. It has no
/// circles, since each transition lowers the model's rank.
pub(crate) struct Graph {
    /// A state, and what the paths that lead there have to remember.
    nodes: Vec<(State, Memory)>,
    pub(crate) edges: Vec<Edge>,
    /// Where the edges of each node begin; one more than nodes.
    first: Vec<u32>,
    /// How many transitions of the model are here.
    pub(crate) transitions: usize,
    /// Transitions of the model that the engine does not take, with the reason.
    pub(crate) refused: BTreeMap<Reason, usize>,
}

fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap()
}

impl Graph {
    /// All that can be reached.
    pub(crate) fn of(model: &CloseModel) -> Self {
        let mut nodes = vec![(model.start(), 0)];
        let mut known = HashMap::from([((model.start(), 0), 0)]);
        let mut names: Vec<(State, u32)> = Vec::new();
        let (mut edges, mut first) = (Vec::new(), Vec::new());
        let mut refused: HashMap<(State, u32), Reason> = HashMap::new();
        let mut from = 0;
        while let Some((state, memory)) = nodes.get(from).copied() {
            first.push(small(edges.len()));
            let mut place = 0;
            model.transitions(&state, |event, transition| {
                let next = transition.next;
                let name = (state, place);
                place += 1;
                let memory = match follow(model.scenario(), memory, &state, transition.action) {
                    Ok(memory) => memory,
                    Err(reason) => {
                        refused.insert(name, reason);
                        return;
                    }
                };
                let to = *known.entry((next, memory)).or_insert_with(|| {
                    nodes.push((next, memory));
                    small(nodes.len() - 1)
                });
                edges.push(Edge {
                    from: small(from),
                    to,
                    action: transition.action,
                    event,
                });
                names.push(name);
            });
            from += 1;
        }
        first.push(small(edges.len()));
        let mut graph = Self {
            nodes,
            edges,
            first,
            transitions: 0,
            refused: BTreeMap::new(),
        };
        graph.cut_dead_ends(&mut names);
        let taken: HashSet<(State, u32)> = names.into_iter().collect();
        refused.retain(|name, _| !taken.contains(name));
        for reason in refused.into_values() {
            *graph.refused.entry(reason).or_default() += 1;
        }
        graph.transitions = taken.len();
        graph
    }

    /// Leaves out what leads only to where the engine does not go on.
    fn cut_dead_ends(&mut self, names: &mut Vec<(State, u32)>) {
        let order = self.in_order();
        let mut goes_on = vec![false; self.nodes.len()];
        for &node in order.iter().rev() {
            let rest = self.state(node).rest();
            // A model with a defect does not go on when it has violated something.
            let ends = rest.rested() || !rest.violated().is_empty();
            goes_on[node as usize] = ends || self.out(node).any(|it| goes_on[self.to(it) as usize]);
        }
        let (mut edges, mut kept, mut first) = (Vec::new(), Vec::new(), vec![0]);
        for node in 0..small(self.nodes.len()) {
            for edge in self.out(node) {
                if goes_on[node as usize] && goes_on[self.to(edge) as usize] {
                    edges.push(self.edges[edge as usize]);
                    kept.push(names[edge as usize]);
                }
            }
            first.push(small(edges.len()));
        }
        (self.edges, self.first, *names) = (edges, first, kept);
    }

    /// The state before or behind an edge.
    pub(crate) fn state(&self, node: u32) -> &State {
        &self.nodes[node as usize].0
    }

    fn out(&self, node: u32) -> std::ops::Range<u32> {
        let node = node as usize;
        self.first[node]..self.first[node + 1]
    }

    fn to(&self, edge: u32) -> u32 {
        self.edges[edge as usize].to
    }

    /// Paths that take every edge, each as indices of edges from the start to a state
    /// in which nothing can happen any more.
    ///
    /// Each edge gets the number of paths that go over it, one at least. From the end
    /// backwards: a node that more paths leave than edges come to has the rest come
    /// over the edges from those nodes that have most to spare.
    pub(crate) fn paths(&self) -> Vec<Vec<u32>> {
        let order = self.in_order();
        let steps_to_the_end = self.steps_to_the_end(&order);
        let mut left = self.times(&order);
        let mut paths = Vec::new();
        while self.out(0).any(|it| left[it as usize] > 0) {
            let (mut node, mut path) = (0, Vec::new());
            loop {
                let due = self.out(node).max_by_key(|&it| left[it as usize]);
                let due = due.filter(|&it| left[it as usize] > 0);
                let steps = |it: &u32| steps_to_the_end[self.to(*it) as usize];
                let Some(edge) = due.or_else(|| self.out(node).min_by_key(steps)) else {
                    break;
                };
                left[edge as usize] = left[edge as usize].saturating_sub(1);
                path.push(edge);
                node = self.to(edge);
            }
            paths.push(path);
        }
        assert!(left.iter().all(|it| *it == 0), "a transition is left");
        paths
    }

    /// How many paths go over each edge.
    fn times(&self, order: &[u32]) -> Vec<u32> {
        let mut incoming: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        for edge in 0..small(self.edges.len()) {
            incoming[self.to(edge) as usize].push(edge);
        }
        let mut leave: Vec<usize> = (0..small(self.nodes.len()))
            .map(|it| self.out(it).len())
            .collect();
        let mut times = vec![1; self.edges.len()];
        for &node in order.iter().rev() {
            let comes = &incoming[node as usize];
            for _ in comes.len()..leave[node as usize] {
                let from = |edge: &u32| self.edges[*edge as usize].from as usize;
                let spare =
                    |edge: &&u32| incoming[from(edge)].len() as i64 - leave[from(edge)] as i64;
                let Some(edge) = comes.iter().max_by_key(spare) else {
                    break;
                };
                times[*edge as usize] += 1;
                leave[from(edge)] += 1;
            }
        }
        times
    }

    /// The nodes, each behind all that lead to it.
    fn in_order(&self) -> Vec<u32> {
        let mut missing = vec![0_u32; self.nodes.len()];
        for edge in &self.edges {
            missing[edge.to as usize] += 1;
        }
        let nodes = 0..small(self.nodes.len());
        let mut ready: Vec<u32> = nodes.filter(|it| missing[*it as usize] == 0).collect();
        let mut order = Vec::new();
        while let Some(node) = ready.pop() {
            order.push(node);
            for edge in self.out(node) {
                let to = self.to(edge);
                missing[to as usize] -= 1;
                if missing[to as usize] == 0 {
                    ready.push(to);
                }
            }
        }
        assert_eq!(order.len(), self.nodes.len(), "there is a circle");
        order
    }

    /// How many steps it is from each node to the nearest end.
    fn steps_to_the_end(&self, order: &[u32]) -> Vec<u32> {
        let mut steps = vec![0; self.nodes.len()];
        for &node in order.iter().rev() {
            let next = self.out(node).map(|it| steps[self.to(it) as usize] + 1);
            steps[node as usize] = next.min().unwrap_or(0);
        }
        steps
    }
}
