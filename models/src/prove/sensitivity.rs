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

/// The families in which a defect is looked for, one after the other.
const LOOKED_IN: &[&str] = &["nonblocking", "blocking", "unread-input-resets"];

/// Those whose deviation only the end of a life shows: the others need not be tried.
const OF_LIVES: &[Defect] = &[
    Defect::ReturnsHandlesOfTheDead,
    Defect::CleanupNotifies,
    Defect::CleanupLingers,
    Defect::DeathNotifies,
    Defect::DeathLingers,
    Defect::ForgetsToLookAgain,
    Defect::SweepsTheNextLife,
    Defect::LooksAtTheFlagOnly,
    Defect::PostsCompletionsToTheDead,
];

const ORDER: &str = "views know no order among operations";
const LISTENERS: &str = "no family has listeners";
const LOCKS: &str = "views know no locks, for which a sweep waits";
const RECORDS: &str = "to a view a record is one of the other references, and nobody's to reclaim";
const OUTLIVED: &str = "in no family a life ends under AbortScope::LastReference";

/// The defects that no family can express, and why.
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
    (Defect::BacklogForgotten, LISTENERS),
    (Defect::TakesOptionsLater, LISTENERS),
    (Defect::PostsOutsideTheLock, ORDER),
    (Defect::CompletesOutOfOrder, ORDER),
];

/// Looks for a family that a defect refutes; `None` if there is none.
#[must_use]
pub fn refute(defect: Defect) -> Option<Refuted> {
    let looked_in: &[&str] = if OF_LIVES.contains(&defect) {
        &["lives"]
    } else {
        LOOKED_IN
    };
    let families = looked_in.iter().filter_map(|name| Family::named(name));
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
