//! The answers of stateright's Explorer service, made from the model: the same
//! JSON, as a test with stateright's own service says. Beside it, one's own
//! invariants are among the properties.

use std::hash::{Hash as _, Hasher};

use closesocket_models::{CloseModel, Counterexample, ExplorerModel, Shown, State};
use serde::Serialize;
use stateright::util::HashableHashSet;
use stateright::{Expectation, Model as _, Path};

use super::board::Entry;
use crate::suite::suite;

/// What has to hold, its name, and the way to where it does not.
type Property = (Expectation, &'static str, Option<String>);

/// How far the search has come.
#[derive(Serialize)]
pub(super) struct Status {
    done: bool,
    model: &'static str,
    state_count: usize,
    unique_state_count: usize,
    max_depth: usize,
    properties: Vec<Property>,
    /// stateright shows a path that its search is at; ours has none to show.
    recent_path: Option<String>,
}

/// One state that a step leads to, or the start.
#[derive(Serialize)]
pub(super) struct StateView {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    state: String,
    fingerprint: String,
    properties: Vec<Property>,
    svg: Option<String>,
    #[serde(rename = "actionIndex")]
    action_index: usize,
}

/// What `/.status` answers.
pub(super) fn status(model: CloseModel, entry: &Entry) -> Status {
    let report = entry.report();
    Status {
        done: report.is_some_and(|it| it.complete),
        model: std::any::type_name::<ExplorerModel>(),
        // The start counts as generated, and as a step of depth.
        state_count: report.map_or(1, |it| it.transitions + 1),
        unique_state_count: report.map_or(1, |it| it.unique_states),
        max_depth: report.map_or(1, |it| it.depth + 1),
        properties: properties(model, entry),
        recent_path: None,
    }
}

/// What `/.states` answers behind these indices, of which the first is the start's.
pub(super) fn states(
    model: CloseModel,
    entry: &Entry,
    indices: &str,
) -> Result<Vec<StateView>, String> {
    let explorer = ExplorerModel::new(model);
    let properties = properties(model, entry);
    let view = |from: Option<(State, Shown)>, taken: &[Shown], state: State, action_index| {
        let path = Path::from_actions(&explorer, model.start(), taken);
        StateView {
            action: from.map(|(_, action)| explorer.format_action(&action)),
            outcome: from.and_then(|(before, action)| explorer.format_step(&before, action)),
            state: format!("{state:#?}"),
            fingerprint: fingerprint(&state).to_string(),
            properties: properties.clone(),
            svg: path.and_then(|it| explorer.as_svg(it)),
            action_index,
        }
    };
    let unreadable = || format!("Unable to parse action indices {indices}");
    let unknown = || format!("Unable to find state following action indices {indices}");
    let words = indices.trim_start_matches('/').trim_end_matches('/');
    if words.is_empty() {
        return Ok(vec![view(None, &[], model.start(), 0)]);
    }
    let numbers: Result<Vec<usize>, _> = words.split('/').map(str::parse).collect();
    let numbers = numbers.map_err(|_| unreadable())?;
    let [0, rest @ ..] = numbers.as_slice() else {
        return Err(unknown());
    };
    let (mut state, mut taken) = (model.start(), Vec::new());
    for &index in rest {
        let action = *actions(&explorer, &state).get(index).ok_or_else(unknown)?;
        state = action.0.next;
        taken.push(action);
    }
    let actions = actions(&explorer, &state).into_iter().enumerate();
    let views = actions.map(|(index, action)| {
        let taken = [&taken[..], &[action]].concat();
        view(Some((state, action)), &taken, action.0.next, index)
    });
    Ok(views.collect())
}

fn actions(explorer: &ExplorerModel, state: &State) -> Vec<Shown> {
    let mut actions = Vec::new();
    explorer.actions(state, &mut actions);
    actions
}

/// The invariants, each with the way to its shortest counterexample.
fn properties(model: CloseModel, entry: &Entry) -> Vec<Property> {
    let report = entry.report();
    let judged = suite().judged().into_iter().map(|id| {
        let mut found = report.iter().flat_map(|it| &it.invariants);
        let found = found.find(|it| it.id == id);
        let path = found.and_then(|it| it.path.as_ref());
        (
            Expectation::Always,
            id,
            path.and_then(|it| place(model, it)),
        )
    });
    judged.collect()
}

/// A path as stateright has it: the index of each choice.
fn place(model: CloseModel, path: &Counterexample) -> Option<String> {
    let explorer = ExplorerModel::new(model);
    let actions: Vec<_> = path.transitions().into_iter().map(Shown).collect();
    let path = Path::from_actions(&explorer, model.start(), &actions)?;
    Some(path.encode(&explorer))
}

/// stateright's name of a state. The function is private there, but a set of states
/// hashes as these.
fn fingerprint(state: &State) -> u64 {
    let mut seen = Seen(0);
    let mut states = HashableHashSet::new();
    states.insert(*state);
    states.hash(&mut seen);
    seen.0
}

/// Sees the last number that is hashed.
struct Seen(u64);

impl Hasher for Seen {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
