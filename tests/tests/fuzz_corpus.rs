//! What the fuzz targets have found worth keeping, replayed.

#![allow(clippy::unwrap_used)]

use std::path::Path;

/// Runs each input of a corpus; returns how many there were.
fn replay(corpus: &str, run: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(corpus);
    let mut inputs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    for input in &inputs {
        // The name of the input is what a failure needs.
        println!("{}", input.display());
        run(&std::fs::read(input).unwrap());
    }
    inputs.len()
}

#[test]
fn the_engine_answers_every_history_of_the_corpus_as_the_oracle_says() {
    assert!(replay("history", closesocket_tests::fuzz::history) >= 100);
}

#[test]
fn the_reader_and_the_replay_stand_every_trace_of_the_corpus() {
    assert!(replay("trace", closesocket_tests::fuzz::trace) >= 30);
}
