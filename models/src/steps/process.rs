//! Cleanup and death of a process: the flag, then every slot, then the records
//! that target it (S2, S3, D5).

use closesocket::protocol::program::{self, Did, Next, Owed, Sweep};
use std::cmp::Ordering;

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Cause, ProcessId};

use super::call::generation_of;
use super::{Done, Steps, is_live};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{OPERATIONS, RECORDS, State, Thread, small};

impl Steps<'_> {
    /// Only the cleanup that matches the first startup acts (S2).
    pub(super) fn begin_cleanup(&self, state: &mut State, t: usize) -> Done {
        let earlier = self.cleanups(state, self.process_of(t));
        let mut process = state.process_mut(self.process_of(t));
        let mut startups = process.startups();
        let counted = startups.cleanup();
        process.set_startups(startups);
        let acts = counted == Ok(true);
        if acts {
            let gone = process.gone().or(Some(Cause::Cleanup));
            process.set_gone(gone);
        }
        drop(process);
        let startups = u32::from(self.scenario.surroundings.startups)
            + self.later_startups(state, self.process_of(t));
        let event = counted.map_or(Event::Internal, |_| Event::CleanedUp {
            process: ProcessId(u32::from(self.process_of(t))),
            acts,
            startups_left: startups.saturating_sub(earlier + 1),
        });
        self.go_to(state, t, Did::Stop { acts });
        let cause = Cause::Cleanup;
        (
            if acts {
                What::Begin { cause }
            } else {
                What::Skip
            },
            event,
        )
    }

    /// Cleanups that the threads of a process have begun or made, counted from
    /// their scripts and not from the shipped count.
    fn cleanups(&self, state: &State, process: u8) -> u32 {
        let threads = self.scenario.threads.iter().zip(state.threads());
        threads
            .filter(|(spec, _)| spec.process == process)
            .map(|(spec, thread)| {
                let begun = usize::from(thread.call()) + usize::from(thread.next() != Next::Idle);
                let calls = spec.calls.iter().take(begun);
                calls.map(|it| u32::from(*it == Call::Cleanup)).sum::<u32>()
            })
            .sum()
    }

    /// Startups that the threads of a process have made, counted likewise.
    fn later_startups(&self, state: &State, process: u8) -> u32 {
        let threads = self.scenario.threads.iter().zip(state.threads());
        threads
            .filter(|(spec, _)| spec.process == process)
            .map(|(spec, thread)| {
                let made = spec.calls.iter().take(usize::from(thread.call()));
                made.map(|it| u32::from(*it == Call::Startup)).sum::<u32>()
            })
            .sum()
    }

    /// Counts a startup; of a process that has cleaned up it begins another life.
    /// What is in its slots is of the old one, and also what a call is about to
    /// put there.
    pub(super) fn startup(&self, state: &mut State, t: usize) -> Done {
        let index = self.process_of(t);
        let mut process = state.process(index);
        if process.gone() != Some(Cause::Death) {
            let mut startups = process.startups();
            // At most three: the count cannot overflow.
            let _ = startups.startup();
            process.set_startups(startups);
            if process.gone().is_some() {
                let old = |slot: &usize| {
                    let it = state.slot(*slot);
                    it.word().phase() != WordPhase::Free || it.reserved()
                };
                let mine = self.slots_of(index).filter(old);
                process.set_old(mine.fold(0, |mask, slot| mask | 1 << slot));
                process.set_gone(None);
            }
            *state.process_mut(index) = process;
        }
        Self::finish(state, t);
        (What::Startup, Event::Internal)
    }

    fn slots_of(&self, process: u8) -> impl Iterator<Item = usize> {
        let slots = self.scenario.slots.iter().enumerate();
        slots
            .filter(move |(_, it)| it.process == process)
            .map(|(index, _)| index)
    }

    /// The process is dead from here on (S3).
    pub(super) fn begin_death(&self, state: &mut State, t: usize) -> Done {
        let mut process = state.process_mut(self.process_of(t));
        let mut startups = process.startups();
        startups.die();
        process.set_startups(startups);
        process.set_gone(Some(Cause::Death));
        drop(process);
        self.go_to(state, t, Did::Stop { acts: true });
        let cause = Cause::Death;
        (What::Begin { cause }, Event::Internal)
    }

    /// The slot at the cursor of the sweep, or the next one of its process.
    fn slot_at(&self, state: &State, t: usize) -> Option<usize> {
        let (slots, process) = (self.scenario.slots, self.process_of(t));
        let cursor = usize::from(state.thread(t).cursor());
        (cursor..slots.len()).find(|&it| slots[it].process == process)
    }

    /// Whether the sweep can go past the next slot. Of one that is closed, it
    /// waits for whoever is in a section of the socket: what that has taken out,
    /// and has seen the process alive, is posted by then (S2, S3).
    pub(super) fn may_pass(&self, state: &State, t: usize) -> bool {
        let Some(next) = self.slot_at(state, t) else {
            return true;
        };
        let slot = state.slot(next);
        slot.word().phase() != WordPhase::Sealed
            || !self.is_locked(slot.socket())
            || self.has(Defect::SweepWaitsForNobody)
    }

    /// Looks at the next slot of the process and closes it if it is open.
    pub(super) fn next_slot(&self, state: &mut State, t: usize) -> Done {
        let Some(next) = self.slot_at(state, t) else {
            let left = self.sockets_with_outlived(state, t);
            self.go_to_outlived(state, t, left);
            return (What::Skip, Event::Internal);
        };
        let slot = small(next);
        let word = state.slot(next).word();
        state.thread_mut(t).set_cursor(slot);
        let mine = self.scenario.is_over(state, next) || self.has(Defect::SweepsTheNextLife);
        let open = word.phase() == WordPhase::Open && mine;
        if open {
            self.after(state, t, Did::Look { open });
            self.looked(state, t, slot, generation_of(word));
        } else {
            state.thread_mut(t).set_cursor(slot + 1);
        }
        (What::NextSlot { slot, open }, Event::Internal)
    }

    /// Goes on with a cleanup or death, after what was taken out is delivered and
    /// left for.
    pub(super) fn sweep_on(&self, state: &mut State, t: usize, next: Next) {
        let thread = state.thread(t);
        if next == Next::NextOutlived {
            let left = thread.guess();
            self.go_to_outlived(state, t, left & (left - 1));
            return;
        }
        let mut later = thread.at_call(thread.call());
        later.set_next(next);
        later.set_cursor(thread.cursor() + 1);
        *state.thread_mut(t) = later;
    }

    /// How far a cleanup or death has come.
    pub(super) fn sweep_of(&self, thread: &Thread) -> Sweep {
        match usize::from(thread.cursor()).cmp(&self.scenario.slots.len()) {
            Ordering::Less => Sweep::Slots,
            Ordering::Equal => Sweep::Outlived,
            Ordering::Greater => Sweep::Records,
        }
    }

    /// The thread goes to a step of the sweep itself.
    fn go_to(&self, state: &mut State, t: usize, did: Did) {
        match program::next(did, Owed::default) {
            Next::Idle => Self::finish(state, t),
            next => state.thread_mut(t).set_next(next),
        }
    }

    /// Whether a pending operation is one that the thread's process has to end: it
    /// outlived its descriptor, in a life that has ended.
    fn is_outlived(&self, state: &State, t: usize, index: usize) -> bool {
        let operation = state.operation(index);
        let slot = usize::from(operation.slot());
        operation.state() == OperationState::Pending
            && self.scenario.slots[slot].process == self.process_of(t)
            && !is_live(state, operation.slot(), operation.generation())
            && (self.scenario.is_over(state, slot) || self.has(Defect::OutlivedOfTheNextLife))
    }

    /// The sockets with such operations, as a mask: one look at the index.
    fn sockets_with_outlived(&self, state: &State, t: usize) -> u8 {
        if self.has(Defect::ForgetsTheOutlived) {
            return 0;
        }
        (0..OPERATIONS)
            .filter(|&index| self.is_outlived(state, t, index))
            .fold(0, |mask, index| mask | 1 << state.operation(index).socket())
    }

    /// Goes to the sockets that are left, then to the records of a dead process.
    fn go_to_outlived(&self, state: &mut State, t: usize, left: u8) {
        let slots = small(self.scenario.slots.len());
        let dies = self.cause(state, t) == Cause::Death && !self.has(Defect::ForgetsToReclaim);
        let outlived = left != 0;
        let mut later = state.thread(t).at_call(state.thread(t).call());
        later.set_guess(left);
        later.set_cursor(slots + u8::from(!outlived));
        *state.thread_mut(t) = later;
        self.go_to(state, t, Did::Pass { outlived, dies });
    }

    /// Whether the section of the next such socket can be entered.
    pub(super) fn may_take_outlived(&self, thread: &Thread) -> bool {
        !self.is_locked(small(thread.guess().trailing_zeros() as usize))
    }

    /// Takes out what outlived its descriptors on the next socket, silently.
    pub(super) fn next_outlived(&self, state: &mut State, t: usize) -> Done {
        let left = state.thread(t).guess();
        let socket = small(left.trailing_zeros() as usize);
        let cause = self.cause(state, t);
        let mut taken = 0;
        for index in 0..OPERATIONS {
            if state.operation(index).socket() == socket && self.is_outlived(state, t, index) {
                self.take_out(state, index, Some(cause));
                taken |= 1 << index;
            }
        }
        self.end_sends(state, socket);
        if taken == 0 {
            self.go_to_outlived(state, t, left & (left - 1));
        } else {
            let mut thread = state.thread_mut(t);
            thread.set_socket(socket);
            thread.set_taken(taken);
            drop(thread);
            self.after(state, t, Did::TakeOut);
        }
        let event = Event::OutlivedTaken {
            socket: usize::from(socket),
        };
        (What::TakeOutlived { socket, taken }, event)
    }

    /// The record at the cursor of a dead process.
    fn record_at(&self, state: &State, t: usize) -> usize {
        usize::from(state.thread(t).cursor()) - self.scenario.slots.len() - 1
    }

    /// Whether the section of the next record can be entered.
    pub(super) fn may_reclaim(&self, state: &State, t: usize) -> bool {
        let index = self.record_at(state, t);
        index >= RECORDS
            || state.record(index).record().is_none()
            || !self.is_locked(state.record(index).socket())
    }

    /// Reclaims the next record that targets the dead process (D5).
    pub(super) fn next_record(&self, state: &mut State, t: usize) -> Done {
        let index = self.record_at(state, t);
        if index >= RECORDS || state.record(index).record().is_none() {
            // Records are made in order: none can come any more that targets
            // this process.
            let passed = Did::Pass {
                outlived: false,
                dies: false,
            };
            self.go_to(state, t, passed);
            return (What::Skip, Event::Internal);
        }
        let dead = ProcessId(u32::from(self.process_of(t)));
        let socket = state.record(index).socket();
        let mut record = state.record(index).record();
        let reclaimed = record.as_mut().is_some_and(|it| it.reclaim(dead));
        state.record_mut(index).set_record(record);
        let mut event = Event::Internal;
        if reclaimed {
            self.reclaim(state, t, socket);
            event = Event::Reclaimed { record: index };
        } else {
            let cursor = state.thread(t).cursor();
            state.thread_mut(t).set_cursor(cursor + 1);
        }
        let record = small(index);
        (What::Reclaim { record, reclaimed }, event)
    }
}
