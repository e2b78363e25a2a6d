//! Where things are in the repository: clauses, predicates, functions and scenarios. Read
//! from the sources that the suite brings, so that no line is out of date.

use closesocket_models::Code;

use crate::suite::suite;

/// A line of a file of the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Relative to the root of the repository.
    pub(crate) file: &'static str,
    /// From 1.
    pub(crate) line: usize,
    /// What the line says, without its indentation.
    pub(crate) text: &'static str,
}

impl Place {
    /// What the line says, if it is a heading.
    pub(crate) fn heading(&self) -> &'static str {
        self.text.trim_start_matches('#').trim()
    }
}

/// The heading of a clause of the specification.
pub(crate) fn clause(id: &str) -> Option<Place> {
    find(&format!("### {id} "))
}

/// The text of the specification, if it is among the sources.
pub(crate) fn specification() -> Option<&'static str> {
    let mut sources = suite().sources.iter();
    let found = sources.find(|it| it.0 == "docs/specification.md")?;
    Some(found.1)
}

/// The predicate of an invariant.
pub(crate) fn predicate(invariant: &str) -> Option<Place> {
    let function = invariant.replace('-', "_");
    let ours = find(&format!("pub(super) fn {function}<"));
    ours.or_else(|| find(&format!("id: \"{invariant}\",")))
}

/// The head of a function. Those of types are indented.
pub(crate) fn function(code: Code) -> Option<Place> {
    let (owner, name) = code.function.split_once("::")?;
    let indentation = if owner.starts_with(char::is_uppercase) {
        "    "
    } else {
        ""
    };
    let heads = ["", "const "].map(|it| format!("{indentation}pub {it}fn {name}"));
    let is_head = |line: &str| {
        let mut rests = heads.iter().filter_map(|it| line.strip_prefix(&**it));
        rests.any(|it| it.starts_with(['(', '<']))
    };
    find_in(|file| file == code.file, is_head)
}

/// The definition of a scenario: in our catalogue, or a value.
pub(crate) fn scenario(name: &str) -> Option<Place> {
    find(&format!("scenario \"{name}\" of ")).or_else(|| value(name))
}

/// The definition of a defect: in our catalogue, or a value.
pub(crate) fn defect(name: &str) -> Option<Place> {
    let entry = format!(" \"{name}\":");
    find_in(|_| true, |line| line.ends_with(&entry)).or_else(|| value(name))
}

/// The value of this name, as it is written in Rust.
fn value(name: &str) -> Option<Place> {
    find(&format!("name: \"{name}\","))
}

/// The first line that starts so, beyond its indentation.
fn find(start: &str) -> Option<Place> {
    find_in(|_| true, |line| line.trim_start().starts_with(start))
}

/// The first line of this kind in these files.
fn find_in(of: impl Fn(&str) -> bool, is_it: impl Fn(&str) -> bool) -> Option<Place> {
    let sources = suite().sources.iter().filter(|it| of(it.0));
    sources.into_iter().find_map(|(file, text)| {
        let mut lines = text.lines().enumerate();
        let (index, text) = lines.find(|(_, line)| is_it(line))?;
        Some(Place {
            file,
            line: index + 1,
            text: text.trim_start(),
        })
    })
}

#[cfg(all(test, repository))]
mod tests {
    use closesocket::protocol::invariant::Invariant;
    use std::collections::HashSet;

    use closesocket_models::{CloseModel, DEFECTS, SCENARIOS, View};

    use super::{clause, defect, function, predicate, scenario};

    #[test]
    fn everything_that_is_reported_has_its_place() {
        for invariant in Invariant::<View<'static>>::TABLE {
            let place = predicate(invariant.id);
            assert!(place.is_some(), "{}", invariant.id);
            for id in invariant.clauses {
                assert!(clause(id).is_some_and(|it| it.text.contains(id)), "{id}");
            }
        }
        for it in SCENARIOS {
            assert!(scenario(it.name).is_some(), "{}", it.name);
        }
        for it in DEFECTS {
            assert!(defect(it.name).is_some(), "{}", it.name);
        }
        assert_eq!(clause("Z9"), None);
    }

    #[test]
    fn the_line_of_a_function_is_its_head() {
        let mut all = HashSet::new();
        for scenario in SCENARIOS.iter().filter(|it| it.states < 40_000) {
            let model = CloseModel::new(scenario, None).expect("it fits");
            let graph = model.graph(scenario.states).expect("it is no larger");
            all.extend(graph.edges.iter().filter_map(|it| it.action.what.code()));
        }
        assert_eq!(all.len(), 30);
        for code in all {
            let place = function(code).expect(code.function);
            let name = code.function.rsplit("::").next().unwrap_or_default();
            let head = place.text.split(['(', '<']).next().unwrap_or_default();
            assert!(head.ends_with(&format!("fn {name}")), "{}", place.text);
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let text = std::fs::read_to_string(file.join(place.file)).expect(place.file);
            let now = text.lines().nth(place.line - 1).map(str::trim_start);
            assert_eq!(now, Some(place.text));
        }
    }
}
