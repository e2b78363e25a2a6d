//! The engine: the close protocol under real atomics and locks.

mod clock;
mod primitives;
mod probe;
mod transport;

pub use clock::{Clock, SystemClock};
pub use primitives::{Monitor, Primitives, Std, StdMonitor, Word};
pub use probe::{NoProbe, Observation, OperationId, Probe};
pub use transport::{Connecting, Endpoint, Events, Received, Token, Transport};

/// Names a socket within its provider; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);
