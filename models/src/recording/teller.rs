//! Who tells, under which number, and what things are called.

use closesocket::engine::completions::OperationId;
use closesocket::engine::observe::{Observation, Place, Step};
use closesocket::engine::{Descriptor, Error, ProcessId, SocketId};
use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::Word;
use closesocket_trace::Record;

use super::Taken;
use crate::scenario::Scenario;
use crate::state::{OPERATIONS, PROCESSES, RECORDS, SLOTS, SOCKETS, State, THREADS};

/// The thread that sets a scenario up.
pub(super) const SETTER: u32 = 0;
/// The thread of the peer and the clock. Those between are the model's, one further.
const SURROUNDINGS: u32 = 6;

/// A close that has not returned.
#[derive(Clone, Copy)]
pub(super) struct Closing {
    pub(super) descriptor: (ProcessId, Descriptor),
    /// It has committed, or failed so.
    pub(super) result: Result<(), Error>,
}

/// What a thread is in the middle of, as far as its state does not say it.
#[derive(Clone, Copy, Default)]
pub(super) struct Seat {
    /// What its call has entered, or was refused.
    pub(super) entered: Option<(ProcessId, Descriptor)>,
    pub(super) closing: Option<Closing>,
    /// It ends a life of its process.
    pub(super) sweeps: bool,
    /// The operation that it sleeps in.
    pub(super) blocked: Option<OperationId>,
    /// The life of its process when it reserved its slot.
    pub(super) life: u64,
}

/// An operation that was registered.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) id: OperationId,
    /// The life in which its descriptor was opened.
    pub(super) life: u64,
    /// What it was taken out with.
    pub(super) failure: Option<Error>,
    /// It was cancelled or lost: that is what is told, whatever the model has.
    pub(super) cancelled: bool,
}

/// What was told to be done to a socket in one step.
#[derive(Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) fin: bool,
    pub(super) reset: bool,
    pub(super) releases: u8,
}

/// Tells a path, step by step.
pub(super) struct Teller {
    pub(super) scenario: &'static Scenario,
    records: Vec<Record>,
    numbers: [u64; SURROUNDINGS as usize + 1],
    /// Who takes the present step.
    by: u32,
    /// The last number under the lock of each socket.
    places: [u64; SOCKETS],
    /// The last name that was given at each socket.
    names: [u64; SOCKETS],
    /// Of each process, its life.
    pub(super) lives: [u64; PROCESSES],
    /// Of each slot, the life in which its occupant was opened.
    pub(super) opened_in: [u64; SLOTS],
    pub(super) seats: [Seat; THREADS],
    pub(super) operations: [Option<Known>; OPERATIONS],
    /// The names of the duplication records.
    pub(super) duplicates: [u64; RECORDS],
    /// What was told to be done to each socket in the present step.
    pub(super) done: [Done; SOCKETS],
}

/// The name of a socket: each has a cell of its own.
pub(super) const fn name_of(socket: usize) -> SocketId {
    SocketId(1 << 32 | socket as u64)
}

impl Teller {
    pub(super) fn new(scenario: &'static Scenario) -> Self {
        Self {
            scenario,
            records: Vec::new(),
            numbers: [0; SURROUNDINGS as usize + 1],
            by: SETTER,
            places: [0; SOCKETS],
            names: [0; SOCKETS],
            lives: [1; PROCESSES],
            opened_in: [1; SLOTS],
            seats: [Seat::default(); THREADS],
            operations: [None; OPERATIONS],
            duplicates: [0; RECORDS],
            done: [Done::default(); SOCKETS],
        }
    }

    /// How much was told.
    pub(super) fn told(&self) -> usize {
        self.records.len()
    }

    pub(super) fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// A step of this thread of the model, or of the surroundings, begins.
    pub(super) fn begin_step(&mut self, thread: Option<u8>) {
        self.by = thread.map_or(SURROUNDINGS, |it| u32::from(it) + 1);
        self.done = [Done::default(); SOCKETS];
    }

    /// The thread whose step it is, by its place in the model.
    pub(super) fn thread(&self) -> Option<usize> {
        let thread = (self.by as usize).checked_sub(1);
        thread.filter(|it| *it < THREADS)
    }

    /// What the thread whose step it is is in the middle of.
    pub(super) fn seat(&mut self) -> &mut Seat {
        // The surroundings are in no call; what is kept for them is never read.
        let thread = self.thread().unwrap_or(THREADS - 1);
        &mut self.seats[thread]
    }

    /// The thread whose step it is tells this.
    pub(super) fn tell(&mut self, observation: Observation) {
        let number = &mut self.numbers[self.by as usize];
        *number += 1;
        let record = Record {
            thread: self.by,
            number: *number,
            // Each behind the one before.
            nanos: self.records.len() as u64 + 1,
            observation,
        };
        self.records.push(record);
    }

    /// The same under a socket's lock.
    pub(super) fn tell_at(&mut self, socket: usize, observation: Observation) {
        let sequence = self.places[socket] + 1;
        self.places[socket] = sequence;
        let socket = name_of(socket);
        self.tell(observation.at(Place { socket, sequence }));
    }

    /// A step of a section that is about nothing but its socket.
    pub(super) fn tell_of(&mut self, socket: usize, step: Step) {
        self.tell_at(socket, Observation::of(step));
    }

    /// The next name at a socket, of an operation or a record.
    pub(super) fn next_name(&mut self, socket: usize) -> u64 {
        self.names[socket] += 1;
        self.names[socket]
    }

    /// A slot is told with the process in whose table it is.
    pub(super) fn process_of(&self, slot: usize) -> ProcessId {
        ProcessId(u32::from(self.scenario.slots[slot].process))
    }

    /// The process of the thread whose step it is.
    pub(super) fn process(&self) -> ProcessId {
        let spec = self.thread().and_then(|it| self.scenario.threads.get(it));
        ProcessId(spec.map_or(0, |it| u32::from(it.process)))
    }

    /// The descriptor of this generation in a slot.
    #[expect(clippy::cast_possible_truncation, reason = "there are four slots")]
    pub(super) fn descriptor(&self, slot: usize, generation: u32) -> (ProcessId, Descriptor) {
        let descriptor = Descriptor::new(slot as u32, generation);
        (self.process_of(slot), descriptor)
    }

    /// The descriptor that a word of a slot speaks of.
    pub(super) fn occupant(&self, slot: usize, word: Word) -> (ProcessId, Descriptor) {
        self.descriptor(slot, word.generation())
    }

    /// How a call returns, and a close within one, if it does in this step.
    pub(super) fn ends(&mut self, step: &Taken<'_>) {
        let Some(t) = self.thread() else {
            return;
        };
        let (before, after) = (step.before.thread(t), step.after.thread(t));
        let returns = after.call() != before.call();
        let goes_on = matches!(
            after.next(),
            Next::NextSlot | Next::NextOutlived | Next::NextRecord
        );
        if let Some(closing) = self.seats[t].closing
            && (returns || goes_on)
        {
            let cancelled = before.cancelled().then_some(Error::Interrupted);
            let committed = closing.result.is_ok();
            let returned = Step::CloseReturned {
                committed,
                waited: committed && before.waited(),
                error: closing.result.err().or(cancelled),
            };
            let (process, descriptor) = closing.descriptor;
            self.tell(Observation::through(process, descriptor, returned));
            self.seats[t].closing = None;
        }
        if returns {
            if self.seats[t].sweeps {
                self.tell(Observation::by(self.process(), Step::SweepEnded));
            }
            self.seats[t] = Seat::default();
        }
    }
}

/// Whether an operation has been taken out and its end is not told yet.
pub(super) fn is_ending(state: &State, operation: usize) -> bool {
    let state = state.operation(operation).state();
    matches!(state, OperationState::Ending(_))
}
