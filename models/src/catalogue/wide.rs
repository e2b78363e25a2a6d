//! Deep scopes that only the wide state holds: five threads, and three processes that
//! pass descriptors on.

use super::{CONNECTED, LINGERING, PLAIN, RECV, duplicate, free, open, start, start_own};
use crate::scenario::Call::{Close, Die, Redeem};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{SocketSpec, Surroundings};

scenarios! {
    scenario "five-users-close" of 48_043_721 states:
        "Five threads each start a receive through one descriptor and close it, while the peer \
         sends twice and may reset."
        sockets [SocketSpec { inputs: 2, may_be_lost: true, ..CONNECTED }]
        slots [open(0, 0)]
        operations [RECV; 5]
        thread 0 [start(0, 0), Close(First(0))]
        thread 0 [start(1, 0), Close(First(0))]
        thread 0 [start(2, 0), Close(First(0))]
        thread 0 [start(3, 0), Close(First(0))]
        thread 0 [start(4, 0), Close(First(0))];

    scenario "three-processes-pass-on" of 51_008_905 states:
        "A process with a receive makes records of its lingering descriptor for two others, which \
         redeem them, start receives and close; what the second got is closed once more, the third \
         can die meanwhile, and the peer may reset."
        sockets [SocketSpec { inputs: 1, may_be_lost: true, ..LINGERING }]
        slots [open(0, 0), free(1), free(2)]
        operations [RECV, RECV, RECV]
        thread 0 [start(0, 0), duplicate(0, 1, 0), duplicate(0, 2, 1), Close(First(0))]
        thread 1 [Redeem { record: 0 }, start_own(1), Close(Own)]
        thread 1 [Close(First(1))]
        thread 2 [Redeem { record: 1 }, start_own(2), Close(Own)]
        thread 2 [Die]
        surroundings Surroundings { may_cancel: true, ..PLAIN };
}
