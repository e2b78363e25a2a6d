//! The invariants as they stand at a place: what is violated first.

use std::fmt::Write as _;

use closesocket_models::lanes::{Row, escape};

use super::look::Look;
use crate::explore::board::Entry;
use crate::explore::walk::Walk;
use crate::report::{Rule, badge, clause, count, every_invariant};

/// How an invariant stands.
enum Standing {
    /// Violated on the step that is looked at.
    Here,
    /// Violated on another step of the path.
    OnPath(usize),
    /// Violated by a run that the search found: its way, and how many steps it has.
    Elsewhere(String, usize),
    /// Holds in every run.
    Holds,
    /// Not violated on the path; nobody knows more.
    Unknown,
}

fn standing(entry: &Entry, walk: &Walk, rows: &[Row], id: &str) -> Standing {
    let breaks = |row: &Row| row.violates.iter().any(|it| it.invariant == id);
    if rows.get(walk.at).is_some_and(breaks) {
        return Standing::Here;
    }
    if let Some(step) = rows.iter().position(breaks) {
        return Standing::OnPath(step);
    }
    let Some(report) = entry.report() else {
        return Standing::Unknown;
    };
    let found = report.invariants.iter().find(|it| it.id == id);
    match found.and_then(|it| it.path.as_ref()) {
        Some(path) => Standing::Elsewhere(Walk::way_of(&walk.model, path), path.actions.len()),
        None if report.complete && found.is_some() => Standing::Holds,
        None => Standing::Unknown,
    }
}

/// What is violated on the step that is looked at, with all that helps to understand
/// it.
pub(super) fn violated(walk: &Walk, rows: &[Row]) -> String {
    let broken = rows.get(walk.at).map_or(&[][..], |it| &it.violates);
    let mut text = String::new();
    for it in broken {
        let rule = every_invariant().find(|rule| rule.id == it.invariant);
        let Some(rule) = rule else { continue };
        let witness = it.witness.as_ref().map_or_else(String::new, |it| {
            format!("<p class=\"witness\">{}.</p>", escape(it))
        });
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<article class=\"finding\" data-invariant=\"{id}\"><h3>{} <code>{id}</code></h3>\
             {witness}{}</article>",
            badge(false, &format!("violated on step {}", walk.at)),
            about(&rule),
            id = escape(&it.invariant)
        );
    }
    if text.is_empty() {
        return text;
    }
    format!("<section id=\"violated\" aria-label=\"violated here\">\n{text}</section>\n")
}

/// Every invariant that is not violated here.
pub(super) fn others(entry: &Entry, walk: &Walk, rows: &[Row], look: &Look) -> String {
    let all = every_invariant().map(|rule| {
        let standing = standing(entry, walk, rows, rule.id);
        (rule, standing)
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|it| rank(&it.1));
    let mut text = format!(
        "<section id=\"invariants\" data-live>\n<h2>Invariants</h2>\n<p id=\"counts\">{}</p>\n",
        counts(&all)
    );
    // Those with nothing to look at are behind one click.
    let quiet = |it: &&(Rule, Standing)| rank(&it.1) >= QUIET;
    for (rule, standing) in all.iter().filter(|it| !quiet(it)) {
        one(&mut text, walk, look, rule, standing);
    }
    if all.iter().any(|it| quiet(&it)) {
        text += "<details class=\"quiet\"><summary>the others</summary><div>\n";
        for (rule, standing) in all.iter().filter(quiet) {
            one(&mut text, walk, look, rule, standing);
        }
        text += "</div></details>\n";
    }
    text + "</section>\n"
}

/// One invariant and how it stands; its rule is behind a click.
fn one(text: &mut String, walk: &Walk, look: &Look, rule: &Rule, standing: &Standing) {
    let (class, verdict) = match standing {
        Standing::Here => return,
        Standing::OnPath(step) => {
            let to = look.address("", &walk.way(walk.steps.len()), Some(*step));
            let words = format!("\u{2717} violated on step {step}");
            ("broken", link(&to, &words))
        }
        Standing::Elsewhere(way, steps) => {
            let to = look.address("", way, None);
            let steps = count(*steps, "step");
            let words = format!("\u{2717} violated elsewhere, in {steps}");
            ("broken", link(&to, &words))
        }
        Standing::Holds => ("holds", "\u{2713} holds".to_owned()),
        Standing::Unknown => ("open", "\u{2026} not violated here".to_owned()),
    };
    let _ = writeln!(
        text,
        "<details class=\"{class}\"><summary><code>{}</code> <span class=\"standing\">{verdict}</span>\
         </summary><div>{}</div></details>",
        escape(rule.id),
        about(rule)
    );
}

/// From this rank on nothing is violated.
const QUIET: usize = 3;

const fn rank(standing: &Standing) -> usize {
    match standing {
        Standing::Here => 0,
        Standing::OnPath(_) => 1,
        Standing::Elsewhere(..) => 2,
        Standing::Unknown => 3,
        Standing::Holds => 4,
    }
}

/// How many stand how, without those that nobody stands for.
fn counts(all: &[(Rule, Standing)]) -> String {
    const WORDS: [&str; 5] = [
        "violated here",
        "violated on another step of this path",
        "violated elsewhere",
        "not violated on this path; more is not known yet",
        "in every run",
    ];
    // A run ends at its violation: what it would violate later nobody knows.
    let broken = all.iter().any(|it| rank(&it.1) < QUIET);
    let ends = if broken { " up to its violation" } else { "" };
    let of = |index: usize| all.iter().filter(|it| rank(&it.1) == index).count();
    let counted = WORDS.iter().enumerate().filter(|it| of(it.0) > 0);
    let counted = counted.map(|(index, words)| match (index, of(index)) {
        (4, 1) => format!("1 holds {words}{ends}"),
        (4, number) => format!("{number} hold {words}{ends}"),
        (_, number) => format!("{number} {words}"),
    });
    counted.collect::<Vec<_>>().join(", ") + "."
}

/// What must hold, what goes wrong if it does not, and the clauses.
fn about(rule: &Rule) -> String {
    let mut text = format!(
        "<p>{}</p><p><b>Or else:</b> {}</p>",
        escape(rule.sentence),
        escape(rule.why)
    );
    if !rule.clauses.is_empty() {
        text += &format!("<p>Clauses: {}</p>", clauses("../", rule.clauses));
    }
    text
}

/// Links into the text of the specification, if it is here.
pub(super) fn clauses(home: &str, ids: &[&str]) -> String {
    let links = ids.iter().map(|id| match clause(id) {
        None => escape(id),
        Some(place) => format!(
            "<a href=\"{home}specification#{id}\" title=\"{}\">{id}</a>",
            escape(place.heading()),
            id = escape(id)
        ),
    });
    links.collect::<Vec<_>>().join(", ")
}

fn link(to: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(to), escape(text))
}
