//! The engine: the close protocol under real atomics and locks.
//!
//! A [`Provider`] serves any number of [`Process`]es over a [`Transport`]. Each
//! process has a table of descriptors, one atomic word each; each socket has
//! one lock. Calls enter and leave a descriptor without a lock; everything that
//! decides happens in critical sections of the socket, in
//! [`protocol`](crate::protocol) code; results are handed over there, and
//! threads are woken outside all locks. `docs/architecture.md` has the map.

mod background;
mod baton;
mod blocked;
mod cancel;
mod cells;
mod clock;
mod close;
mod closing;
mod completion;
mod config;
mod connection;
mod counters;
mod delivery;
mod descriptors;
mod duplicate;
mod establish;
mod event;
mod few;
mod free_list;
mod handover;
mod io;
mod keeper;
mod leading;
mod line;
mod looks;
mod machine;
mod memory;
mod metrics;
mod network_events;
mod notify;
mod observation;
mod operation;
mod options;
mod overlapped;
mod parked;
mod polled;
mod primitives;
mod probe;
mod process;
mod processes;
mod progress;
mod provider;
mod queue;
mod readiness;
mod reference;
mod routine;
mod select;
mod sending;
mod services;
mod shared;
mod slab;
mod socket;
mod sockets;
mod standard;
mod sweep;
mod table;
mod task;
mod transfer;
mod transport;
mod unsent;
mod variants;
mod waits;
mod watching;

pub mod sockopt;

use std::fmt;
use std::str::FromStr;

use net::{Memory, Transport};
use observe::{NoProbe, Probe};
use sync::{Clock, Primitives, Std, SystemClock};

use crate::protocol::ParseError;
use crate::protocol::text::{pair, parse};

pub use crate::protocol::{Descriptor, Error, ProcessId};
pub use closing::{Closed, Closing};
pub use config::{Config, NoUpcalls, UpcallFailed, Upcalls};
pub use connection::Shutdown;
pub use duplicate::Record;
pub use metrics::Metrics;
pub use process::Admission;
pub use provider::{AddressOf, Process, Provider, Usage, WeakProcess};

/// How the end of an operation is told, and that a socket is ready.
pub mod completions {
    pub use super::completion::Completion;
    pub use super::event::Event;
    pub use super::network_events::NetworkEvents;
    pub use super::notify::Notify;
    pub use super::observation::OperationId;
    pub use super::overlapped::Overlapped;
    pub use super::polled::{Transfer, Wait};
    pub use super::queue::CompletionQueue;
    pub use super::readiness::{Interest, Readiness};
    pub use super::routine::{AlertableThread, Routine};
    pub use super::task::Task;
}

/// What an engine runs over: any [`Transport`], or connections in
/// memory.
pub mod net {
    pub use super::baton::{Baton, Poller};
    pub use super::memory::{
        Call, Fault, Memory, MemoryAddress, MemoryEndpoint, Peer, PeerListener, PeerRead,
    };
    pub use super::transport::{
        Connecting, Endpoint, Events, Found, Received, Token, Transport, Waiter,
    };
}

/// What a probe is told of each step of an engine.
pub mod observe {
    pub use super::observation::{Observation, Order, Place, Step};
    pub use super::probe::{NoProbe, Probe};
    #[doc(hidden)]
    pub use super::socket::machine_under;
}

/// What an engine synchronizes its threads with, and its clock.
pub mod sync {
    pub use super::clock::{Clock, SystemClock};
    pub use super::primitives::{Monitor, Primitives, Word};
    pub use super::standard::{Std, StdMonitor, StdWord};
}

/// Names a socket within its provider; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

impl SocketId {
    /// The cell it lives in; a cell's sockets live there one after the other,
    /// under the same lock.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower 32 bits are the cell"
    )]
    pub const fn cell(self) -> u32 {
        self.0 as u32
    }

    /// Which occupant of the cell it is, from 1.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether its cell can have another occupant: a name would be given a second
    /// time otherwise (D3).
    const fn leaves_its_cell(self) -> bool {
        self.generation() < u32::MAX
    }

    /// The occupant of this generation of a cell.
    #[must_use]
    pub const fn of(cell: u32, generation: u32) -> Self {
        Self(((generation as u64) << 32) | cell as u64)
    }
}

/// `cell.generation`, as in traces.
impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.cell(), self.generation())
    }
}

impl FromStr for SocketId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "socket", |text| {
            let (cell, generation) = pair(text, '.')?;
            Some(Self::of(cell, generation))
        })
    }
}

/// What a provider is built on: a transport, a family of synchronization
/// primitives, a clock and a probe. Any tuple of the four is one.
pub trait System: Sized + 'static {
    /// The network.
    type Transport: Transport;
    /// The synchronization primitives.
    type Primitives: Primitives;
    /// The clock.
    type Clock: Clock;
    /// The observer.
    type Probe: Probe;
}

impl<T: Transport, P: Primitives, C: Clock, B: Probe> System for (T, P, C, B) {
    type Transport = T;
    type Primitives = P;
    type Clock = C;
    type Probe = B;
}

/// Connections in memory under the standard library's primitives.
pub type InMemory = (Memory, Std, SystemClock, NoProbe);
