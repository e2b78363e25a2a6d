//! What is told of the sections that end a reference: closes, and records whose target
//! has died.

use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Descriptor, Error, ProcessId};
use closesocket::protocol::invariant::Event;
use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    Actions, Cause, CloseRequest, Commit, PendingOperations, Socket, Take, Time,
};

use super::Taken;
use super::orders::{Section, all_done};
use super::teller::{Closing, Teller};
use crate::action::What;

/// The operations of a socket whose close is asked only what it orders.
struct Unasked;

impl PendingOperations for Unasked {
    type Taken = ();
    fn take(&mut self, _: Take) {}
}

impl Teller {
    fn request(&self, cause: Cause) -> CloseRequest {
        CloseRequest {
            cause,
            now: Time::ZERO,
            drain_limit: self.scenario.surroundings.drain_limit,
            may_wait: true,
        }
    }

    /// The word was another one than the close had seen.
    pub(super) fn seal_missed(&mut self, step: &Taken<'_>, slot: u8) {
        let before = step.before.slot(slot).word();
        let name = self.occupant(usize::from(slot), before);
        self.tell_word(name, before, Step::SealMissed);
    }

    /// A close fails: at its first look, or under the lock.
    pub(super) fn close_refused(&mut self, step: &Taken<'_>) {
        let Event::CloseRefused {
            slot,
            generation,
            cause,
            error,
        } = step.event
        else {
            // It tells nobody, and says that it has closed the descriptor.
            self.closed_already(step);
            return;
        };
        let (process, descriptor) = self.descriptor(slot, generation);
        let refused = Step::CloseRefused { cause, error };
        let refused = Observation::through(process, descriptor, refused);
        match (step.action.what, step.action.thread) {
            (What::Look { .. }, _) | (_, None) => self.tell(refused),
            (_, Some(thread)) => {
                let socket = step.before.thread(thread).socket();
                self.tell_at(usize::from(socket), refused);
            }
        }
        self.closing((process, descriptor), Err(error));
    }

    fn closed_already(&mut self, step: &Taken<'_>) {
        if let What::Look { slot, .. } = step.action.what
            && let Event::CloseReturned {
                committed,
                waited,
                result,
                ..
            } = step.event
        {
            let slot = usize::from(slot);
            let (process, descriptor) = self.occupant(slot, step.before.slot(slot).word());
            let error = result.err();
            let returned = Step::CloseReturned {
                committed,
                waited,
                error,
            };
            self.tell(Observation::through(process, descriptor, returned));
        }
    }

    fn closing(&mut self, descriptor: (ProcessId, Descriptor), result: Result<(), Error>) {
        self.seat().closing = Some(Closing { descriptor, result });
    }

    /// commit: what the section decided, what it took out and what it ordered.
    pub(super) fn committed(&mut self, step: &Taken<'_>, slot: u8, cause: Cause, last: bool) {
        let (
            Some(t),
            Event::Committed {
                wait, generation, ..
            },
        ) = (self.thread(), step.event)
        else {
            return;
        };
        let thread = step.before.thread(t);
        let slot = usize::from(slot);
        let word = step.before.slot(slot).word();
        let guess = u64::from(thread.guess());
        // A defect puts the sealed word in place of one that it has not seen.
        let seen = if word.holders() == guess && word.phase() == WordPhase::Open {
            word
        } else {
            Word::new(generation, WordPhase::Open, guess)
        };
        let mut section = Section::before(step, thread.socket());
        let machine = section.machine;
        let request = self.request(cause);
        let closed =
            section
                .machine
                .close::<_, Error>(request, seen, generation, &mut Unasked, |_| Ok(()));
        let actions = self.decided(step, &mut section, closed.ok());
        let taken = step.after.thread(t).taken();
        let committed = Step::Committed {
            life: self.opened_in[slot],
            cause,
            now: request.now,
            last,
            wait,
            may_wait: request.may_wait,
            actions,
            aborted: taken.count_ones() as usize,
            machine,
        };
        let (process, descriptor) = self.descriptor(slot, generation);
        let committed = Observation::through(process, descriptor, committed).saw(seen);
        self.tell_at(section.socket, committed);
        self.taken(step, section.socket, taken, None);
        self.orders(step, section.socket, actions);
        self.sends_ended(step, &mut section);
        self.closing((process, descriptor), Ok(()));
    }

    /// What a section has decided: as the shipped code does, if the machine is what that
    /// makes of it; else what was done.
    fn decided(
        &self,
        step: &Taken<'_>,
        section: &mut Section,
        shipped: Option<Commit<()>>,
    ) -> Actions {
        let (before, after) = (
            step.before.socket(section.socket),
            step.after.socket(section.socket),
        );
        let mut later = section.machine;
        let _ = later.sends_ended();
        let is = |it: Socket| it == after.machine();
        match shipped {
            Some(commit) if is(section.machine) || is(later) => commit.actions,
            _ => {
                section.machine = after.machine();
                all_done(&before, &after)
            }
        }
    }

    /// A lingering close waits no more.
    pub(super) fn linger_ended(&mut self, socket: u8, drained: bool) {
        self.tell_of(usize::from(socket), Step::LingerEnded { drained });
    }

    /// What outlived its descriptors is taken out.
    pub(super) fn outlived_taken(&mut self, step: &Taken<'_>, socket: u8, taken: u8) {
        let mut section = Section::before(step, socket);
        self.taken(step, section.socket, taken, None);
        self.sends_ended(step, &mut section);
    }

    /// A record is reclaimed.
    pub(super) fn reclaimed(&mut self, step: &Taken<'_>, record: u8) {
        let Some(t) = self.thread() else {
            return;
        };
        let mut section = Section::before(step, step.before.record(record).socket());
        let machine = section.machine;
        let request = self.request(Cause::Reclaimed);
        let commit = section.machine.reclaim(request, &mut Unasked);
        let last = step.after.socket(section.socket).machine().references == 0;
        let actions = self.decided(step, &mut section, Some(commit));
        let taken = step.after.thread(t).taken();
        let reclaimed = Step::Reclaimed {
            record: self.duplicates[usize::from(record)],
            now: request.now,
            last,
            actions,
            aborted: taken.count_ones() as usize,
            machine,
        };
        self.tell_at(section.socket, Observation::by(self.process(), reclaimed));
        self.taken(step, section.socket, taken, None);
        self.orders(step, section.socket, actions);
        self.sends_ended(step, &mut section);
    }
}
