//! Counterexamples printed as tests: they compile, and fail in the same way.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Five defects, of different scenarios, and all that each violates.
const DEFECTS: [(&str, &[&str]); 5] = [
    ("redeems-twice", &["no-release-before-last-reference"]),
    ("resolves-by-value", &["closed-descriptor-never-resolves"]),
    ("registers-without-looking", &["no-operation-orphaned"]),
    (
        "cleanup-notifies",
        &["cleanup-is-silent", "told-exactly-when-alive"],
    ),
    ("backlog-forgotten", &["backlog-never-leaked"]),
];

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

fn printed(defect: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(["check", "--as-test", "--defect", defect])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{defect}");
    String::from_utf8(output.stdout).unwrap()
}

/// A package of its own that has these tests.
fn package(code: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("as-test");
    fs::create_dir_all(directory.join("src")).unwrap();
    let path = |name: &str| root().join(name).display().to_string();
    let manifest = format!(
        "[package]\nname = \"as-test\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[dependencies]\nclosesocket = {{ path = {:?} }}\n\
         closesocket-models = {{ path = {:?} }}\n",
        path("crates/closesocket"),
        path("models")
    );
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root().join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    fs::write(directory.join("src/lib.rs"), code).unwrap();
    directory
}

#[test]
fn the_tests_compile_and_fail_with_the_same_invariant() {
    let tests: String = DEFECTS.iter().map(|(defect, _)| printed(defect)).collect();
    let directory = package(&tests);
    let run = |text: &str| {
        fs::write(directory.join("src/lib.rs"), text).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["test", "--offline", "--lib", "--no-fail-fast"])
            .current_dir(&directory)
            // As other crates outside the workspace are: what they share is built once.
            .env("CARGO_TARGET_DIR", directory.with_file_name("outside"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8_lossy(&output.stdout).into_owned(), said)
    };
    let (text, said) = run(&tests);
    assert!(text.contains("0 passed; 5 failed"), "{text}{said}");
    for (defect, invariants) in DEFECTS {
        let name = defect.replace('-', "_");
        let section = format!("---- {name} stdout ----");
        let failure = text.split(&section).nth(1).unwrap();
        let violates = failure
            .lines()
            .find(|it| it.starts_with("violates "))
            .unwrap();
        assert_eq!(violates, format!("violates {}", invariants.join(", ")));
    }
    // Without the defect the same steps are impossible or violate nothing.
    let mut healthy = tests;
    while let Some(start) = healthy.find("Some(Defect::") {
        let end = start + healthy[start..].find(')').unwrap() + 1;
        healthy.replace_range(start..end, "None");
    }
    let (text, said) = run(&healthy.replace("Defect, ", ""));
    assert!(text.contains("5 passed; 0 failed"), "{text}{said}");
}
