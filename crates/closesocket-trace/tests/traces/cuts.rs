//! A trace that was cut is replayed part by part, with the same verdict.

use crate::common::scratch::Scratch;
use crate::common::{World, expect_accepted};
use closesocket::engine::observe::Step;
use closesocket_trace::{ReadError, Record, Recorder, read_file, replay, replay_file, to_text};

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
    World::plain(&recorder).rounds(&recorder, || recorder.cut());
    let text = scratch.text();
    assert_eq!(text.matches("{\"cut\":").count(), 6);
    let cut = replay_file(&scratch.0).unwrap();
    expect_accepted(&cut);
    assert_eq!(cut, replay(&read_file(&scratch.0).unwrap()));
}

#[test]
fn what_is_told_behind_the_next_cut_is_not_held_against_the_trace() {
    let recorder = Recorder::in_memory();
    let records = World::plain(&recorder).rounds(&recorder, || ());
    let scratch = Scratch::new();
    for place in 1..records.len() {
        expect_accepted(&scratch.replay(with_cuts(&records, &[place])).unwrap());
    }
}

#[test]
fn what_is_told_two_cuts_late_is() {
    let recorder = Recorder::in_memory();
    let mut records = World::plain(&recorder).rounds(&recorder, || ());
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
    World::plain(&recorder).rounds(&recorder, || recorder.cut());
    let text = scratch.text();
    let records = read_file(&scratch.0).unwrap();
    let released = records
        .iter()
        .position(|it| it.observation.step == Step::Released)
        .unwrap();
    // A release that is an order to reset.
    let (old, order) = ("\"released\"", "{\"ordered\":{\"order\":\"reset\"}}");
    let line = text.lines().find(|line| line.contains(old)).unwrap();
    let other = line.replace(old, order);
    let verdict = scratch.replay(text.replacen(line, &other, 1)).unwrap();
    let problem = verdict.first_problem.unwrap();
    assert_eq!(problem.thread, Some(records[released].thread));
    assert_eq!(verdict.events, records.len() as u64);
}

#[test]
fn a_cut_that_counts_otherwise_is_refused() {
    let recorder = Recorder::in_memory();
    let records = World::plain(&recorder).rounds(&recorder, || ());
    let text =
        with_cuts(&records, &[9]).replace("\"cut\":{\"events\":9}", "\"cut\":{\"events\":8}");
    let error = Scratch::new().replay(&text).unwrap_err();
    let ReadError::Count { line, said, found } = error else {
        panic!("{error}");
    };
    assert_eq!((line, said, found), (11, 8, 9));
}
