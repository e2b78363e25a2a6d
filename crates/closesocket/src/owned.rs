//! Sockets that close themselves: [`Stream`] and [`Listener`], each the owner of a
//! descriptor.
//!
//! They are for those who use a provider. Who writes one has descriptors that its
//! callers own: [`Process`] has all the calls.

mod listener;
mod stream;

pub use listener::Listener;
pub use stream::Stream;

use crate::engine::{AddressOf, Closed, Closing, Descriptor, Error, Process, System};
use std::time::Duration;

/// The descriptor of a process; it is closed when this goes.
struct Owned<S: System> {
    process: Process<S>,
    descriptor: Descriptor,
    /// It is this one's to close.
    open: bool,
}

impl<S: System> Owned<S> {
    const fn of(process: Process<S>, descriptor: Descriptor) -> Self {
        Self {
            process,
            descriptor,
            open: true,
        }
    }

    fn socket(process: &Process<S>) -> Result<Self, Error> {
        Ok(Self::of(process.clone(), process.socket()?))
    }

    fn into_descriptor(mut self) -> Descriptor {
        self.open = false;
        self.descriptor
    }

    /// A descriptor of the same socket for this process (D4).
    fn duplicate_to(&self, target: &Process<S>) -> Result<Self, Error> {
        let record = self.process.duplicate(self.descriptor, target.id())?;
        Ok(Self::of(target.clone(), target.redeem(record)?))
    }

    fn local_address(&self) -> Result<AddressOf<S>, Error> {
        self.process.local_address(self.descriptor)
    }

    /// Closes by the linger table. A nonblocking socket, whose close would block, is
    /// nobody's any more: it is left to the background.
    fn close(mut self, within: Option<Duration>) -> Result<Closed, Error> {
        let closed = self.process.close_and_tell(self.descriptor, within);
        if closed == Err(Error::WouldBlock) {
            return self
                .close_in_background(within)
                .map(|_| Closed::InBackground);
        }
        // An interrupted close has committed (L9).
        self.open = !matches!(closed, Ok(_) | Err(Error::Interrupted));
        closed
    }

    fn close_in_background(
        mut self,
        within: Option<Duration>,
    ) -> Result<Closing<S::Primitives>, Error> {
        let closing = self.process.close_in_background(self.descriptor, within)?;
        self.open = false;
        Ok(closing)
    }
}

impl<S: System> Drop for Owned<S> {
    fn drop(&mut self) {
        if self.open {
            // It fails if somebody else has closed the descriptor or ended its process.
            let _ = self.process.close_in_background(self.descriptor, None);
        }
    }
}
