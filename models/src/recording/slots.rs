//! What is told of the instructions on a slot's word.

use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Descriptor, ProcessId};
use closesocket::protocol::invariant::Event;
use closesocket::protocol::word::{STEP, Word};
use closesocket::protocol::{Cause, Waiting};

use super::Taken;
use super::teller::Teller;
use crate::action::What;
use crate::scenario::Call;
use crate::state::State;

impl Teller {
    /// An instruction on the word of a descriptor's slot.
    pub(super) fn tell_word(&mut self, of: (ProcessId, Descriptor), before: Word, did: Step) {
        let (process, descriptor) = of;
        self.tell(Observation::through(process, descriptor, did).saw(before));
    }

    /// enter: with the descriptor that the call was given, whatever came of it.
    pub(super) fn entered(&mut self, step: &Taken<'_>) {
        let (slot, generation, admitted) = match (step.action.what, step.event) {
            (What::Enter { slot, .. }, Event::Admitted { generation, .. }) => {
                (usize::from(slot), generation, true)
            }
            (What::EnterRefused { slot, generation }, _) => {
                (usize::from(slot), u32::from(generation), false)
            }
            _ => return,
        };
        let before = step.before.slot(slot).word();
        let name = self.descriptor(slot, generation);
        let holders = entrants(before, step.after.slot(slot).word());
        let lets_go = holders == 0;
        let holders = if lets_go { self.holds(step) } else { holders };
        self.tell_word(name, before, Step::Entered { holders, admitted });
        if lets_go {
            let entered = Word::from_bits(before.bits() + holders);
            self.tell_word(name, entered, Step::Left { holders });
        }
        self.seat().entered = Some(name);
    }

    /// With how many holds the call enters (H2).
    fn holds(&self, step: &Taken<'_>) -> u64 {
        let overlapped = matches!(self.call(step), Some(Call::Start { operation, .. })
            if self.scenario.operations[usize::from(operation)].waiting == Waiting::Overlapped);
        1 + u64::from(overlapped)
    }

    /// A section whose call has looked its descriptor up again, in the middle.
    pub(super) fn entered_again(&mut self, step: &Taken<'_>) {
        let Some(t) = self.thread() else {
            return;
        };
        let slot = usize::from(step.before.thread(t).slot());
        let before = step.before.slot(slot).word();
        let holders = entrants(before, step.after.slot(slot).word());
        if let Some(name) = self.seat().entered
            && holders > 0
        {
            let admitted = true;
            self.tell_word(name, before, Step::Entered { holders, admitted });
        }
    }

    /// back out, if it does.
    pub(super) fn backed_out(&mut self, step: &Taken<'_>, slot: u8) {
        if let Some(name) = self.seat().entered.take() {
            self.leaves(step, usize::from(slot), name);
        }
    }

    /// leave: a call, or the holds of what was delivered.
    pub(super) fn left(&mut self, step: &Taken<'_>, slot: u8) {
        let slot = usize::from(slot);
        if let Some(operation) = self.seat().blocked.take() {
            self.tell(Observation::of(Step::Resumed { operation }));
        }
        // Who has a hold keeps the slot from being another's.
        let occupant = self.occupant(slot, step.before.slot(slot).word());
        let entered = self.seat().entered;
        let name = entered.filter(|it| it.1.slot() == occupant.1.slot());
        self.leaves(step, slot, name.unwrap_or(occupant));
    }

    fn leaves(&mut self, step: &Taken<'_>, slot: usize, name: (ProcessId, Descriptor)) {
        let before = step.before.slot(slot).word();
        let left = before.holders() - step.after.slot(slot).word().holders();
        if left > 0 {
            self.tell_word(name, before, Step::Left { holders: left });
        }
    }

    /// claim.
    pub(super) fn claimed(&mut self, step: &Taken<'_>, slot: u8, won: bool) {
        let (Some(t), slot) = (self.thread(), usize::from(slot)) else {
            return;
        };
        let generation = u32::from(step.before.thread(t).generation());
        let name = self.descriptor(slot, generation);
        let before = step.before.slot(slot).word();
        self.tell_word(name, before, Step::Claimed { won });
    }

    /// The upcall.
    pub(super) fn handle_returned(&mut self, step: &Taken<'_>, slot: u8, succeeded: bool) {
        let slot = usize::from(slot);
        let (process, descriptor) = self.occupant(slot, step.before.slot(slot).word());
        let returned = Step::HandleReturned { succeeded };
        self.tell(Observation::through(process, descriptor, returned));
    }

    /// recycle.
    pub(super) fn recycled(&mut self, step: &Taken<'_>, slot: u8, retired: bool) {
        let before = step.before.slot(slot).word();
        let name = self.occupant(usize::from(slot), before);
        self.tell_word(name, before, Step::Recycled { retired });
        if let Event::HandleReturned { .. } = step.event {
            self.handle_returned(step, slot, true);
        }
    }

    /// Takes a slot off the free list: of which life its occupant will be.
    pub(super) fn reserved(&mut self, step: &Taken<'_>) {
        let Some(spec) = step.action.thread else {
            return;
        };
        let process = self.scenario.threads[usize::from(spec)].process;
        self.seat().life = self.lives[usize::from(process)];
    }

    /// A slot's word is opened, in a section of its socket.
    pub(super) fn tell_opened(&mut self, slot: usize, socket: usize, before: Word, life: u64) {
        debug_assert!(before.holders() < STEP, "a word counts below its phase");
        let (process, descriptor) = self.occupant(slot, before);
        self.opened_in[slot] = life;
        let opened = Observation::through(process, descriptor, Step::Opened { life });
        self.tell_at(socket, opened.saw(before));
    }

    /// A startup; behind a cleanup it begins another life.
    pub(super) fn started_up(&mut self, step: &Taken<'_>) {
        let process = self.process().0 as usize;
        let gone = |it: &State| it.process(process).gone();
        if gone(step.before) == Some(Cause::Cleanup) && gone(step.after).is_none() {
            self.lives[process] += 1;
        }
    }

    /// A life begins to end.
    pub(super) fn sweep_began(&mut self, cause: Cause) {
        let process = self.process();
        let life = self.lives[process.0 as usize];
        self.tell(Observation::by(process, Step::SweepBegan { cause, life }));
        self.seat().sweeps = true;
    }
}

/// How many have come in between two words.
const fn entrants(before: Word, after: Word) -> u64 {
    after.holders().saturating_sub(before.holders())
}
