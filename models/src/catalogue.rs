//! The scenarios.

use std::time::Duration;

use closesocket::protocol::OperationKind::{Accept, Connect, Recv, Send};
use closesocket::protocol::{AbortScope, Connection, HandleKind, Linger, UnreadInput};

use crate::scenario::Call::{
    Cleanup, Close, Die, Duplicate, Open, Redeem, SetLinger, ShutDownSend, Start, TakeAccepted,
};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{
    Call, OperationSpec, Scenario, SlotSpec, SocketSpec, Surroundings, ThreadSpec,
};

const CONNECTED: SocketSpec = SocketSpec::CONNECTED;
const QUEUED: SocketSpec = SocketSpec {
    queued: 2,
    ..CONNECTED
};
const LINGERING: SocketSpec = SocketSpec {
    linger: Linger::off().set_on(1),
    ..QUEUED
};
const HARD: SocketSpec = SocketSpec {
    linger: Linger::off().set_on(0),
    ..QUEUED
};
const LISTENING: SocketSpec = SocketSpec {
    connection: Connection::Listening,
    joins: 2,
    ..CONNECTED
};
const PLAIN: Surroundings = Surroundings::PLAIN;
const LIMITED: Surroundings = Surroundings {
    drain_limit: Some(Duration::from_secs(2)),
    ..PLAIN
};

const RECV: OperationSpec = OperationSpec::overlapped(Recv);
const BLOCKING_RECV: OperationSpec = OperationSpec::blocking(Recv);
const SEND: OperationSpec = OperationSpec::send(2);

/// A slot of process `process` whose descriptor refers to a socket.
const fn open(process: u8, socket: u8) -> SlotSpec {
    SlotSpec {
        process,
        socket: Some(socket),
    }
}

/// A free slot of a process.
const fn free(process: u8) -> SlotSpec {
    SlotSpec {
        process,
        socket: None,
    }
}

/// A thread of a process with its script.
const fn thread(process: u8, calls: &'static [Call]) -> ThreadSpec {
    ThreadSpec { process, calls }
}

/// Starts an operation through a slot's first descriptor.
const fn start(operation: u8, slot: u8) -> Call {
    Start {
        operation,
        through: First(slot),
    }
}

const fn duplicate(slot: u8, target: u8, record: u8) -> Call {
    Duplicate {
        through: First(slot),
        target,
        record,
    }
}

/// Every scenario.
pub static SCENARIOS: &[Scenario] = &[
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
        states: 15_577,
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
        states: 9_069,
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
        states: 2_152,
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
        states: 16_535,
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
        states: 4_509,
    },
    Scenario {
        name: "two-processes-share-a-socket",
        summary: "Two processes share a socket, each with operations and queued data, and both close it.",
        sockets: &[SocketSpec {
            queued: 1,
            inputs: 1,
            may_be_lost: true,
            ..CONNECTED
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[SEND, RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[start(1, 1), Close(First(1))]),
            thread(0, &[start(2, 0)]),
        ],
        surroundings: PLAIN,
        states: 301_463,
    },
    Scenario {
        name: "abort-at-the-last-reference",
        summary: "Under AbortScope::LastReference the operations outlive their descriptor until the last close.",
        sockets: &[SocketSpec {
            abort_scope: AbortScope::LastReference,
            queued: 1,
            inputs: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV, RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[start(1, 1), Close(First(1))]),
            thread(0, &[start(2, 0)]),
            thread(1, &[Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 126_213,
    },
    Scenario {
        name: "duplicate-against-close",
        summary: "A descriptor is duplicated and the record redeemed while the descriptor is being closed.",
        sockets: &[QUEUED],
        slots: &[open(0, 0), free(1)],
        operations: &[RECV],
        threads: &[
            thread(0, &[duplicate(0, 1, 0)]),
            thread(0, &[Close(First(0))]),
            thread(
                1,
                &[
                    Redeem { record: 0 },
                    Start {
                        operation: 0,
                        through: Own,
                    },
                    Close(Own),
                ],
            ),
        ],
        surroundings: LIMITED,
        states: 4_455,
    },
    Scenario {
        name: "record-redeemed-late",
        summary: "A record outlives the descriptor it was made from; its redeemer finds queued data and closes hard.",
        sockets: &[SocketSpec {
            may_be_lost: true,
            ..LINGERING
        }],
        slots: &[open(0, 0), free(1), free(1)],
        operations: &[RECV, RECV],
        threads: &[
            thread(0, &[start(0, 0), duplicate(0, 1, 0), Close(First(0))]),
            thread(
                1,
                &[
                    Redeem { record: 0 },
                    Start {
                        operation: 1,
                        through: Own,
                    },
                    SetLinger(Own, Some(0)),
                    Close(Own),
                ],
            ),
            thread(1, &[Redeem { record: 0 }, Close(Own)]),
        ],
        surroundings: PLAIN,
        states: 112_027,
    },
    Scenario {
        name: "record-redeemed-twice",
        summary: "Two threads of the target and one of another process want the same record.",
        sockets: &[SocketSpec {
            queued: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), free(0), free(1), free(1)],
        operations: &[],
        threads: &[
            thread(0, &[duplicate(0, 1, 0), Close(First(0))]),
            thread(1, &[Redeem { record: 0 }, Close(Own)]),
            thread(1, &[Redeem { record: 0 }, Close(Own)]),
            thread(0, &[Redeem { record: 0 }, Close(Own)]),
        ],
        surroundings: PLAIN,
        states: 18_956,
    },
    Scenario {
        name: "record-with-a-dead-target",
        summary: "The target of two records dies before, between or after redeeming them.",
        sockets: &[SocketSpec {
            queued: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), free(1), free(1)],
        operations: &[RECV],
        threads: &[
            thread(
                0,
                &[
                    start(0, 0),
                    duplicate(0, 1, 0),
                    duplicate(0, 1, 1),
                    Close(First(0)),
                ],
            ),
            thread(1, &[Redeem { record: 0 }, Redeem { record: 1 }]),
            thread(1, &[Die]),
        ],
        surroundings: PLAIN,
        states: 36_496,
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
        states: 82_708,
    },
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
        states: 3_304,
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
        states: 323,
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
        states: 7_757,
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
        states: 2_506,
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
        states: 2_814,
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
        states: 66_346,
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
        states: 419_900,
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
        states: 3_809,
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
        states: 5_484,
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
        states: 66_834,
    },
    Scenario {
        name: "close-against-connect",
        summary: "A socket is closed while one thread connects it and another sends as soon as it can.",
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
        states: 30_989,
    },
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
        states: 1_344,
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
        states: 595,
    },
];

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|it| it.name == name)
    }
}
