//! Socket options, shared by all descriptors of a socket (D4).

use std::time::Duration;

use super::System;
use super::progress::Section;
use super::provider::Process;
use super::sockopt::SocketOption;
use super::transport::Endpoint as _;
use crate::protocol::{Descriptor, Direction, Error, Input};

impl<S: System> Process<S> {
    /// Sets `SO_LINGER`: `Some(seconds)` turns lingering on, 0 asking for a hard
    /// close; `None` turns it off.
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::InvalidArgument`] for a time other than 0
    /// if another operating system process may share the socket (D9).
    pub fn set_linger(&self, descriptor: Descriptor, seconds: Option<u16>) -> Result<(), Error> {
        self.change(descriptor, |section| {
            let old = section.socket.machine.linger;
            section.set_linger(match seconds {
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
        self.change(descriptor, |section| Ok(section.linger()?.seconds()))
    }

    /// Sets `SO_DONTLINGER`. False turns lingering on with the last nonzero time
    /// that was set, else [`Linger::DEFAULT_SECONDS`](crate::protocol::Linger::DEFAULT_SECONDS) (L7).
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::InvalidArgument`] for false if another
    /// operating system process may share the socket (D9).
    pub fn set_dont_linger(&self, descriptor: Descriptor, dont: bool) -> Result<(), Error> {
        self.change(descriptor, |section| {
            let linger = section.socket.machine.linger.set_dont_linger(dont);
            section.set_linger(linger)
        })
    }

    /// Sets the nonblocking mode (`FIONBIO`).
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn set_nonblocking(&self, descriptor: Descriptor, nonblocking: bool) -> Result<(), Error> {
        self.change(descriptor, |section| {
            section.input(Input::Nonblocking(nonblocking)).map(|_| ())
        })
    }

    /// Sets `SO_RCVTIMEO`: how long a blocking receive or accept may wait (C3);
    /// `None`, which a new socket has, is for ever. Kept in whole milliseconds,
    /// rounded up. One that has run out has taken nothing.
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::InvalidArgument`] for no time at all: use
    /// the nonblocking mode for that.
    pub fn set_receive_limit(
        &self,
        descriptor: Descriptor,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        self.set_limit(descriptor, Direction::Receive, limit)
    }

    /// Sets `SO_SNDTIMEO`: how long a blocking send or connect may wait (C3).
    /// Otherwise as [`Process::set_receive_limit`]. A send that runs out returns
    /// how many bytes were accepted, if any; a connect that does goes on in the
    /// background, to be seen by a select for writing.
    ///
    /// # Errors
    /// As [`Process::set_receive_limit`].
    pub fn set_send_limit(
        &self,
        descriptor: Descriptor,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        self.set_limit(descriptor, Direction::Send, limit)
    }

    fn set_limit(
        &self,
        descriptor: Descriptor,
        direction: Direction,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        self.change(descriptor, |section| {
            if limit.is_some_and(|limit| limit.is_zero()) {
                return Err(Error::InvalidArgument);
            }
            let limits = section.socket.machine.limits.with(direction, limit);
            section.input(Input::Limits(limits)).map(|_| ())
        })
    }

    /// What [`Process::set_receive_limit`] has set.
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn receive_limit(&self, descriptor: Descriptor) -> Result<Option<Duration>, Error> {
        self.change(descriptor, |section| {
            Ok(section.socket.machine.limits.limit(Direction::Receive))
        })
    }

    /// What [`Process::set_send_limit`] has set.
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn send_limit(&self, descriptor: Descriptor) -> Result<Option<Duration>, Error> {
        self.change(descriptor, |section| {
            Ok(section.socket.machine.limits.limit(Direction::Send))
        })
    }

    /// Sets an option that the transport keeps (`setsockopt`), such as
    /// [`NoDelay`](super::sockopt::NoDelay). It can be set before there is a
    /// connection, is shared by all descriptors of the socket (D4), and accepted
    /// sockets have those of their listener (R4).
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::NoProtocolOption`] if the transport has no such
    /// option; [`Error::InvalidArgument`] for a value that it does not take, or no
    /// longer takes. Nothing has changed then.
    pub fn set_option(
        &self,
        descriptor: Descriptor,
        option: impl SocketOption,
    ) -> Result<(), Error> {
        self.change(descriptor, |section| {
            let endpoint = section.socket.endpoint.as_mut();
            let endpoint = endpoint.ok_or(Error::NotSocket)?;
            endpoint.set_option(option.into_value())
        })
    }

    /// The value of an option that the transport keeps (`getsockopt`).
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::NoProtocolOption`] if the transport has no such
    /// option.
    pub fn option<O: SocketOption>(&self, descriptor: Descriptor) -> Result<O, Error> {
        self.change(descriptor, |section| {
            let endpoint = section.socket.endpoint.as_ref();
            let value = endpoint.ok_or(Error::NotSocket)?.option(O::NAME)?;
            O::from_value(value).ok_or(Error::NoProtocolOption)
        })
    }

    /// Takes how a connect failed that no call and no completion has told
    /// (`SO_ERROR`): of a nonblocking socket, after a select for writing (R5).
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    //= docs/specification.md#r5-a-failed-connect
    //# - The failure of a connect MUST be told once: by the call, by the completion, or by SO_ERROR.
    pub fn take_error(&self, descriptor: Descriptor) -> Result<Option<Error>, Error> {
        self.change(descriptor, |section| {
            Ok(section.socket.take_connect_error())
        })
    }

    /// Queued data in bytes: accepted for sending and not acknowledged by the
    /// peer's transport.
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn queued(&self, descriptor: Descriptor) -> Result<u32, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.require_live(&admission)?;
            if let Err(error) = section.note_acknowledged() {
                section.lose(error);
            }
            Ok(section.socket.machine.queued())
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
        admission.section(|section| {
            section.require_live(&admission)?;
            change(section)
        })
    }
}
