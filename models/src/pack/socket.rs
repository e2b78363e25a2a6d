//! Packing a socket into 43 bits.

use closesocket::protocol::{
    AbortScope, Connection, Ending, Linger, Phase, SendSide, Socket, Time, UnreadInput,
};

use super::{Reader, Writer};
use crate::state::SocketState;

/// The deadlines a draining socket of the model can have: it commits at time
/// zero, with one of these times to wait.
const DEADLINE_SECONDS: [u64; 3] = [1, 2, 30];

const fn deadline(index: usize) -> Phase {
    Phase::Draining {
        deadline: Some(Time::from_nanos(DEADLINE_SECONDS[index] * 1_000_000_000)),
    }
}

const SOCKET_PHASES: [Phase; 11] = [
    Phase::Open,
    Phase::Draining { deadline: None },
    deadline(0),
    deadline(1),
    deadline(2),
    Phase::Closed(Ending::Unconnected),
    Phase::Closed(Ending::Graceful),
    Phase::Closed(Ending::Hard),
    Phase::Closed(Ending::Expired),
    Phase::Closed(Ending::Lost),
    Phase::Closed(Ending::Unread),
];
const CONNECTIONS: [Connection; 5] = [
    Connection::Unconnected,
    Connection::Listening,
    Connection::Connecting,
    Connection::Connected,
    Connection::Lost,
];
/// Every linger option that the scripts can set.
const LINGERS: [Linger; 8] = [
    Linger::off(),
    Linger::off().set_on(1),
    Linger::off().set_on(0),
    Linger::off().set_on(1).set_dont_linger(true),
    Linger::off().set_on(0).set_dont_linger(true),
    Linger::off().set_on(1).set_on(0),
    Linger::off().set_dont_linger(false),
    Linger::off().set_on(1).set_on(0).set_dont_linger(true),
];
const SEND_SIDES: [SendSide; 3] = [SendSide::Open, SendSide::Closing, SendSide::Finished];

/// The place of a value in its table.
#[inline(always)]
fn code<T: PartialEq, const N: usize>(table: &[T; N], value: &T) -> u64 {
    table.iter().position(|it| it == value).unwrap_or_default() as u64
}

#[inline(always)]
fn phase_code(phase: Phase) -> u64 {
    match phase {
        Phase::Open => 0,
        Phase::Closed(ending) => 5 + ending as u64,
        Phase::Draining { .. } => code(&SOCKET_PHASES, &phase),
    }
}

#[inline(always)]
pub(super) fn socket(it: &SocketState) -> u64 {
    let machine = &it.machine;
    let mut bits = Writer::new();
    bits.put(phase_code(machine.phase), 4);
    bits.put(machine.connection as u64, 3);
    bits.put(code(&LINGERS, &machine.linger), 3);
    bits.flag(machine.nonblocking);
    bits.put(machine.abort_scope as u64, 1);
    bits.put(machine.unread_input as u64, 1);
    bits.put(u64::from(machine.references), 3);
    bits.put(u64::from(machine.window), 2);
    bits.put(u64::from(machine.unsent), 2);
    bits.put(u64::from(machine.in_flight), 2);
    bits.put(machine.send_side as u64, 2);
    bits.flag(machine.receive_shut);
    bits.flag(machine.input_unread);
    bits.put(u64::from(machine.backlog), 2);
    bits.byte(it.releases, 2);
    bits.byte(it.accepted, 3);
    bits.byte(it.acknowledged, 3);
    bits.flag(it.reset);
    bits.byte(it.waiting, 2);
    bits.flag(it.locked_by_waiter);
    bits.byte(it.inputs_left, 2);
    bits.byte(it.joins_left, 2);
    bits.bits
}

#[inline(always)]
pub(super) fn read_socket(mut bits: Reader) -> SocketState {
    SocketState {
        machine: Socket {
            phase: bits.pick(&SOCKET_PHASES, 4),
            connection: bits.pick(&CONNECTIONS, 3),
            linger: bits.pick(&LINGERS, 3),
            nonblocking: bits.flag(),
            abort_scope: bits.pick(&[AbortScope::Descriptor, AbortScope::LastReference], 1),
            unread_input: bits.pick(&[UnreadInput::Discard, UnreadInput::Reset], 1),
            references: u32::from(bits.take(3)),
            window: u32::from(bits.take(2)),
            unsent: u32::from(bits.take(2)),
            in_flight: u32::from(bits.take(2)),
            send_side: bits.pick(&SEND_SIDES, 2),
            receive_shut: bits.flag(),
            input_unread: bits.flag(),
            backlog: u32::from(bits.take(2)),
        },
        releases: bits.take(2),
        accepted: bits.take(3),
        acknowledged: bits.take(3),
        reset: bits.flag(),
        waiting: bits.take(2),
        locked_by_waiter: bits.flag(),
        inputs_left: bits.take(2),
        joins_left: bits.take(2),
    }
}
