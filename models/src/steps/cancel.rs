//! Cancelling (C1): by the name of an operation, or through a descriptor.

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::program::Did;
use closesocket::protocol::{ProcessId, may_cancel};

use super::{Done, Steps};
use crate::action::What;
use crate::defect::Defect;
use crate::scenario::Call;
use crate::state::{State, small};

impl Steps<'_> {
    /// cancel by name: one section under the socket's lock. It enters no
    /// descriptor; a socket that is not there any more has no operation.
    pub(super) fn cancel_by_name(&self, state: &mut State, t: usize) -> Done {
        let thread = state.thread(t);
        let Some(Call::Cancel { operation }) = self.call(t, &thread) else {
            Self::finish(state, t);
            return (What::Skip, Event::Internal);
        };
        let index = usize::from(operation);
        let own = self.is_issuer(t, state, index) || self.has(Defect::CancelsForeignOperations);
        if may_cancel(self.is_cancellable(state, index), own).is_err() {
            Self::finish(state, t);
            let kind = self.scenario.operations[index].kind;
            return (What::CancelNothing { kind, operation }, Event::Internal);
        }
        self.take_cancelled(state, t, index, None)
    }

    /// cancel through a descriptor: the section of an admitted call. The
    /// scenarios have at most one operation through each.
    pub(super) fn cancel_through(&self, state: &mut State, t: usize, live: bool) -> Done {
        let thread = state.thread(t);
        let (slot, generation, socket) = (thread.slot(), thread.generation(), thread.socket());
        let found = (0..self.scenario.operations.len()).find(|&index| {
            let it = state.operation(index);
            let mine = (it.slot(), it.generation()) == (slot, generation);
            let in_scope = mine || self.has(Defect::CancelsOtherDescriptors);
            in_scope && it.socket() == socket && self.is_cancellable(state, index)
        });
        let closed = !live && !self.has(Defect::CancelsWhatAborted);
        match found.filter(|_| !closed) {
            Some(index) => {
                // The call's own hold stays until it has delivered.
                state.thread_mut(t).set_holding(true);
                self.take_cancelled(state, t, index, Some((slot, generation)))
            }
            None => (What::Skip, Event::Internal),
        }
    }

    /// Whether it is pending, as the cancel sees it.
    fn is_cancellable(&self, state: &State, index: usize) -> bool {
        match state.operation(index).state() {
            OperationState::Pending => true,
            OperationState::Ending(None) => self.has(Defect::CancelsWhatCompleted),
            OperationState::Ending(Some(_)) => self.has(Defect::CancelsWhatAborted),
            _ => false,
        }
    }

    fn is_issuer(&self, t: usize, state: &State, index: usize) -> bool {
        let slot = usize::from(state.operation(index).slot());
        self.scenario.slots[slot].process == self.process_of(t)
    }

    /// Takes the operation out; whoever cancels delivers it. What was accepted
    /// of a send stays queued (C1).
    fn take_cancelled(
        &self,
        state: &mut State,
        t: usize,
        index: usize,
        through: Option<(u8, u8)>,
    ) -> Done {
        self.take_out(state, index, None);
        let socket = state.operation(index).socket();
        self.end_sends(state, socket);
        if self.has(Defect::CancelLosesAcceptedBytes) {
            state.socket_mut(socket).run(|machine| machine.unsent = 0);
        }
        let mut thread = state.thread_mut(t);
        thread.set_socket(socket);
        thread.set_taken(1 << index);
        drop(thread);
        self.after(state, t, Did::TakeOut);
        let what = What::CancelOperation {
            kind: self.scenario.operations[index].kind,
            operation: small(index),
        };
        let event = Event::Cancelled {
            operation: index,
            by: ProcessId(u32::from(self.process_of(t))),
            through: through.map(|(slot, generation)| (usize::from(slot), u32::from(generation))),
        };
        (what, event)
    }
}
