//! The formats for other programs, each read by a strict reader.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use closesocket_models::lanes::escape;
use closesocket_models::prove::FAMILIES;
use closesocket_models::{DEFECTS, SCENARIOS};
use closesocket_verify::{Suite, main_with};
use jsonschema::Validator;
use roxmltree::{Document, Node};
use serde_json::{Value, json};

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Standard output, and the exit code.
fn printed(arguments: &[&str]) -> (String, i32) {
    let output = verify(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code().unwrap())
}

/// An empty directory of this name.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn schema(name: &str) -> Validator {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    // The published schema of SARIF has a pattern with a bracket too many, which
    // is no regular expression.
    let text = fs::read_to_string(file).unwrap().replace("{2}]?$", "{2}?$");
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn our_schema() -> Validator {
    schema("../../docs/schema/verify-1.json")
}

fn sarif_schema() -> Validator {
    schema("tests/schemas/sarif-2.1.0.json")
}

/// Reads JSON that must be of this schema.
fn valid(schema: &Validator, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|it| panic!("{it}: {text}"));
    let errors: Vec<_> = schema
        .iter_errors(&value)
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
    value
}

fn children<'a>(node: Node<'a, 'a>, tag: &'a str) -> Vec<Node<'a, 'a>> {
    node.children().filter(|it| it.has_tag_name(tag)).collect()
}

fn number(node: Node<'_, '_>, attribute: &str) -> usize {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// Reads JUnit, in which every count must be that of the cases. Returns how many
/// suites, cases and failures there are.
fn junit(text: &str) -> (usize, usize, usize) {
    let document = Document::parse(text).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let (mut cases, mut failures) = (0, 0);
    let suites = children(root, "testsuite");
    for suite in &suites {
        let all = children(*suite, "testcase");
        let failed = all.iter().flat_map(|it| children(*it, "failure")).count();
        let errors = all.iter().flat_map(|it| children(*it, "error")).count();
        assert_eq!(number(*suite, "tests"), all.len());
        assert_eq!(number(*suite, "failures"), failed);
        assert_eq!(number(*suite, "errors"), errors);
        for case in all {
            assert_eq!(case.attribute("classname"), suite.attribute("name"));
        }
        cases += number(*suite, "tests");
        failures += failed;
    }
    assert_eq!(number(root, "tests"), cases);
    assert_eq!(number(root, "failures"), failures);
    (suites.len(), cases, failures)
}

/// What is small of ours: all of it takes its minute, optimised.
fn small() -> Suite {
    let scenarios = SCENARIOS.iter().filter(|it| it.states < 5_000);
    let scenarios: &'static [_] = scenarios.copied().collect::<Vec<_>>().leak();
    let there = |name| scenarios.iter().any(|it| it.name == name);
    let defects = DEFECTS.iter().filter(|it| there(it.scenario)).copied();
    Suite {
        scenarios,
        defects: defects.collect::<Vec<_>>().leak(),
        families: &FAMILIES[..1],
        ..Suite::OURS
    }
}

#[test]
fn one_run_writes_every_format_and_the_page() {
    let directory = directory("every-format");
    let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let names = ["json", "junit", "sarif", "markdown"];
    let mut arguments = vec!["cargo-verify".to_owned(), "--quiet".to_owned()];
    for name in names {
        let format = ["--format".to_owned(), name.to_owned()];
        arguments.extend(format);
        arguments.extend(["--output".to_owned(), file(name)]);
    }
    arguments.extend(["--report".to_owned(), file("page")]);
    let code = main_with(small(), arguments.iter().map(OsString::from));
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));

    let read = |name: &str| fs::read_to_string(file(name)).unwrap();
    let value = valid(&our_schema(), &read("json"));
    let scenarios = value["scenarios"].as_array().unwrap();
    let invariants: usize = scenarios
        .iter()
        .map(|it| it["invariants"].as_array().unwrap().len())
        .sum();
    let defects = value["defects"].as_array().unwrap();
    assert!(defects.iter().all(|it| it["witness"]["object"].is_string()));
    let families = value["prove"]["families"].as_array().unwrap();
    valid(
        &our_schema(),
        &json!({ "schema": 1, "prove": value["prove"] }).to_string(),
    );
    let (suites, cases, failures) = junit(&read("junit"));
    assert_eq!(suites, scenarios.len() + 3);
    // Besides the invariants, each scenario's count of states; each family, and
    // three checks of that check; each defect, and the catalogue; ten things of the
    // real run.
    let proved = families.len() + 3;
    let others = scenarios.len() + proved + defects.len() + 1 + 10;
    assert_eq!((cases, failures), (invariants + others, 0));

    let log = valid(&sarif_schema(), &read("sarif"));
    assert_eq!(log["runs"][0]["results"], json!([]));
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    assert_eq!(rules.len(), invariants / scenarios.len() + 5);

    let markdown = read("markdown");
    assert!(markdown.starts_with("## ✅ `cargo verify`: as expected\n"));
    let page = fs::read_to_string(directory.join("page/index.html")).unwrap();
    for forbidden in ["<script", "<link", "src=", "@import", "url("] {
        assert!(
            !page.contains(forbidden),
            "the page loads something: {forbidden}"
        );
    }
    for defect in defects {
        let name = defect["name"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"{name}\"")), "{name}");
        let witness = defect["witness"]["sentence"].as_str().unwrap();
        assert!(page.contains(&escape(witness)), "{name}: {witness}");
    }
    assert_eq!(page.matches("<svg ").count(), defects.len());
}

#[test]
fn a_violation_points_at_the_predicate_the_clauses_and_the_way_there() {
    let check = ["check", "--defect", "redeems-twice", "--format"];
    let (text, code) = printed(&[&check[..], &["sarif"]].concat());
    assert_eq!(code, 0);
    let log = valid(&sarif_schema(), &text);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for result in results {
        let rule = result["ruleId"].as_str().unwrap();
        let place = &result["locations"][0]["physicalLocation"];
        let line = |place: &Value| {
            let file = root.join(place["artifactLocation"]["uri"].as_str().unwrap());
            let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
            let text = fs::read_to_string(file).unwrap();
            text.lines().nth(line - 1).unwrap().to_owned()
        };
        assert!(line(place).contains(&rule.replace('-', "_")), "{place}");
        let clause = &result["relatedLocations"][0]["physicalLocation"];
        assert!(line(clause).starts_with("### "), "{clause}");
        let flows = result["codeFlows"][0]["threadFlows"].as_array().unwrap();
        let steps = flows
            .iter()
            .flat_map(|it| it["locations"].as_array().unwrap());
        let mut order: Vec<_> = steps
            .map(|it| it["executionOrder"].as_u64().unwrap())
            .collect();
        order.sort_unstable();
        assert_eq!(order, (1..=order.len() as u64).collect::<Vec<_>>());
        assert!(!order.is_empty());
    }

    let (text, _) = printed(&[&check[..], &["junit"]].concat());
    assert_eq!(
        junit(&text),
        (1, closesocket::protocol::invariant::COUNT, 0)
    );
    assert!(text.contains("redeems record"), "{text}");
    let (text, _) = printed(&[&check[..], &["markdown"]].concat());
    assert!(text.contains("<details><summary>The shortest way there"));

    let witness = "record 0 was redeemed a second time, by T3 in P1";
    for format in ["json", "sarif", "junit", "markdown", "text"] {
        let (text, _) = printed(&[&check[..], &[format]].concat());
        assert!(text.contains(witness), "{format}: {text}");
    }
    let (text, _) = printed(&[&check[..], &["json"]].concat());
    let value = valid(&our_schema(), &text);
    let invariants = value["scenarios"][0]["invariants"].as_array().unwrap();
    let witnesses = invariants.iter().filter(|it| it["witness"].is_object());
    let violated = invariants.iter().filter(|it| it["verdict"] == "violated");
    assert_eq!(witnesses.count(), violated.count());
}

#[test]
fn a_quiet_run_of_any_kind_says_one_line() {
    for arguments in [
        &["run", "--connections", "5"][..],
        &["run", "--seconds", "1", "--connections", "8"],
        &["run", "--crowd", "50"],
    ] {
        let (loud, _) = printed(arguments);
        assert!(loud.lines().count() > 3, "{loud}");
        let (quiet, code) = printed(&[arguments, &["--quiet"]].concat());
        let line = quiet.strip_suffix(": as the rules say\n");
        assert!(line.is_some_and(|it| it.lines().count() == 1), "{quiet}");
        assert_eq!(code, 0);
    }
}

#[test]
fn the_json_of_every_command_is_of_the_published_schema() {
    let schema = our_schema();
    let all = [
        &["check", "--scenario", "system-handles"][..],
        &["check", "--defect", "timer-forgotten"],
        &["defects"],
        &["list"],
        &["run", "--connections", "5"],
        &["run", "--seconds", "1", "--connections", "8"],
        &["run", "--crowd", "50"],
        &["sweep", "--up-to", "330", "--limit-states", "20000"],
    ];
    for arguments in all {
        let (text, _) = printed(&[arguments, &["--format", "json"]].concat());
        valid(&schema, &text);
    }
    // It is a schema that can fail.
    let (text, _) = printed(&["check", "--scenario", "system-handles", "--format", "json"]);
    let spoilt = text.replace("\"unique_states\"", "\"states\"");
    assert!(!schema.is_valid(&serde_json::from_str(&spoilt).unwrap()));
    let spoilt = text.replacen("\"holds\"", "\"violated\"", 1);
    assert!(!schema.is_valid(&serde_json::from_str(&spoilt).unwrap()));
}

#[test]
fn the_json_of_a_replay_is_of_the_published_schema() {
    let trace = directory("replayed").join("trace.jsonl");
    let trace = trace.to_str().unwrap();
    printed(&["run", "--connections", "2", "--trace", trace]);
    let replay = ["replay", trace, "--format", "json"];
    let value = valid(&our_schema(), &printed(&replay).0);
    assert_eq!(value["replay"]["accepted"], true);
    assert_eq!(value["replay"]["cut_off"], json!(null));
    let text = fs::read_to_string(trace).unwrap();
    // Without its last line: judged, and accepted only if that is enough.
    let cut = text.rsplit_once("{\"end\"").unwrap().0;
    fs::write(trace, cut).unwrap();
    let (cut, code) = printed(&replay);
    let value = valid(&our_schema(), &cut);
    assert_eq!((&value["replay"]["accepted"], code), (&json!(false), 3));
    assert_eq!(value["replay"]["cut_off"]["line"], text.lines().count());
    assert_eq!(value["replay"]["first_problem"], json!(null));
    assert_eq!(printed(&["replay", trace, "--prefix"]).1, 0);
    // A call that was let in was not.
    let spoilt = text.replacen("\"admitted\":true", "\"admitted\":false", 1);
    assert_ne!(spoilt, text);
    fs::write(trace, spoilt).unwrap();
    let (text, code) = printed(&replay);
    let value = valid(&our_schema(), &text);
    assert_eq!((&value["replay"]["accepted"], code), (&json!(false), 1));
    // Neither the lost end nor that it is not asked for hides that.
    let text = fs::read_to_string(trace).unwrap();
    fs::write(trace, text.rsplit_once("{\"end\"").unwrap().0).unwrap();
    for arguments in [&["replay", trace][..], &["replay", trace, "--prefix"]] {
        assert_eq!(printed(arguments).1, 1);
    }
}

#[test]
fn what_is_not_on_offer_is_one_clear_line() {
    let all = [
        (
            &["list", "--format", "sarif"][..],
            "has no format sarif: it has text, json",
        ),
        (
            &["run", "--seconds", "1", "--format", "junit"],
            "has no format junit",
        ),
        (&["defects", "--format", "sarif"], "has no format sarif"),
        (&["explore", "--format", "json"], "has no format json"),
        (&["run", "--report", "x"], "has no page for --report"),
        (
            &["list", "--output", "a", "--output", "b"],
            "each --output needs a --format",
        ),
        (
            &["list", "--format", "json", "--format", "text"],
            "each --format but the last needs an --output",
        ),
        (
            &["list", "--output", "/nowhere/to/be/found"],
            "/nowhere/to/be/found cannot be written",
        ),
    ];
    for (arguments, says) in all {
        let output = verify(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(says), "{said}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn colours_are_used_when_they_are_wanted() {
    let check = ["check", "--scenario", "system-handles", "--color"];
    let (text, _) = printed(&[&check[..], &["always"]].concat());
    assert!(text.contains('\x1b'));
    for when in ["auto", "never"] {
        let (text, _) = printed(&[&check[..], &[when]].concat());
        assert!(!text.contains('\x1b'));
    }
}
