//! Searches that are broken off and taken up again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use closesocket_frontier::{
    Checkpoint, Ending, Failure, Limits, Options, Report, explore_anywhere,
};

use crate::toys::{Counted, Counters, Spied, found};

const TOP: u8 = 14;

fn file(name: &str) -> PathBuf {
    let process = std::process::id();
    std::env::temp_dir().join(format!("frontier-{name}-{process}"))
}

/// Searches with a checkpoint after each layer, up to so many states; what it found
/// and how many states it went through.
fn search(
    file: &Path,
    workers: usize,
    states: usize,
    name: &str,
) -> (Result<Report<Counted, usize>, Failure>, usize) {
    let space = Arc::new(Spied::up_to(TOP));
    let options = Options {
        workers,
        name: name.to_owned(),
        limits: Limits {
            states,
            ..Limits::NONE
        },
        checkpoint: Some(Checkpoint {
            file: file.to_owned(),
            every: Duration::ZERO,
        }),
        ..Options::default()
    };
    let report = explore_anywhere(&space, &options, &|_| {});
    let asked = space.asked.load(Ordering::Relaxed);
    (report, asked)
}

#[test]
fn a_search_that_is_taken_up_counts_as_one_that_was_never_broken_off() {
    let toy = Counters { top: TOP };
    for (before, after) in [(1, 1), (1, 2), (2, 1), (2, 3)] {
        let file = file(&format!("{before}-{after}"));
        let (cut, _) = search(&file, before, toy.unique() / 2, "toy");
        assert_eq!(cut.expect("no failure").ending, Ending::States);
        assert!(file.exists());
        let (report, asked) = search(&file, after, usize::MAX, "toy");
        let report = report.expect("no failure");
        assert_eq!(report.ending, Ending::Complete);
        assert_eq!(report.unique_states, toy.unique());
        assert_eq!(report.transitions, toy.transitions());
        assert_eq!(report.depth, toy.depth());
        // What was gone through before is not gone through again.
        assert!(asked < toy.unique() * 3 / 4, "{asked}");
        assert_eq!(found(&report), [(5, 56), (100, 3)]);
        for found in &report.found {
            let path = found.path.as_ref().expect("a path");
            assert_eq!(path.steps.len(), found.depth);
        }
        assert!(!file.exists(), "a complete search leaves none");
    }
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let file = file("other");
    let (cut, _) = search(&file, 1, 10_000, "toy");
    assert!(cut.is_ok());
    for workers in 1..=2 {
        let (other, _) = search(&file, workers, usize::MAX, "another toy");
        let why = other.err().map(|it| it.to_string()).expect("refused");
        assert!(
            why.ends_with("is the checkpoint of another search"),
            "{why}"
        );
    }
    let mut bytes = fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    for spoilt in [&bytes[..], &bytes[..middle]] {
        fs::write(&file, spoilt).expect("written");
        let (damaged, _) = search(&file, 1, usize::MAX, "toy");
        let why = damaged.err().map(|it| it.to_string()).expect("refused");
        assert!(why.ends_with("is damaged"), "{why}");
    }
    fs::write(&file, b"nothing of the kind").expect("written");
    let (nothing, _) = search(&file, 1, usize::MAX, "toy");
    let why = nothing.err().map(|it| it.to_string()).expect("refused");
    assert!(why.ends_with("is no checkpoint"), "{why}");
    fs::remove_file(&file).expect("removed");
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error() {
    let nowhere = PathBuf::from("/nowhere/to/be/found");
    for workers in 1..=2 {
        let (report, _) = search(&nowhere, workers, usize::MAX, "toy");
        assert!(matches!(report, Err(Failure::File { .. })));
    }
}
