//! Cleanup and death of a process: the flag, then every slot, then the records
//! that target it (S2, S3, D5).

use closesocket::protocol::invariant::Event;
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Cause, ProcessId};

use super::call::generation_of;
use super::{Done, Steps};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{At, RECORDS, State, small};

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
        let startups = u32::from(self.scenario.surroundings.startups);
        let event = counted.map_or(Event::Internal, |_| Event::CleanedUp {
            acts,
            startups_left: startups.saturating_sub(earlier + 1),
        });
        if acts {
            state.thread_mut(t).set_at(At::NextSlot);
            let cause = Cause::Cleanup;
            return (What::Begin { cause }, event);
        }
        Self::finish(state, t);
        (What::Skip, event)
    }

    /// Cleanups that the threads of a process have begun or made, counted from
    /// their scripts and not from the shipped count.
    fn cleanups(&self, state: &State, process: u8) -> u32 {
        let threads = self.scenario.threads.iter().zip(state.threads());
        threads
            .filter(|(spec, _)| spec.process == process)
            .map(|(spec, thread)| {
                let begun = usize::from(thread.call()) + usize::from(thread.at() != At::Ready);
                let calls = spec.calls.iter().take(begun);
                calls.map(|it| u32::from(*it == Call::Cleanup)).sum::<u32>()
            })
            .sum()
    }

    /// The process is dead from here on (S3).
    pub(super) fn begin_death(&self, state: &mut State, t: usize) -> Done {
        let mut process = state.process_mut(self.process_of(t));
        let mut startups = process.startups();
        startups.die();
        process.set_startups(startups);
        process.set_gone(Some(Cause::Death));
        drop(process);
        state.thread_mut(t).set_at(At::NextSlot);
        let cause = Cause::Death;
        (What::Begin { cause }, Event::Internal)
    }

    /// Looks at the next slot of the process and closes it if it is open.
    pub(super) fn next_slot(&self, state: &mut State, t: usize) -> Done {
        let process = self.process_of(t);
        let slots = self.scenario.slots;
        let cursor = usize::from(state.thread(t).cursor());
        let next = (cursor..slots.len()).find(|&it| slots[it].process == process);
        let Some(next) = next else {
            let dead = self.cause(state, t) == Cause::Death;
            if dead && !self.has(Defect::ForgetsToReclaim) {
                state.thread_mut(t).set_cursor(small(slots.len()));
                state.thread_mut(t).set_at(At::NextRecord);
            } else {
                Self::finish(state, t);
            }
            return (What::Skip, Event::Internal);
        };
        let slot = small(next);
        let word = state.slot(next).word();
        state.thread_mut(t).set_cursor(slot);
        let open = word.phase() == WordPhase::Open;
        if open {
            self.looked(state, t, slot, generation_of(word));
        } else {
            state.thread_mut(t).set_cursor(slot + 1);
        }
        (What::NextSlot { slot, open }, Event::Internal)
    }

    /// The record at the cursor of a dead process.
    fn record_at(&self, state: &State, t: usize) -> usize {
        usize::from(state.thread(t).cursor()) - self.scenario.slots.len()
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
            Self::finish(state, t);
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
