//! An echo server that stops gracefully under load.
//!
//! ```console
//! cargo run --example graceful_echo -- 127.0.0.1:7000
//! nc 127.0.0.1 7000        # in other terminals, as many as you like
//! ```
//!
//! Ctrl-C (or SIGTERM) stops it: no further connection is accepted, what has
//! been received is still echoed, what was accepted for sending reaches its
//! peer, and only then does the program end. A peer that has stopped reading
//! holds it up for no longer than the grace period.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use closesocket::engine::completions::{Completion, Notify, OperationId, Overlapped};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Descriptor, Process, Provider};
use closesocket_tcp::Tcp;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long peers get, at the end, to read what was accepted for them.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = match std::env::args().nth(1) {
        Some(text) => text
            .parse()
            .map_err(|_| format!("`{text}` is no IP:PORT"))?,
        None => SocketAddr::from(([127, 0, 0, 1], 7000)),
    };
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let provider = Provider::over(Tcp::new()?);
    let server = Server::new(provider.startup()?);
    let listener = server.process.socket()?;
    server.process.bind(listener, &address)?;
    server.process.listen(listener, 128)?;
    println!("listening on {}", server.process.local_address(listener)?);

    let server = &server;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Ends when the listener is closed, which wakes the accept.
            while let Ok(connection) = server.process.accept(listener) {
                if server.admit(connection) {
                    scope.spawn(move || server.echo(connection));
                }
            }
        });
        signals.forever().next();
        server.stop(listener);
    });
    // Every descriptor is closed; what is still queued goes out now.
    let undelivered = provider.drain_all(GRACE);
    let served = server.lock();
    println!(
        "echoed {} bytes over {} connections; {} cut off, {undelivered} not delivered",
        served.echoed_bytes, served.connections, served.cut_off,
    );
    Ok(())
}

struct Server {
    process: Process<(Tcp, Std, SystemClock, NoProbe)>,
    served: Mutex<Served>,
    /// A connection has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Served {
    /// The open connections, with the receive that each waits for.
    open: HashMap<Descriptor, Option<OperationId>>,
    stopping: bool,
    connections: u64,
    echoed_bytes: u64,
    cut_off: usize,
}

impl Server {
    fn new(process: Process<(Tcp, Std, SystemClock, NoProbe)>) -> Self {
        Self {
            process,
            served: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in, unless it comes too late.
    fn admit(&self, connection: Descriptor) -> bool {
        let mut served = self.lock();
        if served.stopping {
            drop(served);
            self.process.close(connection).ok();
            return false;
        }
        served.connections += 1;
        served.open.insert(connection, None).is_none()
    }

    /// Receives, unless the server stops. The operation is noted, so that `stop`
    /// can cancel it and nothing else of the connection.
    fn receive(&self, connection: Descriptor, buffer: Vec<u8>) -> Option<Completion> {
        let received = Overlapped::new();
        let mut served = self.lock();
        if served.stopping {
            return None;
        }
        let notify = Notify::event(&received);
        let operation = self.process.recv_overlapped(connection, buffer, notify);
        served.open.insert(connection, operation.ok());
        drop(served);
        operation.ok().and_then(|_| received.wait(None))
    }

    /// Echoes until the peer has finished, or until `stop` ends the receiving.
    fn echo(&self, connection: Descriptor) {
        let mut buffer = vec![0; 16 * 1024];
        let mut echoed_bytes = 0;
        while let Some(end) = self.receive(connection, buffer) {
            buffer = end.buffer;
            let received = end.result.unwrap_or(0);
            if received == 0 || self.process.send(connection, &buffer[..received]).is_err() {
                break;
            }
            echoed_bytes += received as u64;
        }
        // Graceful: what `send` has accepted goes out in the background. If
        // `stop` has closed it already, this says so and touches nothing else.
        self.process.close(connection).ok();
        let mut served = self.lock();
        served.echoed_bytes += echoed_bytes;
        served.open.remove(&connection);
        self.ended.notify_all();
    }

    /// Stops accepting and receiving, waits for the threads to finish their
    /// echo, and cuts off those whose peers do not read.
    fn stop(&self, listener: Descriptor) {
        self.lock().stopping = true;
        self.process.close(listener).ok();
        let receiving: Vec<_> = self.lock().open.values().copied().collect();
        for operation in receiving.into_iter().flatten() {
            // A thread that waits for input goes on; one that sends is left
            // alone. A receive that has ended cannot be cancelled any more.
            self.process.cancel(operation).ok();
        }
        let (mut served, _) = self
            .ended
            .wait_timeout_while(self.lock(), GRACE, |served| !served.open.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        served.cut_off = served.open.len();
        let stuck: Vec<_> = served.open.keys().copied().collect();
        drop(served);
        for connection in stuck {
            // Hard, under the blocked `send`: its thread wakes, the peer is reset.
            self.process.set_linger(connection, Some(0)).ok();
            self.process.close(connection).ok();
        }
    }
}
