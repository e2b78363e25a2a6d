//! The start page.

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

use super::frame::{frame, path};
use super::panel::clauses;
use super::verdict::{Kind, Verdict};
use crate::explore::board::{Board, Entry, LARGEST};
use crate::report::{badge, count, every_invariant, grouped};

/// Everything that can be explored, and how it stands.
pub(in crate::explore) fn start(board: &Board) -> String {
    let all = board
        .entries
        .iter()
        .map(|it| (it.as_ref(), Verdict::of(it)));
    let (scenarios, defects): (Vec<_>, Vec<_>) = all.partition(|it| it.0.job.defect.is_none());
    let body = format!(
        "<h1>Closing a shared socket</h1>\n<div id=\"summary\" data-live>{}{}</div>\n\
         <p class=\"soft\">A scenario is a small world of threads, descriptors and sockets; every run of \
         it is searched. A defect is a known mistake that must be caught. Each opens at its shortest \
         counterexample, if it has one. Scenarios of more than {} states are searched when they are \
         opened.</p>\n\
         <h2>Scenarios</h2>\n<div class=\"wide\"><table><thead><tr><th>scenario<th>what happens\
         <th class=\"number\">states, pinned<th>verdict</tr></thead>\n<tbody>{}</tbody></table></div>\n\
         <h2>Defects</h2>\n<div class=\"wide\"><table><thead><tr><th>defect<th>what is wrong, and where\
         <th>should violate<th>verdict</tr></thead>\n<tbody>{}</tbody></table></div>\n\
         <h2>Invariants</h2>\n<div class=\"wide\"><table><thead><tr><th>invariant<th>what must hold\
         <th>or else<th>clauses</tr></thead>\n<tbody>{}</tbody></table></div>\n",
        summary("scenario", "violated", &scenarios),
        summary("defect", "not as expected", &defects),
        grouped(LARGEST as u64),
        rows(&scenarios),
        rows(&defects),
        invariants()
    );
    frame("./", "closesocket: scenarios and defects", &body)
}

type Standing<'a> = (&'a Entry, Verdict);

/// How many of how many are not as they should be, and which.
fn summary(thing: &str, wrong: &str, all: &[Standing<'_>]) -> String {
    let kinds: Vec<_> = all.iter().map(|it| it.1.kind).collect();
    let mut text = format!("<p class=\"count\">{}", counts(thing, wrong, &kinds));
    for (entry, verdict) in all.iter().filter(|it| is_bad(it.1.kind)) {
        // Writing to a string cannot fail.
        let _ = write!(text, "<br>{}: {}", link(entry), verdict.html());
    }
    text + "</p>\n"
}

/// How many of how many are not as they should be, in a sentence.
fn counts(thing: &str, wrong: &str, all: &[Kind]) -> String {
    let of = |kinds: &[Kind]| all.iter().filter(|it| kinds.contains(it)).count();
    let good = !all.iter().any(|it| is_bad(*it));
    let (expected, open) = (
        of(&[Kind::Expected, Kind::Caught]),
        of(&[Kind::Unknown, Kind::Busy]),
    );
    let (violated, differ) = (of(&[Kind::Violated]), of(&[Kind::Differs]));
    let (violated, differ) = match wrong {
        "violated" => (violated, differ),
        _ => (violated + differ, 0),
    };
    let mut first = format!("{violated} of {} {wrong}", count(all.len(), thing));
    if differ > 0 {
        first += &format!(", {differ} otherwise different");
    }
    // Nothing is good before all is known.
    let first = if good && open > 0 {
        format!("<b>{first}</b>")
    } else {
        badge(good, &first)
    };
    format!("{first}, {expected} as expected, {open} not searched yet.")
}

const fn is_bad(kind: Kind) -> bool {
    matches!(kind, Kind::Violated | Kind::Differs)
}

fn link(entry: &Entry) -> String {
    let path = escape(&path(&entry.job));
    format!(
        "<a href=\"{path}\"><code>{}</code></a>",
        escape(entry.job.name())
    )
}

/// What is not as it should be first.
fn rows(all: &[Standing<'_>]) -> String {
    let (bad, good): (Vec<_>, Vec<_>) = all.iter().partition(|it| is_bad(it.1.kind));
    let mut rows = String::new();
    for (entry, verdict) in bad.into_iter().chain(good) {
        let _ = writeln!(
            rows,
            "<tr><td>{}</td>{}<td id=\"{}\" data-live>{}</td></tr>",
            link(entry),
            about(entry),
            escape(&path(&entry.job)),
            verdict.html()
        );
    }
    rows
}

fn about(entry: &Entry) -> String {
    let scenario = entry.job.scenario;
    match entry.job.defect {
        None => format!(
            "<td>{}</td><td class=\"number\">{}</td>",
            escape(scenario.summary),
            grouped(scenario.states as u64)
        ),
        Some(defect) => format!(
            "<td>{} <span class=\"soft\">In {}.</span></td><td>{}</td>",
            escape(defect.summary),
            escape(defect.scenario),
            escape(&defect.violates.join(", "))
        ),
    }
}

fn invariants() -> String {
    let mut rows = String::new();
    for it in every_invariant() {
        let _ = writeln!(
            rows,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(it.id),
            escape(it.sentence),
            escape(it.why),
            clauses("./", it.clauses)
        );
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Kind::{Busy, Caught, Differs, Expected, Unknown, Violated};
    use super::counts;
    use crate::report::badge;

    #[test]
    fn the_first_sentence_counts_what_is_wrong_and_is_good_only_when_all_is_known() {
        let some = [Violated, Expected, Differs, Busy];
        let (first, rest) = (
            "1 of 4 scenarios violated, 1 otherwise different",
            ", 1 as expected, 1 not searched yet.",
        );
        let says = badge(false, first) + rest;
        assert_eq!(counts("scenario", "violated", &some), says);
        let says = badge(false, "2 of 4 defects not as expected") + rest;
        assert_eq!(counts("defect", "not as expected", &some), says);
        let says = "<b>0 of 2 defects not as expected</b>, 1 as expected, 1 not searched yet.";
        assert_eq!(
            counts("defect", "not as expected", &[Caught, Unknown]),
            says
        );
        let says = badge(true, "0 of 1 scenario violated") + ", 1 as expected, 0 not searched yet.";
        assert_eq!(counts("scenario", "violated", &[Expected]), says);
    }
}
