//! Other implementations' algorithms: each is caught, its repair is not, and the
//! documentation has both as they are.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use closesocket_models::{DEFECTS, FIELD_MODELS, FieldModel, search_field};
use roxmltree::Document;

#[test]
fn each_algorithm_is_caught_by_its_invariants_in_so_many_steps() {
    for model in FIELD_MODELS {
        assert_eq!(search_field(model, false).difference(model), None);
    }
}

#[test]
fn an_algorithm_that_is_pinned_otherwise_differs() {
    let model = FieldModel::named("liburing-old-read-new-connection").expect("a model");
    let found = search_field(model, false);
    let otherwise: [fn(&mut FieldModel); 3] = [
        |it| it.steps += 1,
        |it| it.violates = &[],
        |it| it.violates = &it.violates[..1],
    ];
    for change in otherwise {
        let mut pinned = *model;
        change(&mut pinned);
        let said = found.difference(&pinned);
        assert!(said.is_some_and(|it| it.starts_with(model.name)));
    }
    assert!(search_field(model, true).difference(model).is_some());
}

#[test]
fn no_invariant_objects_to_a_repaired_algorithm() {
    for model in FIELD_MODELS {
        let found = search_field(model, true);
        assert_eq!(found.violated(), [""; 0], "{}", model.name);
        assert!(found.states > 2, "{} does nothing", model.name);
    }
}

#[test]
fn every_algorithm_has_a_report_of_its_own() {
    assert!(FIELD_MODELS.len() >= 7);
    for (index, model) in FIELD_MODELS.iter().enumerate() {
        let others = &FIELD_MODELS[..index];
        assert!(others.iter().all(|it| it.report != model.report));
        assert!(FieldModel::named(model.name).is_some_and(|it| it.report == model.report));
    }
}

#[test]
fn the_catalogue_has_its_reports() {
    let reported = DEFECTS.iter().filter(|it| it.report.is_some());
    assert!(reported.count() >= 20);
}

/// A file of the documentation.
fn docs(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(path)
}

/// Whether a file is as it should be; `UPDATE=1` makes it so.
fn is_up_to_date(path: &str, expected: &str) -> bool {
    let path = docs(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, expected).expect("written");
    }
    std::fs::read_to_string(&path).is_ok_and(|it| it == expected)
}

/// A report as a link.
fn link(report: closesocket_models::Report) -> String {
    format!("[{} {}]({})", report.project, report.number, report.url())
}

/// The tables of `docs/model.md`.
fn tables() -> String {
    let mut out =
        String::from("\n| report | what goes wrong | invariants | steps |\n|---|---|---|---|\n");
    for it in FIELD_MODELS {
        let invariants: Vec<_> = it.violates.iter().map(|id| format!("`{id}`")).collect();
        let (report, invariants) = (link(it.report), invariants.join(", "));
        let lanes = format!("[{}](drawings/field/{}.svg)", it.steps, it.name);
        let _ = writeln!(out, "| {report} | {} | {invariants} | {lanes} |", it.wrong);
    }
    out += "\nWhat of each is modelled, and what its repair is:\n\n";
    for it in FIELD_MODELS {
        let _ = writeln!(
            out,
            "- `{}`: {} Repaired: {}",
            it.name, it.modelled, it.repair
        );
    }
    out += "\nEntries of the catalogue of which a public report tells:\n\n| defect | report |\n|---|---|\n";
    for it in DEFECTS {
        if let Some(report) = it.report {
            let _ = writeln!(out, "| `{}` | {} |", it.name, link(report));
        }
    }
    out + "\n"
}

#[test]
fn the_documentation_lists_them_as_they_are() {
    const BEGIN: &str = "<!-- field: written by models/tests/field.rs -->";
    const END: &str = "<!-- field: end -->";
    let text = std::fs::read_to_string(docs("model.md")).expect("docs/model.md");
    let (head, rest) = text.split_once(BEGIN).expect("a begin mark");
    let (_, tail) = rest.split_once(END).expect("an end mark");
    let expected = format!("{head}{BEGIN}\n{}{END}{tail}", tables());
    let again = "UPDATE=1 cargo test -p closesocket-models --test field";
    assert!(
        is_up_to_date("model.md", &expected),
        "docs/model.md is outdated: `{again}`"
    );
}

#[test]
fn the_drawings_in_the_documentation_are_those_of_today() {
    for model in FIELD_MODELS {
        let drawing = search_field(model, false).drawing(model).expect(model.name);
        let (last, others) = drawing.rows.split_last().expect("rows");
        assert!(!last.violates.is_empty() && others.iter().all(|it| it.violates.is_empty()));
        let svg = drawing.to_svg();
        Document::parse(&svg).expect(model.name);
        let path = format!("drawings/field/{}.svg", model.name);
        let again = "UPDATE=1 cargo test -p closesocket-models --test field";
        assert!(is_up_to_date(&path, &svg), "{path} is outdated: `{again}`");
    }
}

/// The stories that the documentation tells: each has a heading, the report as a link,
/// and the drawing of its model.
#[test]
fn the_stories_are_of_models_and_show_their_drawings() {
    let text = std::fs::read_to_string(docs("what-goes-wrong.md")).expect("the page");
    let drawn = |it: &&str| it.contains("](drawings/");
    let stories: Vec<_> = text.split("\n## ").filter(drawn).collect();
    assert_eq!(stories.len(), 5);
    for story in stories {
        let title = story.lines().next();
        let name = story.split("](drawings/field/").nth(1);
        let name = name.and_then(|it| it.split(".svg)").next());
        let model = name.and_then(FieldModel::named);
        let model = model.unwrap_or_else(|| panic!("{title:?} shows no model"));
        assert!(story.contains(&link(model.report)), "{title:?}");
        let alternative = story
            .split("![")
            .nth(1)
            .and_then(|it| it.split("](").next());
        let steps = [
            "one step",
            "two steps",
            "three steps",
            "four steps",
            "five steps",
        ];
        let said = alternative.expect("a text in its place");
        assert!(
            said.ends_with(steps[model.steps - 1]),
            "{said}: {}",
            model.steps
        );
    }
}

/// The drawings in a folder of the documentation.
fn drawings(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(docs(folder)).expect(folder);
    let names = files.map(|it| it.expect(folder).file_name().into_string().expect("a name"));
    names.filter(|it| it.ends_with(".svg")).collect()
}

#[test]
fn every_drawing_in_the_documentation_is_drawn_by_a_test() {
    let models = FIELD_MODELS.iter().map(|it| format!("{}.svg", it.name));
    assert_eq!(drawings("drawings/field"), models.collect());
    // Those that `lanes.rs` draws.
    let others = include_str!("lanes.rs").split("for name in [").nth(1);
    let others = others
        .and_then(|it| it.split(']').next())
        .expect("its list");
    let others = others
        .split(", ")
        .map(|it| format!("{}.svg", it.trim_matches('"')));
    assert_eq!(drawings("drawings"), others.collect());
}
