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
    /// Timed linger of this many seconds; hard with none.
    linger: Option<u16>,
    /// As of a blocking socket: it is not the thread that would wait.
    blocking: bool,
}

impl<S: System> Process<S> {
    /// Closes as [`Process::close`] does, and says how the socket has ended. With
    /// `within` this close, if it is the last, lingers for so long, whatever the
    /// linger option and the mode of the socket say: in whole seconds, rounded up, at
    /// most 65535; no time at all is a hard close. A close by the option of don't
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
            linger: within.map(seconds),
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
            linger: within.map(seconds),
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

/// A linger time.
fn seconds(within: Duration) -> u16 {
    let seconds = within
        .as_secs()
        .saturating_add(u64::from(within.subsec_nanos() > 0));
    u16::try_from(seconds).unwrap_or(u16::MAX)
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
        if let Some(seconds) = terms.linger {
            // Refused where only the kernel knows the last reference (D9).
            let _ = self.set_linger(linger.set_on(seconds));
        }
        if terms.blocking && nonblocking {
            let _ = self.input(Input::Nonblocking(false));
        }
        if !self.socket.machine.would_block(Cause::Call) {
            self.socket.rare().closing = Some(closing.promise());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linger_time_is_rounded_up_and_never_becomes_a_hard_close() {
        let of = |millis| seconds(Duration::from_millis(millis));
        assert_eq!([of(0), of(1), of(1_000), of(1_001)], [0, 1, 1, 2]);
        assert_eq!(seconds(Duration::MAX), u16::MAX);
    }
}
