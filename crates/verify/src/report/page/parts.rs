//! The tables of the page.

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

use super::super::cases::{Case, Verdict};
use super::super::rules::{Rule, every_invariant};
use super::super::words::{count, grouped};
use super::elements::{badge, word};
use crate::found::check::CheckReport;
use crate::found::defects::{DefectsReport, Mark};
use crate::found::run::RunReport;

pub(super) fn scenarios(out: &mut String, check: &CheckReport) {
    out.push_str(
        "<h2>Scenarios</h2>\n<div class=\"wide\"><table><thead><tr><th>scenario</th>\
         <th class=\"number\">states</th><th class=\"number\">pinned to</th>\
         <th class=\"number\">transitions</th><th class=\"number\">depth</th>\
         <th class=\"number\">seconds</th><th class=\"number\">hold</th><th>verdict</th></tr></thead><tbody>\n",
    );
    for it in &check.scenarios {
        let pinned = it
            .expected_states
            .map_or("not".to_owned(), |it| grouped(it as u64));
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{pinned}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{:.2}</td>\
             <td class=\"number\">{}/{}</td><td>{}</td></tr>",
            escape(it.name),
            grouped(it.unique_states as u64),
            grouped(it.transitions as u64),
            it.depth,
            it.seconds,
            it.held(),
            it.invariants.len(),
            badge(it.complete && it.is_as_expected(), it.verdict()),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

/// The letter of every invariant.
fn letters() -> impl Iterator<Item = (char, Rule)> {
    ('a'..='z').chain('A'..='Z').zip(every_invariant())
}

/// Defects and invariants.
pub(super) fn matrix(out: &mut String, defects: &DefectsReport) {
    out.push_str(
        "<h2>Defects and the invariants that catch them</h2>\n\
         <p class=\"soft\">A letter: the defect violates this invariant, as it is pinned to. \
         <b>!</b>: it violates it and is not pinned to. <b>?</b>: it is pinned to and does not.</p>\n\
         <div class=\"wide\"><table class=\"matrix\"><thead><tr><th>defect</th>",
    );
    for (letter, invariant) in defects.letters() {
        let id = escape(invariant);
        let _ = write!(
            out,
            "<th class=\"cell\"><abbr title=\"{id}\">{letter}</abbr></th>"
        );
    }
    out.push_str(
        "<th class=\"number\">steps</th><th>scenario</th><th>verdict</th></tr></thead><tbody>\n",
    );
    for row in &defects.defects {
        let name = escape(row.name);
        let _ = write!(out, "<tr><td><a href=\"#{name}\">{name}</a></td>");
        for (letter, invariant) in defects.letters() {
            cell(out, row.mark(invariant), letter);
        }
        let _ = writeln!(
            out,
            "<td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>",
            row.steps(),
            escape(row.scenario),
            badge(row.problem.is_none(), word(row.problem.is_none())),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn cell(out: &mut String, mark: Mark, letter: char) {
    let (class, sign) = match mark {
        Mark::Hit => ("cell hit", letter),
        Mark::Extra => ("cell wrong", '!'),
        Mark::Missing => ("cell wrong", '?'),
        Mark::Nothing => ("cell", ' '),
    };
    let _ = write!(out, "<td class=\"{class}\">{sign}</td>");
}

/// How each defect shows.
pub(super) fn counterexamples(out: &mut String, defects: &DefectsReport) {
    out.push_str("<h2>The shortest way to each defect</h2>\n");
    for row in &defects.defects {
        let Some(drawing) = &row.drawing else {
            continue;
        };
        let _ = writeln!(
            out,
            "<details><summary><code>{name}</code>, {}: {}</summary><div id=\"{name}\">\
             <p>{}</p><p class=\"soft\">In {}; violates {}.</p>",
            count(row.steps.unwrap_or_default(), "step"),
            escape(row.spec.summary),
            escape(row.witness.as_ref().map_or("", |it| &it.sentence)),
            escape(row.scenario),
            escape(&row.violates.join(", ")),
            name = escape(row.name),
        );
        out.push_str(&drawing.to_svg());
        out.push_str("</div></details>\n");
    }
}

pub(super) fn connections(out: &mut String, run: &RunReport, cases: &[Case]) {
    out.push_str(
        "<h2>Real connections</h2>\n<div class=\"wide\"><table><thead><tr><th>way to close</th>\
         <th class=\"number\">closed</th><th class=\"number\">with unsent bytes</th>\
         <th class=\"number\">accepted B</th><th class=\"number\">received B</th>\
         <th class=\"number\">FIN</th><th class=\"number\">RST</th></tr></thead><tbody>\n",
    );
    for way in &run.ways {
        let [name, numbers @ ..] = way.columns();
        let _ = write!(out, "<tr><td>{}</td>", escape(&name));
        for number in numbers {
            let _ = write!(out, "<td class=\"number\">{number}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n<p>");
    for case in cases {
        let _ = writeln!(out, "{} ", badge(case.verdict == Verdict::Holds, case.name));
    }
    out.push_str("</p>\n");
}

/// What is checked, in words.
pub(super) fn invariants(out: &mut String, defects: Option<&DefectsReport>) {
    out.push_str(
        "<h2>Invariants</h2>\n<div class=\"wide\"><table><thead><tr><th></th><th>invariant</th>\
         <th>clauses</th><th>what must hold, and what goes wrong if it does not</th>",
    );
    if defects.is_some() {
        out.push_str("<th class=\"number\">broken by</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for (letter, it) in letters() {
        let _ = write!(
            out,
            "<tr><td class=\"mono\">{letter}</td><td><code>{}</code></td><td>{}</td><td>{}<br>\
             <span class=\"soft\">{}</span></td>",
            escape(it.id),
            escape(&it.clauses.join(", ")),
            escape(it.sentence),
            escape(it.why),
        );
        if let Some(defects) = defects {
            let by = count(defects.breakers(it.id), "defect");
            let _ = write!(out, "<td class=\"number\">{by}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}
