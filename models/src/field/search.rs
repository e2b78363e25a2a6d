//! Everything that such a model can do, nearest first.

use std::collections::HashSet;

use closesocket::protocol::invariant::{COUNT, Event, Invariant, Step, violations};

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::lanes::Drawing;

/// What a search found.
#[derive(Clone, Debug)]
pub struct FieldSearch {
    /// Unique states.
    pub states: usize,
    /// The shortest way to violate each invariant, in the order of the table.
    pub counterexamples: [Option<Vec<Turn>>; COUNT],
    start: Scene,
}

impl FieldSearch {
    /// The names of the violated invariants.
    #[must_use]
    pub fn violated(&self) -> Vec<&'static str> {
        let table = Invariant::<Scene>::TABLE.iter().zip(&self.counterexamples);
        let violated = table.filter(|(_, found)| found.is_some());
        violated.map(|(it, _)| it.id).collect()
    }

    /// The shortest way to violate what the report is about.
    #[must_use]
    pub fn shown(&self, model: &FieldModel) -> Option<&[Turn]> {
        let mut table = Invariant::<Scene>::TABLE.iter().zip(&self.counterexamples);
        let found = table.find(|(it, _)| Some(&it.id) == model.violates.first())?;
        found.1.as_deref()
    }

    /// The same as lanes.
    #[must_use]
    pub fn drawing(&self, model: &FieldModel) -> Option<Drawing> {
        let path = self.shown(model)?;
        Some(super::draw::of_path(model, &self.start, path))
    }

    /// In which way an algorithm as it was reported shows otherwise than it is
    /// pinned.
    #[must_use]
    pub fn difference(&self, model: &FieldModel) -> Option<String> {
        let (violated, name) = (self.violated(), model.name);
        let same = violated.len() == model.violates.len()
            && model.violates.iter().all(|it| violated.contains(it));
        if !same {
            return Some(format!(
                "{name} violates {violated:?}, and is pinned to {:?}",
                model.violates
            ));
        }
        let steps = self.shown(model).map_or(0, <[_]>::len);
        (steps != model.steps).then(|| {
            format!(
                "{name} shows after {steps} steps, and is pinned to {}",
                model.steps
            )
        })
    }
}

struct Node {
    scene: Scene,
    /// Whence it came, and by what; none for the start.
    from: Option<(usize, Turn)>,
}

/// Explores an algorithm as it was reported, or with its repair. As in the model
/// of ours, a world that violates something has no successors.
#[must_use]
pub fn search_field(model: &FieldModel, repaired: Repaired) -> FieldSearch {
    let start = (model.start)();
    let mut known = HashSet::from([start.clone()]);
    let mut nodes = vec![Node {
        scene: start.clone(),
        from: None,
    }];
    let mut counterexamples = [const { None }; COUNT];
    let mut node = 0;
    while let Some(Node { scene, .. }) = nodes.get(node) {
        let scene = scene.clone();
        for turn in turns(model, repaired, &scene) {
            debug_assert!(goes_on(&scene, &turn.next), "{} goes round", turn.says);
            let violated = violations(&Step {
                before: &scene,
                event: turn.event,
                after: &turn.next,
            });
            for (index, found) in counterexamples.iter_mut().enumerate() {
                if violated.contains(index) && found.is_none() {
                    let mut path = path_to(&nodes, node);
                    path.push(turn.clone());
                    *found = Some(path);
                }
            }
            if violated.is_empty() && known.insert(turn.next.clone()) {
                nodes.push(Node {
                    scene: turn.next.clone(),
                    from: Some((node, turn)),
                });
            }
        }
        node += 1;
    }
    FieldSearch {
        states: nodes.len(),
        counterexamples,
        start,
    }
}

/// Whether somebody has come further, and nobody goes back: so every run ends.
fn goes_on(before: &Scene, after: &Scene) -> bool {
    let mut places = before.places.iter().zip(&after.places);
    let rests = !before.rested && after.rested;
    places.clone().all(|(was, is)| was <= is) && (rests || places.any(|(was, is)| was < is))
}

/// What can happen next; if nothing can, that, once.
fn turns(model: &FieldModel, repaired: Repaired, scene: &Scene) -> Vec<Turn> {
    let mut turns = Vec::new();
    if scene.rested {
        return turns;
    }
    (model.turns)(scene, repaired, &mut turns);
    if turns.is_empty() {
        let mut places = scene.places.iter().enumerate();
        let stuck = places.find(|&(actor, &place)| model.is_thread(actor) && place != DONE);
        turns.push(Turn {
            actor: None,
            says: "nothing can happen any more",
            event: Event::Internal,
            next: Scene {
                rested: true,
                stuck: stuck.map(|it| it.0),
                ..scene.clone()
            },
        });
    }
    turns
}

fn path_to(nodes: &[Node], end: usize) -> Vec<Turn> {
    let mut path = Vec::new();
    let mut node = &nodes[end];
    while let Some((from, turn)) = &node.from {
        path.push(turn.clone());
        node = &nodes[*from];
    }
    path.reverse();
    path
}
