//! The parts of the state, packed as they are stored.

use closesocket::protocol::invariant::{OperationState, Violations};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::Word;
use closesocket::protocol::{Cause, DuplicationRecord, Socket, Startups};

use super::fields::{bit_fields, one_each, width};
use super::machine::Machine;
use super::size::{
    ACCEPTED_BITS, ARRIVAL_BITS, CALLS, CHUNK_BITS, OPERATIONS, SLOT_BITS, SLOTS, SOCKET_BITS,
    SOCKETS, SWEPT, TARGET_BITS,
};
use super::values::{GENERATION_BITS, HOLDERS_BITS, WORD_BITS};

bit_fields! {
    /// One thread: its place in its script, its place in the present call, and the
    /// local variables of that call. What a call no longer needs is zero.
    pub struct Thread {
        /// Which call of its script it is in, or will make next.
        call, set_call: u8 = Self::CALL_BITS,
        /// What it will do next in that call.
        next, set_next: Next = Self::NEXT_BITS,
        /// The slot it works on.
        slot, set_slot: u8 = SLOT_BITS,
        /// The generation it works on.
        generation, set_generation: u8 = GENERATION_BITS,
        /// The holders it saw when it loaded the word it wants to swap; in a cleanup
        /// or death that has closed every descriptor, the sockets on which it has
        /// still to take out what outlived them, as a mask.
        guess, set_guess: u8 = HOLDERS_BITS,
        /// The socket it found in the slot.
        socket, set_socket: u8 = SOCKET_BITS,
        /// The operations it took out, as a mask: to be delivered, and then to be
        /// left for.
        taken, set_taken: u8 = one_each(OPERATIONS),
        /// It closed a descriptor and still has its own hold on it.
        holding, set_holding: bool = 1,
        /// Its close had to wait.
        waited, set_waited: bool = 1,
        /// Its wait was cancelled.
        cancelled, set_cancelled: bool = 1,
        /// The slot of the descriptor it got by opening, accepting or redeeming.
        own_slot, set_own_slot: u8 = SLOT_BITS,
        /// The generation of that descriptor; 0 for none.
        own_generation, set_own_generation: u8 = GENERATION_BITS,
        /// How far cleanup or death has come: a slot, then what outlived them, then
        /// a record.
        cursor, set_cursor: u8 = width(SWEPT),
    }
}

bit_fields! {
    /// One descriptor slot.
    pub struct Slot {
        /// The real descriptor word, as the engine's atomic has it.
        word, set_word: Word = WORD_BITS,
        /// Why the occupant was closed, if it was.
        cause, set_cause: Cause = 2,
        /// The socket it refers to; of one that an accept has reserved, the connection
        /// that it is for.
        socket, set_socket: u8 = SOCKET_BITS,
        /// How often its handle was given back.
        returns, set_returns: u8 = 2,
        /// Giving its handle back failed.
        retired, set_retired: bool = 1,
        /// Somebody took the free slot and has not opened it yet.
        reserved, set_reserved: bool = 1,
    }
}

bit_fields! {
    /// One socket: the shipped machine, and what really happened.
    pub struct SocketState {
        /// The shipped machine.
        machine, set_machine: Socket = Machine::BITS,
        /// How often it was released.
        releases, set_releases: u8 = 2,
        /// Bytes that senders were told are accepted.
        accepted, set_accepted: u8 = ACCEPTED_BITS,
        /// Bytes that the peer acknowledged.
        acknowledged, set_acknowledged: u8 = ACCEPTED_BITS,
        /// The transport was told to reset the connection.
        reset, set_reset: bool = 1,
        /// Connections that wait in the transport's backlog.
        waiting, set_waiting: u8 = ARRIVAL_BITS,
        /// A thread waits for the drain and keeps the lock (a defect).
        locked_by_waiter, set_locked_by_waiter: bool = 1,
        /// How often the peer will still send something.
        inputs_left, set_inputs_left: u8 = ARRIVAL_BITS,
        /// How many connections will still join the backlog.
        joins_left, set_joins_left: u8 = ARRIVAL_BITS,
    }
}

bit_fields! {
    /// One operation.
    pub struct Operation {
        /// How far it has come.
        state, set_state: OperationState = 4,
        /// The slot it was issued through.
        slot, set_slot: u8 = SLOT_BITS,
        /// The generation it was issued with.
        generation, set_generation: u8 = GENERATION_BITS,
        /// The socket it acts on.
        socket, set_socket: u8 = SOCKET_BITS,
        /// Bytes of a send that are not accepted yet.
        remaining, set_remaining: u8 = CHUNK_BITS,
        /// It completed with success.
        succeeded, set_succeeded: bool = 1,
        /// It was taken out to end silently.
        silent, set_silent: bool = 1,
        /// How many of its direction were registered on its socket before it.
        number, set_number: u8 = width(OPERATIONS - 1),
    }
}

bit_fields! {
    /// One duplication record.
    pub struct Record {
        /// The shipped record, once it was created.
        record, set_record: Option<DuplicationRecord> = 2 + TARGET_BITS,
        /// The socket it refers to.
        socket, set_socket: u8 = SOCKET_BITS,
    }
}

bit_fields! {
    /// One process.
    pub struct Process {
        /// The shipped startup count.
        startups, set_startups: Startups = 2,
        /// It has cleaned up, or died.
        gone, set_gone: Option<Cause> = 2,
        /// Its slots whose occupants, or those to be, are of an ended life though
        /// another has begun, as a mask.
        old, set_old: u8 = one_each(SLOTS),
    }
}

bit_fields! {
    /// What there is one of.
    pub struct Rest {
        /// How many of the sockets exist.
        created, set_created: u8 = width(SOCKETS),
        /// Nothing could happen any more, and that was judged.
        rested, set_rested: bool = 1,
        /// What the step into this state violated; such a state has no successors.
        violated, set_violated: Violations = 29,
    }
}

impl SocketState {
    /// Has the shipped machine do something.
    #[inline(always)]
    pub(crate) fn run<R>(&mut self, step: impl FnOnce(&mut Socket) -> R) -> R {
        let mut machine = self.machine();
        let result = step(&mut machine);
        self.set_machine(machine);
        result
    }
}

impl Thread {
    /// How many of its lowest bits say in which call it is.
    pub(crate) const CALL_BITS: u32 = width(CALLS);
    /// How many behind them say what it does next there.
    const NEXT_BITS: u32 = 5;
    /// How many places there are.
    pub(crate) const PLACES: usize = 1 << (Self::CALL_BITS + Self::NEXT_BITS);

    /// Where it is in its script and in its call, as one number: both fields as
    /// they are packed.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "it is below `PLACES`")]
    pub(crate) const fn place(self) -> usize {
        self.0 as usize & (Self::PLACES - 1)
    }

    /// The call of this place, and what is done next in it.
    #[expect(clippy::cast_possible_truncation, reason = "the call is below `CALLS`")]
    pub(crate) const fn at_place(place: usize) -> (u32, Next) {
        let at = place >> Self::CALL_BITS;
        let known = if at < Next::ALL.len() { at } else { 0 };
        let call = place & ((1 << Self::CALL_BITS) - 1);
        (call as u32, Next::ALL[known])
    }

    /// The thread before this call, with nothing but its own descriptor.
    #[inline(always)]
    #[must_use]
    pub(crate) fn at_call(self, call: u8) -> Self {
        let mut next = Self::default();
        next.set_call(call);
        next.set_own_slot(self.own_slot());
        next.set_own_generation(self.own_generation());
        next
    }
}
