//! What must hold of a socket: its end, its data, its linger.

use super::world::{Event, OperationState, Step, World, references};
use crate::protocol::{Cause, CloseMode, Connection, Ending, Phase, SendSide, Socket, UnreadInput};

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

pub(super) fn released_exactly_once<W: World>(step: &Step<W>) -> bool {
    (0..step.after.sockets()).all(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        after.releases == u8::from(after.machine.is_closed())
            && (after.releases == before.releases || references(step.after, socket) == 0)
            && (!before.machine.is_closed() || before.machine.phase == after.machine.phase)
    })
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

const fn discards(ending: Ending) -> bool {
    !matches!(ending, Ending::Graceful | Ending::Unread)
}
