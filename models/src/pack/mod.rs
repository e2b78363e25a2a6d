//! Packing: which part of the state is where in its eight words.
//!
//! ```text
//! words 0, 1   threads 1 to 4, 32 bits each
//! word  2      the worker | records, counters, violations
//! word  3      four slots, 16 bits each
//! word  4      four operations, 13 bits each
//! words 5 to 7 a socket each, 44 bits | a process, 4 bits
//! ```

pub(crate) mod fields;
mod socket;
mod values;

use closesocket::protocol::invariant::When;

use crate::state::{
    Operation, Part, Process, Record, Rest, Slot, SocketState, State, Thread, WORKER, Words,
};

impl State {
    /// Any words, taken for a state.
    #[must_use]
    pub const fn from_words(words: [u64; 8]) -> Self {
        Self(words)
    }

    /// What a step from `before` to here changed, as the invariants see it.
    #[inline]
    #[must_use]
    pub(crate) fn changed_since(&self, before: &Self) -> When {
        // Who is inside is no change of a descriptor, nor is a reservation.
        const DESCRIPTORS: u64 = 0x7ff0_7ff0_7ff0_7ff0;
        const RECORDS: u64 = 0x3ff << 32;
        const CREATED: u64 = 3 << 42;
        const RESTED: u64 = 1 << 44;
        let word = |index: usize| self.0[index] ^ before.0[index];
        let sockets = word(5) | word(6) | word(7) | (word(2) & CREATED);
        When::DESCRIPTORS
            .only_if(word(3) & DESCRIPTORS != 0)
            .and(When::SOCKETS.only_if(sockets != 0))
            .and(When::OPERATIONS.only_if(word(4) != 0))
            .and(When::RECORDS.only_if(word(2) & RECORDS != 0))
            .and(When::REST.only_if(word(2) & RESTED != 0))
    }
}

/// These bits of a word.
#[inline(always)]
pub(crate) const fn bits(word: u64, at: usize, width: u32) -> u64 {
    word >> at & ((1 << width) - 1)
}

/// Puts these bits into a word; what does not fit is cut off.
#[inline(always)]
pub(crate) const fn set(word: &mut u64, at: usize, width: u32, bits: u64) {
    let mask = (1 << width) - 1;
    *word = *word & !(mask << at) | (bits & mask) << at;
}

/// Says where the parts of a kind are: in which word, and at which bit.
macro_rules! place {
    ($part:ident, $index:ident => $word:expr, $at:expr) => {
        impl Part for $part {
            #[inline(always)]
            fn read(words: &Words, $index: usize) -> Self {
                Self(bits(words[$word], $at, Self::BITS))
            }

            #[inline(always)]
            fn write(self, words: &mut Words, $index: usize) {
                set(&mut words[$word], $at, Self::BITS, self.0);
            }
        }
    };
}

place!(Thread, index => index / 2, index % 2 * 32);
place!(Record, index => 2, 32 + 5 * index);
place!(Rest, index => 2, 42 + index);
place!(Slot, index => 3, 16 * index);
place!(Operation, index => 4, 16 * index);
place!(SocketState, index => 5 + index, 0);
place!(Process, index => 5 + index, 60);

const _: () = assert!(
    WORKER == 4,
    "the layout has room for four threads and the worker"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_disturbs_another() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..10_000 {
            let (from, onto) = (random(), random());
            Thread::assert_fields_are_kept(from, onto);
            Slot::assert_fields_are_kept(from, onto);
            SocketState::assert_fields_are_kept(from, onto);
            Operation::assert_fields_are_kept(from, onto);
            Record::assert_fields_are_kept(from, onto);
            Process::assert_fields_are_kept(from, onto);
            Rest::assert_fields_are_kept(from, onto);
        }
    }

    #[test]
    fn what_is_too_large_is_cut_off() {
        let mut thread = Thread::default();
        thread.set_slot(0xff);
        let mut expected = Thread::default();
        expected.set_slot(3);
        assert_eq!(thread, expected);
    }
}
