//! The code that decides a step: that the step really calls it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use closesocket_models::{CloseModel, SCENARIOS};

/// The kinds of steps that the smaller scenarios take, and the functions of each.
fn kinds() -> BTreeSet<(String, &'static str)> {
    let mut kinds = BTreeSet::new();
    for scenario in SCENARIOS.iter().filter(|it| it.states < 40_000) {
        let model = CloseModel::new(scenario, None).unwrap();
        let graph = model.graph(scenario.states).unwrap();
        assert_eq!(graph.nodes.len(), scenario.states, "{}", scenario.name);
        for what in graph.edges.iter().map(|it| it.action.what) {
            let name = format!("{what:?}");
            let kind = name.split([' ', '{']).next().unwrap().to_owned();
            kinds.extend(what.code().map(|code| (kind, code.function)));
        }
    }
    kinds
}

#[test]
fn the_steps_call_the_code_that_decides_them() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/steps");
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|it| it.unwrap().path());
    let sources: Vec<(bool, String)> = files
        .map(|it| (it.ends_with("mod.rs"), fs::read_to_string(it).unwrap()))
        .collect();
    let kinds = kinds();
    // All but the end, which nobody takes.
    let names: BTreeSet<_> = kinds.iter().map(|it| &it.0).collect();
    assert_eq!((names.len(), kinds.len()), (48, 50), "{kinds:?}");
    for (kind, function) in kinds {
        // Where the step is, and what all steps share.
        let step = format!("What::{kind}");
        let makes = |text: &str| {
            let mut after = text.split(&*step).skip(1);
            after.any(|it| !it.starts_with(char::is_alphanumeric))
        };
        let mut near = sources.iter().filter(|(all, text)| *all || makes(text));
        let name = function.rsplit("::").next().unwrap();
        let calls = [format!("{name}("), format!("::{name})")];
        let called = near.any(|(_, text)| calls.iter().any(|it| text.contains(it)));
        assert!(called, "{kind} does not call {function}");
    }
}
