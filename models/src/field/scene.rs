//! The world of such a model, in the words of the invariants.

use closesocket::protocol::invariant::{
    DescriptorState, DescriptorView, Event, OperationState, OperationView, RecordView, SocketView,
    World,
};
use closesocket::protocol::{
    AbortScope, Cause, Connection, Cut, Ending, Error, OperationKind, Phase, ProcessId, SendSide,
    Socket, UnreadInput, Waiting, cut_off,
};

/// The place of an actor that has done everything.
pub(crate) const DONE: u8 = u8::MAX;

/// The only process.
pub(crate) const PROCESS: ProcessId = ProcessId(0);

/// A world, and how far every actor has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scene {
    /// How far each actor has come in its program: it only grows, so every run
    /// ends.
    pub(crate) places: Vec<u8>,
    /// The slots and their occupants; without the operations inside.
    pub(crate) descriptors: Vec<DescriptorView>,
    /// The sockets.
    pub(crate) sockets: Vec<SocketView>,
    /// The operations.
    pub(crate) operations: Vec<OperationView>,
    /// Nothing can happen any more.
    pub(crate) rested: bool,
    /// A thread that has then not come to its end.
    pub(crate) stuck: Option<usize>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who takes it; `None` if nothing can happen any more.
    pub actor: Option<usize>,
    /// What happens, in a few words.
    pub says: &'static str,
    /// What it is for the invariants.
    pub event: Event,
    /// The world afterwards.
    pub next: Scene,
}

impl Scene {
    /// `actors` at their start; `slots` descriptors of socket 0, which is
    /// connected; `sockets` in all, of which the others are still unused; and
    /// `operations` that nobody has started.
    pub(crate) fn new(actors: usize, slots: usize, sockets: usize, operations: usize) -> Self {
        let mut machine = Socket::new(2, AbortScope::Descriptor, UnreadInput::Discard);
        machine.connection = Connection::Connected;
        let socket = |index: usize| SocketView {
            machine: Socket {
                references: if index == 0 { count(slots) } else { 0 },
                ..machine
            },
            releases: 0,
            accepted: 0,
            acknowledged: 0,
            reset: false,
            waiting_connections: 0,
            input_waits: false,
            locked_by_waiter: false,
        };
        let descriptor = DescriptorView {
            generation: 1,
            state: DescriptorState::Open,
            process: PROCESS,
            socket: 0,
            life_over: false,
            life_swept: false,
            inside: 0,
            handle_returns: 0,
            retired: false,
        };
        let operation = |index: usize| OperationView {
            slot: 0,
            generation: 1,
            socket: 0,
            waiting: Waiting::Overlapped,
            kind: OperationKind::Recv,
            state: OperationState::Idle,
            failed: None,
            silent: false,
            number: index as u64,
        };
        Self {
            places: vec![0; actors],
            descriptors: vec![descriptor; slots],
            sockets: (0..sockets).map(socket).collect(),
            operations: (0..operations).map(operation).collect(),
            rested: false,
            stuck: None,
        }
    }

    /// The step in which an actor goes on to a place, and `change` is made.
    pub(crate) fn turn(
        &self,
        (actor, place): (usize, u8),
        says: &'static str,
        change: impl FnOnce(&mut Self) -> Event,
    ) -> Turn {
        let mut next = self.clone();
        next.places[actor] = place;
        let event = change(&mut next);
        Turn {
            actor: Some(actor),
            says,
            event,
            next,
        }
    }

    /// How far an operation has come.
    pub(crate) fn state(&self, operation: usize) -> OperationState {
        self.operations[operation].state
    }

    /// Whether an operation was taken out and its result not delivered.
    pub(crate) fn is_ending(&self, operation: usize) -> bool {
        matches!(self.state(operation), OperationState::Ending(_))
    }

    /// Starts an operation through the present occupant of slot 0.
    pub(crate) fn register(&mut self, operation: usize) -> Event {
        let occupant = self.descriptors[0];
        let it = &mut self.operations[operation];
        it.generation = occupant.generation;
        it.socket = occupant.socket;
        it.state = OperationState::Pending;
        Event::Registered { operation }
    }

    /// Takes an operation out because it has completed.
    pub(crate) fn complete(&mut self, operation: usize) -> Event {
        self.operations[operation].state = OperationState::Ending(None);
        Event::Taken { operation }
    }

    /// Takes an operation out because of a cancel.
    pub(crate) fn cancel(&mut self, operation: usize) -> Event {
        self.operations[operation].state = OperationState::Ending(None);
        self.operations[operation].failed = Some(Error::OperationAborted);
        Event::Cancelled {
            operation,
            by: PROCESS,
            through: None,
        }
    }

    /// Delivers the result of an operation that was taken out.
    pub(crate) fn deliver(&mut self, operation: usize) -> Event {
        let it = &mut self.operations[operation];
        let OperationState::Ending(cause) = it.state else {
            return Event::Internal;
        };
        it.state = OperationState::Ended(cause);
        let result = match (cause, it.failed) {
            (Some(_), _) => cut_off(Cut::Closed, it.waiting, 0).map(|_| ()),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        };
        Event::Delivered {
            operation,
            posted: true,
            result,
        }
    }

    /// Closes the occupant of a slot, and with the last reference its socket. The
    /// operations are the algorithm's business.
    pub(crate) fn close(&mut self, slot: usize) -> Event {
        let descriptor = &mut self.descriptors[slot];
        descriptor.state = DescriptorState::Closed(Cause::Call);
        let generation = descriptor.generation;
        let socket = &mut self.sockets[descriptor.socket];
        socket.machine.references -= 1;
        if socket.machine.references == 0 {
            socket.machine.phase = Phase::Closed(Ending::Graceful);
            socket.machine.send_side = SendSide::Finished;
            socket.releases = 1;
        }
        Event::Committed {
            slot,
            generation,
            cause: Cause::Call,
            wait: false,
            may_wait: false,
        }
    }

    /// The close aborts this operation, if it is pending.
    pub(crate) fn abort(&mut self, operation: usize) {
        if self.state(operation) == OperationState::Pending {
            self.operations[operation].state = OperationState::Ending(Some(Cause::Call));
        }
    }

    /// The system takes the number of a closed descriptor back, and may give it
    /// again.
    pub(crate) fn free(&mut self, slot: usize) -> Event {
        self.descriptors[slot].state = DescriptorState::Free;
        Event::HandleReturned { slot }
    }

    /// The system gives the number of a slot again, for another socket.
    pub(crate) fn open_again(&mut self, slot: usize, socket: usize) -> Event {
        let descriptor = &mut self.descriptors[slot];
        descriptor.generation += 1;
        descriptor.state = DescriptorState::Open;
        descriptor.socket = socket;
        self.sockets[socket].machine.references = 1;
        Event::Internal
    }
}

/// A small count as the machine has it.
fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

impl World for Scene {
    fn slots(&self) -> usize {
        self.descriptors.len()
    }

    fn descriptor(&self, slot: usize) -> DescriptorView {
        let it = self.descriptors[slot];
        let here = |operation: &&OperationView| {
            let inside = matches!(
                operation.state,
                OperationState::Pending | OperationState::Ending(_)
            );
            inside && (operation.slot, operation.generation) == (slot, it.generation)
        };
        DescriptorView {
            inside: it.inside + self.operations.iter().filter(here).count(),
            ..it
        }
    }

    fn sockets(&self) -> usize {
        // One that was never used does not exist.
        let used = |it: &&SocketView| it.machine.references > 0 || it.releases > 0;
        self.sockets.iter().take_while(used).count()
    }

    fn socket(&self, socket: usize) -> SocketView {
        self.sockets[socket]
    }

    fn operations(&self) -> usize {
        self.operations.len()
    }

    fn operation(&self, operation: usize) -> OperationView {
        self.operations[operation]
    }

    fn records(&self) -> usize {
        0
    }

    fn record(&self, _: usize) -> RecordView {
        RecordView {
            socket: 0,
            target: PROCESS,
            unredeemed: false,
        }
    }

    fn at_rest(&self) -> bool {
        self.rested
    }

    fn stuck(&self) -> Option<usize> {
        self.stuck
    }
}
