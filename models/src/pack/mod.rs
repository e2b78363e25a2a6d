//! Packing: which part of the state is where in its eight words.
//!
//! ```text
//! words 0, 1   threads 1 to 4, 32 bits each
//! word  2      the worker | records, counters, violations
//! word  3      four slots, 16 bits each
//! word  4      four operations, 13 bits each
//! words 5 to 7 a socket each, 43 bits | a process, 4 bits
//! ```

mod socket;

use closesocket::protocol::invariant::{OperationState, Violations, When};
use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{Cause, DuplicationRecord, ProcessId, RecordState, Startups};

use self::socket::{read_socket, socket};
use crate::state::{
    At, Operation, Part, Process, Record, Rest, Slot, SocketState, State, Thread, WORKER, Words,
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
        const DESCRIPTORS: u64 = 0x7f0f_7f0f_7f0f_7f0f;
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

/// Puts these bits into a word.
#[inline(always)]
fn set(word: &mut u64, at: usize, width: u32, bits: u64) {
    let mask = ((1 << width) - 1) << at;
    *word = *word & !mask | bits << at;
}

impl Part for Thread {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        read_thread(Reader(words[index / 2] >> (index % 2 * 32)))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, index: usize) {
        set(&mut words[index / 2], index % 2 * 32, 32, thread(self));
    }
}

impl Part for Slot {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        read_slot(Reader(words[3] >> (index * 16)))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, index: usize) {
        set(&mut words[3], index * 16, 16, slot(self));
    }
}

impl Part for Operation {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        read_operation(Reader(words[4] >> (index * 16)))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, index: usize) {
        set(&mut words[4], index * 16, 16, operation(self));
    }
}

impl Part for SocketState {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        read_socket(Reader(words[5 + index]))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, index: usize) {
        set(&mut words[5 + index], 0, 60, socket(self));
    }
}

impl Part for Process {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        read_process(Reader(words[5 + index] >> 60))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, index: usize) {
        set(&mut words[5 + index], 60, 4, process(*self));
    }
}

impl Part for Record {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        read_record(Reader(words[2] >> (32 + 5 * index)))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, index: usize) {
        set(&mut words[2], 32 + 5 * index, 5, record(self));
    }
}

impl Part for Rest {
    #[inline(always)]
    fn read(words: &Words, index: usize) -> Self {
        debug_assert_eq!(index, 0, "there is one of it");
        read_rest(Reader(words[2] >> 42))
    }

    #[inline(always)]
    fn write(&self, words: &mut Words, _: usize) {
        set(&mut words[2], 42, 22, rest(self));
    }
}

/// Puts fields next to each other, the first lowest.
struct Writer {
    bits: u64,
    at: u32,
}

impl Writer {
    const fn new() -> Self {
        Self { bits: 0, at: 0 }
    }

    #[inline(always)]
    fn put(&mut self, value: u64, width: u32) {
        // Too large a value, which only a defect can bring about, is cut off
        // and must not spoil its neighbours.
        self.bits |= (value & ((1 << width) - 1)) << self.at;
        self.at += width;
    }

    #[inline(always)]
    fn flag(&mut self, value: bool) {
        self.put(u64::from(value), 1);
    }

    #[inline(always)]
    fn byte(&mut self, value: u8, width: u32) {
        self.put(u64::from(value), width);
    }
}

/// Takes the fields off again in the same order.
struct Reader(u64);

impl Reader {
    #[inline(always)]
    fn take(&mut self, width: u32) -> u8 {
        let value = self.0 & ((1 << width) - 1) & 0xff;
        self.0 >>= width;
        value as u8
    }

    #[inline(always)]
    fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    /// The entry of a table that this code stands for.
    #[inline(always)]
    fn pick<T: Copy, const N: usize>(&mut self, table: &[T; N], width: u32) -> T {
        table[usize::from(self.take(width)).min(N - 1)]
    }
}

#[inline(always)]
fn thread(it: &Thread) -> u64 {
    let mut bits = Writer::new();
    bits.byte(it.call, 3);
    bits.byte(it.at as u8, 5);
    bits.byte(it.slot, 2);
    bits.byte(it.generation, 2);
    bits.byte(it.guess, 4);
    bits.byte(it.socket, 2);
    bits.byte(it.taken, 4);
    bits.flag(it.holding);
    bits.flag(it.waited);
    bits.flag(it.cancelled);
    bits.byte(it.own_slot, 2);
    bits.byte(it.own_generation, 2);
    bits.byte(it.cursor, 3);
    bits.bits
}

#[inline(always)]
fn read_thread(mut bits: Reader) -> Thread {
    Thread {
        call: bits.take(3),
        at: bits.pick(&At::ALL, 5),
        slot: bits.take(2),
        generation: bits.take(2),
        guess: bits.take(4),
        socket: bits.take(2),
        taken: bits.take(4),
        holding: bits.flag(),
        waited: bits.flag(),
        cancelled: bits.flag(),
        own_slot: bits.take(2),
        own_generation: bits.take(2),
        cursor: bits.take(3),
    }
}

const PHASES: [WordPhase; 4] = [
    WordPhase::Free,
    WordPhase::Open,
    WordPhase::Sealed,
    WordPhase::Claimed,
];
const CAUSES: [Cause; 4] = [Cause::Call, Cause::Cleanup, Cause::Death, Cause::Reclaimed];

#[inline(always)]
fn slot(it: &Slot) -> u64 {
    let mut bits = Writer::new();
    bits.put(u64::from(it.word.generation()), 2);
    bits.put(it.word.phase() as u64, 2);
    bits.put(it.word.holders(), 4);
    bits.put(it.cause as u64, 2);
    bits.byte(it.socket, 2);
    bits.byte(it.returns, 2);
    bits.flag(it.retired);
    bits.flag(it.reserved);
    bits.bits
}

#[inline(always)]
fn read_slot(mut bits: Reader) -> Slot {
    let generation = bits.take(2);
    let phase = bits.pick(&PHASES, 2);
    let holders = bits.take(4);
    Slot {
        word: Word::new(u32::from(generation), phase, u64::from(holders)),
        cause: bits.pick(&CAUSES, 2),
        socket: bits.take(2),
        returns: bits.take(2),
        retired: bits.flag(),
        reserved: bits.flag(),
    }
}

#[inline(always)]
fn operation(it: &Operation) -> u64 {
    let mut bits = Writer::new();
    bits.put(
        match it.state {
            OperationState::Idle => 0,
            OperationState::Pending => 1,
            OperationState::Ending(cause) => 2 + cause.map_or(0, |cause| 1 + cause as u64),
            OperationState::Ended(cause) => 7 + cause.map_or(0, |cause| 1 + cause as u64),
        },
        4,
    );
    bits.byte(it.slot, 2);
    bits.byte(it.generation, 2);
    bits.byte(it.socket, 2);
    bits.byte(it.remaining, 2);
    bits.flag(it.succeeded);
    bits.bits
}

#[inline(always)]
fn read_operation(mut bits: Reader) -> Operation {
    const STATES: [OperationState; 12] = {
        use OperationState::{Ended, Ending, Idle, Pending};
        [
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
        ]
    };
    Operation {
        state: bits.pick(&STATES, 4),
        slot: bits.take(2),
        generation: bits.take(2),
        socket: bits.take(2),
        remaining: bits.take(2),
        succeeded: bits.flag(),
    }
}

#[inline(always)]
fn record(it: &Record) -> u64 {
    let mut bits = Writer::new();
    bits.put(
        match it.record.map(|it| it.state) {
            None => 0,
            Some(RecordState::Unredeemed) => 1,
            Some(RecordState::Redeemed) => 2,
            Some(RecordState::Reclaimed) => 3,
        },
        2,
    );
    bits.put(it.record.map_or(0, |it| u64::from(it.target.0)), 1);
    bits.byte(it.socket, 2);
    bits.bits
}

#[inline(always)]
fn read_record(mut bits: Reader) -> Record {
    const STATES: [Option<RecordState>; 4] = [
        None,
        Some(RecordState::Unredeemed),
        Some(RecordState::Redeemed),
        Some(RecordState::Reclaimed),
    ];
    let state = bits.pick(&STATES, 2);
    let target = ProcessId(u32::from(bits.take(1)));
    Record {
        record: state.map(|state| DuplicationRecord { target, state }),
        socket: bits.take(2),
    }
}

#[inline(always)]
fn rest(it: &Rest) -> u64 {
    let mut bits = Writer::new();
    bits.byte(it.created, 2);
    bits.flag(it.rested);
    bits.put(u64::from(it.violated.bits()), 19);
    bits.bits
}

#[inline(always)]
fn read_rest(mut bits: Reader) -> Rest {
    Rest {
        created: bits.take(2),
        rested: bits.flag(),
        violated: Violations::from_bits(u32::try_from(bits.0).unwrap_or_default()),
    }
}

/// Startup counts up to three, as the shipped type has no way to read one.
#[inline(always)]
fn startups(count: u8) -> Startups {
    let mut startups = Startups::default();
    for _ in 0..count {
        // At most three: the count cannot overflow.
        let _ = startups.startup();
    }
    startups
}

#[inline(always)]
fn process(it: Process) -> u64 {
    let mut bits = Writer::new();
    bits.put(
        (0..4)
            .find(|&count| startups(count) == it.startups)
            .map_or(0, u64::from),
        2,
    );
    bits.put(it.gone.map_or(0, |cause| cause as u64), 2);
    bits.bits
}

#[inline(always)]
fn read_process(mut bits: Reader) -> Process {
    Process {
        startups: startups(bits.take(2)),
        gone: bits.pick(&[None, Some(Cause::Cleanup), Some(Cause::Death)], 2),
    }
}

const _: () = assert!(
    WORKER == 4,
    "the layout has room for four threads and the worker"
);
