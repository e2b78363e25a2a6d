//! One descriptor: closers, calls and completions that meet, and reuse.

use closesocket::protocol::OperationKind::{Accept, Connect, Send};
use closesocket::protocol::{Connection, HandleKind, Linger};

use super::{
    BLOCKING_RECV, CONNECTED, LISTENING, PLAIN, QUEUED, RECV, SEND, free, open, start, start_own,
};
use crate::scenario::Call::{Close, Open, SetLinger, TakeAccepted};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{OperationSpec, SocketSpec, Surroundings};

scenarios! {
    scenario "two-closers-one-operation" of 17_153 states:
        "Two threads close one descriptor while two others have operations pending through it."
        sockets [SocketSpec { inputs: 1, queued: 1, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV, BLOCKING_RECV]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 0)]
        thread 0 [Close(First(0))]
        thread 0 [Close(First(0))];

    scenario "close-against-completion" of 6_007 states:
        "A close meets a recv that completes at the same time."
        sockets [SocketSpec { inputs: 2, queued: 1, may_be_lost: true, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 0), Close(First(0))];

    scenario "close-against-two-operations" of 2_948 states:
        "A close aborts a blocked recv and an overlapped send of other threads together."
        sockets [SocketSpec { inputs: 1, window: 1, ..CONNECTED }]
        slots [open(0, 0)]
        operations [BLOCKING_RECV, SEND]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 0)]
        thread 0 [Close(First(0))];

    scenario "close-against-begin" of 22_437 states:
        "A close meets calls that are just beginning: admitted, registered, or too late."
        sockets [CONNECTED]
        slots [open(0, 0)]
        operations [RECV, RECV, BLOCKING_RECV, SEND]
        thread 0 [start(0, 0), start(1, 0)]
        thread 0 [start(2, 0)]
        thread 0 [start(3, 0)]
        thread 0 [Close(First(0)), Close(First(0))];

    scenario "close-against-blocked-call" of 4_460 states:
        "Two threads are blocked in a recv and a send when a third closes their descriptor."
        sockets [SocketSpec { inputs: 1, window: 1, queued: 1, ..CONNECTED }]
        slots [open(0, 0)]
        operations [BLOCKING_RECV, OperationSpec { chunks: 1, ..OperationSpec::blocking(Send) }]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 0)]
        thread 0 [Close(First(0))];

    scenario "reuse-by-a-stale-operation" of 80_653 states:
        "A slot is closed and reused by other sockets while calls still come with the old handle."
        sockets [CONNECTED, SocketSpec { queued: 1, inputs: 1, ..CONNECTED }, CONNECTED]
        slots [open(0, 0)]
        operations [RECV, RECV, RECV]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 0), Close(First(0))]
        thread 0 [
            Close(First(0)), Open { socket: 1 }, start_own(2), Close(Own),
        ]
        thread 0 [Close(First(0)), SetLinger(First(0), Some(0))];

    scenario "close-against-connect" of 37_600 states:
        "Two threads close a socket while one connects it and then sends, and another receives."
        sockets [

            SocketSpec {
                connection: Connection::Unconnected,
                may_be_lost: true,
                inputs: 1,
                ..CONNECTED
            },
        ]
        slots [open(0, 0)]
        operations [OperationSpec::blocking(Connect), OperationSpec::send(2), RECV]
        thread 0 [start(0, 0), start(1, 0)]
        thread 0 [start(2, 0)]
        thread 0 [Close(First(0))]
        thread 0 [Close(First(0))];

    scenario "listener-with-backlog" of 71_000 states:
        "A listener with connections in its backlog and accepts pending is closed."
        sockets [LISTENING, CONNECTED]
        slots [open(0, 0), free(0)]
        operations [
            OperationSpec::blocking(Accept), OperationSpec::overlapped(Accept),
            OperationSpec::send(1),
        ]
        thread 0 [
            start(0, 0), TakeAccepted { operation: 0, socket: 1 },
            start_own(2), Close(Own),
        ]
        thread 0 [start(1, 0)]
        thread 0 [Close(First(0))]
        thread 0 [Close(First(0))];

    scenario "accept-against-options" of 15_479 states:
        "A listener's linger option is changed, and it is closed, while connections are taken from \
         it and get their descriptors."
        sockets [SocketSpec { linger: Linger::off().set_on(0), ..LISTENING }, CONNECTED]
        slots [open(0, 0), free(0)]
        operations [OperationSpec::overlapped(Accept), OperationSpec::send(1)]
        thread 0 [
            start(0, 0), TakeAccepted { operation: 0, socket: 1 },
            start_own(1), Close(Own),
        ]
        thread 0 [SetLinger(First(0), Some(1))]
        thread 0 [Close(First(0))];

    scenario "upcall-failure" of 1_530 states:
        "Giving a handle back fails, the slot is retired, and another descriptor is opened in \
         another slot."
        sockets [QUEUED, CONNECTED]
        slots [open(0, 0), free(0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [Open { socket: 1 }, start_own(1), Close(Own)]
        surroundings Surroundings { upcall_may_fail: true, ..PLAIN };

    scenario "system-handles" of 1_069 states:
        "With the system's own handles no upcall is made, and everything is released all the same."
        sockets [QUEUED]
        slots [open(0, 0), open(0, 0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [start(1, 1), Close(First(1))]
        surroundings Surroundings { handles: HandleKind::Ifs, ..PLAIN };

    scenario "reuse-of-system-handles" of 185 states:
        "A slot of a system handle is closed and reused while a call with the old handle is on its \
         way."
        sockets [CONNECTED, CONNECTED]
        slots [open(0, 0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0)]
        thread 0 [
            Close(First(0)), Open { socket: 1 }, start_own(1), Close(Own),
        ]
        surroundings Surroundings { handles: HandleKind::Ifs, ..PLAIN };

    scenario "last-generation" of 28_980 states:
        "The slots' generations are used up by their first occupants: they are retired, and stale \
         handles stay stale."
        sockets [QUEUED, CONNECTED]
        slots [open(0, 0), free(0)]
        operations [RECV, RECV, RECV]
        thread 0 [start(0, 0), Close(First(0)), Open { socket: 1 }, Close(Own)]
        thread 0 [start(1, 0), Close(First(0))]
        thread 0 [start(2, 0)]
        surroundings Surroundings { generations: Some(1), ..PLAIN };
}
