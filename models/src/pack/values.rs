//! What the bit fields of the state hold, in bits.

use closesocket::protocol::invariant::{OperationState, Violations};
use closesocket::protocol::word::{self, Word};
use closesocket::protocol::{Cause, DuplicationRecord, ProcessId, RecordState, Startups};

use super::fields::{Field, pick};
use crate::state::At;

impl Field for At {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        pick(&Self::ALL, bits)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self as u64
    }
}

impl Field for Cause {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        pick(
            &[Self::Call, Self::Cleanup, Self::Death, Self::Reclaimed],
            bits,
        )
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self as u64
    }
}

/// How many holders the model's descriptors have at most, in bits.
const HOLDERS_BITS: u32 = 4;

/// As in the real word, but with fewer bits: generation, phase, holders.
impl Field for Word {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        let (upper, holders) = (bits >> HOLDERS_BITS, bits & ((1 << HOLDERS_BITS) - 1));
        Self::from_bits(upper * word::STEP + holders)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        let holders = self.holders() & ((1 << HOLDERS_BITS) - 1);
        ((Self::bits(self) / word::STEP) << HOLDERS_BITS) | holders
    }
}

impl Field for OperationState {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        use OperationState::{Ended, Ending, Idle, Pending};
        const STATES: [OperationState; 12] = [
            Idle,
            Pending,
            Ending(None),
            Ending(Some(Cause::Call)),
            Ending(Some(Cause::Cleanup)),
            Ending(Some(Cause::Death)),
            Ending(Some(Cause::Reclaimed)),
            Ended(None),
            Ended(Some(Cause::Call)),
            Ended(Some(Cause::Cleanup)),
            Ended(Some(Cause::Death)),
            Ended(Some(Cause::Reclaimed)),
        ];
        pick(&STATES, bits)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        match self {
            Self::Idle => 0,
            Self::Pending => 1,
            Self::Ending(cause) => 2 + cause.map_or(0, |cause| 1 + cause as u64),
            Self::Ended(cause) => 7 + cause.map_or(0, |cause| 1 + cause as u64),
        }
    }
}

impl Field for Option<DuplicationRecord> {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        const STATES: [Option<RecordState>; 4] = [
            None,
            Some(RecordState::Unredeemed),
            Some(RecordState::Redeemed),
            Some(RecordState::Reclaimed),
        ];
        let target = ProcessId(u32::from(bits & 4 != 0));
        pick(&STATES, bits & 3).map(|state| DuplicationRecord { target, state })
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self.map_or(0, |it| {
            (1 + it.state as u64) | (u64::from(it.target.0 & 1) << 2)
        })
    }
}

/// Startup counts up to three, as the shipped type has no way to read one.
impl Field for Startups {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        let mut startups = Self::default();
        for _ in 0..bits {
            // At most three: the count cannot overflow.
            let _ = startups.startup();
        }
        startups
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        (0..4)
            .find(|&count| Self::read(count) == self)
            .unwrap_or_default()
    }
}

/// Why a process is gone.
impl Field for Option<Cause> {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        pick(&[None, Some(Cause::Cleanup), Some(Cause::Death)], bits)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self.map_or(0, |cause| cause as u64)
    }
}

impl Field for Violations {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        Self::from_bits(u32::try_from(bits).unwrap_or_default())
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(Self::bits(self))
    }
}
