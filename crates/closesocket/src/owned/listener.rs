//! A socket that listens.

use std::fmt;
use std::time::Duration;

use super::{Owned, Stream};
use crate::engine::{AddressOf, Descriptor, Error, InMemory, Process, System};

/// How many connections may wait.
const BACKLOG: u32 = 4096;

/// A socket that listens, as the owner of a descriptor. Dropping it closes that: with
/// the last one, the connections that wait are reset (O7).
pub struct Listener<S: System = InMemory>(Owned<S>);

impl<S: System> Listener<S> {
    /// Listens at this address. For options that come before, and another backlog than
    /// 4096, use [`Process::listen`] and [`Listener::from_descriptor`].
    ///
    /// # Errors
    /// As [`Process::socket`], [`Process::bind`] and [`Process::listen`].
    pub fn bind(process: &Process<S>, address: &AddressOf<S>) -> Result<Self, Error> {
        let owned = Owned::socket(process)?;
        process.bind(owned.descriptor, address)?;
        process.listen(owned.descriptor, BACKLOG)?;
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

    /// Takes the connection that waits longest, and its peer's address, as far as the
    /// transport knows it. Blocks until there is one, unless the socket is nonblocking.
    ///
    /// # Errors
    /// As [`Process::accept`].
    pub fn accept(&self) -> Result<(Stream<S>, Option<AddressOf<S>>), Error> {
        let descriptor = self.process().accept(self.descriptor())?;
        let stream = Stream::from_descriptor(self.process(), descriptor);
        let peer = stream.peer_address().ok();
        Ok((stream, peer))
    }

    /// Another descriptor of the same socket, in the same process.
    ///
    /// # Errors
    /// As [`Process::duplicate`] and [`Process::redeem`].
    pub fn try_clone(&self) -> Result<Self, Error> {
        self.0.duplicate_to(self.process()).map(Self)
    }

    /// The local address.
    ///
    /// # Errors
    /// As [`Process::local_address`].
    pub fn local_address(&self) -> Result<AddressOf<S>, Error> {
        self.0.local_address()
    }

    /// Sets the nonblocking mode, also of the connections that it will accept (R4).
    ///
    /// # Errors
    /// As [`Process::set_nonblocking`].
    pub fn set_nonblocking(&self, nonblocking: bool) -> Result<(), Error> {
        let descriptor = self.descriptor();
        self.process().set_nonblocking(descriptor, nonblocking)
    }

    /// Sets how long an accept may block, and a receive of the connections that it will
    /// accept (C3, R4).
    ///
    /// # Errors
    /// As [`Process::set_receive_limit`].
    pub fn set_receive_limit(&self, limit: Option<Duration>) -> Result<(), Error> {
        self.process().set_receive_limit(self.descriptor(), limit)
    }

    /// Closes it.
    ///
    /// # Errors
    /// As [`Process::close`].
    pub fn close(self) -> Result<(), Error> {
        self.0.close(None).map(|_| ())
    }
}

impl<S: System> fmt::Debug for Listener<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.descriptor()).finish()
    }
}
