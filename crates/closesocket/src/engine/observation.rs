//! What a probe is told: each decisive step of the engine, as a value.

use std::fmt;
use std::time::Duration;

use super::SocketId;
use crate::protocol::word::Word;
use crate::protocol::{
    Actions, Cause, Descriptor, Error, HandleKind, Input, OperationKind, ProcessId, Socket, Time,
    Waiting,
};

/// Names an operation: its socket and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId {
    /// The socket it acts on.
    pub socket: SocketId,
    /// Its number, from 1 in the order of registration; never reused.
    pub number: u64,
}

/// `socket#number`, as in traces.
impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.socket, self.number)
    }
}

/// A decisive step of the engine, told by the thread that made it and before it
/// makes another.
///
/// `before` is the word that the atomic instruction saw. `sequence` numbers the
/// observations made under one lock: the lock of the socket's cell, over all
/// the sockets that live there one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// The provider was made, with the settings that the protocol asks for.
    Began {
        /// Whether handles are given back by an upcall.
        handle_kind: HandleKind,
        /// After how long a background drain is reset.
        drain_limit: Option<Duration>,
    },
    /// A slot was opened as a descriptor of this socket.
    Opened {
        /// Whose table.
        process: ProcessId,
        /// The new descriptor.
        descriptor: Descriptor,
        /// What it refers to.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// The life of the process, from 1, of the call that opened it.
        life: u64,
        /// The word before.
        before: Word,
    },
    /// A call entered, or was refused and is about to back out.
    Entered {
        /// Whose table.
        process: ProcessId,
        /// The descriptor value used.
        descriptor: Descriptor,
        /// The word before.
        before: Word,
        /// With how many holds: an overlapped call has one for its operation.
        holders: u64,
        /// It was let in.
        admitted: bool,
    },
    /// Holders left.
    Left {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// The word before.
        before: Word,
        /// How many.
        holders: u64,
    },
    /// A close's compare-and-swap found another word than it expected, and is
    /// going to be tried again.
    SealMissed {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// The word found.
        before: Word,
    },
    /// A close committed.
    Committed {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// What it referred to.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// The life of the process in which it was opened.
        life: u64,
        /// The word before.
        before: Word,
        /// Why it was closed.
        cause: Cause,
        /// The time of the call.
        now: Time,
        /// It was the last reference.
        last: bool,
        /// The close is going to wait for the drain.
        wait: bool,
        /// It may wait: its thread is in no call of the transport's (C4).
        may_wait: bool,
        /// Orders to the transport.
        actions: Actions,
        /// How many operations were taken out; [`Observation::Taken`] tells
        /// which, next.
        aborted: usize,
        /// The machine before.
        machine: Socket,
    },
    /// A close failed before its commit.
    CloseRefused {
        /// Whose table.
        process: ProcessId,
        /// The descriptor value used.
        descriptor: Descriptor,
        /// Why it was to be closed.
        cause: Cause,
        /// How it failed.
        error: Error,
        /// The socket and its place under the lock, if it came that far.
        under: Option<(SocketId, u64)>,
    },
    /// A close returns to its caller.
    CloseReturned {
        /// Whose table.
        process: ProcessId,
        /// The descriptor value used.
        descriptor: Descriptor,
        /// This very call committed.
        committed: bool,
        /// It had to wait for the drain.
        waited: bool,
        /// How it failed.
        error: Option<Error>,
    },
    /// A socket was made.
    Created {
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// The machine as it starts.
        machine: Socket,
    },
    /// The machine of a socket changed.
    Changed {
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// What happened to it.
        input: Input,
        /// The number of the pending operation whose bytes were offered.
        by: Option<u64>,
        /// The machine before.
        machine: Socket,
    },
    /// An order of the machine to the transport was carried out.
    Ordered {
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// Which.
        order: Order,
    },
    /// A socket was released: the last order.
    Released {
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
    },
    /// A call asked whether its operation may start.
    Started {
        /// Whose table.
        process: ProcessId,
        /// The descriptor it was issued through.
        descriptor: Descriptor,
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// What it does.
        operation: OperationKind,
        /// Why it may not.
        error: Option<Error>,
    },
    /// An operation was registered.
    Registered {
        /// Whose table.
        process: ProcessId,
        /// The descriptor it was issued through.
        descriptor: Descriptor,
        /// The operation.
        operation: OperationId,
        /// Its place under the lock.
        sequence: u64,
        /// What it does.
        does: OperationKind,
        /// How its issuer waits.
        waiting: Waiting,
    },
    /// A cancel looked for an operation. If it may, it takes it out next.
    Cancelled {
        /// The process that cancels.
        process: ProcessId,
        /// The descriptor whose operations it cancels; `None` if it names the
        /// operation.
        through: Option<Descriptor>,
        /// The operation.
        operation: OperationId,
        /// Its place under the lock.
        sequence: u64,
        /// Why it may not.
        error: Option<Error>,
    },
    /// An operation was taken out by the one who will deliver it; with the
    /// cause if a close aborts it.
    Taken {
        /// The operation.
        operation: OperationId,
        /// Its place under the lock.
        sequence: u64,
        /// Why it was aborted, if it was.
        aborted: Option<Cause>,
        /// How it failed, if it was not aborted and did.
        error: Option<Error>,
        /// It ends silently: this process is stopped, and in this life of it its
        /// descriptor was opened.
        silent: Option<(ProcessId, u64)>,
    },
    /// An operation's result has been posted, or is about to be handed to the
    /// thread that is blocked in it, or it ends silently.
    Delivered {
        /// The operation.
        operation: OperationId,
        /// An event, packet or routine is posted.
        posted: bool,
        /// How it ended.
        error: Option<Error>,
        /// Its place under the lock; none if a blocked thread is answered.
        under: Option<u64>,
    },
    /// The thread that was blocked in this operation goes on.
    Resumed {
        /// The operation.
        operation: OperationId,
    },
    /// The wait of a lingering close ended.
    LingerEnded {
        /// The socket it waited for.
        socket: SocketId,
        /// Its place under the lock; the cell may have a new occupant.
        sequence: u64,
        /// The drain had ended; if not, the wait was cancelled (L9).
        drained: bool,
    },
    /// Somebody tried to claim a closed and empty descriptor.
    Claimed {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// The word before.
        before: Word,
        /// The claim was won; if not, whoever changed the word tries again.
        won: bool,
    },
    /// The handle upcall was made.
    HandleReturned {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// It succeeded.
        succeeded: bool,
    },
    /// The slot of a claimed descriptor was given to its next occupant, or
    /// retired.
    Recycled {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// The word before.
        before: Word,
        /// It was retired: the word stays as it is.
        retired: bool,
    },
    /// A duplication record was created.
    Duplicated {
        /// Whose table.
        process: ProcessId,
        /// The descriptor that was duplicated.
        descriptor: Descriptor,
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// Its number at the socket.
        record: u64,
        /// Its target.
        target: ProcessId,
    },
    /// A duplication record was redeemed.
    Redeemed {
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// Its number at the socket.
        record: u64,
        /// By its target.
        by: ProcessId,
    },
    /// A duplication record was reclaimed because its target died.
    Reclaimed {
        /// The process that died.
        process: ProcessId,
        /// The socket.
        socket: SocketId,
        /// Its place under the lock.
        sequence: u64,
        /// Its number at the socket.
        record: u64,
        /// The time.
        now: Time,
        /// It was the last reference.
        last: bool,
        /// Orders to the transport.
        actions: Actions,
        /// How many operations were taken out.
        aborted: usize,
        /// The machine before.
        machine: Socket,
    },
    /// A process is ending: this thread begins to close what it has.
    SweepBegan {
        /// The process.
        process: ProcessId,
        /// Cleanup or death.
        cause: Cause,
        /// The life that ends.
        life: u64,
    },
    /// This thread has closed what the ending process had.
    SweepEnded {
        /// The process.
        process: ProcessId,
    },
}

/// An order of the machine to the transport, as it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The FIN was sent.
    Fin,
    /// The connection was reset.
    Reset,
    /// The connections in the backlog were reset.
    ResetBacklog,
}
