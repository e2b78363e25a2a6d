//! What Explorer is given to show.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::{BTreeSet, HashSet};

use closesocket::protocol::invariant::{Event, Invariant, Step};
use closesocket_models::{CloseModel, DefectSpec, ExplorerModel, Scenario, Transition, View};
use stateright::{Model, Path};

/// The model of a defect's scenario with it.
fn defective(name: &str) -> CloseModel {
    let defect = DefectSpec::named(name).expect(name);
    let scenario = Scenario::named(defect.scenario).expect(defect.scenario);
    CloseModel::new(scenario, Some(defect.defect)).expect("it fits")
}

#[test]
fn judging_a_step_again_gives_what_the_search_found() {
    let plain = ["upcall-failure", "graceful-drain", "nonblocking-linger"];
    let mut models: Vec<_> = plain
        .iter()
        .map(|it| CloseModel::new(Scenario::named(it).expect(it), None).expect("it fits"))
        .collect();
    let defects = [
        "aborts-first-only",
        "closes-at-any-reference",
        "timer-forgotten",
    ];
    models.extend(defects.map(defective));
    let mut violated = 0;
    for model in models {
        let graph = model.graph(usize::MAX).expect("all of it");
        for edge in &graph.edges {
            let (before, next) = (&graph.nodes[edge.from].state, graph.nodes[edge.to].state);
            let (action, found) = (edge.action, next.violated());
            let breaches = model.breaches(before, &Transition { next, action });
            let broken: BTreeSet<_> = breaches.iter().map(|it| it.id).collect();
            let table = Invariant::<View<'static>>::TABLE.into_iter().enumerate();
            let found = table.filter(|(index, _)| found.contains(*index));
            let found: BTreeSet<_> = found.map(|(_, it)| it.id).collect();
            assert_eq!(broken, found, "{action}");
            violated += found.len();
        }
    }
    assert!(violated > 0, "nothing was violated");
}

#[test]
fn a_step_says_what_it_changes() {
    let scenario = Scenario::named("upcall-failure").expect("a scenario");
    let model = ExplorerModel::new(CloseModel::new(scenario, None).expect("it fits"));
    let start = model.init_states()[0];
    let mut actions = Vec::new();
    model.actions(&start, &mut actions);
    let path = Path::from_actions(&model, start, &actions[..1]).expect("a path");
    let svg = model.as_svg(path).expect("lanes");
    assert!(svg.contains("T1 enters descriptor 0.1"), "{svg}");
    assert_eq!(model.format_action(&actions[0]), "T1 enters descriptor 0.1");
    assert_eq!(format!("{:?}", actions[0]), "T1 enters descriptor 0.1");
    assert_eq!(
        model.format_step(&start, actions[0]).expect("a text"),
        "T1: call 0, next Section, slot 0.1\n    was nothing\n\
         slot 0: Word(1:Open+2) for socket 0\n    was Word(1:Open+0) for socket 0"
    );
}

#[test]
fn a_predicate_of_ones_own_is_asked_on_a_step() {
    let model = defective("redeems-twice");
    let found = closesocket_models::search(&model).counterexamples;
    let path = found
        .into_iter()
        .flatten()
        .next()
        .expect("a counterexample");
    let mut before = model.init_states()[0];
    let (mut admitted, mut grown) = (0, 0);
    for step in path.transitions() {
        let enters = |it: &Step<'_, View<'_>>| matches!(it.event, Event::Admitted { .. });
        let same = |it: &Step<'_, View<'_>>| it.before.state == it.after.state;
        admitted += usize::from(model.holds(&before, &step, enters));
        grown += usize::from(!model.holds(&before, &step, same));
        before = step.next;
    }
    // One thread enters to duplicate; each step changes something.
    assert_eq!((admitted, grown), (1, path.actions.len()));
}

#[test]
fn states_that_differ_are_shown_differently() {
    // Explorer takes two states for one if their texts are the same.
    let names = [
        "upcall-failure",
        "graceful-drain",
        "close-against-completion",
        "close-against-begin",
        "record-redeemed-twice",
        "listener-with-backlog",
    ];
    for name in names {
        let model = CloseModel::new(Scenario::named(name).expect(name), None).expect("it fits");
        let graph = model.graph(usize::MAX).expect("all of it");
        let mut known = HashSet::new();
        for node in &graph.nodes {
            assert!(
                known.insert(format!("{:?}", node.state)),
                "{name}: {node:?}"
            );
        }
        assert!(known.len() > 1_000, "{name}");
    }
}
