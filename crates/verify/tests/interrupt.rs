//! Commands that somebody ends with a real signal before they are through.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes.
const WATCHDOG: Duration = Duration::from_secs(120);

/// An empty directory, which the commands have for their temporary files.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("interrupt-{name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

fn start(arguments: &str, directory: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(arguments.split_whitespace())
        .env("TMPDIR", directory)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < WATCHDOG, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the process has a handler of its own for this signal.
fn wait_until_caught(child: &Child, signal: u32) {
    let status = format!("/proc/{}/status", child.id());
    wait_until("the signal is never caught", || {
        let status = fs::read_to_string(&status).unwrap();
        let mask = status.lines().find_map(|it| it.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
        mask & (1 << (signal - 1)) != 0
    });
}

/// Sends the signal; the exit code and what was said on standard error.
fn end(mut child: Child, signal: u32) -> (Option<i32>, String) {
    let kill = Command::new("kill")
        .args([format!("-{signal}"), child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let mut said = String::new();
    let errors = child.stderr.as_mut().unwrap();
    errors.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

const SIGINT: u32 = 2;
const SIGTERM: u32 = 15;

#[test]
fn an_interrupted_check_says_what_it_has_done_and_leaves_its_file_as_it_was() {
    let directory = directory("check");
    fs::write(directory.join("result.json"), "old").unwrap();
    let mut child = start("check --format json --output result.json", &directory);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains(" hold "), "{first}");
    let (code, said) = end(child, SIGINT);
    assert_eq!(code, Some(130), "{said}");
    let (far, all) = said
        .strip_prefix("interrupted: ")
        .and_then(|it| it.split_once(" of "))
        .unwrap();
    assert!((1..40).contains(&far.parse::<u32>().unwrap()), "{said}");
    assert!(all.contains(" scenarios explored ("), "{said}");
    assert!(
        all.ends_with(" states): INCOMPLETE, nothing is proved\n"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    // Lines of scenarios that ended meanwhile, and no verdict.
    assert!(lines.all(|it| it.unwrap().starts_with("  ")));
    let kept = fs::read_to_string(directory.join("result.json")).unwrap();
    assert_eq!((&*kept, files(&directory)), ("old", 1));
}

#[test]
fn every_long_command_says_that_it_is_incomplete() {
    let directory = directory("commands");
    for (command, what) in [
        ("", "scenarios explored"),
        ("check --format json", "scenarios explored"),
        (
            "check two-processes-share-a-socket",
            "of 1 scenario explored",
        ),
        ("defects", "defects checked"),
        ("sweep", "bounds raised"),
        ("prove", "claims judged"),
        ("run --seconds 600 --quiet", " closed"),
    ] {
        for (signal, expected) in [(SIGINT, 130), (SIGTERM, 143)] {
            let child = start(command, &directory);
            wait_until_caught(&child, signal);
            if command.starts_with("run") {
                wait_until("no trace is kept", || files(&directory) == 1);
            }
            let (code, said) = end(child, signal);
            assert_eq!(code, Some(expected), "{command}: {said}");
            let said = said
                .lines()
                .find(|it| it.starts_with("interrupted: "))
                .unwrap();
            assert!(
                said.contains(what) || said.contains("nothing was begun"),
                "{command}: {said}"
            );
            assert!(
                said.ends_with(": INCOMPLETE, nothing is proved"),
                "{command}: {said}"
            );
            assert_eq!(files(&directory), 0, "{command}: a temporary file is left");
        }
    }
}
