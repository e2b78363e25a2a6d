//! What must hold of descriptors and their handles.

use super::world::{DescriptorState, Event, Step, World, is_open, references};
use crate::protocol::{AbortScope, Cause, CloseMode, Connection, Error, SendSide};

pub(super) fn closed_descriptor_never_resolves<W: World>(step: &Step<W>) -> bool {
    let grown = (0..step.after.slots()).all(|slot| {
        step.before.descriptor(slot).generation <= step.after.descriptor(slot).generation
    });
    grown
        && match step.event {
            Event::Admitted { slot, generation }
            | Event::Duplicated {
                slot, generation, ..
            } => is_open(step.before, slot, generation),
            Event::Registered { operation } => {
                let operation = step.after.operation(operation);
                let occupant = step.after.descriptor(operation.slot);
                operation.generation == occupant.generation && operation.socket == occupant.socket
            }
            _ => true,
        }
}

pub(super) fn one_close_wins<W: World>(step: &Step<W>) -> bool {
    match step.event {
        Event::Committed {
            slot, generation, ..
        } => is_open(step.before, slot, generation) && !is_open(step.after, slot, generation),
        Event::CloseRefused {
            slot,
            generation,
            error: Error::NotSocket,
            ..
        } => !is_open(step.before, slot, generation),
        Event::CloseReturned {
            committed, result, ..
        } => committed == matches!(result, Ok(()) | Err(Error::Interrupted)),
        _ => true,
    }
}

pub(super) fn would_block_changes_nothing<W: World>(step: &Step<W>) -> bool {
    let Event::CloseRefused {
        slot,
        generation,
        cause,
        error: Error::WouldBlock,
    } = step.event
    else {
        return true;
    };
    let socket = step.before.descriptor(slot).socket;
    let machine = step.before.socket(socket).machine;
    let allowed = cause == Cause::Call
        && is_open(step.before, slot, generation)
        && references(step.before, socket) == 1
        && machine.connection == Connection::Connected
        && machine.nonblocking
        && matches!(machine.linger.close_mode(), CloseMode::Linger { .. })
        && machine.queued() > 0
        && machine.send_side == SendSide::Open;
    allowed && same_but_for(step, None, None)
}

pub(super) fn other_descriptors_undisturbed<W: World>(step: &Step<W>) -> bool {
    let Event::Committed { slot, .. } = step.event else {
        return true;
    };
    let socket = step.before.descriptor(slot).socket;
    same_but_for(step, Some(slot), Some(socket))
}

pub(super) fn handle_returned_once_after_ops<W: World>(step: &Step<W>) -> bool {
    let kept = (0..step.after.slots()).all(|slot| {
        let (before, after) = (step.before.descriptor(slot), step.after.descriptor(slot));
        let same = || (before.generation, before.state) == (after.generation, after.state);
        after.handle_returns <= 1 && (!before.retired || same())
    });
    kept && match step.event {
        Event::LastOut { slot } => {
            let descriptor = step.before.descriptor(slot);
            matches!(descriptor.state, DescriptorState::Closed(_))
        }
        Event::HandleReturned { slot } => {
            let descriptor = step.before.descriptor(slot);
            let closed = matches!(
                descriptor.state,
                DescriptorState::Closed(Cause::Call | Cause::Cleanup)
            );
            closed && descriptor.inside == 0 && descriptor.handle_returns == 0
        }
        _ => true,
    }
}

/// Whether everything but this slot with its operations and this socket is as
/// it was. An operation of the socket may be taken out when all references are
/// gone and the scope says so (O1).
fn same_but_for<W: World>(step: &Step<W>, slot: Option<usize>, socket: Option<usize>) -> bool {
    let (before, after) = (step.before, step.after);
    let gone = |it: usize| {
        after.socket(it).machine.abort_scope == AbortScope::LastReference
            && references(after, it) == 0
    };
    // A taken operation is no longer pending but still inside, so the count of
    // its descriptor stays.
    (0..after.slots())
        .filter(|&it| Some(it) != slot)
        .all(|it| before.descriptor(it) == after.descriptor(it))
        && (0..after.operations()).all(|it| {
            let operation = before.operation(it);
            operation == after.operation(it)
                || Some(operation.slot) == slot
                || (Some(operation.socket) == socket && gone(operation.socket))
        })
        && (0..after.sockets())
            .filter(|&it| Some(it) != socket)
            .all(|it| before.socket(it) == after.socket(it))
        && (0..after.records()).all(|it| before.record(it) == after.record(it))
}
