//! The end of a descriptor: leave, claim, upcall, recycle (H1 to H4).

use closesocket::protocol::invariant::Event;
use closesocket::protocol::program::Did;
use closesocket::protocol::word::{self, Recycling, Word, WordPhase};
use closesocket::protocol::{Cause, returns_handle};

use super::call::generation_of;
use super::{Done, Steps, each};
use crate::action::What;
use crate::defect::Defect;
use crate::state::{Slot, State};

impl Steps<'_> {
    /// One `fetch_sub` of some holds. Whoever is told that nobody is left
    /// inside a closed descriptor has to claim it.
    pub(super) fn give_up(&self, state: &mut State, t: usize, slot: u8, holds: u8) -> Event {
        let before = state.slot(slot).word();
        let holds = u64::from(holds);
        state.slot_mut(slot).set_word(minus(before, holds));
        if word::leave(before, holds) && !self.has(Defect::ForgetsToClaim) {
            self.go_to_claim(state, t, slot, before);
            let slot = usize::from(slot);
            return Event::LastOut { slot };
        }
        self.after(state, t, Did::Leave { last_out: false })
    }

    fn go_to_claim(&self, state: &mut State, t: usize, slot: u8, seen: Word) {
        self.after(state, t, Did::Leave { last_out: true });
        let mut thread = state.thread_mut(t);
        thread.set_slot(slot);
        thread.set_generation(generation_of(seen));
    }

    /// leave, after a close or a delivery: for the overlapped operations that
    /// the thread delivered, slot by slot, its own descriptor last.
    pub(super) fn quit(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let own = self.own_hold(t, &thread);
        let slot_of = |index: usize| state.operation(index).slot();
        let other = each(thread.taken())
            .map(slot_of)
            .find(|&it| Some(it) != own);
        let slot = other.or(own).unwrap_or_default();
        let mine = each(thread.taken())
            .filter(|&index| slot_of(index) == slot)
            .fold(0, |mask: u8, index| mask | 1 << index);
        let last = Some(slot) == own;
        let holds = each(mine).map(|_| 1).sum::<u8>() + u8::from(last);
        state.thread_mut(t).set_taken(thread.taken() & !mine);
        state.thread_mut(t).set_holding(thread.holding() & !last);
        if last && self.has(Defect::ClaimsTooEarly) {
            let before = state.slot(slot).word();
            state
                .slot_mut(slot)
                .set_word(minus(before, u64::from(holds)));
            self.go_to_claim(state, t, slot, before);
            return (What::Leave { slot, holds }, Event::Internal);
        }
        let event = self.give_up(state, t, slot, holds);
        (What::Leave { slot, holds }, event)
    }

    /// claim: one compare-and-swap, tried once. If a transient entry came in
    /// between, whoever backs out tries again.
    pub(super) fn claim(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let slot = thread.slot();
        let descriptor = state.slot(slot);
        let guess = Word::new(u32::from(thread.generation()), WordPhase::Sealed, 0);
        let mut claimed = word::claim(guess).filter(|_| descriptor.word() == guess);
        if self.has(Defect::ClaimsTooEarly) && descriptor.word().phase() == WordPhase::Sealed {
            claimed = Some(Word::from_bits(descriptor.word().bits() + word::STEP));
        }
        let Some(claimed) = claimed else {
            let lost = Did::Claim {
                won: false,
                returns_handle: false,
            };
            return (What::LoseClaim { slot }, self.after(state, t, lost));
        };
        state.slot_mut(slot).set_word(claimed);
        let mut cause = descriptor.cause();
        if self.has(Defect::ReturnsHandlesOfTheDead) && cause == Cause::Death {
            cause = Cause::Call;
        }
        let won = Did::Claim {
            won: true,
            returns_handle: returns_handle(self.scenario.surroundings.handles, cause),
        };
        (What::Claim { slot }, self.after(state, t, won))
    }

    /// upcall: the handle goes back, once (H1).
    pub(super) fn upcall(&self, state: &mut State, t: usize) -> Done {
        let slot = state.thread(t).slot();
        let returns = state.slot(slot).returns();
        state.slot_mut(slot).set_returns(returns + 1);
        self.after(state, t, Did::ReturnHandle);
        let event = Event::HandleReturned {
            slot: usize::from(slot),
        };
        (What::Upcall { slot }, event)
    }

    /// The upcall fails; it is not tried again (H4).
    pub(super) fn upcall_fails(&self, state: &mut State, t: usize) -> Done {
        let slot = state.thread(t).slot();
        if !self.has(Defect::RepeatsFailedUpcalls) {
            state.slot_mut(slot).set_retired(true);
            self.after(state, t, Did::ReturnHandle);
        }
        if self.has(Defect::ReleasesAfterFailedUpcall) {
            let mut socket = state.socket_mut(state.slot(slot).socket());
            let releases = socket.releases();
            socket.set_releases(releases + 1);
        }
        (What::UpcallFails { slot }, Event::Internal)
    }

    /// recycle: one `fetch_add`, or the slot stays claimed for ever.
    pub(super) fn recycle(&self, state: &mut State, t: usize) -> Done {
        let slot = state.thread(t).slot();
        let mut descriptor = state.slot_mut(slot);
        let generations = Generations(self.scenario.surroundings.generations);
        let real = generations.real(descriptor.word());
        let used_up = real.generation() == u32::MAX;
        let mut recycling = word::recycle(real, !descriptor.retired());
        if self.has(Defect::GenerationsWrap) && used_up {
            recycling = Recycling::Free;
        }
        let what = match recycling {
            Recycling::Free => {
                let next = Word::from_bits(real.bits().wrapping_add(word::STEP));
                *descriptor = Slot::default();
                descriptor.set_word(generations.of_the_model(next));
                What::Recycle { slot }
            }
            Recycling::Retired => {
                let retired = descriptor.retired() || used_up;
                descriptor.set_retired(retired);
                What::Retire { slot }
            }
        };
        let freed = descriptor.word().phase() == WordPhase::Free;
        drop(descriptor);
        if freed {
            let mut process = state.process_mut(self.scenario.slots[usize::from(slot)].process);
            let old = process.old() & !(1 << slot);
            process.set_old(old);
        }
        let mut event = self.after(state, t, Did::Recycle);
        if self.has(Defect::ReturnsHandlesTwice) {
            event = Event::HandleReturned {
                slot: usize::from(slot),
            };
        }
        (what, event)
    }
}

/// How the model's few generations stand for the real ones: they count from the
/// first, or up to the last if only so many are left.
struct Generations(Option<u8>);

impl Generations {
    /// What is added to a generation of the model.
    fn base(&self) -> u32 {
        self.0.map_or(0, |left| u32::MAX - u32::from(left))
    }

    /// The real word for one of the model.
    fn real(&self, word: Word) -> Word {
        let generation = word.generation().saturating_add(self.base());
        Word::new(generation, word.phase(), word.holders())
    }

    /// The model's word for a real one; 0 is what wrapped around.
    fn of_the_model(&self, word: Word) -> Word {
        let generation = word.generation().saturating_sub(self.base());
        Word::new(generation, word.phase(), word.holders())
    }
}

/// What a `fetch_sub` leaves. Only a defect can have lost holders; the model
/// then stays at none, where the engine's count would borrow from the phase.
fn minus(word: Word, holds: u64) -> Word {
    Word::from_bits(word.bits() - holds.min(word.holders()))
}
