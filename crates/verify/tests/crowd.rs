//! Ten thousand connections, open at once and closed at once.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

/// How many, and how many threads close them.
const CROWD: u64 = 10_000;
const THREADS: u64 = 8;

fn crowd(limit: Option<u64>) -> (String, String, i32) {
    // The shell lowers the limit before it becomes the program.
    let program = env!("CARGO_BIN_EXE_cargo-verify");
    let run = format!("'{program}' --format json run --crowd {CROWD} --threads {THREADS}");
    let script = match limit {
        Some(limit) => format!("ulimit -n {limit}; exec {run}"),
        None => format!("exec {run}"),
    };
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (text(output.stdout), text(output.stderr), code)
}

#[test]
fn ten_thousand_receives_are_aborted_once() {
    let (text, said, code) = crowd(None);
    if code == 2 && said.contains("hard limit") {
        eprintln!("SKIPPED, NOTHING WAS CHECKED: {said}");
        return;
    }
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{said}"));
    let report = &report["run"];
    assert_eq!(report["first_problem"], Value::Null, "{report:#}");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["open_at_once"], CROWD);
    assert_eq!(report["aborted"], CROWD);
    assert_eq!(report["double_completions"], 0);
    assert_eq!(report["missing_completions"], 0);
    assert_eq!(report["ways"][0]["fins"], CROWD);
    assert_eq!(report["trace_accepted"], true);
    println!(
        "{CROWD} connections, {THREADS} threads: closed in {} s",
        report["close_seconds"]
    );
}

#[test]
fn a_limit_that_is_too_low_is_one_clear_line() {
    let (text, said, code) = crowd(Some(500));
    assert_eq!(code, 2);
    assert_eq!(text, "");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("the hard limit is 500"), "{said}");
}
