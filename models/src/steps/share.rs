//! New descriptors: opened, redeemed. A slot is reserved first, so
//! that a failure leaks nothing.

use closesocket::protocol::ProcessId;
use closesocket::protocol::invariant::Event;
use closesocket::protocol::program::Did;

use super::call::generation_of;
use super::{Done, Steps, is_free};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{State, WORKER, small};

impl Steps<'_> {
    /// reserve: takes any free slot of the process off the free list. Without
    /// one, or with nothing to open, the call fails and nothing has happened.
    pub(super) fn reserve(
        &self,
        before: &State,
        t: usize,
        out: &mut impl FnMut(What, Event, &State),
    ) {
        let process = self.process_of(t);
        let mut reserved = false;
        for (index, spec) in self.scenario.slots.iter().enumerate() {
            let free = is_free(before.slot(index).word()) && !before.slot(index).reserved();
            if spec.process != process || !free || !self.has_something_to_open(before, t) {
                continue;
            }
            reserved = true;
            let mut after = *before;
            after.slot_mut(index).set_reserved(true);
            after.thread_mut(t).set_slot(small(index));
            let event = self.after(&mut after, t, Did::Reserve { found: true });
            let slot = small(index);
            out(What::Reserve { slot }, event, &after);
        }
        if !reserved {
            let mut after = *before;
            let event = self.after(&mut after, t, Did::Reserve { found: false });
            out(What::Skip, event, &after);
        }
    }

    fn has_something_to_open(&self, state: &State, t: usize) -> bool {
        match self.call(t, &state.thread(t)) {
            Some(Call::Redeem { record }) => state.record(record).record().is_some(),
            _ => true,
        }
    }

    /// Whether the section that opens can be entered.
    pub(super) fn may_open(&self, state: &State, t: usize) -> bool {
        match self.call(t, &state.thread(t)) {
            Some(Call::Redeem { record }) => !self.is_locked(state.record(record).socket()),
            _ => true,
        }
    }

    /// open: the slot gets its socket, and one `fetch_add` opens the word.
    pub(super) fn open(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let slot = thread.slot();
        match self.call(t, &thread) {
            Some(Call::Redeem { record }) => self.redeem(state, t, record),
            Some(Call::Open { socket }) => {
                self.open_slot(state, t, socket);
                (What::Open { slot, socket }, Event::Internal)
            }
            None if t == WORKER => self.open_accepted(state),
            _ => (What::Skip, Event::Internal),
        }
    }

    /// redeem: the record's reference moves to the slot in one section (D5).
    fn redeem(&self, state: &mut State, t: usize, index: u8) -> Done {
        let by = ProcessId(u32::from(self.process_of(t)));
        let slot = state.thread(t).slot();
        let socket = state.record(index).socket();
        let mut record = state.record(index).record();
        let redeemed = record.as_mut().is_some_and(|it| {
            it.redeem(by).is_ok() || (self.has(Defect::RedeemsTwice) && it.target == by)
        });
        state.record_mut(index).set_record(record);
        if redeemed {
            self.open_slot(state, t, socket);
        } else {
            state.slot_mut(slot).set_reserved(false);
            self.after(state, t, Did::Open { opened: false });
        }
        let what = What::Redeem {
            record: index,
            slot,
            redeemed,
        };
        let event = if redeemed {
            let record = usize::from(index);
            Event::Redeemed { record, by }
        } else {
            Event::Internal
        };
        (what, event)
    }

    fn open_slot(&self, state: &mut State, t: usize, socket: u8) {
        let slot = state.thread(t).slot();
        self.open_in(state, slot, socket);
        let generation = generation_of(state.slot(slot).word());
        let mut thread = state.thread_mut(t);
        thread.set_own_slot(slot);
        thread.set_own_generation(generation);
        drop(thread);
        self.after(state, t, Did::Open { opened: true });
    }

    /// The opener looks at its process's flag after the slot is open: either
    /// cleanup and death see the slot, or it sees them and closes it itself.
    pub(super) fn look_at_process(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let (slot, generation) = (thread.own_slot(), thread.own_generation());
        let process = self.scenario.slots[usize::from(slot)].process;
        let mut gone = self.scenario.is_over(state, usize::from(slot));
        if self.has(Defect::LooksAtTheFlagOnly) {
            gone = state.process(process).gone().is_some();
        }
        let open = super::is_live(state, slot, generation);
        let closes = gone && open && !self.has(Defect::ForgetsToLookAgain);
        self.after(state, t, Did::LookAtProcess { closes });
        if closes {
            self.looked(state, t, slot, generation);
        } else if t == WORKER {
            // It was for the result that it has told.
            let mut worker = state.thread_mut(t);
            worker.set_own_slot(0);
            worker.set_own_generation(0);
        }
        (What::LookAtProcess { gone }, Event::Internal)
    }
}
