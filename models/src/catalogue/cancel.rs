//! Cancels that meet completions and closes (C1).

use super::{BLOCKING_RECV, CONNECTED, PLAIN, RECV, SEND, open, start, thread};
use crate::scenario::Call::{Cancel, CancelThrough, Close};
use crate::scenario::Handle::First;
use crate::scenario::{Scenario, SocketSpec};

/// Two cancels, a completion and a close at one operation.
const AGAINST_A_COMPLETION: Scenario = Scenario {
    name: "cancel-against-completion-and-close",
    summary: "Two cancels, by name and through the descriptor, a completion and a close meet at one recv.",
    sockets: &[SocketSpec {
        inputs: 1,
        ..CONNECTED
    }],
    slots: &[open(0, 0)],
    operations: &[RECV],
    threads: &[
        thread(0, &[start(0, 0)]),
        thread(0, &[Cancel { operation: 0 }]),
        thread(0, &[CancelThrough(First(0))]),
        thread(0, &[Close(First(0))]),
    ],
    surroundings: PLAIN,
    states: 2_027,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    AGAINST_A_COMPLETION,
    Scenario {
        name: "cancel-against-an-answer",
        summary: "The same with a blocked recv, whose thread is answered outside the lock.",
        operations: &[BLOCKING_RECV],
        states: 1_782,
        ..AGAINST_A_COMPLETION
    },
    Scenario {
        name: "cancel-of-a-partly-accepted-send",
        summary: "A send that is accepted in part is cancelled while its descriptor is closed gracefully.",
        sockets: &[SocketSpec {
            window: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[SEND],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[Cancel { operation: 0 }]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 487,
    },
    Scenario {
        name: "cancel-through-one-of-two-descriptors",
        summary: "A cancel through one descriptor leaves alone what is pending through the other, also while both are closed.",
        sockets: &[SocketSpec {
            inputs: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), open(0, 0)],
        operations: &[BLOCKING_RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 1)]),
            thread(0, &[CancelThrough(First(0)), Close(First(0))]),
            thread(0, &[Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 15_755,
    },
    Scenario {
        name: "cancel-by-another-process",
        summary: "A process names an operation of another that shares the socket, and cannot cancel it.",
        sockets: &[SocketSpec {
            inputs: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV],
        threads: &[
            thread(0, &[start(0, 0), Cancel { operation: 0 }]),
            thread(1, &[Cancel { operation: 0 }, Close(First(1))]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 2_000,
    },
];
