//! The probe: an observer of each decisive step, as a type parameter.

use super::SocketId;
use crate::protocol::word::Word;
use crate::protocol::{Actions, Cause, Descriptor, Error, ProcessId, Waiting};

/// Names an operation: its socket and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId {
    /// The socket it acts on.
    pub socket: SocketId,
    /// Its number, from 1 in the order of registration; never reused.
    pub number: u64,
}

/// A decisive step of the engine. Those on a descriptor's word carry the word
/// that the atomic instruction saw; those under a socket's lock are called
/// inside the critical section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// A slot was opened as a descriptor of this socket.
    Opened {
        /// Whose table.
        process: ProcessId,
        /// The new descriptor.
        descriptor: Descriptor,
        /// What it refers to.
        socket: SocketId,
    },
    /// A call entered, or was refused and is about to back out.
    Entered {
        /// Whose table.
        process: ProcessId,
        /// The descriptor value used.
        descriptor: Descriptor,
        /// The word before.
        before: Word,
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
    /// A close committed.
    Committed {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
        /// What it referred to.
        socket: SocketId,
        /// The word before.
        before: Word,
        /// Why it was closed.
        cause: Cause,
        /// It was the last reference.
        last: bool,
        /// The close is going to wait for the drain.
        wait: bool,
        /// Orders to the transport.
        actions: Actions,
        /// How many operations were taken out.
        aborted: usize,
    },
    /// A close failed before its commit.
    CloseRefused {
        /// Whose table.
        process: ProcessId,
        /// The descriptor value used.
        descriptor: Descriptor,
        /// How it failed.
        error: Error,
    },
    /// An operation was registered.
    Registered {
        /// Whose table.
        process: ProcessId,
        /// The descriptor it was issued through.
        descriptor: Descriptor,
        /// The operation.
        operation: OperationId,
        /// How its issuer waits.
        waiting: Waiting,
    },
    /// An operation was taken out by the one who will deliver it; with the
    /// cause if a close aborts it.
    Taken {
        /// The operation.
        operation: OperationId,
        /// Why it was aborted, if it was.
        aborted: Option<Cause>,
    },
    /// An operation's result was delivered, or it ended silently.
    Delivered {
        /// The operation.
        operation: OperationId,
        /// An event, packet or routine was posted.
        posted: bool,
        /// How it ended.
        error: Option<Error>,
    },
    /// A descriptor was claimed: nobody is inside any more.
    Claimed {
        /// Whose table.
        process: ProcessId,
        /// The descriptor.
        descriptor: Descriptor,
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
    /// A duplication record was created.
    Duplicated {
        /// The socket.
        socket: SocketId,
        /// Its target.
        target: ProcessId,
    },
    /// A duplication record was redeemed.
    Redeemed {
        /// The socket.
        socket: SocketId,
        /// By its target.
        by: ProcessId,
    },
    /// A duplication record was reclaimed because its target died.
    Reclaimed {
        /// The socket.
        socket: SocketId,
        /// It was the last reference.
        last: bool,
    },
    /// A socket was released.
    Released {
        /// The socket.
        socket: SocketId,
    },
}

/// Observes the engine. Implementations must be quick, must not call the engine
/// and should not synchronise, or they hide the races they are to show.
pub trait Probe: Send + Sync + 'static {
    /// Called at each decisive step.
    fn observe(&self, observation: Observation);
}

/// Observes nothing, at no cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    #[inline]
    fn observe(&self, _: Observation) {}
}
