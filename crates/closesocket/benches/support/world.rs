//! A connected socket with receives pending.

use std::time::{Duration, Instant};

use closesocket::engine::{
    CompletionQueue, Descriptor, Error, MemoryAddress, Notify, Peer, PeerListener, Process,
    Provider,
};

const HOME: MemoryAddress = MemoryAddress(1);

/// A provider with one process, and a peer to connect to.
pub(crate) struct World {
    process: Process,
    listener: PeerListener,
    queue: CompletionQueue,
}

/// A connection, and the buffers of receives to come.
struct Connection {
    descriptor: Descriptor,
    peer: Peer,
    buffers: Vec<Vec<u8>>,
}

/// How long each part took.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) register: Duration,
    pub(crate) complete: Duration,
}

impl World {
    pub(crate) fn new() -> Self {
        let provider = Provider::in_memory();
        let listener = provider.transport().listen(HOME).unwrap();
        Self {
            process: provider.startup().unwrap(),
            listener,
            queue: CompletionQueue::new(),
        }
    }

    fn connect(&self, receives: u64) -> Connection {
        let descriptor = self.process.socket().unwrap();
        self.process.set_nonblocking(descriptor, true).unwrap();
        let connecting = self.process.connect(descriptor, &HOME);
        assert_eq!(connecting, Err(Error::WouldBlock));
        Connection {
            descriptor,
            peer: self.listener.accept().unwrap(),
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

    /// How long a close takes with so many receives pending, posting their
    /// completions to one queue included, on a connection made for each round.
    pub(crate) fn close_with_pending(&self, receives: u64, rounds: u64) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..rounds {
            let mut connection = self.connect(receives);
            self.register(&mut connection);
            let start = Instant::now();
            self.process.close(connection.descriptor).unwrap();
            total += start.elapsed();
            self.take_all(receives, Err(Error::OperationAborted));
        }
        total
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
                connection.peer.write(b"x").unwrap();
            }
            self.take_all(batch, Ok(1));
            parts.complete += start.elapsed();
            self.process.close(connection.descriptor).unwrap();
        }
        parts
    }
}
