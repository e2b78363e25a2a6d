//! A proxy that closes one side of a session while threads still use it.
//!
//! ```console
//! cargo run --example proxy -- 127.0.0.1:8000 127.0.0.1:7000
//! nc 127.0.0.1 8000        # in another terminal: session 1
//! ```
//!
//! Each session has two threads, one for each direction, and both use both of
//! its descriptors. Type at the proxy:
//!
//! - `close 1`: closes the server's side of session 1 under its threads. The
//!   one that is blocked receiving (or still connecting) there wakes at once;
//!   what has been accepted for the client still reaches it, and then the FIN.
//! - `reset 1`: the same, but hard: the server sees a reset.
//! - `list`: the sessions and what they have carried.
//! - `quit`, or the end of the input: closes everything and ends when what was
//!   accepted is delivered.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Descriptor, Error, Process, Provider, Shutdown};
use closesocket_tcp::Tcp;

/// How long peers get, at the end, to read what was accepted for them.
const GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(server)) = (arguments.next(), arguments.next()) else {
        return Err("usage: proxy LISTEN_IP:PORT SERVER_IP:PORT".into());
    };
    let provider = Provider::over(Tcp::new()?);
    let proxy = &Proxy {
        process: provider.startup()?,
        server: server
            .parse()
            .map_err(|_| format!("`{server}` is no IP:PORT"))?,
        sessions: Mutex::default(),
    };
    let listen: SocketAddr = listen
        .parse()
        .map_err(|_| format!("`{listen}` is no IP:PORT"))?;
    let listener = proxy.process.socket()?;
    proxy.process.bind(listener, &listen)?;
    proxy.process.listen(listener, 128)?;
    println!("listening on {}", proxy.process.local_address(listener)?);

    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut number = 0;
            while let Ok(client) = proxy.process.accept(listener) {
                number += 1;
                scope.spawn(move || proxy.carry(number, client));
            }
        });
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.trim() == "quit" {
                break;
            }
            println!("{}", proxy.command(&line));
        }
        proxy.process.close(listener).ok();
        proxy.stop();
    });
    println!("{} not delivered", provider.drain_all(GRACE));
    Ok(())
}

struct Proxy {
    process: Process<(Tcp, Std, SystemClock, NoProbe)>,
    server: SocketAddr,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    open: BTreeMap<u64, Arc<Session>>,
    stopping: bool,
}

struct Session {
    client: Descriptor,
    server: Descriptor,
    to_server_bytes: AtomicU64,
    to_client_bytes: AtomicU64,
}

impl Proxy {
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the operator typed; returns the answer.
    fn command(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        if command == "list" {
            return self.list();
        }
        if !matches!(command, "close" | "reset") {
            return "commands: close N, reset N, list, quit".into();
        }
        let number = words.next().and_then(|it| it.parse().ok());
        let Some(session) = number.and_then(|it: u64| self.lock().open.get(&it).cloned()) else {
            return "no such session".into();
        };
        if command == "reset" {
            self.process.set_linger(session.server, Some(0)).ok();
        }
        // Both threads of the session are using this descriptor.
        match self.process.close(session.server) {
            Ok(()) => "closed the server's side".into(),
            Err(error) => format!("not closed: {error}"),
        }
    }

    fn list(&self) -> String {
        let sessions = self.lock();
        let mut lines = format!("{} sessions", sessions.open.len());
        for (number, session) in &sessions.open {
            let to_server = session.to_server_bytes.load(Ordering::Relaxed);
            let to_client = session.to_client_bytes.load(Ordering::Relaxed);
            lines += &format!(
                "\nsession {number}: {to_server} bytes to the server, {to_client} to the client"
            );
        }
        lines
    }

    /// Closes both sides of every session under its threads.
    fn stop(&self) {
        let mut sessions = self.lock();
        sessions.stopping = true;
        for session in sessions.open.values() {
            self.process.close(session.client).ok();
            self.process.close(session.server).ok();
        }
    }

    /// Carries one session to its end.
    fn carry(&self, number: u64, client: Descriptor) {
        match self.begin(number, client) {
            Ok(session) => {
                println!("session {number} begins");
                match self.process.connect(session.server, &self.server) {
                    Ok(()) => self.pump_both(&session),
                    Err(error) => println!("session {number}: no connection: {error}"),
                }
                self.lock().open.remove(&number);
                // The operator may have closed it already. Then this closes
                // nothing: whatever uses its slot now has another value.
                self.process.close(session.server).ok();
            }
            Err(error) => println!("session {number} is refused: {error}"),
        }
        self.process.close(client).ok();
        println!("session {number} ends");
    }

    /// Makes the session known before its server is connected, so that the
    /// connect can be ended too.
    fn begin(&self, number: u64, client: Descriptor) -> Result<Arc<Session>, Error> {
        let session = Arc::new(Session {
            client,
            server: self.process.socket()?,
            to_server_bytes: AtomicU64::new(0),
            to_client_bytes: AtomicU64::new(0),
        });
        let mut sessions = self.lock();
        if sessions.stopping {
            self.process.close(session.server).ok();
            return Err(Error::Interrupted);
        }
        sessions.open.insert(number, Arc::clone(&session));
        Ok(session)
    }

    fn pump_both(&self, session: &Session) {
        let (client, server) = (session.client, session.server);
        std::thread::scope(|scope| {
            scope.spawn(|| self.pump(client, server, &session.to_server_bytes));
            self.pump(server, client, &session.to_client_bytes);
        });
    }

    /// Carries one direction until the input ends, or until a side fails or is
    /// closed. The FIN for `to` follows what is queued for it.
    fn pump(&self, from: Descriptor, to: Descriptor, carried_bytes: &AtomicU64) {
        match self.try_pump(from, to, carried_bytes) {
            Ok(()) => {
                self.process.shutdown(to, Shutdown::Send).ok();
            }
            Err(_) => {
                // One side is gone, so the other direction is of no use either:
                // its thread is refused from now on, and woken if it waits.
                for side in [to, from] {
                    self.process.shutdown(side, Shutdown::Both).ok();
                    self.process.cancel_all(side).ok();
                }
            }
        }
    }

    fn try_pump(
        &self,
        from: Descriptor,
        to: Descriptor,
        carried_bytes: &AtomicU64,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let received = self.process.recv(from, &mut buffer)?;
            if received == 0 {
                return Ok(());
            }
            // Before the peer has it, who may ask for the count at once.
            carried_bytes.fetch_add(received as u64, Ordering::Relaxed);
            self.process.send(to, &buffer[..received])?;
        }
    }
}
