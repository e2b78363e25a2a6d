//! What is written for other tools: counterexamples as ITF, graphs, and the code that
//! decides each step.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use itf::de::{As, Integer};
use serde::Deserialize;
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

/// A state as a reader of the format sees it: some of its variables.
#[derive(Debug, Deserialize)]
struct World {
    threads: Vec<Thread>,
    slots: Vec<Slot>,
    sockets: Vec<Socket>,
    records: Vec<Record>,
    violated: Vec<String>,
    at_rest: bool,
    step: String,
}

#[derive(Debug, Deserialize)]
struct Thread {
    name: String,
    next: String,
    descriptor: String,
    #[serde(with = "As::<Vec<Integer>>")]
    taken_out: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Slot {
    #[serde(with = "As::<Integer>")]
    generation: u32,
    phase: String,
    #[serde(with = "As::<Integer>")]
    holders: u32,
}

#[derive(Debug, Deserialize)]
struct Record {
    state: String,
    target: String,
    socket: String,
}

#[derive(Debug, Deserialize)]
struct Socket {
    phase: String,
    #[serde(with = "As::<Integer>")]
    references: u32,
}

/// Reads a counterexample by the crate of those who made the format, and compares it
/// with the other formats.
fn read_back(defect: &str) -> itf::Trace<World> {
    let name = file(&format!("{defect}.itf.json"));
    let scenario = checked(&["--defect", defect], "--itf", &name);
    let text = fs::read_to_string(name).unwrap();
    let trace: itf::Trace<World> = itf::trace_from_str(&text).unwrap();
    assert_eq!(trace.meta.format.as_deref(), Some("ITF"));
    assert_eq!(trace.meta.other["defect"], defect);
    let invariant = &trace.meta.other["invariant"];
    let invariants = scenario["invariants"].as_array().unwrap();
    let found = invariants
        .iter()
        .find(|it| it["id"] == **invariant)
        .unwrap();
    let told = found["counterexample"].as_array().unwrap();
    let steps: Vec<_> = trace
        .states
        .iter()
        .map(|it| it.value.step.as_str())
        .collect();
    assert_eq!(steps[0], "the start");
    assert_eq!(
        steps[1..],
        told.iter()
            .map(|it| it.as_str().unwrap())
            .collect::<Vec<_>>()
    );
    let what = found["witness"]["sentence"].as_str().unwrap();
    assert!(trace.meta.description.as_ref().unwrap().contains(what));
    // Every variable in every state, and nothing else.
    let raw: Value = serde_json::from_str(&text).unwrap();
    let mut variables: Vec<_> = trace.vars.iter().map(String::as_str).collect();
    variables.push("#meta");
    variables.sort_unstable();
    for (index, state) in raw["states"].as_array().unwrap().iter().enumerate() {
        let mut names: Vec<_> = state
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        assert_eq!(names, variables);
        assert_eq!(trace.states[index].meta.index, Some(index as u64));
        let code = found["code"].get(index.wrapping_sub(1));
        let place = code.filter(|it| !it.is_null()).map(|it| {
            let file = it["file"].as_str().unwrap();
            format!("{file}:{}", it["line"])
        });
        assert_eq!(trace.states[index].meta.other.get("code"), place.as_ref());
    }
    let (last, before) = trace.states.split_last().unwrap();
    assert!(last.value.violated.contains(invariant));
    assert!(
        before
            .iter()
            .all(|it| it.value.violated.is_empty() && !it.value.at_rest)
    );
    trace
}

#[test]
fn a_counterexample_is_read_back_by_the_reader_of_the_format() {
    let trace = read_back("aborts-first-only");
    let at = |step: usize| &trace.states[step].value;
    let words = |it: &Slot| (it.generation, it.phase.clone(), it.holders);
    assert_eq!(words(&at(0).slots[0]), (1, "open".to_owned(), 0));
    assert_eq!(words(&at(4).slots[0]), (1, "open".to_owned(), 3));
    assert_eq!(words(&at(7).slots[0]), (1, "sealed".to_owned(), 4));
    let names: Vec<_> = at(0).threads.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["T1", "T2", "T3", "transport"]);
    assert_eq!(at(2).threads[0].next, "sleep");
    assert_eq!(at(2).threads[0].descriptor, "0.1");
    assert_eq!(at(6).threads[2].next, "commit");
    assert_eq!(at(7).threads[2].taken_out, [0]);
    assert_eq!(at(6).sockets[0].phase, "open");
    assert_eq!(at(7).sockets[0].phase, "draining");
    assert_eq!(
        (at(6).sockets[0].references, at(7).sockets[0].references),
        (1, 0)
    );
    // The longest of the catalogue, and one of two processes.
    assert_eq!(read_back("forgets-to-look-again").states.len(), 31);
    // What is not there yet belongs to no socket.
    let trace = read_back("redeems-twice");
    let record = |step: usize| {
        let it = &trace.states[step].value.records[0];
        [it.state.as_str(), it.target.as_str(), it.socket.as_str()]
    };
    assert_eq!(record(0), ["none", "none", "none"]);
    assert_eq!(record(6), ["redeemed", "P1", "0"]);
}

#[test]
fn without_a_violation_there_is_no_trace() {
    for option in ["--itf", "--trace"] {
        let name = file("nothing.json");
        let output = verify(&["check", "system-handles", option, &name]);
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!("nothing is violated, so there is nothing to write in {name}\n");
        assert_eq!((said, output.status.code()), (expected, Some(0)));
        assert!(!Path::new(&name).exists());
    }
}

/// What a graph has to have in common with the search of the same world.
fn graph(what: &[&str], violates: bool) {
    let (json, dot) = (file("graph.json"), file("graph.dot"));
    let scenario = checked(what, "--graph", &json);
    checked(what, "--graph", &dot);
    let (states, transitions) = (
        number(&scenario["unique_states"]),
        number(&scenario["transitions"]),
    );

    let text = fs::read_to_string(json).unwrap();
    let graph: Value = serde_json::from_str(&text).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/graph-1.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = schema
        .iter_errors(&graph)
        .map(|it| it.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    let nodes = graph["nodes"].as_array().unwrap();
    let edges = graph["edges"].as_array().unwrap();
    assert_eq!(
        (nodes.len(), edges.len()),
        (states, transitions),
        "{what:?}"
    );
    assert_eq!(
        (number(&graph["states"]), number(&graph["transitions"])),
        (states, transitions)
    );

    let depth = |node: usize| number(&nodes[node]["depth"]);
    let ids: Vec<_> = nodes.iter().map(|it| number(&it["id"])).collect();
    assert_eq!(ids, (0..states).collect::<Vec<_>>());
    assert_eq!(
        (0..states).map(depth).max(),
        Some(number(&scenario["depth"]))
    );
    let mut nearest = vec![usize::MAX; states];
    let mut left = HashSet::new();
    for edge in edges {
        let (from, to) = (number(&edge["from"]), number(&edge["to"]));
        nearest[to] = nearest[to].min(depth(from) + 1);
        left.insert(from);
    }
    nearest[0] = 0;
    assert_eq!(nearest, (0..states).map(depth).collect::<Vec<_>>());
    let is = |node: &Value, what: &str| node["state"][what] != Value::Bool(false);
    let violated = |node: &Value| node["state"]["violated"].as_array().unwrap().len();
    // A state without a step is at rest, or violates something.
    for (id, node) in nodes.iter().enumerate() {
        assert_eq!(
            !left.contains(&id),
            is(node, "at_rest") || violated(node) > 0,
            "{id}"
        );
    }
    assert_eq!(nodes.iter().any(|it| violated(it) > 0), violates);

    let text = fs::read_to_string(dot).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("digraph \"") && lines[lines.len() - 1] == "}");
    let drawn = lines.iter().filter(|it| it.contains(" -> ")).count();
    assert_eq!((lines.len() - 2 - drawn, drawn), (states, transitions));
    assert_eq!(text.contains("fillcolor"), violates);
}

#[test]
fn a_graph_has_what_the_search_has_counted() {
    graph(&["upcall-failure"], false);
    graph(&["--defect", "aborts-first-only"], true);
}

#[test]
fn a_graph_that_is_too_large_is_not_cut() {
    for (limit, code) in [("1529", 3), ("1530", 0)] {
        let name = file("large.json");
        let output = verify(&[
            "check",
            "upcall-failure",
            "--graph",
            &name,
            "--graph-states",
            limit,
        ]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(Path::new(&name).exists(), code == 0);
        let expected = format!(
            "error: upcall-failure has more than 1,529 states: {name} is not written; --graph-states raises the limit\n"
        );
        assert_eq!(said, if code == 0 { String::new() } else { expected });
    }
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

/// The counterexample of a defect as a trace, and what the replay says of it.
fn replayed(defect: &str) -> (String, Output) {
    let name = file(&format!("{defect}.jsonl"));
    checked(&["--defect", defect], "--trace", &name);
    let output = verify(&["replay", &name]);
    (String::from_utf8(output.stdout.clone()).unwrap(), output)
}

#[test]
fn a_counterexample_as_a_trace_is_rejected_with_its_lanes_and_the_rule() {
    let (said, output) = replayed("hard-close-drains");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("REJECTED by the protocol"), "{said}");
    let rule = "ordered nothing, must reset and release the socket: linger 0, L-T2";
    assert!(said.contains(rule), "{said}");
    let lanes = ["T2", "descriptor P1/1.1", "socket 0.1"];
    assert!(lanes.iter().all(|it| said.contains(it)), "{said}");
    assert!(said.contains("what led to event"), "{said}");

    // What is left at the end is about no event, and drawn all the same.
    let (said, output) = replayed("waiter-sleeps-on");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("its close of 0.1 never returned"), "{said}");
    assert!(said.contains("what came last of what is left"), "{said}");
}

#[test]
fn a_counterexample_that_no_recording_can_have_is_not_written() {
    let name = file("wraps.jsonl");
    let output = verify(&["check", "--defect", "generations-wrap", "--trace", &name]);
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "error: last-generation with generations-wrap: the slots begin with their last generations, which a recording reaches only by opening and closing each of them 4,294,967,294 times: {name} is not written\n"
    );
    assert_eq!((said, output.status.code()), (expected, Some(3)));
    assert!(!Path::new(&name).exists());
}
