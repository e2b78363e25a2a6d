//! That the gate notices when fewer tests run than before.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

const MINIMUM: &str = "# pinned\nverdicts 2\ndoc closesocket 1\n";

/// What `cargo test` prints, with so many tests passed.
fn log(verdicts: usize, doc: usize) -> String {
    format!(
        "     Running unittests src/lib.rs (target/debug/deps/empty-00ff)\n\
         test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
         \x1b[1m     Running\x1b[0m tests/verdicts.rs (target/debug/deps/verdicts-0123456789abcdef)\n\
         test result: ok. {verdicts} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
         Doc-tests closesocket\n\
         test result: ok. {doc} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"
    )
}

/// Whether the count passes, and what it says.
fn count(name: &str, log: &str, minimum: &str) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (log_file, minimum_file) = (
        place.join(format!("{name}.log")),
        place.join(format!("{name}.minimum")),
    );
    std::fs::write(&log_file, log).unwrap();
    std::fs::write(&minimum_file, minimum).unwrap();
    let output = Command::new(root.join(".ci/count-tests"))
        .args([&log_file, &minimum_file])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), text)
}

#[test]
fn as_many_tests_as_pinned_pass_and_more_do_too() {
    assert_eq!(
        count("as-pinned", &log(2, 1), MINIMUM),
        (true, "3 tests passed\n".into())
    );
    assert!(count("more", &log(7, 1), MINIMUM).0);
}

#[test]
fn fewer_tests_fail() {
    let (passes, text) = count("fewer", &log(1, 1), MINIMUM);
    assert!(!passes);
    assert!(
        text.contains("1 tests passed in verdicts, at least 2 have to"),
        "{text}"
    );
}

#[test]
fn no_tests_at_all_fail() {
    assert!(!count("zero", &log(0, 0), MINIMUM).0);
    assert!(!count("zero-unpinned", &log(0, 0), "").0);
    assert!(!count("empty", "", MINIMUM).0);
}

#[test]
fn a_binary_that_did_not_run_fails() {
    let log = log(2, 1).replace("Doc-tests closesocket", "Doc-tests other");
    let (passes, text) = count("absent", &log, MINIMUM);
    assert!(!passes);
    assert!(text.contains("0 tests passed in doc closesocket"), "{text}");
}

#[test]
fn a_binary_that_nothing_is_pinned_for_fails() {
    let (passes, text) = count("unpinned", &log(2, 1), "verdicts 2\n");
    assert!(!passes);
    assert!(
        text.contains("nothing is pinned for doc closesocket"),
        "{text}"
    );
}
