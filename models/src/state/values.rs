//! What the bit fields of the state hold, in bits.

use closesocket::protocol::invariant::{OperationState, Violations};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::{self, Word};
use closesocket::protocol::{Cause, DuplicationRecord, ProcessId, RecordState, Startups};

use super::fields::{Field, pick};
use super::size::{OPERATIONS, SOCKETS, TARGET_BITS, THREADS};

impl Field for Next {
    #[inline(always)]
    fn read(bits: u64) -> Self {
        pick(&Self::ALL, bits)
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self as u64
    }
}

/// How many holders the model's descriptors have at most, in bits.
pub(super) const HOLDERS_BITS: u32 = 4;
/// In how many bits generations are counted.
pub(super) const GENERATION_BITS: u32 = 2;
/// How many bits a packed word has: holders, phase, generation.
pub(super) const WORD_BITS: u32 = HOLDERS_BITS + 2 + GENERATION_BITS;
/// The lower bit of the phase in a packed word, which only tells two ways of being
/// closed apart once the upper is set.
pub(super) const LOWER_PHASE: u64 = 1 << HOLDERS_BITS;
/// The generation in a packed word.
pub(super) const GENERATION: u64 = ((1 << GENERATION_BITS) - 1) << (HOLDERS_BITS + 2);

const _: () = assert!(
    THREADS + OPERATIONS < 1 << HOLDERS_BITS && SOCKETS <= HOLDERS_BITS as usize,
    "a guess holds everybody inside, and a mask of sockets"
);

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
        let target = ProcessId(u32::read(bits >> 2));
        pick(&STATES, bits & 3).map(|state| DuplicationRecord { target, state })
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        self.map_or(0, |it| {
            let target = it.target.0 & ((1 << TARGET_BITS) - 1);
            (1 + it.state as u64) | (u64::from(target) << 2)
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

#[cfg(test)]
mod tests {
    use closesocket::protocol::invariant::{COUNT, OperationState, Violations};
    use closesocket::protocol::word::{Word, WordPhase};
    use closesocket::protocol::{Cause, DuplicationRecord, ProcessId, RecordState};

    use super::{GENERATION_BITS, HOLDERS_BITS, WORD_BITS};
    use crate::scenario::startups;
    use crate::state::fields::assert_all_are_kept;
    use crate::state::size::{TARGET_BITS, TARGETS};
    use crate::state::small;
    use closesocket::protocol::program::Next;

    /// Every cause, and none. A new one has to be added to the match first.
    fn causes() -> Vec<Option<Cause>> {
        let next = |it: Option<Cause>| match it {
            None => Some(Cause::Call),
            Some(Cause::Call) => Some(Cause::Cleanup),
            Some(Cause::Cleanup) => Some(Cause::Death),
            Some(Cause::Death) => Some(Cause::Reclaimed),
            Some(Cause::Reclaimed) => None,
        };
        let mut all = vec![None];
        while let Some(cause) = next(all[all.len() - 1]) {
            all.push(Some(cause));
        }
        all
    }

    #[test]
    fn every_cause_and_every_state_of_an_operation_is_kept() {
        assert_all_are_kept(2, causes().into_iter().flatten());
        let ends = causes().into_iter();
        let ends = ends.flat_map(|it| [OperationState::Ending(it), OperationState::Ended(it)]);
        let others = [OperationState::Idle, OperationState::Pending];
        assert_all_are_kept(4, ends.chain(others));
        // No process is gone because another's record was reclaimed, or by a close.
        assert_all_are_kept(2, [None, Some(Cause::Cleanup), Some(Cause::Death)]);
    }

    #[test]
    fn every_step_that_may_be_next_is_kept() {
        assert_all_are_kept(5, Next::ALL);
        let last = Next::ALL[Next::ALL.len() - 1];
        // The last variant of the enum: a new one has to be added behind it here
        // and in the table.
        assert_eq!(last, Next::NextRecord);
        assert_eq!(last as usize, Next::ALL.len() - 1);
    }

    #[test]
    fn every_word_is_kept() {
        let phases = [
            WordPhase::Free,
            WordPhase::Open,
            WordPhase::Sealed,
            WordPhase::Claimed,
        ];
        let words = (0..1 << GENERATION_BITS).flat_map(|generation| {
            phases.into_iter().flat_map(move |phase| {
                (0..1 << HOLDERS_BITS).map(move |holders| Word::new(generation, phase, holders))
            })
        });
        assert_all_are_kept(WORD_BITS, words);
    }

    #[test]
    fn every_record_and_every_count_of_startups_is_kept() {
        let states = [
            RecordState::Unredeemed,
            RecordState::Redeemed,
            RecordState::Reclaimed,
        ];
        let targets = (0..TARGETS).map(|it| ProcessId(u32::from(small(it))));
        let records = targets.flat_map(|target| {
            let record = move |state| Some(DuplicationRecord { target, state });
            states.map(record)
        });
        assert_all_are_kept(2 + TARGET_BITS, records.chain([None]));
        assert_all_are_kept(2, (0..4).map(startups));
    }

    #[test]
    fn every_number_and_every_flag_is_kept() {
        for width in 1..=8 {
            let numbers = 0..=u8::try_from((1_u32 << width) - 1).unwrap_or(u8::MAX);
            assert_all_are_kept(width, numbers);
            assert_all_are_kept(width, 0..1_u32 << width);
        }
        assert_all_are_kept(1, [false, true]);
        let violations = (0..COUNT).map(|it| Violations::from_bits(1 << it));
        assert_all_are_kept(29, violations);
    }
}
