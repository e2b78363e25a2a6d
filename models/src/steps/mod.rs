//! The step programs: every transition of the model.
//!
//! One transition is one atomic instruction, or one critical section under a
//! socket's lock, of the engine. What it decides is decided by the shipped
//! functions of `closesocket::protocol`; the steps only carry out.
//!
//! - [`accept`]: the descriptor of a connection that is accepted;
//! - [`call`]: an operation or an option through a descriptor;
//! - [`cancel`]: cancelling what is pending;
//! - [`close`]: closing a descriptor, for whatever cause;
//! - [`slot`]: leaving, claiming, returning and recycling a slot;
//! - [`share`]: new descriptors: opened, duplicated, redeemed;
//! - [`process`]: cleanup and death;
//! - [`environment`]: the transport, the peer and the clock.

mod accept;
mod call;
mod cancel;
mod close;
mod environment;
mod operation;
mod process;
mod share;
mod slot;

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::{self, Did, Next, Owed};
use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    Actions, Cause, Connection, Ending, Notice, OperationKind, Phase, SendSide, Socket, Waiting,
    notice,
};

use crate::action::{Action, What};
use crate::defect::Defect;
use crate::scenario::{Call, Handle, Scenario};
use crate::state::{SOCKETS, State, THREADS, Thread, WORKER, small};

/// What one step did, besides changing the state.
pub(crate) type Done = (What, Event);

/// The step programs of a scenario, with or without a defect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) defect: Option<Defect>,
    /// The sockets whose lock a thread holds in the state that the steps are
    /// taken from, as a mask.
    pub(crate) locked: u8,
}

impl Steps<'_> {
    /// Hands every step that can be taken from here to `out`.
    #[inline(always)]
    pub(crate) fn from(&self, before: &State, mut out: impl FnMut(Action, Event, &State)) {
        for thread in 0..THREADS {
            self.of_thread(before, thread, &mut |what, event, after: &State| {
                let thread = Some(small(thread));
                out(Action { thread, what }, event, after);
            });
        }
        self.of_environment(before, &mut |what, event, after: &State| {
            out(Action { thread: None, what }, event, after);
        });
    }

    /// The steps that this thread can take.
    pub(crate) fn of_thread(
        &self,
        before: &State,
        t: usize,
        out: &mut impl FnMut(What, Event, &State),
    ) {
        let thread = &before.thread(t);
        let mut one = |step: fn(&Self, &mut State, usize) -> Done| {
            let mut after = *before;
            let (what, event) = step(self, &mut after, t);
            out(what, event, &after);
        };
        match thread.next() {
            Next::Idle if t == WORKER => {
                self.complete(before, out);
                self.lose_sends(before, out);
            }
            Next::Idle => self.start(before, t, out),
            Next::BackOut => one(Self::back_out),
            Next::Section if !self.is_locked(thread.socket()) => self.sections(before, t, out),
            Next::Leave => one(Self::leave),
            Next::Lock if !self.is_locked(thread.socket()) => one(Self::lock_to_close),
            Next::Commit => one(Self::commit),
            Next::Deliver => self.deliver(before, t, out),
            Next::Wait => self.wait(before, t, out),
            Next::GiveUp => one(Self::quit),
            Next::Claim => one(Self::claim),
            Next::ReturnHandle => {
                one(Self::upcall);
                if self.scenario.surroundings.upcall_may_fail {
                    one(Self::upcall_fails);
                }
            }
            Next::Recycle => one(Self::recycle),
            Next::Open if self.may_open(before, t) => one(Self::open),
            Next::LookAtProcess => one(Self::look_at_process),
            Next::NextSlot if self.may_pass(before, t) => one(Self::next_slot),
            Next::NextRecord if self.may_reclaim(before, t) => one(Self::next_record),
            Next::NextOutlived if self.may_take_outlived(thread) => one(Self::next_outlived),
            Next::Sleep
            | Next::Section
            | Next::Lock
            | Next::Open
            | Next::NextSlot
            | Next::NextOutlived
            | Next::NextRecord => {}
        }
    }

    /// The next call of a thread's script.
    fn start(&self, before: &State, t: usize, out: &mut impl FnMut(What, Event, &State)) {
        let Some(call) = self.call(t, &before.thread(t)) else {
            return;
        };
        let mut one = |step: fn(&Self, &mut State, usize) -> Done| {
            let mut after = *before;
            let (what, event) = step(self, &mut after, t);
            out(what, event, &after);
        };
        match call {
            Call::Start { .. }
            | Call::SetLinger(..)
            | Call::ShutDownSend(_)
            | Call::CancelThrough(_)
            | Call::Duplicate { .. } => one(Self::enter),
            Call::Cancel { operation } => {
                if !self.is_locked(before.operation(operation).socket()) {
                    one(Self::cancel_by_name);
                }
            }
            Call::Close(_) => one(Self::look),
            Call::Redeem { .. } | Call::Open { .. } => self.reserve(before, t, out),
            Call::TakeAccepted { operation, .. } => self.take_accepted(before, t, operation, out),
            Call::Startup => one(Self::startup),
            Call::Cleanup => one(Self::begin_cleanup),
            Call::Die => one(Self::begin_death),
        }
    }

    /// The call that this thread is in, or will make next.
    pub(crate) fn call(&self, t: usize, thread: &Thread) -> Option<Call> {
        let spec = self.scenario.threads.get(t)?;
        spec.calls.get(usize::from(thread.call())).copied()
    }

    /// The process of a thread.
    fn process_of(&self, t: usize) -> u8 {
        self.scenario.threads.get(t).map_or(0, |it| it.process)
    }

    /// The sockets whose lock a thread holds between two steps, as a mask: from the
    /// look at the word to the commit, and while it posts what it has taken out.
    pub(crate) fn locked_sockets(scenario: &Scenario, defect: Option<Defect>, state: &State) -> u8 {
        let holders = state.threads().filter(|it| match it.next() {
            Next::Commit => true,
            Next::Deliver => {
                defect != Some(Defect::PostsOutsideTheLock)
                    && each(it.taken()).any(|index| is_to_be_posted(scenario, state, index))
            }
            _ => false,
        });
        let locked = holders.fold(0, |mask, it| mask | 1 << it.socket());
        let by_waiters = (0..SOCKETS).filter(|&it| state.socket(it).locked_by_waiter());
        by_waiters.fold(locked, |mask, it| mask | 1 << it)
    }

    /// Takes a pending operation out; how its end is told is decided with it.
    fn take_out(&self, state: &mut State, index: usize, aborted: Option<Cause>) {
        let slot = usize::from(state.operation(index).slot());
        let gone = state.process(self.scenario.slots[slot].process).gone();
        let over = self.scenario.is_over(state, slot);
        let told = match (self.defect, aborted) {
            (Some(Defect::CleanupNotifies), Some(_)) => gone == Some(Cause::Cleanup),
            (Some(Defect::DeathNotifies), Some(_)) => gone == Some(Cause::Death),
            (Some(Defect::PostsCompletionsToTheDead), None) => true,
            _ => false,
        };
        let by_its_closer = self.has(Defect::SilencesOtherProcesses)
            && matches!(
                aborted,
                Some(Cause::Cleanup | Cause::Death | Cause::Reclaimed)
            );
        let notice = notice(self.waiting(index), over && !told || by_its_closer);
        let mut operation = state.operation_mut(index);
        operation.set_state(OperationState::Ending(aborted));
        operation.set_silent(notice == Notice::Silent);
        drop(operation);
        if aborted.is_some() || !self.is_to_be_opened(state, index) {
            self.give_back_slot(state, index);
        }
    }

    /// What follows where a send was taken out: the FIN that has waited for the last
    /// of them (S1a).
    fn end_sends(&self, state: &mut State, socket: u8) {
        let connected = state.socket(socket).machine().connection == Connection::Connected;
        if connected && !has_pending_sends(self.scenario, state, socket) {
            let actions = state.socket_mut(socket).run(Socket::sends_ended);
            self.carry_out(state, socket, actions);
        }
    }

    /// Whether a thread holds this socket's lock between two steps.
    fn is_locked(&self, socket: u8) -> bool {
        self.locked >> socket & 1 == 1
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// How an operation's issuer waits for it.
    fn waiting(&self, operation: usize) -> Waiting {
        self.scenario.operations[operation].waiting
    }

    /// Ends a thread's present call.
    fn finish(state: &mut State, t: usize) {
        let thread = state.thread(t);
        *state.thread_mut(t) = thread.at_call(thread.call() + u8::from(t != WORKER));
    }

    /// The thread goes on, after a step that came to this.
    #[inline(always)]
    fn after(&self, state: &mut State, t: usize, did: Did) -> Event {
        let next = program::next(did, || self.owed(state, t));
        match next {
            Next::Idle => return self.return_from(state, t),
            Next::NextSlot | Next::NextOutlived | Next::NextRecord => {
                self.sweep_on(state, t, next);
            }
            _ => state.thread_mut(t).set_next(next),
        }
        if next == Next::Wait && self.has(Defect::WaitsUnderLock) {
            let socket = state.thread(t).socket();
            state.socket_mut(socket).set_locked_by_waiter(true);
        }
        Event::Internal
    }

    /// What a thread has still to do in its call.
    #[inline(always)]
    fn owed(&self, state: &State, t: usize) -> Owed {
        let thread = state.thread(t);
        let call = self.call(t, &thread);
        let sweeps = matches!(call, Some(Call::Cleanup | Call::Die));
        let own = self.own_hold(t, &thread);
        let slot_of = |index: usize| state.operation(index).slot();
        Owed {
            results: each(thread.taken()).any(|index| is_ending(state, index)),
            holds: each(thread.taken()).any(|index| Some(slot_of(index)) != own),
            drain: thread.holding() && thread.waited() && !self.has(Defect::ReturnsWithoutWaiting),
            own_hold: thread.holding(),
            sweep: sweeps.then(|| self.sweep_of(&thread)),
        }
    }

    /// The slot on which it gives up its own hold last, with those of operations
    /// there. A cancel, or a send that was accepted at once, leaves for what it
    /// delivered, and for its own call afterwards.
    #[inline(always)]
    fn own_hold(&self, t: usize, thread: &Thread) -> Option<u8> {
        if !thread.holding() {
            return None;
        }
        let call = self.call(t, thread);
        let leaves_twice = matches!(call, Some(Call::CancelThrough(_) | Call::Start { .. }));
        let own = !(leaves_twice && thread.taken() != 0);
        own.then(|| self.closing(t, thread).0)
    }

    /// The present call of a thread returns.
    fn return_from(&self, state: &mut State, t: usize) -> Event {
        let thread = state.thread(t);
        let call = self.call(t, &thread);
        Self::finish(state, t);
        match call {
            Some(Call::Close(_)) => Event::CloseReturned {
                socket: usize::from(thread.socket()),
                committed: true,
                waited: thread.waited(),
                result: if thread.cancelled() {
                    Err(closesocket::protocol::Error::Interrupted)
                } else {
                    Ok(())
                },
            },
            _ => Event::Internal,
        }
    }

    /// The descriptor that a handle of this thread stands for.
    fn resolve(thread: &Thread, handle: Handle) -> (u8, u8) {
        match handle {
            Handle::First(slot) => (slot, 1),
            Handle::Own => (thread.own_slot(), thread.own_generation()),
        }
    }

    /// Does what the socket machine orders, within the critical section.
    fn carry_out(&self, state: &mut State, socket: u8, actions: Actions) {
        let socket = &mut *state.socket_mut(socket);
        let unread = socket.machine().phase == Phase::Closed(Ending::Unread);
        if actions.reset
            && !self.has(Defect::HardCloseWithoutReset)
            && !(unread && self.has(Defect::ForgetsTheResetForUnread))
        {
            socket.set_reset(true);
        }
        if self.has(Defect::SendsTheFinBeforeTheReset)
            && socket.machine().is_draining()
            && socket.machine().unsent == 0
        {
            socket.run(|machine| machine.send_side = SendSide::Finished);
        }
        if actions.reset_backlog && !self.has(Defect::BacklogForgotten) {
            socket.set_waiting(0);
        }
        if actions.release {
            socket.set_releases((socket.releases() + 1).min(3));
        }
    }
}

/// Whether the descriptor of this generation is still open, as its section
/// sees it: its reference is in the socket's list until the commit.
fn is_live(state: &State, slot: u8, generation: u8) -> bool {
    let word = state.slot(slot).word();
    word.is_open(u32::from(generation))
}

/// Whether a send, or a connect before it, is pending on this socket.
pub(crate) fn has_pending_sends(scenario: &Scenario, state: &State, socket: u8) -> bool {
    let on_its_side = |kind| matches!(kind, OperationKind::Send | OperationKind::Connect);
    let mut operations = scenario.operations.iter().zip(state.operations());
    operations.any(|(spec, it)| {
        it.state() == OperationState::Pending && it.socket() == socket && on_its_side(spec.kind)
    })
}

/// The operations of a mask, as indices.
fn each(mut mask: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let index = mask.trailing_zeros() as usize;
        // The lowest one goes; of 0 nothing is left to go.
        mask &= mask.checked_sub(1)?;
        Some(index)
    })
}

/// Whether an operation was taken out and its end is to be posted, or to pass
/// silently: under the lock.
fn is_to_be_posted(scenario: &Scenario, state: &State, index: usize) -> bool {
    let overlapped = scenario
        .operations
        .get(index)
        .is_some_and(|it| it.waiting == Waiting::Overlapped);
    overlapped && is_ending(state, index)
}

/// Whether an operation was taken out and waits to be delivered.
fn is_ending(state: &State, operation: usize) -> bool {
    matches!(
        state.operation(operation).state(),
        OperationState::Ending(_)
    )
}

/// Why this slot's occupant is being closed by the thread.
fn cause_of(call: Option<Call>, gone: Option<Cause>) -> Cause {
    match call {
        Some(Call::Cleanup) => Cause::Cleanup,
        Some(Call::Die) => Cause::Death,
        Some(Call::Close(_)) => Cause::Call,
        _ => gone.unwrap_or(Cause::Call),
    }
}

/// Whether nobody has this slot.
fn is_free(word: Word) -> bool {
    word.phase() == WordPhase::Free
}
