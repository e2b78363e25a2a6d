//! Packing the shipped socket machine into 28 bits.

use closesocket::protocol::{
    AbortScope, Connection, Ending, Linger, Phase, SendSide, Socket, Time, UnreadInput,
};

use super::fields::{Field, bit_fields, pick};

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
    struct Machine: 28 {
        phase, set_phase: Phase = 4,
        connection, set_connection: Connection = 3,
        linger, set_linger: Linger = 3,
        nonblocking, set_nonblocking: bool = 1,
        abort_scope, set_abort_scope: AbortScope = 1,
        unread_input, set_unread_input: UnreadInput = 1,
        references, set_references: u32 = 3,
        window, set_window: u32 = 2,
        unsent, set_unsent: u32 = 2,
        in_flight, set_in_flight: u32 = 2,
        send_side, set_send_side: SendSide = 2,
        receive_shut, set_receive_shut: bool = 1,
        input_unread, set_input_unread: bool = 1,
        backlog, set_backlog: u32 = 2,
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
            input_unread: it.input_unread(),
            backlog: it.backlog(),
            transferred: false,
        }
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        let mut it = Machine::default();
        it.set_phase(self.phase);
        it.set_connection(self.connection);
        it.set_linger(self.linger);
        it.set_nonblocking(self.nonblocking);
        it.set_abort_scope(self.abort_scope);
        it.set_unread_input(self.unread_input);
        it.set_references(self.references);
        it.set_window(self.window);
        it.set_unsent(self.unsent);
        it.set_in_flight(self.in_flight);
        it.set_send_side(self.send_side);
        it.set_receive_shut(self.receive_shut);
        it.set_input_unread(self.input_unread);
        it.set_backlog(self.backlog);
        debug_assert!(!self.transferred, "D9 is not modelled");
        it.0
    }
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
variants!(SendSide: Open, Closing, Finished);
variants!(AbortScope: Descriptor, LastReference);
variants!(UnreadInput: Discard, Reset);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_of_the_machine_disturbs_another() {
        for step in 0..10_000_u64 {
            let random = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Machine::assert_fields_are_kept(random >> 36, random >> 8);
        }
    }
}
