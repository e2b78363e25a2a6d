//! What is forced, in figures, and what is not, with the reasons.

use std::fmt;

/// How much was forced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) paths: usize,
    pub(crate) steps: usize,
    /// Transitions of the model that the paths take.
    pub(crate) transitions: usize,
    /// Of so many that the model has.
    pub(crate) of: usize,
}

impl Figures {
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            paths: self.paths + other.paths,
            steps: self.steps + other.steps,
            transitions: self.transitions + other.transitions,
            of: self.of + other.of,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            paths,
            steps,
            transitions,
            of,
        } = self;
        write!(f, "{paths:>7} {steps:>8} {transitions:>12} {of:>8}")
    }
}

/// The scenarios of up to 20,000 states that are forced: every transition.
pub(crate) const FIGURES: [(&str, Figures); 26] = [
    (
        "two-closers-one-operation",
        figures(15_934, 303_934, 58_364, 58_364),
    ),
    (
        "close-against-completion",
        figures(3_188, 66_448, 13_687, 13_687),
    ),
    (
        "close-against-two-operations",
        figures(1_826, 35_189, 7_395, 7_395),
    ),
    (
        "close-against-blocked-call",
        figures(2_803, 50_734, 11_888, 11_888),
    ),
    ("upcall-failure", figures(574, 17_220, 4_092, 4_092)),
    ("system-handles", figures(344, 8_600, 2_557, 2_557)),
    ("reuse-of-system-handles", figures(76, 1_509, 285, 285)),
    (
        "record-redeemed-twice",
        figures(11_023, 311_672, 70_895, 70_895),
    ),
    ("graceful-drain", figures(2_467, 40_788, 8_861, 8_861)),
    ("stalled-peer-with-limit", figures(133, 2_842, 789, 789)),
    (
        "stalled-peer-that-resets",
        figures(6_595, 125_946, 21_651, 21_651),
    ),
    ("unread-input-resets", figures(871, 21_840, 6_134, 6_134)),
    (
        "unread-input-behind-a-shutdown",
        figures(1_939, 42_075, 9_477, 9_477),
    ),
    (
        "hard-close-with-queued-data",
        figures(871, 25_702, 6_096, 6_096),
    ),
    (
        "nonblocking-linger-against-close",
        figures(2_241, 50_369, 12_366, 12_366),
    ),
    (
        "nonblocking-linger-shut-down",
        figures(1_641, 51_198, 11_107, 11_107),
    ),
    (
        "answer-before-the-loss",
        figures(6_958, 174_931, 32_296, 32_296),
    ),
    (
        "shutdown-with-pending-sends",
        figures(4_945, 179_675, 36_308, 36_308),
    ),
    (
        "accept-against-options",
        figures(8_617, 276_788, 46_050, 46_050),
    ),
    ("startup-behind-an-opener", figures(99, 1_341, 277, 277)),
    (
        "death-against-completions",
        figures(10_143, 297_750, 30_717, 30_717),
    ),
    (
        "cancel-against-completion-and-close",
        figures(1_391, 23_264, 5_079, 5_079),
    ),
    (
        "cancel-against-an-answer",
        figures(1_189, 18_906, 4_328, 4_328),
    ),
    (
        "cancel-of-a-partly-accepted-send",
        figures(262, 4_312, 1_072, 1_072),
    ),
    (
        "cancel-through-one-of-two-descriptors",
        figures(8_621, 226_333, 45_507, 45_507),
    ),
    (
        "cancel-by-another-process",
        figures(876, 19_303, 4_944, 4_944),
    ),
];

/// The larger ones that are forced.
pub(crate) const LARGER: [(&str, Figures); 7] = [
    (
        "close-against-begin",
        figures(16_161, 414_107, 74_897, 74_897),
    ),
    (
        "abort-at-the-last-reference",
        figures(87_585, 2_778_042, 437_065, 437_065),
    ),
    (
        "duplicate-against-close",
        figures(6_210, 220_341, 45_075, 122_420),
    ),
    (
        "death-at-the-last-reference",
        figures(34_948, 1_041_009, 116_825, 116_825),
    ),
    (
        "lingering-wait",
        figures(77_344, 2_132_300, 306_906, 306_906),
    ),
    (
        "death-during-a-drain",
        figures(144_225, 5_360_572, 601_184, 602_552),
    ),
    (
        "cleanup-at-the-last-reference",
        figures(18_792, 471_754, 76_785, 78_099),
    ),
];

const fn figures(paths: usize, steps: usize, transitions: usize, of: usize) -> Figures {
    Figures {
        paths,
        steps,
        transitions,
        of,
    }
}

/// The scenarios that are not forced, and why.
pub(crate) const NOT_FORCED: [(&str, &str); 11] = [
    ("listener-with-backlog", UNFOLLOWED),
    (
        "two-processes-share-a-socket",
        "too large for what it would show: 3,327,169 transitions",
    ),
    (
        "close-against-connect",
        "the transport connects at once, so no connect is ever pending",
    ),
    (
        "last-generation",
        "a slot's generations are not used up but by opening and closing it 2^32 times",
    ),
    (
        "record-redeemed-late",
        "the engine learns of a loss by a call, and there is no descriptor while only a record \
         refers to the socket",
    ),
    (
        "reuse-by-a-stale-operation",
        "a socket opens with bytes queued, which the engine's cannot",
    ),
    (
        "nonblocking-linger",
        "a blocking receive of a nonblocking socket fails, the model has it block",
    ),
    (
        "cleanup-with-operations-pending",
        "a lingering close is interrupted when its process ends, the model has it wait on",
    ),
    ("record-with-a-dead-target", RECORDS),
    ("reclaim-at-the-last-reference", RECORDS),
    (
        "startup-during-a-cleanup",
        "a cleanup also locks the sockets on which the next life has left something, which \
         the model passes",
    ),
];

const UNFOLLOWED: &str = "the connection of one of its accepts nobody takes up: the model does not follow it, the \
     engine reserves a slot and opens it";

const RECORDS: &str =
    "a death looks once on which sockets there are records, the model goes from one to the next";

/// The defects of the model in forced scenarios with which the engine goes along: where
/// they show is refused, or under a lock that is still held when the model stops; or they
/// leave out what the engine only may do.
pub(crate) const GO_ALONG: [&str; 2] = ["timer-forgotten", "cancel-loses-accepted-bytes"];
