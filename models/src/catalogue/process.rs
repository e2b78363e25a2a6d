//! Processes that clean up or die.

use super::{BLOCKING_RECV, CONNECTED, LINGERING, PLAIN, RECV, free, open, start, thread};
use crate::scenario::Call::{Cleanup, Close, Die, Open};
use crate::scenario::Handle::First;
use crate::scenario::{Scenario, Surroundings};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cleanup-with-operations-pending",
        summary: "A process cleans up twice for its two startups while operations begin, a close comes and a new socket is opened.",
        sockets: &[LINGERING, CONNECTED],
        slots: &[open(0, 0), free(0)],
        operations: &[RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0), Open { socket: 1 }]),
            thread(0, &[start(1, 0)]),
            thread(0, &[Cleanup, Cleanup]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: Surroundings {
            startups: 2,
            ..PLAIN
        },
        states: 143_363,
    },
    Scenario {
        name: "death-during-a-drain",
        summary: "A process dies while the drain of another's last close goes on, and with lingering sockets of its own.",
        sockets: &[LINGERING, LINGERING],
        slots: &[open(0, 0), open(1, 0), open(1, 1)],
        operations: &[RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[Close(First(0))]),
            thread(1, &[start(0, 1), start(1, 2)]),
            thread(1, &[Die]),
        ],
        surroundings: PLAIN,
        states: 132_296,
    },
];
