//! Paths as lanes: a small one by heart, and every counterexample.

#![allow(clippy::expect_used, clippy::panic)]

#[path = "lanes/runs.rs"]
mod runs;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use closesocket_models::lanes::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row, Violation};
use closesocket_models::{
    CloseModel, DEFECTS, DefectSpec, FIELD_MODELS, Scenario, Transition, search, search_field,
};
use roxmltree::{Document, Node};
use stateright::Model;

/// The model of a scenario with a defect.
fn model(defect: &DefectSpec) -> CloseModel {
    let scenario = Scenario::named(defect.scenario).expect(defect.scenario);
    CloseModel::new(scenario, Some(defect.defect)).expect("it fits")
}

/// The path that these sentences tell, from the start of a model.
fn walk(model: &CloseModel, sentences: &[&str]) -> Vec<Transition> {
    let mut state = model.init_states()[0];
    let mut path = Vec::new();
    for sentence in sentences {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let names: Vec<_> = actions.iter().map(|it| it.action.to_string()).collect();
        let place = names.iter().position(|it| it == sentence);
        let place = place.unwrap_or_else(|| panic!("{sentence}: only {names:?}"));
        state = actions[place].next;
        path.push(actions[place]);
    }
    path
}

/// A recv is aborted by a close, which forgets another operation.
fn small_path() -> Drawing {
    let model = model(DefectSpec::named("aborts-first-only").expect("a defect"));
    let path = walk(
        &model,
        &[
            "T1 enters descriptor 0.1",
            "T1 registers recv #0",
            "T2 enters descriptor 0.1",
            "T2 registers send #1",
            "T3 looks at slot 0 to close it",
            "T3 takes the lock to close slot 0",
            "T3 commits the close of slot 0, the last reference",
        ],
    );
    Drawing::of_path(&model, &path)
}

#[test]
fn a_path_is_drawn_in_text_as_it_was_looked_at() {
    let text = small_path().to_text(80);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explorer.md");
    let page = std::fs::read_to_string(page).expect("docs/explorer.md");
    let (head, rest) = page.split_once("```text\n").expect("a drawing");
    let (_, tail) = rest.split_once("```").expect("its end");
    let today = format!("{head}```text\n{text}```{tail}");
    assert_is("../docs/explorer.md", &today);
}

/// What the narrow drawings look like: the same path, and the longest there is.
#[test]
fn a_narrow_drawing_is_as_it_was_looked_at() {
    let longest = model(DefectSpec::named("forgets-to-look-again").expect("a defect"));
    let found = search(&longest).counterexamples.into_iter().flatten();
    let path = found.min_by_key(|it| it.actions.len()).expect("a path");
    let longest = Drawing::of_path(&longest, &path.transitions());
    let texts = [
        small_path().to_text(200),
        small_path().to_text(60),
        longest.to_text(80),
    ];
    assert_is("tests/lanes/narrow.txt", &texts.join("\n\n"));
}

/// A file of this crate, or of the documentation, has to be as it is drawn today;
/// `UPDATE=1` writes it.
fn assert_is(path: &str, today: &str) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&full, today).expect("written");
    }
    let pinned = std::fs::read_to_string(full).expect("readable");
    assert!(
        pinned == today,
        "{path} is outdated: `UPDATE=1 cargo test -p closesocket-models --test lanes` \
         writes it. It is now:\n{today}"
    );
}

#[test]
fn lanes_are_dropped_with_what_stands_in_them() {
    let whole = small_path();
    let names = |drawing: &Drawing| -> Vec<String> {
        drawing.lanes.iter().map(|it| it.name.clone()).collect()
    };
    assert_eq!(
        names(&whole)[2..],
        ["T3", "descriptor 0.1", "socket 0", "world"]
    );
    let idle: Vec<_> = (0..6).filter(|it| whole.is_idle(*it)).collect();
    assert_eq!(idle, [5], "only the world does nothing");
    let mut drawing = whole.clone();
    drawing.keep(|lane| lane == 2 || lane == 4);
    assert_eq!(names(&drawing), ["T3", "socket 0"]);
    for (row, all) in drawing.rows.iter().zip(&whole.rows) {
        assert_eq!(row.cells, [all.cells[2].clone(), all.cells[4].clone()]);
        assert_eq!(row.actor, (all.actor == Some(2)).then_some(0));
    }
    assert_eq!(Drawing::reach(&drawing.rows[7]), Some((0, 1)));
    let marked = |drawing: &Drawing| drawing.rows[7].violates[0].lane;
    assert_eq!((marked(&whole), marked(&drawing)), (Some(3), None));
}

/// The texts of the elements of this class.
fn texts<'a>(document: &'a Document<'_>, class: &str) -> Vec<&'a str> {
    let of_class = |it: &Node<'_, '_>| {
        let classes = it.attribute("class").unwrap_or_default();
        classes.split(' ').any(|it| it == class)
    };
    let found = document.descendants().filter(of_class);
    found.filter_map(|it| it.text()).collect()
}

#[test]
fn an_svg_is_well_formed_and_says_what_the_path_does() {
    let drawing = small_path();
    let svg = drawing.to_svg();
    let document = Document::parse(&svg).expect("well-formed");
    let root = document.root_element();
    assert_eq!(
        root.tag_name().namespace(),
        Some("http://www.w3.org/2000/svg")
    );
    assert_eq!(
        texts(&document, "row").len(),
        8,
        "the start and seven steps"
    );
    let said = texts(&document, "says").join(" ");
    for row in &drawing.rows {
        assert!(said.contains(&row.sentence), "{} in {said}", row.sentence);
    }
    let new = texts(&document, "new");
    for text in ["blocks", "sealed", "#0 aborted", "draining", "0 references"] {
        assert!(new.contains(&text), "{text} in {new:?}");
    }
    let wrong = texts(&document, "wrong-text");
    assert!(
        wrong.contains(&"violates every-pending-op-aborted"),
        "{wrong:?}"
    );
    let signs = texts(&document, "sign");
    // What the path has, and all of them in the legend.
    assert_eq!(signs, ["!", "C", "A", "C", "A", "R", "H"]);
    let style = document
        .descendants()
        .find(|it| it.has_tag_name(("http://www.w3.org/2000/svg", "style")));
    let style = style.and_then(|it| it.text()).expect("a style");
    assert!(style.contains("prefers-color-scheme:dark"));
    for rule in style.split('}').map(str::trim).filter(|it| !it.is_empty()) {
        let mine = rule.starts_with("svg.lanes") || rule.starts_with("@media");
        assert!(mine, "{rule} would hold for the whole page");
    }
}

#[test]
fn no_text_of_a_drawing_can_become_markup() {
    let hostile = "</text><script>alert('&\"\u{1}\u{ffff}')</script>";
    let row = Row {
        sentence: hostile.to_owned(),
        actor: Some(0),
        cells: vec![Cell {
            line: Line::Active,
            mark: Some(Mark::Commit),
            texts: vec![hostile.to_owned()],
        }],
        violates: vec![Violation {
            invariant: hostile.to_owned(),
            witness: Some(hostile.to_owned()),
            lane: Some(0),
        }],
    };
    let drawing = Drawing {
        title: hostile.to_owned(),
        lanes: vec![Lane {
            name: hostile.to_owned(),
            kind: LaneKind::Socket,
        }],
        rows: vec![row],
        notes: vec![hostile.to_owned()],
    };
    let svg = drawing.to_svg();
    let document = Document::parse(&svg).expect("well-formed");
    let names = document.descendants().map(|it| it.tag_name().name());
    assert!(!names.into_iter().any(|it| it == "script"));
    let shown = hostile.replace(['\u{1}', '\u{ffff}'], "\u{fffd}");
    for class in ["title", "head", "says", "new"] {
        assert_eq!(texts(&document, class), [&shown], "{class}");
    }
    assert_eq!(
        document.root_element().attribute("aria-label"),
        Some(&*shown)
    );
}

#[test]
fn every_counterexample_is_drawn_to_its_violation_and_names_what_is_wrong() {
    let mut witnesses = String::new();
    for defect in DEFECTS {
        let model = model(defect);
        for path in search(&model).counterexamples.iter().flatten() {
            let path = path.transitions();
            let drawing = Drawing::of_path(&model, &path);
            assert_eq!(drawing.rows.len(), path.len() + 1, "{}", defect.name);
            let (last, others) = drawing.rows.split_last().expect("rows");
            assert!(!last.violates.is_empty(), "{}", defect.name);
            witnesses += &told(defect.name, &drawing);
            assert!(
                others.iter().all(|it| it.violates.is_empty()),
                "{}",
                defect.name
            );
            assert_eq!(drawing.notes.len(), last.violates.len(), "{}", defect.name);
            for (row, step) in drawing.rows.iter().skip(1).zip(&path) {
                assert_eq!(row.cells.len(), drawing.lanes.len(), "{}", defect.name);
                let actor = row.actor.and_then(|it| row.cells[it].mark);
                let commits = step.action.to_string().contains(" commits ");
                assert_eq!(actor == Some(Mark::Commit), commits, "{}", row.sentence);
            }
            Document::parse(&drawing.to_svg()).expect(defect.name);
            assert_fits(defect.name, &drawing);
        }
    }
    for model in FIELD_MODELS {
        let drawing = search_field(model, false).drawing(model).expect(model.name);
        witnesses += &told(model.name, &drawing);
        assert_fits(model.name, &drawing);
    }
    // An invariant that comes with another in its counterexample comes again.
    let mut known = HashSet::new();
    let witnesses: Vec<_> = witnesses.lines().filter(|it| known.insert(*it)).collect();
    assert_is("tests/lanes/witnesses.txt", &(witnesses.join("\n") + "\n"));
}

/// A drawing fits every terminal, and says everything in each: what happens word for
/// word, which lanes were left out, and of those there is nothing to say.
fn assert_fits(name: &str, drawing: &Drawing) {
    for columns in [60, 80, 200] {
        let text = drawing.to_text(columns);
        let widest = text.lines().map(|it| it.chars().count()).max();
        assert!(
            widest <= Some(columns),
            "{name}: {widest:?} columns:\n{text}"
        );
        let begin = text.find("  0 ").expect("the start");
        let end = begin + text[begin..].find("\n\n").expect("an end");
        let head = text
            .split("\n\n")
            .next()
            .unwrap_or_default()
            .replace('\n', " ");
        let left_out = head.split("nothing happens there: ").nth(1);
        let left_out: Vec<_> = left_out.unwrap_or_default().split(", ").collect();
        let below = text.contains('┌');
        let mut expected = Vec::new();
        for (index, row) in drawing.rows.iter().enumerate() {
            expected.extend([index.to_string(), row.sentence.clone()]);
            let violates = row.violates.iter();
            expected.extend(violates.map(|it| format!("violates {}", it.invariant)));
            for (place, (lane, cell)) in drawing.lanes.iter().zip(&row.cells).enumerate() {
                let dropped = left_out.contains(&&*lane.name);
                assert!(!dropped || drawing.is_idle(place), "{name}: {}", lane.name);
                if !dropped && !cell.texts.is_empty() {
                    expected.extend(below.then(|| lane.name.clone()));
                    expected.extend(cell.texts.clone());
                }
            }
        }
        assert_eq!(
            words(&text[begin..end]),
            words(&expected.join(" ")),
            "{name}:\n{text}"
        );
    }
}

/// How often each word is there.
fn words(text: &str) -> BTreeMap<&str, usize> {
    let mut words = BTreeMap::new();
    for word in text.split(|it: char| !it.is_alphanumeric()) {
        if !word.is_empty() {
            *words.entry(word).or_default() += 1;
        }
    }
    words
}

/// What the last row of a drawing says is wrong, one line each. The object has to be
/// named, and its lane has to be there: but for a process, which has none.
fn told(name: &str, drawing: &Drawing) -> String {
    let last = drawing.rows.last().expect("rows");
    let mut lines = String::new();
    for it in &last.violates {
        let witness = it.witness.as_deref().expect(name);
        let line = format!("{name}: {}: {witness}\n", it.invariant);
        let objects = [
            "T",
            "P",
            "socket",
            "descriptor",
            "operation",
            "record",
            "the transport",
        ];
        assert!(objects.iter().any(|of| witness.starts_with(of)), "{line}");
        assert!(it.lane.is_some(), "{line}");
        lines += &line;
    }
    lines
}

#[test]
fn the_drawings_in_the_documentation_are_those_of_today() {
    for name in ["aborts-first-only", "redeems-twice"] {
        let model = model(DefectSpec::named(name).expect(name));
        let found = search(&model).counterexamples.into_iter().flatten();
        let shortest = found.min_by_key(|it| it.actions.len()).expect(name);
        let today = Drawing::of_path(&model, &shortest.transitions()).to_svg();
        assert_is(&format!("../docs/drawings/{name}.svg"), &today);
    }
}

#[test]
fn a_whole_life_ends_with_everything_released_and_given_back() {
    let scenario = Scenario::named("graceful-drain").expect("a scenario");
    let model = CloseModel::new(scenario, None).expect("it fits");
    let (mut state, mut path) = (model.init_states()[0], Vec::new());
    loop {
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let Some(&step) = actions.first() else {
            break;
        };
        state = step.next;
        path.push(step);
    }
    let drawing = Drawing::of_path(&model, &path);
    let marked = |mark: Mark| {
        let cells = drawing.rows.iter().flat_map(|row| &row.cells);
        cells.filter(|it| it.mark == Some(mark)).count()
    };
    assert_eq!(marked(Mark::Release), 1, "{}", drawing.to_text(80));
    assert_eq!(marked(Mark::HandleBack), 1, "{}", drawing.to_text(80));
    let last = drawing.rows.last().expect("rows");
    assert_eq!(last.sentence, "nothing can happen any more");
    assert_eq!(last.actor, None);
    for (lane, cell) in drawing.lanes.iter().zip(&last.cells) {
        let ended = match lane.kind {
            LaneKind::Thread | LaneKind::Descriptor => Line::None,
            LaneKind::Socket | LaneKind::Surroundings => Line::Idle,
        };
        assert_eq!(cell.line, ended, "{}:\n{}", lane.name, drawing.to_text(80));
    }
}
