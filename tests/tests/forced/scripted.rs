//! What the world is made of besides threads: a transport that does only what it is
//! told, a clock, a probe, and what the conductor looks at.
//!
//! The memory transport will not do, because it acts by itself: it takes bytes in the
//! section that has them, gives input to whichever section asks first, shows a loss to
//! both sides at once, and reports events on the thread whose call has caused them. Each
//! of these is a step of its own in the model, which another thread's may come before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use closesocket::engine::net::{Connecting, Endpoint, Events, Found, Received, Token, Transport};
use closesocket::engine::observe::{Observation, Probe};
use closesocket::engine::sync::Clock;
use closesocket::engine::{Descriptor, Error, ProcessId, SocketId, UpcallFailed, Upcalls};
use closesocket::protocol::{Socket, Time};

use super::seat::{self, Gate};

/// What the conductor looks at after a step.
#[derive(Default)]
pub(crate) struct Looks {
    /// The descriptors' words, in the order in which they were made.
    pub(crate) words: Vec<Arc<AtomicU64>>,
    /// The machine of each socket, as the last section has left it.
    pub(crate) machines: HashMap<SocketId, Socket>,
    /// What the probe was told since the last look, and by which thread.
    pub(crate) observed: Vec<(Option<usize>, Observation)>,
    /// The handles that were given back, or were to be.
    pub(crate) upcalls: Vec<(ProcessId, Descriptor)>,
}

/// They are shared by all that one conductor conducts.
pub(crate) type SharedLooks = Arc<Mutex<Looks>>;

pub(crate) fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Watcher(pub(crate) SharedLooks);

impl Probe for Watcher {
    fn observe(&self, observation: Observation) {
        let by = seat::own_index();
        locked(&self.0).observed.push((by, observation));
    }
}

/// A DLL that does as it is told.
#[derive(Clone)]
pub(crate) struct Dll {
    pub(crate) looks: SharedLooks,
    pub(crate) fails: Arc<AtomicBool>,
}

impl Upcalls for Dll {
    fn close_socket_handle(
        &self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<(), UpcallFailed> {
        seat::gate(Gate::Upcall);
        locked(&self.looks).upcalls.push((process, descriptor));
        if self.fails.load(Ordering::Acquire) {
            Err(UpcallFailed)
        } else {
            Ok(())
        }
    }
}

/// Time passes when the conductor says so.
#[derive(Default)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    /// A day passes: whatever deadline there is, it passes too.
    pub(crate) fn pass_a_day(&self) {
        self.0.fetch_add(86_400_000_000_000, Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::Acquire))
    }
}

/// One connection: what the peer has done, what the transport may do next, and what
/// was ordered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    /// Something to receive is there.
    pub(crate) input: bool,
    /// Connections that wait in the backlog.
    pub(crate) waiting: u32,
    /// The peer has reset the connection.
    pub(crate) lost: bool,
    /// So many chunks the transport takes, in the present step.
    pub(crate) takes: usize,
    /// So many looks for input or a connection it answers, in the present step; before
    /// that it has nothing to say.
    pub(crate) answers: usize,
    /// Chunks that it has taken and that the peer has not acknowledged.
    pub(crate) in_flight: usize,
    /// It was told to reset the connection.
    pub(crate) reset: bool,
}

impl Wire {
    /// The peer resets the connection, or the network fails.
    pub(crate) fn lose(&mut self) {
        (self.lost, self.in_flight) = (true, 0);
    }
}

/// A wire that an endpoint and the conductor share.
pub(crate) type SharedWire = Arc<Mutex<Wire>>;

/// Those of all sockets.
type Wires = Arc<Mutex<HashMap<Token, SharedWire>>>;

#[derive(Default)]
pub(crate) struct Scripted {
    events: OnceLock<Weak<dyn Events>>,
    wires: Wires,
}

impl Scripted {
    /// The wire of this socket.
    pub(crate) fn wire(&self, socket: SocketId) -> SharedWire {
        let mut wires = locked(&self.wires);
        Arc::clone(wires.entry(Token(socket.0)).or_default())
    }

    /// An event of this socket.
    pub(crate) fn report(&self, socket: SocketId) {
        if let Some(events) = self.events.get().and_then(Weak::upgrade) {
            events.ready(Token(socket.0));
        }
    }
}

impl Transport for Scripted {
    type Endpoint = ScriptedEndpoint;

    fn attach(&self, events: Weak<dyn Events>) {
        let _ = self.events.set(events);
    }

    fn open(&self, token: Token) -> Result<ScriptedEndpoint, Error> {
        let wire = self.wire(SocketId(token.0));
        let wires = Arc::clone(&self.wires);
        let listens = false;
        Ok(ScriptedEndpoint {
            wire,
            listens,
            wires,
        })
    }
}

pub(crate) struct ScriptedEndpoint {
    wire: SharedWire,
    listens: bool,
    /// Where a connection that is accepted is made known.
    wires: Wires,
}

impl ScriptedEndpoint {
    fn check(&self) -> Result<MutexGuard<'_, Wire>, Error> {
        let wire = locked(&self.wire);
        if wire.lost {
            Err(Error::ConnectionReset)
        } else {
            Ok(wire)
        }
    }
}

impl Endpoint for ScriptedEndpoint {
    type Address = ();

    fn bind(&mut self, (): &()) -> Result<(), Error> {
        Ok(())
    }

    fn local_address(&self) -> Result<(), Error> {
        Ok(())
    }

    fn listen(&mut self, _: u32) -> Result<(), Error> {
        self.listens = true;
        Ok(())
    }

    fn connect(&mut self, (): &()) -> Result<Connecting, Error> {
        Ok(Connecting::Done)
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        Ok(Connecting::Done)
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        let mut wire = locked(&self.wire);
        if wire.waiting == 0 || wire.answers == 0 {
            return Ok(None);
        }
        (wire.waiting, wire.answers) = (wire.waiting - 1, wire.answers - 1);
        Ok(Some(Self {
            wire: SharedWire::default(),
            listens: false,
            wires: Arc::clone(&self.wires),
        }))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        locked(&self.wires).insert(token, Arc::clone(&self.wire));
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut wire = self.check()?;
        let taken = wire.takes.min(bytes.len());
        wire.takes -= taken;
        wire.in_flight += taken;
        Ok(taken)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        let mut wire = locked(&self.wire);
        let Some(answers) = wire.answers.checked_sub(1) else {
            return Ok(Received::Nothing);
        };
        if std::mem::take(&mut wire.input) {
            wire.answers = answers;
            buffer[0] = b'x';
            return Ok(Received::Bytes(1));
        }
        drop(wire);
        self.check().map(|_| Received::Nothing)
    }

    fn look(&mut self) -> Result<Found, Error> {
        Ok(if locked(&self.wire).input {
            Found::Input
        } else {
            Found::Nothing
        })
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        self.check().map(|wire| wire.in_flight)
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        self.check().map(drop)
    }

    fn shut_down_receive(&mut self) {}

    /// Of a listener, the connections that wait.
    fn reset(&mut self) {
        let mut wire = locked(&self.wire);
        wire.reset |= !self.listens;
        wire.waiting = 0;
    }
}
