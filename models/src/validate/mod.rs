//! Whether a scenario fits into the packed state.
//!
//! A value that a field cannot hold would be cut off, and the search would prove
//! something of another world. So a model is made only of a scenario that fits:
//! [`CloseModel::new`](crate::CloseModel::new) is the one way to a search. The
//! limits are asked of the packing itself, by what it gives back.

mod error;
mod limits;

use std::time::Duration;

use closesocket::protocol::{CloseMode, Connection, Linger, OperationKind, Phase, Socket, Time};

use crate::scenario::{Call, Handle, Scenario, SocketSpec, set_linger};
use crate::state::{
    OPERATIONS, Operation, PROCESSES, RECORDS, SLOTS, SOCKETS, SocketState, Thread, WORKER, small,
};

pub use error::ScenarioError;
use limits::{is_kept, keeps_startups, most, most_generation, most_target};

type Fits = Result<(), ScenarioError>;

impl Scenario {
    /// Whether the packed state can hold this scenario, and everything that can
    /// become of it.
    ///
    /// # Errors
    /// [`ScenarioError`] names the first field that does not fit, and its limit.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        self.validate_counts()?;
        self.validate_slots()?;
        for (index, socket) in self.sockets.iter().enumerate() {
            self.validate_socket(&format!("sockets[{index}]"), socket)?;
        }
        for (index, operation) in self.operations.iter().enumerate() {
            let most = most(Operation::set_remaining, Operation::remaining);
            let field = format!("operations[{index}].chunks");
            self.at_most(&field, operation.chunks, most)?;
        }
        self.validate_calls()?;
        self.validate_surroundings()?;
        self.validate_lingers()?;
        self.validate_accepted()
    }

    fn validate_counts(&self) -> Fits {
        self.at_most("sockets.len()", self.sockets.len(), SOCKETS)?;
        self.makes_sense("slots", !self.slots.is_empty(), "there is none")?;
        self.at_most("slots.len()", self.slots.len(), SLOTS)?;
        self.at_most("operations.len()", self.operations.len(), OPERATIONS)?;
        self.at_most("threads.len()", self.threads.len(), WORKER)?;
        let calls = most(Thread::set_call, Thread::call);
        for (index, thread) in self.threads.iter().enumerate() {
            let field = format!("threads[{index}]");
            self.at_most(&format!("{field}.calls.len()"), thread.calls.len(), calls)?;
            let process = format!("{field}.process");
            self.at_most(&process, thread.process, PROCESSES - 1)?;
        }
        Ok(())
    }

    fn validate_slots(&self) -> Fits {
        for (index, slot) in self.slots.iter().enumerate() {
            let field = format!("slots[{index}]");
            self.at_most(&format!("{field}.process"), slot.process, PROCESSES - 1)?;
            if let Some(socket) = slot.socket {
                self.exists(&format!("{field}.socket"), socket, self.sockets.len())?;
            }
        }
        // Those that exist are the first.
        let created = self.slots.iter().filter_map(|it| it.socket).max();
        for socket in 0..created.unwrap_or_default() {
            let reason = "no slot refers to it, but to a later one";
            self.makes_sense(
                &format!("sockets[{socket}]"),
                self.exists_early(socket),
                reason,
            )?;
        }
        Ok(())
    }

    fn validate_socket(&self, field: &str, spec: &SocketSpec) -> Fits {
        let window = (0..=u8::MAX).rev().find(|&it| {
            let window = |machine: &mut Socket| machine.window = u32::from(it);
            is_kept(window)
        });
        self.at_most(&format!("{field}.window"), spec.window, window.unwrap_or(0))?;
        let queued = format!("{field}.queued");
        self.at_most(&queued, spec.queued, spec.window)?;
        let connected = spec.connection == Connection::Connected || spec.queued == 0;
        self.makes_sense(&queued, connected, "nothing is queued without a connection")?;
        let inputs = most(SocketState::set_inputs_left, SocketState::inputs_left);
        self.at_most(&format!("{field}.inputs"), spec.inputs, inputs)?;
        let joins = most(SocketState::set_joins_left, SocketState::joins_left)
            .min(most(SocketState::set_waiting, SocketState::waiting));
        self.at_most(&format!("{field}.joins"), spec.joins, joins)
    }

    fn validate_calls(&self) -> Fits {
        let mut seen = Seen::default();
        for (index, thread) in self.threads.iter().enumerate() {
            for (place, call) in thread.calls.iter().enumerate() {
                let field = format!("threads[{index}].calls[{place}]");
                self.validate_call(&field, thread.process, *call, &mut seen)?;
            }
        }
        // A slot can be emptied and filled again by whatever its process opens.
        let recycled = most_generation() - 1;
        for (index, slot) in self.slots.iter().enumerate() {
            let occupants = usize::from(slot.socket.is_some()) + self.opens(slot.process);
            if self.surroundings.generations.is_none() {
                let field = format!("slots[{index}]: the count of occupants that it can have");
                self.at_most(&field, occupants, recycled)?;
            }
        }
        Ok(())
    }

    fn validate_call(&self, field: &str, process: u8, call: Call, seen: &mut Seen) -> Fits {
        match call {
            Call::Start { operation, through } => {
                self.is_own(field, process, through)?;
                let field = format!("{field}.operation");
                self.exists(&field, operation, self.operations.len())?;
                let reason = "the operation was started before";
                self.makes_sense(&field, seen.operations.first(operation), reason)
            }
            Call::Close(handle)
            | Call::SetLinger(handle, _)
            | Call::ShutDownSend(handle)
            | Call::CancelThrough(handle) => self.is_own(field, process, handle),
            Call::Cancel { operation } => {
                let field = format!("{field}.operation");
                self.exists(&field, operation, self.operations.len())
            }
            Call::Duplicate {
                through,
                target,
                record,
            } => {
                self.is_own(field, process, through)?;
                let last = usize::from(most_target()).min(PROCESSES - 1);
                self.at_most(&format!("{field}.target"), target, last)?;
                let field = format!("{field}.record");
                self.at_most(&field, record, RECORDS - 1)?;
                let reason = "the record was made before";
                self.makes_sense(&field, seen.records.first(record), reason)
            }
            Call::Redeem { record } => {
                self.at_most(&format!("{field}.record"), record, RECORDS - 1)
            }
            Call::Open { socket } => self.is_new(field, socket, seen),
            Call::TakeAccepted { operation, socket } => {
                self.is_new(field, socket, seen)?;
                let field = format!("{field}.operation");
                self.exists(&field, operation, self.operations.len())?;
                let accepts = self.operations[usize::from(operation)].kind;
                let reason = "the operation is no accept";
                self.makes_sense(&field, accepts == OperationKind::Accept, reason)?;
                let reason = "the life of a process that accepts does not end";
                self.makes_sense(&field, !self.ends_lives(process), reason)
            }
            Call::Startup | Call::Cleanup | Call::Die => Ok(()),
        }
    }

    fn validate_surroundings(&self) -> Fits {
        let startups = (0..=u8::MAX).take_while(|&count| keeps_startups(count));
        let startups = startups.last().unwrap_or_default();
        let surroundings = &self.surroundings;
        self.at_most("surroundings.startups", surroundings.startups, startups)?;
        for process in 0..PROCESSES {
            let mine = self.threads.iter();
            let mine = mine.filter(|it| usize::from(it.process) == process);
            let later = mine.flat_map(|it| it.calls);
            let later = later.filter(|it| **it == Call::Startup).count();
            let count = usize::from(surroundings.startups) + later;
            let field = format!("the count of startups that process {process} can have");
            self.at_most(&field, count, startups)?;
        }
        if let Some(generations) = surroundings.generations {
            let field = "surroundings.generations";
            self.makes_sense(field, generations > 0, "a slot has its first occupant")?;
            self.at_most(field, generations, most_generation())?;
        }
        match surroundings.drain_limit {
            Some(limit) => self.is_deadline("surroundings.drain_limit", limit),
            None => Ok(()),
        }
    }

    /// Every linger option that the scripts can set, in whatever order, and the
    /// deadline that a close makes of it.
    fn validate_lingers(&self) -> Fits {
        let specs = self.sockets.iter().enumerate();
        let mut lingers: Vec<(String, Linger)> = specs
            .map(|(index, it)| (format!("sockets[{index}].linger"), it.linger))
            .collect();
        let threads = self.threads.iter().enumerate();
        let calls = threads.flat_map(|(thread, it)| {
            let calls = it.calls.iter().enumerate();
            calls.filter_map(move |(call, it)| match it {
                Call::SetLinger(_, seconds) => {
                    Some((format!("threads[{thread}].calls[{call}]"), *seconds))
                }
                _ => None,
            })
        });
        let calls: Vec<_> = calls.collect();
        let mut next = 0;
        while let Some((field, linger)) = lingers.get(next).cloned() {
            next += 1;
            if !is_kept(|machine| machine.linger = linger) {
                let value = format!("{linger:?}");
                return Err(self.no_code(&field, value));
            }
            if let CloseMode::Linger { seconds } = linger.close_mode() {
                self.is_deadline(&field, Duration::from_secs(u64::from(seconds)))?;
            }
            for (field, seconds) in &calls {
                let set = set_linger(linger, *seconds);
                if !lingers.iter().any(|(_, it)| *it == set) {
                    lingers.push((field.clone(), set));
                }
            }
        }
        Ok(())
    }

    /// What the senders of a socket can be told is accepted, over its life.
    fn validate_accepted(&self) -> Fits {
        let accepted = most(SocketState::set_accepted, SocketState::accepted).min(most(
            SocketState::set_acknowledged,
            SocketState::acknowledged,
        ));
        let threads = self.threads.iter().flat_map(|it| it.calls);
        let sends: Vec<(Option<u8>, u8)> = threads
            .filter_map(|call| match *call {
                Call::Start { operation, through } => {
                    let chunks = self.operations[usize::from(operation)].chunks;
                    Some((self.first_socket(through), chunks))
                }
                _ => None,
            })
            .collect();
        for (index, socket) in self.sockets.iter().enumerate() {
            let here = |it: &&(Option<u8>, u8)| it.0.is_none_or(|it| it == small(index));
            let sent = sends.iter().filter(here);
            let sent: usize = sent.map(|it| usize::from(it.1)).sum();
            let all = usize::from(socket.queued) + sent;
            let field = format!("sockets[{index}]: the count of chunks that it can accept");
            self.at_most(&field, all, accepted)?;
        }
        Ok(())
    }
}

/// The indices that were seen before.
#[derive(Default)]
struct Seen {
    operations: Once,
    records: Once,
    sockets: Once,
}

/// Indices, as a mask.
#[derive(Default)]
struct Once(u64);

impl Once {
    /// Whether this index comes for the first time.
    fn first(&mut self, index: u8) -> bool {
        let bit = 1 << (index % 64);
        let first = self.0 & bit == 0;
        self.0 |= bit;
        first
    }
}

/// The rules of one field.
impl Scenario {
    fn at_most(
        &self,
        field: &str,
        value: impl TryInto<u64>,
        limit: impl TryInto<u64>,
    ) -> Result<(), ScenarioError> {
        let value = value.try_into().unwrap_or(u64::MAX);
        let limit = limit.try_into().unwrap_or(u64::MAX);
        if value <= limit {
            return Ok(());
        }
        Err(ScenarioError::TooLarge {
            scenario: self.name,
            field: field.to_owned(),
            value,
            limit,
        })
    }

    fn exists(&self, field: &str, value: u8, count: usize) -> Fits {
        if usize::from(value) < count {
            return Ok(());
        }
        Err(ScenarioError::Missing {
            scenario: self.name,
            field: field.to_owned(),
            value,
            count,
        })
    }

    fn makes_sense(&self, field: &str, holds: bool, reason: &'static str) -> Fits {
        if holds {
            return Ok(());
        }
        Err(ScenarioError::Senseless {
            scenario: self.name,
            field: field.to_owned(),
            reason,
        })
    }

    fn no_code(&self, field: &str, value: String) -> ScenarioError {
        ScenarioError::NoCode {
            scenario: self.name,
            field: field.to_owned(),
            value,
        }
    }

    /// A close commits at time zero, and drains for so long at most.
    fn is_deadline(&self, field: &str, after: Duration) -> Fits {
        let deadline = Some(Time::ZERO.after(after));
        if is_kept(|machine| machine.phase = Phase::Draining { deadline }) {
            return Ok(());
        }
        Err(self.no_code(field, format!("a deadline of {after:?}")))
    }

    /// A handle is of a slot in the table of the thread's process.
    fn is_own(&self, field: &str, process: u8, handle: Handle) -> Fits {
        let Handle::First(slot) = handle else {
            return Ok(());
        };
        self.exists(&format!("{field}: the slot"), slot, self.slots.len())?;
        let own = self.slots[usize::from(slot)].process == process;
        self.makes_sense(field, own, "the slot is another process's")
    }

    /// A socket that a call makes is there once, and not from the start.
    fn is_new(&self, field: &str, socket: u8, seen: &mut Seen) -> Fits {
        let field = format!("{field}.socket");
        self.exists(&field, socket, self.sockets.len())?;
        let new = seen.sockets.first(socket) && !self.exists_early(socket);
        self.makes_sense(&field, new, "the socket was made before")
    }

    /// Whether a life of this process ends. Who opens a descriptor for a result would
    /// close it then, with the hold of the operation and that of the close in hand.
    fn ends_lives(&self, process: u8) -> bool {
        let threads = self.threads.iter().filter(|it| it.process == process);
        let mut calls = threads.flat_map(|it| it.calls);
        calls.any(|it| matches!(it, Call::Cleanup | Call::Die))
    }

    /// Whether a socket exists from the start.
    fn exists_early(&self, socket: u8) -> bool {
        self.slots.iter().any(|it| it.socket == Some(socket))
    }

    /// The socket that the first occupant of a slot refers to, if that is known.
    fn first_socket(&self, handle: Handle) -> Option<u8> {
        match handle {
            Handle::First(slot) => self.slots[usize::from(slot)].socket,
            Handle::Own => None,
        }
    }

    /// How many descriptors the scripts can open in a process; a record is
    /// redeemed once.
    fn opens(&self, process: u8) -> usize {
        let threads = self.threads.iter().filter(|it| it.process == process);
        let mut records = Once::default();
        let opens = threads.flat_map(|it| it.calls).filter(|call| match call {
            Call::Open { .. } | Call::TakeAccepted { .. } => true,
            Call::Redeem { record } => records.first(*record),
            _ => false,
        });
        opens.count()
    }
}
