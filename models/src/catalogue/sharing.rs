//! Shared sockets: references, duplication records.

use closesocket::protocol::AbortScope;

use super::{
    BLOCKING_RECV, CONNECTED, LIMITED, LINGERING, QUEUED, RECV, SEND, duplicate, free, open, start,
    start_own,
};
use crate::scenario::Call::{Close, Die, Redeem, SetLinger};
use crate::scenario::Handle::{First, Own};
use crate::scenario::SocketSpec;

scenarios! {
    scenario "two-processes-share-a-socket" of 890_886 states:
        "Two processes share a socket, each with operations and queued data, and both close it."
        sockets [SocketSpec { queued: 1, inputs: 1, may_be_lost: true, ..CONNECTED }]
        slots [open(0, 0), open(1, 0)]
        operations [SEND, RECV, BLOCKING_RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [start(1, 1), Close(First(1))]
        thread 0 [start(2, 0)]
        thread 1 [Close(First(1))];

    scenario "abort-at-the-last-reference" of 122_118 states:
        "Under AbortScope::LastReference the operations outlive their descriptor until the last \
         close."
        sockets [

            SocketSpec {
                abort_scope: AbortScope::LastReference,
                queued: 1,
                inputs: 1,
                ..CONNECTED
            },
        ]
        slots [open(0, 0), open(1, 0)]
        operations [RECV, RECV, BLOCKING_RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [start(1, 1), Close(First(1))]
        thread 0 [start(2, 0)]
        thread 1 [Close(First(1))];

    scenario "duplicate-against-close" of 32_543 states:
        "One of two descriptors is duplicated and the record redeemed while both are being closed."
        sockets [QUEUED]
        slots [open(0, 0), open(0, 0), free(1)]
        operations [RECV]
        thread 0 [duplicate(0, 1, 0)]
        thread 0 [Close(First(0))]
        thread 0 [Close(First(1))]
        thread 1 [Redeem { record: 0 }, start_own(0), Close(Own)]
        surroundings LIMITED;

    scenario "record-redeemed-late" of 84_566 states:
        "A record outlives the descriptor it was made from; its redeemer finds queued data and \
         closes hard."
        sockets [SocketSpec { may_be_lost: true, ..LINGERING }]
        slots [open(0, 0), free(1), free(1)]
        operations [RECV, RECV]
        thread 0 [start(0, 0), duplicate(0, 1, 0), Close(First(0))]
        thread 1 [
            Redeem { record: 0 }, start_own(1), SetLinger(Own, Some(0)),
            Close(Own),
        ]
        thread 1 [Redeem { record: 0 }, Close(Own)];

    scenario "record-redeemed-twice" of 18_956 states:
        "Two threads of the target and one of another process want the same record."
        sockets [SocketSpec { queued: 1, ..CONNECTED }]
        slots [open(0, 0), free(0), free(1), free(1)]
        operations []
        thread 0 [duplicate(0, 1, 0), Close(First(0))]
        thread 1 [Redeem { record: 0 }, Close(Own)]
        thread 1 [Redeem { record: 0 }, Close(Own)]
        thread 0 [Redeem { record: 0 }, Close(Own)];

    scenario "record-with-a-dead-target" of 36_115 states:
        "The target of two records dies before, between or after redeeming them."
        sockets [SocketSpec { queued: 1, ..CONNECTED }]
        slots [open(0, 0), free(1), free(1)]
        operations [RECV]
        thread 0 [start(0, 0), duplicate(0, 1, 0), duplicate(0, 1, 1), Close(First(0))]
        thread 1 [Redeem { record: 0 }, Redeem { record: 1 }]
        thread 1 [Die];

    scenario "reclaim-at-the-last-reference" of 93_902 states:
        "Under AbortScope::LastReference a record is the last reference when its target dies; the \
         operations end then."
        sockets [

            SocketSpec {
                abort_scope: AbortScope::LastReference,
                queued: 1,
                inputs: 1,
                ..CONNECTED
            },
        ]
        slots [open(0, 0), free(1)]
        operations [RECV, BLOCKING_RECV]
        thread 0 [start(0, 0), duplicate(0, 1, 0), Close(First(0))]
        thread 0 [start(1, 0)]
        thread 1 [Redeem { record: 0 }]
        thread 1 [Die];

    scenario "death-at-the-last-reference" of 38_395 states:
        "Under AbortScope::LastReference a process dies with the last reference to a socket on \
         which another, which lives, has operations pending."
        sockets [SocketSpec { abort_scope: AbortScope::LastReference, inputs: 1, ..CONNECTED }]
        slots [open(0, 0), open(1, 0)]
        operations [RECV, RECV, BLOCKING_RECV]
        thread 0 [start(0, 0), Close(First(0))]
        thread 1 [start(1, 1)]
        thread 0 [start(2, 0)]
        thread 1 [Die];
}
