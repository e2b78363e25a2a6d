//! Short soaks: that they are as the rules say, and that their verdict fails
//! when something is wrong.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(["--format", "json", "run"])
        .args(arguments)
        .output()
        .unwrap()
}

/// The JSON of a run, and its exit code.
fn run(arguments: &[&str]) -> (Value, i32) {
    let output = verify(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let json: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    assert_eq!(json["schema"], 1);
    (json["run"].clone(), output.status.code().unwrap())
}

/// A soak of two seconds in which this goes wrong.
fn sabotaged(sabotage: &str) -> Value {
    let arguments = [
        "--seconds",
        "2",
        "--connections",
        "32",
        "--sabotage",
        sabotage,
    ];
    let (report, code) = run(&arguments);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(report["ok"], false, "{report:#}");
    report
}

#[test]
fn a_short_soak_is_as_the_rules_say() {
    let (report, code) = run(&["--seconds", "4", "--seed", "7", "--threads", "3"]);
    assert_eq!(report["first_problem"], Value::Null, "{report:#}");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["ok"], true);
    assert_eq!(report["seed"], 7);
    assert_eq!(report["trace_accepted"], true);
    assert!(report["connections"].as_u64().unwrap() > 0);
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 0);
    assert_eq!(report["early_rss_bytes"], Value::Null, "too short to say");
}

#[test]
fn a_peer_that_drops_a_byte_fails_the_verdict() {
    assert!(sabotaged("lost-byte")["lost_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn a_completion_that_never_comes_fails_the_verdict() {
    let report = sabotaged("swallowed-completion");
    assert!(report["missing_completions"].as_u64().unwrap() > 0);
}

#[test]
fn a_completion_that_comes_twice_fails_the_verdict() {
    let report = sabotaged("doubled-completion");
    assert!(report["double_completions"].as_u64().unwrap() > 0);
}

#[test]
fn a_descriptor_that_is_never_closed_fails_the_verdict() {
    let report = sabotaged("kept-descriptor");
    assert_eq!(report["leaked_descriptors"], 1);
    assert_eq!(report["leaked_sockets"], 1);
}

#[test]
fn a_system_descriptor_that_is_never_closed_fails_the_verdict() {
    assert_eq!(
        sabotaged("kept-system-descriptor")["leaked_system_descriptors"],
        1
    );
}

#[test]
fn a_thread_that_never_ends_fails_the_verdict() {
    assert_eq!(sabotaged("kept-thread")["leaked_threads"], 1);
}

#[test]
fn the_fixed_ways_are_checked_by_the_same_verdict() {
    for (sabotage, field) in [
        ("lost-byte", "lost_bytes"),
        ("swallowed-completion", "missing_completions"),
        ("doubled-completion", "double_completions"),
    ] {
        let (report, code) = run(&["--connections", "5", "--sabotage", sabotage]);
        assert_eq!(
            (code, &report["ok"]),
            (1, &Value::Bool(false)),
            "{report:#}"
        );
        assert!(
            report[field].as_u64().unwrap() > 0,
            "{sabotage}: {report:#}"
        );
    }
}

#[test]
fn a_seed_without_a_soak_is_refused() {
    for arguments in [&["--seed", "1"][..], &["--crowd", "5", "--seconds", "1"]] {
        let output = verify(arguments);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
