//! The proof for any number, and that it can fail.

#![allow(clippy::panic, clippy::unwrap_used)]

use closesocket_models::prove::{
    FAMILIES, Family, Ghosts, NOT_EXPRESSED, Worlds, needed, prove, refute,
};
use closesocket_models::{DEFECTS, Defect};

fn few_calls() -> &'static Family {
    Family::named("few-calls").unwrap()
}

#[test]
fn the_smallest_family_is_proved_and_contains_its_worlds() {
    let worlds = Worlds {
        random: 200,
        ..Worlds::OF_THE_GATE
    };
    let proof = prove(few_calls(), None, worlds);
    assert_eq!(proof.refutation, None);
    assert_eq!(proof.views, few_calls().views);
    let contained = proof.contained.unwrap();
    assert_eq!(contained.outside, None);
    assert_eq!(contained.scenarios, ["close-against-blocked-call"]);
    assert_eq!(contained.random_worlds, 200);
    assert!(contained.covered * 10 > proof.views, "{contained:?}");
}

#[test]
fn without_any_one_ghost_the_proof_fails() {
    for (ghost, name) in Ghosts::ALL {
        let refutation = needed(few_calls(), ghost).expect(name);
        assert!(!refutation.violated.is_empty() || refutation.leak.is_some());
    }
}

#[test]
fn a_defect_is_refuted_with_a_way_that_is_drawn() {
    for (defect, violates) in [
        (Defect::ForgetsToAbort, "every-pending-op-aborted"),
        (Defect::ReleasesAtCommitToo, "released-exactly-once"),
        (Defect::SecondCloseSucceeds, "one-close-wins"),
        (
            Defect::AbortsOtherDescriptors,
            "other-descriptors-undisturbed",
        ),
        (Defect::CleanupNotifies, "cleanup-is-silent"),
        (Defect::BacklogForgotten, "backlog-never-leaked"),
    ] {
        let refuted = refute(defect).unwrap_or_else(|| panic!("{defect:?}"));
        let refutation = refuted.refutation;
        assert!(refutation.violated.contains(&violates), "{refutation:#?}");
        let text = refutation.drawing.to_text(100);
        assert!(text.contains(&format!("violates {violates}")), "{text}");
        assert_eq!(refutation.drawing.rows.len(), refutation.steps + 1);
    }
    let leak = refute(Defect::ForgetsToClaim).unwrap().refutation.leak;
    assert!(leak.unwrap().contains("nobody who claims it"));
    let left_open = refute(Defect::LooksAtTheFlagOnly).unwrap().refutation;
    assert!(left_open.leak.unwrap().contains("nobody comes to close it"));
    let last = left_open.drawing.rows.last().unwrap();
    let mut texts = last.cells.iter().flat_map(|it| &it.texts);
    assert!(texts.any(|it| it == "its life is over"), "{last:?}");
}

#[test]
fn what_cannot_be_expressed_says_why_and_is_a_defect() {
    for (defect, why) in NOT_EXPRESSED {
        assert!(DEFECTS.iter().any(|it| it.defect == *defect));
        assert!(!why.is_empty());
        let twice = NOT_EXPRESSED.iter().filter(|it| it.0 == *defect);
        assert_eq!(twice.count(), 1, "{defect:?}");
    }
}

#[test]
fn a_family_has_a_name_of_its_own() {
    for family in FAMILIES {
        let named = Family::named(family.name).unwrap();
        assert_eq!(named.summary, family.summary);
        assert!(family.calls().count() > 0);
    }
}
