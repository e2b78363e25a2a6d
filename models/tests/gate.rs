//! That the checks of the model notice when they check less than they should.

#![allow(clippy::expect_used)]

use std::time::Duration;

use closesocket_models::{
    Bound, CloseModel, DEFECTS, Limits, PROBES, SCENARIOS, Scenario, Verdict, check_within,
    search_within,
};

/// The catalogue, by name: what is taken out of it has to be taken out here.
const NAMES: &[&str] = &[
    "two-closers-one-operation",
    "close-against-completion",
    "close-against-two-operations",
    "close-against-begin",
    "close-against-blocked-call",
    "reuse-by-a-stale-operation",
    "close-against-connect",
    "listener-with-backlog",
    "accept-against-options",
    "upcall-failure",
    "system-handles",
    "reuse-of-system-handles",
    "last-generation",
    "two-processes-share-a-socket",
    "abort-at-the-last-reference",
    "duplicate-against-close",
    "record-redeemed-late",
    "record-redeemed-twice",
    "record-with-a-dead-target",
    "reclaim-at-the-last-reference",
    "death-at-the-last-reference",
    "graceful-drain",
    "stalled-peer-with-limit",
    "stalled-peer-that-resets",
    "unread-input-resets",
    "unread-input-behind-a-shutdown",
    "hard-close-with-queued-data",
    "lingering-wait",
    "nonblocking-linger",
    "nonblocking-linger-against-close",
    "nonblocking-linger-shut-down",
    "answer-before-the-loss",
    "shutdown-with-pending-sends",
    "cancel-against-completion-and-close",
    "cancel-against-an-answer",
    "cancel-of-a-partly-accepted-send",
    "cancel-through-one-of-two-descriptors",
    "cancel-by-another-process",
    "cleanup-with-operations-pending",
    "death-during-a-drain",
    "cleanup-at-the-last-reference",
    "startup-during-a-cleanup",
    "startup-behind-an-opener",
    "death-against-completions",
];

/// The pinned names that a catalogue lacks.
fn missing(catalogue: &[Scenario]) -> Vec<&'static str> {
    let there = |name: &&str| catalogue.iter().any(|it| it.name == *name);
    NAMES.iter().copied().filter(|name| !there(name)).collect()
}

#[test]
fn no_scenario_was_removed() {
    assert_eq!(missing(SCENARIOS), [""; 0]);
    assert_eq!(SCENARIOS.len(), NAMES.len(), "a new one is not pinned here");
}

#[test]
fn a_scenario_that_is_removed_is_missed() {
    for removed in 0..SCENARIOS.len() {
        let mut catalogue = SCENARIOS.to_vec();
        let name = catalogue.remove(removed).name;
        assert_eq!(missing(&catalogue), [name]);
    }
}

#[test]
fn the_catalogue_of_defects_and_of_probes_does_not_shrink() {
    assert!(DEFECTS.len() >= 50, "{} defects", DEFECTS.len());
    assert!(PROBES.len() >= 23, "{} probes", PROBES.len());
    for (of, scenario) in DEFECTS
        .iter()
        .map(|it| (it.name, it.scenario))
        .chain(PROBES.iter().map(|it| (it.name, it.scenario)))
    {
        assert!(Scenario::named(scenario).is_some(), "{of} in {scenario}");
    }
}

#[test]
fn a_search_that_was_cut_off_says_so() {
    let scenario = Scenario::named("system-handles").expect("a scenario");
    let capped = |states| {
        let limits = Limits {
            states,
            ..Limits::NONE
        };
        check_within(&CloseModel::new(scenario, None).expect("it fits"), limits)
    };
    assert!(capped(scenario.states).complete);
    let short = capped(scenario.states / 2);
    assert!(!short.complete);
    assert!(short.unique_states < scenario.states);
    // What it has not seen it cannot know to be violated.
    assert!(short.verdicts.iter().all(|(_, it)| *it == Verdict::Holds));
}

#[test]
fn a_search_that_ran_out_of_time_says_so() {
    let scenario = Scenario::named("lingering-wait").expect("a scenario");
    let model = CloseModel::new(scenario, None).expect("it fits");
    let limits = Limits {
        time: Duration::ZERO,
        ..Limits::NONE
    };
    let found = search_within(&model, limits);
    assert!(!found.complete);
    assert!(found.unique_states < scenario.states);
}

#[test]
fn a_raised_bound_makes_a_scenario_larger_and_the_verdict_stays() {
    let scenario = Scenario::named("upcall-failure").expect("a scenario");
    for bound in Bound::ALL {
        let Ok(raised) = scenario.raised(bound) else {
            assert_eq!(bound, Bound::Arrivals, "nothing else has no room there");
            continue;
        };
        let found = check_within(
            &CloseModel::new(raised, None).expect("it fits"),
            Limits::NONE,
        );
        assert!(found.complete);
        assert!(found.unique_states > scenario.states, "{}", bound.name());
        assert_eq!(found.violated(), [""; 0], "{}", bound.name());
    }
}
