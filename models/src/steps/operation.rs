//! An operation, from the section that registers it: it goes on, completes or is lost,
//! and whoever has taken it out delivers.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::{Did, Next};
use closesocket::protocol::{Connection, Cut, Error, OperationKind, Socket, Waiting, cut_off};

use super::{Done, Steps, each, is_ending, is_to_be_posted};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{State, WORKER, small};

impl Steps<'_> {
    /// register: started, completed at once, or parked. An overlapped operation
    /// is parked in any case, keeps its own hold, and the call goes on with its
    /// own (O1a, H2).
    pub(super) fn register(&self, state: &mut State, t: usize, operation: u8, live: bool) -> Done {
        let thread = state.thread(t);
        let index = usize::from(operation);
        let kind = self.scenario.operations[index].kind;
        let live = live || self.has(Defect::RegistersWithoutLooking);
        let mut allowed = state
            .socket(thread.socket())
            .machine()
            .may_start(kind, live);
        if self.has(Defect::RegistersWithoutLooking) {
            allowed = Ok(());
        }
        let machine = state.socket(thread.socket()).machine();
        if machine.connection == Connection::Lost && self.has(Defect::LossRefusesReceives) {
            allowed = Err(Error::ConnectionReset);
        }
        allowed = allowed.and_then(|()| self.has_slot(state, index));
        if kind == OperationKind::Connect && allowed.is_ok() {
            state.socket_mut(thread.socket()).run(Socket::connecting);
        } else if allowed.is_ok()
            && self.waiting(index) == Waiting::Blocked
            && !self.has_pending(state, thread.socket(), kind)
        {
            allowed = match self.try_to_complete(state, thread.socket(), index) {
                Ok(false) => Ok(()),
                Ok(true) => {
                    state.operation_mut(index).set_succeeded(true);
                    self.has_accepted(state, t, index);
                    let event = self.accepted(state, index, thread.socket());
                    let event = event.unwrap_or(Event::Internal);
                    return (What::CompleteAtOnce { kind, operation }, event);
                }
                Err(error) => Err(error),
            };
        }
        if let Err(error) = allowed {
            let socket = usize::from(thread.socket());
            let event = Event::StartRefused {
                socket,
                kind,
                error,
            };
            return (What::StartRefused { kind, operation }, event);
        }
        let number = small(self.of_its_direction(state, thread.socket(), kind).count());
        let first = !self.has_pending(state, thread.socket(), kind);
        let mut it = state.operation_mut(index);
        it.set_state(OperationState::Pending);
        it.set_slot(thread.slot());
        it.set_generation(thread.generation());
        it.set_socket(thread.socket());
        it.set_number(number);
        drop(it);
        if self.waiting(index) == Waiting::Blocked {
            let blocked = true;
            self.after(state, t, Did::Section { blocked });
        } else if kind == OperationKind::Send && first {
            self.go_on_with_send(state, t, index);
        }
        let event = Event::Registered { operation: index };
        (What::Register { kind, operation }, event)
    }

    /// The section that registers a send accepts what fits of it. If that is all, it
    /// has ended, and its own thread posts that.
    fn go_on_with_send(&self, state: &mut State, t: usize, index: usize) {
        let socket = state.operation(index).socket();
        if self.try_to_complete(state, socket, index) != Ok(true) {
            return;
        }
        self.take_out(state, index, None);
        state.operation_mut(index).set_succeeded(true);
        // The call's own hold stays until it has delivered.
        let mut thread = state.thread_mut(t);
        thread.set_taken(1 << index);
        thread.set_holding(true);
        drop(thread);
        self.after(state, t, Did::TakeOut);
    }

    /// Does what an operation wants as far as the socket allows now; true if
    /// that is all of it. A receive that finds nothing on a lost connection is
    /// told of the loss (R1).
    fn try_to_complete(
        &self,
        state: &mut State,
        socket: u8,
        operation: usize,
    ) -> Result<bool, Error> {
        let remaining = state.operation(operation).remaining();
        let mut accepted = 0;
        let mut after = state.socket(socket);
        let mut machine = after.machine();
        let all = match self.scenario.operations[operation].kind {
            OperationKind::Recv => {
                let there = machine.input_unread;
                if there {
                    machine.set_input_unread(false);
                } else if machine.connection == Connection::Lost {
                    let _ = machine.receive_side_lost();
                    state.socket_mut(socket).set_machine(machine);
                    return Err(Error::ConnectionReset);
                }
                there
            }
            OperationKind::Send => {
                let bytes = machine.accept_bytes(usize::from(remaining));
                accepted = small(bytes as usize);
                remaining == accepted
            }
            OperationKind::Accept => {
                let there = machine.backlog > 0;
                if there {
                    machine.backlog_taken();
                    after.set_waiting(after.waiting() - 1);
                    self.take_connection(state, operation, &machine);
                }
                there
            }
            OperationKind::Connect => {
                machine.connect_finished(true);
                true
            }
        };
        after.set_machine(machine);
        after.set_accepted(after.accepted() + accepted);
        *state.socket_mut(socket) = after;
        state
            .operation_mut(operation)
            .set_remaining(remaining - accepted);
        Ok(all)
    }

    /// complete: the transport's worker takes an operation out that can end
    /// now (O2). Of a send it accepts a chunk in the section that hears of an
    /// acknowledgement, which is what makes room.
    pub(super) fn complete(&self, before: &State, out: &mut impl FnMut(What, Event, &State)) {
        for index in 0..self.scenario.operations.len() {
            let operation = before.operation(index);
            if !self.can_complete(before, index) || self.is_locked(operation.socket()) {
                continue;
            }
            let mut after = *before;
            let kind = self.scenario.operations[index].kind;
            let machine = before.socket(operation.socket()).machine();
            let may = machine.may_go_on(kind);
            let pending = operation.state() == OperationState::Pending;
            if may.is_ok() && pending && kind == OperationKind::Send {
                let actions = self.acknowledge(&mut after.socket_mut(operation.socket()));
                self.carry_out(&mut after, operation.socket(), actions);
            }
            let done =
                may.and_then(|()| self.try_to_complete(&mut after, operation.socket(), index));
            let possible = done.is_ok();
            if done != Ok(false) && pending {
                // A loss ends all that are behind it, too.
                let taken = match possible {
                    true => 1 << index,
                    false => self.pending(before, operation.socket(), kind),
                };
                self.end_by_worker(&mut after, operation.socket(), taken, possible);
            }
            let rest = after.operation(index).remaining();
            let operation = small(index);
            if possible && kind == OperationKind::Send {
                let event = Event::BytesAccepted { operation: index };
                out(What::AcceptBytes { operation, rest }, event, &after);
            } else {
                let listener = before.operation(index).socket();
                let event = self.accepted(&after, index, listener);
                let event = event.unwrap_or(Event::Taken { operation: index });
                out(What::Complete { kind, operation }, event, &after);
            }
        }
    }

    /// The worker is told that the connection is lost, and ends every send that is
    /// pending, in the same section (L5).
    pub(super) fn lose_sends(&self, before: &State, out: &mut impl FnMut(What, Event, &State)) {
        for socket in (0..before.rest().created()).filter(|&it| !self.is_locked(it)) {
            let sends = self.pending(before, socket, OperationKind::Send);
            if sends != 0 && self.may_be_lost(before, socket) {
                let mut after = *before;
                let actions = self.lose(&mut after.socket_mut(socket));
                self.carry_out(&mut after, socket, actions);
                self.end_by_worker(&mut after, socket, sends, false);
                let index = usize::from(socket);
                let event = Event::ConnectionLost { socket: index };
                out(What::LoseConnection { socket }, event, &after);
            }
        }
    }

    /// The worker takes these operations out, and goes on to tell their results.
    fn end_by_worker(&self, state: &mut State, socket: u8, taken: u8, succeeded: bool) {
        for index in each(taken) {
            self.take_out(state, index, None);
            state.operation_mut(index).set_succeeded(succeeded);
            if succeeded && self.waiting(index) == Waiting::Overlapped {
                self.has_accepted(state, WORKER, index);
            }
        }
        self.end_sends(state, socket);
        let mut worker = state.thread_mut(WORKER);
        worker.set_socket(socket);
        worker.set_taken(taken);
        drop(worker);
        self.after(state, WORKER, Did::TakeOut);
        if each(taken).any(|index| self.is_to_be_opened(state, index)) {
            state.thread_mut(WORKER).set_next(Next::Open);
        }
    }

    /// The operations of this direction that were registered on a socket.
    fn of_its_direction(
        &self,
        state: &State,
        socket: u8,
        kind: OperationKind,
    ) -> impl Iterator<Item = usize> {
        let receives = |kind| matches!(kind, OperationKind::Recv | OperationKind::Accept);
        (0..self.scenario.operations.len()).filter(move |&it| {
            state.operation(it).socket() == socket
                && state.operation(it).state() != OperationState::Idle
                && receives(self.scenario.operations[it].kind) == receives(kind)
        })
    }

    /// Whether one of this direction is pending: what there is, is for that first
    /// (R1).
    fn has_pending(&self, state: &State, socket: u8, kind: OperationKind) -> bool {
        self.pending(state, socket, kind) != 0
    }

    /// Those of this direction that are pending, as a mask.
    fn pending(&self, state: &State, socket: u8, kind: OperationKind) -> u8 {
        self.of_its_direction(state, socket, kind)
            .filter(|&it| state.operation(it).state() == OperationState::Pending)
            .fold(0, |mask, it| mask | 1 << it)
    }

    /// Whether an earlier one of its direction is pending: that completes first.
    fn is_behind(&self, state: &State, index: usize) -> bool {
        let it = state.operation(index);
        let kind = self.scenario.operations[index].kind;
        let mut others = self.of_its_direction(state, it.socket(), kind);
        others.any(|other| {
            let other = state.operation(other);
            other.state() == OperationState::Pending && other.number() < it.number()
        })
    }

    /// Whether the transport has something to do for this operation.
    fn can_complete(&self, state: &State, index: usize) -> bool {
        let operation = &state.operation(index);
        let socket = &state.socket(operation.socket());
        let machine = socket.machine();
        let kind = self.scenario.operations[index].kind;
        if self.has(Defect::AcceptsAfterAbort)
            && matches!(
                operation.state(),
                OperationState::Ending(Some(_)) | OperationState::Ended(Some(_))
            )
        {
            return kind == OperationKind::Send
                && operation.remaining() > 0
                && machine.may_go_on(kind).is_ok()
                && machine.queued() < machine.window;
        }
        let behind = !self.has(Defect::CompletesOutOfOrder) && self.is_behind(state, index);
        operation.state() == OperationState::Pending
            && !behind
            && (machine.may_go_on(kind).is_err()
                || match kind {
                    OperationKind::Recv => {
                        machine.input_unread || machine.connection == Connection::Lost
                    }
                    OperationKind::Send => self.may_acknowledge(&machine, operation.socket()),
                    OperationKind::Accept => machine.backlog > 0,
                    OperationKind::Connect => machine.connection == Connection::Connecting,
                })
    }

    /// deliver: posts one result, under the lock and in the order of the operations,
    /// or answers a blocked thread, outside. A woken thread leaves by itself, for
    /// the others whoever delivered does (O3, O4, R8, S2, S3).
    pub(super) fn deliver(
        &self,
        before: &State,
        t: usize,
        out: &mut impl FnMut(What, Event, &State),
    ) {
        let taken = before.thread(t).taken();
        let to_post = |index: &usize| is_to_be_posted(self.scenario, before, *index);
        let first = each(taken)
            .filter(to_post)
            .min_by_key(|&index| before.operation(index).number());
        for index in each(taken).filter(|&index| is_ending(before, index)) {
            let waits = match first {
                Some(first) => first != index,
                None => self.is_answered_later(before, taken, index),
            };
            if waits {
                continue;
            }
            let mut after = *before;
            let (what, event) = self.deliver_one(&mut after, index);
            if self.waiting(index) == Waiting::Blocked {
                after.thread_mut(t).set_taken(taken & !(1 << index));
            }
            // Whoever has opened a descriptor for the result looks at its process.
            let opened =
                self.waiting(index) == Waiting::Overlapped && self.opened(&after, index).is_some();
            let did = if opened {
                Did::Open { opened }
            } else {
                Did::TakeOut
            };
            self.after(&mut after, t, did);
            out(what, event, &after);
        }
    }

    /// Whether another thread of the same descriptor is answered before this one: those
    /// blocked in sends are, and each direction is in the order of its operations.
    fn is_answered_later(&self, state: &State, taken: u8, index: usize) -> bool {
        let place = |index: usize| {
            let receives = self.scenario.operations[index].kind == OperationKind::Recv;
            (receives, state.operation(index).number())
        };
        let slot = state.operation(index).slot();
        let mut others = each(taken).filter(|&it| is_ending(state, it));
        each(taken).all(|it| state.operation(it).slot() == slot)
            && others.any(|it| place(it) < place(index))
    }

    fn deliver_one(&self, state: &mut State, index: usize) -> Done {
        let waiting = self.waiting(index);
        let operation = state.operation(index);
        let cause = match operation.state() {
            OperationState::Ending(cause) => cause,
            _ => None,
        };
        let mut ended = state.operation_mut(index);
        ended.set_state(OperationState::Ended(cause));
        // Asked for no more.
        ended.set_silent(false);
        ended.set_number(0);
        drop(ended);
        if waiting == Waiting::Blocked {
            self.wake(state, index);
        }
        let mistold = cause.is_some() && self.has(Defect::PostsToBlockedCalls);
        let posted = waiting == Waiting::Overlapped && !operation.silent() || mistold;
        let result = match cause {
            None if operation.succeeded() => Ok(()),
            None => Err(Error::ConnectionReset),
            Some(_) => cut_off(Cut::Closed, waiting, 0).map(|_| ()),
        };
        let kind = self.scenario.operations[index].kind;
        let operation = small(index);
        let event = Event::Delivered {
            operation: index,
            posted,
            result,
        };
        match cause {
            None => (What::DeliverCompleted { kind, operation }, event),
            Some(_) => (What::DeliverAborted { kind, operation }, event),
        }
    }

    /// Wakes the thread that is blocked in this operation.
    fn wake(&self, state: &mut State, index: usize) {
        for t in 0..WORKER {
            let thread = state.thread(t);
            let blocked_in = match self.call(t, &thread) {
                Some(Call::Start { operation, .. }) => usize::from(operation) == index,
                _ => false,
            };
            if thread.next() == Next::Sleep && blocked_in {
                self.after(state, t, Did::WakeUp);
                if state.operation(index).succeeded() {
                    self.has_accepted(state, t, index);
                }
            }
        }
    }
}
