//! How many canonical states each scenario of the catalogue has.

/// By the name of the scenario; `models/tests/canon.rs` compares them.
#[rustfmt::skip]
pub(super) const STATES: &[(&str, usize)] = &[
    ("two-closers-one-operation", 6_196),
    ("close-against-completion", 2_429),
    ("close-against-two-operations", 1_720),
    ("close-against-begin", 22_437),
    ("close-against-blocked-call", 2_270),
    ("reuse-by-a-stale-operation", 50_849),
    ("close-against-connect", 12_093),
    ("listener-with-backlog", 24_174),
    ("accept-against-options", 8_265),
    ("upcall-failure", 1_530),
    ("system-handles", 433),
    ("reuse-of-system-handles", 159),
    ("last-generation", 22_687),
    ("two-processes-share-a-socket", 201_509),
    ("abort-at-the-last-reference", 67_736),
    ("duplicate-against-close", 28_802),
    ("record-redeemed-late", 20_415),
    ("record-redeemed-twice", 5_279),
    ("record-with-a-dead-target", 35_376),
    ("reclaim-at-the-last-reference", 64_497),
    ("death-at-the-last-reference", 19_548),
    ("graceful-drain", 1_428),
    ("stalled-peer-with-limit", 308),
    ("stalled-peer-that-resets", 2_957),
    ("unread-input-resets", 2_130),
    ("unread-input-behind-a-shutdown", 2_566),
    ("hard-close-with-queued-data", 1_791),
    ("lingering-wait", 19_707),
    ("nonblocking-linger", 71_754),
    ("nonblocking-linger-against-close", 2_943),
    ("nonblocking-linger-shut-down", 3_020),
    ("answer-before-the-loss", 5_904),
    ("shutdown-with-pending-sends", 6_867),
    ("cleanup-with-operations-pending", 66_765),
    ("death-during-a-drain", 81_290),
    ("cleanup-at-the-last-reference", 16_688),
    ("startup-during-a-cleanup", 34_472),
    ("startup-behind-an-opener", 137),
    ("death-against-completions", 7_156),
    ("cancel-against-completion-and-close", 1_277),
    ("cancel-against-an-answer", 1_041),
    ("cancel-of-a-partly-accepted-send", 437),
    ("cancel-through-one-of-two-descriptors", 9_723),
    ("cancel-by-another-process", 1_330),
    // The deep ones.
    ("four-users-close", 87_009),
    ("three-processes-close", 365_265),
    ("two-cancels-of-two", 398_138),
    ("four-users-linger", 295_281),
    // With the feature `wide`.
    ("five-users-close", 55_404),
];

#[cfg(test)]
mod tests {
    use super::STATES;
    use crate::{DEEP, SCENARIOS};

    /// What is taken out of the catalogue has to be taken out here, and what is new is
    /// put in, before the deep ones.
    #[test]
    fn the_catalogue_has_the_scenarios_that_are_pinned() {
        let pinned = STATES.iter().map(|it| it.0);
        let pinned: Vec<_> = pinned.take_while(|it| *it != DEEP[0].name).collect();
        let names: Vec<_> = SCENARIOS.iter().map(|it| it.name).collect();
        assert_eq!(names, pinned);
    }
}
