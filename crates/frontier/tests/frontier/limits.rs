//! Searches that are cut off, and spaces that panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use closesocket_frontier::{Ending, Failure, Limits, Options, explore};

use crate::toys::{Counters, Spied};

const TOP: u8 = 25;

fn cut(workers: usize, limits: Limits) -> (Ending, usize) {
    let space = Arc::new(Spied::up_to(TOP));
    let options = Options {
        workers,
        paths: false,
        limits,
        ..Options::default()
    };
    let report = explore(&space, &options, &|_| {}).expect("no failure");
    (report.ending, report.unique_states)
}

#[test]
fn a_search_that_is_cut_off_says_why_and_is_not_complete() {
    let all = Counters { top: TOP }.unique();
    for workers in 1..=2 {
        let memory = Limits {
            memory: 2_000_000,
            ..Limits::NONE
        };
        let (ending, states) = cut(workers, memory);
        assert_eq!(ending, Ending::Memory);
        // No state takes less than eight bytes.
        assert!(states < all && states <= 2_000_000 / 8, "{states}");
        let states = Limits {
            states: 1_000,
            ..Limits::NONE
        };
        let (ending, states) = cut(workers, states);
        assert_eq!(ending, Ending::States);
        assert!((1_000..all).contains(&states), "{states}");
        let time = Limits {
            time: Duration::ZERO,
            ..Limits::NONE
        };
        assert_eq!(cut(workers, time).0, Ending::Time);
        let enough = Limits {
            states: all,
            time: Duration::from_secs(600),
            memory: 1 << 30,
        };
        assert_eq!(cut(workers, enough), (Ending::Complete, all));
    }
}

#[test]
fn a_space_that_panics_ends_the_search_on_all_workers() {
    for workers in 1..=3 {
        let space = Arc::new(Spied {
            top: TOP,
            panics_at: Some(20),
            ..Spied::default()
        });
        let options = Options {
            workers,
            ..Options::default()
        };
        match explore(&space, &options, &|_| {}) {
            Err(Failure::Panicked(why)) => assert!(why.contains("cannot stand"), "{why}"),
            other => panic!("{:?}", other.map(|it| it.ending)),
        }
    }
}

#[test]
fn progress_is_told() {
    for workers in 1..=2 {
        let most = AtomicUsize::new(0);
        let space = Arc::new(Spied::up_to(TOP));
        let options = Options {
            workers,
            paths: false,
            ..Options::default()
        };
        let report = explore(&space, &options, &|progress| {
            most.fetch_max(progress.states, Ordering::Relaxed);
            assert!(progress.states == 0 || progress.bytes > 8 * progress.states);
        });
        assert!(report.is_ok());
        assert!(most.into_inner() > 0, "{workers}");
    }
}
