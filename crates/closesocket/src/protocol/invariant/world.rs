//! The abstract view on which the invariants are judged. The model, a snapshot
//! of the engine and a replayed trace can all give it.

use crate::protocol::{Cause, Error, OperationKind, ProcessId, Socket, Waiting};

/// A world whose steps can be judged. Everything is addressed by index: a slot
/// of a descriptor table, a socket, an operation, a duplication record.
pub trait World {
    /// How many descriptor slots there are, over all processes.
    fn slots(&self) -> usize;
    /// The present occupant of a slot.
    fn descriptor(&self, slot: usize) -> DescriptorView;
    /// How many sockets there are or were.
    fn sockets(&self) -> usize;
    /// A socket.
    fn socket(&self, socket: usize) -> SocketView;
    /// How many operations there are or were.
    fn operations(&self) -> usize;
    /// An operation.
    fn operation(&self, operation: usize) -> OperationView;
    /// How many duplication records there are or were.
    fn records(&self) -> usize;
    /// A duplication record.
    fn record(&self, record: usize) -> RecordView;
    /// Whether nothing can happen any more.
    fn at_rest(&self) -> bool;
    /// A thread that is inside a call: asked at rest.
    fn stuck(&self) -> Option<usize>;
}

/// Where a descriptor is in its life, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DescriptorState {
    /// The slot has no occupant.
    Free,
    /// Valid.
    Open,
    /// Closed, for this reason; the slot is not free yet.
    Closed(Cause),
}

/// The occupant of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DescriptorView {
    /// Which occupant of the slot it is.
    pub generation: u32,
    /// Where it is in its life.
    pub state: DescriptorState,
    /// Whose table the slot is in.
    pub process: ProcessId,
    /// The socket it refers to.
    pub socket: usize,
    /// The life of its process, of which the call was that opened it, has ended:
    /// by a cleanup, or with the process.
    pub life_over: bool,
    /// And whoever ended it has returned, as far as it is known: a recording does
    /// not tell.
    pub life_swept: bool,
    /// Threads inside a call through it and operations not delivered yet, as
    /// counted from the threads and operations, not from the word.
    pub inside: usize,
    /// How often its handle was given back.
    pub handle_returns: u8,
    /// Giving its handle back was tried and failed: the slot is retired (H4).
    pub retired: bool,
}

/// A socket and what really happened to its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketView {
    /// The socket machine as it stands.
    pub machine: Socket,
    /// How often it was released.
    pub releases: u8,
    /// Bytes that operations were told are accepted.
    pub accepted: u32,
    /// Bytes that the peer has acknowledged.
    pub acknowledged: u32,
    /// The transport was told to reset the connection.
    pub reset: bool,
    /// Connections that really wait in the transport's backlog.
    pub waiting_connections: u32,
    /// Received data that nobody has taken waits at the transport, as far as it is
    /// known: a recording does not tell.
    pub input_waits: bool,
    /// A thread that waits for the drain holds the socket's lock meanwhile.
    pub locked_by_waiter: bool,
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Not registered.
    Idle,
    /// Registered and not ended.
    Pending,
    /// Taken out by its one owner, its result not delivered yet. With the cause
    /// if it was aborted.
    Ending(Option<Cause>),
    /// Its result was delivered, or it ended silently. With the cause if it was
    /// aborted.
    Ended(Option<Cause>),
}

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OperationView {
    /// The slot of the descriptor it was issued through.
    pub slot: usize,
    /// The generation it was issued with.
    pub generation: u32,
    /// The socket it acts on.
    pub socket: usize,
    /// How its issuer waits for it.
    pub waiting: Waiting,
    /// What it does.
    pub kind: OperationKind,
    /// How far it has come.
    pub state: OperationState,
    /// The error that it was taken out with, if it was not aborted.
    pub failed: Option<Error>,
    /// As it was taken out it was decided that it ends silently.
    pub silent: bool,
    /// Its place among the operations of its direction on its socket, in the order
    /// of registration.
    pub number: u64,
}

/// A duplication record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordView {
    /// The socket it refers to.
    pub socket: usize,
    /// The only process that may redeem it.
    pub target: ProcessId,
    /// It was created, and neither redeemed nor reclaimed.
    pub unredeemed: bool,
}

/// A step of the world. Steps that no rule speaks of are [`Event::Internal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Nothing that a rule speaks of.
    Internal,
    /// A call through this descriptor value was let in.
    Admitted {
        /// The slot.
        slot: usize,
        /// The generation the value was issued with.
        generation: u32,
    },
    /// A close committed.
    Committed {
        /// The slot.
        slot: usize,
        /// The generation the value was issued with.
        generation: u32,
        /// Why it was closed.
        cause: Cause,
        /// The close is going to wait for the drain.
        wait: bool,
        /// Its thread may wait (C4).
        may_wait: bool,
    },
    /// A close failed before its commit.
    CloseRefused {
        /// The slot.
        slot: usize,
        /// The generation the value was issued with.
        generation: u32,
        /// Why it was to be closed.
        cause: Cause,
        /// How it failed.
        error: Error,
    },
    /// A close returned to its caller, after or without a commit of its own.
    CloseReturned {
        /// The socket it closed a reference of.
        socket: usize,
        /// This very call committed.
        committed: bool,
        /// It had to wait for the drain.
        waited: bool,
        /// What it returned.
        result: Result<(), Error>,
    },
    /// An operation was registered.
    Registered {
        /// The operation.
        operation: usize,
    },
    /// An operation was not started.
    StartRefused {
        /// The socket.
        socket: usize,
        /// What it was to do.
        kind: OperationKind,
        /// What its issuer was told.
        error: Error,
    },
    /// Bytes of a send were accepted.
    BytesAccepted {
        /// The operation.
        operation: usize,
    },
    /// An operation was taken out by the one who will deliver it, outside a
    /// commit.
    Taken {
        /// The operation.
        operation: usize,
    },
    /// A cancel took an operation out, and will deliver it.
    Cancelled {
        /// The operation.
        operation: usize,
        /// The process that cancels.
        by: ProcessId,
        /// The slot and the generation of the descriptor whose operations it
        /// cancels; `None` if it names the operation.
        through: Option<(usize, u32)>,
    },
    /// The result of an operation was delivered, or it ended silently.
    Delivered {
        /// The operation.
        operation: usize,
        /// An event, packet or routine was posted.
        posted: bool,
        /// What the issuer gets.
        result: Result<(), Error>,
    },
    /// A duplication record was created through this descriptor value.
    Duplicated {
        /// The record.
        record: usize,
        /// The slot.
        slot: usize,
        /// The generation the value was issued with.
        generation: u32,
    },
    /// A duplication record was redeemed.
    Redeemed {
        /// The record.
        record: usize,
        /// Who redeemed it.
        by: ProcessId,
    },
    /// A duplication record was reclaimed, because its target died.
    Reclaimed {
        /// The record.
        record: usize,
    },
    /// A socket was made of a connection that an accept took.
    Accepted {
        /// The socket.
        socket: usize,
        /// What the protocol made of the listener in the critical section in
        /// which the connection was taken from it.
        taken: Socket,
    },
    /// Operations that outlived their descriptors were taken out, because the
    /// life of their process ended.
    OutlivedTaken {
        /// The socket.
        socket: usize,
    },
    /// A cleanup of a process was counted.
    CleanedUp {
        /// The process.
        process: ProcessId,
        /// It closes everything of the process.
        acts: bool,
        /// Startups that no cleanup has matched yet, counted from the calls.
        startups_left: u32,
    },
    /// A thread left a descriptor and was told to claim it, because nobody is
    /// left inside.
    LastOut {
        /// The slot.
        slot: usize,
    },
    /// The peer acknowledged bytes.
    Acknowledged {
        /// The socket.
        socket: usize,
    },
    /// The peer reset the connection, or the network failed.
    ConnectionLost {
        /// The socket.
        socket: usize,
    },
    /// The deadline of a drain was reached.
    Expired {
        /// The socket.
        socket: usize,
    },
    /// The handle of a descriptor was given back.
    HandleReturned {
        /// The slot.
        slot: usize,
    },
}

/// One step: the world before it, what happened, the world after it.
#[derive(Debug)]
pub struct Step<'a, W> {
    /// The world before.
    pub before: &'a W,
    /// What happened.
    pub event: Event,
    /// The world after.
    pub after: &'a W,
}

impl<W> Clone for Step<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Step<'_, W> {}

/// Descriptors and records that really refer to a socket, counted from them and
/// not from its reference count.
pub(super) fn references(world: &impl World, socket: usize) -> usize {
    let descriptors = (0..world.slots())
        .map(|slot| world.descriptor(slot))
        .filter(|it| it.socket == socket && it.state == DescriptorState::Open)
        .count();
    let records = (0..world.records())
        .map(|record| world.record(record))
        .filter(|it| it.socket == socket && it.unredeemed)
        .count();
    descriptors + records
}

/// A machine when the FIN of a shutdown is due that has waited for the last pending send
/// of the socket, if none is pending here any more (S1a). It is the shutdown's, whatever
/// has ended that send.
pub(super) fn with_fin_due(world: &impl World, socket: usize, machine: Socket) -> Socket {
    let waited_for = |index: usize| {
        let it = world.operation(index);
        it.socket == socket
            && it.state == OperationState::Pending
            && matches!(it.kind, OperationKind::Send | OperationKind::Connect)
    };
    let mut due = machine;
    if !(0..world.operations()).any(waited_for) {
        let _ = due.sends_ended();
    }
    due
}

/// Whether the slot's descriptor of this generation is open.
pub(super) fn is_open(world: &impl World, slot: usize, generation: u32) -> bool {
    let descriptor = world.descriptor(slot);
    descriptor.state == DescriptorState::Open && descriptor.generation == generation
}
