//! Accepts that give a descriptor, in the order of the engine: the section that
//! registers one reserves a slot, the one that takes a connection opens it, whoever
//! tells the result looks at the process.
//!
//! A scenario says with [`Call::TakeAccepted`] which socket the connection becomes.
//! One that no thread takes up is not followed any further, and has no slot.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::Did;
use closesocket::protocol::word::{self, Word};
use closesocket::protocol::{Error, Linger, OperationKind, Socket, Waiting};

use super::call::generation_of;
use super::{Done, Steps, is_free, is_live};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{State, WORKER, small};

impl Steps<'_> {
    /// The socket that the connection becomes which this operation takes, if it is an
    /// accept that gives a descriptor.
    fn connection_of(&self, operation: usize) -> Option<u8> {
        if self.scenario.operations[operation].kind != OperationKind::Accept {
            return None;
        }
        let mut calls = self.scenario.threads.iter().flat_map(|it| it.calls);
        calls.find_map(|call| match *call {
            Call::TakeAccepted {
                operation: it,
                socket,
            } if usize::from(it) == operation => Some(socket),
            _ => None,
        })
    }

    /// The connection of the accept that this thread's call starts.
    fn connection_for(&self, t: usize, state: &State) -> Option<u8> {
        match self.call(t, &state.thread(t)) {
            Some(Call::Start { operation, .. }) => self.connection_of(usize::from(operation)),
            _ => None,
        }
    }

    /// The section of a call; of an accept that may start one for each slot that it
    /// can reserve, which is kept for its connection.
    pub(super) fn sections(
        &self,
        before: &State,
        t: usize,
        out: &mut impl FnMut(What, Event, &State),
    ) {
        let mut one = |mut after: State, slot: Option<u8>| {
            let (what, event) = self.section(&mut after, t);
            out(
                slot.map_or(what, |slot| reserving(what, slot)),
                event,
                &after,
            );
        };
        let thread = before.thread(t);
        let starts = self.connection_for(t, before).filter(|_| {
            let live = is_live(before, thread.slot(), thread.generation());
            let machine = before.socket(thread.socket()).machine();
            machine.may_start(OperationKind::Accept, live).is_ok()
        });
        let mut reserved = false;
        if let Some(connection) = starts {
            for (index, spec) in self.scenario.slots.iter().enumerate() {
                let it = before.slot(index);
                if spec.process != self.process_of(t) || !is_free(it.word()) || it.reserved() {
                    continue;
                }
                reserved = true;
                let mut after = *before;
                let mut slot = after.slot_mut(index);
                slot.set_reserved(true);
                slot.set_socket(connection);
                drop(slot);
                one(after, Some(small(index)));
            }
        }
        if !reserved {
            one(*before, None);
        }
    }

    /// The slot that is kept for this accept's connection, or holds it.
    fn slot_of(&self, state: &State, operation: usize) -> Option<usize> {
        let connection = self.connection_of(operation)?;
        (0..self.scenario.slots.len()).find(|&index| {
            let it = state.slot(index);
            it.socket() == connection && (it.reserved() || !is_free(it.word()))
        })
    }

    /// Whether an accept has its slot, if it needs one.
    pub(super) fn has_slot(&self, state: &State, operation: usize) -> Result<(), Error> {
        let needs = self.connection_of(operation).is_some();
        match self.slot_of(state, operation) {
            None if needs => Err(Error::TooManyDescriptors),
            _ => Ok(()),
        }
    }

    /// The slot of an accept that has ended without a connection is free for others.
    pub(super) fn give_back_slot(&self, state: &mut State, operation: usize) {
        if let Some(index) = self.slot_of(state, operation)
            && state.slot(index).reserved()
        {
            let mut slot = state.slot_mut(index);
            slot.set_reserved(false);
            slot.set_socket(0);
        }
    }

    /// The connection that an accept takes becomes a socket with a descriptor in the
    /// same section (R4).
    pub(super) fn take_connection(&self, state: &mut State, operation: usize, listener: &Socket) {
        let Some(index) = self.slot_of(state, operation) else {
            return;
        };
        let socket = state.slot(index).socket();
        let accepted = Socket::accepted(listener);
        state.socket_mut(socket).set_machine(accepted);
        if !self.opens_later(operation) {
            self.open_in(state, small(index), socket);
        }
    }

    /// The slot that this accept has opened.
    pub(super) fn opened(&self, state: &State, operation: usize) -> Option<usize> {
        let slot = self.slot_of(state, operation);
        slot.filter(|it| !state.slot(*it).reserved())
    }

    /// What has happened, if an accept has made a socket of a connection.
    pub(super) fn accepted(&self, state: &State, operation: usize, listener: u8) -> Option<Event> {
        let index = self.opened(state, operation)?;
        Some(Event::Accepted {
            socket: usize::from(state.slot(index).socket()),
            taken: Socket::accepted(&state.socket(listener).machine()),
        })
    }

    /// The thread has the descriptor of the connection, if there is one, and has to
    /// look at its process: whoever tells of it, or the blocked thread itself, which
    /// leaves the listener behind that.
    pub(super) fn has_accepted(&self, state: &mut State, t: usize, operation: usize) {
        let Some(index) = self.opened(state, operation) else {
            return;
        };
        self.own(state, t, index);
        if self.waiting(operation) == Waiting::Blocked {
            state.thread_mut(t).set_holding(true);
            self.after(state, t, Did::Open { opened: true });
        }
    }

    fn own(&self, state: &mut State, t: usize, index: usize) {
        let generation = generation_of(state.slot(index).word());
        let mut thread = state.thread_mut(t);
        thread.set_own_slot(small(index));
        thread.set_own_generation(generation);
    }

    /// Takes the descriptor out of the result of an accept, once that has ended: no
    /// step of the provider's.
    pub(super) fn take_accepted(
        &self,
        before: &State,
        t: usize,
        operation: u8,
        out: &mut impl FnMut(What, Event, &State),
    ) {
        let it = before.operation(operation);
        if matches!(
            it.state(),
            OperationState::Pending | OperationState::Ending(_)
        ) {
            return;
        }
        let mut after = *before;
        Self::finish(&mut after, t);
        let slot = self.opened(before, usize::from(operation));
        let what = match slot.filter(|_| it.succeeded()) {
            None => What::Skip,
            Some(index) => {
                self.own(&mut after, t, index);
                What::TakeAccepted {
                    slot: small(index),
                    socket: before.slot(index).socket(),
                }
            }
        };
        out(what, Event::Internal, &after);
    }

    /// The slot gets its socket, and one `fetch_add` opens the word.
    pub(super) fn open_in(&self, state: &mut State, slot: u8, socket: u8) {
        let mut descriptor = state.slot_mut(slot);
        let opened = Word::from_bits(descriptor.word().bits() + word::STEP);
        descriptor.set_word(opened);
        descriptor.set_socket(socket);
        descriptor.set_reserved(false);
        drop(descriptor);
        let created = state.rest().created().max(socket + 1);
        state.rest_mut().set_created(created);
    }
}

/// The defect of an accept that opens its descriptor in a section of its own.
impl Steps<'_> {
    fn opens_later(&self, operation: usize) -> bool {
        self.has(Defect::TakesOptionsLater) && self.waiting(operation) == Waiting::Overlapped
    }

    /// Whether the worker has still to open the slot of this accept.
    pub(super) fn is_to_be_opened(&self, state: &State, operation: usize) -> bool {
        self.opens_later(operation)
            && self
                .slot_of(state, operation)
                .is_some_and(|it| state.slot(it).reserved())
    }

    /// The worker opens what it has taken, with the options that the listener has by
    /// now.
    pub(super) fn open_accepted(&self, state: &mut State) -> Done {
        let operation = state.thread(WORKER).taken().trailing_zeros() as usize;
        let Some(index) = self.slot_of(state, operation) else {
            return (What::Skip, Event::Internal);
        };
        let (slot, socket) = (small(index), state.slot(index).socket());
        let taken = state.socket(socket).machine();
        let listener = state.socket(state.operation(operation).socket());
        let later = options_now(&listener.machine());
        state.socket_mut(socket).set_machine(later);
        self.open_in(state, slot, socket);
        self.own(state, WORKER, index);
        self.after(state, WORKER, Did::TakeOut);
        let event = Event::Accepted {
            socket: usize::from(socket),
            taken,
        };
        (What::Open { slot, socket }, event)
    }
}

/// The step of an accept, with the slot that it has reserved.
const fn reserving(what: What, slot: u8) -> What {
    match what {
        What::Register { operation, .. } => What::RegisterAccept { operation, slot },
        What::CompleteAtOnce { operation, .. } => What::AcceptAtOnce { operation, slot },
        other => other,
    }
}

/// A defect's socket of a connection: with what its listener has by now, or the
/// defaults if that is closed.
fn options_now(listener: &Socket) -> Socket {
    let mut accepted = Socket::accepted(listener);
    if !listener.is_open() {
        accepted.set_linger(Linger::off());
        accepted.set_nonblocking(false);
    }
    accepted
}
