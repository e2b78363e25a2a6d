//! Sockets and descriptor words meet what they must not be given: counters at
//! their limits, events that come too late, stale handles. None panics, none
//! wraps, and every refusal is the right error.

mod closes;
mod connections;
mod counters;
mod words;

use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Cause, CloseRequest, Commit, Connection, Ending, Error, OperationKind,
    PendingOperations, Phase, SendSide, Socket, Take, Time, UnreadInput,
};

/// Takes note of what a close wanted to take.
#[derive(Default)]
pub(crate) struct Asked(pub(crate) Vec<Take>);

impl PendingOperations for Asked {
    type Taken = Take;

    fn take(&mut self, take: Take) -> Take {
        self.0.push(take);
        take
    }
}

pub(crate) fn socket(connection: Connection) -> Socket {
    Socket {
        connection,
        ..Socket::new(100, AbortScope::Descriptor, UnreadInput::Discard)
    }
}

pub(crate) const fn request(cause: Cause) -> CloseRequest {
    CloseRequest {
        cause,
        now: Time::ZERO,
        drain_limit: None,
        may_wait: true,
    }
}

/// An open descriptor's word, generation 1.
pub(crate) const OPEN: Word = Word::new(1, WordPhase::Open, 0);

pub(crate) fn close(socket: &mut Socket, request: CloseRequest) -> Result<Commit<Take>, Error> {
    socket.close(request, OPEN, 1, &mut Asked::default(), |_| Ok(()))
}

/// A socket that ended in each way, with its send side as it was before.
pub(crate) fn closed_sockets() -> Vec<Socket> {
    let mut all = Vec::new();
    for ending in [
        Ending::Unconnected,
        Ending::Graceful,
        Ending::Hard,
        Ending::Expired,
        Ending::Lost,
        Ending::Unread,
    ] {
        for send_side in [
            SendSide::Open,
            SendSide::ShuttingDown,
            SendSide::Closing,
            SendSide::Finished,
        ] {
            for connection in CONNECTIONS {
                all.push(Socket {
                    phase: Phase::Closed(ending),
                    references: 0,
                    send_side,
                    ..socket(connection)
                });
            }
        }
    }
    all
}

pub(crate) const CONNECTIONS: [Connection; 5] = [
    Connection::Unconnected,
    Connection::Listening,
    Connection::Connecting,
    Connection::Connected,
    Connection::Lost,
];
pub(crate) const KINDS: [OperationKind; 4] = [
    OperationKind::Recv,
    OperationKind::Send,
    OperationKind::Accept,
    OperationKind::Connect,
];
pub(crate) const CAUSES: [Cause; 4] = [Cause::Call, Cause::Cleanup, Cause::Death, Cause::Reclaimed];
