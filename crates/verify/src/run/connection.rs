//! One connection: open it, stall the peer, queue data, close it, and see what
//! the peer got.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use closesocket::engine::{
    AddressOf, CompletionQueue, Descriptor, Error, Notify, Process, Std, SystemClock,
};
use closesocket_tcp::Tcp;
use closesocket_trace::Recorder;

use super::Way;

/// The engine over TCP, recorded.
type System = (Tcp, Std, SystemClock, Recorder);

/// Bytes of a send: a multiple of the pattern, and more than the peer's kernel
/// takes while the
/// peer does not read.
const PAYLOAD: usize = 251 * 784;
/// Seconds; far more than any drain takes.
const LINGER_SECONDS: u16 = 60;
/// Overlapped receives pending on each connection when it is closed.
const PENDING: u64 = 2;
/// How long a peer waits for bytes before the run is called stuck.
const PEER_PATIENCE: Duration = Duration::from_secs(30);

/// What was seen of one connection.
pub(super) struct Seen {
    pub(super) way: Way,
    pub(super) unacknowledged_at_commit: bool,
    pub(super) accepted: u64,
    pub(super) received: u64,
    pub(super) reset: bool,
    pub(super) fin: bool,
}

/// What one worker has seen.
#[derive(Default)]
pub(super) struct Report {
    pub(super) connections: Vec<Seen>,
    pub(super) double_completions: u64,
    pub(super) missing_completions: u64,
    pub(super) problems: Vec<String>,
}

/// A thread that opens and closes connections, one after the other.
pub(super) struct Worker<'a> {
    first: &'a Process<System>,
    second: &'a Process<System>,
    queue: CompletionQueue,
    report: Report,
}

impl<'a> Worker<'a> {
    pub(super) fn new(first: &'a Process<System>, second: &'a Process<System>) -> Self {
        Self {
            first,
            second,
            queue: CompletionQueue::new(),
            report: Report::default(),
        }
    }

    pub(super) fn finish(self) -> Report {
        self.report
    }

    /// Opens one connection and closes it in this way.
    pub(super) fn close_one(&mut self, number: u64, way: Way) {
        match self.try_close_one(number, way) {
            Ok(seen) => self.report.connections.push(seen),
            Err(problem) => {
                self.report
                    .problems
                    .push(format!("connection {number} ({}): {problem}", way.name()));
            }
        }
        self.count_completions(number);
    }

    fn try_close_one(&self, number: u64, way: Way) -> Result<Seen, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(words)?;
        let address: AddressOf<System> = listener.local_addr().map_err(words)?;
        let descriptor = self.first.socket().map_err(words)?;
        self.first.connect(descriptor, &address).map_err(words)?;
        let (peer, _) = listener.accept().map_err(words)?;
        peer.set_read_timeout(Some(PEER_PATIENCE)).map_err(words)?;
        for _ in 0..PENDING {
            let notify = Notify::queue(&self.queue, number);
            self.first
                .recv_overlapped(descriptor, vec![0; 16], notify)
                .map_err(words)?;
        }
        // The peer does not read yet, so its kernel soon takes no more.
        let mut accepted = self.send_until_stalled(self.first, descriptor, 0)?;
        match way {
            Way::Graceful => {}
            Way::Hard => self.first.set_linger(descriptor, Some(0)).map_err(words)?,
            Way::Lingering => {
                self.first
                    .set_linger(descriptor, Some(LINGER_SECONDS))
                    .map_err(words)?;
            }
            Way::Shared => {}
        }
        let (unacknowledged, end) = match way {
            Way::Graceful | Way::Hard => {
                let unacknowledged = self.close(self.first, descriptor)?;
                (unacknowledged, read_to_end(peer))
            }
            Way::Lingering => self.close_lingering(descriptor, peer)?,
            Way::Shared => {
                let theirs = self.share(descriptor)?;
                self.first.close(descriptor).map_err(words)?;
                expect(
                    self.first.close(descriptor),
                    Err(Error::NotSocket),
                    "second close",
                )?;
                accepted += self.send_until_stalled(self.second, theirs, accepted)?;
                let unacknowledged = self.close(self.second, theirs)?;
                (unacknowledged, read_to_end(peer))
            }
        };
        let (received, how) = end;
        if let End::Broken(problem) = &how {
            return Err(format!("the peer saw {problem} after {received} bytes"));
        }
        Ok(Seen {
            way,
            unacknowledged_at_commit: unacknowledged,
            accepted,
            received,
            reset: how == End::Reset,
            fin: how == End::Fin,
        })
    }

    /// Sends what the engine's window takes, with contents that tell their
    /// position; returns how much was accepted.
    fn send_until_stalled(
        &self,
        process: &Process<System>,
        descriptor: Descriptor,
        position: u64,
    ) -> Result<u64, String> {
        let bytes: Vec<u8> = (position..).map(pattern).take(PAYLOAD).collect();
        process.set_nonblocking(descriptor, true).map_err(words)?;
        let mut accepted = 0;
        // Until bytes stay unacknowledged: kernels take megabytes at first.
        loop {
            match process.send(
                descriptor,
                bytes.get(accepted % PAYLOAD..).unwrap_or_default(),
            ) {
                Ok(count) => accepted += count,
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(words(error)),
            }
            if accepted % PAYLOAD == 0 && process.queued(descriptor).map_err(words)? > 0 {
                break;
            }
        }
        process.set_nonblocking(descriptor, false).map_err(words)?;
        Ok(accepted as u64)
    }

    fn close(&self, process: &Process<System>, descriptor: Descriptor) -> Result<bool, String> {
        let unacknowledged = process.queued(descriptor).map_err(words)? > 0;
        process.close(descriptor).map_err(words)?;
        expect(
            process.close(descriptor),
            Err(Error::NotSocket),
            "second close",
        )?;
        Ok(unacknowledged)
    }

    /// Closes while the peer is stalled; it starts to read only when the close
    /// waits.
    fn close_lingering(
        &self,
        descriptor: Descriptor,
        peer: TcpStream,
    ) -> Result<(bool, (u64, End)), String> {
        let queue = &self.queue;
        std::thread::scope(|scope| {
            let waiting = queue.len();
            let reader = scope.spawn(move || {
                // The aborts are delivered before the close starts to wait.
                let end = Instant::now() + PEER_PATIENCE;
                while queue.len() == waiting && Instant::now() < end {
                    std::thread::sleep(Duration::from_micros(200));
                }
                read_to_end(peer)
            });
            let unacknowledged = self.close(self.first, descriptor);
            let end = reader
                .join()
                .map_err(|_| "the peer's thread panicked".to_owned())?;
            Ok((unacknowledged?, end))
        })
    }

    fn share(&self, descriptor: Descriptor) -> Result<Descriptor, String> {
        let record = self
            .first
            .duplicate(descriptor, self.second.id())
            .map_err(words)?;
        self.second.redeem(record).map_err(words)
    }

    /// Every receive that was pending must have been aborted, once.
    fn count_completions(&mut self, number: u64) {
        let mut aborted = 0;
        while let Some(completion) = self.queue.take() {
            if completion.key == number && completion.result == Err(Error::OperationAborted) {
                aborted += 1;
            } else {
                let (key, result) = (completion.key, completion.result);
                self.report
                    .problems
                    .push(format!("completion {key} ended with {result:?}"));
            }
        }
        self.report.missing_completions += PENDING.saturating_sub(aborted);
        self.report.double_completions += aborted.saturating_sub(PENDING);
    }
}

/// How the peer saw the connection end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
    Broken(String),
}

/// Reads everything, checks each byte against its position, and says how it
/// ended.
fn read_to_end(mut peer: TcpStream) -> (u64, End) {
    let mut buffer = vec![0; 64 * 1024];
    let mut received = 0_u64;
    loop {
        let count = match peer.read(&mut buffer) {
            Ok(0) => return (received, End::Fin),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return (received, End::Reset);
            }
            Err(error) => return (received, End::Broken(words(error))),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        let wrong = (received..)
            .zip(bytes)
            .find(|(position, byte)| pattern(*position) != **byte);
        if let Some((position, _)) = wrong {
            return (
                received,
                End::Broken(format!("a wrong byte at position {position}")),
            );
        }
        received += count as u64;
    }
}

/// The byte at a position of the stream: repeats at no power of two, so that a
/// hole shows.
const fn pattern(position: u64) -> u8 {
    (position % 251) as u8
}

fn expect(
    result: Result<(), Error>,
    expected: Result<(), Error>,
    what: &str,
) -> Result<(), String> {
    if result == expected {
        Ok(())
    } else {
        Err(format!("{what} gave {result:?}"))
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
