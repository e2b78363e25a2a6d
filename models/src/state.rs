//! The state of the model: what the step programs change and what the
//! invariants are judged on.
//!
//! Everything is small and `Copy`, and packed into 64 bytes.

use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

use closesocket::protocol::invariant::{OperationState, Violations};
use closesocket::protocol::word::Word;
use closesocket::protocol::{Cause, DuplicationRecord, Socket, Startups};

/// Threads: four with scripts, and the transport's worker.
pub const THREADS: usize = 5;
/// The transport's thread, which completes operations.
pub const WORKER: usize = THREADS - 1;
/// Descriptor slots over all processes.
pub const SLOTS: usize = 4;
/// Sockets.
pub const SOCKETS: usize = 3;
/// Operations. Each index is used at most once.
pub const OPERATIONS: usize = 4;
/// Duplication records.
pub const RECORDS: usize = 2;
/// Processes.
pub const PROCESSES: usize = 2;

/// Where a thread is in its step program: what it will do next.
///
/// The names follow the engine's steps. One variant left is one transition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum At {
    /// Between two calls of its script.
    #[default]
    Ready,
    /// Entered and refused: has to take its holder back.
    Refused,
    /// Admitted: holds the descriptor, its critical section is next.
    Inside,
    /// Blocked in an operation, which has the hold.
    Blocked,
    /// Done with the call: gives up its hold.
    Leaving,
    /// Looked at an open descriptor: wants the socket's lock to close it.
    Looked,
    /// Has the lock and loaded the word: the commit is next.
    Committing,
    /// Has taken operations out: delivers them one by one.
    Delivering,
    /// Waits for the drain of its lingering close.
    Waiting,
    /// Closed and delivered everything: gives up the holds it has left.
    Quitting,
    /// Took a closed descriptor to "nobody inside": tries to claim it.
    Claiming,
    /// Claimed the slot: the handle upcall is next.
    Upcalling,
    /// The handle is dealt with: recycles the slot.
    Recycling,
    /// Has reserved a slot for a new descriptor.
    Reserved,
    /// Opened a descriptor: looks whether its process is gone meanwhile.
    Opened,
    /// Cleanup or death: takes the next slot of the process.
    NextSlot,
    /// Death: takes the next duplication record that targets the process.
    NextRecord,
}

impl At {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 17] = [
        Self::Ready,
        Self::Refused,
        Self::Inside,
        Self::Blocked,
        Self::Leaving,
        Self::Looked,
        Self::Committing,
        Self::Delivering,
        Self::Waiting,
        Self::Quitting,
        Self::Claiming,
        Self::Upcalling,
        Self::Recycling,
        Self::Reserved,
        Self::Opened,
        Self::NextSlot,
        Self::NextRecord,
    ];
}

/// One thread: its place in its script, its place in the present call, and the
/// local variables of that call. What a call no longer needs is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Which call of its script it is in, or will make next.
    pub call: u8,
    /// What it will do next in that call.
    pub at: At,
    /// The slot it works on.
    pub slot: u8,
    /// The generation it works on.
    pub generation: u8,
    /// The holders it saw when it loaded the word it wants to swap.
    pub guess: u8,
    /// The socket it found in the slot.
    pub socket: u8,
    /// The operations it took out, as a mask: to be delivered, and then to be
    /// left for.
    pub taken: u8,
    /// It closed a descriptor and still has its own hold on it.
    pub holding: bool,
    /// Its close had to wait.
    pub waited: bool,
    /// Its wait was cancelled.
    pub cancelled: bool,
    /// The slot of the descriptor it got by opening, accepting or redeeming.
    pub own_slot: u8,
    /// The generation of that descriptor; 0 for none.
    pub own_generation: u8,
    /// How far cleanup or death has come: a slot, then a record.
    pub cursor: u8,
}

/// One descriptor slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The real descriptor word, as the engine's atomic has it.
    pub word: Word,
    /// Why the occupant was closed, if it was.
    pub cause: Cause,
    /// The socket it refers to.
    pub socket: u8,
    /// How often its handle was given back.
    pub returns: u8,
    /// Giving its handle back failed.
    pub retired: bool,
    /// Somebody took the free slot and has not opened it yet.
    pub reserved: bool,
}

/// One socket: the shipped machine, and what really happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketState {
    /// The shipped machine.
    pub machine: Socket,
    /// How often it was released.
    pub releases: u8,
    /// Bytes that senders were told are accepted.
    pub accepted: u8,
    /// Bytes that the peer acknowledged.
    pub acknowledged: u8,
    /// The transport was told to reset the connection.
    pub reset: bool,
    /// Connections that wait in the transport's backlog.
    pub waiting: u8,
    /// A thread waits for the drain and keeps the lock (a defect).
    pub locked_by_waiter: bool,
    /// How often the peer will still send something.
    pub inputs_left: u8,
    /// How many connections will still join the backlog.
    pub joins_left: u8,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// How far it has come.
    pub state: OperationState,
    /// The slot it was issued through.
    pub slot: u8,
    /// The generation it was issued with.
    pub generation: u8,
    /// The socket it acts on.
    pub socket: u8,
    /// Bytes of a send that are not accepted yet.
    pub remaining: u8,
    /// It completed with success.
    pub succeeded: bool,
}

/// One duplication record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The shipped record, once it was created.
    pub record: Option<DuplicationRecord>,
    /// The socket it refers to.
    pub socket: u8,
}

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The shipped startup count.
    pub startups: Startups,
    /// It has cleaned up, or died.
    pub gone: Option<Cause>,
}

/// The whole world of a scenario at one moment, packed into eight words with a
/// cheap hash: what a search stores.
///
/// Its parts are unpacked when they are read and packed when they were changed;
/// a step touches few of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct State(pub(crate) Words);

/// The words of a packed state; [`pack`](crate::pack) says what is where.
pub(crate) type Words = [u64; 8];

/// A part of the state that has its own place in the words.
pub trait Part: Copy {
    /// Unpacks the part with this index.
    #[doc(hidden)]
    fn read(words: &[u64; 8], index: usize) -> Self;
    /// Packs it.
    #[doc(hidden)]
    fn write(&self, words: &mut [u64; 8], index: usize);
}

/// A part that is being changed: packed again when it is dropped.
#[derive(Debug)]
pub struct Change<'a, T: Part> {
    words: &'a mut Words,
    index: usize,
    part: T,
}

impl<T: Part> Deref for Change<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.part
    }
}

impl<T: Part> DerefMut for Change<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.part
    }
}

impl<T: Part> Drop for Change<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.part.write(self.words, self.index);
    }
}

/// What there is one of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// How many of the sockets exist.
    pub created: u8,
    /// Nothing could happen any more, and that was judged.
    pub rested: bool,
    /// What the step into this state violated; such a state has no successors.
    pub violated: Violations,
}

impl State {
    #[inline(always)]
    fn change<T: Part>(&mut self, index: usize) -> Change<'_, T> {
        let part = T::read(&self.0, index);
        Change {
            words: &mut self.0,
            index,
            part,
        }
    }

    /// A thread; the last is the transport's worker.
    #[inline(always)]
    #[must_use]
    pub fn thread(&self, index: impl Into<usize>) -> Thread {
        Thread::read(&self.0, index.into())
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn thread_mut(&mut self, index: impl Into<usize>) -> Change<'_, Thread> {
        self.change(index.into())
    }

    /// A descriptor slot.
    #[inline(always)]
    #[must_use]
    pub fn slot(&self, index: impl Into<usize>) -> Slot {
        Slot::read(&self.0, index.into())
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn slot_mut(&mut self, index: impl Into<usize>) -> Change<'_, Slot> {
        self.change(index.into())
    }

    /// A socket.
    #[inline(always)]
    #[must_use]
    pub fn socket(&self, index: impl Into<usize>) -> SocketState {
        SocketState::read(&self.0, index.into())
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn socket_mut(&mut self, index: impl Into<usize>) -> Change<'_, SocketState> {
        self.change(index.into())
    }

    /// An operation.
    #[inline(always)]
    #[must_use]
    pub fn operation(&self, index: impl Into<usize>) -> Operation {
        Operation::read(&self.0, index.into())
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn operation_mut(&mut self, index: impl Into<usize>) -> Change<'_, Operation> {
        self.change(index.into())
    }

    /// A duplication record.
    #[inline(always)]
    #[must_use]
    pub fn record(&self, index: impl Into<usize>) -> Record {
        Record::read(&self.0, index.into())
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn record_mut(&mut self, index: impl Into<usize>) -> Change<'_, Record> {
        self.change(index.into())
    }

    /// A process.
    #[inline(always)]
    #[must_use]
    pub fn process(&self, index: impl Into<usize>) -> Process {
        Process::read(&self.0, index.into())
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn process_mut(&mut self, index: impl Into<usize>) -> Change<'_, Process> {
        self.change(index.into())
    }

    /// What there is one of.
    #[inline(always)]
    #[must_use]
    pub fn rest(&self) -> Rest {
        Rest::read(&self.0, 0)
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn rest_mut(&mut self) -> Change<'_, Rest> {
        self.change(0)
    }

    /// What the step into this state violated.
    #[inline(always)]
    #[must_use]
    pub fn violated(&self) -> Violations {
        self.rest().violated
    }

    /// Every thread.
    pub fn threads(&self) -> impl Iterator<Item = Thread> {
        (0..THREADS).map(|index| self.thread(index))
    }

    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        (0..OPERATIONS).map(|index| self.operation(index))
    }

    /// Whether this process has died.
    #[must_use]
    pub fn is_dead(&self, process: usize) -> bool {
        self.process(process).gone == Some(Cause::Death)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for pair in self.0.as_chunks::<2>().0 {
            state.write_u128(u128::from(pair[0]) << 64 | u128::from(pair[1]));
        }
    }
}

/// An index as the state stores it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "indices are below 16")]
pub const fn small(index: usize) -> u8 {
    (index & 15) as u8
}
