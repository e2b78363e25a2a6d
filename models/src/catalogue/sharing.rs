//! Shared sockets: references, duplication records.

use closesocket::protocol::AbortScope;

use super::{
    BLOCKING_RECV, CONNECTED, LIMITED, LINGERING, PLAIN, QUEUED, RECV, SEND, duplicate, free, open,
    start, thread,
};
use crate::scenario::Call::{Close, Die, Redeem, SetLinger, Start};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{Scenario, SocketSpec};

pub(super) const SCENARIOS: &[Scenario] = &[
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
            thread(1, &[Close(First(1))]),
        ],
        surroundings: PLAIN,
        states: 890_886,
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
        states: 122_118,
    },
    Scenario {
        name: "duplicate-against-close",
        summary: "One of two descriptors is duplicated and the record redeemed while both are being closed.",
        sockets: &[QUEUED],
        slots: &[open(0, 0), open(0, 0), free(1)],
        operations: &[RECV],
        threads: &[
            thread(0, &[duplicate(0, 1, 0)]),
            thread(0, &[Close(First(0))]),
            thread(0, &[Close(First(1))]),
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
        states: 32_543,
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
        states: 84_566,
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
        states: 36_115,
    },
    Scenario {
        name: "reclaim-at-the-last-reference",
        summary: "Under AbortScope::LastReference a record is the last reference when its target dies; the operations end then.",
        sockets: &[SocketSpec {
            abort_scope: AbortScope::LastReference,
            queued: 1,
            inputs: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), free(1)],
        operations: &[RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0), duplicate(0, 1, 0), Close(First(0))]),
            thread(0, &[start(1, 0)]),
            thread(1, &[Redeem { record: 0 }]),
            thread(1, &[Die]),
        ],
        surroundings: PLAIN,
        states: 93_902,
    },
    Scenario {
        name: "death-at-the-last-reference",
        summary: "Under AbortScope::LastReference a process dies with the last reference to a socket on which another, which lives, has operations pending.",
        sockets: &[SocketSpec {
            abort_scope: AbortScope::LastReference,
            inputs: 1,
            ..CONNECTED
        }],
        slots: &[open(0, 0), open(1, 0)],
        operations: &[RECV, RECV, BLOCKING_RECV],
        threads: &[
            thread(0, &[start(0, 0), Close(First(0))]),
            thread(1, &[start(1, 1)]),
            thread(0, &[start(2, 0)]),
            thread(1, &[Die]),
        ],
        surroundings: PLAIN,
        states: 38_395,
    },
];
