//! A call through a descriptor: enter, section, leave.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::Did;
use closesocket::protocol::word::{self, Word};
use closesocket::protocol::{DuplicationRecord, ProcessId, Socket, Waiting};

use super::{Done, Steps, has_pending_sends, is_live};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::{Call, Handle, set_linger};
use crate::state::{State, Thread, small};

impl Steps<'_> {
    /// enter: one `fetch_add`, judged by the shipped `admit` (D1, D3).
    pub(super) fn enter(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let handle = match self.call(t, &thread) {
            Some(Call::Start { through, .. } | Call::Duplicate { through, .. }) => through,
            Some(
                Call::SetLinger(handle, _)
                | Call::ShutDownSend(handle)
                | Call::CancelThrough(handle),
            ) => handle,
            _ => Handle::Own,
        };
        let (slot, issued) = Self::resolve(&thread, handle);
        let mut generation = issued;
        let mut descriptor = state.slot_mut(slot);
        let before = descriptor.word();
        if self.has(Defect::ResolvesByValue) {
            generation = generation_of(before);
        }
        let holds = u64::from(self.entrants(t, &thread));
        descriptor.set_word(Word::from_bits(before.bits() + holds * word::HOLDER));
        let socket = descriptor.socket();
        drop(descriptor);
        let mut thread = state.thread_mut(t);
        thread.set_slot(slot);
        if word::admit(before, u32::from(generation), holds).is_err() {
            drop(thread);
            self.after(state, t, Did::Enter { admitted: false });
            return (What::EnterRefused { slot, generation }, Event::Internal);
        }
        thread.set_generation(generation);
        thread.set_socket(socket);
        drop(thread);
        self.after(state, t, Did::Enter { admitted: true });
        if self.has(Defect::ResolvesAgain) {
            state.slot_mut(slot).set_word(before);
        }
        let event = Event::Admitted {
            slot: usize::from(slot),
            generation: u32::from(issued),
        };
        (What::Enter { slot, generation }, event)
    }

    /// With how many holds this thread enters: an overlapped call has one for
    /// its operation (H2).
    fn entrants(&self, t: usize, thread: &Thread) -> u8 {
        match self.call(t, thread) {
            Some(Call::Start { operation, .. })
                if self.waiting(usize::from(operation)) == Waiting::Overlapped
                    && !self.has(Defect::GivesTheHoldToTheOperation) =>
            {
                2
            }
            _ => 1,
        }
    }

    /// back out: one `fetch_sub`; the transient entry may have been the last
    /// holder of whoever has the slot now.
    pub(super) fn back_out(&self, state: &mut State, t: usize) -> Done {
        let slot = state.thread(t).slot();
        if self.has(Defect::ForgetsToBackOut) {
            let event = self.after(state, t, Did::Leave { last_out: false });
            return (What::BackOut { slot }, event);
        }
        let holds = self.entrants(t, &state.thread(t));
        let event = self.give_up(state, t, slot, holds);
        (What::BackOut { slot }, event)
    }

    /// The critical section of a call under its socket's lock.
    pub(super) fn section(&self, state: &mut State, t: usize) -> Done {
        if self.has(Defect::ResolvesAgain) {
            self.resolve_again(state, t);
        }
        let thread = state.thread(t);
        let live =
            is_live(state, thread.slot(), thread.generation()) || self.has(Defect::ResolvesAgain);
        let socket = usize::from(thread.socket());
        let blocked = false;
        self.after(state, t, Did::Section { blocked });
        match self.call(t, &thread) {
            Some(Call::Start { operation, .. }) => self.register(state, t, operation, live),
            Some(Call::SetLinger(_, seconds)) => {
                if live {
                    state.socket_mut(socket).run(|machine| {
                        machine.set_linger(set_linger(machine.linger, seconds));
                    });
                }
                (What::SetLinger { seconds }, Event::Internal)
            }
            Some(Call::ShutDownSend(_)) => {
                if live {
                    let pending = has_pending_sends(self.scenario, state, thread.socket())
                        && !self.has(Defect::FinOvertakesSends);
                    let shut = |machine: &mut Socket| machine.shut_down_send(pending);
                    let orders = state.socket_mut(socket).run(shut);
                    self.carry_out(state, thread.socket(), orders.unwrap_or_default());
                }
                let socket = thread.socket();
                (What::ShutDownSend { socket }, Event::Internal)
            }
            Some(Call::CancelThrough(_)) => self.cancel_through(state, t, live),
            Some(Call::Duplicate { target, record, .. }) => {
                self.duplicate(state, &thread, live, target, record)
            }
            _ => (What::Skip, Event::Internal),
        }
    }

    /// The call enters its slot anew and takes the present occupant's socket.
    fn resolve_again(&self, state: &mut State, t: usize) {
        let slot = state.thread(t).slot();
        let holds = u64::from(self.entrants(t, &state.thread(t)));
        let mut descriptor = state.slot_mut(slot);
        let entered = Word::from_bits(descriptor.word().bits() + holds * word::HOLDER);
        descriptor.set_word(entered);
        let socket = descriptor.socket();
        drop(descriptor);
        state.thread_mut(t).set_socket(socket);
    }

    /// duplicate: the target's flag is checked in the section (D5, D6a).
    fn duplicate(
        &self,
        state: &mut State,
        thread: &Thread,
        live: bool,
        target: u8,
        record: u8,
    ) -> Done {
        let socket = thread.socket();
        let target_lives = !state.is_dead(usize::from(target));
        let target_lives = target_lives || self.has(Defect::DuplicatesForTheDead);
        let mut machine = state.socket(socket).machine();
        let made = machine.duplicate(live, target_lives).is_ok();
        if !self.has(Defect::RecordIsNoReference) {
            state.socket_mut(socket).set_machine(machine);
        }
        let mut event = Event::Internal;
        if made {
            let target = ProcessId(u32::from(target));
            let mut made = state.record_mut(record);
            made.set_record(Some(DuplicationRecord::new(target)));
            made.set_socket(socket);
            drop(made);
            event = Event::Duplicated {
                record: usize::from(record),
                slot: usize::from(thread.slot()),
                generation: u32::from(thread.generation()),
            };
        }
        (What::Duplicate { record, made }, event)
    }

    /// leave: the call gives up its hold, and that of an operation that it did
    /// not register.
    pub(super) fn leave(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let slot = thread.slot();
        let registered = match self.call(t, &thread) {
            Some(Call::Start { operation, .. }) => {
                self.waiting(usize::from(operation)) == Waiting::Overlapped
                    && state.operation(operation).state() != OperationState::Idle
            }
            _ => false,
        };
        if registered && self.has(Defect::GivesTheHoldToTheOperation) {
            let event = self.after(state, t, Did::Leave { last_out: false });
            return (What::Leave { slot, holds: 0 }, event);
        }
        let holds = self.entrants(t, &thread) - u8::from(registered);
        let event = self.give_up(state, t, slot, holds);
        (What::Leave { slot, holds }, event)
    }
}

/// The generation of a word, as small as the model's are.
pub(super) fn generation_of(word: Word) -> u8 {
    small(word.generation() as usize)
}
