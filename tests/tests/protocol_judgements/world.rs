//! A small world, and how one step of it is judged.

use closesocket::protocol::invariant::{
    DescriptorState, DescriptorView, Event, Invariant, OperationState, OperationView, RecordView,
    SocketView, Step, World,
};
use closesocket::protocol::{
    AbortScope, Cause, Error, OperationKind, ProcessId, Socket, UnreadInput, Waiting,
};

/// A world that is written down.
#[derive(Clone, Debug)]
pub(crate) struct Little {
    pub(crate) descriptors: Vec<DescriptorView>,
    pub(crate) sockets: Vec<SocketView>,
    pub(crate) operations: Vec<OperationView>,
    pub(crate) records: Vec<RecordView>,
    pub(crate) at_rest: bool,
    pub(crate) stuck: Option<usize>,
}

impl World for Little {
    fn slots(&self) -> usize {
        self.descriptors.len()
    }

    fn descriptor(&self, slot: usize) -> DescriptorView {
        self.descriptors[slot]
    }

    fn sockets(&self) -> usize {
        self.sockets.len()
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
        self.records.len()
    }

    fn record(&self, record: usize) -> RecordView {
        self.records[record]
    }

    fn at_rest(&self) -> bool {
        self.at_rest
    }

    fn stuck(&self) -> Option<usize> {
        self.stuck
    }
}

/// Two connected sockets that share nothing. The first has the descriptors 0 and
/// 1, the second descriptor 2 and record 0, for process 2. Of ten accepted bytes
/// four are acknowledged and three in flight. An operation is pending through
/// each descriptor: one blocked, two overlapped.
pub(crate) fn world() -> Little {
    let listener = Socket::new(100, AbortScope::Descriptor, UnreadInput::Discard);
    let machine = Socket {
        references: 2,
        unsent: 3,
        in_flight: 3,
        ..Socket::accepted(&listener)
    };
    let socket = SocketView {
        machine,
        releases: 0,
        accepted: 10,
        acknowledged: 4,
        reset: false,
        waiting_connections: 0,
        input_waits: false,
        locked_by_waiter: false,
    };
    let descriptor = |process, socket| DescriptorView {
        generation: 5,
        state: DescriptorState::Open,
        process: ProcessId(process),
        socket,
        life_over: false,
        life_swept: false,
        inside: 1,
        handle_returns: 0,
        retired: false,
    };
    let operation = |slot, socket, waiting, number| OperationView {
        slot,
        generation: 5,
        socket,
        waiting,
        kind: OperationKind::Recv,
        state: OperationState::Pending,
        failed: None,
        silent: false,
        number,
    };
    Little {
        descriptors: vec![descriptor(1, 0), descriptor(2, 0), descriptor(1, 1)],
        sockets: vec![socket; 2],
        operations: vec![
            operation(0, 0, Waiting::Blocked, 1),
            operation(1, 0, Waiting::Overlapped, 2),
            operation(2, 1, Waiting::Overlapped, 1),
        ],
        records: vec![RecordView {
            socket: 1,
            target: ProcessId(2),
            unredeemed: true,
        }],
        at_rest: false,
        stuck: None,
    }
}

impl Little {
    /// This world, changed.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    /// This world when descriptor 0 was closed, not as the last of its socket.
    pub(crate) fn closed(&self, cause: Cause) -> Self {
        self.with(|it| {
            it.descriptors[0].state = DescriptorState::Closed(cause);
            it.operations[0].state = OperationState::Ending(Some(cause));
            it.sockets[0].machine.references -= 1;
        })
    }

    /// This world without descriptor 1: descriptor 0 is the last of its socket.
    pub(crate) fn alone(&self) -> Self {
        self.with(|it| {
            it.descriptors[1].state = DescriptorState::Free;
            it.operations[1].state = OperationState::Idle;
            it.sockets[0].machine.references = 1;
        })
    }
}

/// The commit of a close of descriptor 0.
pub(crate) fn committed(cause: Cause, wait: bool) -> Event {
    Event::Committed {
        slot: 0,
        generation: 5,
        cause,
        may_wait: true,
        wait,
    }
}

/// A close of descriptor 0 that fails.
pub(crate) fn refused(cause: Cause, error: Error) -> Event {
    Event::CloseRefused {
        slot: 0,
        generation: 5,
        cause,
        error,
    }
}

/// Whether an invariant holds of a step.
#[track_caller]
pub(crate) fn holds(id: &str, before: &Little, event: Event, after: &Little) -> bool {
    let mut table = Invariant::<Little>::TABLE.iter();
    let invariant = table.find(|it| it.id == id);
    let step = Step {
        before,
        event,
        after,
    };
    invariant.is_some_and(|it| (it.predicate)(&step))
}
