//! Sensitivity: with each defect that can be expressed, a family is refuted.

use super::family::{FAMILIES, Family};
use super::path::Refutation;
use super::{Worlds, prove};
use crate::defect::Defect;

/// How a defect shows.
#[derive(Clone, Debug)]
pub struct Refuted {
    /// In this family.
    pub family: &'static str,
    /// Views that were found until then.
    pub views: usize,
    /// How.
    pub refutation: Refutation,
}

/// The families in which a defect is looked for, one after the other: those that can
/// show it.
const fn looked_in(defect: Defect) -> &'static [&'static str] {
    match defect {
        Defect::BacklogForgotten => &["listening"],
        Defect::ReturnsHandlesOfTheDead
        | Defect::CleanupNotifies
        | Defect::CleanupLingers
        | Defect::DeathNotifies
        | Defect::DeathLingers
        | Defect::ForgetsToLookAgain
        | Defect::SweepsTheNextLife
        | Defect::LooksAtTheFlagOnly
        | Defect::PostsCompletionsToTheDead => &["lives"],
        _ => &["nonblocking", "blocking", "unread-input-resets"],
    }
}

const ORDER: &str = "views know no order among operations";
const ACCEPTED: &str = "in no family an accepted connection gets its descriptor";
const LOCKS: &str = "views know no locks, for which a sweep waits";
const RECORDS: &str = "to a view a record is one of the other references, and nobody's to reclaim";
const OUTLIVED: &str = "in no family a life ends under AbortScope::LastReference";

/// Why no family can express a defect, if none can: those of the model are in
/// [`NOT_EXPRESSED`].
#[must_use]
pub fn not_expressed(defect: Defect) -> Option<&'static str> {
    if let Defect::Own(_) = defect {
        return Some("views are no states that a deviation of one's own could change");
    }
    let excused = NOT_EXPRESSED.iter().find(|it| it.0 == defect);
    excused.map(|it| it.1)
}

/// The defects of the model that no family can express, and why.
pub static NOT_EXPRESSED: &[(Defect, &str)] = &[
    (
        Defect::GenerationsWrap,
        "a generation is the present one or an earlier one",
    ),
    (Defect::ForgetsToReclaim, RECORDS),
    (Defect::DuplicatesForTheDead, RECORDS),
    (Defect::SweepWaitsForNobody, LOCKS),
    (Defect::SilencesOtherProcesses, OUTLIVED),
    (Defect::ForgetsTheOutlived, OUTLIVED),
    (Defect::OutlivedOfTheNextLife, OUTLIVED),
    (Defect::TakesOptionsLater, ACCEPTED),
    (Defect::PostsOutsideTheLock, ORDER),
    (Defect::CompletesOutOfOrder, ORDER),
];

/// Looks for a family that a defect refutes; `None` if there is none.
#[must_use]
pub fn refute(defect: Defect) -> Option<Refuted> {
    let families = looked_in(defect)
        .iter()
        .filter_map(|name| Family::named(name));
    let mut proofs = families.map(|family| prove(family, Some(defect), Worlds::NONE));
    proofs.find_map(|it| {
        it.refutation.map(|refutation| Refuted {
            family: it.family.name,
            views: it.views,
            refutation,
        })
    })
}

impl Family {
    /// The family of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|it| it.name == name)
    }
}
