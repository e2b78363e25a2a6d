//! Paths of the model as recordings, judged by the replay, which knows nothing of the
//! model.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use closesocket::engine::observe::Step;
use closesocket_models::lanes::Drawing;
use closesocket_models::{
    Action, CloseModel, DEFECTS, Recordings, SCENARIOS, Scenario, State, Transition, Untold, What,
    check,
};
use closesocket_trace::{Problem, read, replay, to_text};

/// How many runs are told of each scenario.
const RUNS: usize = 200;
/// The runs among them that no recording can have: those that begin at a slot's last
/// generation.
const UNTOLD_RUNS: [(&str, usize); 1] = [("last-generation", 200)];
/// The kinds of steps that there are: each is told in some run.
const KINDS: usize = 50;

/// A small generator of numbers, the same each time (xorshift).
struct Random(u64);

impl Random {
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let index = usize::try_from(self.0 >> 33).unwrap();
        all[index % all.len()]
    }
}

/// Runs to where nothing can happen any more, which take what none before has taken.
struct Runs {
    model: CloseModel,
    random: Random,
    taken: HashSet<(State, Action)>,
}

impl Runs {
    fn of(model: CloseModel) -> Self {
        Self {
            model,
            random: Random(0x9e37_79b9_7f4a_7c15),
            taken: HashSet::new(),
        }
    }

    fn next(&mut self) -> Vec<Transition> {
        let (mut path, mut state) = (Vec::new(), self.model.start());
        loop {
            let mut steps = Vec::new();
            self.model.transitions(&state, |_, step| steps.push(step));
            let is_new = |it: &&Transition| !self.taken.contains(&(state, it.action));
            let new: Vec<Transition> = steps.iter().filter(is_new).copied().collect();
            let steps = if new.is_empty() { steps } else { new };
            if steps.is_empty() {
                return path;
            }
            let step = self.random.one_of(&steps);
            self.taken.insert((state, step.action));
            state = step.next;
            path.push(step);
        }
    }
}

/// The kind of a step, as its variant is called.
fn kind(what: What) -> String {
    let text = format!("{what:?}");
    let end = text.find(|it: char| !it.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

/// That a recording without a connection is hollow says nothing of its steps.
fn problem_of(recordings: &Recordings, path: &[Transition]) -> Result<Option<Problem>, Untold> {
    let told = recordings.of(path)?;
    let problem = replay(&told.records).first_problem;
    Ok(problem.filter(|it| !it.reason.starts_with("the trace is hollow")))
}

#[test]
fn every_run_of_every_scenario_is_accepted() {
    let mut untold: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let (mut runs_of_all, mut transitions) = (0, 0);
    for scenario in SCENARIOS {
        let model = CloseModel::new(scenario, None).unwrap();
        let recordings = model.recordings();
        let mut runs = Runs::of(model);
        for _ in 0..RUNS {
            let path = runs.next();
            match problem_of(&recordings, &path) {
                Ok(None) => {
                    runs_of_all += 1;
                    kinds.extend(path.iter().map(|it| kind(it.action.what)));
                }
                Ok(Some(problem)) => {
                    let steps: Vec<_> = path.iter().map(|it| it.action.to_string()).collect();
                    panic!("{}:\n{}\n{problem}", scenario.name, steps.join("\n"));
                }
                Err(Untold::LastGeneration) => {
                    *untold.entry(scenario.name).or_default() += 1;
                }
                Err(other) => panic!("{}: {other}", scenario.name),
            }
        }
        transitions += runs.taken.len();
    }
    println!("{runs_of_all} runs, {transitions} transitions of the model");
    assert_eq!(untold, UNTOLD_RUNS.into());
    assert_eq!((runs_of_all, transitions), (8_600, 110_695));
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
}

/// A replay would accept all of it as one life, too.
#[test]
fn what_is_opened_behind_a_later_startup_is_told_as_of_the_next_life() {
    let scenario = Scenario::named("startup-during-a-cleanup").unwrap();
    let model = CloseModel::new(scenario, None).unwrap();
    let (recordings, mut runs) = (model.recordings(), Runs::of(model));
    let mut lives = BTreeSet::new();
    for _ in 0..20 {
        for record in recordings.of(&runs.next()).unwrap().records {
            if let Step::Opened { life } = record.observation.step {
                lives.insert(life);
            }
        }
    }
    assert_eq!(lives, [1, 2].into());
}

/// The counterexamples that are accepted, and why: all of these defects are seen by a
/// state of the whole, and by nobody in it.
const ACCEPTED: [(&str, &str); 4] = [
    ("forgets-the-outlived", LATER),
    ("looks-at-the-flag-only", LATER),
    ("posts-completions-to-the-dead", UNORDERED),
    ("sweep-waits-for-nobody", UNORDERED),
];

const LATER: &str = "what should have ended with a life of its process is ended later, by \
     another close: a recording does not say by when";
const UNORDERED: &str = "two threads meet at no word and under no lock: a recording does not \
     say which of them came first";

/// Those that no recording can have.
const UNTOLD: [(&str, Untold); 1] = [("generations-wrap", Untold::LastGeneration)];

/// Those of which nothing but the end is wrong.
const AT_THE_END: [&str; 6] = [
    "timer-forgotten",
    "waits-under-lock",
    "waiter-sleeps-on",
    "forgets-to-reclaim",
    "forgets-to-look-again",
    "duplicates-for-the-dead",
];

#[test]
fn the_counterexample_of_a_defect_is_rejected_where_a_thread_sees_something_of_it() {
    let (mut accepted, mut untold, mut at_the_end) = (Vec::new(), Vec::new(), Vec::new());
    let (mut in_the_path, mut behind_it) = (0, 0);
    for spec in DEFECTS {
        let scenario = Scenario::named(spec.scenario).unwrap();
        let model = CloseModel::new(scenario, Some(spec.defect)).unwrap();
        let path = check(&model).shortest_path().unwrap().transitions();
        let told = match model.recordings().of(&path) {
            Ok(told) => told,
            Err(why) => {
                println!("{:34} not told: {why}", spec.name);
                untold.push((spec.name, why));
                continue;
            }
        };
        // What is judged is what stands in the file.
        let records = read(to_text(&told.records).as_bytes()).unwrap();
        assert_eq!(records, told.records, "{}", spec.name);
        let Some(problem) = replay(&records).first_problem else {
            println!("{:34} accepted", spec.name);
            accepted.push(spec.name);
            continue;
        };
        println!("{:34} {}", spec.name, problem.reason);
        assert!(!problem.reason.contains("hollow"), "{}", spec.name);
        assert!(Drawing::of_problem(&problem).is_some(), "{}", spec.name);
        let of = (problem.thread, problem.number);
        let place = records
            .iter()
            .position(|it| (Some(it.thread), Some(it.number)) == of);
        match place {
            Some(place) if place < told.of_path => in_the_path += 1,
            Some(_) => behind_it += 1,
            None => at_the_end.push(spec.name),
        }
    }
    assert_eq!(accepted, ACCEPTED.map(|it| it.0));
    assert_eq!(untold, UNTOLD);
    assert_eq!(at_the_end, AT_THE_END);
    assert_eq!((in_the_path, behind_it), (49, 10));
}
