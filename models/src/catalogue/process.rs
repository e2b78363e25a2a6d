//! Processes that clean up or die.

use closesocket::protocol::AbortScope;

use super::{
    BLOCKING_RECV, CONNECTED, LINGERING, PLAIN, RECV, duplicate, free, open, start, start_own,
};
use crate::scenario::Call::{Cleanup, Close, Die, Open, Redeem, Startup};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{SocketSpec, Surroundings};

scenarios! {
    scenario "cleanup-with-operations-pending" of 143_681 states:
        "A process cleans up twice for its two startups while operations begin, a close comes and \
         a new socket is opened."
        sockets [LINGERING, CONNECTED]
        slots [open(0, 0), free(0)]
        operations [RECV, BLOCKING_RECV]
        thread 0 [start(0, 0), Open { socket: 1 }]
        thread 0 [start(1, 0)]
        thread 0 [Cleanup, Cleanup]
        thread 0 [Close(First(0))]
        surroundings Surroundings { startups: 2, ..PLAIN };

    scenario "death-during-a-drain" of 147_476 states:
        "A process dies while the drain of another's last close goes on, and with lingering \
         sockets of its own."
        sockets [LINGERING, LINGERING]
        slots [open(0, 0), open(1, 0), open(1, 1)]
        operations [RECV, BLOCKING_RECV]
        thread 0 [Close(First(0))]
        thread 1 [start(0, 1), start(1, 2)]
        thread 1 [Die];

    scenario "cleanup-at-the-last-reference" of 23_943 states:
        "Under AbortScope::LastReference a process cleans up, and with it go the operations that \
         outlived its descriptors."
        sockets [OUTLIVING]
        slots [open(0, 0), open(1, 0)]
        operations [RECV, BLOCKING_RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [start(1, 0)]
        thread 0 [Cleanup]
        thread 1 [start(2, 1)];

    scenario "startup-during-a-cleanup" of 39_010 states:
        "A process starts up again while its cleanup still sweeps: what it begins then, outliving \
         a descriptor too, goes on."
        sockets [OUTLIVING]
        slots [open(0, 0), free(0), open(1, 0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [Cleanup]
        thread 0 [Startup, Redeem { record: 0 }, start_own(1), Close(Own)]
        thread 1 [duplicate(2, 0, 0)];

    scenario "startup-behind-an-opener" of 137 states:
        "A descriptor is opened by a call that began before a cleanup, after the startup behind it."
        sockets [CONNECTED]
        slots [free(0)]
        operations []
        thread 0 [Open { socket: 0 }]
        thread 0 [Cleanup]
        thread 0 [Startup];

    scenario "death-against-completions" of 11_185 states:
        "Under AbortScope::LastReference a process closes a descriptor and dies, while what \
         outlived that and what another process has pending on the socket completes."
        sockets [OUTLIVING]
        slots [open(0, 0), open(1, 0)]
        operations [RECV, RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [start(1, 1), Close(First(1))]
        thread 0 [Die];
}

/// Others keep it open, and it has something to read in the end.
const OUTLIVING: SocketSpec = SocketSpec {
    abort_scope: AbortScope::LastReference,
    inputs: 1,
    ..CONNECTED
};
