//! What must hold of descriptors and their handles.

use super::witness::{Object, Witness};
use super::world::{DescriptorState, Event, Step, World, is_open, references};
use crate::protocol::{AbortScope, Cause, CloseMode, Connection, Error, SendSide};

#[inline(always)]
pub(super) fn closed_descriptor_never_resolves<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let (before, after) = (step.before, step.after);
    let shrunk = (0..after.slots()).find_map(|slot| {
        let grows = before.descriptor(slot).generation <= after.descriptor(slot).generation;
        Witness::unless(grows, || {
            let (was, is) = (
                Object::occupant(before, slot),
                Object::occupant(after, slot),
            );
            Witness::with(was, "is followed in its slot by {}, which is earlier", is)
        })
    });
    shrunk.or_else(|| match step.event {
        Event::Admitted { slot, generation } => {
            Witness::unless(is_open(before, slot, generation), || {
                let through = Object::descriptor(before, slot, generation);
                if before.descriptor(slot).generation == generation {
                    Witness::new(through, "let a call in though it is closed")
                } else {
                    let occupant = Object::occupant(before, slot);
                    Witness::with(through, "let a call in though {} has its slot", occupant)
                }
            })
        }
        Event::Duplicated {
            record,
            slot,
            generation,
        } => Witness::unless(is_open(before, slot, generation), || {
            let through = Object::descriptor(before, slot, generation);
            let record = Object::Record(record);
            Witness::with(record, "was made through {}, which is not open", through)
        }),
        Event::Registered { operation: index } => {
            let operation = after.operation(index);
            let occupant = after.descriptor(operation.slot);
            Witness::unless(operation.generation == occupant.generation, || {
                Witness::with(
                    Object::Operation(index),
                    "was registered through {}, which no longer has its slot",
                    Object::descriptor(after, operation.slot, operation.generation),
                )
            })
            .or_else(|| {
                Witness::unless(operation.socket == occupant.socket, || {
                    Witness::with(
                        Object::Operation(index),
                        "was registered on {}, which is not its descriptor's",
                        Object::Socket(operation.socket),
                    )
                })
            })
        }
        _ => None,
    })
}

#[inline(always)]
pub(super) fn one_close_wins<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    match step.event {
        Event::Committed {
            slot, generation, ..
        } => {
            let closed = || Object::descriptor(step.before, slot, generation);
            Witness::unless(is_open(step.before, slot, generation), || {
                Witness::new(closed(), "was closed though it was not open")
            })
            .or_else(|| {
                Witness::unless(!is_open(step.after, slot, generation), || {
                    Witness::new(closed(), "is open although its close committed")
                })
            })
        }
        Event::CloseRefused {
            slot,
            generation,
            error: Error::NotSocket,
            ..
        } => Witness::unless(!is_open(step.before, slot, generation), || {
            let closed = Object::descriptor(step.before, slot, generation);
            Witness::new(closed, "was open, and its close was told that it is not")
        }),
        Event::CloseReturned {
            socket,
            committed,
            result,
            ..
        } => {
            let succeeded = matches!(result, Ok(()) | Err(Error::Interrupted));
            Witness::unless(committed == succeeded, || {
                let what = if committed {
                    "was closed by a call that was told it failed"
                } else {
                    "was not closed by a call that was told it succeeded"
                };
                Witness::new(Object::Socket(socket), what)
            })
        }
        _ => None,
    }
}

#[inline(always)]
pub(super) fn would_block_changes_nothing<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let Event::CloseRefused {
        slot,
        generation,
        cause,
        error: Error::WouldBlock,
    } = step.event
    else {
        return None;
    };
    let socket = step.before.descriptor(slot).socket;
    let machine = step.before.socket(socket).machine;
    let lingers = matches!(machine.linger.close_mode(), CloseMode::Linger { .. });
    let conditions = [
        (cause == Cause::Call, "would have blocked a sweep"),
        (
            is_open(step.before, slot, generation),
            "would have blocked though it was not open",
        ),
        (
            references(step.before, socket) == 1,
            "would have blocked though it was not the last reference",
        ),
        (
            machine.connection == Connection::Connected,
            "would have blocked though it was not connected",
        ),
        (
            machine.nonblocking,
            "would have blocked though its socket may block",
        ),
        (lingers, "would have blocked without a linger time"),
        (
            machine.queued() > 0,
            "would have blocked with nothing queued",
        ),
        (
            machine.send_side == SendSide::Open,
            "would have blocked though its send side was shut",
        ),
    ];
    let closed = || Object::descriptor(step.before, slot, generation);
    let wrong = conditions.into_iter().find(|(holds, _)| !holds);
    wrong
        .map(|(_, what)| Witness::new(closed(), what))
        .or_else(|| {
            let changed = changed_but_for::<W, SAY>(step, None, None)?;
            let what = "was changed by a close of {} that returned would-block";
            Some(Witness::with(changed, what, closed()))
        })
}

#[inline(always)]
pub(super) fn other_descriptors_undisturbed<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let Event::Committed {
        slot, generation, ..
    } = step.event
    else {
        return None;
    };
    let socket = step.before.descriptor(slot).socket;
    let changed = changed_but_for::<W, SAY>(step, Some(slot), Some(socket))?;
    let closed = Object::descriptor(step.before, slot, generation);
    Some(Witness::with(
        changed,
        "was changed by the close of {}",
        closed,
    ))
}

#[inline(always)]
pub(super) fn handle_returned_once_after_ops<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let changed = (0..step.after.slots()).find_map(|slot| {
        let (before, after) = (step.before.descriptor(slot), step.after.descriptor(slot));
        let same = || (before.generation, before.state) == (after.generation, after.state);
        let object = || Object::occupant(step.after, slot);
        Witness::unless(after.handle_returns <= 1, || {
            Witness::new(object(), "had its handle given back a second time")
        })
        .or_else(|| {
            Witness::unless(!before.retired || same(), || {
                Witness::new(object(), "is in a slot that is retired")
            })
        })
    });
    changed.or_else(|| match step.event {
        Event::LastOut { slot } => {
            let descriptor = step.before.descriptor(slot);
            let closed = matches!(descriptor.state, DescriptorState::Closed(_));
            Witness::unless(closed, || {
                let object = Object::occupant(step.before, slot);
                Witness::new(object, "was to be claimed though it is not closed")
            })
        }
        Event::HandleReturned { slot } => handle_returned::<W, SAY>(step, slot),
        _ => None,
    })
}

#[inline(always)]
fn handle_returned<W: World, const SAY: bool>(step: &Step<W>, slot: usize) -> Option<Witness> {
    let descriptor = step.before.descriptor(slot);
    let closed = matches!(
        descriptor.state,
        DescriptorState::Closed(Cause::Call | Cause::Cleanup)
    );
    let object = || Object::occupant(step.before, slot);
    Witness::unless(closed, || {
        let what = match descriptor.state {
            DescriptorState::Closed(_) => "had its handle given back though its process is dead",
            _ => "had its handle given back though it is not closed",
        };
        Witness::new(object(), what)
    })
    .or_else(|| {
        Witness::unless(descriptor.inside == 0, || {
            let what = "had its handle given back while a call or an operation is inside";
            Witness::new(object(), what)
        })
    })
    .or_else(|| {
        Witness::unless(descriptor.handle_returns == 0, || {
            Witness::new(object(), "had its handle given back a second time")
        })
    })
}

/// What is not as it was, apart from this slot with its operations and this socket.
/// An operation of the socket may be taken out when all references are gone and the
/// scope says so (O1).
#[inline(always)]
fn changed_but_for<W: World, const SAY: bool>(
    step: &Step<W>,
    slot: Option<usize>,
    socket: Option<usize>,
) -> Option<Object> {
    let (before, after) = (step.before, step.after);
    let gone = |it: usize| {
        after.socket(it).machine.abort_scope == AbortScope::LastReference
            && references(after, it) == 0
    };
    // A taken operation is no longer pending but still inside, so the count of
    // its descriptor stays.
    let operation = (0..after.operations()).find(|&it| {
        let operation = before.operation(it);
        operation != after.operation(it)
            && Some(operation.slot) != slot
            && !(Some(operation.socket) == socket && gone(operation.socket))
    });
    operation
        .map(Object::Operation)
        .or_else(|| {
            let mut others = (0..after.slots()).filter(|&it| Some(it) != slot);
            let slot = others.find(|&it| before.descriptor(it) != after.descriptor(it))?;
            Some(Object::occupant(before, slot))
        })
        .or_else(|| {
            let mut others = (0..after.sockets()).filter(|&it| Some(it) != socket);
            let socket = others.find(|&it| before.socket(it) != after.socket(it))?;
            Some(Object::Socket(socket))
        })
        .or_else(|| {
            let mut records = 0..after.records();
            let record = records.find(|&it| before.record(it) != after.record(it))?;
            Some(Object::Record(record))
        })
}
