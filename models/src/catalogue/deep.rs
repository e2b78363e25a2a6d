//! Deep scopes: worlds with several bounds raised at once, of up to tens of millions
//! of states.

use super::{CONNECTED, LIMITED, LINGERING, PLAIN, QUEUED, RECV, open, start};
use crate::scenario::Call::{Cancel, Close};
use crate::scenario::Handle::First;
use crate::scenario::{SocketSpec, Surroundings};

scenarios! {
    scenario "four-users-close" of 10_908_207 states:
        "Four threads each start a receive through one descriptor and close it, while the peer \
         sends twice and may reset."
        sockets [SocketSpec { queued: 2, inputs: 2, may_be_lost: true, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV, RECV, RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [start(1, 0), Close(First(0))]
        thread 0 [start(2, 0), Close(First(0))]
        thread 0 [start(3, 0), Close(First(0))];

    scenario "three-processes-close" of 1_641_654 states:
        "Three processes share a lingering socket, each with a receive, and close it; a fourth \
         descriptor is closed, too."
        sockets [SocketSpec { inputs: 2, may_be_lost: true, ..LINGERING }]
        slots [open(0, 0), open(1, 0), open(2, 0)]
        operations [RECV, RECV, RECV]
        thread 0 [start(0, 0), Close(First(0)), Close(First(0))]
        thread 1 [start(1, 1), Close(First(1)), Close(First(1))]
        thread 2 [start(2, 2), Close(First(2)), Close(First(2))]
        surroundings Surroundings { may_cancel: true, ..PLAIN };

    scenario "two-cancels-of-two" of 2_193_584 states:
        "Two receives through two descriptors of a socket, each cancelled by the other's thread, \
         while both descriptors are closed twice."
        sockets [SocketSpec { inputs: 2, may_be_lost: true, ..QUEUED }]
        slots [open(0, 0), open(0, 0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0), Cancel { operation: 1 }, Close(First(0))]
        thread 0 [start(1, 1), Cancel { operation: 0 }, Close(First(1))]
        thread 0 [Close(First(0))]
        thread 0 [Close(First(1))];

    scenario "four-users-linger" of 48_411_084 states:
        "Four threads each start a receive through one lingering descriptor and close it; the one \
         that waits for the drain can be cancelled, and giving the handle back can fail."
        sockets [SocketSpec { window: 3, queued: 3, inputs: 3, may_be_lost: true, ..LINGERING }]
        slots [open(0, 0)]
        operations [RECV, RECV, RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [start(1, 0), Close(First(0))]
        thread 0 [start(2, 0), Close(First(0))]
        thread 0 [start(3, 0), Close(First(0))]
        surroundings Surroundings { may_cancel: true, upcall_may_fail: true, ..LIMITED };
}
