//! Establishing connections: bind, listen, accept, connect, shutdown.

use super::System;
use super::notify::Notify;
use super::observation::OperationId;
use super::parked::{Awaited, Parking, Step};
use super::progress::Side;
use super::provider::{AddressOf, Process};
use super::transport::{Connecting, Endpoint as _};
use crate::protocol::{Connection, Descriptor, Error, Input, OperationKind};

/// Which side of a connection to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// What still arrives is thrown away.
    Receive,
    /// The FIN follows what is queued.
    Send,
    /// Both.
    Both,
}

impl<S: System> Process<S> {
    /// Sets the local address.
    ///
    /// # Errors
    /// [`Error::NotSocket`], or what the transport says.
    pub fn bind(&self, descriptor: Descriptor, address: &AddressOf<S>) -> Result<(), Error> {
        self.with_endpoint(descriptor, |endpoint| endpoint.bind(address))
    }

    /// The local address.
    ///
    /// # Errors
    /// [`Error::NotSocket`], or [`Error::InvalidArgument`] if there is none.
    pub fn local_address(&self, descriptor: Descriptor) -> Result<AddressOf<S>, Error> {
        self.with_endpoint(descriptor, |endpoint| endpoint.local_address())
    }

    /// The peer's address (`getpeername`).
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::NotConnected`]; [`Error::NotSupported`] if the
    /// transport does not know.
    pub fn peer_address(&self, descriptor: Descriptor) -> Result<AddressOf<S>, Error> {
        self.with_endpoint(descriptor, |endpoint| endpoint.peer_address())
    }

    fn with_endpoint<R>(
        &self,
        descriptor: Descriptor,
        call: impl FnOnce(&mut super::transport::EndpointOf<S>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.require_live(&admission)?;
            call(section.socket.endpoint.as_mut().ok_or(Error::NotSocket)?)
        })
    }

    /// Starts listening; `backlog` connections may wait.
    ///
    /// # Errors
    /// [`Error::NotSocket`], [`Error::AlreadyConnected`], or what the transport
    /// says.
    pub fn listen(&self, descriptor: Descriptor, backlog: u32) -> Result<(), Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.require_live(&admission)?;
            section.socket.machine.may_listen()?;
            section
                .socket
                .endpoint
                .as_mut()
                .ok_or(Error::NotSocket)?
                .listen(backlog)?;
            section.input(Input::Listening).map(|_| ())
        })
    }

    /// Takes the connection that waits longest and returns its descriptor.
    /// Blocks until there is one, unless the socket is nonblocking.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the listener is closed meanwhile (O4, O7) or
    /// the call cancelled; [`Error::TimedOut`] (C3); [`Error::WouldBlock`];
    /// [`Error::InvalidArgument`] if
    /// it does not listen; [`Error::TooManyDescriptors`]; [`Error::NotSocket`].
    pub fn accept(&self, descriptor: Descriptor) -> Result<Descriptor, Error> {
        let admission = self.state.admit(descriptor)?;
        let (mut reserved, mut life, mut accepted) = (None, None, None);
        let step = admission.section(|section| {
            section.start(&admission, OperationKind::Accept)?;
            let slot = self.state.table.reserve()?.index;
            reserved = Some(slot);
            let reference = section.socket.reference(admission.process, descriptor);
            let of = reference.ok_or(Error::NotSocket)?.life;
            life = Some(of);
            if section.front(Side::Reads).is_none()
                && let Some(connection) = section.next_connection()?
            {
                accepted = Some(section.adopt(&self.state, (slot, of), connection)?);
                return Ok(Step::Done(0));
            }
            let parking = Parking {
                reserved: Some(slot),
                ..Parking::new(OperationKind::Accept)
            };
            section.park_blocked(&admission, parking)
        });
        match step {
            Ok(Step::Parked(parked)) => {
                let answer = parked.wait(&admission, |_, _| None);
                answer.result?;
                accepted = answer.accepted;
            }
            Ok(Step::Done(_)) => {}
            Err(error) => {
                self.state.unreserve(reserved);
                return Err(error);
            }
        }
        let accepted = accepted.ok_or(Error::ConnectionAborted)?;
        if let Some(life) = life {
            self.state.close_if_over(accepted, life)?;
        }
        Ok(accepted)
    }

    /// Starts an overlapped accept; the completion carries the new descriptor.
    ///
    /// # Errors
    /// As [`Process::recv_overlapped`]; also [`Error::TooManyDescriptors`].
    pub fn accept_overlapped(
        &self,
        descriptor: Descriptor,
        notify: Notify<S::Primitives>,
    ) -> Result<OperationId, Error> {
        self.start_overlapped(
            descriptor,
            OperationKind::Accept,
            Vec::new(),
            notify,
            |_| self.state.table.reserve().map(|it| Some(it.index)),
        )
    }

    /// Connects to a peer. Blocks until connected or refused; on a nonblocking
    /// socket the connect goes on, to be seen by a select for writing, and
    /// [`Process::take_error`] tells how it failed (R5).
    ///
    /// # Errors
    /// [`Error::ConnectionRefused`] and the like; [`Error::WouldBlock`] if it
    /// goes on; [`Error::Interrupted`] if the descriptor is closed meanwhile
    /// (O4) or the call cancelled; [`Error::TimedOut`] if its limit passes: the
    /// connect goes on then (C3); [`Error::AlreadyInProgress`] if another connect
    /// of the socket goes on; [`Error::AlreadyConnected`]; [`Error::NotSocket`].
    pub fn connect(&self, descriptor: Descriptor, address: &AddressOf<S>) -> Result<(), Error> {
        let admission = self.state.admit(descriptor)?;
        let step = admission.section(|section| {
            section.start(&admission, OperationKind::Connect)?;
            section.begin_connect(address)?;
            if section.socket.machine.connection == Connection::Connected {
                return Ok(Step::Done(0));
            }
            let parking = Parking {
                drive: section.way_to_drive(OperationKind::Connect),
                ..Parking::new(OperationKind::Connect)
            };
            section.park_blocked(&admission, parking)
        })?;
        match step {
            Step::Done(_) => Ok(()),
            Step::Parked(parked) => {
                let answer = parked.wait(&admission, |section, number| {
                    // The section finds out by itself how far it has come.
                    let pending = section.front_if(Side::Writes, number);
                    pending.map(|_| Awaited::ROOM)
                });
                answer.result.map(|_| ())
            }
        }
    }

    /// Starts an overlapped connect.
    ///
    /// # Errors
    /// As [`Process::recv_overlapped`]; [`Error::AlreadyInProgress`] if another
    /// connect of the socket goes on; what the transport says at once.
    pub fn connect_overlapped(
        &self,
        descriptor: Descriptor,
        address: &AddressOf<S>,
        notify: Notify<S::Primitives>,
    ) -> Result<OperationId, Error> {
        self.start_overlapped(
            descriptor,
            OperationKind::Connect,
            Vec::new(),
            notify,
            |section| section.begin_connect(address).map(|()| None),
        )
    }

    /// Shuts down one side of a connection, or both. Frees and closes nothing: a
    /// close is still needed (S1). New operations on that side fail with
    /// [`Error::ShutDown`]; the pending ones go on: the FIN follows the pending
    /// sends (S1a), and what no pending receive takes is thrown away (S1b). It
    /// wakes nobody.
    ///
    /// # Errors
    /// [`Error::NotConnected`] (S1c); [`Error::ConnectionReset`], also if the
    /// connection turns out to be lost; [`Error::NotSocket`].
    pub fn shutdown(&self, descriptor: Descriptor, how: Shutdown) -> Result<(), Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.require_live(&admission)?;
            if matches!(how, Shutdown::Receive | Shutdown::Both) {
                section.input(Input::ReceiveShut)?;
            }
            if matches!(how, Shutdown::Send | Shutdown::Both) {
                section.shut_down_send()?;
            }
            Ok(())
        })
    }
}

impl<S: System> super::progress::Section<'_, S> {
    /// Fails unless the admission's reference still exists (O1a).
    pub(super) fn require_live(
        &mut self,
        admission: &super::process::Admission<'_, S>,
    ) -> Result<(), Error> {
        let reference = self
            .socket
            .reference(admission.process, admission.descriptor);
        let live = reference.is_some();
        self.socket.machine.may_act(live)
    }

    fn shut_down_send(&mut self) -> Result<(), Error> {
        let pending = self.front(Side::Writes).is_some();
        self.input(Input::SendShut { pending })?;
        // The FIN may have been refused (R3).
        match self.socket.machine.connection {
            Connection::Connected => Ok(()),
            _ => Err(Error::ConnectionReset),
        }
    }

    //= docs/specification.md#r5-a-failed-connect
    //# - A connect after a failed one MUST connect, whether or not anybody has asked how that failed.
    fn begin_connect(&mut self, address: &AddressOf<S>) -> Result<(), Error> {
        // How the one before it failed was told, or nobody has asked (R5).
        self.socket.take_connect_error();
        let endpoint = self.socket.endpoint.as_mut().ok_or(Error::NotSocket)?;
        let progress = endpoint.connect(address)?;
        self.input(Input::Connecting)?;
        if progress == Connecting::Done {
            self.input(Input::ConnectFinished { connected: true })?;
        }
        Ok(())
    }
}
