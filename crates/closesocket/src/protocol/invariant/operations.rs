//! What must hold of operations: how each ends, and who is told.

use super::world::{Event, OperationState, OperationView, Step, World, is_open, references};
use crate::protocol::{
    AbortScope, Cause, Connection, Cut, Error, Notice, OperationKind, SendSide, Waiting, cut_off,
    notice,
};

//= docs/specification.md#o4-blocked-calls
//= type=test
//# - A notification MUST NOT be posted for a blocked call that a close has aborted.
pub(super) fn every_pending_op_aborted<W: World>(step: &Step<W>) -> bool {
    match step.event {
        Event::Committed { slot, cause, .. } => {
            let closed = step.before.descriptor(slot);
            let socket = closed.socket;
            let last = references(step.after, socket) == 0;
            let scope = step.before.socket(socket).machine.abort_scope;
            (0..step.after.operations()).all(|index| {
                let operation = step.after.operation(index);
                let in_scope = match scope {
                    AbortScope::Descriptor => operation.slot == slot,
                    AbortScope::LastReference => {
                        (last && operation.socket == socket)
                            || (cause != Cause::Call && operation.slot == slot)
                    }
                };
                !in_scope || operation.state != OperationState::Pending
            })
        }
        Event::Delivered {
            operation,
            posted,
            result,
        } => {
            let operation = step.before.operation(operation);
            let OperationState::Ending(Some(_)) = operation.state else {
                return true;
            };
            let expected = cut_off(Cut::Closed, operation.waiting, 0);
            // One that has sent a part says how much, under the same code.
            let told = result.err().map(Error::code) == expected.err().map(Error::code);
            match operation.waiting {
                Waiting::Blocked => !posted && told,
                // Whether a silent end is silent is the business of others.
                Waiting::Overlapped => !posted || told,
            }
        }
        _ => true,
    }
}

pub(super) fn each_op_ends_once<W: World>(step: &Step<W>) -> bool {
    use OperationState::{Ended, Ending, Idle, Pending};
    (0..step.after.operations()).all(|index| {
        let delivered =
            matches!(step.event, Event::Delivered { operation, .. } if operation == index);
        let registered =
            matches!(step.event, Event::Registered { operation } if operation == index);
        match (
            step.before.operation(index).state,
            step.after.operation(index).state,
        ) {
            (Ending(how), Ended(after)) => delivered && how == after,
            // A reused index is a new operation.
            (Idle | Ended(_), Pending) => registered,
            (Idle | Ended(_), Idle) | (Pending, Pending | Ending(_)) => !delivered,
            (before, after) => before == after && !delivered,
        }
    })
}

pub(super) fn no_operation_orphaned<W: World>(step: &Step<W>) -> bool {
    (0..step.after.operations()).all(|index| {
        let operation = step.after.operation(index);
        if operation.state != OperationState::Pending {
            return true;
        }
        let machine = step.after.socket(operation.socket).machine;
        match machine.abort_scope {
            AbortScope::Descriptor => is_open(step.after, operation.slot, operation.generation),
            AbortScope::LastReference => machine.is_open(),
        }
    })
}

pub(super) fn cancel_ends_only_its_own<W: World>(step: &Step<W>) -> bool {
    let Event::Cancelled {
        operation,
        by,
        through,
    } = step.event
    else {
        return true;
    };
    let (before, after) = (step.before, step.after);
    let cancelled = before.operation(operation);
    let ending = OperationView {
        state: OperationState::Ending(None),
        failed: after.operation(operation).failed,
        silent: after.operation(operation).silent,
        ..cancelled
    };
    let own = through.is_none_or(|(slot, generation)| {
        (cancelled.slot, cancelled.generation) == (slot, generation)
            && is_open(before, slot, generation)
    });
    own && cancelled.state == OperationState::Pending
        && before.descriptor(cancelled.slot).process == by
        && after.operation(operation) == ending
        && (0..after.operations())
            .filter(|&it| it != operation)
            .all(|it| before.operation(it) == after.operation(it))
        && (0..after.slots()).all(|it| before.descriptor(it) == after.descriptor(it))
        && (0..after.sockets()).all(|it| before.socket(it) == after.socket(it))
        && (0..after.records()).all(|it| before.record(it) == after.record(it))
}

pub(super) fn received_before_loss_is_delivered<W: World>(step: &Step<W>) -> bool {
    let kept = (0..step.after.sockets()).all(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let lost_now = after.machine.receive_lost && !before.machine.receive_lost;
        let gone = before.input_waits && !after.input_waits && after.machine.is_open();
        let by_the_loss = step.event == Event::ConnectionLost { socket };
        !(lost_now && before.input_waits || gone && by_the_loss)
    });
    let ended = (0..step.after.operations()).all(|index| {
        let (before, after) = (step.before.operation(index), step.after.operation(index));
        let lost = after.kind == OperationKind::Recv
            && before.state == OperationState::Pending
            && after.state == OperationState::Ending(None)
            && after.failed == Some(Error::ConnectionReset)
            && !matches!(step.event, Event::Cancelled { .. });
        !lost || step.after.socket(after.socket).machine.receive_lost
    });
    kept && ended
        && match step.event {
            Event::StartRefused {
                socket,
                kind: OperationKind::Recv,
                error: Error::ConnectionReset,
            } => step.after.socket(socket).machine.receive_lost,
            _ => true,
        }
}

pub(super) fn shutdown_ends_nothing_pending<W: World>(step: &Step<W>) -> bool {
    (0..step.after.operations()).all(|index| {
        let operation = step.after.operation(index);
        match operation.state {
            OperationState::Ending(None) => operation.failed != Some(Error::ShutDown),
            OperationState::Pending if operation.kind == OperationKind::Send => {
                let machine = step.after.socket(operation.socket).machine;
                let due = matches!(machine.send_side, SendSide::Closing | SendSide::Finished);
                !(due && machine.is_open()) || machine.connection != Connection::Connected
            }
            _ => true,
        }
    })
}

pub(super) fn results_in_order<W: World>(step: &Step<W>) -> bool {
    let Event::Delivered {
        operation: index,
        posted: true,
        ..
    } = step.event
    else {
        return true;
    };
    let receives = |kind| matches!(kind, OperationKind::Recv | OperationKind::Accept);
    let posted = step.before.operation(index);
    // A cancel and a close end what they name, whatever is before it; a loss ends
    // everything.
    let completed = posted.state == OperationState::Ending(None) && posted.failed.is_none();
    (0..step.before.operations()).all(|index| {
        let earlier = step.before.operation(index);
        let before = earlier.socket == posted.socket
            && receives(earlier.kind) == receives(posted.kind)
            && earlier.number < posted.number;
        match earlier.state {
            OperationState::Pending => !(before && completed),
            OperationState::Ending(_) => !(before && earlier.waiting == Waiting::Overlapped),
            OperationState::Idle | OperationState::Ended(_) => true,
        }
    })
}

pub(super) fn told_exactly_when_alive<W: World>(step: &Step<W>) -> bool {
    let decided = (0..step.after.operations()).all(|index| {
        let (before, after) = (step.before.operation(index), step.after.operation(index));
        let taken = before.state == OperationState::Pending
            && matches!(after.state, OperationState::Ending(_));
        let over = step.before.descriptor(after.slot).life_over;
        !taken || after.silent == (notice(after.waiting, over) == Notice::Silent)
    });
    decided
        && match step.event {
            Event::Delivered {
                operation, posted, ..
            } => {
                let operation = step.before.operation(operation);
                let swept = step.before.descriptor(operation.slot).life_swept;
                operation.waiting == Waiting::Blocked
                    || (posted != operation.silent && !(posted && swept))
            }
            _ => true,
        }
}
