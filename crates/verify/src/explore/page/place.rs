//! The page of a place: a path in a scenario, and one of its steps.

use closesocket_models::lanes::{Drawing, Row, escape};
use closesocket_models::{ExplorerModel, Shown};
use stateright::Model as _;

use super::frame::frame;
use super::lanes;
use super::look::Look;
use super::panel;
use super::verdict::Verdict;
use crate::explore::board::Entry;
use crate::explore::walk::Walk;
use crate::found::code::Code;

/// The page.
pub(in crate::explore) fn place(entry: &Entry, walk: &Walk, look: &Look) -> String {
    let drawing = Drawing::of_path(&walk.model, &walk.transitions());
    let rows = drawing.rows.clone();
    let shown = lanes::Lanes::new(walk, drawing, look);
    let body = format!(
        "{}<p id=\"verdict\" data-live>{}</p>\n{}\n<main class=\"place\">\n{}\
         <section id=\"lanes\">\n{}</section>\n{}{}</main>\n",
        heading(entry),
        Verdict::of(entry).html(),
        controls(entry, walk, look, &shown),
        panel::violated(walk, &rows),
        shown.table(),
        panel::others(entry, walk, &rows, look),
        changes(walk)
    );
    frame("../", &title(entry, walk, &rows), &body)
}

fn title(entry: &Entry, walk: &Walk, rows: &[Row]) -> String {
    let violates = rows.get(walk.at).is_some_and(|it| !it.violates.is_empty());
    let step = match walk.at {
        0 => "start".to_owned(),
        at => format!("step {at}"),
    };
    let sign = if violates { "\u{2717} " } else { "" };
    format!("{sign}{}: {step}", entry.job.name())
}

fn heading(entry: &Entry) -> String {
    let scenario = entry.job.scenario;
    let (name, summary) = (escape(scenario.name), escape(scenario.summary));
    match entry.job.defect {
        None => format!("<h1><code>{name}</code></h1>\n<p>{summary}</p>\n"),
        Some(defect) => format!(
            "<h1><code>{}</code> <small>a defect, in <a href=\"../scenario/{name}\">{name}</a></small></h1>\n\
             <p>{}</p>\n<p class=\"soft\">{summary}</p>\n",
            escape(defect.name),
            escape(defect.summary)
        ),
    }
}

/// The ways that the search found, the shortest first, each once.
fn counterexamples(entry: &Entry, walk: &Walk) -> Vec<String> {
    let found = entry.report().into_iter().flat_map(|it| &it.invariants);
    let mut paths: Vec<_> = found.filter_map(|it| it.path.as_ref()).collect();
    paths.sort_by_key(|it| it.actions.len());
    let mut ways: Vec<String> = Vec::new();
    for path in paths {
        let way = Walk::way_of(&walk.model, path);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

/// Where one can go from here, each with its key.
fn controls(entry: &Entry, walk: &Walk, look: &Look, shown: &lanes::Lanes<'_>) -> String {
    let (all, at) = (walk.steps.len(), walk.at);
    let back = at.checked_sub(1).map(|it| shown.to(it));
    let forward = if at < all {
        Some(shown.to(at + 1))
    } else {
        shown.only_choice()
    };
    let ways = counterexamples(entry, walk);
    let here = ways.iter().position(|it| *it == walk.way(all));
    let next = match here {
        Some(place) => ways.get((place + 1) % ways.len()),
        None => ways.first(),
    };
    let next_text = match (here, ways.len()) {
        (_, 0) => "next counterexample".to_owned(),
        (Some(place), all) => format!("next counterexample ({} of {all} is here)", place + 1),
        (None, 1) => "the counterexample".to_owned(),
        (None, all) => format!("the shortest of {all} counterexamples"),
    };
    format!(
        "<nav class=\"controls\" id=\"controls\" data-live>{}{}{}{}<span class=\"soft\">step {at} of {all}; keys \
         <kbd>1</kbd>\u{2013}<kbd>9</kbd> take a next step, <kbd>h</kbd> leads home</span></nav>",
        control(
            "Home 0",
            "\u{21e4} start <kbd>0</kbd>",
            (at > 0).then(|| shown.to(0))
        ),
        control("ArrowLeft b", "\u{2190} back <kbd>\u{2190}</kbd>", back),
        control(
            "ArrowRight f",
            "forward <kbd>\u{2192}</kbd> \u{2192}",
            forward
        ),
        control(
            "c",
            &format!("{} <kbd>c</kbd>", escape(&next_text)),
            next.map(|it| look.address("", it, None))
        ),
    )
}

/// A button, which is greyed if it leads nowhere.
fn control(keys: &str, text: &str, to: Option<String>) -> String {
    match to {
        Some(to) => format!(
            "<a class=\"button\" data-keys=\"{keys}\" href=\"{}\">{text}</a>",
            escape(&to)
        ),
        None => format!("<span class=\"button off\">{text}</span>"),
    }
}

/// What the step changed, in full, and the code that decides it.
fn changes(walk: &Walk) -> String {
    let Some(step) = walk.at.checked_sub(1) else {
        return String::new();
    };
    let Some(taken) = walk.steps.get(step) else {
        return String::new();
    };
    let explorer = ExplorerModel::new(walk.model);
    let changes = explorer.format_step(&walk.state(step), Shown(taken.transition));
    let code = Code::of(taken.transition.action.what).map_or_else(String::new, |it| {
        let (function, file, line) = (it.function, it.file, it.line);
        format!("<p>Decided by <code>{function}</code>, {file}:{line}.</p>")
    });
    format!(
        "<details id=\"changes\"><summary>What step {} changed, in full</summary>\
         <div>{code}<pre>{}</pre></div></details>\n",
        walk.at,
        escape(&changes.unwrap_or_default())
    )
}
