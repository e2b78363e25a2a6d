//! Cancels that meet completions and closes (C1).

use super::{BLOCKING_RECV, CONNECTED, RECV, SEND, open, start};
use crate::scenario::Call::{Cancel, CancelThrough, Close};
use crate::scenario::Handle::First;
use crate::scenario::SocketSpec;

scenarios! {
    scenario "cancel-against-completion-and-close" of 2_027 states:
        "Two cancels, by name and through the descriptor, a completion and a close meet at one \
         recv."
        sockets [SocketSpec { inputs: 1, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV]
        thread 0 [start(0, 0)]
        thread 0 [Cancel { operation: 0 }]
        thread 0 [CancelThrough(First(0))]
        thread 0 [Close(First(0))];

    scenario "cancel-against-an-answer" of 1_782 states:
        "The same with a blocked recv, whose thread is answered outside the lock."
        sockets [SocketSpec { inputs: 1, ..CONNECTED }]
        slots [open(0, 0)]
        operations [BLOCKING_RECV]
        thread 0 [start(0, 0)]
        thread 0 [Cancel { operation: 0 }]
        thread 0 [CancelThrough(First(0))]
        thread 0 [Close(First(0))];

    scenario "cancel-of-a-partly-accepted-send" of 487 states:
        "A send that is accepted in part is cancelled while its descriptor is closed gracefully."
        sockets [SocketSpec { window: 1, ..CONNECTED }]
        slots [open(0, 0)]
        operations [SEND]
        thread 0 [start(0, 0)]
        thread 0 [Cancel { operation: 0 }]
        thread 0 [Close(First(0))];

    scenario "cancel-through-one-of-two-descriptors" of 15_755 states:
        "A cancel through one descriptor leaves alone what is pending through the other, also \
         while both are closed."
        sockets [SocketSpec { inputs: 1, ..CONNECTED }]
        slots [open(0, 0), open(0, 0)]
        operations [BLOCKING_RECV, RECV]
        thread 0 [start(0, 0)]
        thread 0 [start(1, 1)]
        thread 0 [CancelThrough(First(0)), Close(First(0))]
        thread 0 [Close(First(1))];

    scenario "cancel-by-another-process" of 2_000 states:
        "A process names an operation of another that shares the socket, and cannot cancel it."
        sockets [SocketSpec { inputs: 1, ..CONNECTED }]
        slots [open(0, 0), open(1, 0)]
        operations [RECV]
        thread 0 [start(0, 0), Cancel { operation: 0 }]
        thread 1 [Cancel { operation: 0 }, Close(First(1))]
        thread 0 [Close(First(0))];
}
