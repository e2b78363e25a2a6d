//! What the last close does: drains, resets, waits, would block.

use closesocket::protocol::UnreadInput;

use super::{
    BLOCKING_RECV, CONNECTED, HARD, LIMITED, LINGERING, PLAIN, QUEUED, RECV, SEND, open, start,
};
use crate::scenario::Call::{Close, SetLinger, ShutDownSend};
use crate::scenario::Handle::First;
use crate::scenario::{SocketSpec, Surroundings};

scenarios! {
    scenario "graceful-drain" of 3_487 states:
        "A graceful close drains while input arrives and the peer may reset."
        sockets [SocketSpec { window: 3, queued: 3, inputs: 1, may_be_lost: true, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV]
        thread 0 [start(0, 0)]
        thread 0 [Close(First(0))]
        surroundings LIMITED;

    scenario "stalled-peer-with-limit" of 334 states:
        "The peer of a draining socket acknowledges nothing; only the provider's own limit ends it."
        sockets [SocketSpec { acknowledges: false, ..QUEUED }]
        slots [open(0, 0), open(1, 0)]
        operations [RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [Close(First(1))]
        surroundings LIMITED;

    scenario "stalled-peer-that-resets" of 7_571 states:
        "The peer of a draining socket acknowledges nothing and resets in the end, without any \
         limit."
        sockets [SocketSpec { acknowledges: false, may_be_lost: true, ..LINGERING }]
        slots [open(0, 0)]
        operations [BLOCKING_RECV, SEND]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 0), Close(First(0))]
        thread 0 [Close(First(0))]
        surroundings Surroundings { may_cancel: true, ..PLAIN };

    scenario "unread-input-resets" of 2_151 states:
        "Under UnreadInput::Reset a drained socket with unread input is reset, never before."
        sockets [SocketSpec { unread_input: UnreadInput::Reset, inputs: 1, ..QUEUED }]
        slots [open(0, 0), open(1, 0)]
        operations [RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [Close(First(1))];

    scenario "unread-input-behind-a-shutdown" of 3_434 states:
        "Under UnreadInput::Reset the send side is shut down before the last close; its FIN may be \
         out, or is held back."
        sockets [SocketSpec { unread_input: UnreadInput::Reset, inputs: 1, ..QUEUED }]
        slots [open(0, 0)]
        operations [RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [ShutDownSend(First(0)), Close(First(0))];

    scenario "hard-close-with-queued-data" of 2_375 states:
        "Two references to a socket with linger time 0 and queued data are closed."
        sockets [HARD]
        slots [open(0, 0), open(1, 0)]
        operations [RECV, SEND]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [start(1, 1), Close(First(1))];

    scenario "lingering-wait" of 81_927 states:
        "A lingering close waits, drains, expires, loses its peer or is cancelled, while a second \
         closer comes and another socket is used."
        sockets [SocketSpec { may_be_lost: true, ..LINGERING }, CONNECTED]
        slots [open(0, 0), open(0, 1)]
        operations [RECV, RECV]
        thread 0 [start(0, 0)]
        thread 0 [Close(First(0))]
        thread 0 [Close(First(0))]
        thread 0 [start(1, 1), Close(First(1))]
        surroundings Surroundings { may_cancel: true, ..LIMITED };

    scenario "nonblocking-linger" of 360_337 states:
        "A nonblocking lingering close would block; then lingering is turned off, or made hard, by \
         other threads."
        sockets [SocketSpec { nonblocking: true, may_be_lost: true, ..LINGERING }]
        slots [open(0, 0)]
        operations [RECV, BLOCKING_RECV]
        thread 0 [start(0, 0), Close(First(0)), Close(First(0))]
        thread 0 [SetLinger(First(0), None), Close(First(0))]
        thread 0 [SetLinger(First(0), Some(0)), Close(First(0))]
        thread 0 [start(1, 0)];

    scenario "nonblocking-linger-against-close" of 4_091 states:
        "One of two references goes between a nonblocking lingering close's look and its lock."
        sockets [SocketSpec { nonblocking: true, ..LINGERING }]
        slots [open(0, 0), open(1, 0)]
        operations [RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [Close(First(0))]
        thread 1 [Close(First(1)), Close(First(1))];

    scenario "nonblocking-linger-shut-down" of 3_882 states:
        "A nonblocking lingering close would block; then the send side is shut down, or it is \
         called again later."
        sockets [SocketSpec { nonblocking: true, ..LINGERING }]
        slots [open(0, 0), open(1, 0)]
        operations [SEND]
        thread 0 [start(0, 0), Close(First(0)), Close(First(0))]
        thread 1 [Close(First(1)), ShutDownSend(First(1)), Close(First(1))];

    scenario "answer-before-the-loss" of 12_984 states:
        "The peer answers and resets: two receives, one begun after the loss, and a send that \
         meets it."
        sockets [SocketSpec { inputs: 2, may_be_lost: true, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV, BLOCKING_RECV, SEND]
        thread 0 [start(0, 0), start(1, 0)]
        thread 0 [start(2, 0), Close(First(0))];

    scenario "shutdown-with-pending-sends" of 12_898 states:
        "The send side is shut down while two sends are pending, one of which a close of its \
         descriptor aborts."
        sockets [QUEUED]
        slots [open(0, 0), open(1, 0)]
        operations [SEND, SEND]
        thread 0 [start(0, 0), ShutDownSend(First(0)), Close(First(0))]
        thread 1 [start(1, 1), Close(First(1))];
}
