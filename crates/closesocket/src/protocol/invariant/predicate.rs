//! The predicates of the table, in its order. Each says what must hold of one
//! step; those that speak of a state look at the world after it.

use super::world::{
    DescriptorState, Event, OperationState, OperationView, Step, World, references,
};
use crate::protocol::{
    AbortScope, Cause, CloseMode, Connection, Cut, Ending, Error, Notice, OperationKind, Phase,
    SendSide, Socket, UnreadInput, Waiting, cut_off, notice,
};

pub(super) fn no_release_before_last_reference<W: World>(step: &Step<W>) -> bool {
    let kept = (0..step.after.sockets()).all(|socket| {
        step.after.socket(socket).machine.is_open() || references(step.after, socket) == 0
    });
    kept && match step.event {
        Event::Committed { slot, .. } => {
            let socket = step.before.descriptor(slot).socket;
            let before = step.before.socket(socket).machine;
            let expected = Socket {
                references: before.references.saturating_sub(1),
                ..before
            };
            references(step.after, socket) == 0 || step.after.socket(socket).machine == expected
        }
        Event::Redeemed { record, by } => {
            let record = step.before.record(record);
            record.unredeemed && record.target == by
        }
        _ => true,
    }
}

pub(super) fn queued_data_sent_when_graceful<W: World>(step: &Step<W>) -> bool {
    (0..step.after.sockets()).all(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let all_sent = after.accepted == after.acknowledged;
        match (before.machine.phase, after.machine.phase) {
            (Phase::Open, Phase::Draining { .. }) => {
                before.machine.queued() == after.machine.queued()
            }
            (Phase::Open | Phase::Draining { .. }, Phase::Closed(ending)) => match ending {
                Ending::Graceful => {
                    all_sent && after.machine.send_side == SendSide::Finished && !after.reset
                }
                Ending::Unread => all_sent,
                // What the kernel has is queued data still (D9).
                Ending::HandedOver => before.machine.transferred && after.machine.unsent == 0,
                Ending::Unconnected => before.machine.connection != Connection::Connected,
                Ending::Hard => before.machine.linger.close_mode() == CloseMode::Hard,
                Ending::Expired => step.event == Event::Expired { socket },
                Ending::Lost => {
                    before.machine.connection == Connection::Lost
                        || step.event == Event::ConnectionLost { socket }
                }
            },
            _ => true,
        }
    })
}

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

pub(super) fn released_exactly_once<W: World>(step: &Step<W>) -> bool {
    (0..step.after.sockets()).all(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        after.releases == u8::from(after.machine.is_closed())
            && (after.releases == before.releases || references(step.after, socket) == 0)
            && (!before.machine.is_closed() || before.machine.phase == after.machine.phase)
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

pub(super) fn hard_close_resets<W: World>(step: &Step<W>) -> bool {
    let commit = match step.event {
        Event::Committed { slot, .. } => {
            let socket = step.before.descriptor(slot).socket;
            let before = step.before.socket(socket).machine;
            let after = step.after.socket(socket);
            let hard = references(step.after, socket) == 0
                && before.connection == Connection::Connected
                // The kernel resets when the last process leaves (D9).
                && !before.transferred
                && before.linger.close_mode() == CloseMode::Hard;
            !hard || (after.machine.phase == Phase::Closed(Ending::Hard) && after.reset)
        }
        _ => true,
    };
    commit
        && (0..step.after.sockets()).all(|socket| {
            let (before, after) = (step.before.socket(socket), step.after.socket(socket));
            before.machine.phase != Phase::Closed(Ending::Hard)
                || (after.acknowledged == before.acknowledged
                    && after.machine.send_side == before.machine.send_side)
        })
}

pub(super) fn linger_expiry_resets_before_return<W: World>(step: &Step<W>) -> bool {
    match step.event {
        Event::Committed {
            slot,
            cause: Cause::Call,
            wait,
            may_wait,
            ..
        } => {
            let socket = step.before.descriptor(slot).socket;
            let before = step.before.socket(socket).machine;
            let lingers = references(step.after, socket) == 0
                && !before.nonblocking
                && matches!(before.linger.close_mode(), CloseMode::Linger { .. });
            wait == (may_wait && lingers && step.after.socket(socket).machine.is_draining())
        }
        Event::CloseReturned {
            socket,
            waited: true,
            result: Ok(()),
            ..
        } => {
            let socket = step.before.socket(socket);
            match socket.machine.phase {
                Phase::Closed(Ending::Expired) => socket.reset,
                Phase::Closed(_) => true,
                Phase::Open | Phase::Draining { .. } => false,
            }
        }
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

pub(super) fn peer_receives_a_prefix<W: World>(step: &Step<W>) -> bool {
    let from_pending = match step.event {
        Event::BytesAccepted { operation } => {
            step.before.operation(operation).state == OperationState::Pending
        }
        _ => true,
    };
    from_pending
        && (0..step.after.sockets()).all(|socket| {
            let (before, after) = (step.before.socket(socket), step.after.socket(socket));
            let acknowledged = after.acknowledged.saturating_sub(before.acknowledged);
            let kept = after.acknowledged.saturating_add(after.machine.queued());
            let intact = after.machine.connection == Connection::Connected
                && !matches!(after.machine.phase, Phase::Closed(ending) if discards(ending));
            acknowledged <= before.machine.in_flight
                && kept <= after.accepted
                && (!intact || kept == after.accepted)
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

pub(super) fn backlog_never_leaked<W: World>(step: &Step<W>) -> bool {
    (0..step.after.sockets())
        .map(|socket| step.after.socket(socket))
        .all(|socket| {
            let closed = socket.machine.is_closed();
            (!closed || socket.waiting_connections == 0)
                && (closed || socket.waiting_connections == socket.machine.backlog)
        })
}

pub(super) fn linger_wait_blocks_nobody<W: World>(step: &Step<W>) -> bool {
    (0..step.after.sockets()).all(|socket| !step.after.socket(socket).locked_by_waiter)
}

pub(super) fn unread_input_reset_is_seen<W: World>(step: &Step<W>) -> bool {
    (0..step.after.sockets()).all(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let machine = after.machine;
        if machine.unread_input != UnreadInput::Reset || machine.transferred {
            return true;
        }
        let fin = before.machine.send_side != SendSide::Finished
            && machine.send_side == SendSide::Finished;
        let may_finish = match machine.phase {
            Phase::Open => true,
            Phase::Draining { .. } => false,
            Phase::Closed(ending) => ending == Ending::Graceful,
        };
        let ended = match machine.phase {
            Phase::Closed(Ending::Graceful) => !machine.input_unread,
            Phase::Closed(Ending::Unread) => machine.input_unread && after.reset,
            _ => true,
        };
        (!fin || may_finish) && ended
    })
}

pub(super) fn accepted_has_its_listeners_options<W: World>(step: &Step<W>) -> bool {
    match step.event {
        Event::Accepted { socket, taken } => step.after.socket(socket).machine == taken,
        _ => true,
    }
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
                    let forsaken = matches!(step.event, Event::Forsaken { .. });
                    !(forsaken || operation.silent) || over(operation.slot)
                }
                _ => true,
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

/// Whether an operation can be pending although its descriptor is closed and
/// nothing can happen any more: others refer to the socket, and its process
/// goes on (O1).
fn may_stay<W: World>(world: &W, operation: &OperationView) -> bool {
    operation.state == OperationState::Pending
        && world.socket(operation.socket).machine.abort_scope == AbortScope::LastReference
        && references(world, operation.socket) > 0
        && !world.descriptor(operation.slot).life_over
}

const fn discards(ending: Ending) -> bool {
    !matches!(ending, Ending::Graceful | Ending::Unread)
}

fn is_open(world: &impl World, slot: usize, generation: u32) -> bool {
    let descriptor = world.descriptor(slot);
    descriptor.state == DescriptorState::Open && descriptor.generation == generation
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
