//! What is written for other tools: the code that decides each step.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(arguments)
        .output()
        .unwrap()
}

/// A file of this name that is not there yet.
fn file(name: &str) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exports");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join(name);
    let _ = fs::remove_file(&file);
    file.to_str().unwrap().to_owned()
}

/// The one scenario of a check, which is also asked for a file.
fn checked(what: &[&str], option: &str, file: &str) -> Value {
    let output = verify(&[&["check", "--format", "json", option, file], what].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{what:?}: {said}");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    value["scenarios"][0].clone()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// The line of a file of the repository as it is now.
fn line(file: &str, number: usize) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join(file)).unwrap();
    text.lines().nth(number - 1).unwrap().to_owned()
}

#[test]
fn every_step_points_at_the_code_that_decides_it() {
    for defect in ["redeems-twice", "forgets-to-look-again", "cleanup-notifies"] {
        let output = verify(&["check", "--defect", defect, "--format", "sarif"]);
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        let json = checked(&["--defect", defect], "--svg", &file("drawn.svg"));
        let violated = json["invariants"].as_array().unwrap().iter();
        let violated = violated.filter(|it| it["verdict"] == "violated");
        for (found, result) in violated.zip(log["runs"][0]["results"].as_array().unwrap()) {
            let steps = found["counterexample"].as_array().unwrap();
            let code = found["code"].as_array().unwrap();
            assert_eq!(steps.len(), code.len());
            let flows = result["codeFlows"][0]["threadFlows"].as_array().unwrap();
            let mut places: Vec<_> = flows
                .iter()
                .flat_map(|it| it["locations"].as_array().unwrap())
                .collect();
            places.sort_by_key(|it| it["executionOrder"].as_u64());
            assert_eq!(places.len(), code.len());
            for ((step, code), place) in steps.iter().zip(code).zip(places) {
                let Some(name) = code["function"].as_str() else {
                    assert_eq!(step, "nothing can happen any more");
                    continue;
                };
                let name = name.rsplit("::").next().unwrap();
                let text = line(code["file"].as_str().unwrap(), number(&code["line"]));
                assert!(text.contains(&format!("fn {name}")), "{step}: {text}");
                let place = &place["location"]["physicalLocation"];
                assert_eq!(place["artifactLocation"]["uri"], code["file"]);
                assert_eq!(place["region"]["startLine"], code["line"]);
            }
        }
    }
}
