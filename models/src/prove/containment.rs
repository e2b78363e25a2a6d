//! Containment: whatever a concrete world comes to is one of the views.
//!
//! This is what finds the mistakes of the abstraction.

use super::abstraction::Seen;
use super::family::Family;
use super::fixpoint::Fixpoint;
use super::random::{Random, random_world};
use super::view::View;
use crate::model::CloseModel;
use crate::scenario::Scenario;
use crate::search::first_state;
use crate::state::State;

/// What concrete worlds have shown of a fixpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Containment {
    /// States that were looked at, those of several worlds several times.
    pub(super) states: u64,
    /// Views of them, likewise.
    pub(super) views: u64,
    /// Worlds.
    pub(super) worlds: usize,
    /// Which views of the fixpoint were seen.
    pub(super) seen: Vec<bool>,
    /// The first view that is not in the fixpoint, and the world that has it.
    pub(super) outside: Option<(&'static str, View)>,
}

impl Containment {
    pub(super) fn new(fixpoint: &Fixpoint<'_>) -> Self {
        Self {
            seen: vec![false; fixpoint.views.len()],
            ..Self::default()
        }
    }

    /// How many views of the fixpoint were seen.
    pub(super) fn covered(&self) -> usize {
        self.seen.iter().filter(|it| **it).count()
    }

    /// Looks at a state; false if one of its views is outside.
    fn look(
        &mut self,
        fixpoint: &Fixpoint<'_>,
        scenario: &'static Scenario,
        state: &State,
    ) -> bool {
        self.states += 1;
        let Self {
            views,
            seen,
            outside,
            ..
        } = self;
        Seen { scenario, state }.views(&mut |view| {
            *views += 1;
            match fixpoint.place(&view) {
                Some(index) => seen[index as usize] = true,
                None if outside.is_none() => *outside = Some((scenario.name, view)),
                None => {}
            }
        });
        outside.is_none()
    }

    /// Every reachable state of a scenario.
    pub(super) fn of_scenario(&mut self, fixpoint: &Fixpoint<'_>, model: &CloseModel) -> bool {
        self.worlds += 1;
        let scenario = model.scenario;
        let refused = first_state(model, |state| {
            let rested = state.rest().rested();
            rested || self.look(fixpoint, scenario, state)
        });
        refused.is_none()
    }

    /// Random walks through random worlds of the family.
    pub(super) fn of_random_worlds(
        &mut self,
        fixpoint: &Fixpoint<'_>,
        family: &Family,
        (worlds, walks): (usize, usize),
    ) -> bool {
        let mut random = Random::new(family.name);
        for _ in 0..worlds {
            let model = random_world(family, &mut random);
            self.worlds += 1;
            for _ in 0..walks {
                if !self.walk(fixpoint, &model, &mut random) {
                    return false;
                }
            }
        }
        true
    }

    fn walk(&mut self, fixpoint: &Fixpoint<'_>, model: &CloseModel, random: &mut Random) -> bool {
        let mut state = model.scenario.start();
        let mut next = Vec::new();
        loop {
            if !self.look(fixpoint, model.scenario, &state) {
                return false;
            }
            next.clear();
            model.transitions(&state, |_, it| next.push(it.next));
            match next.get(random.below(next.len())) {
                Some(it) if !it.rest().rested() => state = *it,
                _ => return true,
            }
        }
    }
}
