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
const LOOKED_IN: [&str; 3] = ["nonblocking", "blocking", "unread-input-resets"];

const LIVES: &str = "no family has cleanup or death of a process";
const ORDER: &str = "views know no order among operations";
const LISTENERS: &str = "no family has listeners";
const OUTLIVED: &str = "no family has operations that outlive their descriptor";

/// The defects that no family can express, and why.
pub static NOT_EXPRESSED: &[(Defect, &str)] = &[
    (
        Defect::GenerationsWrap,
        "a generation is the present one or an earlier one",
    ),
    (Defect::ReturnsHandlesOfTheDead, LIVES),
    (Defect::CleanupNotifies, LIVES),
    (Defect::CleanupLingers, LIVES),
    (Defect::DeathNotifies, LIVES),
    (Defect::DeathLingers, LIVES),
    (Defect::ForgetsToReclaim, LIVES),
    (Defect::ForgetsToLookAgain, LIVES),
    (Defect::DuplicatesForTheDead, LIVES),
    (Defect::SilencesOtherProcesses, LIVES),
    (Defect::SweepsTheNextLife, LIVES),
    (Defect::LooksAtTheFlagOnly, LIVES),
    (Defect::PostsCompletionsToTheDead, LIVES),
    (Defect::SweepWaitsForNobody, LIVES),
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
    let families = LOOKED_IN.iter().filter_map(|name| Family::named(name));
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
