//! The state of a representative: slot, socket, operations and threads.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::{self, Word, WordPhase};
use closesocket::protocol::{Cause, DuplicationRecord, ProcessId};

use super::super::call::{INSIDER, Kind, OPERATIONS, operations, threads};
use super::super::ghost::Ghosts;
use super::super::key::CURRENT;
use super::fillers::Fillers;
use super::{Builder, Lives, Mover, SLOTS, World};
use crate::scenario::{Scenario, startups};
use crate::state::{PROCESSES, State, Thread, WORKER};

impl Builder<'_> {
    /// The representative with these fillers.
    pub(super) fn world(
        &self,
        call: Kind,
        operation: usize,
        fillers: Fillers,
        handle: u8,
    ) -> World {
        let key = self.view.key;
        let mut state = State::blank();
        for process in 0..PROCESSES {
            state.process_mut(process).set_startups(startups(1));
        }
        self.end_lives(&mut state);
        for socket in 0..2_usize {
            *state.socket_mut(socket) = self.family.fresh();
        }
        if key.has_socket() {
            let mut socket = key.socket();
            let references = key.own() + self.others;
            socket.run(|it| it.references = references);
            socket.set_inputs_left(self.family.socket().inputs);
            let more = self.family.socket().joins > socket.waiting();
            socket.set_joins_left(u8::from(more));
            *state.socket_mut(0_usize) = socket;
            state.rest_mut().set_created(1);
            self.refer(&mut state, self.others);
            if fillers.remote != 0 && self.others == 0 {
                // What is pending there has outlived its descriptor.
                let mut it = state.slot_mut(1_usize);
                it.set_word(Word::new(1, WordPhase::Sealed, 1));
            }
        }
        self.put_operations(&mut state, &fillers);
        let mover = self.put_actor(&mut state, call, &fillers, handle);
        self.put_slot(&mut state, &fillers);
        let shown = Ghosts::PENDING.and(Ghosts::ASLEEP);
        let pending = fillers.pending & !fillers.remote;
        let none_shown = pending == 0 && self.rest.any(shown);
        World {
            scenario: Scenario {
                name: self.family.name,
                summary: self.family.summary,
                sockets: self.family.sockets,
                slots: SLOTS,
                operations: operations(
                    key.socket().machine().connection,
                    call.operation().map(|it| it.kind),
                    (fillers.blocked, fillers.sends),
                ),
                threads: threads(call, operation),
                surroundings: self.family.surroundings,
                states: 0,
            },
            state,
            mover,
            call,
            rest: self.rest,
            shown: if none_shown { Ghosts::NONE } else { shown },
            sends: key.sends() && fillers.sends & fillers.pending == 0,
            remote: fillers.remote,
        }
    }

    fn end_lives(&self, state: &mut State) {
        let (at, cause) = match self.lives {
            Lives::GoOn => return,
            Lives::StartedAgain => return state.process_mut(0_u8).set_old(1),
            Lives::CleanedUp => (0_u8, Cause::Cleanup),
            Lives::Died => (0, Cause::Death),
            Lives::TargetDied => (1, Cause::Death),
        };
        if at == 1 && self.view.key.is_over() {
            state.process_mut(0_u8).set_old(1);
        }
        let mut process = state.process_mut(at);
        process.set_startups(startups(0));
        process.set_gone(Some(cause));
    }

    /// Other descriptors of the socket.
    pub(super) fn refer(&self, state: &mut State, others: u32) {
        for slot in 1..=others {
            let mut it = state.slot_mut(slot.to_le_bytes()[0]);
            it.set_word(Word::new(1, WordPhase::Open, 0));
            it.set_socket(0);
        }
    }

    fn put_operations(&self, state: &mut State, fillers: &Fillers) {
        let open = self.view.key.phase() == WordPhase::Open;
        // By the closer if that has committed; by the worker if not.
        let cause = (!open || self.view.actor.thread().holding()).then_some(Cause::Call);
        for index in 0..OPERATIONS {
            let is = |mask: u8| mask >> index & 1 == 1;
            let how = match () {
                () if is(fillers.pending) => OperationState::Pending,
                () if is(fillers.taken | fillers.mine[0]) => OperationState::Ending(cause),
                () if is(fillers.delivered | fillers.mine[1]) => OperationState::Ended(cause),
                () => OperationState::Idle,
            };
            let sends = is(fillers.sends);
            let mut it = state.operation_mut(index);
            it.set_state(how);
            it.set_remaining(u8::from(sends) << u8::from(fillers.two));
            // What was taken out before is told as if it were after.
            let silent = self.view.key.is_over() || self.view.actor.call == Kind::Cleanup;
            let taken_out = matches!(how, OperationState::Ending(_));
            it.set_silent(silent && taken_out && !is(fillers.blocked));
            if how != OperationState::Idle {
                it.set_generation(CURRENT);
                it.set_succeeded(cause.is_none() && how != OperationState::Pending);
                if is(fillers.remote) {
                    it.set_slot(1);
                    it.set_generation(1);
                }
            }
            drop(it);
            let asleep = is(fillers.blocked)
                && matches!(how, OperationState::Pending | OperationState::Ending(_));
            if asleep {
                let mut sleeper = state.thread_mut(index);
                sleeper.set_next(Next::Sleep);
                sleeper.set_generation(CURRENT);
            }
        }
    }

    fn put_actor(&self, state: &mut State, call: Kind, fillers: &Fillers, handle: u8) -> Mover {
        if call == Kind::None {
            return Mover::Surroundings;
        }
        let actor = self.view.actor;
        let mut thread = actor.thread();
        if actor.is_nobody() {
            thread = Thread::default();
            thread.set_own_generation(handle);
        }
        let hand = actor.hand();
        match thread.next() {
            Next::Idle => {}
            Next::LookAtProcess => thread.set_own_generation(CURRENT),
            Next::Deliver | Next::Wait | Next::GiveUp => {
                thread.set_own_generation(CURRENT);
                thread.set_taken(fillers.mine[0] | fillers.mine[1]);
            }
            _ => {}
        }
        let at = if call == Kind::Work { WORKER } else { 0 };
        *state.thread_mut(at) = thread;
        if call == Kind::Redeem {
            // One that is there; which it is, is asked when it is redeemed.
            let mut record = state.record_mut(0_usize);
            record.set_record(Some(DuplicationRecord::new(ProcessId(0))));
            record.set_socket(1);
        }
        if let Some(spec) = call.operation() {
            let mut own = state.operation_mut(0_usize);
            own.set_remaining(spec.chunks);
            if hand.registered {
                // Whatever has become of it.
                own.set_state(OperationState::Ended(None));
                own.set_generation(CURRENT);
            }
        }
        Mover::Thread(at)
    }

    /// The word, with everybody whom it counts; who is inside shows when the handle
    /// goes back.
    fn put_slot(&self, state: &mut State, fillers: &Fillers) {
        let key = self.view.key;
        if key.is_alone() {
            return;
        }
        let actor = self.view.actor;
        let (thread, hand) = (actor.thread(), actor.hand());
        let ones = |mask: u8| u64::from(mask.count_ones());
        let entrants = 1 + u64::from(actor.call.is_overlapped());
        let own = match thread.next() {
            Next::BackOut | Next::Section => entrants,
            Next::Leave => entrants - u64::from(hand.registered),
            _ => {
                let overlapped = !fillers.blocked & (fillers.mine[0] | fillers.mine[1]);
                u64::from(thread.holding()) + ones(overlapped)
            }
        };
        let local = fillers.pending & !fillers.remote;
        let sleepers = ones(local & fillers.blocked);
        let answered = ones(fillers.mine[0] & fillers.blocked);
        let at_least = |ghost, there: u64| match self.rest.has(ghost) {
            true => there.max(1),
            false => there,
        };
        let holders = own
            + at_least(Ghosts::PENDING, ones(local & !fillers.blocked))
            + at_least(Ghosts::ASLEEP, sleepers)
            + at_least(Ghosts::UNANSWERED, answered)
            + at_least(Ghosts::HOLDER, 0)
            + at_least(Ghosts::TRANSIENT, 0);
        let mut slot = key.slot();
        slot.set_word(Word::from_bits(slot.word().bits() + holders * word::HOLDER));
        *state.slot_mut(0_usize) = slot;
        if self.rest.has(Ghosts::HOLDER) {
            let mut insider = state.thread_mut(INSIDER);
            insider.set_next(Next::Leave);
            insider.set_generation(CURRENT);
        }
    }
}
