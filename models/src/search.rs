//! Our own breadth-first search, beside stateright's checker.
//!
//! It keeps whole states and hashes them otherwise, so equal counts mean that
//! neither loses states; it goes on after a violation; and as it is breadth
//! first with the first parent kept, its counterexamples are the shortest.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use closesocket::protocol::invariant::{COUNT, Event, Step};
use stateright::Model;

use crate::action::Action;
use crate::model::{CloseModel, Transition};
use crate::probe::PROBES;
use crate::state::State;
use crate::view::View;

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

    /// The steps as transitions of the model.
    #[must_use]
    pub fn transitions(&self) -> Vec<Transition> {
        let steps = self.actions.iter().zip(&self.states);
        steps
            .map(|(&action, &next)| Transition { action, next })
            .collect()
    }
}

/// Where a search gives up. It then says that it is not complete, and what it
/// found is no proof.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most unique states that it keeps.
    pub states: usize,
    /// The longest that it takes, looked at now and then.
    pub time: Duration,
}

impl Limits {
    /// It never gives up.
    pub const NONE: Self = Self {
        states: usize::MAX,
        time: Duration::MAX,
    };
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search {
    /// Everything was explored: no limit was reached.
    pub complete: bool,
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

const LOOKS_AT_THE_CLOCK_EVERY: usize = 4_096;

struct Node {
    state: State,
    parent: u32,
    action: Option<Action>,
}

/// Explores everything.
#[must_use]
pub fn search(model: &CloseModel) -> Search {
    search_within(model, Limits::NONE)
}

/// Explores everything, or as much as the limits allow.
#[must_use]
pub fn search_within(model: &CloseModel, limits: Limits) -> Search {
    let mut transitions = 0;
    let mut reached = vec![false; PROBES.len()];
    let mut first_violation = [None; COUNT];
    let walk = Walk::through(model, limits, |taken| {
        transitions += 1;
        let (what, after) = (taken.transition.action.what, &taken.transition.next);
        for (probe, reached) in PROBES.iter().zip(&mut reached) {
            *reached |= (probe.seen)(taken.from, what, taken.event, after);
        }
        if let Some(node) = taken.discovered {
            for (index, first) in first_violation.iter_mut().enumerate() {
                if after.violated().contains(index) && first.is_none() {
                    *first = Some(node);
                }
            }
        }
        ControlFlow::Continue(())
    });
    Search {
        complete: walk.complete,
        unique_states: walk.nodes.len(),
        transitions,
        depth: walk.depth,
        counterexamples: first_violation.map(|it| it.map(|node| walk.path_to(node))),
        reached,
    }
}

/// Looks for the shortest way to break an invariant of your own: a predicate
/// over one step, as those of the table are. `None` if it holds in every step
/// of every run.
#[must_use]
pub fn search_violation(
    model: &CloseModel,
    holds: impl Fn(&Step<'_, View<'_>>) -> bool,
) -> Option<Counterexample> {
    let scenario = model.scenario;
    let mut broken = None;
    let walk = Walk::through(model, Limits::NONE, |taken| {
        let (before, after) = (taken.from, &taken.transition.next);
        let step = Step {
            before: &View {
                scenario,
                state: before,
            },
            event: taken.event,
            after: &View {
                scenario,
                state: after,
            },
        };
        if holds(&step) {
            return ControlFlow::Continue(());
        }
        broken = Some((taken.node, *taken.transition));
        ControlFlow::Break(())
    });
    broken.map(|(node, last)| {
        let mut way = walk.path_to(node);
        way.actions.push(last.action);
        way.states.push(last.next);
        way
    })
}

/// Hands every reachable state to `visit`, until one is not let pass: that one.
pub(crate) fn first_state(
    model: &CloseModel,
    mut passes: impl FnMut(&State) -> bool,
) -> (usize, Option<State>) {
    let mut refused = None;
    let mut look = |state: &State| {
        if passes(state) {
            return ControlFlow::Continue(());
        }
        refused = Some(*state);
        ControlFlow::Break(())
    };
    if look(&model.form(&model.scenario.start())).is_break() {
        return (1, refused);
    }
    let walk = Walk::through(model, Limits::NONE, |taken| match taken.discovered {
        Some(_) => look(&taken.transition.next),
        None => ControlFlow::Continue(()),
    });
    (walk.nodes.len(), refused)
}

/// A transition that a walk takes.
struct Taken<'a> {
    /// The node it goes out from.
    node: usize,
    from: &'a State,
    event: Event,
    transition: &'a Transition,
    /// The node it leads to, if that was not known before.
    discovered: Option<usize>,
}

/// A walk through everything that can be reached, nearest first.
struct Walk {
    nodes: Vec<Node>,
    /// No limit was reached.
    complete: bool,
    /// Steps to the node that is furthest from the start.
    depth: usize,
}

impl Walk {
    /// Walks until everything is known, a limit is reached, or `visit` breaks it
    /// off.
    fn through(
        model: &CloseModel,
        limits: Limits,
        mut visit: impl FnMut(&Taken<'_>) -> ControlFlow<()>,
    ) -> Self {
        let begin = Instant::now();
        let mut walk = Self {
            nodes: Vec::new(),
            complete: true,
            depth: 0,
        };
        let mut known: HashMap<State, (), BuildHasherDefault<Multiply>> = HashMap::default();
        for state in model.init_states() {
            known.insert(state, ());
            walk.nodes.push(Node {
                state,
                parent: 0,
                action: None,
            });
        }
        let mut going = ControlFlow::Continue(());
        let (mut node, mut level_end) = (0, walk.nodes.len());
        while node < walk.nodes.len() && going.is_continue() {
            let looks = node % LOOKS_AT_THE_CLOCK_EVERY == 0;
            if walk.nodes.len() > limits.states || (looks && begin.elapsed() > limits.time) {
                walk.complete = false;
                break;
            }
            if node == level_end {
                walk.depth += 1;
                level_end = walk.nodes.len();
            }
            let from = walk.nodes[node].state;
            model.transitions(&from, |event, transition| {
                if going.is_break() {
                    return;
                }
                let new = known.insert(transition.next, ()).is_none();
                let discovered = new.then_some(walk.nodes.len());
                if new {
                    walk.nodes.push(Node {
                        state: transition.next,
                        parent: u32::try_from(node).unwrap_or(u32::MAX),
                        action: Some(transition.action),
                    });
                }
                going = visit(&Taken {
                    node,
                    from: &from,
                    event,
                    transition: &transition,
                    discovered,
                });
            });
            node += 1;
        }
        walk
    }

    fn path_to(&self, end: usize) -> Counterexample {
        let (mut actions, mut states) = (Vec::new(), Vec::new());
        let mut node = &self.nodes[end];
        while let Some(action) = node.action {
            actions.push(action);
            states.push(node.state);
            node = &self.nodes[node.parent as usize];
        }
        actions.reverse();
        states.reverse();
        Counterexample { actions, states }
    }
}

/// A multiplicative hash, unlike the one that stateright uses.
#[derive(Default)]
pub(crate) struct Multiply(u64);

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
