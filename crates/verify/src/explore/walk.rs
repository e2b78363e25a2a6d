//! A path through a model, as an address has it: a fingerprint for each step.

use closesocket_models::{CloseModel, Counterexample, State, Transition};
use closesocket_trace::words::count;

/// One step that a state has.
#[derive(Clone)]
pub(super) struct Choice {
    /// The fingerprint of its sentence, different from those of the others of its
    /// state.
    pub(super) key: String,
    pub(super) transition: Transition,
}

/// A path, and how far along it somebody looks.
pub(super) struct Walk {
    pub(super) model: CloseModel,
    pub(super) steps: Vec<Choice>,
    /// So many steps were taken; the others are ahead.
    pub(super) at: usize,
}

/// A path that the model does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "after {} there is no step `{key}` here: the link is of another version or another page",
    count(*taken, "step")
)]
pub(super) struct NoSuchStep {
    /// The steps that there are, as an address has them.
    pub(super) way: String,
    /// How many these are.
    taken: usize,
    key: String,
}

impl Walk {
    /// Follows the fingerprints of an address, divided by dots, from the start.
    pub(super) fn follow(model: CloseModel, keys: &str) -> Result<Self, NoSuchStep> {
        let mut state = model.start();
        let mut steps: Vec<Choice> = Vec::new();
        for key in keys.split('.').filter(|it| !it.is_empty()) {
            let Some(step) = choices(&model, &state).into_iter().find(|it| it.key == key) else {
                return Err(NoSuchStep {
                    way: way(&steps),
                    taken: steps.len(),
                    key: key.to_owned(),
                });
            };
            state = step.transition.next;
            steps.push(step);
        }
        let at = steps.len();
        Ok(Self { model, steps, at })
    }

    /// The way of a counterexample, as an address has it.
    pub(super) fn way_of(model: &CloseModel, path: &Counterexample) -> String {
        let mut state = model.start();
        let mut steps = Vec::new();
        for transition in path.transitions() {
            let mut choices = choices(model, &state).into_iter();
            steps.extend(choices.find(|it| it.transition == transition));
            state = transition.next;
        }
        way(&steps)
    }

    /// The way up to so many steps, as an address has it.
    pub(super) fn way(&self, steps: usize) -> String {
        way(&self.steps[..steps.min(self.steps.len())])
    }

    /// The state after so many steps.
    pub(super) fn state(&self, steps: usize) -> State {
        let last = steps.checked_sub(1).and_then(|it| self.steps.get(it));
        last.map_or_else(|| self.model.start(), |it| it.transition.next)
    }

    /// All transitions.
    pub(super) fn transitions(&self) -> Vec<Transition> {
        self.steps.iter().map(|it| it.transition).collect()
    }

    /// The steps that the state looked at has.
    pub(super) fn choices(&self) -> Vec<Choice> {
        choices(&self.model, &self.state(self.at))
    }
}

fn way(steps: &[Choice]) -> String {
    let keys: Vec<_> = steps.iter().map(|it| it.key.as_str()).collect();
    keys.join(".")
}

/// The steps that a state has, in the order of the model.
fn choices(model: &CloseModel, state: &State) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    model.transitions(state, |_, transition| {
        let others = choices.iter().map(|it| it.key.as_str());
        let key = key(&transition.action.to_string(), others);
        choices.push(Choice { key, transition });
    });
    choices
}

/// The fingerprint of a sentence, with a number if others of its state have the same.
fn key<'a>(sentence: &str, others: impl Iterator<Item = &'a str>) -> String {
    let key = fingerprint(sentence);
    match others
        .filter(|it| it.split('-').next() == Some(&key))
        .count()
    {
        0 => key,
        before => format!("{key}-{before}"),
    }
}

/// Four digits for a sentence, the same on every machine (FNV-1a, folded): what
/// they mean survives a change of the steps around it.
fn fingerprint(sentence: &str) -> String {
    let hash = sentence.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{:04x}", (hash >> 16) ^ (hash & 0xffff))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use closesocket_models::{CloseModel, DEFECTS, Scenario, search};

    use super::{Walk, choices, key};

    fn model(scenario: &str) -> CloseModel {
        CloseModel::new(Scenario::named(scenario).expect(scenario), None).expect("it fits")
    }

    #[test]
    fn the_steps_of_a_state_have_different_keys() {
        let model = model("record-redeemed-twice");
        let (mut todo, mut known) = (vec![model.start()], HashSet::new());
        while let Some(state) = todo.pop() {
            let choices = choices(&model, &state);
            let keys: HashSet<_> = choices.iter().map(|it| &it.key).collect();
            assert_eq!(keys.len(), choices.len());
            let next = choices.iter().map(|it| it.transition.next);
            todo.extend(next.filter(|it| known.insert(*it)));
        }
        assert!(known.len() > 1_000);
    }

    #[test]
    fn sentences_with_one_fingerprint_have_different_keys() {
        let mut keys: Vec<String> = Vec::new();
        for sentence in ["T1 waits", "T2 waits", "T1 waits", "T1 waits"] {
            let key = key(sentence, keys.iter().map(String::as_str));
            assert!(!keys.contains(&key), "{key}: {keys:?}");
            keys.push(key);
        }
        assert_eq!(keys[2], format!("{}-1", keys[0]));
    }

    #[test]
    fn a_way_leads_where_it_came_from() {
        for spec in DEFECTS.iter().filter(|it| it.steps < 12).take(12) {
            let scenario = Scenario::named(spec.scenario).expect(spec.scenario);
            let model = CloseModel::new(scenario, Some(spec.defect)).expect("it fits");
            for path in search(&model).counterexamples.into_iter().flatten() {
                let way = Walk::way_of(&model, &path);
                let walk = Walk::follow(model, &way).expect(spec.name);
                assert_eq!(walk.transitions(), path.transitions(), "{}", spec.name);
                assert_eq!(walk.way(walk.at), way);
            }
        }
    }

    #[test]
    fn a_step_that_there_is_not_is_named() {
        let model = model("upcall-failure");
        let first = choices(&model, &model.start())[0].key.clone();
        let wrong = Walk::follow(model, &format!("{first}.nowhere")).err();
        let wrong = wrong.expect("there is no such step");
        assert_eq!(wrong.way, first);
        assert!(
            wrong
                .to_string()
                .starts_with("after 1 step there is no step `nowhere`")
        );
        assert_eq!(Walk::follow(model, "").expect("the start").at, 0);
    }
}
