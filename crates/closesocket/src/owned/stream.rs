//! One end of a connection.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use super::Owned;
use crate::engine::{
    AddressOf, Closed, Closing, Descriptor, Error, InMemory, Process, Shutdown, System,
};

/// One end of a connection, as the owner of a descriptor.
///
/// Dropping it closes that, gracefully and without waiting: what was accepted is
/// sent in the background, by the time of the linger option if one is set. It is
/// `Sync`; several threads can read and write through `&Stream`, and closing the
/// descriptor from another thread ends their calls (O4).
pub struct Stream<S: System = InMemory>(Owned<S>);

impl<S: System> Stream<S> {
    /// A connection of this process to a peer. Blocks until it is made or refused.
    ///
    /// # Errors
    /// As [`Process::socket`] and [`Process::connect`].
    pub fn connect(process: &Process<S>, address: &AddressOf<S>) -> Result<Self, Error> {
        let owned = Owned::socket(process)?;
        process.connect(owned.descriptor, address)?;
        Ok(Self(owned))
    }

    /// Owns this descriptor of the process from here on.
    #[must_use]
    pub fn from_descriptor(process: &Process<S>, descriptor: Descriptor) -> Self {
        Self(Owned::of(process.clone(), descriptor))
    }

    /// Gives the descriptor up: it is the caller's to close.
    #[must_use]
    pub fn into_descriptor(self) -> Descriptor {
        self.0.into_descriptor()
    }

    /// The descriptor, for the calls that are not here.
    #[must_use]
    pub const fn descriptor(&self) -> Descriptor {
        self.0.descriptor
    }

    /// The process that the descriptor is of.
    #[must_use]
    pub const fn process(&self) -> &Process<S> {
        &self.0.process
    }

    /// Receives, as [`Process::recv`]; 0 bytes are the end.
    ///
    /// # Errors
    /// As there.
    pub fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.process().recv(self.descriptor(), buffer)
    }

    /// Queues for sending, as [`Process::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&self, bytes: &[u8]) -> Result<usize, Error> {
        self.process().send(self.descriptor(), bytes)
    }

    /// Another descriptor of the same socket, in the same process: state and options
    /// are shared, and the connection ends with the last (D4, D6).
    ///
    /// # Errors
    /// As [`Process::duplicate`] and [`Process::redeem`].
    pub fn try_clone(&self) -> Result<Self, Error> {
        self.duplicate_to(self.process())
    }

    /// Another descriptor of the same socket, in this process.
    ///
    /// # Errors
    /// As [`Process::duplicate`] and [`Process::redeem`].
    pub fn duplicate_to(&self, target: &Process<S>) -> Result<Self, Error> {
        self.0.duplicate_to(target).map(Self)
    }

    /// Shuts down one side, or both, of the connection (S1).
    ///
    /// # Errors
    /// As [`Process::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        self.process().shutdown(self.descriptor(), how)
    }

    /// The local address.
    ///
    /// # Errors
    /// As [`Process::local_address`].
    pub fn local_address(&self) -> Result<AddressOf<S>, Error> {
        self.0.local_address()
    }

    /// The peer's address.
    ///
    /// # Errors
    /// As [`Process::peer_address`].
    pub fn peer_address(&self) -> Result<AddressOf<S>, Error> {
        self.process().peer_address(self.descriptor())
    }

    /// Sets for how many seconds the last close lingers; 0 asks for a hard close,
    /// `None` for one that does not wait.
    ///
    /// # Errors
    /// As [`Process::set_linger`].
    pub fn set_linger(&self, seconds: Option<u16>) -> Result<(), Error> {
        self.process().set_linger(self.descriptor(), seconds)
    }

    /// For how many seconds the last close lingers; `None` if it does not wait.
    ///
    /// # Errors
    /// As [`Process::linger`].
    pub fn linger(&self) -> Result<Option<u16>, Error> {
        self.process().linger(self.descriptor())
    }

    /// Sets the nonblocking mode.
    ///
    /// # Errors
    /// As [`Process::set_nonblocking`].
    pub fn set_nonblocking(&self, nonblocking: bool) -> Result<(), Error> {
        let descriptor = self.descriptor();
        self.process().set_nonblocking(descriptor, nonblocking)
    }

    /// Sets how long a receive may block (C3).
    ///
    /// # Errors
    /// As [`Process::set_receive_limit`].
    pub fn set_receive_limit(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.process().set_receive_limit(self.descriptor(), limit)
    }

    /// Sets how long a send may block (C3).
    ///
    /// # Errors
    /// As [`Process::set_receive_limit`].
    pub fn set_send_limit(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.process().set_send_limit(self.descriptor(), limit)
    }

    /// Closes, and says how the connection has ended. It waits where the linger option
    /// says so; otherwise, and on a nonblocking socket, what cannot end at once ends
    /// in the background.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the wait was cancelled: the drain goes on (L9);
    /// [`Error::NotSocket`] if somebody has closed the descriptor before;
    /// [`Error::NotInitialised`] and [`Error::NetworkDown`].
    pub fn close(self) -> Result<Closed, Error> {
        self.0.close(None)
    }

    /// Closes, and waits so long until all is sent and acknowledged; then the
    /// connection is reset. As by the linger option, which this overrides: in
    /// milliseconds, rounded up; only no time at all is a hard close.
    ///
    /// # Errors
    /// As [`Stream::close`].
    pub fn close_within(self, limit: Duration) -> Result<Closed, Error> {
        self.0.close(Some(limit))
    }

    /// Closes, discarding what is queued, and resets the connection, if this is its
    /// last descriptor.
    ///
    /// # Errors
    /// As [`Stream::close`].
    pub fn abort(self) -> Result<Closed, Error> {
        self.0.close(Some(Duration::ZERO))
    }

    /// Closes without waiting, as a drop does, and returns what tells the end to who
    /// awaits it: [`Process::close_in_background`].
    ///
    /// # Errors
    /// As there.
    pub fn close_in_background(
        self,
        within: Option<Duration>,
    ) -> Result<Closing<S::Primitives>, Error> {
        self.0.close_in_background(within)
    }
}

impl<S: System> Read for &Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv(buffer)?)
    }
}

/// What is written is queued, and sent in the background: there is nothing to flush.
impl<S: System> Write for &Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.send(bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: System> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl<S: System> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: System> fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.descriptor()).finish()
    }
}
