//! Addresses, and stateright's Explorer on a thread of its own, behind a server
//! that no idle connection holds up.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use closesocket_models::ExplorerModel;
use stateright::Model;

use super::http::{self, Answer, Request};

/// The port that is tried first if none is asked for.
const STANDARD_PORT: u16 = 3000;
/// How many ports from there on are tried.
const PORTS: u16 = 100;

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Failure {
    /// The scenario does not fit into the model.
    #[error(transparent)]
    Unfit(#[from] closesocket_models::ScenarioError),
    /// The address cannot be had.
    #[error("cannot serve at {0}: {1}; give another address with --address")]
    Address(SocketAddr, #[source] io::Error),
    /// None of the ports that are tried is free.
    #[error("no free port from {STANDARD_PORT} on: {0}; give an address with --address")]
    NoPort(#[source] io::Error),
    /// There is a folder that stateright would serve in place of its page.
    #[error("there is a folder `ui` here, which would replace the Explorer; run this elsewhere")]
    ReplacedPage,
    /// A server ended.
    #[error("the server at {0} has ended")]
    Ended(SocketAddr),
    /// Signals cannot be waited for.
    #[error("cannot wait for Ctrl-C: {0}")]
    Signals(#[source] io::Error),
}

/// stateright serves a folder `ui` in place of its own page.
pub(super) fn refuse_replaced_page() -> Result<(), Failure> {
    if std::path::Path::new("ui").exists() {
        return Err(Failure::ReplacedPage);
    }
    Ok(())
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

/// An Explorer that runs.
pub(super) struct Running {
    /// Where it serves.
    pub(super) address: SocketAddr,
    /// stateright's, and what stands before it: each ends only if it fails.
    threads: [JoinHandle<()>; 2],
}

impl Running {
    /// Whether it still serves.
    pub(super) fn is_serving(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Waits until it ends, which it does only if it fails.
    pub(super) fn wait(self) -> Failure {
        while self.is_serving() {
            thread::sleep(Duration::from_millis(100));
        }
        Failure::Ended(self.address)
    }
}

/// Starts the Explorer of a model at this place, and waits until it answers.
///
/// stateright's own server has few threads, each of which waits for one
/// connection, used or not, so that a handful of idle ones stalls it. It gets a
/// port that only this machine reaches, and connections that are used at once: the
/// server at the place takes the requests, and passes them on.
pub(super) fn explore(model: ExplorerModel, place: Place) -> Result<Running, Failure> {
    let behind = behind()?;
    // The thread also serves: it ends only if the server fails.
    let explorer = thread::spawn(move || drop(model.checker().serve(behind)));
    while TcpStream::connect(behind).is_err() {
        if explorer.is_finished() {
            return Err(Failure::Ended(place.address));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let address = place.address;
    let front = thread::spawn(move || {
        let pass_on = move |request: &Request| {
            pass_on(request, behind).unwrap_or_else(|error| {
                Answer::plain("502 Bad Gateway", &format!("the Explorer is gone: {error}"))
            })
        };
        drop(http::serve(&place.listener, pass_on));
    });
    Ok(Running {
        address,
        threads: [explorer, front],
    })
}

/// A free address of this machine. stateright binds it itself, and panics if it
/// cannot: it is free until just before.
fn behind() -> Result<SocketAddr, Failure> {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    let any = |ip: IpAddr| bind(SocketAddr::new(ip, 0));
    let free = any(v4).or_else(|_| any(v6));
    free.map(|it| it.address).map_err(Failure::NoPort)
}

/// Has stateright's server answer.
fn pass_on(request: &Request, behind: SocketAddr) -> io::Result<Answer> {
    let Request { method, path, .. } = request;
    let mut connection = TcpStream::connect(behind)?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {behind}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(Answer(answer))
}
