//! A recording that was cut off is judged as far as it goes: the program that
//! crashed is the one whose trace matters.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::history::{Trace, history};
use crate::common::scratch::Scratch;
use crate::common::{World, expect_accepted};
use closesocket_trace::{ReadError, Record, Recorder, replay_file, to_text};
use proptest::prelude::*;

/// A trace with several parts, each behind a cut.
fn recorded(scratch: &Scratch) -> String {
    let recorder = Recorder::to_file(&scratch.0).unwrap();
    World::plain(&recorder).rounds(&recorder, || recorder.cut());
    scratch.text()
}

/// The text without its last line.
fn without_end(text: &str) -> &str {
    text.rsplit_once("{\"end\"").unwrap().0
}

fn spoilt(text: &str) -> String {
    let spoilt = text.replacen(
        "\"committed\":true,\"waited\":false",
        "\"committed\":false,\"waited\":false",
        1,
    );
    assert_ne!(spoilt, text);
    spoilt
}

#[test]
fn what_was_recorded_before_a_crash_is_judged_and_where_it_ends_is_said() {
    let scratch = Scratch::new();
    let whole = recorded(&scratch);
    expect_accepted(&scratch.replay(&whole).unwrap());
    let cut = without_end(&whole);
    let verdict = scratch.replay(cut).unwrap();
    assert!(!verdict.accepted && verdict.is_sound(), "{verdict:?}");
    let cut_off = verdict.cut_off.unwrap();
    assert_eq!(cut_off.line, whole.lines().count() as u64);
    assert_eq!(cut_off.judged, verdict.events);
    assert!(verdict.connections > 0);
}

#[test]
fn a_violation_in_what_is_left_is_reported() {
    let scratch = Scratch::new();
    let whole = recorded(&scratch);
    let seen = scratch.replay(spoilt(&whole)).unwrap();
    let problem = seen.first_problem.unwrap();
    // Without its last line, in the middle of a line, and before garbage.
    let spoilt = spoilt(without_end(&whole));
    let torn = &spoilt[..spoilt.len() - 20];
    let garbage = format!("{spoilt}{{}}\n");
    let endless = format!("{spoilt}{}", "x".repeat(1 << 20));
    for cut in [spoilt.as_str(), torn, &garbage, &endless] {
        let hidden = scratch.replay(cut).unwrap();
        assert!(!hidden.accepted && !hidden.is_sound());
        assert_eq!(hidden.first_problem.as_ref(), Some(&problem));
        assert!(hidden.cut_off.is_some());
    }
}

#[test]
fn a_number_under_a_lock_that_comes_twice_is_no_loss() {
    let scratch = Scratch::new();
    let whole = recorded(&scratch);
    let cut = without_end(&whole);
    // The last but one of the numbers of a cell, of two threads or one: the last
    // step then has a number that another has.
    let last = cut.rfind('@').unwrap() + 1;
    let number: String = cut[last..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let earlier = number.parse::<u64>().unwrap() - 1;
    let mut again = cut[..last].to_owned();
    again += &earlier.to_string();
    again += &cut[last + number.len()..];
    let verdict = scratch.replay(again).unwrap();
    assert!(!verdict.is_sound(), "{verdict:?}");
}

#[test]
fn a_torn_last_line_is_left_out() {
    let scratch = Scratch::new();
    let whole = recorded(&scratch);
    let cut = without_end(&whole);
    let before = cut.trim_end().rfind('\n').unwrap();
    // Without its line break it is whole.
    for end in (before + 1..cut.len() - 1).step_by(7) {
        let verdict = scratch.replay(&cut[..end]).unwrap();
        assert_eq!(verdict.first_problem, None, "{end}");
        let line = cut[..end].lines().count() as u64;
        let line = if end == before + 1 { line + 1 } else { line };
        assert_eq!(verdict.cut_off.unwrap().line, line);
    }
}

#[test]
fn what_is_no_trace_is_still_refused() {
    let scratch = Scratch::new();
    let whole = recorded(&scratch);
    let cut = without_end(&whole);
    let garbage = scratch.replay(format!("{cut}{{}}\n")).unwrap_err();
    assert!(matches!(garbage, ReadError::Line { .. }), "{garbage}");
    for endless in ["x", "\0"] {
        let endless = endless.repeat(1 << 20);
        let error = scratch.replay(format!("{cut}{endless}")).unwrap_err();
        assert!(matches!(error, ReadError::TooLong { .. }), "{error}");
        let error = scratch.replay(endless).unwrap_err();
        assert!(
            matches!(error, ReadError::TooLong { line: 1, .. }),
            "{error}"
        );
    }
    let mut binary = whole.into_bytes();
    binary[200] = 0xff;
    let error = scratch.replay(binary).unwrap_err();
    assert!(matches!(error, ReadError::Line { .. }), "{error}");
    // Nothing ends this file: it is not read to its end.
    #[cfg(target_os = "linux")]
    assert!(matches!(
        replay_file(std::path::Path::new("/dev/zero")).unwrap_err(),
        ReadError::TooLong { line: 1, .. }
    ));
}

/// The lines in the order in which they were told, but with what each thread told
/// in pieces, as its buffer is handed over.
fn handed_over(records: &[Record], piece: usize) -> String {
    let mut pieces: Vec<(u64, usize, Vec<Record>)> = Vec::new();
    for record in records {
        let open = pieces
            .iter_mut()
            .rev()
            .find(|it| it.2[0].thread == record.thread);
        match open {
            Some((nanos, _, all)) if all.len() < piece => {
                all.push(*record);
                *nanos = record.nanos;
            }
            _ => pieces.push((record.nanos, pieces.len(), vec![*record])),
        }
    }
    // In the order in which they are full.
    pieces.sort_by_key(|it| (it.0, it.1));
    let all: Vec<Record> = pieces.into_iter().flat_map(|it| it.2).collect();
    to_text(&all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    /// Whatever is missing at the end, of whichever thread: nothing is held
    /// against what is there.
    #[test]
    fn no_place_to_cut_off_makes_a_problem(Trace(mut records) in history(), piece in 1_usize..9) {
        records.sort_by_key(|it| (it.nanos, it.thread, it.number));
        let text = handed_over(&records, piece);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let scratch = Scratch::new();
        for end in (1..lines.len()).step_by(lines.len() / 40 + 1) {
            let verdict = scratch.replay(lines[..end].concat()).unwrap();
            let problem = verdict.first_problem;
            prop_assert!(problem.is_none(), "{end} lines: {}", problem.unwrap());
            prop_assert!(verdict.cut_off.is_some());
        }
    }
}

/// What a child of this test does: it records, and aborts without any goodbye.
const CHILD: &str = "CLOSESOCKET_TRACE_OF_A_CHILD";

#[test]
fn the_trace_of_a_program_that_aborts_is_judged() {
    if let Some(file) = std::env::var_os(CHILD) {
        let recorder = Recorder::to_file(file.as_ref()).unwrap();
        let world = World::plain(&recorder);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(350) {
            let descriptor = world.open().unwrap();
            world.close(0, descriptor);
            thread::sleep(Duration::from_millis(5));
        }
        std::process::abort();
    }
    let scratch = Scratch::new();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "cut_off::the_trace_of_a_program_that_aborts_is_judged",
        ])
        .env(CHILD, &scratch.0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!child.success());
    let verdict = replay_file(&scratch.0).unwrap();
    assert!(verdict.is_sound() && !verdict.accepted, "{verdict:?}");
    assert!(verdict.connections > 0, "{verdict:?}");
}

/// One thread tells something and falls silent; what it told goes to the file as
/// soon as another tells something later.
#[test]
fn what_a_silent_thread_told_is_handed_over_by_the_others() {
    let scratch = Scratch::new();
    let recorder = Recorder::to_file(&scratch.0).unwrap();
    let world = World::plain(&recorder);
    let (told, silent) = std::sync::mpsc::channel();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    thread::scope(|scope| {
        let world = &world;
        scope.spawn(move || {
            let descriptor = world.open().unwrap();
            told.send(descriptor).unwrap();
            // It lives on, in no call.
            stopped.recv().ok();
        });
        let descriptor = silent.recv().unwrap();
        let (slot, generation) = (descriptor.slot(), descriptor.generation());
        let opened = format!("\"descriptor\":\"{slot}.{generation}\"");
        while !scratch.text().contains(&opened) {
            thread::sleep(Duration::from_millis(20));
            let another = world.processes[1].socket().unwrap();
            world.add(1, another);
            world.close(1, another);
        }
        // By hand nobody needs to tell anything.
        let before = scratch.text().len();
        drop(world.processes[0].begin(descriptor));
        recorder.hand_over();
        assert!(scratch.text().len() > before);
        drop(stop);
    });
    world.end(&recorder);
    expect_accepted(&replay_file(&scratch.0).unwrap());
}
