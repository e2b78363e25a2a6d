//! A naive oracle of a whole provider, written from the specification.
//!
//! Plain lists and if/else; references are counted by looking for them, not by
//! a counter. From the core it knows handle values, process ids and error
//! codes, nothing that decides. It is told which value a new descriptor got,
//! since that is the provider's choice, and insists that it is a fresh one.
//!
//! State here, the calls of processes in `processes`, operations in
//! `operations`, closing in `closing`, the transport and time in
//! `environment`.

mod closing;
mod environment;
mod operations;
mod processes;
mod view;

use std::collections::BTreeMap;
use std::time::Duration;

use closesocket::protocol::{Descriptor, Error, ProcessId};

use crate::call::{
    Answer, Call, Happening, Key, RecordId, Scope, Seen, Setup, SocketId, Through, Unread, Wait,
};

/// The oracle's idea of the world.
#[derive(Clone, Debug)]
pub struct Oracle {
    setup: Setup,
    now: Duration,
    network_up: bool,
    upcalls_fail: bool,
    calls: usize,
    processes: Vec<Process>,
    handles: Vec<Handle>,
    sockets: Vec<Socket>,
    operations: Vec<Operation>,
    entries: Vec<Entry>,
    closers: Vec<Closer>,
    records: Vec<Record>,
    /// The values that the provider chose during this call.
    opened: Vec<Descriptor>,
    happenings: Vec<Happening>,
    shapes: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, Default)]
struct Process {
    startups: u32,
    dead: bool,
}

/// A descriptor that was issued, at any time.
#[derive(Clone, Debug)]
struct Handle {
    process: ProcessId,
    value: Descriptor,
    socket: usize,
    state: HandleState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HandleState {
    Open,
    /// Closed, and something still holds it.
    Closed(Why),
    /// Its value may be given to a new descriptor.
    Over,
    /// Its value is never used again, nor is its place in the table.
    Retired,
}

/// Why a descriptor was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Called,
    Cleanup,
    Death,
}

#[derive(Clone, Debug)]
struct Socket {
    scope: Scope,
    unread: Unread,
    link: Link,
    linger: Option<u16>,
    /// The last time that was set and was not 0.
    last_seconds: Option<u16>,
    nonblocking: bool,
    shut: bool,
    fin_sent: bool,
    /// Accepted, not with the transport yet.
    unsent: u64,
    /// With the transport, not acknowledged yet.
    in_flight: u64,
    /// Arrived, not read yet.
    input: u64,
    backlog: u32,
    life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    None,
    Listening,
    Connecting,
    Connected,
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    Draining { until: Option<Duration> },
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connect,
    Accept,
    /// So many bytes of so many are not accepted yet.
    Send {
        left: u64,
        total: u64,
    },
    Recv {
        room: u64,
    },
}

/// A pending operation.
#[derive(Clone, Debug)]
struct Operation {
    key: Key,
    kind: Kind,
    wait: Wait,
    handle: usize,
    socket: usize,
}

impl Operation {
    /// Bytes of a send that are accepted.
    const fn accepted(&self) -> u64 {
        match self.kind {
            Kind::Send { left, total } => total - left,
            Kind::Connect | Kind::Accept | Kind::Recv { .. } => 0,
        }
    }
}

/// A thread inside a call that has done nothing yet.
#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    handle: usize,
}

/// A close that waits for its socket's drain.
#[derive(Clone, Debug)]
struct Closer {
    key: Key,
    handle: usize,
}

#[derive(Clone, Debug)]
struct Record {
    target: ProcessId,
    socket: usize,
    unredeemed: bool,
}

impl Oracle {
    /// A provider of which nothing was asked yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            now: Duration::ZERO,
            network_up: true,
            upcalls_fail: false,
            calls: 0,
            processes: (0..setup.processes).map(|_| Process::default()).collect(),
            handles: Vec::new(),
            sockets: Vec::new(),
            operations: Vec::new(),
            entries: Vec::new(),
            closers: Vec::new(),
            records: Vec::new(),
            opened: Vec::new(),
            happenings: Vec::new(),
            shapes: BTreeMap::new(),
        }
    }

    /// What must be seen of this call, if the provider chose these values for
    /// the descriptors that came to be.
    pub fn expect(&mut self, call: &Call, opened: &[Descriptor]) -> Seen {
        self.opened = opened.to_vec();
        let answer = Answer::from(self.answer(call));
        self.settle();
        self.calls += 1;
        Seen::new(answer, std::mem::take(&mut self.happenings))
    }

    fn answer(&mut self, call: &Call) -> Result<Answer, Error> {
        match *call {
            Call::Startup { process } => self.startup(process),
            Call::Cleanup { process } => self.cleanup(process),
            Call::Die { process } => self.die(process),
            Call::Socket {
                process,
                scope,
                unread,
            } => self.socket(process, scope, unread),
            Call::Enter {
                process,
                descriptor,
            } => self.enter(process, descriptor),
            Call::Leave { entry } => self.leave(entry),
            Call::Connect {
                through,
                at_once,
                wait,
            } => self.connect(through, at_once, wait),
            Call::Listen { through } => self.listen(through),
            Call::Accept { through, wait } => self.accept(through, wait),
            Call::Send {
                through,
                bytes,
                wait,
            } => self.send(through, bytes, wait),
            Call::Recv {
                through,
                bytes,
                wait,
            } => self.recv(through, bytes, wait),
            Call::SetLinger { through, seconds } => self.set_linger(through, seconds),
            Call::SetDontLinger { through, dont } => self.set_dont_linger(through, dont),
            Call::GetLinger { through } => self.get_linger(through),
            Call::SetNonblocking {
                through,
                nonblocking,
            } => self.set_nonblocking(through, nonblocking),
            Call::ShutDownSend { through } => self.shut_down_send(through),
            Call::Duplicate { through, target } => self.duplicate(through, target),
            Call::Redeem { process, record } => self.redeem(process, record),
            Call::Close {
                process,
                descriptor,
                from,
            } => self.close(process, descriptor, from),
            Call::Cancel { call } => self.cancel(call),
            Call::Transmit { socket, bytes } => Ok(self.transmit(socket, bytes)),
            Call::Acknowledge { socket, bytes } => Ok(self.acknowledge(socket, bytes)),
            Call::Arrive { socket, bytes } => Ok(self.arrive(socket, bytes)),
            Call::PeerAnswers { socket, connected } => Ok(self.peer_answers(socket, connected)),
            Call::PeerResets { socket } => Ok(self.peer_resets(socket)),
            Call::Join { socket } => Ok(self.join(socket)),
            Call::Advance { by } => Ok(self.advance(by)),
            Call::Network { up } => {
                self.network_up = up;
                Ok(Answer::Done)
            }
            Call::Upcalls { fail } => {
                self.upcalls_fail = fail;
                Ok(Answer::Done)
            }
        }
    }

    fn key(&self) -> Key {
        Key(self.calls)
    }

    fn process(&mut self, process: ProcessId) -> Option<&mut Process> {
        self.processes
            .get_mut(usize::try_from(process.0).unwrap_or(usize::MAX))
    }

    /// E1: startup first, then the network.
    fn usable(&mut self, process: ProcessId) -> Result<(), Error> {
        match self.process(process) {
            Some(it) if !it.dead && it.startups > 0 => {}
            _ => return Err(Error::NotInitialised),
        }
        if self.network_up {
            Ok(())
        } else {
            Err(Error::NetworkDown)
        }
    }

    /// D1, D3: only the open descriptor of this very value in this very process.
    //= docs/specification.md#d1-the-commit-point
    //# - A call that begins after the commit and names the closed descriptor MUST fail with
    //# WSAENOTSOCK, unless an error that precedes WSAENOTSOCK in E1 applies.
    //= docs/specification.md#d3-stale-values
    //# - A value of a closed descriptor MUST NOT give access to another socket that was later given
    //# the same value.
    fn find(&mut self, process: ProcessId, value: Descriptor) -> Result<usize, Error> {
        let same = |it: &Handle| it.process == process && it.value == value;
        let found = self
            .handles
            .iter()
            .position(|it| same(it) && it.state == HandleState::Open);
        if found.is_none() {
            let issued = self.handles.iter().any(same);
            let reused = |it: &Handle| {
                it.process == process
                    && it.value.slot() == value.slot()
                    && it.state == HandleState::Open
            };
            if issued && self.handles.iter().any(reused) {
                self.reached("stale value of a reused slot");
            } else if issued {
                self.reached("closed value");
            } else if self.handles.iter().any(|it| it.value == value) {
                self.reached("foreign value");
            } else {
                self.reached("never issued value");
            }
        }
        found.ok_or(Error::NotSocket)
    }

    /// The handle that a call goes through. An entered call passed its checks
    /// when it entered; only whether its descriptor is still open is asked
    /// again (O1a).
    //= docs/specification.md#o1a-late-registration
    //# - A call that detects that its reference is gone MUST fail with WSAENOTSOCK without posting
    //# a completion.
    fn reach(&mut self, through: Through) -> Result<usize, Error> {
        match through {
            Through::Handle(process, value) => {
                self.usable(process)?;
                self.find(process, value)
            }
            Through::Entered(key) => {
                let index = self
                    .entries
                    .iter()
                    .position(|it| it.key == key)
                    .ok_or(Error::InvalidArgument)?;
                let handle = self.entries.remove(index).handle;
                if self.handles[handle].state == HandleState::Open {
                    self.reached("entered call goes on");
                    Ok(handle)
                } else {
                    self.reached("entered call finds its reference gone");
                    Err(Error::NotSocket)
                }
            }
        }
    }

    /// D5: open descriptors and unredeemed records.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - Every open descriptor MUST count as one reference to its socket.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - An unredeemed duplication record MUST count as one reference from the moment of its
    //# creation.
    fn references(&self, socket: usize) -> usize {
        let handles = self
            .handles
            .iter()
            .filter(|it| it.socket == socket && it.state == HandleState::Open);
        let records = self
            .records
            .iter()
            .filter(|it| it.socket == socket && it.unredeemed);
        handles.count() + records.count()
    }

    fn happen(&mut self, happening: Happening) {
        self.happenings.push(happening);
    }

    /// Counts a shape that the tests want to see reached.
    fn reached(&mut self, shape: &'static str) {
        *self.shapes.entry(shape).or_default() += 1;
    }

    /// The socket that an environment call is about.
    fn at(&self, socket: SocketId) -> Option<usize> {
        (socket.0 < self.sockets.len()).then_some(socket.0)
    }

    fn record(&mut self, record: RecordId) -> Option<&mut Record> {
        self.records.get_mut(record.0)
    }
}

impl Socket {
    fn queued(&self) -> u64 {
        self.unsent + self.in_flight
    }
}
