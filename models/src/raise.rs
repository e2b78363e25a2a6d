//! Scenarios with one bound raised by one: whether the bounds hide anything.

use closesocket::protocol::{Connection, OperationKind, Waiting};

use crate::scenario::{Call, Handle, OperationSpec, Scenario, SlotSpec, SocketSpec, ThreadSpec};
use crate::state::{
    ACCEPTED, ARRIVALS, CALLS, CHUNKS, OPERATIONS, PROCESSES, SLOTS, WORKER, small,
};

/// What a scenario has a limited number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Threads: one more closes the first descriptor.
    Threads,
    /// Descriptors: one more of the first socket, closed at the end.
    Descriptors,
    /// Processes: one more, with a descriptor of the first socket, which dies.
    Processes,
    /// Operations: one more receive, started first.
    Operations,
    /// Chunks: each connection's window and queue, and each send, has one more.
    Chunks,
    /// Arrivals: the peer sends once more, one more connection joins a backlog.
    Arrivals,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Threads,
        Self::Descriptors,
        Self::Processes,
        Self::Operations,
        Self::Chunks,
        Self::Arrivals,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Descriptors => "descriptors",
            Self::Processes => "processes",
            Self::Operations => "operations",
            Self::Chunks => "chunks",
            Self::Arrivals => "arrivals",
        }
    }
}

impl Scenario {
    /// This scenario with one bound raised by one; its count of states is not
    /// known and 0.
    ///
    /// Scenarios are static data, so what this makes is never freed: it is for
    /// a handful of scenarios in a process that ends soon.
    ///
    /// # Errors
    /// Why it cannot be raised: the packed state has no room, or there is
    /// nothing to raise.
    pub fn raised(&self, bound: Bound) -> Result<&'static Self, &'static str> {
        let mut draft = Draft::of(self);
        match bound {
            Bound::Threads => draft.add_closer()?,
            Bound::Descriptors => draft.add_descriptor()?,
            Bound::Processes => draft.add_process()?,
            Bound::Operations => draft.add_operation()?,
            Bound::Chunks => draft.add_chunks()?,
            Bound::Arrivals => draft.add_arrivals()?,
        }
        let raised = draft.finish(self);
        let fits = raised.validate();
        fits.map_err(|_| "the state has no room for it")
            .map(|()| raised)
    }
}

/// A scenario that can be changed.
struct Draft {
    sockets: Vec<SocketSpec>,
    slots: Vec<SlotSpec>,
    operations: Vec<OperationSpec>,
    threads: Vec<(u8, Vec<Call>)>,
}

impl Draft {
    fn of(scenario: &Scenario) -> Self {
        let threads = scenario.threads.iter();
        Self {
            sockets: scenario.sockets.to_vec(),
            slots: scenario.slots.to_vec(),
            operations: scenario.operations.to_vec(),
            threads: threads.map(|it| (it.process, it.calls.to_vec())).collect(),
        }
    }

    fn add_closer(&mut self) -> Result<(), &'static str> {
        let slot = self.first_slot()?;
        let process = self.slots[slot].process;
        self.add_thread(process, vec![Call::Close(Handle::First(small(slot)))])
    }

    fn add_descriptor(&mut self) -> Result<(), &'static str> {
        let first = self.first_slot()?;
        let process = self.slots[first].process;
        let handle = self.add_slot(process)?;
        // A thread that blocks could wait for its own close (`LastReference`).
        let closer = (0..self.threads.len()).rev().find(|&it| {
            let (of, calls) = &self.threads[it];
            let waits = |call: &Call| *call == Call::Die || self.blocks(*call);
            *of == process && calls.len() < CALLS && !calls.iter().any(waits)
        });
        let closer = closer.ok_or("no thread could close it")?;
        self.threads[closer].1.push(Call::Close(handle));
        Ok(())
    }

    fn add_process(&mut self) -> Result<(), &'static str> {
        let process = self.slots.iter().map(|it| it.process + 1).max();
        let process = process.unwrap_or_default();
        if usize::from(process) >= PROCESSES {
            return Err("the state has no room for one more process");
        }
        self.add_slot(process)?;
        self.add_thread(process, vec![Call::Die])
    }

    fn add_operation(&mut self) -> Result<(), &'static str> {
        if self.operations.len() >= OPERATIONS {
            return Err("the state has no room for one more operation");
        }
        let slot = self.first_slot()?;
        let process = self.slots[slot].process;
        let room = |it: &&mut (u8, Vec<Call>)| it.0 == process && it.1.len() < CALLS;
        let issuer = self.threads.iter_mut().find(room);
        let (_, calls) = issuer.ok_or("no thread could start it")?;
        let start = Call::Start {
            operation: small(self.operations.len()),
            through: Handle::First(small(slot)),
        };
        calls.insert(0, start);
        let receive = OperationSpec::overlapped(OperationKind::Recv);
        self.operations.push(receive);
        Ok(())
    }

    fn add_chunks(&mut self) -> Result<(), &'static str> {
        let sends = self.operations.iter_mut();
        for send in sends.filter(|it| it.kind == OperationKind::Send) {
            send.chunks += 1;
        }
        for socket in &mut self.sockets {
            socket.window += 1;
            socket.queued += u8::from(socket.queued > 0);
        }
        let sent: u8 = self.operations.iter().map(|it| it.chunks).sum();
        let room = self.sockets.iter().all(|it| {
            let queued = if it.connection == Connection::Listening {
                0
            } else {
                it.queued
            };
            it.window <= CHUNKS && queued + sent <= ACCEPTED
        });
        let short = self.operations.iter().all(|it| it.chunks <= CHUNKS);
        if room && short {
            Ok(())
        } else {
            Err("the state has no room for one more chunk")
        }
    }

    fn add_arrivals(&mut self) -> Result<(), &'static str> {
        let mut any = false;
        for socket in &mut self.sockets {
            any |= socket.inputs > 0 || socket.joins > 0;
            socket.inputs += u8::from(socket.inputs > 0);
            socket.joins += u8::from(socket.joins > 0);
            if socket.inputs > ARRIVALS || socket.joins > ARRIVALS {
                return Err("the state has no room for one more arrival");
            }
        }
        if any { Ok(()) } else { Err("nothing arrives") }
    }

    /// Whether a thread blocks in this call until an operation ends.
    fn blocks(&self, call: Call) -> bool {
        match call {
            Call::Start { operation, .. } => {
                let operation = self.operations.get(usize::from(operation));
                operation.is_some_and(|it| it.waiting == Waiting::Blocked)
            }
            Call::TakeAccepted { .. } => true,
            _ => false,
        }
    }

    /// The first slot that is open from the start; if none is, the first of all, which
    /// somebody may open.
    fn first_slot(&self) -> Result<usize, &'static str> {
        let open = self.slots.iter().position(|it| it.socket.is_some());
        let any = (!self.slots.is_empty()).then_some(0);
        open.or(any).ok_or("there is no slot")
    }

    /// One more descriptor of that socket, open from the start.
    fn add_slot(&mut self, process: u8) -> Result<Handle, &'static str> {
        if self.slots.len() >= SLOTS {
            return Err("the state has no room for one more slot");
        }
        let socket = self.slots[self.first_slot()?].socket;
        self.slots.push(SlotSpec { process, socket });
        Ok(Handle::First(small(self.slots.len() - 1)))
    }

    fn add_thread(&mut self, process: u8, calls: Vec<Call>) -> Result<(), &'static str> {
        if self.threads.len() >= WORKER {
            return Err("the state has no room for one more thread");
        }
        self.threads.push((process, calls));
        Ok(())
    }

    fn finish(self, original: &Scenario) -> &'static Scenario {
        let threads = self.threads.into_iter().map(|(process, calls)| ThreadSpec {
            process,
            calls: calls.leak(),
        });
        Box::leak(Box::new(Scenario {
            sockets: self.sockets.leak(),
            slots: self.slots.leak(),
            operations: self.operations.leak(),
            threads: threads.collect::<Vec<_>>().leak(),
            states: 0,
            ..*original
        }))
    }
}
