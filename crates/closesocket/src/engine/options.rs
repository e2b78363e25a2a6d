//! Socket options, shared by all descriptors of a socket (D4).

use super::System;
use super::progress::Section;
use super::provider::Process;
use crate::protocol::{Descriptor, Error};

impl<S: System> Process<S> {
    /// Sets `SO_LINGER`: `Some(seconds)` turns lingering on, 0 asking for a hard
    /// close; `None` turns it off.
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::InvalidArgument`] for a time other than 0
    /// if another operating system process may share the socket (D9).
    pub fn set_linger(&self, descriptor: Descriptor, seconds: Option<u16>) -> Result<(), Error> {
        self.change(descriptor, |work| {
            let old = work.state.core.linger;
            work.set_linger(match seconds {
                Some(seconds) => old.set_on(seconds),
                None => old.set_dont_linger(true),
            })
        })
    }

    /// The linger time in seconds, if lingering is on.
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn linger(&self, descriptor: Descriptor) -> Result<Option<u16>, Error> {
        self.change(descriptor, |work| Ok(work.linger()?.seconds()))
    }

    /// Sets `SO_DONTLINGER`. False turns lingering on with the last nonzero time
    /// that was set, else [`Linger::DEFAULT_SECONDS`](crate::protocol::Linger::DEFAULT_SECONDS) (L7).
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::InvalidArgument`] for false if another
    /// operating system process may share the socket (D9).
    pub fn set_dont_linger(&self, descriptor: Descriptor, dont: bool) -> Result<(), Error> {
        self.change(descriptor, |work| {
            let linger = work.state.core.linger.set_dont_linger(dont);
            work.set_linger(linger)
        })
    }

    /// Sets the nonblocking mode (`FIONBIO`).
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn set_nonblocking(&self, descriptor: Descriptor, nonblocking: bool) -> Result<(), Error> {
        self.change(descriptor, |work| {
            work.state.core.set_nonblocking(work.shared, nonblocking);
            Ok(())
        })
    }

    /// Queued data in bytes: accepted for sending and not acknowledged by the
    /// peer's transport.
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn queued(&self, descriptor: Descriptor) -> Result<u32, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.work(|work| {
            work.require_live(&admission)?;
            if let Err(error) = work.note_acknowledged() {
                work.lose(error);
            }
            Ok(work.state.core.queued())
        })
    }

    //= docs/specification.md#d4-duplication-shares-the-socket
    //# - An option that is set through one descriptor MUST be seen through every descriptor of the
    //# same socket.
    fn change<R>(
        &self,
        descriptor: Descriptor,
        change: impl FnOnce(&mut Section<'_, S>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.work(|work| {
            work.require_live(&admission)?;
            change(work)
        })
    }
}
