//! From worlds to views.

use closesocket::protocol::Waiting;
use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;

use super::call::Kind;
use super::ghost::Ghosts;
use super::key::Key;
use super::view::{Actor, InHand, View};
use crate::scenario::{Call, Scenario};
use crate::state::{OPERATIONS, State, THREADS, WORKER};
use crate::steps::{Steps, has_pending_sends};

/// A state with the scenario that it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) state: &'a State,
}

impl Seen<'_> {
    /// What a slot looks like.
    pub(super) fn key(&self, slot: usize) -> Key {
        let it = self.state.slot(slot);
        let free = it.word().phase() == WordPhase::Free;
        let socket = if free { 0 } else { it.socket() };
        let sends = !free && has_pending_sends(self.scenario, self.state, socket);
        let key = Key::new(it, self.state.socket(socket), sends);
        if self.scenario.is_over(self.state, slot) {
            key.with_life_over()
        } else {
            key
        }
    }

    /// What a socket looks like without a slot.
    pub(super) fn alone(&self, socket: u8) -> Key {
        let sends = has_pending_sends(self.scenario, self.state, socket);
        Key::alone(self.state.socket(socket), sends)
    }

    /// What a thread is in, by its script.
    pub(super) fn call(&self, t: usize) -> Kind {
        let thread = self.state.thread(t);
        if t == WORKER {
            return Kind::Work;
        }
        let spec = self.scenario.threads.get(t);
        let call = spec.and_then(|it| it.calls.get(usize::from(thread.call())));
        call.and_then(|it| Kind::of(self.scenario, it))
            .unwrap_or_default()
    }

    /// What a thread is at a slot; `None` if it has nothing to do there.
    ///
    /// One that has taken out operations of several descriptors is somebody at each
    /// of them, and goes on there as if it had none elsewhere: it does in any order
    /// what it does in one.
    pub(super) fn actor(&self, t: usize, call: Kind, slot: usize) -> Option<Actor> {
        let thread = self.state.thread(t);
        let at_it = usize::from(thread.slot()) == slot;
        if self.will_come_by(t, call, slot) {
            return Some(Actor::sweeper(call));
        }
        match thread.next() {
            Next::Idle | Next::Sleep => None,
            Next::NextSlot | Next::NextOutlived | Next::NextRecord => None,
            Next::Deliver | Next::Wait | Next::GiveUp => self.with_hand(t, call, slot),
            Next::Claim | Next::ReturnHandle | Next::Recycle if at_it => {
                // What it closes itself is another descriptor.
                let call = if thread.holding() { Kind::Work } else { call };
                Some(self.whole(t, call, slot))
            }
            Next::Claim | Next::ReturnHandle | Next::Recycle => self.with_hand(t, call, slot),
            Next::LookAtProcess => {
                let at_its_own = usize::from(thread.own_slot()) == slot;
                at_its_own.then(|| self.whole(t, call, slot))
            }
            _ => at_it.then(|| self.whole(t, call, slot)),
        }
    }

    /// Whether a thread ends a life and has not come to this slot yet.
    fn will_come_by(&self, t: usize, call: Kind, slot: usize) -> bool {
        let thread = self.state.thread(t);
        let sweeps = matches!(call, Kind::Cleanup | Kind::Die) && thread.next() != Next::Idle;
        let process = self.scenario.threads.get(t).map(|it| it.process);
        let mine = self.scenario.slots.get(slot).map(|it| it.process) == process;
        let first = usize::from(thread.cursor()) + usize::from(thread.next() != Next::NextSlot);
        sweeps && mine && slot >= first
    }

    fn present(&self, slot: usize) -> u8 {
        let word = self.state.slot(slot).word();
        word.generation().to_le_bytes()[0]
    }

    /// A thread all of whose business is at this slot.
    fn whole(&self, t: usize, call: Kind, slot: usize) -> Actor {
        let mut thread = self.state.thread(t);
        thread.set_holding(false);
        if call == Kind::Work {
            thread.set_waited(false);
        }
        let hand = InHand {
            registered: thread.next() == Next::Leave && self.has_registered(t, call),
            ..InHand::default()
        };
        Actor::new(call, thread, hand, self.present(slot))
    }

    /// A thread with its hold of this slot, or with operations of it in hand.
    fn with_hand(&self, t: usize, call: Kind, slot: usize) -> Option<Actor> {
        let mut thread = self.state.thread(t);
        let steps = Steps {
            scenario: self.scenario,
            defect: None,
            locked: 0,
        };
        let own = thread.holding() && usize::from(steps.closing(t, &thread).0) == slot;
        let at = |index: &usize| usize::from(self.state.operation(*index).slot()) == slot;
        let taken = (0..OPERATIONS).filter(|it| thread.taken() >> it & 1 == 1);
        let mut hand = InHand::default();
        for index in taken.clone().filter(at) {
            let state = self.state.operation(index).state();
            let ending = matches!(state, OperationState::Ending(_));
            match (self.is_blocked(index), ending) {
                (true, ending) => hand.unanswered |= ending,
                (false, true) => hand.taken = true,
                (false, false) => hand.delivered = true,
            }
        }
        let there = own || hand != InHand::default();
        let elsewhere = taken.filter(|it| !at(it)).count() > 0;
        thread.set_next(match thread.next() {
            _ if hand.taken || hand.unanswered => Next::Deliver,
            Next::Wait => Next::Wait,
            Next::GiveUp if !elsewhere => Next::GiveUp,
            _ if own && thread.waited() => Next::Wait,
            _ => Next::GiveUp,
        });
        thread.set_holding(own);
        thread.set_waited(own && thread.waited());
        thread.set_cancelled(own && thread.cancelled());
        let present = self.present(slot);
        thread.set_generation(if own { present } else { 0 });
        let call = if own { call } else { Kind::Work };
        there.then(|| Actor::new(call, thread, hand, present))
    }

    /// Whether the overlapped call that a thread is about to leave has registered
    /// its operation.
    fn has_registered(&self, t: usize, call: Kind) -> bool {
        let started = self.started(t).filter(|_| call.is_overlapped());
        started.is_some_and(|index| self.state.operation(index).state() != OperationState::Idle)
    }

    /// The operation that a thread starts in its present call.
    fn started(&self, t: usize) -> Option<usize> {
        let calls = self.scenario.threads.get(t)?.calls;
        match calls.get(usize::from(self.state.thread(t).call()))? {
            Call::Start { operation, .. } => Some(usize::from(*operation)),
            _ => None,
        }
    }

    pub(super) fn is_blocked(&self, operation: usize) -> bool {
        let spec = self.scenario.operations.get(operation);
        spec.is_some_and(|it| it.waiting == Waiting::Blocked)
    }

    /// What is pending or asleep through the present occupant of a slot, but for
    /// what this thread has in hand.
    pub(super) fn anonymous(&self, slot: usize) -> Ghosts {
        let present = self.state.slot(slot).word().generation();
        let mut ghosts = Ghosts::NONE;
        for index in 0..OPERATIONS {
            let it = self.state.operation(index);
            let here = usize::from(it.slot()) == slot && u32::from(it.generation()) == present;
            ghosts = ghosts.and(match (it.state(), self.is_blocked(index)) {
                _ if !here => Ghosts::NONE,
                (OperationState::Pending, true) => Ghosts::ASLEEP,
                (OperationState::Pending, false) => Ghosts::PENDING,
                (OperationState::Ending(_), true) => Ghosts::UNANSWERED,
                _ => Ghosts::NONE,
            });
        }
        ghosts
    }

    /// Every view of this state.
    pub(super) fn views(&self, out: &mut impl FnMut(View)) {
        for slot in 0..self.scenario.slots.len() {
            let actors = (0..THREADS).filter_map(|t| self.actor(t, self.call(t), slot));
            let actors: Vec<Actor> = actors.collect();
            let anonymous = self.anonymous(slot);
            let key = self.key(slot);
            let rest = |but: usize| {
                let others = actors.iter().enumerate().filter(|it| it.0 != but);
                others.fold(anonymous, |all, (_, it)| all.and(it.ghosts()))
            };
            for (index, &actor) in actors.iter().enumerate() {
                out(View {
                    key,
                    actor,
                    rest: rest(index),
                });
            }
            out(View {
                key,
                actor: Actor::NOBODY,
                rest: rest(actors.len()),
            });
        }
        for socket in 0..self.state.rest().created() {
            out(View {
                key: self.alone(socket),
                actor: Actor::NOBODY,
                rest: Ghosts::NONE,
            });
        }
    }
}
