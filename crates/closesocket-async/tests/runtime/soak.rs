//! Thousands of tasks that send, receive, accept and connect to each other, whose
//! calls are dropped at random and whose connections end at random, in one thread.
//!
//! A direction of a connection carries a pattern that names its place, so a byte that
//! is lost in the middle, or comes twice, is seen where it is read. Who reads the end
//! must have read all that the other was told is accepted. Of one that was told that its
//! close drained, the other has got everything, if it reads so far: the end, unless it
//! has gone on sending, and is told by a reset that nobody reads that.
//!
//! `SOAK_SECONDS=60 cargo test -p closesocket-async --test runtime soak` for longer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use closesocket::engine::{Closed, Error, Shutdown};
use closesocket_async::AsyncStream;
use tokio::task::{LocalSet, spawn_local, yield_now};

use crate::{Stream, System, World};

/// Connections at a time; each has a task at each end.
const CONNECTIONS: usize = 5_000;

/// Tasks that accept.
const ACCEPTORS: usize = 8;

/// The first bytes of what a client sends name the connection.
const NAME: usize = 8;

/// A small generator: the schedule depends on what the kernel does anyway.
struct Random(Cell<u64>);

impl Random {
    fn below(&self, limit: usize) -> usize {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        usize::try_from(state >> 16).unwrap() % limit
    }
}

/// Polls the call until it ends, or drops it after a few polls.
async fn cut<F: Future>(random: &Random, call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    for _ in 0..=random.below(6) {
        let polled = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context)));
        if let Poll::Ready(output) = polled.await {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

/// The byte at this place of a direction of a connection.
fn pattern(name: u64, direction: usize, place: usize) -> u8 {
    if direction == 0 && place < NAME {
        return name.to_le_bytes()[place];
    }
    let seed = usize::try_from(name).unwrap().wrapping_mul(97) + direction * 13;
    ((place / 251) ^ place ^ seed).to_le_bytes()[0]
}

/// How an end of a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// It has read the end.
    End,
    /// It was told of a loss.
    Lost,
    /// It has not read so far.
    Stopped,
}

/// What an end has done.
#[derive(Clone, Copy, Debug)]
struct Report {
    accepted: usize,
    received: usize,
    read: Read,
    /// What its close said; `None` if that was not awaited.
    closed: Option<Result<Closed, Error>>,
}

#[derive(Default)]
struct Tally {
    ended: usize,
    compared: usize,
    drained_and_read: usize,
    dropped_calls: usize,
    bytes: usize,
    /// What was wrong. A panic would end one task only.
    wrong: Vec<String>,
}

struct Soak {
    world: World,
    random: Random,
    until: Instant,
    names: Cell<u64>,
    reports: RefCell<HashMap<u64, [Option<Report>; 2]>>,
    tally: RefCell<Tally>,
}

/// One end of a connection.
struct End {
    stream: Stream,
    name: u64,
    /// 0 for the client.
    side: usize,
    accepted: usize,
    received: usize,
    read: Read,
}

impl End {
    /// Sends a piece, if the call is not dropped.
    async fn send(&mut self, soak: &Soak) {
        let length = 1 + soak.random.below(20_000);
        let places = self.accepted..self.accepted + length;
        let bytes: Vec<u8> = places.map(|it| pattern(self.name, self.side, it)).collect();
        match cut(&soak.random, self.stream.send(&bytes)).await {
            Some(Ok(sent)) => self.accepted += sent,
            Some(Err(_)) => {}
            None => soak.tally.borrow_mut().dropped_calls += 1,
        }
    }

    fn take(&mut self, soak: &Soak, bytes: &[u8]) {
        let places = self.received..self.received + bytes.len();
        let mut expected = places.map(|it| pattern(self.name, 1 - self.side, it));
        let same = bytes.iter().all(|byte| expected.next() == Some(*byte));
        soak.require(same, || format!("{} behind {}", self.name, self.received));
        self.received += bytes.len();
    }

    /// Receives a piece, or until the end.
    async fn receive(&mut self, soak: &Soak, whole: bool) {
        let mut buffer = vec![0; 1 + soak.random.below(30_000)];
        while self.read == Read::Stopped {
            let received = if whole {
                Some(self.stream.recv(&mut buffer).await)
            } else {
                cut(&soak.random, self.stream.recv(&mut buffer)).await
            };
            match received {
                Some(Ok(0)) => self.read = Read::End,
                Some(Ok(bytes)) => self.take(soak, &buffer[..bytes]),
                Some(Err(_)) => self.read = Read::Lost,
                None => soak.tally.borrow_mut().dropped_calls += 1,
            }
            if !whole {
                return;
            }
        }
    }

    /// Does this and that, and ends in one way or another.
    async fn live(mut self, soak: &Soak) {
        for _ in 0..soak.random.below(40) {
            match soak.random.below(5) {
                0 | 1 => self.send(soak).await,
                2 | 3 => self.receive(soak, false).await,
                _ => yield_now().await,
            }
        }
        if soak.random.below(2) == 0 {
            // Two that read on and do not say that they are done wait for ever.
            if self.side == 1 || soak.random.below(2) == 0 {
                let _ = self.stream.get_ref().shutdown(Shutdown::Send);
            }
            self.receive(soak, true).await;
        }
        let stream = self.stream;
        let closed = match soak.random.below(6) {
            0 => {
                drop(stream);
                None
            }
            1 => Some(stream.abort()),
            2 => cut(&soak.random, stream.close()).await,
            3 => Some(stream.close_within(Duration::from_secs(60)).await),
            _ => Some(stream.close().await),
        };
        let report = Report {
            accepted: self.accepted,
            received: self.received,
            read: self.read,
            closed,
        };
        soak.report(self.name, self.side, report);
    }
}

impl Soak {
    fn require(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.tally.borrow_mut().wrong.push(what());
        }
    }

    fn report(&self, name: u64, side: usize, report: Report) {
        let mut reports = self.reports.borrow_mut();
        let both = reports.entry(name).or_default();
        let before = both[side].replace(report);
        self.require(before.is_none(), || format!("{name}: two ends of one side"));
        let ends = *both;
        self.tally.borrow_mut().ended += 1;
        self.tally.borrow_mut().bytes += report.received;
        let [Some(client), Some(server)] = ends else {
            return;
        };
        reports.remove(&name);
        for (writer, reader) in [(client, server), (server, client)] {
            let drained = writer.closed == Some(Ok(Closed::Drained));
            let everything = reader.received == writer.accepted;
            let must = reader.read == Read::End || (drained && reader.read == Read::Lost);
            let holds = everything || (!must && reader.received < writer.accepted);
            self.require(holds, || format!("{name}: {writer:?} {reader:?}"));
            let mut tally = self.tally.borrow_mut();
            tally.compared += 1;
            tally.drained_and_read += usize::from(drained && must);
        }
    }

    /// Connects, again and again.
    async fn client(self: Rc<Self>) {
        while Instant::now() < self.until {
            let connecting = AsyncStream::connect(&self.world.process, self.world.address());
            let connected = match self.random.below(4) {
                0 => cut(&self.random, connecting).await,
                _ => Some(connecting.await),
            };
            let Some(Ok(stream)) = connected else {
                yield_now().await;
                continue;
            };
            let name = self.names.replace(self.names.get() + 1);
            let mut end = End::new(stream, 0, name);
            while end.accepted < NAME {
                let rest = &name.to_le_bytes()[end.accepted..];
                match end.stream.send(rest).await {
                    Ok(sent) => end.accepted += sent,
                    Err(_) => break,
                }
            }
            end.live(&self).await;
        }
    }

    /// Accepts while there are clients, and lets each connection live by itself.
    async fn accept(self: Rc<Self>, clients: Rc<Cell<usize>>) {
        while clients.get() > 0 {
            let accepted = cut(&self.random, self.world.listener.accept()).await;
            if let Some(accepted) = accepted {
                let (stream, _) = accepted.unwrap();
                spawn_local(Rc::clone(&self).serve(stream));
            } else {
                yield_now().await;
            }
        }
    }

    /// Learns who it is, and goes on as the other end does.
    async fn serve(self: Rc<Self>, stream: Stream) {
        let mut end = End::new(stream, 1, 0);
        let mut name = [0; NAME];
        while end.received < NAME {
            match end.stream.recv(&mut name[end.received..]).await {
                // A connect that was dropped, or a client that has aborted.
                Ok(0) | Err(_) => return,
                Ok(bytes) => end.received += bytes,
            }
        }
        end.name = u64::from_le_bytes(name);
        end.live(&self).await;
    }
}

impl End {
    const fn new(stream: AsyncStream<System>, side: usize, name: u64) -> Self {
        Self {
            stream,
            name,
            side,
            accepted: 0,
            received: 0,
            read: Read::Stopped,
        }
    }
}

//= docs/specification.md#o6-partly-accepted-sends
//= type=test
//# - After a close that ended gracefully, the peer MUST be able to receive every accepted
//# byte.
//= docs/specification.md#d8-release
//= type=test
//# - A socket without references MUST be released eventually, provided that the scheduler is
//# fair and that the transport or the timer makes progress.
#[tokio::test(flavor = "current_thread")]
async fn soak_of_tasks_that_are_cancelled_and_closed_at_random() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(3, |it| it.parse().unwrap());
    let soak = Rc::new(Soak {
        world: World::new(),
        random: Random(Cell::new(0x9E37_79B9_7F4A_7C15)),
        until: Instant::now() + Duration::from_secs(seconds),
        names: Cell::new(1),
        reports: RefCell::default(),
        tally: RefCell::default(),
    });
    let clients = Rc::new(Cell::new(CONNECTIONS));
    let tasks = LocalSet::new();
    for _ in 0..CONNECTIONS {
        let (soak, clients) = (Rc::clone(&soak), Rc::clone(&clients));
        tasks.spawn_local(async move {
            soak.client().await;
            clients.set(clients.get() - 1);
        });
    }
    for _ in 0..ACCEPTORS {
        tasks.spawn_local(Rc::clone(&soak).accept(Rc::clone(&clients)));
    }
    tasks.await;
    let listener = soak.world.listener.get_ref().descriptor();
    let cancelled = soak.world.process.cancel_all(listener);
    assert_eq!(cancelled, Err(Error::NotFound), "no accept is left");
    soak.world.until_empty().await;
    let tally = soak.tally.borrow();
    println!(
        "{} ends of connections, {} bytes, {} calls dropped; {} directions compared, {} of them \
         drained and read to the end",
        tally.ended, tally.bytes, tally.dropped_calls, tally.compared, tally.drained_and_read
    );
    assert_eq!(tally.wrong, [""; 0]);
    assert!(tally.compared > 0 && tally.drained_and_read > 0);
}
