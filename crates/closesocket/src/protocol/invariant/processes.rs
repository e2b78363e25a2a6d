//! What must hold of the end of a life, and of the end of all.

use super::world::{
    DescriptorState, Event, OperationState, OperationView, Step, World, is_open, references,
};
use crate::protocol::{AbortScope, Cause, Error, Waiting};

pub(super) fn cleanup_is_silent<W: World>(step: &Step<W>) -> bool {
    let counted = match step.event {
        Event::CleanedUp {
            acts,
            startups_left,
        } => acts == (startups_left == 0),
        Event::Committed {
            cause: Cause::Cleanup,
            wait,
            ..
        } => !wait,
        Event::CloseRefused {
            cause: Cause::Cleanup,
            error,
            ..
        } => error == Error::NotSocket,
        _ => true,
    };
    counted && silences(step, Cause::Cleanup)
}

pub(super) fn death_waits_for_nothing<W: World>(step: &Step<W>) -> bool {
    let at_once = match step.event {
        Event::Committed {
            cause: Cause::Death,
            wait,
            ..
        } => !wait,
        Event::CloseRefused {
            cause: Cause::Death,
            error,
            ..
        } => error == Error::NotSocket,
        _ => true,
    };
    at_once && silences(step, Cause::Death)
}

pub(super) fn sweep_ends_its_own_life<W: World>(step: &Step<W>) -> bool {
    let is_sweep = |cause| matches!(cause, Cause::Cleanup | Cause::Death);
    let over = |slot| step.before.descriptor(slot).life_over;
    let closed = match step.event {
        Event::Committed { slot, cause, .. } => !is_sweep(cause) || over(slot),
        _ => true,
    };
    closed
        && (0..step.after.operations()).all(|index| {
            let operation = step.after.operation(index);
            let taken = step.before.operation(index).state == OperationState::Pending;
            match operation.state {
                // One of another process ends with its last reference.
                OperationState::Ending(Some(cause)) if taken && is_sweep(cause) => {
                    let outlived = matches!(step.event, Event::OutlivedTaken { .. });
                    !(outlived || operation.silent) || over(operation.slot)
                }
                _ => true,
            }
        })
}

pub(super) fn everything_released_at_the_end<W: World>(step: &Step<W>) -> bool {
    let Some(threads_inside) = step.after.at_rest() else {
        return true;
    };
    let sockets = (0..step.after.sockets()).all(|socket| {
        step.after.socket(socket).releases == 1 || references(step.after, socket) > 0
    });
    let operations = (0..step.after.operations()).all(|index| {
        let operation = step.after.operation(index);
        match operation.state {
            OperationState::Idle | OperationState::Ended(_) => true,
            OperationState::Pending => {
                is_open(step.after, operation.slot, operation.generation)
                    || may_stay(step.after, &operation)
            }
            OperationState::Ending(_) => false,
        }
    });
    let descriptors = (0..step.after.slots()).all(|slot| {
        let descriptor = step.after.descriptor(slot);
        descriptor.retired
            || !matches!(descriptor.state, DescriptorState::Closed(_))
            || (0..step.after.operations()).any(|index| {
                let operation = step.after.operation(index);
                operation.slot == slot && may_stay(step.after, &operation)
            })
    });
    threads_inside == 0 && sockets && operations && descriptors
}

/// Whether an operation can be pending although its descriptor is closed and
/// nothing can happen any more: others refer to the socket, and its process
/// goes on (O1).
fn may_stay<W: World>(world: &W, operation: &OperationView) -> bool {
    operation.state == OperationState::Pending
        && world.socket(operation.socket).machine.abort_scope == AbortScope::LastReference
        && references(world, operation.socket) > 0
        && !world.descriptor(operation.slot).life_over
}

/// Whether of the overlapped operations that the step aborts for this cause, those
/// whose life is over end silently.
fn silences<W: World>(step: &Step<W>, cause: Cause) -> bool {
    (0..step.after.operations()).all(|index| {
        let operation = step.after.operation(index);
        let taken = step.before.operation(index).state == OperationState::Pending
            && operation.state == OperationState::Ending(Some(cause));
        let over = || step.before.descriptor(operation.slot).life_over;
        !taken || operation.waiting == Waiting::Blocked || operation.silent || !over()
    })
}
