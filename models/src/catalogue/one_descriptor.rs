//! One descriptor: closers, calls and completions that meet, and reuse.

use closesocket::protocol::OperationKind::{Accept, Connect, Send};
use closesocket::protocol::{Connection, HandleKind, Linger};

use super::{
    BLOCKING_RECV, CONNECTED, LISTENING, PLAIN, QUEUED, RECV, SEND, free, open, start, thread,
};
use crate::scenario::Call::{Close, Open, SetLinger, Start, TakeAccepted};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{OperationSpec, Scenario, SocketSpec, Surroundings};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "two-closers-one-operation",
        summary: "Two threads close one descriptor while two others have operations pending through it.",
        sockets: &[SocketSpec {
            inputs: 1,
            queued: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 0)]),
            thread(0, &[Close(First(0))]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 17_153,
    },
    Scenario {
        name: "close-against-completion",
        summary: "A close meets a recv that completes at the same time.",
        sockets: &[SocketSpec {
            inputs: 2,
            queued: 1,
            may_be_lost: true,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 0), Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 6_007,
    },
    Scenario {
        name: "close-against-two-operations",
        summary: "A close aborts a blocked recv and an overlapped send of other threads together.",
        sockets: &[SocketSpec {
            inputs: 1,
            window: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[BLOCKING_RECV, SEND],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 0)]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 2_948,
    },
    Scenario {
        name: "close-against-begin",
        summary: "A close meets calls that are just beginning: admitted, registered, or too late.",
        sockets: &[CONNECTED],
        slots: &[open(0, 0)],
        operations: &[RECV, RECV, BLOCKING_RECV, SEND],
        threads: &[
            thread(0, &[start(0, 0), start(1, 0)]),
            thread(0, &[start(2, 0)]),
            thread(0, &[start(3, 0)]),
            thread(0, &[Close(First(0)), Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 22_437,
    },
    Scenario {
        name: "close-against-blocked-call",
        summary: "Two threads are blocked in a recv and a send when a third closes their descriptor.",
        sockets: &[SocketSpec {
            inputs: 1,
            window: 1,
            queued: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[
            BLOCKING_RECV,
            OperationSpec {
                chunks: 1,
                ..OperationSpec::blocking(Send)
            },
        ],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 0)]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 4_460,
    },
    Scenario {
        name: "reuse-by-a-stale-operation",
        summary: "A slot is closed and reused by other sockets while calls still come with the old handle.",
        sockets: &[
            CONNECTED,
            SocketSpec {
                queued: 1,
                inputs: 1,
                ..CONNECTED
            },
            CONNECTED,
        ],
        slots: &[open(0, 0)],
        operations: &[RECV, RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(0, &[start(1, 0), Close(First(0))]),
            thread(
                0,
                &[
                    Close(First(0)),
                    Open { socket: 1 },
                    Start {
                        operation: 2,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
            thread(0, &[Close(First(0)), SetLinger(First(0), Some(0))]),
        ],
        surroundings: PLAIN,
        states: 80_653,
    },
    Scenario {
        name: "close-against-connect",
        summary: "Two threads close a socket while one connects it and then sends, and another receives.",
        sockets: &[SocketSpec {
            connection: Connection::Unconnected,
            may_be_lost: true,
            inputs: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0)],
        operations: &[
            OperationSpec::blocking(Connect),
            OperationSpec::send(2),
            RECV,
        ],
        threads: &[
            thread(0, &[start(0, 0), start(1, 0)]),
            thread(0, &[start(2, 0)]),
            thread(0, &[Close(First(0))]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 37_600,
    },
    Scenario {
        name: "listener-with-backlog",
        summary: "A listener with connections in its backlog and accepts pending is closed.",
        sockets: &[LISTENING, CONNECTED],
        slots: &[open(0, 0), free(0)],
        operations: &[
            OperationSpec::blocking(Accept),
            OperationSpec::overlapped(Accept),
            OperationSpec::send(1),
        ],
        threads: &[
            thread(
                0,
                &[
                    start(0, 0),
                    TakeAccepted {
                        operation: 0,
                        socket: 1,
                    },
                    Start {
                        operation: 2,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
            thread(0, &[start(1, 0)]),
            thread(0, &[Close(First(0))]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 71_000,
    },
    Scenario {
        name: "accept-against-options",
        summary: "A listener's linger option is changed, and it is closed, while connections are taken from it and get their descriptors.",
        sockets: &[
            SocketSpec {
                linger: Linger::off().set_on(0),
                ..LISTENING
            },
            CONNECTED,
        ],
        slots: &[open(0, 0), free(0)],
        operations: &[OperationSpec::overlapped(Accept), OperationSpec::send(1)],
        threads: &[
            thread(
                0,
                &[
                    start(0, 0),
                    TakeAccepted {
                        operation: 0,
                        socket: 1,
                    },
                    Start {
                        operation: 1,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
            thread(0, &[SetLinger(First(0), Some(1))]),
            thread(0, &[Close(First(0))]),
        ],
        surroundings: PLAIN,
        states: 15_479,
    },
    Scenario {
        name: "upcall-failure",
        summary: "Giving a handle back fails, the slot is retired, and another descriptor is opened in another slot.",
        sockets: &[QUEUED, CONNECTED],
        slots: &[open(0, 0), free(0)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(
                0,
                &[
                    Open { socket: 1 },
                    Start {
                        operation: 1,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
        ],
        surroundings: Surroundings {
            upcall_may_fail: true,
            ..PLAIN
        },
        states: 1_530,
    },
    Scenario {
        name: "system-handles",
        summary: "With the system's own handles no upcall is made, and everything is released all the same.",
        sockets: &[QUEUED],
        slots: &[open(0, 0), open(0, 0)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(0, &[start(1, 1), Close(First(1))]),
        ],
        surroundings: Surroundings {
            handles: HandleKind::Ifs,
            ..PLAIN
        },
        states: 1_069,
    },
    Scenario {
        name: "reuse-of-system-handles",
        summary: "A slot of a system handle is closed and reused while a call with the old handle is on its way.",
        sockets: &[CONNECTED, CONNECTED],
        slots: &[open(0, 0)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0)]),
            thread(
                0,
                &[
                    Close(First(0)),
                    Open { socket: 1 },
                    Start {
                        operation: 1,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
        ],
        surroundings: Surroundings {
            handles: HandleKind::Ifs,
            ..PLAIN
        },
        states: 185,
    },
    Scenario {
        name: "last-generation",
        summary: "The slots' generations are used up by their first occupants: they are retired, and stale handles stay stale.",
        sockets: &[QUEUED, CONNECTED],
        slots: &[open(0, 0), free(0)],
        operations: &[RECV, RECV, RECV],
        threads: &[
            thread(
                0,
                &[start(0, 0), Close(First(0)), Open { socket: 1 }, Close(Own)],
            ),
            thread(0, &[start(1, 0), Close(First(0))]),
            thread(0, &[start(2, 0)]),
        ],
        surroundings: Surroundings {
            generations: Some(1),
            ..PLAIN
        },
        states: 28_980,
    },
];
