//! The world of one socket: what the invariants judge. A step of the engine
//! touches one socket with its descriptors, operations and records, and nothing
//! else, so each step is judged on these alone.

use closesocket::engine::{Descriptor, ProcessId};
use closesocket::protocol::Socket;
use closesocket::protocol::invariant::{
    DescriptorState, DescriptorView, Object, OperationState, OperationView, RecordView, SocketView,
    World,
};

use crate::words::{by, count};

/// One socket and what belongs to it.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) names: Vec<(ProcessId, Descriptor)>,
    pub(super) descriptors: Vec<DescriptorView>,
    /// The lives in which they were opened.
    pub(super) lives: Vec<u64>,
    pub(super) socket: SocketView,
    /// The numbers of the operations.
    pub(super) numbers: Vec<u64>,
    pub(super) operations: Vec<OperationView>,
    pub(super) records: Vec<RecordView>,
    /// The trace has ended.
    pub(super) at_rest: bool,
}

impl Local {
    pub(super) const fn new(socket: SocketView) -> Self {
        Self {
            names: Vec::new(),
            descriptors: Vec::new(),
            lives: Vec::new(),
            socket,
            numbers: Vec::new(),
            operations: Vec::new(),
            records: Vec::new(),
            at_rest: false,
        }
    }

    /// The place of a descriptor, if it refers or referred to this socket and
    /// its slot has not been given to another yet.
    pub(super) fn slot(&self, name: (ProcessId, Descriptor)) -> Option<usize> {
        self.names.iter().position(|it| *it == name)
    }

    /// What an object is called in the trace.
    pub(super) fn name(&self, object: Object) -> String {
        match object {
            Object::Socket(_) => "the socket".to_owned(),
            Object::Descriptor { slot, .. } => match self.names.get(slot) {
                Some((process, descriptor)) => format!("descriptor {process}/{descriptor}"),
                None => object.to_string(),
            },
            Object::Operation(index) => match self.numbers.get(index) {
                Some(number) => format!("operation {number}"),
                None => object.to_string(),
            },
            Object::Record(_) | Object::Thread(_) | Object::Process(_) => object.to_string(),
        }
    }

    /// The place of an operation that has not ended.
    pub(super) fn place_of(&self, number: u64) -> Option<usize> {
        self.numbers.iter().position(|it| *it == number)
    }

    pub(super) fn is_open(&self, name: (ProcessId, Descriptor)) -> bool {
        self.slot(name)
            .is_some_and(|slot| self.descriptors[slot].state == DescriptorState::Open)
    }

    /// Descriptors that are open and records that are not redeemed.
    pub(super) fn references(&self) -> usize {
        let open = |it: &&DescriptorView| it.state == DescriptorState::Open;
        self.descriptors.iter().filter(open).count()
            + self.records.iter().filter(|it| it.unredeemed).count()
    }

    /// Adds what is new in `later`, as it was before it came: nothing yet.
    pub(super) fn make_room_for(&mut self, later: &Self) {
        let new = later.descriptors.iter().skip(self.descriptors.len());
        self.descriptors.extend(new.map(|it| DescriptorView {
            state: DescriptorState::Free,
            ..*it
        }));
        let new = later.operations.iter().skip(self.operations.len());
        self.operations.extend(new.map(|it| OperationView {
            state: OperationState::Idle,
            ..*it
        }));
        let new = later.records.iter().skip(self.records.len());
        self.records.extend(new.map(|it| RecordView {
            unredeemed: false,
            ..*it
        }));
    }

    /// Forgets an operation that has ended.
    pub(super) fn forget_operation(&mut self, number: u64) {
        if let Some(place) = self.place_of(number) {
            self.numbers.swap_remove(place);
            self.operations.swap_remove(place);
        }
    }

    /// Forgets a descriptor whose slot is another's now; operations name their
    /// slot by its place.
    pub(super) fn forget_descriptor(&mut self, slot: usize) {
        self.names.remove(slot);
        self.descriptors.remove(slot);
        self.lives.remove(slot);
        for operation in &mut self.operations {
            if operation.slot > slot {
                operation.slot -= 1;
            }
        }
    }

    /// Keeps the counts of bytes small, so that they never overflow; only their
    /// difference counts.
    pub(super) const fn rebase(&mut self) {
        let base = self.socket.acknowledged;
        self.socket.accepted = self.socket.accepted.saturating_sub(base);
        self.socket.acknowledged = 0;
    }
}

impl World for Local {
    fn slots(&self) -> usize {
        self.descriptors.len()
    }
    fn descriptor(&self, slot: usize) -> DescriptorView {
        self.descriptors[slot]
    }
    fn sockets(&self) -> usize {
        1
    }
    fn socket(&self, _: usize) -> SocketView {
        self.socket
    }
    fn operations(&self) -> usize {
        self.operations.len()
    }
    fn operation(&self, operation: usize) -> OperationView {
        self.operations[operation]
    }
    fn records(&self) -> usize {
        self.records.len()
    }
    fn record(&self, record: usize) -> RecordView {
        self.records[record]
    }
    fn at_rest(&self) -> bool {
        self.at_rest
    }
    /// Who is inside a call at the end of a trace is judged before its sockets.
    fn stuck(&self) -> Option<usize> {
        None
    }
}

/// How a socket stands: what its words in a recording mean, of the flags those that are set.
pub(super) fn state_of_machine(it: &Socket) -> String {
    let mut text = format!(
        "{}, {}, linger {}, {}, {} of {} unsent, {} in flight, send side {}, abort scope {}, unread input {}",
        it.phase,
        it.connection,
        it.linger,
        count(it.references, "reference"),
        it.unsent,
        count(it.window, "byte"),
        it.in_flight,
        it.send_side,
        it.abort_scope,
        it.unread_input
    );
    let flags = [
        (it.nonblocking, ", nonblocking"),
        (it.receive_shut, ", receive side shut"),
        (it.receive_lost, ", receive side lost"),
        (it.input_unread, ", input waits"),
        (it.backlog > 0, ", connections wait"),
        (it.transferred, ", transferred"),
    ];
    text.extend(flags.iter().filter(|it| it.0).map(|it| it.1));
    text
}

/// How a descriptor stands, in words.
pub(super) fn state_of_descriptor(state: DescriptorState) -> String {
    match state {
        DescriptorState::Free => "free".to_owned(),
        DescriptorState::Open => "open".to_owned(),
        DescriptorState::Closed(cause) => format!("closed by {}", by(cause)),
    }
}

/// How an operation stands, in words.
pub(super) fn state_of_operation(state: OperationState) -> String {
    match state {
        OperationState::Idle => "not registered".to_owned(),
        OperationState::Pending => "pending".to_owned(),
        OperationState::Ending(None) => "taken out".to_owned(),
        OperationState::Ending(Some(cause)) => format!("aborted by {}, not delivered", by(cause)),
        OperationState::Ended(_) => "ended".to_owned(),
    }
}
