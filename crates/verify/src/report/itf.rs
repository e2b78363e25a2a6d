//! A counterexample as ITF, the trace format of Apalache and Quint: its states, with all
//! that a state is made of as variables.
//!
//! <https://apalache-mc.org/docs/adr/015adr-trace.html>

use closesocket_models::{Action, State};
use serde_json::{Map, Value, json};

use crate::found::check::{InvariantReport, ScenarioReport};
use crate::found::code::Code;
use crate::found::world::{PARTS, world};
use crate::report::rule;

/// The definition of the format.
const FORMAT: &str = "https://apalache-mc.org/docs/adr/015adr-trace.html";
/// The variable that is no part of the state: the step that has led there.
const STEP: &str = "step";

/// The counterexample of a violated invariant, from the state that it starts in.
pub(crate) fn trace(start: &State, scenario: &ScenarioReport, violated: &InvariantReport) -> Value {
    let path = violated.path.iter();
    let steps: Vec<_> = path
        .flat_map(|it| it.actions.iter().zip(&it.states))
        .collect();
    let start = state(0, None, scenario, start);
    let states = steps
        .into_iter()
        .enumerate()
        .map(|(index, (action, after))| state(index + 1, Some(*action), scenario, after));
    let sentence = rule(violated.id).map_or("", |it| it.sentence);
    let what = violated.what();
    let mut meta = json!({
        "format": "ITF",
        "format-description": FORMAT,
        "source": "cargo verify check",
        "status": "violation",
        "description": format!("{} violates {}{what}", scenario.title(), violated.id),
        "scenario": scenario.name,
        "invariant": violated.id,
        "sentence": sentence,
    });
    if let Some(defect) = scenario.defect {
        meta["defect"] = json!(defect);
    }
    json!({
        "#meta": meta,
        "vars": PARTS.iter().chain([&STEP]).collect::<Vec<_>>(),
        "states": std::iter::once(start).chain(states).collect::<Vec<_>>(),
    })
}

/// A state: its number and where the code is that has led there, as texts, and its
/// variables.
fn state(index: usize, action: Option<Action>, of: &ScenarioReport, state: &State) -> Value {
    let step = action.map_or_else(|| "the start".to_owned(), |it| it.to_string());
    let mut variables: Map<String, Value> = world(of.scenario, state)
        .into_iter()
        .map(|(name, value)| (name, expression(value)))
        .collect();
    let mut meta = json!({ "index": index });
    if let Some(code) = action.and_then(|it| Code::of(it.what)) {
        meta["code"] = json!(format!("{}:{}", code.file, code.line));
        meta["function"] = json!(code.function);
    }
    variables.insert(STEP.to_owned(), json!(step));
    variables.insert("#meta".to_owned(), meta);
    Value::Object(variables)
}

/// A value as an expression of the format, which writes numbers as texts.
fn expression(value: Value) -> Value {
    match value {
        Value::Number(number) => json!({ "#bigint": number.to_string() }),
        Value::Array(list) => list.into_iter().map(expression).collect(),
        Value::Object(record) => {
            let fields = record.into_iter();
            let fields = fields.map(|(name, value)| (name, expression(value)));
            Value::Object(fields.collect())
        }
        text_or_flag => text_or_flag,
    }
}
