//! How connections come about, and who their peers are.

use std::net::{SocketAddr, TcpStream};

use closesocket::engine::completions::{Interest, Notify, Overlapped};
use closesocket::engine::{Descriptor, Error};

use super::connection::{Connection, Reference};
use super::listeners::listen;
use super::peer::PeerReport;
use super::plan::Sabotage;
use super::schedule::{Opening, Schedule};
use super::system::{PATIENCE, Process};
use super::tools::Tools;

/// The connection that a sabotage chooses.
const SABOTAGED: u64 = 20;

/// Opens a connection and hands its other end to the peers.
///
/// # Errors
/// What went wrong, in words.
pub(super) fn open(tools: &Tools, schedule: Schedule) -> Result<Connection, String> {
    let number = schedule.number;
    let words = |error: Error| format!("{:?} failed: {error:?}", schedule.opening);
    let own = schedule.ending.ends_process();
    let process = if own {
        tools.shared.provider.startup().map_err(words)?
    } else {
        tools.shared.home.clone()
    };
    let first = |descriptor| Reference {
        process: process.clone(),
        descriptor,
    };
    let (descriptor, stream) = match schedule.opening {
        Opening::ConnectElsewhere => {
            let descriptor = connect_elsewhere(tools, &process, number)?;
            let mut connection = Connection::new(schedule, first(descriptor));
            connection.peer = Some(PeerReport::elsewhere(number));
            return Ok(connection);
        }
        Opening::Connect | Opening::ConnectOverlapped => {
            connect(tools, &process, schedule.opening)?
        }
        opening => {
            let listener = if own {
                listen(&process, tools.listeners.address).map_err(words)?
            } else {
                tools.listeners.engine
            };
            accept(tools, &process, listener, opening)?
        }
    };
    sabotage(tools, number, &stream);
    let connection = Connection::new(schedule, first(descriptor));
    let (plan, committed) = (connection.schedule.peer, &connection.committed);
    let peers = tools.shared.peers;
    peers
        .adopt(number, stream, plan, committed, &tools.reports)
        .map_err(|error| format!("the peer could not begin: {error}"))?;
    Ok(connection)
}

fn connect_elsewhere(tools: &Tools, process: &Process, number: u64) -> Result<Descriptor, String> {
    let words = |error: Error| format!("a connect failed: {error:?}");
    let crowd = tools.shared.crowd.ok_or("there is no crowd")?;
    let address = crowd.address(number).ok_or("a crowd without addresses")?;
    let descriptor = process.socket().map_err(words)?;
    process.connect(descriptor, address).map_err(words)?;
    Ok(descriptor)
}

fn connect(
    tools: &Tools,
    process: &Process,
    opening: Opening,
) -> Result<(Descriptor, TcpStream), String> {
    let words = |error: Error| format!("{opening:?} failed: {error:?}");
    let plain = &tools.listeners.plain;
    let address = plain.local_addr().map_err(|error| error.to_string())?;
    let descriptor = process.socket().map_err(words)?;
    if opening == Opening::Connect {
        process.connect(descriptor, &address).map_err(words)?;
    } else {
        let source = SocketAddr::new(tools.listeners.source, 0);
        process.bind(descriptor, &source).map_err(words)?;
        let connected = Overlapped::new();
        process
            .connect_overlapped(descriptor, &address, Notify::event(&connected))
            .map_err(words)?;
        wait(&connected)?.result.map_err(words)?;
    }
    let (stream, from) = plain.accept().map_err(|error| error.to_string())?;
    let local = process.local_address(descriptor).map_err(words)?;
    if local == from {
        Ok((descriptor, stream))
    } else {
        Err(format!("connected from {local}, but the peer says {from}"))
    }
}

fn accept(
    tools: &Tools,
    process: &Process,
    (listener, address): (Descriptor, SocketAddr),
    opening: Opening,
) -> Result<(Descriptor, TcpStream), String> {
    let words = |error: Error| format!("{opening:?} failed: {error:?}");
    let dial = || TcpStream::connect(address).map_err(|error| format!("a peer: {error}"));
    match opening {
        Opening::AcceptOverlapped => {
            let accepted = Overlapped::new();
            process
                .accept_overlapped(listener, Notify::event(&accepted))
                .map_err(words)?;
            let stream = dial()?;
            let completion = wait(&accepted)?;
            completion.result.map_err(words)?;
            let descriptor = completion.accepted;
            Ok((descriptor.ok_or("an accept without a descriptor")?, stream))
        }
        Opening::AcceptBlocking => {
            let theirs = process.clone();
            let call = tools.helper.make(move || theirs.accept(listener));
            let stream = dial()?;
            Ok((tools.helper.wait(&call)?.map_err(words)?, stream))
        }
        _ => {
            let stream = dial()?;
            let interests = [(listener, Interest::READABLE)];
            let ready = process.select(&interests, Some(PATIENCE)).map_err(words)?;
            if ready.is_empty() {
                return Err("a listener never got ready".to_owned());
            }
            Ok((process.accept(listener).map_err(words)?, stream))
        }
    }
}

/// Waits for the only completion of an operation.
fn wait(overlapped: &Overlapped) -> Result<closesocket::engine::completions::Completion, String> {
    let completion = overlapped.wait(Some(PATIENCE));
    let completion = completion.ok_or("an operation did not complete")?;
    match overlapped.take() {
        None => Ok(completion),
        Some(_) => Err("an operation completed twice".to_owned()),
    }
}

/// Leaks what it is told to.
fn sabotage(tools: &Tools, number: u64, stream: &TcpStream) {
    if number != SABOTAGED {
        return;
    }
    match tools.shared.plan.sabotage {
        Some(Sabotage::KeptDescriptor) => {
            let _ = tools.shared.home.socket();
        }
        Some(Sabotage::KeptSystemDescriptor) => std::mem::forget(stream.try_clone()),
        Some(Sabotage::KeptThread) => {
            std::thread::spawn(|| {
                loop {
                    std::thread::park();
                }
            });
        }
        _ => {}
    }
}
