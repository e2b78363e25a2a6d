//! Where things are in the repository: clauses, predicates and scenarios. Read
//! from the sources that the suite brings, so that no line is out of date.

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

/// The definition of a scenario.
pub(crate) fn scenario(name: &str) -> Option<Place> {
    find(&format!("name: \"{name}\","))
}

/// The definition of a defect.
pub(crate) fn defect(name: &str) -> Option<Place> {
    find(&format!("name: \"{name}\","))
}

/// The first line that starts so, beyond its indentation.
fn find(start: &str) -> Option<Place> {
    suite().sources.iter().find_map(|(file, text)| {
        let mut lines = text.lines().map(str::trim_start).enumerate();
        let (index, text) = lines.find(|(_, line)| line.starts_with(start))?;
        Some(Place {
            file,
            line: index + 1,
            text,
        })
    })
}

#[cfg(all(test, repository))]
mod tests {
    use closesocket::protocol::invariant::Invariant;
    use closesocket_models::{DEFECTS, SCENARIOS, View};

    use super::{clause, defect, predicate, scenario};

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
}
