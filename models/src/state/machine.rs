//! Packing the shipped socket machine.

use closesocket::protocol::{
    AbortScope, Cause, Connection, Ending, Limits, Linger, Phase, SendSide, Socket, Time,
    UnreadInput,
};

use super::fields::{Field, bit_fields, pick, width};
use super::size::{ARRIVAL_BITS, CHUNK_BITS, RECORDS, SLOTS};

/// The deadlines a draining socket of the model can have: it commits at time
/// zero, with one of these times to wait.
const DEADLINE_SECONDS: [u64; 3] = [1, 2, 30];

const fn deadline(index: usize) -> Phase {
    Phase::Draining {
        deadline: Some(Time::from_nanos(DEADLINE_SECONDS[index] * 1_000_000_000)),
    }
}

const PHASES: [Phase; 11] = [
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

bit_fields! {
    /// The shipped machine's fields.
    pub(super) struct Machine {
        phase, set_phase: Phase = 4,
        connection, set_connection: Connection = 3,
        linger, set_linger: Linger = 3,
        nonblocking, set_nonblocking: bool = 1,
        abort_scope, set_abort_scope: AbortScope = 1,
        unread_input, set_unread_input: UnreadInput = 1,
        references, set_references: u32 = width(SLOTS + RECORDS),
        window, set_window: u32 = CHUNK_BITS,
        unsent, set_unsent: u32 = CHUNK_BITS,
        in_flight, set_in_flight: u32 = CHUNK_BITS,
        send_side, set_send_side: SendSide = 2,
        receive_shut, set_receive_shut: bool = 1,
        input_unread, set_input_unread: bool = 1,
        backlog, set_backlog: u32 = ARRIVAL_BITS,
        receive_lost, set_receive_lost: bool = 1,
    }
}

impl Field for Socket {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        let it = Machine(bits);
        Self {
            phase: it.phase(),
            connection: it.connection(),
            linger: it.linger(),
            nonblocking: it.nonblocking(),
            abort_scope: it.abort_scope(),
            unread_input: it.unread_input(),
            references: it.references(),
            window: it.window(),
            unsent: it.unsent(),
            in_flight: it.in_flight(),
            send_side: it.send_side(),
            receive_shut: it.receive_shut(),
            receive_lost: it.receive_lost(),
            input_unread: it.input_unread(),
            backlog: it.backlog(),
            transferred: false,
            limits: Limits::NONE,
        }
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        debug_assert!(is_held(&self), "{self:?} is packed as another");
        packed(&self).0
    }
}

/// Whether the machine is packed as what it is. Not if a field is too large or
/// has a value without a code, or if it is transferred: D9 is not modelled.
pub(crate) fn is_held(machine: &Socket) -> bool {
    Socket::read(packed(machine).0) == *machine
}

#[inline(always)]
fn packed(machine: &Socket) -> Machine {
    let mut it = Machine::default();
    it.set_phase(machine.phase);
    it.set_connection(machine.connection);
    it.set_linger(machine.linger);
    it.set_nonblocking(machine.nonblocking);
    it.set_abort_scope(machine.abort_scope);
    it.set_unread_input(machine.unread_input);
    it.set_references(machine.references);
    it.set_window(machine.window);
    it.set_unsent(machine.unsent);
    it.set_in_flight(machine.in_flight);
    it.set_send_side(machine.send_side);
    it.set_receive_shut(machine.receive_shut);
    it.set_receive_lost(machine.receive_lost);
    it.set_input_unread(machine.input_unread);
    it.set_backlog(machine.backlog);
    it
}

/// The place of a value in its table.
#[inline(always)]
fn code<T: PartialEq, const N: usize>(table: &[T; N], value: &T) -> u64 {
    table.iter().position(|it| it == value).unwrap_or_default() as u64
}

impl Field for Phase {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        pick(&PHASES, bits)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        match self {
            Self::Open => 0,
            Self::Closed(ending) => 5 + ending as u64,
            Self::Draining { .. } => code(&PHASES, &self),
        }
    }
}

impl Field for Linger {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        pick(&LINGERS, bits)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        code(&LINGERS, &self)
    }
}

/// A field that holds a plain enum: its table, in the order of the variants.
macro_rules! variants {
    ($enum:ident: $($variant:ident),*) => {
        impl Field for $enum {
            #[inline(always)]
            fn read(bits: u64) -> Self {
                pick(&[$(Self::$variant),*], bits)
            }

            #[inline(always)]
            fn bits(self) -> u64 {
                self as u64
            }
        }
    };
}

variants!(Connection: Unconnected, Listening, Connecting, Connected, Lost);
variants!(SendSide: Open, ShuttingDown, Closing, Finished);
variants!(AbortScope: Descriptor, LastReference);
variants!(UnreadInput: Discard, Reset);
variants!(Cause: Call, Cleanup, Death, Reclaimed);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::fields::assert_all_are_kept;
    use crate::state::{ARRIVALS, CHUNKS, SocketState, small};

    /// Every ending that is modelled. A new one has to be added to the match
    /// first; a socket that is handed over (D9) is not modelled.
    fn endings() -> Vec<Ending> {
        let mut all = vec![Ending::Unconnected];
        loop {
            all.push(match all[all.len() - 1] {
                Ending::Unconnected => Ending::Graceful,
                Ending::Graceful => Ending::Hard,
                Ending::Hard => Ending::Expired,
                Ending::Expired => Ending::Lost,
                Ending::Lost => Ending::Unread,
                Ending::Unread | Ending::HandedOver => return all,
            });
        }
    }

    fn phases() -> Vec<Phase> {
        let deadline = |seconds: &u64| Some(Time::from_nanos(seconds * 1_000_000_000));
        let deadlines = DEADLINE_SECONDS.iter().map(deadline).chain([None]);
        let draining = deadlines.map(|deadline| Phase::Draining { deadline });
        let closed = endings().into_iter().map(Phase::Closed);
        draining.chain(closed).chain([Phase::Open]).collect()
    }

    #[test]
    fn every_phase_with_every_deadline_and_every_ending_is_kept() {
        assert_eq!(phases().len(), PHASES.len());
        assert_all_are_kept(4, phases());
    }

    #[test]
    fn every_linger_option_is_kept_and_whatever_is_set_on_it() {
        assert_all_are_kept(3, LINGERS);
        for linger in LINGERS {
            for set in [
                linger.set_on(0),
                linger.set_on(1),
                linger.set_dont_linger(true),
            ] {
                assert!(LINGERS.contains(&set), "{linger:?} becomes {set:?}");
            }
        }
    }

    #[test]
    fn every_plain_value_is_kept() {
        use Connection::{Connected, Connecting, Listening, Lost, Unconnected};
        let connections = [Unconnected, Listening, Connecting, Connected, Lost];
        assert_all_are_kept(3, connections);
        let sides = [
            SendSide::Open,
            SendSide::ShuttingDown,
            SendSide::Closing,
            SendSide::Finished,
        ];
        assert_all_are_kept(2, sides);
        let scopes = [AbortScope::Descriptor, AbortScope::LastReference];
        assert_all_are_kept(1, scopes);
        assert_all_are_kept(1, [UnreadInput::Discard, UnreadInput::Reset]);
    }

    /// Every value of each field, beside the least and the most of all others.
    #[test]
    fn every_value_of_every_field_of_the_machine_is_kept_in_the_state() {
        let least = Socket::read(0);
        let most = Socket::read(u64::MAX);
        let keep = |change: &dyn Fn(&mut Socket)| {
            for mut machine in [least, most] {
                change(&mut machine);
                assert!(is_held(&machine), "{machine:?}");
                let mut socket = SocketState(u64::MAX >> (64 - SocketState::BITS));
                socket.set_machine(machine);
                assert_eq!(socket.machine(), machine);
                assert_eq!(socket.joins_left(), ARRIVALS, "the neighbour is as it was");
            }
        };
        for phase in phases() {
            keep(&|it| it.phase = phase);
        }
        for linger in LINGERS {
            keep(&|it| it.linger = linger);
        }
        for flag in [false, true] {
            keep(&|it| it.nonblocking = flag);
            keep(&|it| it.receive_shut = flag);
            keep(&|it| it.receive_lost = flag);
            keep(&|it| it.input_unread = flag);
        }
        for count in 0..=u32::from(small(SLOTS + RECORDS)) {
            keep(&|it| it.references = count);
        }
        for count in 0..=u32::from(CHUNKS) {
            keep(&|it| it.window = count);
            keep(&|it| it.unsent = count);
            keep(&|it| it.in_flight = count);
        }
        for count in 0..=u32::from(ARRIVALS) {
            keep(&|it| it.backlog = count);
        }
        let wrong: [fn(&mut Socket); 6] = [
            |it| it.references = 16,
            |it| it.window = u32::from(CHUNKS) + 1,
            |it| it.linger = Linger::off().set_on(2),
            |it| it.transferred = true,
            |it| it.phase = Phase::Closed(Ending::HandedOver),
            |it| {
                it.phase = Phase::Draining {
                    deadline: Some(Time::from_nanos(1)),
                }
            },
        ];
        for spoil in wrong {
            let mut machine = least;
            spoil(&mut machine);
            assert!(!is_held(&machine), "{machine:?}");
        }
    }

    #[test]
    fn no_field_of_the_machine_disturbs_another() {
        for step in 0..10_000_u64 {
            let random = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Machine::assert_fields_are_kept(random >> 35, random >> 8);
        }
    }
}
