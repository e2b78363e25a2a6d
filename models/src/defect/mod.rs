//! Defects: named deviations from the algorithm, each in a few lines at the
//! step it deviates in. They show that the invariants can fail, and which.

mod reports;
mod table;

pub use reports::Report;
pub use table::{DEFECTS, Defect};

/// A defect, what it does, and how it shows.
#[derive(Clone, Copy, Debug)]
pub struct DefectSpec {
    /// The deviation.
    pub defect: Defect,
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What it does wrong, in one sentence.
    pub summary: &'static str,
    /// The scenario that shows it.
    pub scenario: &'static str,
    /// Exactly the invariants that it violates there.
    pub violates: &'static [&'static str],
    /// Steps of the shortest way to violate one of them.
    pub steps: usize,
    /// A public report of the same fault elsewhere, if one is known.
    pub report: Option<Report>,
}

impl DefectSpec {
    /// The defect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        DEFECTS.iter().find(|it| it.name == name)
    }

    /// The defect's entry in the list.
    #[must_use]
    pub fn of(defect: Defect) -> Option<&'static Self> {
        DEFECTS.iter().find(|it| it.defect == defect)
    }
}
