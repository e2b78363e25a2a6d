//! Processes that clean up or die.

use closesocket::protocol::AbortScope;

use super::{
    BLOCKING_RECV, CONNECTED, LINGERING, PLAIN, RECV, duplicate, free, open, start, thread,
};
use crate::scenario::Call::{Cleanup, Close, Die, Open, Redeem, Start, Startup};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{Scenario, SocketSpec, Surroundings};

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
        states: 143_681,
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
        states: 147_476,
    },
    Scenario {
        name: "cleanup-at-the-last-reference",
        summary: "Under AbortScope::LastReference a process cleans up, and with it go the operations that outlived its descriptors.",
        sockets: &[OUTLIVING],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV, BLOCKING_RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(0, &[start(1, 0)]),
            thread(0, &[Cleanup]),
            thread(1, &[start(2, 1)]),
        ],
        surroundings: PLAIN,
        states: 23_943,
    },
    Scenario {
        name: "startup-during-a-cleanup",
        summary: "A process starts up again while its cleanup still sweeps: what it begins then, outliving a descriptor too, goes on.",
        sockets: &[OUTLIVING],
        slots: &[open(0, 0), free(0), open(1, 0)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(0, &[Cleanup]),
            thread(
                0,
                &[
                    Startup,
                    Redeem { record: 0 },
                    Start {
                        operation: 1,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
            thread(1, &[duplicate(2, 0, 0)]),
        ],
        surroundings: PLAIN,
        states: 39_010,
    },
    Scenario {
        name: "startup-behind-an-opener",
        summary: "A descriptor is opened by a call that began before a cleanup, after the startup behind it.",
        sockets: &[CONNECTED],
        slots: &[free(0)],
        operations: &[],
        threads: &[
            thread(0, &[Open { socket: 0 }]),
            thread(0, &[Cleanup]),
            thread(0, &[Startup]),
        ],
        surroundings: PLAIN,
        states: 137,
    },
    Scenario {
        name: "death-against-completions",
        summary: "Under AbortScope::LastReference a process closes a descriptor and dies, while what outlived that and what another process has pending on the socket completes.",
        sockets: &[OUTLIVING],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[start(1, 1), Close(First(1))]),
            thread(0, &[Die]),
        ],
        surroundings: PLAIN,
        states: 11_185,
    },
];

/// Others keep it open, and it has something to read in the end.
const OUTLIVING: SocketSpec = SocketSpec {
    abort_scope: AbortScope::LastReference,
    inputs: 1,
    ..CONNECTED
};
