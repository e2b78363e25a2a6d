//! A trace that was cut is replayed part by part, with the same verdict.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use closesocket::engine::Step;
use closesocket::protocol::{AbortScope, UnreadInput};
use closesocket_trace::{
    ReadError, Record, Recorder, Replay, read_file, replay, replay_file, to_text,
};
use common::{World, config, expect_accepted};

/// A file that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("closesocket-cuts-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn replay(&self, text: &str) -> Result<Replay, ReadError> {
        std::fs::write(&self.0, text).unwrap();
        replay_file(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Opens connections on two threads and closes each twice at once, calling
/// `between` whenever nobody is at work.
fn rounds(recorder: &Recorder, between: impl Fn()) -> Vec<Record> {
    let config = config(AbortScope::Descriptor, UnreadInput::Discard);
    let world = World::new(config, recorder, 0);
    for _ in 0..6 {
        let shared = world.open().unwrap();
        thread::scope(|scope| {
            let threads = [0, 1].map(|_| {
                scope.spawn(|| {
                    drop(world.processes[0].begin(shared));
                    world.processes[0].close(shared).ok();
                })
            });
            threads.into_iter().for_each(|it| it.join().unwrap());
        });
        between();
    }
    world.end(recorder)
}

/// The text of a trace with a cut behind each of these numbers of records.
fn with_cuts(records: &[Record], cuts: &[usize]) -> String {
    let mut text = String::new();
    for (place, line) in to_text(records).lines().enumerate() {
        text.push_str(line);
        text.push('\n');
        // The first line is the header.
        if cuts.contains(&place) {
            text.push_str(&format!("{{\"cut\":{{\"events\":{place}}}}}\n"));
        }
    }
    text
}

#[test]
fn a_trace_that_was_cut_between_rounds_is_accepted() {
    let scratch = Scratch::new();
    let recorder = Recorder::to_file(&scratch.0).unwrap();
    rounds(&recorder, || recorder.cut());
    let text = std::fs::read_to_string(&scratch.0).unwrap();
    assert_eq!(text.matches("{\"cut\":").count(), 6);
    let cut = replay_file(&scratch.0).unwrap();
    expect_accepted(&cut);
    assert_eq!(cut, replay(&read_file(&scratch.0).unwrap()));
}

#[test]
fn what_is_told_behind_the_next_cut_is_not_held_against_the_trace() {
    let recorder = Recorder::in_memory();
    let records = rounds(&recorder, || ());
    let scratch = Scratch::new();
    for place in 1..records.len() {
        expect_accepted(&scratch.replay(&with_cuts(&records, &[place])).unwrap());
    }
}

#[test]
fn what_is_told_two_cuts_late_is() {
    let recorder = Recorder::in_memory();
    let mut records = rounds(&recorder, || ());
    // One thread after the other: nothing that two threads did together can be
    // ordered before the last part.
    records.sort_by_key(|it| (it.thread, it.number));
    let scratch = Scratch::new();
    let third = records.len() / 3;
    let text = with_cuts(&records, &[2, third, 2 * third]);
    assert!(!scratch.replay(&text).unwrap().accepted);
}

#[test]
fn a_spoilt_trace_is_rejected_cut_or_not() {
    let scratch = Scratch::new();
    let recorder = Recorder::to_file(&scratch.0).unwrap();
    rounds(&recorder, || recorder.cut());
    let text = std::fs::read_to_string(&scratch.0).unwrap();
    let records = read_file(&scratch.0).unwrap();
    let released = records
        .iter()
        .position(|it| it.observation.step == Step::Released)
        .unwrap();
    // A release that is an order to reset.
    let (old, order) = ("\"released\"", "{\"ordered\":{\"order\":\"reset\"}}");
    let line = text.lines().find(|line| line.contains(old)).unwrap();
    let other = line.replace(old, order);
    let verdict = scratch.replay(&text.replacen(line, &other, 1)).unwrap();
    let problem = verdict.first_problem.unwrap();
    assert_eq!(problem.thread, Some(records[released].thread));
    assert_eq!(verdict.events, records.len() as u64);
}

#[test]
fn a_cut_that_counts_otherwise_is_refused() {
    let recorder = Recorder::in_memory();
    let records = rounds(&recorder, || ());
    let text =
        with_cuts(&records, &[9]).replace("\"cut\":{\"events\":9}", "\"cut\":{\"events\":8}");
    let error = Scratch::new().replay(&text).unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::Count {
                line: 11,
                said: 8,
                found: 9
            }
        ),
        "{error}"
    );
}
