//! Scenarios: named small worlds, and what their threads do.
//!
//! A scenario is plain data. The [catalogue](crate::catalogue) has them all.

use std::time::Duration;

use closesocket::protocol::word::{self, Word};
use closesocket::protocol::{
    AbortScope, Connection, HandleKind, Linger, OperationKind, Socket, Startups, UnreadInput,
    Waiting,
};

use crate::state::{PROCESSES, SLOTS, SOCKETS, SocketState, State, WORDS, small};

/// A small world, explored completely.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What happens in it, in one sentence.
    pub summary: &'static str,
    /// The sockets. Those that a slot refers to exist from the start, the
    /// others are made by [`Call::Open`] and [`Call::TakeAccepted`], in order.
    pub sockets: &'static [SocketSpec],
    /// The slots of all processes' descriptor tables.
    pub slots: &'static [SlotSpec],
    /// The operations that the threads start.
    pub operations: &'static [OperationSpec],
    /// The threads.
    pub threads: &'static [ThreadSpec],
    /// What the surroundings can do.
    pub surroundings: Surroundings,
    /// How many unique states it has: pinned by a test.
    pub states: usize,
}

/// A socket at the start.
#[derive(Clone, Copy, Debug)]
pub struct SocketSpec {
    /// How far its connection has come.
    pub connection: Connection,
    /// Its linger option.
    pub linger: Linger,
    /// Its nonblocking mode.
    pub nonblocking: bool,
    /// Which operations a close aborts.
    pub abort_scope: AbortScope,
    /// What a graceful close does with unread input.
    pub unread_input: UnreadInput,
    /// The most chunks it queues.
    pub window: u8,
    /// Chunks that are queued already.
    pub queued: u8,
    /// How often the peer sends something.
    pub inputs: u8,
    /// How many connections join its backlog.
    pub joins: u8,
    /// The peer acknowledges what it gets.
    pub acknowledges: bool,
    /// The peer can reset the connection, or the network fail.
    pub may_be_lost: bool,
}

impl SocketSpec {
    /// A connected socket with nothing queued and a well-behaved peer.
    pub const CONNECTED: Self = Self {
        connection: Connection::Connected,
        linger: Linger::off(),
        nonblocking: false,
        abort_scope: AbortScope::Descriptor,
        unread_input: UnreadInput::Discard,
        window: 2,
        queued: 0,
        inputs: 0,
        joins: 0,
        acknowledges: true,
        may_be_lost: false,
    };
}

/// A descriptor slot at the start.
#[derive(Clone, Copy, Debug)]
pub struct SlotSpec {
    /// Whose table it is in.
    pub process: u8,
    /// The socket its first occupant refers to; `None` if it is free.
    pub socket: Option<u8>,
}

/// An operation that a thread starts.
#[derive(Clone, Copy, Debug)]
pub struct OperationSpec {
    /// What it does.
    pub kind: OperationKind,
    /// How its issuer waits.
    pub waiting: Waiting,
    /// Chunks to send.
    pub chunks: u8,
}

impl OperationSpec {
    /// An overlapped operation that sends nothing.
    #[must_use]
    pub const fn overlapped(kind: OperationKind) -> Self {
        Self {
            kind,
            waiting: Waiting::Overlapped,
            chunks: 0,
        }
    }

    /// A blocking operation that sends nothing.
    #[must_use]
    pub const fn blocking(kind: OperationKind) -> Self {
        Self {
            kind,
            waiting: Waiting::Blocked,
            chunks: 0,
        }
    }

    /// An overlapped send of this many chunks.
    #[must_use]
    pub const fn send(chunks: u8) -> Self {
        Self {
            kind: OperationKind::Send,
            waiting: Waiting::Overlapped,
            chunks,
        }
    }
}

/// A thread and what it does, one call after the other.
#[derive(Clone, Copy, Debug)]
pub struct ThreadSpec {
    /// The process it belongs to.
    pub process: u8,
    /// Its calls.
    pub calls: &'static [Call],
}

/// A descriptor value that a thread has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    /// The first occupant of this slot; goes stale when the slot is recycled.
    First(u8),
    /// What the thread got by its last open, accept or redeem.
    Own,
}

/// One call of a thread's script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Starts an operation.
    Start {
        /// The operation, by its index.
        operation: u8,
        /// The descriptor it goes through.
        through: Handle,
    },
    /// Closes a descriptor.
    Close(Handle),
    /// Sets `SO_DONTLINGER`, or `SO_LINGER` with these seconds.
    SetLinger(Handle, Option<u16>),
    /// Shuts down the send side.
    ShutDownSend(Handle),
    /// Makes a duplication record for another process.
    Duplicate {
        /// The descriptor to duplicate.
        through: Handle,
        /// The process that can redeem it.
        target: u8,
        /// The record, by its index.
        record: u8,
    },
    /// Redeems a record, if it exists by then.
    Redeem {
        /// The record, by its index.
        record: u8,
    },
    /// Makes a new socket with a descriptor of its own.
    Open {
        /// The socket, by its index.
        socket: u8,
    },
    /// Waits for the end of an accept, and takes the descriptor of the connection out of
    /// its result, if there is one.
    TakeAccepted {
        /// The accept.
        operation: u8,
        /// The socket that the connection becomes, by its index.
        socket: u8,
    },
    /// Cancels an operation by its name.
    Cancel {
        /// The operation, by its index.
        operation: u8,
    },
    /// Cancels what is pending through a descriptor: one operation at most.
    CancelThrough(Handle),
    /// Starts the process up once more, or again after a cleanup.
    Startup,
    /// Cleans up the process.
    Cleanup,
    /// The process dies.
    Die,
}

/// What the surroundings of a scenario can do.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Whether handles have to be given back.
    pub handles: HandleKind,
    /// Giving a handle back can fail.
    pub upcall_may_fail: bool,
    /// Waiting closes can be cancelled.
    pub may_cancel: bool,
    /// The provider's own limit for a background drain.
    pub drain_limit: Option<Duration>,
    /// Startups of every process.
    pub startups: u8,
    /// How many occupants a slot can have before its generations are used up;
    /// `None` if the end is far.
    pub generations: Option<u8>,
}

impl Surroundings {
    /// A non-IFS provider whose upcalls succeed, without a limit of its own.
    pub const PLAIN: Self = Self {
        handles: HandleKind::NonIfs,
        upcall_may_fail: false,
        may_cancel: false,
        drain_limit: None,
        startups: 1,
        generations: None,
    };
}

impl Scenario {
    /// Whether the life of its process of which this slot's occupant is has
    /// ended, by a cleanup or with the process.
    pub(crate) fn is_over(&self, state: &State, slot: usize) -> bool {
        let process = state.process(self.slots[slot].process);
        process.gone().is_some() || process.old() >> slot & 1 == 1
    }

    /// Whether processes must be named to tell threads apart.
    pub(crate) fn is_shared(&self) -> bool {
        self.threads.iter().any(|it| it.process != 0)
    }

    /// The state it starts in, if it [fits](Scenario::validate).
    #[must_use]
    pub(crate) fn start(&self) -> State {
        let mut state = State::blank();
        for (index, spec) in self.slots.iter().enumerate() {
            if let Some(socket) = spec.socket {
                let slot = &mut *state.slot_mut(index);
                slot.set_word(Word::from_bits(slot.word().bits() + word::STEP));
                slot.set_socket(socket);
            }
        }
        for (index, spec) in self.sockets.iter().enumerate() {
            let to_it = |it: &&SlotSpec| it.socket == Some(small(index));
            let references = self.slots.iter().filter(to_it).count();
            let mut socket = spec.start();
            if references > 0 {
                socket.run(|machine| machine.references = u32::from(small(references)));
                state.rest_mut().set_created(small(index + 1));
            }
            *state.socket_mut(index) = socket;
        }
        for (index, spec) in self.operations.iter().enumerate() {
            state.operation_mut(index).set_remaining(spec.chunks);
        }
        for process in 0..PROCESSES {
            let startups = startups(self.surroundings.startups);
            state.process_mut(process).set_startups(startups);
        }
        state
    }
}

impl State {
    /// A world in which nothing is or happens.
    #[must_use]
    pub fn blank() -> Self {
        let mut state = Self::from_words([0; WORDS]);
        (0..SLOTS).for_each(|it| state.slot_mut(it).set_word(Word::unused()));
        (0..SOCKETS).for_each(|it| *state.socket_mut(it) = empty_socket());
        state
    }
}

/// This many startups, by the shipped count.
pub(crate) fn startups(count: u8) -> Startups {
    let mut startups = Startups::default();
    for _ in 0..count {
        // At most 255: the count cannot overflow.
        let _ = startups.startup();
    }
    startups
}

/// A linger option after [`Call::SetLinger`].
pub(crate) fn set_linger(linger: Linger, seconds: Option<u16>) -> Linger {
    match seconds {
        Some(seconds) => linger.set_on(seconds),
        None => linger.set_dont_linger(true),
    }
}

impl SocketSpec {
    /// The shipped machine at the start.
    pub(crate) fn machine(&self) -> Socket {
        let window = u32::from(self.window);
        let mut machine = Socket::new(window, self.abort_scope, self.unread_input);
        machine.connection = self.connection;
        machine.set_linger(self.linger);
        machine.set_nonblocking(self.nonblocking);
        machine.accept_bytes(usize::from(self.queued));
        machine
    }

    /// The socket at the start, or when it is made later.
    pub(crate) fn start(&self) -> SocketState {
        let mut socket = SocketState::default();
        socket.set_machine(self.machine());
        socket.set_accepted(self.queued);
        socket.set_inputs_left(self.inputs);
        socket.set_joins_left(self.joins);
        socket
    }
}

/// A socket that was not made yet.
fn empty_socket() -> SocketState {
    let mut socket = SocketState::default();
    socket.set_machine(Socket::new(0, AbortScope::Descriptor, UnreadInput::Discard));
    socket
}
