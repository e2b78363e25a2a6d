//! Canonical states: that the reduced search loses nothing.
//!
//! The full search is the yardstick. Of each of its states, and each step from there,
//! the canonical state must have the same step; then what the reduced search reaches
//! is what the full search reaches, made canonical.

#![allow(clippy::expect_used)]

use std::collections::{HashMap, HashSet};

use closesocket_models::{
    CloseModel, DEEP, DEFECTS, SCENARIOS, Scenario, State, check, search, state::THREADS,
};
use stateright::Model;

/// Larger scenarios take more than a few seconds: `--ignored` compares them, too.
const SMALL: usize = 25_000;

/// Everything that can be reached by the model's steps, each state in this form.
fn reached(model: &CloseModel, form: impl Fn(&State) -> State) -> HashSet<State> {
    let start: Vec<State> = model.init_states().iter().map(&form).collect();
    let mut known: HashSet<State> = start.iter().copied().collect();
    let mut to_do = start;
    while let Some(from) = to_do.pop() {
        model.transitions(&from, |_, step| {
            let next = form(&step.next);
            if known.insert(next) {
                to_do.push(next);
            }
        });
    }
    known
}

/// How many canonical states there are, or what is wrong with the form.
fn oracle(full: &CloseModel, form: impl Fn(&State) -> State) -> Result<usize, String> {
    let every = reached(full, |it| *it);
    let fewer = reached(full, &form);
    let canonical: HashSet<State> = every.iter().map(&form).collect();
    let lost = canonical.difference(&fewer).count();
    let extra = fewer.difference(&canonical).count();
    let mut steps: HashMap<State, HashSet<State>> = HashMap::new();
    let mut missing = 0;
    for from in &every {
        let mine = form(from);
        let of_mine = steps.entry(mine).or_insert_with(|| {
            let mut next = HashSet::new();
            full.transitions(&mine, |_, step| {
                next.insert(form(&step.next));
            });
            next
        });
        full.transitions(from, |_, step| {
            let next = form(&step.next);
            // A step that changes only what is dead is none.
            missing += usize::from(next != mine && !of_mine.contains(&next));
        });
    }
    if lost + extra + missing == 0 {
        Ok(fewer.len())
    } else {
        Err(format!(
            "{lost} states lost, {extra} made up, {missing} steps missing"
        ))
    }
}

fn model(scenario: &'static Scenario) -> CloseModel {
    CloseModel::new(scenario, None).expect("it fits")
}

fn named(name: &str) -> CloseModel {
    model(Scenario::named(name).expect(name))
}

fn compare(scenario: &'static Scenario) {
    let full = model(scenario);
    let reduced = full.reduced();
    let found = oracle(&full, |it| reduced.form(it));
    assert_eq!(
        found,
        Ok(reduced.pinned_states().expect("pinned")),
        "{}",
        scenario.name
    );
}

#[test]
fn the_reduced_search_reaches_the_canonical_states_of_all_others() {
    let small = SCENARIOS.iter().filter(|it| it.states <= SMALL);
    assert_eq!(small.clone().count(), 28);
    small.for_each(compare);
}

#[test]
#[ignore = "two minutes: the larger scenarios"]
fn and_those_of_the_larger_scenarios() {
    let large: Vec<_> = SCENARIOS.iter().filter(|it| it.states > SMALL).collect();
    let (some, others) = large.split_at(3);
    std::thread::scope(|scope| {
        scope.spawn(|| some.iter().for_each(|it| compare(it)));
        others.iter().for_each(|it| compare(it));
    });
}

#[test]
fn a_deep_scenario_holds_and_has_so_many_canonical_states() {
    let small = DEEP.iter().filter(|it| it.states <= 2_000_000);
    assert_eq!(small.clone().count(), 1);
    for scenario in small {
        let reduced = model(scenario).reduced();
        let outcome = check(&reduced);
        assert!(outcome.complete && outcome.violated().is_empty());
        assert_eq!(Some(outcome.unique_states), reduced.pinned_states());
    }
}

#[test]
fn a_reduced_model_holds_and_has_as_many_states_for_either_search() {
    for scenario in SCENARIOS.iter().filter(|it| it.states <= SMALL) {
        let reduced = model(scenario).reduced();
        let outcome = check(&reduced);
        let holds = outcome.complete && outcome.violated().is_empty();
        assert!(holds, "{}", scenario.name);
        let states = reduced.pinned_states().expect("pinned");
        assert_eq!(outcome.unique_states, states, "{}", scenario.name);
        assert_eq!(search(&reduced).unique_states, states, "{}", scenario.name);
    }
}

#[test]
fn every_defect_is_refuted_among_the_canonical_states_and_in_as_few_steps() {
    for defect in DEFECTS {
        let scenario = Scenario::named(defect.scenario).expect(defect.scenario);
        let model = CloseModel::new(scenario, Some(defect.defect)).expect("it fits");
        let outcome = check(&model.reduced());
        assert_eq!(outcome.violated(), defect.violates, "{}", defect.name);
        assert_eq!(outcome.shortest(), Some(defect.steps), "{}", defect.name);
    }
}

#[test]
fn a_form_is_its_own_form() {
    let reduced = named("record-redeemed-late").reduced();
    for state in reached(&reduced.full(), |it| *it) {
        let form = reduced.form(&state);
        assert_eq!(reduced.form(&form), form, "{state:?}");
    }
}

/// Wrong reductions, each of which looks right.
#[test]
fn a_reduction_that_loses_something_is_caught() {
    type Spoil = fn(&mut State);
    let spoilt: [(&str, &str, Spoil); 4] = [
        (
            "what a closer saw of the word",
            "two-closers-one-operation",
            |it| {
                for t in 0..THREADS {
                    it.thread_mut(t).set_guess(0);
                }
            },
        ),
        (
            "in which order operations were started",
            "close-against-completion",
            |it| {
                for index in 0..2_usize {
                    it.operation_mut(index).set_number(0);
                }
            },
        ),
        (
            "which of two threads is ahead",
            "close-against-two-operations",
            |it| {
                let (first, second) = (it.thread(0_usize), it.thread(1_usize));
                if second.next() as u8 > first.next() as u8 {
                    *it.thread_mut(0_usize) = second;
                    *it.thread_mut(1_usize) = first;
                }
            },
        ),
        (
            "who closed the descriptor",
            "death-against-completions",
            |it| {
                let cause = closesocket::protocol::Cause::Call;
                it.slot_mut(0_usize).set_cause(cause);
            },
        ),
    ];
    for (what, scenario, spoil) in spoilt {
        let full = named(scenario);
        let reduced = full.reduced();
        let found = oracle(&full, |it| {
            let mut form = reduced.form(it);
            spoil(&mut form);
            form
        });
        assert!(found.is_err(), "{what}: {found:?}");
    }
}
