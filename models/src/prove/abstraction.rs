//! From worlds to views.

use closesocket::protocol::Waiting;
use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;

use super::call::Kind;
use super::ghost::Ghosts;
use super::view::{Actor, InHand, Key, View};
use crate::scenario::{Call, Scenario};
use crate::state::{OPERATIONS, State, THREADS, WORKER};
use crate::steps::has_pending_sends;

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
        if it.word().phase() == WordPhase::Free {
            return Key::new(it, self.state.socket(0_usize), false);
        }
        let socket = it.socket();
        let sends = has_pending_sends(self.scenario, self.state, socket);
        Key::new(it, self.state.socket(socket), sends)
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

    /// What a thread is at the slot that it is at.
    pub(super) fn actor(&self, t: usize, call: Kind) -> Actor {
        let thread = self.state.thread(t);
        if matches!(thread.next(), Next::Idle | Next::Sleep) {
            return Actor::NOBODY;
        }
        let slot = self.state.slot(self.slot_of(t));
        let present = slot.word().generation().to_le_bytes()[0];
        Actor::new(call, thread, self.in_hand(t, call), present)
    }

    /// The slot that a thread is at.
    pub(super) fn slot_of(&self, t: usize) -> usize {
        let thread = self.state.thread(t);
        let first = thread.taken().trailing_zeros() as usize;
        usize::from(match thread.next() {
            // Whoever has taken anything out is where that holds.
            Next::Deliver | Next::GiveUp if !thread.holding() && first < OPERATIONS => {
                self.state.operation(first).slot()
            }
            Next::LookAtProcess => thread.own_slot(),
            _ => thread.slot(),
        })
    }

    fn in_hand(&self, t: usize, call: Kind) -> InHand {
        let thread = self.state.thread(t);
        let mut hand = InHand::default();
        for index in (0..OPERATIONS).filter(|it| thread.taken() >> it & 1 == 1) {
            let ending = matches!(
                self.state.operation(index).state(),
                OperationState::Ending(_)
            );
            match (self.is_blocked(index), ending) {
                (true, ending) => hand.unanswered |= ending,
                (false, true) => hand.taken = true,
                (false, false) => hand.delivered = true,
            }
        }
        if thread.next() == Next::Leave && call.is_overlapped() {
            hand.registered = self
                .started(t)
                .is_some_and(|index| self.state.operation(index).state() != OperationState::Idle);
        }
        hand
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
            let actors = (0..THREADS).filter_map(|t| {
                let thread = self.state.thread(t);
                let here =
                    !matches!(thread.next(), Next::Idle | Next::Sleep) && self.slot_of(t) == slot;
                here.then(|| self.actor(t, self.call(t)))
            });
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
