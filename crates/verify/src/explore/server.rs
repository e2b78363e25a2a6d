//! Where to serve, and why that may not be possible.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// The port that is tried first if none is asked for.
const STANDARD_PORT: u16 = 3000;
/// How many ports from there on are tried.
const PORTS: u16 = 100;

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Failure {
    /// The address cannot be had.
    #[error("cannot serve at {0}: {1}; give another address with --address")]
    Address(SocketAddr, #[source] io::Error),
    /// None of the ports that are tried is free.
    #[error("no free port from {STANDARD_PORT} on: {0}; give an address with --address")]
    NoPort(#[source] io::Error),
    /// The server ended.
    #[error("the server at {0} has ended: {1}")]
    Ended(SocketAddr, #[source] io::Error),
    /// Signals cannot be waited for.
    #[error("cannot wait for Ctrl-C: {0}")]
    Signals(#[source] io::Error),
}

/// An address that nobody else has.
pub(super) struct Place {
    /// The address.
    pub(super) address: SocketAddr,
    /// Keeps it.
    pub(super) listener: TcpListener,
}

/// Listens at this address, or at the first free port from the standard one on.
pub(super) fn listen(address: Option<SocketAddr>) -> Result<Place, Failure> {
    if let Some(address) = address {
        return bind(address).map_err(|error| Failure::Address(address, error));
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in STANDARD_PORT..STANDARD_PORT + PORTS {
        match bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Ok(place) => return Ok(place),
            Err(error) => last = error,
        }
    }
    Err(Failure::NoPort(last))
}

fn bind(address: SocketAddr) -> io::Result<Place> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    Ok(Place { address, listener })
}

/// The address of a page, as a browser on this machine reaches it.
pub(super) fn url(address: SocketAddr) -> String {
    format!("http://{}/", reachable(address))
}

/// An address that stands for every interface, as one that can be connected to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Whether others than this machine can reach an address.
pub(super) fn is_public(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}
