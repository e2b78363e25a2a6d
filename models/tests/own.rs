//! What somebody brings of their own: deviations do what the model's own defects do,
//! and an invariant says what speaks against it wherever it is violated.

#![allow(clippy::expect_used)]

use closesocket::protocol::Phase;
use closesocket::protocol::invariant::{Event, Object, Witness, World};
use closesocket_models::lanes::Drawing;
use closesocket_models::{
    Checker, CloseModel, Defect, DefectSpec, Deviating, Deviation, Judge, Options, OwnInvariant,
    Scenario, What, check, check_by, search_violation,
};

/// A defect of the model, and a deviation that does the same.
const PAIRS: [(&str, Deviation); 4] = [
    // A step that is not taken.
    (
        "timer-forgotten",
        Deviation(|it| !matches!(it.action.what, What::Expire { .. })),
    ),
    // A step that comes to another state.
    ("transport-drops-chunks", Deviation(drops_a_chunk)),
    ("hard-close-without-reset", Deviation(forgets_the_reset)),
    // A step that is something else for the rules.
    ("second-close-succeeds", Deviation(succeeds_again)),
];

fn drops_a_chunk(it: &mut Deviating<'_>) -> bool {
    if let What::Transmit { socket } = it.action.what {
        let mut socket = it.after.socket_mut(socket);
        let mut machine = socket.machine();
        machine.in_flight -= 1;
        socket.set_machine(machine);
    }
    true
}

fn forgets_the_reset(it: &mut Deviating<'_>) -> bool {
    if let What::Commit { slot, .. } = it.action.what {
        let socket = it.after.slot(slot).socket();
        it.after.socket_mut(socket).set_reset(false);
    }
    true
}

fn succeeds_again(it: &mut Deviating<'_>) -> bool {
    if let (What::Look { open: false, slot }, Event::CloseRefused { .. }) =
        (it.action.what, it.event)
    {
        it.event = Event::CloseReturned {
            socket: usize::from(it.before.slot(slot).socket()),
            committed: false,
            waited: false,
            result: Ok(()),
        };
    }
    true
}

fn model(spec: &DefectSpec, defect: Defect) -> CloseModel {
    let scenario = Scenario::named(spec.scenario).expect("a scenario");
    CloseModel::new(scenario, Some(defect)).expect("it fits")
}

#[test]
fn a_deviation_is_caught_as_the_defect_that_does_the_same() {
    for (name, deviation) in PAIRS {
        let spec = DefectSpec::named(name).expect("a defect");
        let theirs = check(&model(spec, Defect::Own(deviation)));
        let ours = check(&model(spec, spec.defect));
        assert!(theirs.complete, "{name}");
        assert_eq!(theirs.violated(), spec.violates, "{name}");
        assert_eq!(theirs.shortest(), Some(spec.steps), "{name}");
        assert_eq!(
            (theirs.unique_states, theirs.transitions, theirs.depth),
            (ours.unique_states, ours.transitions, ours.depth),
            "{name}"
        );
    }
}

#[test]
fn both_checkers_see_a_deviation() {
    let (name, deviation) = PAIRS[0];
    let spec = DefectSpec::named(name).expect("a defect");
    let model = model(spec, Defect::Own(deviation));
    let found = check_by(&model, Checker::Stateright, &Options::default(), &|_| {});
    assert_eq!(found.violated(), spec.violates);
}

#[test]
fn a_deviation_that_goes_round_is_caught_by_the_rank() {
    let spec = DefectSpec::named("timer-forgotten").expect("a defect");
    // Whoever takes the lock to close lets go of it and tries again.
    let again = Deviation(|it| {
        if let (What::Lock { .. }, Some(thread)) = (it.action.what, it.action.thread) {
            let before = it.before.thread(thread);
            *it.after.thread_mut(thread) = before;
        }
        true
    });
    let found = check(&model(spec, Defect::Own(again)));
    assert_eq!(found.violated(), ["everything-released-at-the-end"]);
}

#[test]
fn a_deviation_that_changes_nothing_leaves_the_scenario_as_it_is() {
    for scenario in closesocket_models::SCENARIOS
        .iter()
        .filter(|it| it.states < 2000)
    {
        let idle = Some(Defect::Own(Deviation(|_| true)));
        let found = check(&CloseModel::new(scenario, idle).expect("it fits"));
        assert_eq!(found.violated(), [""; 0], "{}", scenario.name);
        assert_eq!(found.unique_states, scenario.states, "{}", scenario.name);
    }
}

/// Wrong on purpose: no drain runs out of time. Twice, with a witness and without.
static NEVER_EXPIRES: [OwnInvariant; 2] = [
    OwnInvariant {
        id: "never-expires",
        sentence: "No drain has a deadline.",
        why: "It is an example.",
        judge: Judge::Witness(|step| {
            let limited = |&it: &usize| {
                let phase = step.after.socket(it).machine.phase;
                matches!(phase, Phase::Draining { deadline: Some(_) })
            };
            let socket = (0..step.after.sockets()).find(limited)?;
            Some(Witness::new(Object::Socket(socket), "has a deadline"))
        }),
    },
    OwnInvariant {
        id: "never-expires-either",
        sentence: "No drain has a deadline.",
        why: "It is an example.",
        judge: Judge::Holds(|step| {
            (0..step.after.sockets()).all(|it| {
                let phase = step.after.socket(it).machine.phase;
                !matches!(phase, Phase::Draining { deadline: Some(_) })
            })
        }),
    },
];

#[test]
fn an_invariant_of_ones_own_says_what_speaks_against_it_everywhere() {
    let scenario = Scenario::named("stalled-peer-with-limit").expect("a scenario");
    let model = CloseModel::new(scenario, None).expect("it fits");
    let ways = NEVER_EXPIRES.map(|own| search_violation(&model, |step| own.holds(step)));
    let [way, other] = ways.map(|it| it.expect("a counterexample"));
    assert_eq!(way, other);
    let path = way.transitions();
    assert_eq!(model.breaches_of_path(&path), []);
    let model = model.judged_by(&NEVER_EXPIRES);
    let breaches = model.breaches_of_path(&path);
    let said: Vec<_> = breaches.iter().map(|it| (it.id, it.what())).collect();
    let what = "socket 0 has a deadline, by T1 in P0".to_owned();
    let silent = ("never-expires-either", None);
    assert_eq!(said, [("never-expires", Some(what.clone())), silent]);
    // In drawings, in the row, at the lane of the object, and below.
    let drawing = Drawing::of_path(&model, &path);
    let row = drawing.rows.last().expect("a row");
    let socket = drawing.lanes.iter().position(|it| it.name == "socket 0");
    let shown: Vec<_> = row
        .violates
        .iter()
        .map(|it| (&*it.invariant, it.lane))
        .collect();
    assert_eq!(
        shown,
        [("never-expires", socket), ("never-expires-either", None)]
    );
    assert!(drawing.to_text(200).contains(&what));
    let note = format!("never-expires does not hold: {what}. No drain has a deadline.");
    assert!(drawing.notes.contains(&note), "{:?}", drawing.notes);
    // And where steps are followed.
    let steps: Vec<_> = path.iter().map(|it| it.action).collect();
    let followed = model.follow(&steps);
    assert_eq!(followed.violates, ["never-expires", "never-expires-either"]);
}
