//! The halves of a stream.

use std::sync::Arc;

use closesocket::Stream;
use closesocket::engine::completions::Wait;
use closesocket::engine::{InMemory, Shutdown, System};

use crate::stream::AsyncStream;

/// The half of a stream that reads.
#[derive(Debug)]
pub struct ReadHalf<S: System = InMemory> {
    stream: Arc<Stream<S>>,
    wait: Wait<S>,
}

/// The half of a stream that writes. Dropping it shuts down the send side: the peer
/// reads the end behind what was written. The stream is closed with the second half.
#[derive(Debug)]
pub struct WriteHalf<S: System = InMemory> {
    stream: Arc<Stream<S>>,
    wait: Wait<S>,
    /// It is half of a whole again.
    reunited: bool,
}

impl<S: System> AsyncStream<S> {
    /// Two halves, for two tasks. [`ReadHalf::reunite`] makes them one again, to be
    /// closed.
    #[must_use]
    pub fn into_split(self) -> (ReadHalf<S>, WriteHalf<S>) {
        let (stream, wait, writing) = self.into_parts();
        let stream = Arc::new(stream);
        let writer = WriteHalf::new(Arc::clone(&stream), writing);
        (ReadHalf { stream, wait }, writer)
    }
}

impl<S: System> ReadHalf<S> {
    pub(crate) fn reader(&mut self) -> (&Stream<S>, &mut Wait<S>) {
        (&self.stream, &mut self.wait)
    }

    /// The stream, for the calls that do not wait.
    #[must_use]
    pub fn get_ref(&self) -> &Stream<S> {
        &self.stream
    }

    /// The stream of two halves.
    ///
    /// # Errors
    /// Both, if they are of different streams.
    pub fn reunite(self, mut writer: WriteHalf<S>) -> Result<AsyncStream<S>, (Self, WriteHalf<S>)> {
        if !Arc::ptr_eq(&self.stream, &writer.stream) {
            return Err((self, writer));
        }
        let writing = std::mem::take(&mut writer.wait);
        writer.reunited = true;
        drop(writer);
        let Self { stream, wait } = self;
        match Arc::try_unwrap(stream) {
            Ok(stream) => Ok(AsyncStream::whole(stream, wait, writing)),
            // Nobody has a third.
            Err(stream) => {
                let writer = WriteHalf::new(Arc::clone(&stream), writing);
                Err((Self { stream, wait }, writer))
            }
        }
    }
}

impl<S: System> WriteHalf<S> {
    const fn new(stream: Arc<Stream<S>>, wait: Wait<S>) -> Self {
        Self {
            stream,
            wait,
            reunited: false,
        }
    }

    pub(crate) fn writer(&mut self) -> (&Stream<S>, &mut Wait<S>) {
        (&self.stream, &mut self.wait)
    }

    /// The stream, for the calls that do not wait.
    #[must_use]
    pub fn get_ref(&self) -> &Stream<S> {
        &self.stream
    }
}

impl<S: System> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        if !self.reunited {
            // It fails if there is no connection any more.
            let _ = self.stream.shutdown(Shutdown::Send);
        }
    }
}
