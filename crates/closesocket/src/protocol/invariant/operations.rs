//! What must hold of operations: how each ends, and who is told.

use super::witness::{Object, Witness};
use super::world::{
    Event, OperationState, OperationView, SocketView, Step, World, is_open, references,
    with_fin_due,
};
use crate::protocol::{
    AbortScope, Cause, Connection, Cut, Error, Notice, OperationKind, SendSide, Waiting, cut_off,
    notice,
};

#[inline(always)]
pub(super) fn every_pending_op_aborted<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    match step.event {
        Event::Committed {
            slot,
            generation,
            cause,
            ..
        } => {
            let closed = step.before.descriptor(slot);
            let socket = closed.socket;
            let last = references(step.after, socket) == 0;
            let scope = step.before.socket(socket).machine.abort_scope;
            (0..step.after.operations()).find_map(|index| {
                let operation = step.after.operation(index);
                let in_scope = match scope {
                    AbortScope::Descriptor => operation.slot == slot,
                    AbortScope::LastReference => {
                        (last && operation.socket == socket)
                            || (cause != Cause::Call && operation.slot == slot)
                    }
                };
                let left = in_scope && operation.state == OperationState::Pending;
                Witness::unless(!left, || {
                    Witness::with(
                        Object::Operation(index),
                        "is still pending after the close of {}",
                        Object::descriptor(step.before, slot, generation),
                    )
                })
            })
        }
        Event::Delivered {
            operation,
            posted,
            result,
        } => abort_told::<W, SAY>(step, operation, posted, result),
        _ => None,
    }
}

//= docs/specification.md#o4-blocked-calls
//= type=test
//# - A notification MUST NOT be posted for a blocked call that a close has aborted.
#[inline(always)]
fn abort_told<W: World, const SAY: bool>(
    step: &Step<W>,
    index: usize,
    posted: bool,
    result: Result<(), Error>,
) -> Option<Witness> {
    let operation = step.before.operation(index);
    let OperationState::Ending(Some(_)) = operation.state else {
        return None;
    };
    let expected = cut_off(Cut::Closed, operation.waiting, 0);
    // One that has sent a part says how much, under the same code.
    let told = result.err().map(Error::code) == expected.err().map(Error::code);
    let blocked = operation.waiting == Waiting::Blocked;
    Witness::unless(!(blocked && posted), || {
        let what = "is a blocked call that a close aborted, and was posted";
        Witness::new(Object::Operation(index), what)
    })
    .or_else(|| {
        // Whether a silent end is silent is the business of others.
        Witness::unless(told || !(blocked || posted), || {
            let what = "was aborted by a close, and its issuer told something else";
            Witness::new(Object::Operation(index), what)
        })
    })
}

#[inline(always)]
pub(super) fn each_op_ends_once<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    use OperationState::{Ended, Ending, Idle, Pending};
    (0..step.after.operations()).find_map(|index| {
        let delivered =
            matches!(step.event, Event::Delivered { operation, .. } if operation == index);
        let registered =
            matches!(step.event, Event::Registered { operation } if operation == index);
        let (before, after) = (
            step.before.operation(index).state,
            step.after.operation(index).state,
        );
        let holds = match (before, after) {
            (Ending(how), Ended(after)) => delivered && how == after,
            // A reused index is a new operation.
            // It may end in the section that registers it.
            (Idle | Ended(_), Pending | Ending(None)) => registered,
            (Idle | Ended(_), Idle) | (Pending, Pending | Ending(_)) => !delivered,
            (before, after) => before == after && !delivered,
        };
        Witness::unless(holds, || {
            let what = match (before, after) {
                (Ended(_), _) if delivered => "was delivered a second time",
                (Idle | Pending, _) if delivered => "was delivered without being taken out",
                (Ending(_), Ending(_)) if delivered => "was delivered, and is still to be",
                (Ending(_), Ended(_)) if delivered => "ended otherwise than it was taken out",
                (Ending(_) | Ended(_), Ending(_)) => "was taken out a second time",
                (Ending(_), Ended(_)) => "ended without being delivered",
                (Idle | Ended(_), Pending) => "is pending without being registered",
                (Ending(_), Pending) => "was taken out, and is pending again",
                (Pending | Ending(_), Idle) => "is gone without an end",
                _ => "ended without being taken out",
            };
            Witness::new(Object::Operation(index), what)
        })
    })
}

#[inline(always)]
pub(super) fn no_operation_orphaned<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    (0..step.after.operations()).find_map(|index| {
        let operation = step.after.operation(index);
        if operation.state != OperationState::Pending {
            return None;
        }
        let machine = step.after.socket(operation.socket).machine;
        let reference_there = match machine.abort_scope {
            AbortScope::Descriptor => is_open(step.after, operation.slot, operation.generation),
            AbortScope::LastReference => machine.is_open(),
        };
        Witness::unless(reference_there, || {
            let (what, gone) = match machine.abort_scope {
                AbortScope::Descriptor => (
                    "is pending through {}, which is not open",
                    Object::descriptor(step.after, operation.slot, operation.generation),
                ),
                AbortScope::LastReference => (
                    "is pending on {}, whose last reference is gone",
                    Object::Socket(operation.socket),
                ),
            };
            Witness::with(Object::Operation(index), what, gone)
        })
    })
}

#[inline(always)]
pub(super) fn cancel_ends_only_its_own<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let Event::Cancelled {
        operation,
        by,
        through,
    } = step.event
    else {
        return None;
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
    let this = Object::Operation(operation);
    Witness::unless(own, || {
        let (slot, generation) = through.unwrap_or((cancelled.slot, cancelled.generation));
        let named = Object::descriptor(before, slot, generation);
        Witness::with(
            this,
            "was cancelled through {}, which is not its own",
            named,
        )
    })
    .or_else(|| {
        Witness::unless(cancelled.state == OperationState::Pending, || {
            Witness::new(this, "was cancelled though it was not pending")
        })
    })
    .or_else(|| {
        Witness::unless(before.descriptor(cancelled.slot).process == by, || {
            let by = Object::Process(by);
            Witness::with(this, "was cancelled by {}, which is not its process", by)
        })
    })
    .or_else(|| {
        Witness::unless(after.operation(operation) == ending, || {
            Witness::new(this, "was not only taken out by its cancel, but changed")
        })
    })
    .or_else(|| {
        let changed = changed_but::<W, SAY>(step, operation)?;
        Some(Witness::with(
            changed,
            "was changed by the cancel of {}",
            this,
        ))
    })
}

/// What is not as it was, apart from this operation.
#[inline(always)]
fn changed_but<W: World, const SAY: bool>(step: &Step<W>, operation: usize) -> Option<Object> {
    let (before, after) = (step.before, step.after);
    let mut others = (0..after.operations()).filter(|&it| it != operation);
    let other = others.find(|&it| before.operation(it) != after.operation(it));
    other
        .map(Object::Operation)
        .or_else(|| {
            let mut slots = 0..after.slots();
            let slot = slots.find(|&it| before.descriptor(it) != after.descriptor(it))?;
            Some(Object::occupant(before, slot))
        })
        .or_else(|| {
            let mut sockets = 0..after.sockets();
            let socket = sockets.find(|&it| {
                let (was, is) = (before.socket(it), after.socket(it));
                let machine = with_fin_due(after, it, was.machine);
                is != was && is != SocketView { machine, ..was }
            })?;
            Some(Object::Socket(socket))
        })
        .or_else(|| {
            let mut records = 0..after.records();
            let record = records.find(|&it| before.record(it) != after.record(it))?;
            Some(Object::Record(record))
        })
}

#[inline(always)]
pub(super) fn received_before_loss_is_delivered<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let taken = (0..step.after.sockets()).find_map(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let lost_now = after.machine.receive_lost && !before.machine.receive_lost;
        let gone = before.input_waits && !after.input_waits && after.machine.is_open();
        let by_the_loss = step.event == Event::ConnectionLost { socket };
        Witness::unless(
            !(lost_now && before.input_waits || gone && by_the_loss),
            || {
                let what = if lost_now && before.input_waits {
                    "lost its receive side while input waited there"
                } else {
                    "lost the input that waited there with its connection"
                };
                Witness::new(Object::Socket(socket), what)
            },
        )
    });
    taken
        .or_else(|| {
            (0..step.after.operations()).find_map(|index| {
                let (before, after) = (step.before.operation(index), step.after.operation(index));
                let lost = after.kind == OperationKind::Recv
                    && before.state == OperationState::Pending
                    && after.state == OperationState::Ending(None)
                    && after.failed == Some(Error::ConnectionReset)
                    && !matches!(step.event, Event::Cancelled { .. });
                let holds = !lost || step.after.socket(after.socket).machine.receive_lost;
                Witness::unless(holds, || {
                    Witness::with(
                        Object::Operation(index),
                        "was ended by a loss although the receive side of {} is not lost",
                        Object::Socket(after.socket),
                    )
                })
            })
        })
        .or_else(|| match step.event {
            Event::StartRefused {
                socket,
                kind: OperationKind::Recv,
                error: Error::ConnectionReset,
            } => Witness::unless(step.after.socket(socket).machine.receive_lost, || {
                let what = "refused a receive although its receive side is not lost";
                Witness::new(Object::Socket(socket), what)
            }),
            _ => None,
        })
}

#[inline(always)]
pub(super) fn shutdown_ends_nothing_pending<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    (0..step.after.operations()).find_map(|index| {
        let operation = step.after.operation(index);
        match operation.state {
            OperationState::Ending(None) => {
                Witness::unless(operation.failed != Some(Error::ShutDown), || {
                    let what = "was ended because its side was shut down";
                    Witness::new(Object::Operation(index), what)
                })
            }
            OperationState::Pending if operation.kind == OperationKind::Send => {
                let machine = step.after.socket(operation.socket).machine;
                let due = matches!(machine.send_side, SendSide::Closing | SendSide::Finished);
                let holds =
                    !(due && machine.is_open()) || machine.connection != Connection::Connected;
                Witness::unless(holds, || {
                    Witness::with(
                        Object::Operation(index),
                        "is a pending send, and the FIN of {} is due",
                        Object::Socket(operation.socket),
                    )
                })
            }
            _ => None,
        }
    })
}

#[inline(always)]
pub(super) fn results_in_order<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    let Event::Delivered {
        operation: later,
        posted: true,
        ..
    } = step.event
    else {
        return None;
    };
    let receives = |kind| matches!(kind, OperationKind::Recv | OperationKind::Accept);
    let posted = step.before.operation(later);
    // A cancel and a close end what they name, whatever is before it; a loss ends
    // everything.
    let completed = posted.state == OperationState::Ending(None) && posted.failed.is_none();
    (0..step.before.operations()).find_map(|index| {
        let earlier = step.before.operation(index);
        let before = earlier.socket == posted.socket
            && receives(earlier.kind) == receives(posted.kind)
            && earlier.number < posted.number;
        let overtaken = match earlier.state {
            OperationState::Pending => before && completed,
            OperationState::Ending(_) => before && earlier.waiting == Waiting::Overlapped,
            OperationState::Idle | OperationState::Ended(_) => false,
        };
        Witness::unless(!overtaken, || {
            let what = "was posted before {}, which is earlier";
            Witness::with(Object::Operation(later), what, Object::Operation(index))
        })
    })
}

#[inline(always)]
pub(super) fn told_exactly_when_alive<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let process = |slot| Object::Process(step.before.descriptor(slot).process);
    let decided = (0..step.after.operations()).find_map(|index| {
        let (before, after) = (step.before.operation(index), step.after.operation(index));
        let ending = |it: OperationState| matches!(it, OperationState::Ending(_));
        let taken = !ending(before.state) && ending(after.state);
        let over = step.before.descriptor(after.slot).life_over;
        let holds = !taken || after.silent == (notice(after.waiting, over) == Notice::Silent);
        Witness::unless(holds, || {
            let what = if after.silent {
                "is to end silently although the life of {} that began it goes on"
            } else {
                "is to be posted although the life of {} that began it is over"
            };
            Witness::with(Object::Operation(index), what, process(after.slot))
        })
    });
    decided.or_else(|| match step.event {
        Event::Delivered {
            operation: index,
            posted,
            ..
        } => {
            let operation = step.before.operation(index);
            let swept = step.before.descriptor(operation.slot).life_swept;
            let holds = operation.waiting == Waiting::Blocked
                || (posted != operation.silent && !(posted && swept));
            Witness::unless(holds, || {
                let what = match (posted, operation.silent) {
                    (true, true) => "was posted although it was to end silently in {}",
                    (false, false) => "ended silently although it was to be posted in {}",
                    _ => "was posted after the life of {} that began it was swept",
                };
                Witness::with(Object::Operation(index), what, process(operation.slot))
            })
        }
        _ => None,
    })
}
