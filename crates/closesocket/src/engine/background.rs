//! Closes that say how the socket has ended, and those that do not wait for it.

use std::time::Duration;

use super::System;
use super::closing::{Closed, Closing};
use super::descriptors::Descriptors;
use super::primitives::TransportCall;
use super::progress::Section;
use super::provider::Process;
use crate::protocol::{Cause, Descriptor, Error, Input};

/// What a close that tells its end does otherwise than the options say, if it is
/// the last.
#[derive(Clone, Copy)]
struct Terms {
    /// Timed linger of so long; hard with no time.
    linger: Option<Duration>,
    /// As of a blocking socket: it is not the thread that would wait.
    blocking: bool,
}

impl<S: System> Process<S> {
    /// Closes as [`Process::close`] does, and says how the socket has ended. With
    /// `within` this close, if it is the last, lingers for so long, whatever the
    /// linger option and the mode of the socket say: in milliseconds, rounded up,
    /// at most 65535 seconds; no time at all is a hard close. A close by the option of don't
    /// linger does not wait: [`Closed::InBackground`].
    ///
    /// # Errors
    /// As [`Process::close`].
    pub fn close_and_tell(
        &self,
        descriptor: Descriptor,
        within: Option<Duration>,
    ) -> Result<Closed, Error> {
        let terms = Terms {
            linger: within,
            blocking: within.is_some(),
        };
        let closing = self.close_on(descriptor, terms)?;
        Ok(closing.ended().unwrap_or(Closed::InBackground))
    }

    /// Closes without waiting, for tasks and destructors. The socket drains in the
    /// background where [`Process::close`] would wait or fail with
    /// [`Error::WouldBlock`], by the same time: when that has passed, the
    /// connection is reset. `within` is as in [`Process::close_and_tell`]. The
    /// descriptor is closed when this returns; what it returns can be awaited.
    ///
    /// # Errors
    /// As [`Process::close`], [`Error::WouldBlock`] and [`Error::Interrupted`]
    /// excepted.
    //= docs/specification.md#l10-waiting-alone
    //# - A close that waits in its linger MUST NOT hold up any other thread or any other
    //# socket.
    pub fn close_in_background(
        &self,
        descriptor: Descriptor,
        within: Option<Duration>,
    ) -> Result<Closing<S::Primitives>, Error> {
        let terms = Terms {
            linger: within,
            blocking: true,
        };
        // Tasks share a thread as sockets do the transport's: nothing waits on
        // it, and a lingering close has its deadline all the same (C4).
        let _call = TransportCall::<S::Primitives>::new();
        self.close_on(descriptor, terms)
    }

    fn close_on(
        &self,
        descriptor: Descriptor,
        terms: Terms,
    ) -> Result<Closing<S::Primitives>, Error> {
        let closing = Closing::new();
        self.close_prepared(descriptor, |section| {
            section.expect_end(&self.state, descriptor, terms, &closing);
        })?;
        Ok(closing)
    }
}

impl<S: System> Section<'_, S> {
    /// Lets a close that is about to commit in this section tell the end of its
    /// socket, and end it on these terms, if it is the last. One that is going to
    /// fail has no terms of its own, so it changes nothing (L3).
    fn expect_end(
        &mut self,
        process: &Descriptors<S>,
        descriptor: Descriptor,
        terms: Terms,
        closing: &Closing<S::Primitives>,
    ) {
        let live = self.socket.reference(process, descriptor).is_some();
        if !live || self.socket.machine.references != 1 {
            return;
        }
        let (linger, nonblocking) = (self.socket.machine.linger, self.socket.machine.nonblocking);
        if let Some(time) = terms.linger {
            // Refused where only the kernel knows the last reference (D9).
            let _ = self.set_linger(linger.set_on_for(time));
        }
        if terms.blocking && nonblocking {
            let _ = self.input(Input::Nonblocking(false));
        }
        if !self.socket.machine.would_block(Cause::Call) {
            self.socket.rare().closing = Some(closing.promise());
        }
    }
}
