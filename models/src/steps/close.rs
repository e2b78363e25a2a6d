//! Closing a descriptor, whatever the cause: look, lock, commit, deliver, wait,
//! leave.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::Did;
use closesocket::protocol::word::{self, Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Cause, CloseMode, CloseRequest, Commit, Ending, Error, Linger, PendingOperations,
    Phase, Socket, Take, Time,
};

use super::{Done, Steps, cause_of};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{OPERATIONS, State, Thread, small};

/// The socket's pending operations, as the shipped close takes them out of the
/// model's array: a mask of indices.
struct Pending<'a> {
    state: &'a mut State,
    socket: u8,
    /// The descriptor that is being closed, if it is one.
    descriptor: Option<(u8, u8)>,
    cause: Cause,
    steps: &'a Steps<'a>,
}

impl PendingOperations for Pending<'_> {
    type Taken = u8;

    fn take(&mut self, take: Take) -> u8 {
        let defect = self.steps.defect;
        let take = match (defect, take) {
            (Some(Defect::ForgetsToAbort), _) => Take::Nothing,
            (Some(Defect::AbortsOtherDescriptors), Take::ThisReference) => Take::EveryReference,
            _ => take,
        };
        let mut taken = 0;
        for index in 0..OPERATIONS {
            let operation = self.state.operation(index);
            let mine = self.descriptor == Some((operation.slot(), operation.generation()));
            let pending = operation.state() == OperationState::Pending
                || (defect == Some(Defect::AbortsWhatCompleted)
                    && operation.state() == OperationState::Ending(None))
                || (defect == Some(Defect::AbortsWhatWasDelivered)
                    && operation.state() == OperationState::Ended(None));
            let in_scope = match take {
                Take::Nothing => false,
                Take::ThisReference => mine,
                Take::EveryReference => true,
            };
            let enough = defect == Some(Defect::AbortsFirstOnly) && taken != 0;
            if pending && in_scope && operation.socket() == self.socket && !enough {
                self.steps.take_out(self.state, index, Some(self.cause));
                taken |= 1 << index;
            }
        }
        taken
    }
}

/// Why a close went no further.
enum Stopped {
    /// It failed before its commit.
    Failed(Error),
    /// The word is another one than was seen: load and try again.
    Changed,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Steps<'_> {
    /// The descriptor that this thread closes in its present call, or has entered.
    pub(crate) fn closing(&self, t: usize, thread: &Thread) -> (u8, u8) {
        match self.call(t, thread) {
            Some(
                Call::Close(handle)
                | Call::CancelThrough(handle)
                | Call::Start {
                    through: handle, ..
                },
            ) => Self::resolve(thread, handle),
            Some(Call::Cleanup | Call::Die) => (thread.cursor(), thread.generation()),
            _ => (thread.own_slot(), thread.own_generation()),
        }
    }

    /// look: one load, then the socket's index from the slot.
    pub(super) fn look(&self, state: &mut State, t: usize) -> Done {
        let (slot, generation) = self.closing(t, &state.thread(t));
        let descriptor = state.slot(slot);
        if !descriptor.word().is_open(u32::from(generation)) {
            self.after(state, t, Did::Look { open: false });
            let mut event = refused(slot, generation, Cause::Call, Error::NotSocket);
            if self.has(Defect::SecondCloseSucceeds) {
                event = Event::CloseReturned {
                    socket: usize::from(descriptor.socket()),
                    committed: false,
                    waited: false,
                    result: Ok(()),
                };
            }
            return (What::Look { slot, open: false }, event);
        }
        let event = self.after(state, t, Did::Look { open: true });
        self.looked(state, t, slot, generation);
        (What::Look { slot, open: true }, event)
    }

    /// The thread goes on to close this open descriptor.
    pub(super) fn looked(&self, state: &mut State, t: usize, slot: u8, generation: u8) {
        let descriptor = state.slot(slot);
        let mut thread = state.thread_mut(t);
        thread.set_slot(slot);
        thread.set_generation(generation);
        thread.set_socket(descriptor.socket());
        if self.has(Defect::SealIsAStore) {
            thread.set_guess(holders(descriptor.word()));
        }
        drop(thread);
        if self.has(Defect::DecidesBeforeTheLock) {
            let references = state.socket(descriptor.socket()).machine().references;
            state.thread_mut(t).set_waited(references == 1);
        }
    }

    /// lock: takes the socket's lock and loads the word. The shipped close
    /// runs up to its compare-and-swap, and may fail before it (L2, L3).
    pub(super) fn lock_to_close(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let (slot, generation) = (thread.slot(), thread.generation());
        let cause = self.cause(state, t);
        let seen = state.slot(slot).word();
        if self.has(Defect::SealIsAStore) {
            let event = self.after(state, t, Did::Lock { allowed: true });
            return (What::Lock { slot }, event);
        }
        let stopped = self.close(state, t, seen, |_, _| Err(Stopped::Changed));
        let Err(Stopped::Failed(error)) = stopped else {
            state.thread_mut(t).set_guess(holders(seen));
            let event = self.after(state, t, Did::Lock { allowed: true });
            return (What::Lock { slot }, event);
        };
        if error == Error::WouldBlock {
            self.spoil_would_block(state, &thread);
        }
        self.after(state, t, Did::Lock { allowed: false });
        let what = match error {
            Error::WouldBlock => What::WouldBlock { slot },
            _ => What::FindClosed { slot },
        };
        (what, refused(slot, generation, cause, error))
    }

    /// commit: the compare-and-swap, and with it the rest of the section: the
    /// shipped close from end to end (D2, D6a).
    pub(super) fn commit(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let (slot, generation) = (thread.slot(), thread.generation());
        let word = state.slot(slot).word();
        let mut seen = Word::new(word.generation(), word.phase(), u64::from(thread.guess()));
        if self.has(Defect::SealIsAStore) {
            let generation = u32::from(generation);
            seen = Word::new(generation, WordPhase::Open, u64::from(thread.guess()));
        }
        let store = self.has(Defect::SealIsAStore);
        let closed = self.close(state, t, seen, |word, sealed| {
            if *word != seen && !store {
                return Err(Stopped::Changed);
            }
            *word = sealed;
            Ok(())
        });
        let cause = self.cause(state, t);
        match closed {
            Ok(commit) => self.committed(state, t, &commit),
            Err(Stopped::Changed) => {
                state.thread_mut(t).set_guess(holders(word));
                let event = self.after(state, t, Did::MissSwap);
                (What::RetryCommit { slot }, event)
            }
            Err(Stopped::Failed(error)) => {
                self.after(state, t, Did::Lock { allowed: false });
                (
                    What::FindClosed { slot },
                    refused(slot, generation, cause, error),
                )
            }
        }
    }

    /// Calls the shipped close on the thread's socket.
    fn close(
        &self,
        state: &mut State,
        t: usize,
        seen: Word,
        swap: impl FnOnce(&mut Word, Word) -> Result<(), Stopped>,
    ) -> Result<Commit<u8>, Stopped> {
        let thread = state.thread(t);
        let cause = self.cause(state, t);
        let mut word = state.slot(thread.slot()).word();
        let mut machine = state.socket(thread.socket()).machine();
        let before = machine;
        self.spoil_close(&mut machine, &thread);
        let mut pending = Pending {
            state,
            socket: thread.socket(),
            descriptor: Some((thread.slot(), thread.generation())),
            cause,
            steps: self,
        };
        let mut generation = u32::from(thread.generation());
        if self.has(Defect::SealIgnoresGeneration) {
            generation = seen.generation();
        }
        let request = self.request(cause);
        let result = machine.close(request, seen, generation, &mut pending, |sealed| {
            swap(&mut word, sealed)
        });
        self.unspoil_close(&mut machine, &before, result.is_ok());
        // Also of a close that failed: that it changed nothing is not taken for
        // granted but judged (L3).
        state.slot_mut(thread.slot()).set_word(word);
        state.socket_mut(thread.socket()).set_machine(machine);
        result
    }

    /// What the shipped close is asked, by this cause.
    pub(super) fn request(&self, cause: Cause) -> CloseRequest {
        let asked = match cause {
            Cause::Death if self.has(Defect::DeathLingers) => Cause::Call,
            Cause::Cleanup if self.has(Defect::CleanupLingers) => Cause::Call,
            cause => cause,
        };
        CloseRequest {
            cause: asked,
            now: Time::ZERO,
            drain_limit: self.scenario.surroundings.drain_limit,
            may_wait: true,
        }
    }

    /// The close has committed: the rest of its section.
    fn committed(&self, state: &mut State, t: usize, commit: &Commit<u8>) -> Done {
        let cause = self.cause(state, t);
        let mut thread = state.thread_mut(t);
        let (slot, generation, socket) = (thread.slot(), thread.generation(), thread.socket());
        thread.set_guess(0);
        thread.set_taken(commit.aborted);
        thread.set_holding(true);
        thread.set_waited(commit.wait);
        drop(thread);
        state.slot_mut(slot).set_cause(cause);
        self.carry_out(state, socket, commit.actions);
        self.end_sends(state, socket);
        self.spoil_commit(state, socket, commit);
        self.after(state, t, Did::TakeOut);
        let event = Event::Committed {
            slot: usize::from(slot),
            generation: u32::from(generation),
            cause,
            wait: commit.wait,
            may_wait: true,
        };
        let last = commit.last;
        (What::Commit { slot, cause, last }, event)
    }

    /// wait: until the socket is not draining any more, or cancelled (L9).
    pub(super) fn wait(&self, before: &State, t: usize, out: &mut impl FnMut(What, Event, &State)) {
        let socket = before.thread(t).socket();
        let draining = before.socket(socket).machine().is_draining();
        let mut after = *before;
        if !draining && !self.has(Defect::WaiterSleepsOn) {
            self.after(&mut after, t, Did::Wait);
            out(What::Wake { socket }, Event::Internal, &after);
        } else if draining && self.scenario.surroundings.may_cancel {
            self.after(&mut after, t, Did::Wait);
            after.thread_mut(t).set_cancelled(true);
            out(What::Cancel { socket }, Event::Internal, &after);
        }
    }

    /// Why the thread closes.
    pub(super) fn cause(&self, state: &State, t: usize) -> Cause {
        let process = usize::from(self.process_of(t));
        let thread = state.thread(t);
        let gone = state.process(process).gone();
        // Of an opener: its life may have ended by a cleanup, and another begun.
        let over = self.scenario.is_over(state, usize::from(thread.own_slot()));
        let gone = gone.or(over.then_some(Cause::Cleanup));
        cause_of(self.call(t, &thread), gone)
    }

    /// A record's reference goes with its target (D5): the shipped reclaim.
    pub(super) fn reclaim(&self, state: &mut State, t: usize, socket: u8) {
        let mut machine = state.socket(socket).machine();
        let mut pending = Pending {
            state,
            socket,
            descriptor: None,
            cause: Cause::Reclaimed,
            steps: self,
        };
        let commit = machine.reclaim(self.request(Cause::Reclaimed), &mut pending);
        state.socket_mut(socket).set_machine(machine);
        self.carry_out(state, socket, commit.actions);
        self.end_sends(state, socket);
        state.thread_mut(t).set_socket(socket);
        state.thread_mut(t).set_taken(commit.aborted);
        self.after(state, t, Did::TakeOut);
    }
}

/// The defects of the commit.
impl Steps<'_> {
    /// What a defect makes of the socket that the shipped close sees.
    fn spoil_close(&self, machine: &mut Socket, thread: &Thread) {
        let duplicate = self.scenario.slots[usize::from(thread.slot())]
            .socket
            .is_none();
        match self.defect {
            Some(Defect::ClosesAtAnyReference) => machine.references = 1,
            Some(Defect::DecidesBeforeTheLock) => {
                machine.references = 2 - u32::from(thread.waited());
            }
            Some(Defect::AbortsAtLastReferenceOnly) => {
                machine.abort_scope = AbortScope::LastReference;
            }
            Some(Defect::HardCloseDrains) if machine.linger.close_mode() == CloseMode::Hard => {
                machine.linger = machine.linger.set_dont_linger(true);
            }
            Some(Defect::ForgetsLingerOfDuplicates) if duplicate => machine.linger = Linger::off(),
            _ => {}
        }
    }

    /// The socket's own options again, and its own count.
    fn unspoil_close(&self, machine: &mut Socket, before: &Socket, committed: bool) {
        machine.linger = before.linger;
        machine.abort_scope = before.abort_scope;
        match self.defect {
            Some(Defect::ClosesAtAnyReference) if !committed => {
                machine.references = before.references;
            }
            Some(Defect::DecidesBeforeTheLock) => {
                machine.references = before.references - u32::from(committed);
            }
            _ => {}
        }
    }

    fn spoil_would_block(&self, state: &mut State, thread: &Thread) {
        if self.has(Defect::DropsReferenceFirst) {
            state.socket_mut(thread.socket()).run(|machine| {
                machine.references = machine.references.saturating_sub(1);
            });
        }
        if self.has(Defect::KeepsTheClosingMark) {
            let mut descriptor = state.slot_mut(thread.slot());
            let marked = Word::from_bits(descriptor.word().bits() + word::STEP);
            descriptor.set_word(marked);
        }
        if self.has(Defect::AbortsBeforeWouldBlock) {
            for index in 0..OPERATIONS {
                let mut operation = state.operation_mut(index);
                let mine = (operation.slot(), operation.generation())
                    == (thread.slot(), thread.generation());
                if mine && operation.state() == OperationState::Pending {
                    operation.set_state(OperationState::Ending(Some(Cause::Call)));
                }
            }
        }
    }

    fn spoil_commit(&self, state: &mut State, socket: u8, commit: &Commit<u8>) {
        let socket = &mut *state.socket_mut(socket);
        if self.has(Defect::ReleasesAtCommitToo) && commit.last {
            socket.set_releases(socket.releases() + 1);
        }
        if self.has(Defect::ForgetsToDrain) && socket.machine().is_draining() {
            socket.run(|machine| {
                machine.phase = Phase::Closed(Ending::Graceful);
                machine.unsent = 0;
                machine.in_flight = 0;
            });
            socket.set_releases(socket.releases() + 1);
        }
    }
}

/// The holders of a word, as small as the model's are.
fn holders(word: Word) -> u8 {
    small(usize::try_from(word.holders()).unwrap_or_default())
}

/// A close that failed before its commit.
fn refused(slot: u8, generation: u8, cause: Cause, error: Error) -> Event {
    Event::CloseRefused {
        slot: usize::from(slot),
        generation: u32::from(generation),
        cause,
        error,
    }
}
