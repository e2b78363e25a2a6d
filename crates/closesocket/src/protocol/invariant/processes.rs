//! What must hold of the end of a life, and of the end of all.

use super::witness::{Object, Witness};
use super::world::{
    DescriptorState, Event, OperationState, OperationView, Step, World, is_open, references,
};
use crate::protocol::{AbortScope, Cause, Error, Waiting};

#[inline(always)]
pub(super) fn cleanup_is_silent<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    let counted = match step.event {
        Event::CleanedUp {
            process,
            acts,
            startups_left,
        } => Witness::unless(acts == (startups_left == 0), || {
            let what = if acts {
                "was swept by a cleanup though a startup is left"
            } else {
                "was not swept by the cleanup that matches its first startup"
            };
            Witness::new(Object::Process(process), what)
        }),
        _ => None,
    };
    counted
        .or_else(|| {
            waits_for_nothing::<W, SAY>(
                step,
                Cause::Cleanup,
                "is closed by a cleanup, which waits for its drain",
            )
        })
        .or_else(|| told::<W, SAY>(step, Cause::Cleanup))
}

#[inline(always)]
pub(super) fn death_waits_for_nothing<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let what = "is closed by a death, which waits for its drain";
    waits_for_nothing::<W, SAY>(step, Cause::Death, what)
        .or_else(|| told::<W, SAY>(step, Cause::Death))
}

/// The close of a sweep that waits, as `waits` has it, or that fails.
#[inline(always)]
fn waits_for_nothing<W: World, const SAY: bool>(
    step: &Step<W>,
    of: Cause,
    waits: &'static str,
) -> Option<Witness> {
    let closed = |slot, generation| Object::descriptor(step.before, slot, generation);
    match step.event {
        Event::Committed {
            slot,
            generation,
            cause,
            wait,
            ..
        } if cause == of => {
            Witness::unless(!wait, || Witness::new(closed(slot, generation), waits))
        }
        Event::CloseRefused {
            slot,
            generation,
            cause,
            error,
        } if cause == of => Witness::unless(error == Error::NotSocket, || {
            let what = "was left open by a sweep, whose close failed";
            Witness::new(closed(slot, generation), what)
        }),
        _ => None,
    }
}

/// Of the overlapped operations that the step aborts for this cause, one whose life
/// is over and that does not end silently.
#[inline(always)]
fn told<W: World, const SAY: bool>(step: &Step<W>, cause: Cause) -> Option<Witness> {
    (0..step.after.operations()).find_map(|index| {
        let operation = step.after.operation(index);
        let taken = step.before.operation(index).state == OperationState::Pending
            && operation.state == OperationState::Ending(Some(cause));
        let over = || step.before.descriptor(operation.slot).life_over;
        let silent = !taken || operation.waiting == Waiting::Blocked || operation.silent || !over();
        Witness::unless(silent, || {
            Witness::with(
                Object::Operation(index),
                "is to be posted to {}, which is gone",
                Object::Process(step.before.descriptor(operation.slot).process),
            )
        })
    })
}

#[inline(always)]
pub(super) fn sweep_ends_its_own_life<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let is_sweep = |cause| matches!(cause, Cause::Cleanup | Cause::Death);
    let over = |slot| step.before.descriptor(slot).life_over;
    let process = |slot| Object::Process(step.before.descriptor(slot).process);
    let closed = match step.event {
        Event::Committed {
            slot,
            generation,
            cause,
            ..
        } => Witness::unless(!is_sweep(cause) || over(slot), || {
            let closed = Object::descriptor(step.before, slot, generation);
            let what = "was closed by a sweep, and the life of {} that opened it goes on";
            Witness::with(closed, what, process(slot))
        }),
        _ => None,
    };
    closed.or_else(|| {
        (0..step.after.operations()).find_map(|index| {
            let operation = step.after.operation(index);
            let taken = step.before.operation(index).state == OperationState::Pending;
            match operation.state {
                // One of another process ends with its last reference.
                OperationState::Ending(Some(cause)) if taken && is_sweep(cause) => {
                    let outlived = matches!(step.event, Event::OutlivedTaken { .. });
                    let holds = !(outlived || operation.silent) || over(operation.slot);
                    Witness::unless(holds, || {
                        let what = "was ended by a sweep, and the life of {} that began it goes on";
                        Witness::with(Object::Operation(index), what, process(operation.slot))
                    })
                }
                _ => None,
            }
        })
    })
}

#[inline(always)]
pub(super) fn everything_released_at_the_end<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    if !step.after.at_rest() {
        return None;
    }
    let stuck = step.after.stuck().map(|thread| {
        let what = "is still inside a call when nothing can happen any more";
        Witness::new(Object::Thread(thread), what)
    });
    stuck
        .or_else(|| operation_left::<W, SAY>(step.after))
        .or_else(|| descriptor_left::<W, SAY>(step))
        .or_else(|| socket_left::<W, SAY>(step))
}

#[inline(always)]
fn operation_left<W: World, const SAY: bool>(end: &W) -> Option<Witness> {
    (0..end.operations()).find_map(|index| {
        let operation = end.operation(index);
        let done = match operation.state {
            OperationState::Idle | OperationState::Ended(_) => true,
            OperationState::Pending => {
                is_open(end, operation.slot, operation.generation) || may_stay(end, &operation)
            }
            OperationState::Ending(_) => false,
        };
        Witness::unless(done, || {
            let what = match operation.state {
                OperationState::Pending => "is pending for ever through {}, which is closed",
                _ => "was taken out and is never delivered through {}",
            };
            let through = Object::descriptor(end, operation.slot, operation.generation);
            Witness::with(Object::Operation(index), what, through)
        })
    })
}

#[inline(always)]
fn descriptor_left<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    let end = step.after;
    (0..end.slots()).find_map(|slot| {
        let descriptor = end.descriptor(slot);
        let free = descriptor.retired
            || !matches!(descriptor.state, DescriptorState::Closed(_))
            || (0..end.operations()).any(|index| {
                let operation = end.operation(index);
                operation.slot == slot && may_stay(end, &operation)
            });
        Witness::unless(free, || {
            let was_open = step.before.descriptor(slot).state == DescriptorState::Open;
            let what = match (was_open, descriptor.life_over) {
                (true, _) => "is still open though the life of {} that opened it is over",
                (false, true) => "is never free again though the life of {} that opened it is over",
                (false, false) => "is closed, and its slot in {} is never free again",
            };
            let process = Object::Process(descriptor.process);
            Witness::with(Object::occupant(end, slot), what, process)
        })
    })
}

#[inline(always)]
fn socket_left<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    let end = step.after;
    (0..end.sockets()).find_map(|socket| {
        let left = end.socket(socket);
        let this = Object::Socket(socket);
        Witness::unless(left.releases == 1 || references(end, socket) > 0, || {
            if left.releases > 1 {
                return Witness::new(this, "was released a second time");
            }
            // Nobody is left who could redeem it, so it no longer counts.
            let stranded = (0..end.records()).find(|&record| {
                let was = step.before.record(record);
                was.unredeemed && was.socket == socket && !end.record(record).unredeemed
            });
            match stranded {
                Some(record) => {
                    let what = "still refers to {}, and nobody is left to redeem it";
                    Witness::with(Object::Record(record), what, this)
                }
                None if left.machine.is_draining() => {
                    Witness::new(this, "drains for ever, and nothing refers to it")
                }
                None => Witness::new(this, "is never released, and nothing refers to it"),
            }
        })
    })
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
