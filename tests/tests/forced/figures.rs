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

/// The scenarios of up to 20,000 states that are forced.
pub(crate) const FIGURES: [(&str, Figures); 24] = [
    (
        "two-closers-one-operation",
        figures(15_934, 303_934, 58_364, 58_364),
    ),
    (
        "close-against-completion",
        figures(3_136, 65_340, 13_437, 14_041),
    ),
    (
        "close-against-two-operations",
        figures(385, 5_620, 1_288, 8_249),
    ),
    (
        "close-against-blocked-call",
        figures(2_227, 38_997, 9_197, 12_010),
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
        figures(6_008, 113_853, 19_590, 23_174),
    ),
    ("unread-input-resets", figures(871, 21_840, 6_134, 6_134)),
    (
        "unread-input-behind-a-shutdown",
        figures(1_939, 42_075, 9_477, 9_477),
    ),
    (
        "hard-close-with-queued-data",
        figures(160, 4_050, 1_141, 6_642),
    ),
    (
        "nonblocking-linger-against-close",
        figures(2_241, 50_369, 12_366, 12_366),
    ),
    (
        "nonblocking-linger-shut-down",
        figures(200, 5_730, 1_426, 12_254),
    ),
    (
        "shutdown-with-pending-sends",
        figures(352, 10_459, 2_637, 54_363),
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
        figures(42, 495, 143, 1_247),
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
    ("accept-against-options", ACCEPTS),
    ("listener-with-backlog", ACCEPTS),
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

const ACCEPTS: &str = "the engine gives an accepted connection its descriptor in the section that takes it, \
     the model some steps later";

const RECORDS: &str =
    "a death looks once on which sockets there are records, the model goes from one to the next";

/// The defects of the model in forced scenarios with which the engine goes along: where
/// they show is refused, or under a lock that is still held when the model stops; or they
/// leave out what the engine only may do.
pub(crate) const GO_ALONG: [&str; 6] = [
    "aborts-first-only",
    "timer-forgotten",
    "hard-close-drains",
    "hard-close-without-reset",
    "cancel-loses-accepted-bytes",
    "fin-overtakes-sends",
];
