//! What the search of an entry has found, in a few words.

use closesocket_models::lanes::escape;

use crate::explore::board::{Entry, Progress};
use crate::found::check::{InvariantReport, ScenarioReport};
use crate::report::{badge, count, grouped};

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not searched.
    Unknown,
    /// Its search is on its way, or will be.
    Busy,
    /// As expected.
    Expected,
    /// What a defect has to violate is violated.
    Caught,
    /// Something is violated that should hold.
    Violated,
    /// Something else is not as expected.
    Differs,
}

/// How an entry stands, and a sentence about it.
pub(super) struct Verdict {
    pub(super) kind: Kind,
    text: String,
}

impl Verdict {
    pub(super) fn of(entry: &Entry) -> Self {
        let (kind, text) = match entry.progress() {
            // Its turn comes while the start page is open.
            Progress::Unasked if entry.is_small() => (Kind::Busy, "not searched yet".to_owned()),
            Progress::Unasked => (
                Kind::Unknown,
                "not searched: large; its page searches it".to_owned(),
            ),
            Progress::Searching(0) => (Kind::Busy, "searching".to_owned()),
            Progress::Searching(states) => (Kind::Busy, searching(entry, states)),
            Progress::Failed => (
                Kind::Differs,
                "the search broke off: nothing is known".to_owned(),
            ),
            Progress::Done(report) => of_report(report),
        };
        Self { kind, text }
    }

    pub(super) fn html(&self) -> String {
        let text = escape(&self.text);
        match self.kind {
            Kind::Unknown => format!("<span class=\"soft\">{text}</span>"),
            Kind::Busy => format!("<span class=\"soft\" data-busy>\u{2026} {text}</span>"),
            Kind::Expected => sentence(true, "as expected", &text),
            Kind::Caught => sentence(true, "violated, as expected", &text),
            Kind::Violated => sentence(false, "violated", &text),
            Kind::Differs => sentence(false, "differs", &text),
        }
    }
}

fn sentence(good: bool, word: &str, text: &str) -> String {
    format!("{} {text}", badge(good, word))
}

fn searching(entry: &Entry, states: usize) -> String {
    let states = grouped(states as u64);
    match entry.job.defect {
        None => format!(
            "searching: {states} of {} states",
            grouped(entry.job.scenario.states as u64)
        ),
        Some(_) => format!("searching: {states} states so far"),
    }
}

fn of_report(report: &ScenarioReport) -> (Kind, String) {
    let all = count(report.invariants.len(), "invariant");
    let states = count(report.unique_states, "state");
    let violated: Vec<_> = report
        .invariants
        .iter()
        .filter(|it| it.is_violated())
        .collect();
    let found = match violated.as_slice() {
        [] => format!("all {all} hold in every run ({states})"),
        some => format!("{} of {all} violated: {}", some.len(), named(some)),
    };
    if !report.complete {
        return (Kind::Differs, format!("not searched completely; {found}"));
    }
    if report.is_as_expected() {
        let kind = if violated.is_empty() {
            Kind::Expected
        } else {
            Kind::Caught
        };
        return (kind, found);
    }
    if violated.iter().any(|it| !it.is_as_expected()) {
        return (Kind::Violated, found);
    }
    let holding = report.invariants.iter().filter(|it| !it.is_as_expected());
    let holding: Vec<_> = holding
        .map(|it| format!("{} should be violated", it.id))
        .collect();
    let problems = report.states_problem().into_iter().chain(holding);
    let problems: Vec<_> = problems.collect();
    (Kind::Differs, format!("{found}; {}", problems.join(", ")))
}

/// The violated ones, those with the shortest ways first.
fn named(violated: &[&InvariantReport]) -> String {
    let mut violated = violated.to_vec();
    violated.sort_by_key(|it| it.counterexample.len());
    let named = violated.iter().map(|it| {
        let steps = count(it.counterexample.len(), "step");
        format!("{} in {steps}", it.id)
    });
    named.collect::<Vec<_>>().join(", ")
}
