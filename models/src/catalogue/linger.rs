//! What the last close does: drains, resets, waits, would block.

use closesocket::protocol::UnreadInput;

use super::{
    BLOCKING_RECV, CONNECTED, HARD, LIMITED, LINGERING, PLAIN, QUEUED, RECV, SEND, open, start,
    thread,
};
use crate::scenario::Call::{Close, SetLinger, ShutDownSend};
use crate::scenario::Handle::First;
use crate::scenario::{Scenario, SocketSpec, Surroundings};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "graceful-drain",
        summary: "A graceful close drains while input arrives and the peer may reset.",
        sockets: &[SocketSpec {
            window: 3,
            queued: 3,
            inputs: 1,
            may_be_lost: true,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[RECV],
        threads: &[thread(0, &[start(0, 0)]), thread(0, &[Close(First(0))])],
        surroundings: LIMITED,
        states: 3_487,
    },
    Scenario {
        name: "stalled-peer-with-limit",
        summary: "The peer of a draining socket acknowledges nothing; only the provider's own limit ends it.",
        sockets: &[SocketSpec {
            acknowledges: false,
            ..QUEUED
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[Close(First(1))]),
        ],
        surroundings: LIMITED,
        states: 334,
    },
    Scenario {
        name: "stalled-peer-that-resets",
        summary: "The peer of a draining socket acknowledges nothing and resets in the end, without any limit.",
        sockets: &[SocketSpec {
            acknowledges: false,
            may_be_lost: true,
            ..LINGERING
        }],
        slots: &[open(0, 0)],
        operations: &[BLOCKING_RECV, SEND],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 0), Close(First(0))]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: Surroundings {
            may_cancel: true,
            ..PLAIN
        },
        states: 7_571,
    },
    Scenario {
        name: "unread-input-resets",
        summary: "Under UnreadInput::Reset a drained socket with unread input is reset, never before.",
        sockets: &[SocketSpec {
            unread_input: UnreadInput::Reset,
            inputs: 1,
            ..QUEUED
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 2_151,
    },
    Scenario {
        name: "unread-input-behind-a-shutdown",
        summary: "Under UnreadInput::Reset the send side is shut down before the last close; its FIN may be out, or is held back.",
        sockets: &[SocketSpec {
            unread_input: UnreadInput::Reset,
            inputs: 1,
            ..QUEUED
        }],
        slots: &[open(0, 0)],
        operations: &[RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(0, &[ShutDownSend(First(0)), Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 3_434,
    },
    Scenario {
        name: "hard-close-with-queued-data",
        summary: "Two references to a socket with linger time 0 and queued data are closed.",
        sockets: &[HARD],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV, SEND],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[start(1, 1), Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 2_375,
    },
    Scenario {
        name: "lingering-wait",
        summary: "A lingering close waits, drains, expires, loses its peer or is cancelled, while a second closer comes and another socket is used.",
        sockets: &[
            SocketSpec {
                may_be_lost: true,
                ..LINGERING
            },
            CONNECTED,
        ],
        slots: &[open(0, 0), open(0, 1)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[Close(First(0))]),
            thread(0, &[Close(First(0))]),
            thread(0, &[start(1, 1), Close(First(1))]),
        ],
        surroundings: Surroundings {
            may_cancel: true,
            ..LIMITED
        },
        states: 81_927,
    },
    Scenario {
        name: "nonblocking-linger",
        summary: "A nonblocking lingering close would block; then lingering is turned off, or made hard, by other threads.",
        sockets: &[SocketSpec {
            nonblocking: true,
            may_be_lost: true,
            ..LINGERING
        }],
        slots: &[open(0, 0)],
        operations: &[RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0)), Close(First(0))]),
            thread(0, &[SetLinger(First(0), None), Close(First(0))]),
            thread(0, &[SetLinger(First(0), Some(0)), Close(First(0))]),
            thread(0, &[start(1, 0)]),
        ],
        surroundings: PLAIN,
        states: 360_337,
    },
    Scenario {
        name: "nonblocking-linger-against-close",
        summary: "One of two references goes between a nonblocking lingering close's look and its lock.",
        sockets: &[SocketSpec {
            nonblocking: true,
            ..LINGERING
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(0, &[Close(First(0))]),
            thread(1, &[Close(First(1)), Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 4_091,
    },
    Scenario {
        name: "nonblocking-linger-shut-down",
        summary: "A nonblocking lingering close would block; then the send side is shut down, or it is called again later.",
        sockets: &[SocketSpec {
            nonblocking: true,
            ..LINGERING
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[SEND],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0)), Close(First(0))]),
            thread(
                1,
                &[Close(First(1)), ShutDownSend(First(1)), Close(First(1))],
            ),
        ],
        surroundings: PLAIN,
        states: 3_882,
    },
    Scenario {
        name: "answer-before-the-loss",
        summary: "The peer answers and resets: two receives, one begun after the loss, and a send that meets it.",
        sockets: &[SocketSpec {
            inputs: 2,
            may_be_lost: true,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[RECV, BLOCKING_RECV, SEND],
        threads: &[
            thread(0, &[start(0, 0), start(1, 0)]),
            thread(0, &[start(2, 0), Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 12_984,
    },
    Scenario {
        name: "shutdown-with-pending-sends",
        summary: "The send side is shut down while two sends are pending, one of which a close of its descriptor aborts.",
        sockets: &[QUEUED],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[SEND, SEND],
        threads: &[
            thread(0, &[start(0, 0), ShutDownSend(First(0)), Close(First(0))]),
            thread(1, &[start(1, 1), Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 12_898,
    },
];
