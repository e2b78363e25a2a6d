//! Counts and ways of stateright models, and of spaces.

use std::hash::Hash;
use std::sync::Arc;

use closesocket_frontier::{
    Ending, ModelError, ModelSpace, Options, Report, Space, explore, explore_alone,
};
use stateright::{Checker, Model, Property};

use crate::toys::{Counted, Counters, Spied, found};

fn options(workers: usize, paths: bool) -> Options {
    Options {
        workers,
        paths,
        ..Options::default()
    }
}

fn search<P>(space: P, options: &Options) -> Report<P::State, P::Action>
where
    P: Space + Send + Sync + 'static,
    P::State: Send + 'static,
{
    explore(&Arc::new(space), options, &|_| {}).expect("no failure")
}

/// A model whose states are of the heap, of some starts, with a boundary and ways
/// that meet.
#[derive(Clone)]
struct Words;

impl Model for Words {
    type State = Vec<String>;
    type Action = (usize, char);

    fn init_states(&self) -> Vec<Vec<String>> {
        vec![vec![String::new(); 2], vec!["ab".to_owned(), String::new()]]
    }

    fn actions(&self, state: &Vec<String>, actions: &mut Vec<(usize, char)>) {
        for (at, word) in state.iter().enumerate() {
            if word.len() < 3 {
                actions.extend(['a', 'b', 'c'].map(|letter| (at, letter)));
            }
        }
    }

    fn next_state(&self, state: &Vec<String>, (at, letter): (usize, char)) -> Option<Vec<String>> {
        let mut next = state.clone();
        next[at].push(letter);
        Some(next)
    }

    fn within_boundary(&self, state: &Vec<String>) -> bool {
        state[0] != "cc"
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no word is `bab`", |_, state: &Vec<String>| {
                !state.iter().any(|it| it == "bab")
            }),
            Property::always("few words", |_, state: &Vec<String>| state.len() == 2),
        ]
    }
}

/// The counts of stateright's checker and of ours, with 1, 2 and 3 workers, with
/// ways and without.
fn agrees<M>(model: &M)
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Hash + Send + Sync + std::fmt::Debug + PartialEq + 'static,
    M::Action: std::fmt::Debug + PartialEq + Clone + Send + Sync,
{
    let checker = model.clone().checker().spawn_bfs().join();
    let starts = model.init_states().len();
    for workers in 1..=3 {
        for paths in [false, true] {
            let space = ModelSpace::new(model.clone()).expect("a space");
            let report = search(space, &options(workers, paths));
            assert_eq!(report.ending, Ending::Complete);
            assert_eq!(report.unique_states, checker.unique_state_count());
            assert_eq!(report.transitions, checker.state_count() - starts);
            assert_eq!(report.depth, checker.max_depth() - 1);
            assert_eq!(report.own_states, report.unique_states);
            let names: Vec<_> = model.properties().iter().map(|it| it.name).collect();
            let mut found: Vec<_> = report.found.iter().map(|it| names[it.number]).collect();
            let mut theirs: Vec<_> = checker.discoveries().into_keys().collect();
            found.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(found, theirs);
        }
    }
}

/// Whether each way is one of the model, as long as it says, and ends where it says.
fn is_walkable<P: Space<State = Counted, Action = usize>>(
    report: &Report<Counted, usize>,
    space: &P,
) {
    for found in &report.found {
        let path = found.path.as_ref().expect("a path");
        assert_eq!(path.steps.len(), found.depth);
        let mut at = path.start;
        assert!(space.starts().contains(&at));
        for (action, to) in &path.steps {
            let mut there = false;
            space.steps(&at, |which, it| there |= which == *action && it == *to);
            assert!(there, "{at:?} {action}");
            at = *to;
        }
    }
}

#[test]
fn counts_and_discoveries_agree_with_stateright() {
    agrees(&Counters { top: 9 });
    agrees(&Words);
}

#[test]
fn counts_are_what_they_must_be() {
    for workers in 1..=3 {
        let toy = Counters { top: 12 };
        let space = Spied::up_to(12);
        let report = search(space, &options(workers, true));
        assert_eq!(report.unique_states, toy.unique());
        assert_eq!(report.transitions, toy.transitions());
        assert_eq!(report.depth, toy.depth());
    }
}

#[test]
fn ways_are_shortest_and_can_be_walked() {
    for workers in 1..=4 {
        let space = Arc::new(Spied::up_to(10));
        let report = explore(&space, &options(workers, true), &|_| {}).expect("no failure");
        assert_eq!(found(&report), [(5, 40), (100, 3)], "{workers}");
        is_walkable(&report, &*space);
        let model = ModelSpace::new(Counters { top: 5 }).expect("a space");
        let model = Arc::new(model);
        let report = explore(&model, &options(workers, true), &|_| {}).expect("no failure");
        assert_eq!(found(&report), [(0, 20), (1, 7)], "{workers}");
        is_walkable(&report, &*model);
    }
}

#[test]
fn the_first_finding_ends_a_search_that_wants_no_more() {
    let space = Spied::up_to(20);
    let options = Options {
        first_only: true,
        ..options(1, true)
    };
    let report = explore_alone(&space, &options, &|_| {});
    assert_eq!(report.ending, Ending::Found);
    assert!(!report.is_complete());
    assert_eq!(found(&report), [(100, 3)]);
    assert!(report.unique_states < 100, "{}", report.unique_states);
}

#[test]
fn a_model_with_an_eventually_is_refused() {
    struct Ending;
    impl Model for Ending {
        type State = u8;
        type Action = ();
        fn init_states(&self) -> Vec<u8> {
            vec![0]
        }
        fn actions(&self, _: &u8, _: &mut Vec<()>) {}
        fn next_state(&self, _: &u8, (): ()) -> Option<u8> {
            None
        }
        fn properties(&self) -> Vec<Property<Self>> {
            vec![Property::eventually("it ends", |_, _| true)]
        }
    }
    let refused = ModelSpace::new(Ending).err();
    assert_eq!(refused, Some(ModelError::Eventually("it ends")));
}
