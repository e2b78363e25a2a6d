//! The verdicts on the start page: computed in the background, or not at all.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde::Serialize;

use crate::check::{Job, judge_plainly};
use crate::suite::suite;

/// The largest scenario that is checked in the background, in states. The others
/// would take memory and time from who only wants to look.
pub(super) const LARGEST: usize = 100_000;

/// The path of a page: also its name on the board.
pub(super) fn path(entry: &Job) -> String {
    match entry.defect {
        None => format!("/scenario/{}", entry.scenario.name),
        Some(defect) => format!("/defect/{}", defect.name),
    }
}

/// Everything that can be explored, the scenarios first.
pub(super) fn entries() -> Vec<Job> {
    let (scenarios, defects) = (suite().scenarios.iter(), suite().defects.iter());
    let defects = defects.filter_map(|it| Job::with(it).ok());
    scenarios.map(Job::plain).chain(defects).collect()
}

/// What is known about an entry.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Standing {
    /// The entry's path.
    pub(super) path: String,
    /// `unchecked`, `expected` or `differs`.
    pub(super) class: &'static str,
    /// The verdict in words.
    pub(super) text: String,
}

/// What is known about every entry.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdicts {
    /// No check is to come any more.
    pub(super) done: bool,
    /// In the order of the entries.
    pub(super) standings: Vec<Standing>,
}

/// The verdicts, shared with the thread that finds them.
#[derive(Clone)]
pub(super) struct Board(Arc<Mutex<Verdicts>>);

impl Board {
    /// A board on which nothing is checked yet, and the thread that checks.
    pub(super) fn checking() -> Self {
        let entries = entries();
        let standings = entries.iter().map(|it| Standing {
            path: path(it),
            class: "unchecked",
            text: unchecked(it),
        });
        let board = Self(Arc::new(Mutex::new(Verdicts {
            done: false,
            standings: standings.collect(),
        })));
        let checked = board.clone();
        // One thread, so that another core is left for who looks.
        thread::spawn(move || checked.check(&entries));
        board
    }

    /// What is known by now.
    pub(super) fn verdicts(&self) -> Verdicts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Checks the small ones, the smallest first.
    fn check(&self, entries: &[Job]) {
        let mut small: Vec<_> = entries
            .iter()
            .enumerate()
            .filter(|(_, it)| it.scenario.states <= LARGEST)
            .collect();
        small.sort_by_key(|(_, it)| it.scenario.states);
        for (index, entry) in small {
            let (class, text) = verdict(entry);
            let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(standing) = verdicts.standings.get_mut(index) {
                (standing.class, standing.text) = (class, text);
            }
        }
        let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.done = true;
    }
}

fn unchecked(entry: &Job) -> String {
    if entry.scenario.states <= LARGEST {
        "not yet checked".to_owned()
    } else {
        "not checked here, too large".to_owned()
    }
}

fn verdict(entry: &Job) -> (&'static str, String) {
    let report = judge_plainly(entry);
    let violated = report.violated();
    let held = report.invariants.len() - violated.len();
    let mut text = format!("{held} of {} hold", report.invariants.len());
    if !violated.is_empty() {
        text += &format!(", violated: {}", violated.join(", "));
    }
    if report.is_as_expected() {
        ("expected", format!("as expected: {text}"))
    } else {
        (
            "differs",
            format!("DIFFERS: {text}; {} states", report.unique_states),
        )
    }
}
