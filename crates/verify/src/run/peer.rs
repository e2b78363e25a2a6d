//! The peers: plain `std::net` streams that know nothing of the engine, looked
//! after by a few threads.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::plan::Sabotage;
use super::random::Pattern;
use super::schedule::{Habit, PeerPlan};
use crate::report::count;

/// Threads that look after peers.
const THREADS: usize = 2;
/// How long a peer waits for anything before the connection counts as stuck.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long the threads sleep when no peer had anything to do.
const PAUSE: Duration = Duration::from_micros(300);
/// Bytes of a piece that is sent late.
const PIECE: usize = 100;

/// How a peer saw its connection end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Fin,
    Reset,
    /// It has gone by itself before.
    Gone,
    /// It is in another process, which has seen it.
    Elsewhere,
    Broken(String),
}

/// What a peer has to say when its connection has ended.
#[derive(Debug)]
pub(super) struct PeerReport {
    pub(super) number: u64,
    pub(super) received: u64,
    pub(super) end: End,
}

impl PeerReport {
    /// Of a peer in another process.
    pub(super) const fn elsewhere(number: u64) -> Self {
        Self {
            number,
            received: 0,
            end: End::Elsewhere,
        }
    }
}

/// The threads that look after peers. They end when this is dropped.
pub(super) struct Peers {
    to: Vec<Sender<Peer>>,
    threads: Vec<JoinHandle<()>>,
}

impl Peers {
    pub(super) fn start(sabotage: Option<Sabotage>) -> Self {
        let (to, threads) = (0..THREADS)
            .map(|_| {
                let (sender, receiver) = mpsc::channel();
                let drops_byte = sabotage == Some(Sabotage::LostByte);
                (
                    sender,
                    thread::spawn(move || look_after(&receiver, drops_byte)),
                )
            })
            .unzip();
        Self { to, threads }
    }

    /// Lets a peer do what is planned; its report goes to `report`. It learns from
    /// `committed` of the connection's last close.
    ///
    /// # Errors
    /// What the system says to the first bytes that the peer sends.
    pub(super) fn adopt(
        &self,
        number: u64,
        mut stream: TcpStream,
        plan: PeerPlan,
        committed: &Arc<AtomicBool>,
        report: &Sender<PeerReport>,
    ) -> io::Result<()> {
        stream.set_write_timeout(Some(PATIENCE))?;
        // Before the engine does anything, so that it is certain to come.
        stream.write_all(&Pattern::of_peer(number).bytes(0, plan.sends))?;
        if plan.half_closes {
            stream.shutdown(Shutdown::Write)?;
        }
        stream.set_nonblocking(true)?;
        let now = Instant::now();
        let peer = Peer {
            number,
            stream,
            plan,
            born: now,
            moved: now,
            received: 0,
            pieces: 0,
            saw_reset: false,
            committed: Arc::clone(committed),
            report: report.clone(),
        };
        let thread = usize::try_from(number).unwrap_or_default() % self.to.len();
        self.to[thread]
            .send(peer)
            .map_err(|_| io::Error::other("the peers' thread has ended"))
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.to.clear();
        for thread in self.threads.drain(..) {
            // A panic was reported by its thread, and its peers never report.
            let _ = thread.join();
        }
    }
}

fn look_after(incoming: &Receiver<Peer>, drops_byte: bool) {
    let mut peers: Vec<Peer> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if peers.is_empty() {
            match incoming.recv() {
                Ok(peer) => peers.push(peer),
                Err(_) => return,
            }
        }
        peers.extend(incoming.try_iter());
        let mut moved = false;
        peers.retain_mut(|peer| match peer.look(&mut buffer) {
            Look::Nothing => true,
            Look::Moved => {
                moved = true;
                true
            }
            Look::Ended(end) => {
                moved = true;
                let byte = u64::from(drops_byte && peer.received > 0);
                // The worker is gone only if it has panicked.
                let _ = peer.report.send(PeerReport {
                    number: peer.number,
                    received: peer.received - byte,
                    end,
                });
                false
            }
        });
        if !moved {
            thread::sleep(PAUSE);
        }
    }
}

struct Peer {
    number: u64,
    stream: TcpStream,
    plan: PeerPlan,
    born: Instant,
    /// When something last happened.
    moved: Instant,
    received: u64,
    /// Late pieces sent.
    pieces: u64,
    saw_reset: bool,
    /// The last close has committed.
    committed: Arc<AtomicBool>,
    report: Sender<PeerReport>,
}

/// What came of looking after a peer once.
enum Look {
    Nothing,
    Moved,
    Ended(End),
}

impl Peer {
    fn look(&mut self, buffer: &mut [u8]) -> Look {
        self.send_late();
        let age = self.born.elapsed();
        let over = |millis: u64| age >= Duration::from_millis(millis);
        let look = match self.plan.habit {
            Habit::Slowly { .. } if self.moved.elapsed() < Duration::from_millis(1) => {
                Look::Nothing
            }
            Habit::Slowly { piece } => {
                let piece = piece.min(buffer.len());
                self.read(buffer.get_mut(..piece).unwrap_or_default())
            }
            Habit::Stalls { millis } if !over(millis) => Look::Nothing,
            Habit::Waits if !self.committed.load(Ordering::Acquire) => Look::Nothing,
            Habit::Resets { millis } if over(millis) => self.reset(),
            Habit::Vanishes { millis } if over(millis) => Look::Ended(End::Gone),
            Habit::Sleeps => match self.stream.take_error() {
                Ok(None) => Look::Nothing,
                Ok(Some(error)) | Err(error) => Look::Ended(ended(&error)),
            },
            _ => self.read(buffer),
        };
        match look {
            Look::Moved => self.moved = Instant::now(),
            Look::Nothing if self.moved.elapsed() > PATIENCE => {
                let received = count(self.received, "byte");
                let stuck = format!("the peer waited in vain after {received}");
                return Look::Ended(End::Broken(stuck));
            }
            _ => {}
        }
        look
    }

    fn send_late(&mut self) {
        if self.plan.half_closes || self.pieces >= self.plan.late_pieces {
            return;
        }
        // One about every millisecond.
        if self.born.elapsed() < Duration::from_millis(self.pieces + 1) {
            return;
        }
        let position = self.plan.sends as u64 + self.pieces * PIECE as u64;
        let piece = Pattern::of_peer(self.number).bytes(position, PIECE);
        match self.stream.write(&piece) {
            Ok(PIECE) => self.pieces += 1,
            result => {
                // Nobody takes it any more.
                self.pieces = u64::MAX;
                let kind = result.err().map(|error| error.kind());
                self.saw_reset |= kind == Some(ErrorKind::ConnectionReset);
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Look {
        let count = match self.stream.read(buffer) {
            Ok(0) if self.saw_reset => return Look::Ended(End::Reset),
            Ok(0) => return Look::Ended(End::Fin),
            Ok(count) => count,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::Interrupted => Look::Nothing,
                    _ => Look::Ended(ended(&error)),
                };
            }
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        let wrong = Pattern::of_engine(self.number).first_wrong(self.received, bytes);
        if let Some(position) = wrong {
            let wrong = format!("the peer got a wrong byte at position {position}");
            return Look::Ended(End::Broken(wrong));
        }
        self.received += count as u64;
        Look::Moved
    }

    /// Closes with unread input, which makes the kernel reset the connection.
    fn reset(&self) -> Look {
        match self.stream.peek(&mut [0]) {
            Ok(0) => Look::Ended(End::Fin),
            Ok(_) => Look::Ended(End::Gone),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Look::Nothing,
            Err(error) => Look::Ended(ended(&error)),
        }
    }
}

fn ended(error: &io::Error) -> End {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => End::Reset,
        _ => End::Broken(format!("the peer saw {error}")),
    }
}
