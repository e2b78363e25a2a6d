//! The errors that `docs/commands.md` lists, the manual and the completions.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn verify(arguments: &[&str]) -> Output {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands");
    fs::create_dir_all(&directory).unwrap();
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

#[test]
fn errors_are_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let page = fs::read_to_string(page).unwrap();
    let errors = page.split("## Errors").nth(1).unwrap();
    let rows = errors.lines().filter_map(|line| {
        let (command, says) = line.strip_prefix("| `cargo verify ")?.split_once("` | ")?;
        Some((command, says.strip_suffix(" |")?))
    });
    let mut count = 0;
    for (command, says) in rows {
        let arguments: Vec<_> = command.split_whitespace().collect();
        let output = verify(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert_eq!(said.lines().count(), 1, "{command}: {said}");
        assert!(said.contains(says), "{command}: {said}");
        assert_eq!(output.stdout, b"", "{command}");
        count += 1;
    }
    assert!(count >= 17, "{count} errors are too few");
}

#[test]
fn no_option_makes_a_failure_a_success() {
    let check = ["check", "--scenario", "record-redeemed-twice"];
    // Nothing is violated there: no test, no drawing, and both say so.
    let output = verify(&[&check[..], &["--as-test"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).unwrap();
    let nothing = "// record-redeemed-twice violates nothing: there is no test.\n";
    assert_eq!(printed, nothing);
    let output = verify(&[&check[..], &["--svg", "none.svg", "--quiet"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nothing to draw in none.svg"), "{said}");
    // What proves nothing says so, however little of it there is.
    let sweep = ["sweep", "--up-to", "330", "--limit-states", "400"];
    let output = verify(&sweep);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("| holds |") && table.contains("| incomplete |"));
    assert_eq!(output.status.code(), Some(3), "{table}");
    // An option that would do nothing is refused.
    let output = verify(&["run", "--crowd", "5", "--sabotage", "lost-byte"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_manual_and_the_completions_have_every_command() {
    let commands = [
        "check", "defects", "sweep", "explore", "run", "replay", "list", "man",
    ];
    let all = [
        &["man"][..],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
        &["completions", "powershell"],
        &["completions", "elvish"],
    ];
    for arguments in all {
        let output = verify(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        for command in commands {
            assert!(text.contains(command), "{arguments:?}: {command}");
        }
        assert!(text.contains("scenario"), "{arguments:?}");
    }
}
