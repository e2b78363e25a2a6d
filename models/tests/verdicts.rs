//! What the model says: pinned, so that neither a scenario nor a check can
//! shrink unnoticed.

#![allow(clippy::expect_used)]

use std::sync::OnceLock;

use closesocket::protocol::OperationKind;
use closesocket::protocol::invariant::{Event, Invariant, OperationState, OperationView, World};
use closesocket_models::{
    Checker, CloseModel, DEFECTS, DefectSpec, ExplorerModel, Options, Outcome, PROBES, SCENARIOS,
    Scenario, Search, Verdict, View, check, check_by, rank, search, search_violation,
};
use stateright::{Checker as _, Model};

/// Runs one job for each item on two threads, in the order of the items.
fn on_two_threads<T: Sync, R: Send>(
    items: &'static [T],
    job: impl Fn(&'static T) -> R + Sync,
) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(item) = items.get(index) else {
                    return done;
                };
                done.push((index, job(item)));
            }
        };
        let threads = [scope.spawn(worker), scope.spawn(worker)];
        threads
            .into_iter()
            .flat_map(|it| {
                it.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What our own search finds in every scenario, found out once.
fn searches() -> &'static [Search] {
    static SEARCHES: OnceLock<Vec<Search>> = OnceLock::new();
    SEARCHES.get_or_init(|| {
        on_two_threads(SCENARIOS, |it| {
            search(&CloseModel::new(it, None).expect("it fits"))
        })
    })
}

/// The second opinion: stateright's checker, with another hash.
#[test]
fn both_checkers_explore_every_scenario_completely_and_every_invariant_holds_in_it() {
    let options = Options::default();
    let outcomes = on_two_threads(SCENARIOS, |it| {
        let model = CloseModel::new(it, None).expect("it fits");
        check_by(&model, Checker::Stateright, &options, &|_| {})
    });
    for ((scenario, outcome), own) in SCENARIOS.iter().zip(&outcomes).zip(searches()) {
        assert!(outcome.complete && own.complete, "{}", scenario.name);
        assert_eq!(outcome.violated(), [""; 0], "{}", scenario.name);
        assert!(own.counterexamples.iter().all(Option::is_none));
        assert_eq!(outcome.unique_states, scenario.states, "{}", scenario.name);
        assert_eq!(own.unique_states, scenario.states, "{}", scenario.name);
        assert_eq!(outcome.transitions, own.transitions, "{}", scenario.name);
    }
    let total: usize = outcomes.iter().map(|it| it.unique_states).sum();
    assert!(total >= 1_000_000, "{total} states are too few");
}

#[test]
fn our_own_search_reaches_every_probe() {
    for (index, probe) in PROBES.iter().enumerate() {
        let place = SCENARIOS.iter().position(|it| it.name == probe.scenario);
        let place = place.expect(probe.name);
        assert!(
            searches()[place].reached[index],
            "{} is not reached in {}",
            probe.name,
            probe.scenario
        );
    }
}

#[test]
fn any_number_of_workers_finds_the_same() {
    let small = |it: &&Scenario| it.states <= 2_000;
    for scenario in SCENARIOS.iter().filter(small) {
        let model = CloseModel::new(scenario, None).expect("it fits");
        let counts = [1, 2, 3].map(|workers| {
            let options = Options {
                workers,
                ..Options::default()
            };
            let found = check_by(&model, Checker::Frontier, &options, &|_| {});
            assert!(found.complete && found.violated().is_empty());
            (found.unique_states, found.transitions, found.depth)
        });
        assert_eq!(counts, [counts[0]; 3], "{}", scenario.name);
        assert_eq!(counts[0].0, scenario.states, "{}", scenario.name);
    }
    for defect in DEFECTS.iter().take(20) {
        let scenario = Scenario::named(defect.scenario).expect(defect.scenario);
        let model = CloseModel::new(scenario, Some(defect.defect)).expect("it fits");
        let options = Options {
            workers: 2,
            ..Options::default()
        };
        let found = check_by(&model, Checker::Frontier, &options, &|_| {});
        assert_eq!(found.violated(), defect.violates, "{}", defect.name);
        assert_eq!(found.shortest(), Some(defect.steps), "{}", defect.name);
    }
}

/// What every defect does in its scenario, found out once.
fn defective() -> &'static [Outcome] {
    static OUTCOMES: OnceLock<Vec<Outcome>> = OnceLock::new();
    OUTCOMES.get_or_init(|| {
        on_two_threads(DEFECTS, |it| {
            let scenario = SCENARIOS.iter().find(|s| s.name == it.scenario);
            scenario.map(|scenario| {
                check(&CloseModel::new(scenario, Some(it.defect)).expect("it fits"))
            })
        })
        .into_iter()
        .flatten()
        .collect()
    })
}

#[test]
fn every_defect_breaks_exactly_the_invariants_it_says() {
    assert_eq!(DEFECTS.len(), defective().len(), "a scenario is not there");
    for (defect, outcome) in DEFECTS.iter().zip(defective()) {
        assert_eq!(outcome.violated(), defect.violates, "{}", defect.name);
        assert!(!defect.violates.is_empty(), "{}", defect.name);
        assert_eq!(outcome.shortest(), Some(defect.steps), "{}", defect.name);
    }
}

#[test]
fn every_invariant_has_a_defect_that_breaks_it() {
    for invariant in Invariant::<View<'static>>::TABLE {
        assert!(
            DEFECTS.iter().any(|it| it.violates.contains(&invariant.id)),
            "nothing breaks {}",
            invariant.id
        );
    }
}

#[test]
fn a_counterexample_is_a_path_of_the_model_that_ends_in_the_violation() {
    for (defect, outcome) in DEFECTS.iter().zip(defective()) {
        let scenario = Scenario::named(defect.scenario).expect(defect.scenario);
        let model = CloseModel::new(scenario, Some(defect.defect)).expect("it fits");
        for (id, verdict) in &outcome.verdicts {
            let Verdict::Violated(path) = verdict else {
                continue;
            };
            let mut state = model.init_states()[0];
            for (action, next) in path.actions.iter().zip(&path.states) {
                let mut found = false;
                model.transitions(&state, |_, it| {
                    found |= it.action == *action && it.next == *next;
                });
                assert!(found, "{}: {action} leads nowhere", defect.name);
                state = *next;
            }
            let table = Invariant::<View<'static>>::TABLE;
            let index = table.iter().position(|it| it.id == *id).expect(id);
            assert!(state.violated().contains(index), "{}", defect.name);
            assert_eq!(path.sentences().len(), path.actions.len());
        }
    }
}

#[test]
fn two_checks_give_the_same_counts() {
    let scenario = Scenario::named("lingering-wait").expect("a scenario");
    let (one, two) = (
        check(&CloseModel::new(scenario, None).expect("it fits")),
        check(&CloseModel::new(scenario, None).expect("it fits")),
    );
    assert_eq!(one.unique_states, two.unique_states);
    assert_eq!(one.transitions, two.transitions);
    assert_eq!(one.depth, two.depth);
}

#[test]
fn names_are_unique_and_kebab_case() {
    let mut names: Vec<&str> = SCENARIOS.iter().map(|it| it.name).collect();
    names.extend(DEFECTS.iter().map(|it| it.name));
    for name in &names {
        let kebab = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        assert!(name.chars().all(kebab), "{name}");
        assert_eq!(names.iter().filter(|it| *it == name).count(), 1, "{name}");
    }
}

#[test]
fn the_rank_falls_on_every_transition_until_nothing_can_happen() {
    for name in ["close-against-begin", "upcall-failure", "lingering-wait"] {
        let model = CloseModel::new(Scenario::named(name).expect(name), None).expect("it fits");
        let graph = model.graph(usize::MAX).expect("all of it");
        let mut ends: Vec<_> = graph.nodes.iter().map(|_| true).collect();
        for it in &graph.edges {
            let [from, to] = [it.from, it.to].map(|it| &graph.nodes[it].state);
            assert!(rank(to) < rank(from), "{name}: {}", it.action);
            ends[it.from] = false;
        }
        for (ends, it) in ends.into_iter().zip(&graph.nodes) {
            assert_eq!(ends, it.state.rest().rested(), "{name}: {it:?}");
        }
    }
}

#[test]
fn explorer_shows_every_invariant_by_its_name() {
    let scenario = Scenario::named("hard-close-with-queued-data").expect("a scenario");
    let defect = DefectSpec::named("hard-close-drains").expect("a defect");
    let model =
        ExplorerModel::new(CloseModel::new(scenario, Some(defect.defect)).expect("it fits"));
    let checker = model.checker().spawn_dfs().join();
    assert_eq!(
        checker.model().properties().len(),
        Invariant::<View<'static>>::TABLE.len()
    );
    assert!(checker.discovery("hard-close-resets").is_some());
    assert!(checker.discovery("one-close-wins").is_none());
}

#[test]
fn a_state_and_an_action_can_be_read() {
    let model = CloseModel::new(Scenario::named("upcall-failure").expect("a scenario"), None)
        .expect("it fits");
    let start = model.init_states()[0];
    let mut actions = Vec::new();
    model.actions(&start, &mut actions);
    let sentences: Vec<String> = actions.iter().map(|it| model.format_action(it)).collect();
    assert_eq!(
        sentences,
        [
            "T1 enters descriptor 0.1",
            "T2 reserves slot 1",
            "the transport takes a chunk of socket 0"
        ]
    );
    let text = format!("{:?}", actions[0].next);
    assert_eq!(
        text,
        "{T1: call 0, next Section, slot 0.1, slot 0: Word(1:Open+2) for socket 0, socket 0: open, \
         Connected, 1 reference, 2 unsent, 0 in flight, 0 of 2 acknowledged}"
    );
}

/// What has arrived is for the receives that are pending, in their order; one that comes
/// behind them takes nothing of it at once, though it blocks.
#[test]
fn no_receive_goes_past_one_that_is_pending() {
    let names = [
        "two-closers-one-operation",
        "answer-before-the-loss",
        "cancel-through-one-of-two-descriptors",
    ];
    for name in names {
        let scenario = Scenario::named(name).expect("it exists");
        let model = CloseModel::new(scenario, None).expect("it fits");
        let overtakes = search_violation(&model, |step| {
            let waits = |world: &View<'_>| world.socket(0).input_waits;
            let is_pending = |it: OperationView| {
                it.kind == OperationKind::Recv && it.state == OperationState::Pending
            };
            let mut before = (0..step.before.operations()).map(|it| step.before.operation(it));
            let read = waits(step.before) && !waits(step.after) && before.any(is_pending);
            !read || matches!(step.event, Event::Taken { .. })
        });
        assert_eq!(overtakes.map(|it| it.sentences()), None, "{name}");
    }
}
