//! What must hold of a socket: its end, its data, its linger.

use super::witness::{Object, Witness};
use super::world::{Event, OperationState, SocketView, Step, World, references, with_fin_due};
use crate::protocol::{Cause, CloseMode, Connection, Ending, Phase, SendSide, Socket, UnreadInput};

#[inline(always)]
pub(super) fn no_release_before_last_reference<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    let ended = (0..step.after.sockets()).find_map(|socket| {
        let machine = step.after.socket(socket).machine;
        let holds = machine.is_open() || references(step.after, socket) == 0;
        Witness::unless(holds, || Witness {
            object: Object::Socket(socket),
            what: "is closing, and {} still refers to it",
            other: Object::referring(step.after, socket),
        })
    });
    ended.or_else(|| match step.event {
        Event::Committed {
            slot, generation, ..
        } => {
            let socket = step.before.descriptor(slot).socket;
            let before = step.before.socket(socket).machine;
            let expected = Socket {
                references: before.references.saturating_sub(1),
                ..before
            };
            let after = step.after.socket(socket).machine;
            let holds = references(step.after, socket) == 0
                || after == expected
                || after == with_fin_due(step.after, socket, expected);
            Witness::unless(holds, || {
                let what =
                    "is still referred to, and the close of {} did more than drop a reference";
                let closed = Object::descriptor(step.before, slot, generation);
                Witness::with(Object::Socket(socket), what, closed)
            })
        }
        Event::Redeemed { record, by } => {
            let redeemed = step.before.record(record);
            let this = Object::Record(record);
            Witness::unless(redeemed.unredeemed, || {
                Witness::new(this, "was redeemed a second time")
            })
            .or_else(|| {
                Witness::unless(redeemed.target == by, || {
                    let what = "was redeemed by {}, which it is not for";
                    Witness::with(this, what, Object::Process(by))
                })
            })
        }
        _ => None,
    })
}

#[inline(always)]
pub(super) fn queued_data_sent_when_graceful<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    (0..step.after.sockets()).find_map(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let all_sent = after.accepted == after.acknowledged;
        let holds = match (before.machine.phase, after.machine.phase) {
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
        };
        Witness::unless(holds, || {
            Witness::new(Object::Socket(socket), not_sent(after, all_sent))
        })
    })
}

/// What is wrong with an end that is not allowed.
fn not_sent(after: SocketView, all_sent: bool) -> &'static str {
    match after.machine.phase {
        Phase::Closed(Ending::Graceful | Ending::Unread) if !all_sent => {
            "accepted bytes that are not acknowledged, and ended as if all were sent"
        }
        Phase::Closed(Ending::Graceful) if after.reset => "ended gracefully, and was reset",
        Phase::Closed(Ending::Graceful) => "ended gracefully without a FIN",
        Phase::Closed(Ending::HandedOver) => {
            "ended as handed over, and is not, or not with all of its bytes"
        }
        Phase::Closed(Ending::Unconnected) => "ended as unconnected, and was connected",
        Phase::Closed(Ending::Hard) => "ended hard without a linger time of 0",
        Phase::Closed(Ending::Expired) => "ended as out of time, and its time had not passed",
        Phase::Closed(Ending::Lost) => "ended as lost, and its connection is not",
        Phase::Closed(Ending::Unread) | Phase::Draining { .. } | Phase::Open => {
            "has not the same bytes queued as its drain begins"
        }
    }
}

#[inline(always)]
pub(super) fn released_exactly_once<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    (0..step.after.sockets()).find_map(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let this = Object::Socket(socket);
        let closed = after.machine.is_closed();
        Witness::unless(after.releases == u8::from(closed), || {
            let what = match (after.releases, closed) {
                (0, _) => "is closed and not released",
                (_, false) => "was released and is not closed",
                _ => "was released a second time",
            };
            Witness::new(this, what)
        })
        .or_else(|| {
            let last = after.releases == before.releases || references(step.after, socket) == 0;
            Witness::unless(last, || Witness {
                object: this,
                what: "was released, and {} still refers to it",
                other: Object::referring(step.after, socket),
            })
        })
        .or_else(|| {
            let stays = !before.machine.is_closed() || before.machine.phase == after.machine.phase;
            Witness::unless(stays, || {
                Witness::new(this, "was closed, and ends otherwise now")
            })
        })
    })
}

#[inline(always)]
pub(super) fn hard_close_resets<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    let commit = match step.event {
        Event::Committed {
            slot, generation, ..
        } => {
            let socket = step.before.descriptor(slot).socket;
            let before = step.before.socket(socket).machine;
            let after = step.after.socket(socket);
            let hard = references(step.after, socket) == 0
                && before.connection == Connection::Connected
                // The kernel resets when the last process leaves (D9).
                && !before.transferred
                && before.linger.close_mode() == CloseMode::Hard;
            let ended = after.machine.phase == Phase::Closed(Ending::Hard) && after.reset;
            Witness::unless(!hard || ended, || {
                let what = if after.reset {
                    "was reset by the last close of {}, and is not closed"
                } else {
                    "lingers for 0 s, and was not reset by the last close of {}"
                };
                let closed = Object::descriptor(step.before, slot, generation);
                Witness::with(Object::Socket(socket), what, closed)
            })
        }
        _ => None,
    };
    commit.or_else(|| {
        (0..step.after.sockets()).find_map(|socket| {
            let (before, after) = (step.before.socket(socket), step.after.socket(socket));
            let hard = before.machine.phase == Phase::Closed(Ending::Hard);
            let this = Object::Socket(socket);
            Witness::unless(!hard || after.acknowledged == before.acknowledged, || {
                Witness::new(this, "was reset, and its peer acknowledges more")
            })
            .or_else(|| {
                let quiet = after.machine.send_side == before.machine.send_side;
                Witness::unless(!hard || quiet, || {
                    Witness::new(this, "was reset, and its send side goes on")
                })
            })
        })
    })
}

#[inline(always)]
pub(super) fn linger_expiry_resets_before_return<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    match step.event {
        Event::Committed {
            slot,
            generation,
            cause: Cause::Call,
            wait,
            may_wait,
        } => {
            let socket = step.before.descriptor(slot).socket;
            let before = step.before.socket(socket).machine;
            let lingers = references(step.after, socket) == 0
                && !before.nonblocking
                && matches!(before.linger.close_mode(), CloseMode::Linger { .. });
            let waits = may_wait && lingers && step.after.socket(socket).machine.is_draining();
            Witness::unless(wait == waits, || {
                let what = if wait {
                    "is closed by a call that waits though it need not for {}"
                } else {
                    "is closed by a call that does not wait for the drain of {}"
                };
                let closed = Object::descriptor(step.before, slot, generation);
                Witness::with(closed, what, Object::Socket(socket))
            })
        }
        Event::CloseReturned {
            socket: index,
            waited: true,
            result: Ok(()),
            ..
        } => {
            let socket = step.before.socket(index);
            let holds = match socket.machine.phase {
                Phase::Closed(Ending::Expired) => socket.reset,
                Phase::Closed(_) => true,
                Phase::Open | Phase::Draining { .. } => false,
            };
            Witness::unless(holds, || {
                let what = match socket.machine.phase {
                    Phase::Closed(_) => "is out of time and not reset, and its close succeeded",
                    _ => "is not closed, and the close that waited for it succeeded",
                };
                Witness::new(Object::Socket(index), what)
            })
        }
        _ => None,
    }
}

#[inline(always)]
pub(super) fn peer_receives_a_prefix<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    let accepted = match step.event {
        Event::BytesAccepted { operation } => {
            let pending = step.before.operation(operation).state == OperationState::Pending;
            Witness::unless(pending, || {
                let what = "is not pending, and bytes of it were accepted";
                Witness::new(Object::Operation(operation), what)
            })
        }
        _ => None,
    };
    accepted.or_else(|| {
        (0..step.after.sockets()).find_map(|socket| {
            let (before, after) = (step.before.socket(socket), step.after.socket(socket));
            let acknowledged = after.acknowledged.saturating_sub(before.acknowledged);
            let kept = after.acknowledged.saturating_add(after.machine.queued());
            let intact = after.machine.connection == Connection::Connected
                && !matches!(after.machine.phase, Phase::Closed(ending) if discards(ending));
            let this = Object::Socket(socket);
            Witness::unless(acknowledged <= before.machine.in_flight, || {
                Witness::new(this, "had more acknowledged than was in flight")
            })
            .or_else(|| {
                Witness::unless(kept <= after.accepted, || {
                    Witness::new(this, "has more to send than it accepted")
                })
            })
            .or_else(|| {
                Witness::unless(!intact || kept == after.accepted, || {
                    Witness::new(this, "is connected, and bytes that it accepted are gone")
                })
            })
        })
    })
}

#[inline(always)]
pub(super) fn backlog_never_leaked<W: World, const SAY: bool>(step: &Step<W>) -> Option<Witness> {
    (0..step.after.sockets()).find_map(|index| {
        let socket = step.after.socket(index);
        let closed = socket.machine.is_closed();
        let this = Object::Socket(index);
        Witness::unless(!closed || socket.waiting_connections == 0, || {
            Witness::new(this, "is closed, and connections wait in its backlog")
        })
        .or_else(|| {
            let counted = closed || socket.waiting_connections == socket.machine.backlog;
            Witness::unless(counted, || {
                let what = "counts other connections in its backlog than wait there";
                Witness::new(this, what)
            })
        })
    })
}

#[inline(always)]
pub(super) fn linger_wait_blocks_nobody<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    (0..step.after.sockets()).find_map(|socket| {
        Witness::unless(!step.after.socket(socket).locked_by_waiter, || {
            let what = "is locked by the close that waits for its drain";
            Witness::new(Object::Socket(socket), what)
        })
    })
}

#[inline(always)]
pub(super) fn unread_input_reset_is_seen<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    (0..step.after.sockets()).find_map(|socket| {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let machine = after.machine;
        if machine.unread_input != UnreadInput::Reset || machine.transferred {
            return None;
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
        let this = Object::Socket(socket);
        Witness::unless(!fin || may_finish, || {
            let what = "sent its FIN before it was known whether it ends in a reset";
            Witness::new(this, what)
        })
        .or_else(|| {
            Witness::unless(ended, || {
                let what = match machine.phase {
                    Phase::Closed(Ending::Graceful) => "ended gracefully with unread input",
                    _ if after.reset => "ended as with unread input, and there is none",
                    _ => "has unread input, and ended without a reset",
                };
                Witness::new(this, what)
            })
        })
    })
}

#[inline(always)]
pub(super) fn accepted_has_its_listeners_options<W: World, const SAY: bool>(
    step: &Step<W>,
) -> Option<Witness> {
    match step.event {
        Event::Accepted { socket, taken } => {
            Witness::unless(step.after.socket(socket).machine == taken, || {
                let what = "is not what its listener was when its connection was taken";
                Witness::new(Object::Socket(socket), what)
            })
        }
        _ => None,
    }
}

const fn discards(ending: Ending) -> bool {
    !matches!(ending, Ending::Graceful | Ending::Unread)
}
