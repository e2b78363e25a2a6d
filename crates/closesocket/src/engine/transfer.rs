//! Sockets that another operating system process shares (D9), for transports
//! whose endpoints can travel; and those that others have made.

use super::System;
use super::process::Admission;
use super::provider::Process;
use super::transport::{Endpoint as _, Token, Transport};
use crate::protocol::{
    CloseMode, Connection, Descriptor, Error, Input, Linger, Socket, TransferState,
};

type EndpointOf<S> = <<S as System>::Transport as Transport>::Endpoint;

impl<S: System> Process<S> {
    /// Lets another operating system process share this descriptor's socket.
    /// `send` gives it the endpoint, with what travels besides; it runs under the
    /// socket's lock, so it must not wait nor call the provider. From then on only
    /// the kernel knows the last reference.
    ///
    /// # Errors
    /// Those of [`Socket::may_transfer`], [`Error::NotSocket`], and what `send` says.
    /// Nothing has changed then.
    pub fn transfer(
        &self,
        descriptor: Descriptor,
        send: impl FnOnce(&mut EndpointOf<S>, TransferState) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.require_live(&admission)?;
            let outcome = section.flush();
            section.note_loss(outcome);
            let transfer_state = section.socket.machine.may_transfer()?;
            let endpoint = section.socket.endpoint.as_mut().ok_or(Error::NotSocket)?;
            send(endpoint, transfer_state)?;
            section.input(Input::Transferred).map(|_| ())
        })
    }

    /// Makes a descriptor of a socket that has come from another operating system
    /// process. `make` makes its endpoint, which reports under the token.
    ///
    /// # Errors
    /// [`Error::TooManyDescriptors`], [`Error::NoBuffers`],
    /// [`Error::NotInitialised`], [`Error::NetworkDown`], and what `make` says.
    pub fn adopt(
        &self,
        transfer_state: TransferState,
        make: impl FnOnce(Token) -> Result<EndpointOf<S>, Error>,
    ) -> Result<Descriptor, Error> {
        let config = &self.state.shared.services.config;
        let core = Socket::arrived(
            transfer_state,
            self.state.shared.services.window(),
            config.abort_scope,
            config.unread_input,
        );
        self.open_new(&core, make)
    }

    /// Makes a descriptor of a socket that somebody else has made, and that is this
    /// provider's from now on: a connection, a listener, or one that is neither yet.
    /// `make` makes its endpoint, which reports under the token.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a connection that is being made, or is lost;
    /// otherwise as [`Process::adopt`].
    pub fn take_in(
        &self,
        connection: Connection,
        make: impl FnOnce(Token) -> Result<EndpointOf<S>, Error>,
    ) -> Result<Descriptor, Error> {
        let inputs: &[Input] = match connection {
            Connection::Unconnected => &[],
            Connection::Listening => &[Input::Listening],
            Connection::Connected => &[
                Input::Connecting,
                Input::ConnectFinished { connected: true },
            ],
            Connection::Connecting | Connection::Lost => return Err(Error::InvalidArgument),
        };
        let descriptor = self.open_new(&self.state.shared.services.new_socket(), make)?;
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.require_live(&admission)?;
            inputs
                .iter()
                .try_for_each(|&it| section.input(it).map(drop))
        })?;
        drop(admission);
        Ok(descriptor)
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &S::Transport {
        &self.state.shared.services.transport
    }
}

impl<S: System> Admission<'_, S> {
    /// Looks at the endpoint of the socket, for what only its transport knows. It
    /// happens under the socket's lock, so `look` must not wait nor call the
    /// provider.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if the descriptor was closed meanwhile, and what `look`
    /// says.
    pub fn with_endpoint<R>(
        &self,
        look: impl FnOnce(&EndpointOf<S>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.section(|section| {
            section.require_live(self)?;
            look(section.socket.endpoint.as_ref().ok_or(Error::NotSocket)?)
        })
    }
}

impl<S: System> super::progress::Section<'_, S> {
    /// Sets the linger option, also for the other processes if there may be any.
    pub(super) fn set_linger(&mut self, linger: Linger) -> Result<(), Error> {
        self.socket.machine.may_linger(linger)?;
        if self.ends_in_the_kernel()
            && let Some(endpoint) = self.socket.endpoint.as_mut()
        {
            endpoint.set_reset_at_end(linger.close_mode() == CloseMode::Hard)?;
        }
        self.input(Input::Linger(linger)).map(|_| ())
    }

    /// The linger option, which another process may have set (D4).
    pub(super) fn linger(&mut self) -> Result<Linger, Error> {
        if self.ends_in_the_kernel()
            && let Some(endpoint) = self.socket.endpoint.as_ref()
        {
            let old = self.socket.machine.linger;
            let linger = if endpoint.resets_at_end()? {
                old.set_on(0)
            } else {
                old.set_dont_linger(true)
            };
            self.input(Input::Linger(linger))?;
        }
        Ok(self.socket.machine.linger)
    }

    /// Whether the kernel decides how this connection ends.
    fn ends_in_the_kernel(&self) -> bool {
        self.socket.machine.transferred && self.socket.machine.connection == Connection::Connected
    }
}
