//! That the checks of the model notice when they check less than they should.

#![allow(clippy::expect_used)]

use std::time::Duration;

use closesocket_models::{
    Bound, CloseModel, DEFECTS, Limits, PROBES, Scenario, Verdict, check_within, search_within,
};

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
