//! A connected socket with receives pending.

use std::time::{Duration, Instant};

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{MemoryAddress, Peer};
use closesocket::engine::{Descriptor, Error, InMemory, Process, Provider, System};

use super::idle::{Idle, OverIdle};

const HOME: MemoryAddress = MemoryAddress(1);

/// A process whose sockets can be connected to something.
pub(crate) struct World<S: System> {
    process: Process<S>,
    /// Connects a socket; what is at the other end, if it is anybody.
    connect: Connect<S>,
    queue: CompletionQueue<S::Primitives>,
}

type Connect<S> = Box<dyn Fn(&Process<S>, Descriptor) -> Option<Peer> + Sync>;

/// A connection, and the buffers of receives to come.
struct Connection {
    descriptor: Descriptor,
    peer: Option<Peer>,
    buffers: Vec<Vec<u8>>,
}

/// How long each part took.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) register: Duration,
    pub(crate) complete: Duration,
}

impl World<InMemory> {
    /// Sockets that have a peer in memory.
    pub(crate) fn in_memory() -> Self {
        let provider = Provider::in_memory();
        let listener = provider.transport().listen(HOME).unwrap();
        Self {
            process: provider.startup().unwrap(),
            connect: Box::new(move |process, descriptor| {
                process.set_nonblocking(descriptor, true).unwrap();
                let connecting = process.connect(descriptor, &HOME);
                assert_eq!(connecting, Err(Error::WouldBlock));
                listener.accept()
            }),
            queue: CompletionQueue::new(),
        }
    }

    /// How long registering so many receives takes, and completing them: the
    /// peer writes a byte for each, and each completion is taken.
    pub(crate) fn register_and_complete(&self, receives: u64) -> Parts {
        let mut parts = Parts::default();
        let mut left = receives;
        while left > 0 {
            let batch = left.min(1_000);
            left -= batch;
            let mut connection = self.connect(batch);
            let start = Instant::now();
            self.register(&mut connection);
            parts.register += start.elapsed();
            let start = Instant::now();
            for _ in 0..batch {
                connection.peer.as_ref().unwrap().write(b"x").unwrap();
            }
            self.take_all(batch, Ok(1));
            parts.complete += start.elapsed();
            self.process.close(connection.descriptor).unwrap();
        }
        parts
    }
}

impl World<OverIdle> {
    /// Sockets that are connected to nobody.
    pub(crate) fn idle() -> Self {
        Self {
            process: Provider::over(Idle).startup().unwrap(),
            connect: Box::new(|process, descriptor| {
                process.connect(descriptor, &()).unwrap();
                None
            }),
            queue: CompletionQueue::new(),
        }
    }
}

impl<S: System> World<S> {
    fn connect(&self, receives: u64) -> Connection {
        let descriptor = self.process.socket().unwrap();
        Connection {
            descriptor,
            peer: (self.connect)(&self.process, descriptor),
            buffers: (0..receives).map(|_| vec![0; 1]).collect(),
        }
    }

    /// Registers an overlapped receive for each buffer.
    fn register(&self, connection: &mut Connection) {
        for (buffer, key) in connection.buffers.drain(..).zip(0..) {
            let notify = Notify::queue(&self.queue, key);
            let descriptor = connection.descriptor;
            let parked = self.process.recv_overlapped(descriptor, buffer, notify);
            parked.unwrap();
        }
    }

    /// Takes every completion; all must be there and must have ended so.
    fn take_all(&self, expected: u64, result: Result<usize, Error>) {
        for key in 0..expected {
            let completion = self.queue.take().unwrap();
            assert_eq!((completion.key, completion.result), (key, result));
        }
        assert!(self.queue.is_empty());
    }

    /// How long each of so many closes takes with so many receives pending,
    /// posting their completions to one queue included, and taking those, on a
    /// connection made for each round.
    pub(crate) fn close_with_pending(&self, receives: u64, rounds: u64) -> [Duration; 2] {
        let (mut close, mut take) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..rounds {
            let mut connection = self.connect(receives);
            self.register(&mut connection);
            let start = Instant::now();
            self.process.close(connection.descriptor).unwrap();
            let closed = Instant::now();
            self.take_all(receives, Err(Error::OperationAborted));
            close += closed - start;
            take += closed.elapsed();
        }
        [close, take]
    }
}
