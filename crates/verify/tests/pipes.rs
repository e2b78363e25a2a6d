//! A reader that goes away, as `head` does.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, pipe};
use std::process::{Command, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-verify"));
    command.args(arguments);
    command
}

#[test]
fn a_reader_that_leaves_after_a_line_ends_the_program_quietly() {
    let mut child = program(&["check"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::with_capacity(1, child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(!line.is_empty());
    drop(output);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn what_nobody_reads_is_no_success() {
    let all = [
        &["list"][..],
        &["--help"],
        &["check", "--scenario", "system-handles"],
        &["check", "--scenario", "system-handles", "--format", "json"],
        &["sweep", "--up-to", "400"],
    ];
    for arguments in all {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = program(arguments);
        let output = command.stdout(writer).stderr(Stdio::piped());
        let output = output.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, "", "{arguments:?}");
    }
}

#[test]
fn complaints_that_nobody_reads_keep_their_exit_code() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut command = program(&["check", "--scenario", "nowhere"]);
    assert_eq!(command.stderr(writer).status().unwrap().code(), Some(2));
}
