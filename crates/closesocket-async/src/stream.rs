//! One end of a connection.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use closesocket::Stream;
use closesocket::engine::completions::Wait;
use closesocket::engine::{AddressOf, Closed, Error, InMemory, Process, System};

/// One end of a connection, for tasks.
///
/// Dropping it closes it as a [`Stream`] is: gracefully, in the background.
#[derive(Debug)]
pub struct AsyncStream<S: System = InMemory> {
    stream: Stream<S>,
    reading: Wait<S>,
    writing: Wait<S>,
}

/// Polls a read of this stream.
pub(crate) fn poll_read<S: System>(
    stream: &Stream<S>,
    wait: &mut Wait<S>,
    buffer: &mut [u8],
    context: &Context<'_>,
) -> Poll<Result<usize, Error>> {
    let descriptor = stream.descriptor();
    stream
        .process()
        .poll_recv(descriptor, buffer, wait, context)
}

/// Polls a write to this stream.
pub(crate) fn poll_write<S: System>(
    stream: &Stream<S>,
    wait: &mut Wait<S>,
    bytes: &[u8],
    context: &Context<'_>,
) -> Poll<Result<usize, Error>> {
    let descriptor = stream.descriptor();
    stream.process().poll_send(descriptor, bytes, wait, context)
}

impl<S: System> From<Stream<S>> for AsyncStream<S> {
    fn from(stream: Stream<S>) -> Self {
        Self {
            stream,
            reading: Wait::new(),
            writing: Wait::new(),
        }
    }
}

impl<S: System> AsyncStream<S> {
    /// A connection of this process to a peer.
    ///
    /// # Errors
    /// As [`Process::socket`] and [`Process::connect`].
    pub async fn connect(process: &Process<S>, address: AddressOf<S>) -> Result<Self, Error> {
        // Owned before it is awaited: a connect that is dropped leaves nothing.
        let stream = Stream::from_descriptor(process, process.socket()?);
        let connected = process.connect_async(stream.descriptor(), address);
        connected.await?;
        Ok(stream.into())
    }

    /// The stream, for the calls that do not wait.
    #[must_use]
    pub const fn get_ref(&self) -> &Stream<S> {
        &self.stream
    }

    /// The stream, for threads.
    #[must_use]
    pub fn into_inner(self) -> Stream<S> {
        self.stream
    }

    pub(crate) const fn reader(&mut self) -> (&Stream<S>, &mut Wait<S>) {
        (&self.stream, &mut self.reading)
    }

    pub(crate) const fn writer(&mut self) -> (&Stream<S>, &mut Wait<S>) {
        (&self.stream, &mut self.writing)
    }

    /// Receives; 0 bytes are the end.
    ///
    /// # Errors
    /// As [`Process::poll_recv`].
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut wait = Wait::new();
        poll_fn(|context| poll_read(&self.stream, &mut wait, buffer, context)).await
    }

    /// Queues what fits for sending, at least one byte, and returns how many.
    ///
    /// # Errors
    /// As [`Process::poll_send`].
    pub async fn send(&self, bytes: &[u8]) -> Result<usize, Error> {
        let mut wait = Wait::new();
        poll_fn(|context| poll_write(&self.stream, &mut wait, bytes, context)).await
    }

    /// Closes, and waits until everything that was written is acknowledged and the
    /// FIN sent, the connection is lost, or the time has passed: that of the linger
    /// option if one is set, else the provider's own
    /// ([`Config::drain_limit`](closesocket::engine::Config::drain_limit)). If others have
    /// the socket too, it is at once [`Closed::Shared`]. A close that is dropped goes on in
    /// the background.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if somebody has closed the descriptor before;
    /// [`Error::NotInitialised`] and [`Error::NetworkDown`].
    pub async fn close(self) -> Result<Closed, Error> {
        self.end(None).await
    }

    /// Closes as [`AsyncStream::close`] does, but waits at most so long, whatever the
    /// linger option says; then the connection is reset. In milliseconds, rounded up.
    ///
    /// # Errors
    /// As [`AsyncStream::close`].
    pub async fn close_within(self, limit: Duration) -> Result<Closed, Error> {
        self.end(Some(limit)).await
    }

    async fn end(self, within: Option<Duration>) -> Result<Closed, Error> {
        Ok(self.stream.close_in_background(within)?.await)
    }

    /// Closes, discards what is queued and resets the connection, if this is its last
    /// descriptor. Does not wait.
    ///
    /// # Errors
    /// As [`AsyncStream::close`].
    pub fn abort(self) -> Result<Closed, Error> {
        self.stream.abort()
    }

    /// What it is made of, to be halved.
    pub(crate) fn into_parts(self) -> (Stream<S>, Wait<S>, Wait<S>) {
        (self.stream, self.reading, self.writing)
    }

    /// The whole of two halves.
    pub(crate) const fn whole(stream: Stream<S>, reading: Wait<S>, writing: Wait<S>) -> Self {
        Self {
            stream,
            reading,
            writing,
        }
    }
}
