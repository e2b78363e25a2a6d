//! What Explorer is given to show.

#![allow(clippy::expect_used, clippy::panic)]

use closesocket::protocol::invariant::{COUNT, Invariant};
use closesocket_models::{CloseModel, DefectSpec, ExplorerModel, SCENARIOS, Scenario, View};
use roxmltree::{Document, Node};
use stateright::{Model, Path};

/// The model of a defect's scenario with it.
fn defective(name: &str) -> CloseModel {
    let defect = DefectSpec::named(name).expect(name);
    let scenario = Scenario::named(defect.scenario).expect(defect.scenario);
    CloseModel::new(scenario, Some(defect.defect)).expect("it fits")
}

/// Follows an address, and gives the path that it stands for.
fn follow(
    model: &ExplorerModel,
    place: &str,
) -> Path<closesocket_models::State, closesocket_models::Shown> {
    let indices = place.strip_prefix("#/steps/0").expect("from the start");
    let start = model.init_states()[0];
    let (mut state, mut taken) = (start, Vec::new());
    for index in indices.split('/').skip(1) {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let action = actions[index.parse::<usize>().expect("an index")];
        taken.push(action);
        state = action.0.next;
    }
    Path::from_actions(model, start, &taken).expect("a path")
}

/// All text of the page's piece for a path. It must be well-formed.
fn shown(model: &ExplorerModel, place: &str) -> String {
    let piece = model
        .as_svg(follow(model, place))
        .expect("a piece of the page");
    let page = format!("<div>{piece}</div>");
    let document = Document::parse(&page).expect("well-formed");
    let texts = document.descendants().filter(Node::is_text);
    let text: String = texts.filter_map(|it| it.text()).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
        let mut todo = model.init_states();
        let mut known = std::collections::HashSet::new();
        while let Some(state) = todo.pop() {
            let mut actions = Vec::new();
            model.actions(&state, &mut actions);
            for step in &actions {
                let judged = model.judged(&state, Some(step));
                for (index, it) in judged.iter().enumerate() {
                    let found = step.next.violated().contains(index);
                    assert_eq!(it.holds(), !found, "{}: {}", it.id, step.action);
                    violated += usize::from(found);
                }
                if known.insert(step.next) {
                    todo.push(step.next);
                }
            }
        }
    }
    assert!(violated > 0, "nothing was violated");
}

#[test]
fn the_entrance_of_a_defect_is_its_shortest_counterexample() {
    let model = ExplorerModel::new(defective("redeems-twice")).with_home("http://h:1/?a&b".into());
    let place = model.entrance().to_owned();
    assert_eq!(place.split('/').count(), 3 + 6, "{place}");
    let last = follow(&model, &place).last_state().violated();
    assert!(!last.is_empty());
    let text = shown(&model, &place);
    for part in [
        "All scenarios and defects",
        "A record can be redeemed again.",
        "The shortest counterexample, 6 steps",
        "T3 in P1 redeems record 0 into slot 3",
        "violates no-release-before-last-reference",
        &format!(
            "Evaluated on step 6: {} of {COUNT} invariants hold",
            COUNT - 1
        ),
        "✗ violated",
        "a record is redeemed once, by its target. D5, D6 violated in 6 steps",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // One step before, nothing is violated yet.
    let before = place.rsplit_once('/').expect("steps").0;
    let text = shown(&model, before);
    assert!(
        text.contains(&format!(
            "Evaluated on step 5: {COUNT} of {COUNT} invariants hold"
        )),
        "{text}"
    );
    assert!(!text.contains("✗ violated"));
}

#[test]
fn the_start_of_every_scenario_is_shown_with_every_invariant_holding() {
    for scenario in SCENARIOS {
        let model = ExplorerModel::new(CloseModel::new(scenario, None).expect("it fits"));
        assert_eq!(model.entrance(), "#/steps/0");
        let text = shown(&model, model.entrance());
        let all = format!("Evaluated on the start: {COUNT} of {COUNT} invariants hold");
        assert!(text.contains(&all), "{}: {text}", scenario.name);
        assert!(
            !text.contains("shortest counterexample"),
            "{}",
            scenario.name
        );
        for invariant in Invariant::<View<'static>>::TABLE {
            assert!(text.contains(invariant.sentence), "{}", invariant.id);
        }
    }
}

#[test]
fn a_step_says_what_it_changes() {
    let scenario = Scenario::named("upcall-failure").expect("a scenario");
    let model = ExplorerModel::new(CloseModel::new(scenario, None).expect("it fits"));
    let start = model.init_states()[0];
    let mut actions = Vec::new();
    model.actions(&start, &mut actions);
    assert_eq!(model.format_action(&actions[0]), "T1 enters descriptor 0.1");
    assert_eq!(format!("{:?}", actions[0]), "T1 enters descriptor 0.1");
    assert_eq!(
        model.format_step(&start, actions[0]).expect("a text"),
        "T1: call 0, next Section, slot 0.1\n    was nothing\n\
         slot 0: Word(1:Open+2) for socket 0\n    was Word(1:Open+0) for socket 0"
    );
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
        let mut todo = model.init_states();
        let mut known = std::collections::HashMap::new();
        while let Some(state) = todo.pop() {
            model.transitions(&state, |_, step| {
                let text = format!("{:?}", step.next);
                match known.insert(text, step.next) {
                    None => todo.push(step.next),
                    Some(other) => assert_eq!(other, step.next, "{name}"),
                }
            });
        }
        assert!(known.len() > 1_000, "{name}");
    }
}
