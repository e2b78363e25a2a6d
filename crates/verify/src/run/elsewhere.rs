//! The peers of a crowd: a child process, so that each end of the connections
//! has a limit of descriptors of its own.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limit;
use crate::out::errln;
use crate::outcome::Outcome;

/// The hidden command that makes a process the peers of a crowd.
pub(crate) const COMMAND: &str = "crowd-peers";
/// Listeners, each on an address of its own and with its share of the crowd.
const LISTENERS: u8 = 8;
/// How long a peer waits for its connection to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the peers saw their connections end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ends {
    pub(super) fins: u64,
    pub(super) resets: u64,
    /// Those that did not end, or sent something.
    pub(super) others: u64,
}

/// The child process. Dropping it ends it.
pub(super) struct Peers {
    child: Child,
    says: BufReader<ChildStdout>,
    pub(super) addresses: Vec<SocketAddr>,
}

impl Peers {
    /// # Errors
    /// Why there are no peers, in words.
    pub(super) fn start(connections: u64) -> Result<Self, String> {
        let words = |error: io::Error| format!("the peers' process: {error}");
        let program = std::env::current_exe().map_err(words)?;
        let mut child = Command::new(program)
            .args([COMMAND, &connections.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(words)?;
        let says = child.stdout.take().ok_or("the peers' process is mute")?;
        let mut peers = Self {
            child,
            says: BufReader::new(says),
            addresses: Vec::new(),
        };
        peers.addresses = peers.hear()?;
        Ok(peers)
    }

    /// Waits until every peer has its connection.
    ///
    /// # Errors
    /// In words, if that does not come to be.
    pub(super) fn wait_until_accepted(&mut self) -> Result<u64, String> {
        self.hear()
    }

    /// Waits until every connection has ended.
    ///
    /// # Errors
    /// In words, if the peers' process has failed.
    pub(super) fn ends(&mut self) -> Result<Ends, String> {
        self.hear()
    }

    fn hear<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T, String> {
        let mut line = String::new();
        let read = self.says.read_line(&mut line);
        read.map_err(|error| format!("the peers' process: {error}"))?;
        serde_json::from_str(&line)
            .map_err(|_| "the peers' process has ended; it says why above".to_owned())
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // It ends by itself when its input does; this is in case it is stuck.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the child does.
pub(crate) fn command(connections: u64) -> Outcome {
    thread::spawn(|| {
        // The other process is gone.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    match serve(connections) {
        Ok(()) => Outcome::AsExpected,
        Err(error) => {
            errln!("error: {error}");
            Outcome::Differs
        }
    }
}

fn serve(connections: u64) -> Result<(), String> {
    limit::raise(connections).map_err(|error| error.to_string())?;
    let words = |error: io::Error| error.to_string();
    let listeners = (1..=LISTENERS)
        .map(|it| TcpListener::bind((Ipv4Addr::new(127, 0, 0, it), 0)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(words)?;
    let addresses = listeners.iter().map(TcpListener::local_addr);
    say(&addresses.collect::<Result<Vec<_>, _>>().map_err(words)?)?;
    let accepting: Vec<_> = (0_u64..)
        .zip(listeners)
        .map(|(place, listener)| {
            let count = share(connections, place);
            thread::spawn(move || -> io::Result<Vec<TcpStream>> {
                (0..count).map(|_| Ok(listener.accept()?.0)).collect()
            })
        })
        .collect();
    let mut streams = Vec::new();
    for thread in accepting {
        let accepted = thread.join().map_err(|_| "an accepting thread panicked")?;
        streams.extend(accepted.map_err(words)?);
    }
    say(&(streams.len() as u64))?;
    let mut ends = Ends::default();
    for mut stream in streams {
        stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
        match stream.read(&mut [0; 16]) {
            Ok(0) => ends.fins += 1,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => ends.resets += 1,
            _ => ends.others += 1,
        }
    }
    say(&ends)
}

/// How many connections come to the listener at this place, when they take
/// turns.
fn share(connections: u64, place: u64) -> u64 {
    let listeners = u64::from(LISTENERS);
    connections / listeners + u64::from(place < connections % listeners)
}

fn say(value: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    let mut out = io::stdout();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())
}
