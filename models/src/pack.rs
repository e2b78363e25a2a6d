//! Packing: the whole state in eight words, with a cheap hash.
//!
//! ```text
//! words 0, 1   threads 1 to 4, 32 bits each
//! word  2      the worker | records, counters, violations
//! word  3      four slots, 16 bits each
//! word  4      four operations, 13 bits each
//! words 5 to 7 a socket each, 43 bits | a process, 4 bits
//! ```

use std::fmt;
use std::hash::{Hash, Hasher};

use closesocket::protocol::invariant::{OperationState, Violations, When};
use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Cause, Connection, DuplicationRecord, Ending, Linger, Phase, ProcessId,
    RecordState, SendSide, Socket, Startups, Time, UnreadInput,
};

use crate::state::{
    At, OPERATIONS, Operation, PROCESSES, Process, Record, SLOTS, SOCKETS, Slot, SocketState,
    State, THREADS, Thread, WORKER,
};
use crate::touched::{Actor, Touched};

/// A packed [`State`]: what a search stores and hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packed([u64; 8]);

impl Hash for Packed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for pair in self.0.as_chunks::<2>().0 {
            state.write_u128(u128::from(pair[0]) << 64 | u128::from(pair[1]));
        }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::show::state(f, &self.unpack())
    }
}

impl Packed {
    /// Any words, taken for a packed state.
    #[must_use]
    pub const fn from_words(words: [u64; 8]) -> Self {
        Self(words)
    }

    /// Packs a state.
    #[must_use]
    pub fn new(state: &State) -> Self {
        let mut packed = Self([0; 8]);
        for (index, it) in state.threads.iter().enumerate() {
            packed.set(index / 2, index % 2 * 32, 32, thread(it));
        }
        for (index, it) in state.slots.iter().enumerate() {
            packed.set(3, index * 16, 16, slot(it));
        }
        for (index, it) in state.operations.iter().enumerate() {
            packed.set(4, index * 16, 16, operation(it));
        }
        for (index, it) in state.sockets.iter().enumerate() {
            packed.set(5 + index, 0, 60, socket(it));
        }
        for (index, it) in state.processes.iter().enumerate() {
            packed.set(5 + index, 60, 4, process(*it));
        }
        packed.set(2, 32, 32, rest(state));
        packed
    }

    /// Packs a state that one step made of another: only the parts that the
    /// step can have changed.
    #[inline]
    #[must_use]
    pub(crate) fn after(&self, before: &State, state: &State, touched: Touched) -> Self {
        let mut packed = *self;
        match touched.threads {
            Actor::Surroundings => {}
            Actor::Thread(t) => packed.set_thread(usize::from(t), state),
            Actor::Waker => (0..THREADS).for_each(|t| packed.set_thread(t, state)),
        }
        if touched.slots {
            for index in 0..SLOTS {
                if before.slots[index] != state.slots[index] {
                    packed.set(3, index * 16, 16, slot(&state.slots[index]));
                }
            }
        }
        if touched.operations {
            for index in 0..OPERATIONS {
                packed.set(4, index * 16, 16, operation(&state.operations[index]));
            }
        }
        if touched.sockets {
            for index in 0..SOCKETS {
                if before.sockets[index] != state.sockets[index] {
                    packed.set(5 + index, 0, 60, socket(&state.sockets[index]));
                }
            }
        }
        if touched.rest {
            for index in 0..PROCESSES {
                packed.set(5 + index, 60, 4, process(state.processes[index]));
            }
            packed.set(2, 32, 32, rest(state));
        }
        packed
    }

    #[inline(always)]
    fn set_thread(&mut self, t: usize, state: &State) {
        self.set(t / 2, t % 2 * 32, 32, thread(&state.threads[t]));
    }

    /// Puts these bits into a word.
    #[inline(always)]
    fn set(&mut self, word: usize, at: usize, width: u32, bits: u64) {
        let mask = ((1 << width) - 1) << at;
        self.0[word] = self.0[word] & !mask | bits << at;
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

    /// The same state with the verdict on the step into it.
    #[must_use]
    pub(crate) fn with_violated(mut self, violated: Violations) -> Self {
        self.0[2] |= u64::from(violated.bits()) << 45;
        self
    }

    /// Unpacks it again.
    #[must_use]
    pub fn unpack(&self) -> State {
        self.unpack_into(&State::blank(), [SLOTS, OPERATIONS, SOCKETS])
    }

    /// Unpacks as many slots, operations and sockets as there are; the others
    /// are as in `blank`.
    #[inline]
    #[must_use]
    pub(crate) fn unpack_into(&self, blank: &State, count: [usize; 3]) -> State {
        let bits = |word: usize, at: usize| Reader(self.0[word] >> at);
        let mut state = *blank;
        for (index, it) in state.threads.iter_mut().enumerate() {
            *it = read_thread(bits(index / 2, index % 2 * 32));
        }
        for (index, it) in state.slots.iter_mut().take(count[0]).enumerate() {
            *it = read_slot(bits(3, index * 16));
        }
        for (index, it) in state.operations.iter_mut().take(count[1]).enumerate() {
            *it = read_operation(bits(4, index * 16));
        }
        for (index, it) in state.sockets.iter_mut().take(count[2]).enumerate() {
            *it = read_socket(bits(5 + index, 0));
        }
        state.processes = [read_process(bits(5, 60)), read_process(bits(6, 60))];
        let mut rest = bits(2, 32);
        state.records = [read_record(&mut rest), read_record(&mut rest)];
        state.created = rest.take(2);
        state.rested = rest.flag();
        state.violated = self.violated();
        state
    }

    /// What the step into this state violated.
    #[must_use]
    pub fn violated(&self) -> Violations {
        Violations::from_bits(u32::try_from(self.0[2] >> 45).unwrap_or_default())
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

fn phase_code(phase: Phase) -> u64 {
    match phase {
        Phase::Open => 0,
        Phase::Closed(ending) => 5 + ending as u64,
        Phase::Draining { .. } => code(&SOCKET_PHASES, &phase),
    }
}

fn socket(it: &SocketState) -> u64 {
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

fn read_socket(mut bits: Reader) -> SocketState {
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

/// Everything that is beside the worker in its word.
#[inline(always)]
fn rest(state: &State) -> u64 {
    let mut bits = Writer::new();
    for record in &state.records {
        bits.put(
            match record.record.map(|it| it.state) {
                None => 0,
                Some(RecordState::Unredeemed) => 1,
                Some(RecordState::Redeemed) => 2,
                Some(RecordState::Reclaimed) => 3,
            },
            2,
        );
        bits.put(record.record.map_or(0, |it| u64::from(it.target.0)), 1);
        bits.byte(record.socket, 2);
    }
    bits.byte(state.created, 2);
    bits.flag(state.rested);
    bits.put(u64::from(state.violated.bits()), 19);
    bits.bits
}

#[inline(always)]
fn read_record(bits: &mut Reader) -> Record {
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

/// Startup counts up to three, as the shipped type has no way to read one.
fn startups(count: u8) -> Startups {
    let mut startups = Startups::default();
    for _ in 0..count {
        // At most three: the count cannot overflow.
        let _ = startups.startup();
    }
    startups
}

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
