//! Counterexamples, followed step by step.

#![allow(clippy::expect_used)]

use closesocket_models::{CloseModel, DEFECTS, Scenario, check};

#[test]
fn each_defects_counterexample_violates_the_same_again_and_nothing_without_the_defect() {
    for spec in DEFECTS {
        let scenario = Scenario::named(spec.scenario).expect("a scenario");
        let found = check(&CloseModel::new(scenario, Some(spec.defect)).expect("it fits"));
        let path = found.shortest_path().expect("a counterexample");
        let way = CloseModel::new(scenario, Some(spec.defect))
            .expect("it fits")
            .follow(&path.actions);
        assert_eq!(way.refused, None, "{}: {way}", spec.name);
        assert_eq!(way.taken.len(), spec.steps, "{}: {way}", spec.name);
        assert!(!way.violates.is_empty(), "{}: {way}", spec.name);
        assert!(
            way.violates.iter().all(|it| spec.violates.contains(it)),
            "{}: {way}",
            spec.name
        );
        let way = CloseModel::new(scenario, None)
            .expect("it fits")
            .follow(&path.actions);
        assert_eq!(way.violates, [""; 0], "{}: {way}", spec.name);
    }
}
