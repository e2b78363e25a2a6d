//! Where the connections of a worker come in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use closesocket::engine::{Descriptor, Error};

use super::system::Process;

/// Connections that may wait for an accept.
const BACKLOG: u32 = 64;

/// The listeners of one worker in one round: addresses of their own, so that
/// connections in `TIME_WAIT` never use up the ports.
pub(super) struct Listeners {
    /// The engine's, in the worker's own process.
    pub(super) engine: (Descriptor, SocketAddr),
    /// A plain one, for the peers.
    pub(super) plain: TcpListener,
    pub(super) address: IpAddr,
    /// Where overlapped connects come from.
    pub(super) source: IpAddr,
}

impl Listeners {
    /// # Errors
    /// What the system or the engine says, in words.
    pub(super) fn open(home: &Process, worker: u64, round: u64) -> Result<Self, String> {
        let part = |number: u64| u8::try_from(1 + number % 250).unwrap_or(1);
        let address = IpAddr::from(Ipv4Addr::new(127, 0, part(round), part(worker)));
        let plain = TcpListener::bind((address, 0)).map_err(|error| error.to_string())?;
        Ok(Self {
            engine: listen(home, address).map_err(|error| error.to_string())?,
            plain,
            address,
            source: IpAddr::from(Ipv4Addr::new(127, 1, part(round), part(worker))),
        })
    }

    /// # Errors
    /// What the engine says, in words.
    pub(super) fn close(self, home: &Process) -> Result<(), String> {
        let closed = home.close(self.engine.0);
        closed.map_err(|error| format!("closing a listener failed: {error:?}"))
    }
}

/// Listens at a free port of this address.
pub(super) fn listen(
    process: &Process,
    address: IpAddr,
) -> Result<(Descriptor, SocketAddr), Error> {
    let listener = process.socket()?;
    process.bind(listener, &SocketAddr::new(address, 0))?;
    process.listen(listener, BACKLOG)?;
    Ok((listener, process.local_address(listener)?))
}
