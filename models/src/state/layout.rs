//! Which part of the state is where in its eight words.
//!
//! ```text
//! words 0, 1   threads 1 to 4, 32 bits each
//! word  2      the worker | counters, violations
//! word  3      four slots, 16 bits each
//! word  4      four operations, 16 bits each
//! words 5 to 7 a socket each, 45 bits | a record, 5 bits | a process, 8 bits
//! ```

use super::fields::{bits, set};
use super::{
    Operation, Part, Process, Record, Rest, Slot, SocketState, State, Thread, WORKER, Words,
};
use crate::when::{Heeding, When};

impl State {
    /// Any words, taken for a state.
    #[must_use]
    pub const fn from_words(words: [u64; 8]) -> Self {
        Self(words)
    }

    /// Whether every operation is as it is in the other state.
    #[inline(always)]
    pub(crate) const fn has_operations_of(&self, other: &Self) -> bool {
        self.0[4] == other.0[4]
    }

    /// The sockets that are not as they are in the other state.
    #[inline(always)]
    pub(crate) fn sockets_unlike(&self, other: &Self) -> impl Iterator<Item = usize> {
        let (mine, others) = (&self.0[5..], &other.0[5..]);
        let pairs = mine.iter().zip(others).enumerate();
        pairs
            .filter(|(_, (mine, others))| mine != others)
            .map(|(index, _)| index)
    }

    /// Whether every thread but this one is as it is in the other state.
    #[inline(always)]
    pub(crate) fn has_threads_of(&self, other: &Self, but: usize) -> bool {
        const THREAD: u64 = u32::MAX as u64;
        let this = THREAD << (but % 2 * 32);
        let mask = |pair: usize| if pair == but / 2 { !this } else { !0 };
        let changed = |pair: usize| (self.0[pair] ^ other.0[pair]) & mask(pair);
        changed(0) | changed(1) | changed(2) & THREAD == 0
    }

    /// The invariants that heed what a step from `before` to here changed.
    #[inline]
    #[must_use]
    pub(crate) fn heeding_since(&self, before: &Self) -> Heeding {
        // Of the slots: the generation, cause and socket of a descriptor; both
        // bits of its phase, of which the lower only tells two ways of being
        // closed apart once the upper is set; what became of the handle. Who is
        // inside is no change, nor is a reservation.
        const OF_ALL: u64 = 0x0001_0001_0001_0001;
        const GENERATIONS: u64 = 0xc0 * OF_ALL;
        const DESCRIPTORS: u64 = 0x0ff0 * OF_ALL;
        const LOWER: u64 = 0x10 * OF_ALL;
        const HANDLES: u64 = 0x7000 * OF_ALL;
        const RETIRED: u64 = 0x4000 * OF_ALL;
        // Of the operations: all but the bytes left, the success, and what goes with
        // the rest.
        const OPERATIONS: u64 = 0x03ff * OF_ALL;
        // Of the sockets.
        const PHASES: u64 = 0x6000_080f;
        const DATA: u64 = 0x1f_80fc_0070;
        const INPUT: u64 = 0x1200_0000;
        const BACKLOGS: u64 = 0xc0_0c00_0000;
        const WAITERS: u64 = 1 << 40;
        // Beside them.
        const RECORDS: u64 = 0x1f << 51;
        // Of the word with the counters.
        const CREATED: u64 = 3 << 32;
        const RESTED: u64 = 1 << 34;
        let word = |index: usize| self.0[index] ^ before.0[index];
        if word(2) >> 32 | word(3) | word(4) | word(5) | word(6) | word(7) == 0 {
            return Heeding::NONE;
        }
        let (others, slots) = (word(2), word(3));
        let closed_still = self.0[3] >> 1 & LOWER;
        let descriptors = slots & DESCRIPTORS & !closed_still != 0;
        let handles = slots & HANDLES != 0 || (descriptors && before.0[3] & RETIRED != 0);
        let created = others & CREATED != 0;
        let sockets = word(5) | word(6) | word(7);
        const { Heeding::of(When::DESCRIPTORS) }
            .only_if(descriptors)
            .and(const { Heeding::of(When::GENERATIONS) }.only_if(slots & GENERATIONS != 0))
            .and(const { Heeding::of(When::HANDLES) }.only_if(handles))
            .and(const { Heeding::of(When::PHASES) }.only_if(created || sockets & PHASES != 0))
            .and(const { Heeding::of(When::DATA) }.only_if(created || sockets & DATA != 0))
            .and(const { Heeding::of(When::BACKLOGS) }.only_if(created || sockets & BACKLOGS != 0))
            .and(const { Heeding::of(When::INPUT) }.only_if(created || sockets & INPUT != 0))
            .and(const { Heeding::of(When::WAITERS) }.only_if(created || sockets & WAITERS != 0))
            .and(const { Heeding::of(When::OPERATIONS) }.only_if(word(4) & OPERATIONS != 0))
            .and(const { Heeding::of(When::RECORDS) }.only_if(sockets & RECORDS != 0))
            .and(const { Heeding::of(When::REST) }.only_if(others & RESTED != 0))
    }
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
place!(Record, index => 5 + index, 51);
place!(Rest, index => 2, 32 + index);
place!(Slot, index => 3, 16 * index);
place!(Operation, index => 4, 16 * index);
place!(SocketState, index => 5 + index, 0);
place!(Process, index => 5 + index, 56);

const _: () = assert!(
    WORKER == 4,
    "the layout has room for four threads and the worker"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{OPERATIONS, PROCESSES, RECORDS, SLOTS, SOCKETS, THREADS};

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

    /// Each part of each kind, changed alone, changes no other part.
    #[test]
    fn no_part_disturbs_another() {
        fn check<T: Part + PartialEq + std::fmt::Debug>(count: usize, all: fn(&State) -> Vec<u64>) {
            for index in 0..count {
                for (from, filled) in [(0, u64::MAX), (u64::MAX, 0)] {
                    let before = State::from_words([from; 8]);
                    let mut after = before;
                    let other = T::read(&[filled; 8], index);
                    other.write(&mut after.0, index);
                    assert_eq!(T::read(&after.0, index), other);
                    let (before, after) = (all(&before), all(&after));
                    let changed = before.iter().zip(&after).filter(|(a, b)| a != b);
                    assert_eq!(changed.count(), 1, "{other:?} at {index}");
                }
            }
        }
        fn all(state: &State) -> Vec<u64> {
            let mut parts: Vec<u64> = Vec::new();
            parts.extend((0..THREADS).map(|it| state.thread(it).0));
            parts.extend((0..SLOTS).map(|it| state.slot(it).0));
            parts.extend((0..SOCKETS).map(|it| state.socket(it).0));
            parts.extend((0..OPERATIONS).map(|it| state.operation(it).0));
            parts.extend((0..RECORDS).map(|it| state.record(it).0));
            parts.extend((0..PROCESSES).map(|it| state.process(it).0));
            parts.push(state.rest().0);
            parts
        }
        check::<Thread>(THREADS, all);
        check::<Slot>(SLOTS, all);
        check::<SocketState>(SOCKETS, all);
        check::<Operation>(OPERATIONS, all);
        check::<Record>(RECORDS, all);
        check::<Process>(PROCESSES, all);
        check::<Rest>(1, all);
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
