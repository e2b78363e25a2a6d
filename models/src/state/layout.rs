//! Which part of the state is where in its words.
//!
//! ```text
//! ordinary, 8 words
//! words 0, 1   threads 1 to 4, 32 bits each
//! word  2      the worker | counters, violations
//! word  3      four slots, 16 bits each
//! word  4      four operations, 16 bits each
//! words 5 to 7 a socket each, 45 bits | a record, 5 bits | a process, 8 bits
//!
//! wide, 14 words
//! words 0 to 5   a thread each, 38 bits, the worker last
//! words 6, 7     six slots, four to a word, 16 bits each
//! words 8, 9     six operations, three to a word, 19 bits each
//! words 10 to 12 a socket each, 55 bits | a record, 6 bits
//! word  13       counters, violations | three processes, 10 bits each
//! ```

use super::fields::{bits, set};
use super::machine::Machine;
use super::size::{OPERATIONS, PROCESSES, RECORDS, SLOTS, SOCKETS, THREADS};
use super::values::{GENERATION, LOWER_PHASE};
use super::{Operation, Part, Process, Record, Rest, Slot, SocketState, State, Thread, Words};
use crate::when::{Heeding, When};

/// Where the parts of a kind are.
#[derive(Clone, Copy)]
struct Place {
    /// The word of the first.
    word: usize,
    /// Its lowest bit there.
    at: u32,
    /// How many are in a word, side by side.
    each: usize,
}

/// Where everything is.
struct Layout {
    words: usize,
    threads: Place,
    rest: Place,
    slots: Place,
    operations: Place,
    sockets: Place,
    records: Place,
    processes: Place,
}

const fn place(word: usize, at: u32, each: usize) -> Place {
    Place { word, at, each }
}

const ORDINARY: Layout = Layout {
    words: 8,
    threads: place(0, 0, 2),
    rest: place(2, 32, 1),
    slots: place(3, 0, 4),
    operations: place(4, 0, 4),
    sockets: place(5, 0, 1),
    records: place(5, 51, 1),
    processes: place(5, 56, 1),
};

const WIDE: Layout = Layout {
    words: 14,
    threads: place(0, 0, 1),
    slots: place(6, 0, 4),
    operations: place(8, 0, 3),
    sockets: place(10, 0, 1),
    records: place(10, 55, 1),
    rest: place(13, 0, 1),
    processes: place(13, 32, 3),
};

const LAYOUT: Layout = if cfg!(feature = "wide") {
    WIDE
} else {
    ORDINARY
};

/// How many words a state has.
pub const WORDS: usize = LAYOUT.words;

/// Says where the parts of a kind are, and how many there are.
macro_rules! place {
    ($part:ident: $place:ident, $count:expr) => {
        impl $part {
            const PLACE: Place = LAYOUT.$place;
            const COUNT: usize = $count;

            /// The word of one, and its lowest bit there.
            #[inline(always)]
            #[expect(clippy::cast_possible_truncation, reason = "a word has 64 bits")]
            const fn at(index: usize) -> (usize, u32) {
                let (word, at) = if Self::COUNT <= Self::PLACE.each {
                    (0, index)
                } else {
                    let word = index / Self::PLACE.each;
                    (word, index - word * Self::PLACE.each)
                };
                let at = Self::PLACE.at + Self::BITS * at as u32;
                (Self::PLACE.word + word, at)
            }

            /// These bits of every one, in each word.
            #[allow(dead_code, reason = "not of all kinds")]
            const fn of_all(bits: u64) -> Words {
                let mut all = [0; WORDS];
                let mut index = 0;
                while index < Self::COUNT {
                    let (word, at) = Self::at(index);
                    all[word] |= bits << at;
                    index += 1;
                }
                all
            }
        }

        impl Part for $part {
            #[inline(always)]
            fn read(words: &Words, index: usize) -> Self {
                let (word, at) = Self::at(index);
                Self(bits(words[word], at, Self::BITS))
            }

            #[inline(always)]
            fn write(self, words: &mut Words, index: usize) {
                let (word, at) = Self::at(index);
                set(&mut words[word], at, Self::BITS, self.0);
            }
        }

        const _: () = {
            let mut index = 0;
            while index < $part::COUNT {
                let (word, at) = $part::at(index);
                assert!(
                    word < WORDS && at + $part::BITS <= u64::BITS,
                    "beyond its word"
                );
                index += 1;
            }
        };
    };
}

place!(Thread: threads, THREADS);
place!(Record: records, RECORDS);
place!(Rest: rest, 1);
place!(Slot: slots, SLOTS);
place!(Operation: operations, OPERATIONS);
place!(SocketState: sockets, SOCKETS);
place!(Process: processes, PROCESSES);

const THREAD_BITS: Words = Thread::of_all((1 << Thread::BITS) - 1);

impl State {
    /// Any words, taken for a state.
    #[must_use]
    pub const fn from_words(words: Words) -> Self {
        Self(words)
    }

    /// What is not as it is in the other state, of these bits.
    #[inline(always)]
    fn changed(&self, other: &Self, of: &Words) -> u64 {
        (0..WORDS).fold(0, |all, it| all | (self.0[it] ^ other.0[it]) & of[it])
    }

    /// Whether every operation is as it is in the other state.
    #[inline(always)]
    pub(crate) fn has_operations_of(&self, other: &Self) -> bool {
        const OPERATIONS: Words = Operation::of_all((1 << Operation::BITS) - 1);
        self.changed(other, &OPERATIONS) == 0
    }

    /// The sockets that are not as they are in the other state.
    #[inline(always)]
    pub(crate) fn sockets_unlike(&self, other: &Self) -> impl Iterator<Item = usize> {
        const FIRST: usize = LAYOUT.sockets.word;
        let (mine, others) = (&self.0[FIRST..], &other.0[FIRST..]);
        let pairs = mine.iter().zip(others).take(SOCKETS).enumerate();
        pairs
            .filter(|(_, (mine, others))| mine != others)
            .map(|(index, _)| index)
    }

    /// Whether every thread but this one is as it is in the other state.
    #[inline(always)]
    pub(crate) fn has_threads_of(&self, other: &Self, but: usize) -> bool {
        const THREAD: u64 = (1 << Thread::BITS) - 1;
        let (word, at) = Thread::at(but);
        let changed = |it: usize| {
            let mask = if it == word { !(THREAD << at) } else { !0 };
            (self.0[it] ^ other.0[it]) & THREAD_BITS[it] & mask
        };
        (0..WORDS).fold(0, |all, it| all | changed(it)) == 0
    }

    /// The invariants that heed what a step from `before` to here changed.
    #[inline]
    #[must_use]
    pub(crate) fn heeding_since(&self, before: &Self) -> Heeding {
        // Who is inside a slot is no change, nor is a reservation; of an operation the
        // bytes left, the success and what goes with the rest are none.
        const ALL_BUT_THREADS: Words = {
            let mut all = THREAD_BITS;
            let mut word = 0;
            while word < WORDS {
                all[word] = !all[word];
                word += 1;
            }
            all
        };
        const GENERATIONS: Words = Slot::of_all(word(GENERATION));
        const DESCRIPTORS: Words = Slot::of_all(
            Slot::MASK.word & !word(LOWER_PHASE - 1) | Slot::MASK.cause | Slot::MASK.socket,
        );
        const LOWER: Words = Slot::of_all(word(LOWER_PHASE));
        const HANDLES: Words = Slot::of_all(Slot::MASK.returns | Slot::MASK.retired);
        const RETIRED: Words = Slot::of_all(Slot::MASK.retired);
        const OPERATIONS: Words = Operation::of_all(
            Operation::MASK.state
                | Operation::MASK.slot
                | Operation::MASK.generation
                | Operation::MASK.socket,
        );
        const PHASES: Words = SocketState::of_all(
            machine(Machine::MASK.phase | Machine::MASK.abort_scope) | SocketState::MASK.releases,
        );
        const DATA: Words = SocketState::of_all(
            machine(
                Machine::MASK.connection
                    | Machine::MASK.unsent
                    | Machine::MASK.in_flight
                    | Machine::MASK.send_side,
            ) | SocketState::MASK.accepted
                | SocketState::MASK.acknowledged,
        );
        const INPUT: Words = SocketState::of_all(machine(
            Machine::MASK.input_unread | Machine::MASK.receive_lost,
        ));
        const BACKLOGS: Words =
            SocketState::of_all(machine(Machine::MASK.backlog) | SocketState::MASK.waiting);
        const WAITERS: Words = SocketState::of_all(SocketState::MASK.locked_by_waiter);
        const RECORDS: Words = Record::of_all((1 << Record::BITS) - 1);
        const CREATED: Words = Rest::of_all(Rest::MASK.created);
        const RESTED: Words = Rest::of_all(Rest::MASK.rested);
        let changed = |of: &Words| self.changed(before, of) != 0;
        if !changed(&ALL_BUT_THREADS) {
            return Heeding::NONE;
        }
        // Once the upper bit of a phase is set, the lower is no change.
        let closed_still = |it: usize| self.0[it] >> 1 & LOWER[it];
        let descriptors = (0..WORDS).fold(0, |all, it| {
            all | (self.0[it] ^ before.0[it]) & DESCRIPTORS[it] & !closed_still(it)
        });
        let descriptors = descriptors != 0;
        let retired = || (0..WORDS).any(|it| before.0[it] & RETIRED[it] != 0);
        let handles = changed(&HANDLES) || (descriptors && retired());
        let created = changed(&CREATED);
        const { Heeding::of(When::DESCRIPTORS) }
            .only_if(descriptors)
            .and(const { Heeding::of(When::GENERATIONS) }.only_if(changed(&GENERATIONS)))
            .and(const { Heeding::of(When::HANDLES) }.only_if(handles))
            .and(const { Heeding::of(When::PHASES) }.only_if(created || changed(&PHASES)))
            .and(const { Heeding::of(When::DATA) }.only_if(created || changed(&DATA)))
            .and(const { Heeding::of(When::BACKLOGS) }.only_if(created || changed(&BACKLOGS)))
            .and(const { Heeding::of(When::INPUT) }.only_if(created || changed(&INPUT)))
            .and(const { Heeding::of(When::WAITERS) }.only_if(created || changed(&WAITERS)))
            .and(const { Heeding::of(When::OPERATIONS) }.only_if(changed(&OPERATIONS)))
            .and(const { Heeding::of(When::RECORDS) }.only_if(changed(&RECORDS)))
            .and(const { Heeding::of(When::REST) }.only_if(changed(&RESTED)))
    }
}

/// These bits of a machine, as they lie in its socket.
const fn machine(bits: u64) -> u64 {
    bits << SocketState::MASK.machine.trailing_zeros()
}

/// These bits of a descriptor word, as they lie in its slot.
const fn word(bits: u64) -> u64 {
    bits << Slot::MASK.word.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{SWEPT, small};

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
                    let before = State::from_words([from; WORDS]);
                    let mut after = before;
                    let other = T::read(&[filled; WORDS], index);
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

    /// In each part, the most of everything that a world of the largest size has. The
    /// scenario's own numbers are asked of the packing when it is validated.
    #[test]
    fn the_largest_index_and_the_largest_mask_are_kept() {
        let mask = |count: usize| u8::MAX >> (8 - count);
        let mut thread = Thread::default();
        thread.set_slot(small(SLOTS - 1));
        thread.set_own_slot(small(SLOTS - 1));
        thread.set_socket(small(SOCKETS - 1));
        thread.set_taken(mask(OPERATIONS));
        thread.set_cursor(small(SWEPT));
        thread.set_guess(small(THREADS + OPERATIONS));
        assert_eq!(usize::from(thread.slot()), SLOTS - 1);
        assert_eq!(usize::from(thread.own_slot()), SLOTS - 1);
        assert_eq!(usize::from(thread.socket()), SOCKETS - 1);
        assert_eq!(thread.taken(), mask(OPERATIONS));
        assert_eq!(usize::from(thread.cursor()), SWEPT);
        assert_eq!(usize::from(thread.guess()), THREADS + OPERATIONS);
        thread.set_guess(mask(SOCKETS));
        assert_eq!(thread.guess(), mask(SOCKETS));
        let mut operation = Operation::default();
        operation.set_slot(small(SLOTS - 1));
        operation.set_socket(small(SOCKETS - 1));
        operation.set_number(small(OPERATIONS - 1));
        assert_eq!(usize::from(operation.slot()), SLOTS - 1);
        assert_eq!(usize::from(operation.socket()), SOCKETS - 1);
        assert_eq!(usize::from(operation.number()), OPERATIONS - 1);
        let mut slot = Slot::default();
        slot.set_socket(small(SOCKETS - 1));
        assert_eq!(usize::from(slot.socket()), SOCKETS - 1);
        let mut record = Record::default();
        record.set_socket(small(SOCKETS - 1));
        assert_eq!(usize::from(record.socket()), SOCKETS - 1);
        let mut process = Process::default();
        process.set_old(mask(SLOTS));
        assert_eq!(process.old(), mask(SLOTS));
        let mut rest = Rest::default();
        rest.set_created(small(SOCKETS));
        assert_eq!(usize::from(rest.created()), SOCKETS);
    }

    #[test]
    fn what_is_too_large_is_cut_off() {
        let mut thread = Thread::default();
        thread.set_slot(0xff);
        assert_eq!(thread.0, Thread::MASK.slot);
    }
}
