//! From a view back to worlds: the representatives, on which the steps of the model
//! run.
//!
//! A representative is a state of a scenario with the actor as its first thread.
//! What a view says there is *some* of is there once, or twice where a step could
//! use up the one; what no step of the actor can meet is only counted in the word.

mod fillers;

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::{self, Word, WordPhase};
use closesocket::protocol::{Cause, DuplicationRecord, Ending, Phase, ProcessId, RecordState};

use super::call::{INSIDER, Kind, operations, threads};
use super::family::Family;
use super::ghost::Ghosts;
use super::view::{CURRENT, Key, STALE, View};
use crate::scenario::{Scenario, SlotSpec, startups};
use crate::state::{OPERATIONS, PROCESSES, State, Thread, WORKER, small};
use fillers::Fillers;

/// Who takes the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mover {
    Thread(usize),
    Surroundings,
}

/// A representative of a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) state: State,
    pub(super) mover: Mover,
    pub(super) call: Kind,
    /// The rest as it is here: every ghost is there or not.
    pub(super) rest: Ghosts,
    /// Of the rest, what is there as operations and sleeping threads.
    pub(super) shown: Ghosts,
    /// Another send may be pending than those that are there.
    pub(super) sends: bool,
    /// Which operations are of another descriptor of the socket: what becomes of
    /// them is seen from there.
    pub(super) remote: u8,
}

const SLOTS: &[SlotSpec] = &[
    SlotSpec {
        process: 0,
        socket: None,
    },
    SlotSpec {
        process: 1,
        socket: None,
    },
    SlotSpec {
        process: 1,
        socket: None,
    },
];

/// Hands every representative of a view to `out`. A ghost that is left out is none
/// in one and some in another.
pub(super) fn worlds(
    family: &Family,
    left_out: Ghosts,
    view: &View,
    sockets: &[Key],
    out: &mut impl FnMut(&World),
) {
    for unknown in left_out.subsets() {
        let rest = view.rest.and(unknown);
        let others = if view.key.others() { 1..=2 } else { 0..=0 };
        for others in others {
            let builder = Builder {
                family,
                view,
                rest,
                others,
            };
            builder.all(sockets, out);
        }
    }
}

struct Builder<'a> {
    family: &'a Family,
    view: &'a View,
    rest: Ghosts,
    /// References besides the slot's own.
    others: u32,
}

impl Builder<'_> {
    fn all(&self, sockets: &[Key], out: &mut impl FnMut(&World)) {
        let actor = self.view.actor;
        match actor.next() {
            Next::Idle if actor.is_nobody() => self.beginnings(out),
            Next::Open if actor.call == Kind::Redeem => {
                // Only what anybody refers to has a record.
                for socket in sockets.iter().filter(|it| it.others()) {
                    self.redeeming(*socket, out);
                }
            }
            Next::Deliver | Next::Wait | Next::GiveUp => self.in_hand(out),
            // What they can meet is what is pending.
            Next::Lock | Next::Commit | Next::Section if actor.call.operation().is_none() => {
                for fillers in self.fillers(true) {
                    self.one(actor.call, 0, fillers, 0, out);
                    if let Some(fillers) = self.beside_another(fillers) {
                        self.one(actor.call, 0, fillers, 0, out);
                    }
                }
            }
            _ if actor.call.operation().is_some() => {
                let spec = actor.call.operation();
                let blocked = u8::from(!actor.call.is_overlapped());
                let sends = spec.map_or(0, |it| u8::from(it.chunks > 0));
                let fillers = Fillers {
                    blocked,
                    sends,
                    ..Fillers::default()
                };
                self.one(actor.call, 0, fillers, 0, out);
            }
            _ => {
                let fillers = self.fillers(false);
                for fillers in fillers {
                    self.one(actor.call, 0, fillers, 0, out);
                }
            }
        }
    }

    /// Whoever is in no call begins one; and the surroundings.
    fn beginnings(&self, out: &mut impl FnMut(&World)) {
        let key = self.view.key;
        let every = self.fillers(true);
        for &fillers in &every {
            self.one(Kind::None, 0, fillers, 0, out);
            for two in [false, true] {
                // A send of two chunks may have its first one accepted already.
                self.one(Kind::Work, 0, Fillers { two, ..fillers }, 0, out);
            }
        }
        if key.is_alone() {
            return;
        }
        let current = (key.phase() != WordPhase::Free).then_some(CURRENT);
        let generations = || current.into_iter().chain([STALE]);
        for &call in self.family.calls {
            match call {
                Kind::Cancel | Kind::CancelForeign => {
                    for &fillers in &every {
                        let local = fillers.pending & !fillers.remote;
                        let there = local | fillers.taken | fillers.delivered;
                        for operation in (0..OPERATIONS).filter(|it| there >> it & 1 == 1) {
                            self.one(call, operation, fillers, 0, out);
                        }
                    }
                }
                Kind::Redeem | Kind::Open => self.one(call, 0, Fillers::default(), 0, out),
                _ => {
                    let sends = call.operation().map_or(0, |it| u8::from(it.chunks > 0));
                    let blocked = u8::from(call.operation().is_some() && !call.is_overlapped());
                    let fillers = Fillers {
                        blocked,
                        sends,
                        ..Fillers::default()
                    };
                    for generation in generations() {
                        self.one(call, 0, fillers, generation, out);
                    }
                }
            }
        }
    }

    /// A record, redeemed by its target, by somebody else, or once more.
    fn redeeming(&self, socket: Key, out: &mut impl FnMut(&World)) {
        use RecordState::{Redeemed, Unredeemed};
        for others in 0..=1_u32 {
            for (target, state) in [(0, Unredeemed), (1, Unredeemed), (0, Redeemed)] {
                let mut world = self.world(Kind::Redeem, 0, Fillers::default(), 0);
                let record = u32::from(state == Unredeemed);
                if record + others == 0 {
                    continue;
                }
                let mut it = socket.socket();
                it.run(|machine| machine.references = record + others);
                *world.state.socket_mut(0_usize) = it;
                world.state.rest_mut().set_created(1);
                self.refer(&mut world.state, others);
                let mut made = world.state.record_mut(0_usize);
                made.set_record(Some(DuplicationRecord {
                    target: ProcessId(target),
                    state,
                }));
                made.set_socket(0);
                drop(made);
                world.sends = socket.sends();
                out(&world);
            }
        }
    }

    fn one(
        &self,
        call: Kind,
        operation: usize,
        fillers: Fillers,
        handle: u8,
        out: &mut impl FnMut(&World),
    ) {
        let mut world = self.world(call, operation, fillers, handle);
        let Mover::Thread(t) = world.mover else {
            out(&world);
            return;
        };
        let thread = world.state.thread(t);
        match thread.next() {
            // What it has seen is the word as it is, or not any more.
            Next::Commit => {
                let holders =
                    small(usize::try_from(world.state.slot(0_usize).word().holders()).unwrap_or(0));
                for guess in [holders, holders + 1, holders.wrapping_sub(1) & 15] {
                    world.state.thread_mut(t).set_guess(guess);
                    self.elsewhere(world, t, out);
                }
            }
            _ => self.elsewhere(world, t, out),
        }
    }

    /// Of a thread whose descriptor was recycled, the socket is another one, of
    /// which no more is known than that it does not drain if the thread has waited.
    fn elsewhere(&self, mut world: World, t: usize, out: &mut impl FnMut(&World)) {
        let thread = world.state.thread(t);
        let outdated = thread.generation() == STALE;
        if !outdated || thread.next() == Next::Idle {
            out(&world);
            return;
        }
        let at = small(usize::from(self.view.key.has_socket()));
        world.state.thread_mut(t).set_socket(at);
        world.state.rest_mut().set_created(at + 1);
        let mut other = world.state.socket(at);
        other.run(|it| {
            it.references = 0;
            it.phase = Phase::Closed(Ending::Unconnected);
        });
        other.set_releases(1);
        *world.state.socket_mut(at) = other;
        out(&world);
    }

    /// The representative with these fillers.
    fn world(&self, call: Kind, operation: usize, fillers: Fillers, handle: u8) -> World {
        let key = self.view.key;
        let mut state = State::blank();
        for process in 0..PROCESSES {
            state.process_mut(process).set_startups(startups(1));
        }
        for socket in 0..2_usize {
            *state.socket_mut(socket) = self.family.fresh();
        }
        if key.has_socket() {
            let mut socket = key.socket();
            let references = key.own() + self.others;
            socket.run(|it| it.references = references);
            socket.set_inputs_left(self.family.socket().inputs);
            *state.socket_mut(0_usize) = socket;
            state.rest_mut().set_created(1);
            self.refer(&mut state, self.others);
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
                operations: operations(fillers.blocked, fillers.sends),
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

    /// Other descriptors of the socket.
    fn refer(&self, state: &mut State, others: u32) {
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
