//! How `cargo verify check` searches: two checkers, workers, processes, limits,
//! checkpoints. They all say the same.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

const SCENARIO: &str = "lingering-wait";

fn file(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("search");
    fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}

fn start(arguments: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(["check", "--format", "json"])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The exit code, the counts and what was said on standard error.
fn end(child: Child) -> (Option<i32>, [u64; 2], String) {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    let found: Value = serde_json::from_slice(&stdout).unwrap_or_default();
    let count = |of: &str| found["scenarios"][0][of].as_u64().unwrap_or(0);
    let counts = [count("unique_states"), count("transitions")];
    let said = String::from_utf8(stderr).unwrap();
    (status.code(), counts, said)
}

fn check(arguments: &str) -> (Option<i32>, [u64; 2], String) {
    end(start(arguments))
}

#[test]
fn both_checkers_and_any_number_of_workers_and_processes_say_the_same() {
    let plain = check(SCENARIO);
    assert_eq!(plain.0, Some(0), "{}", plain.2);
    assert!(plain.1[0] > 1_000 && plain.1[1] > plain.1[0]);
    for how in ["--checker stateright", "--workers 1", "--workers 2"] {
        assert_eq!(check(&format!("{SCENARIO} {how}")), plain, "{how}");
    }
    let kept = file("kept");
    let kept = kept.display();
    let how = format!("{SCENARIO} --workers 2 --checkpoint {kept} --checkpoint-seconds 0");
    assert_eq!(check(&how), plain);

    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = listeners.map(|it| it.local_addr().unwrap().to_string());
    let hosts = file("hosts");
    fs::write(&hosts, addresses.join("\n")).unwrap();
    let hosts = hosts.display();
    let both = [0, 1].map(|it| start(&format!("{SCENARIO} --hosts {hosts} --process {it}")));
    assert_eq!(both.map(end), [plain.clone(), plain]);
}

#[test]
fn a_search_that_needs_more_memory_than_it_may_take_proves_nothing() {
    for workers in [1, 2] {
        let how = format!("{SCENARIO} --memory 40K --workers {workers}");
        let (code, _, said) = check(&how);
        assert_eq!(code, Some(3));
        assert!(said.contains("more than the 40960 bytes"), "{said}");
        let how = how.split_whitespace();
        let shown = Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
            .arg("check")
            .args(how)
            .output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        assert!(shown.contains(" violated so far  INCOMPLETE"), "{shown}");
        assert!(!shown.contains(" hold "), "{shown}");
    }
    assert_eq!(check(&format!("{SCENARIO} --memory 1G")).0, Some(0));
}

#[test]
fn a_proof_by_canonical_states_says_that_it_is_one() {
    let said = |reduced: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-verify"));
        let output = command
            .args(["check", SCENARIO])
            .args(reduced)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stdout).unwrap();
        let proved = said.lines().find(|it| it.contains("proved: "));
        proved.unwrap().to_owned()
    };
    let full = said(&[]);
    assert!(!full.contains("canonical"), "{full}");
    let by = ", by its canonical states alone (--reduced: docs/model.md says why they are enough)";
    assert_eq!(said(&["--reduced"]), full + by);
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused() {
    let wrong = file("wrong");
    fs::write(&wrong, "something else").unwrap();
    let how = format!("{SCENARIO} --checkpoint {}", wrong.display());
    let (code, _, said) = check(&how);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is no checkpoint"), "{said}");
}

/// Greets as another process of the search does, and goes away.
fn come_and_go(address: &str) {
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut head = [0; 24];
    stream.read_exact(&mut head).unwrap();
    let length = u64::from_le_bytes(head[16..].try_into().unwrap());
    let mut said = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut said).unwrap();
    // It says the same, and that it is process 1.
    head[8..16].copy_from_slice(&1_u64.to_le_bytes());
    stream.write_all(&[&head[..], &said].concat()).unwrap();
}

#[test]
fn when_another_process_goes_nothing_is_said_of_any_invariant() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let hosts = file("lost-hosts");
    fs::write(&hosts, format!("{address}\n127.0.0.1:1")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(["check", SCENARIO, "--process", "0", "--hosts"])
        .arg(hosts)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    come_and_go(&address);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let why = "process 1 went away before the search was over";
    let first = format!("  {SCENARIO} INCOMPLETE, nothing is known: {why}");
    assert_eq!(said.lines().next(), Some(&*first));
    let last = format!("{SCENARIO} was not explored completely: {why}");
    assert_eq!(said.lines().last(), Some(&*last));
    assert!(!said.contains(" hold"), "{said}");
}
