//! Waiting for readiness: select, and events that readiness signals (O8, S4).

use std::time::Duration;

use super::clock::Clock as _;
use super::event::Event;
use super::primitives::Primitives as _;
use super::process::{Admission, ProcessState};
use super::provider::Process;
use super::readiness::{Interest, Readiness};
use super::reference::{EVENT_SELECT, Watch};
use super::waits::Selecting;
use super::{SocketId, System};
use crate::protocol::{Connection, Descriptor, Error};

impl<S: System> Process<S> {
    /// Waits until at least one of the descriptors is ready or closed, and
    /// returns those that are; none if the limit passed first.
    ///
    /// # Errors
    /// [`Error::NotSocket`] if one of them is not open at the call;
    /// [`Error::InvalidArgument`] if there are none; [`Error::Interrupted`] if it
    /// is cancelled ([`Process::cancel_blocking_call`]) or its process cleaned up
    /// or dead; [`Error::WouldBlock`] if nothing is ready and the thread is the
    /// transport's (C4); [`Error::NetworkDown`] if the transport stops meanwhile.
    //= docs/specification.md#o8-readiness-waits
    //# - A wait for readiness that is cancelled, or whose process is cleaned up or
    //# dies, MUST return WSAEINTR.
    pub fn select(
        &self,
        interests: &[(Descriptor, Interest)],
        limit: Option<Duration>,
    ) -> Result<Vec<(Descriptor, Readiness)>, Error> {
        self.wait_for_readiness(interests, limit, Err)
    }

    /// As [`Process::select`], but a descriptor that is not open fails nothing
    /// (`WSAPoll`): it is among those returned, at once, as [`Readiness::closed`].
    ///
    /// # Errors
    /// As [`Process::select`], except for that.
    pub fn poll(
        &self,
        interests: &[(Descriptor, Interest)],
        limit: Option<Duration>,
    ) -> Result<Vec<(Descriptor, Readiness)>, Error> {
        self.wait_for_readiness(interests, limit, |error| match error {
            Error::NotSocket => Ok(()),
            other => Err(other),
        })
    }

    /// `forgive` says of the error of an entry whether the wait goes on without it.
    fn wait_for_readiness(
        &self,
        interests: &[(Descriptor, Interest)],
        limit: Option<Duration>,
        forgive: impl Fn(Error) -> Result<(), Error>,
    ) -> Result<Vec<(Descriptor, Readiness)>, Error> {
        if interests.is_empty() {
            return Err(Error::InvalidArgument);
        }
        let event = Event::<S::Primitives>::new();
        let mut selected = Vec::with_capacity(interests.len());
        for &(descriptor, interest) in interests {
            let admission = self.state.admit(descriptor);
            let watched = admission.and_then(|it| Selected::new(it, interest, &event));
            selected.push(match watched {
                Ok(watched) => Ok(watched),
                Err(error) => Err(forgive(error).map(|()| descriptor)?),
            });
        }
        let clock = &self.state.shared.services.clock;
        let end = limit.map(|limit| clock.now().after(limit));
        let call = Selecting::new(&self.state, &event);
        loop {
            event.reset();
            if call.is_interrupted() {
                return Err(Error::Interrupted);
            }
            let ready = selected.iter().filter_map(|it| match it {
                Ok(watched) => watched.ready(),
                Err(bad) => Some(Ok((*bad, Readiness::CLOSED))),
            });
            let ready = ready.collect::<Result<Vec<_>, _>>()?;
            if ready.is_empty() && S::Primitives::in_transport_call() {
                return Err(Error::WouldBlock);
            }
            if !ready.is_empty() || !event.wait(end.map(|end| clock.now().until(end))) {
                return call.answer().map(|()| ready);
            }
        }
    }

    /// Sets `event` when the descriptor gets ready, until the descriptor is
    /// closed; the registration dies with it (S4). It is set again when the
    /// condition comes true anew, or when it still holds after a call that re-arms
    /// it: a receive or an accept for reading, for writing a send that found no
    /// room (R6). What has happened, [`Process::network_events`] tells.
    ///
    /// # Errors
    /// [`Error::NotSocket`].
    pub fn event_select(
        &self,
        descriptor: Descriptor,
        interest: Interest,
        event: &Event<S::Primitives>,
    ) -> Result<(), Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            let connection = section.socket.machine.connection;
            let connecting = matches!(connection, Connection::Unconnected | Connection::Connecting);
            let reference = section
                .socket
                .reference(admission.process, descriptor)
                .ok_or(Error::NotSocket)?;
            // A second registration replaces the first.
            reference.watches.remove(EVENT_SELECT);
            let mut watch = Watch::new(EVENT_SELECT, interest, event);
            watch.connecting = connecting;
            reference.watches.push(watch);
            Ok(())
        })
    }
}

/// A descriptor in a select, held and watched while it lasts.
struct Selected<'a, S: System> {
    admission: Admission<'a, S>,
    interest: Interest,
    number: u64,
}

impl<'a, S: System> Selected<'a, S> {
    fn new(
        admission: Admission<'a, S>,
        interest: Interest,
        event: &Event<S::Primitives>,
    ) -> Result<Self, Error> {
        let number = watch(&admission, interest, event)?;
        Ok(Self {
            admission,
            interest,
            number,
        })
    }

    /// What is ready; [`Error::NetworkDown`] if nothing ever will be.
    fn ready(&self) -> Option<Result<(Descriptor, Readiness), Error>> {
        let Admission {
            process,
            descriptor,
            ..
        } = self.admission;
        let watched = (self.number, self.interest);
        let ready = look(process, descriptor, self.admission.socket(), watched);
        ready.map(|it| it.map(|it| (descriptor, it))).transpose()
    }
}

impl<S: System> Drop for Selected<'_, S> {
    fn drop(&mut self) {
        let Admission {
            process,
            descriptor,
            ..
        } = self.admission;
        unwatch(process, descriptor, self.admission.socket(), self.number);
    }
}

/// What is ready of what the watch of this number is interested in; anything, if
/// the descriptor was closed. Each look starts anew: what it does not find is news
/// later.
///
/// # Errors
/// [`Error::NetworkDown`] if nothing ever will be ready.
pub(super) fn look<S: System>(
    process: &ProcessState<S>,
    descriptor: Descriptor,
    socket: SocketId,
    (number, interest): (u64, Interest),
) -> Result<Option<Readiness>, Error> {
    let ready = process.shared.with_socket(socket, |section| {
        let ended = section.socket.transport_ended;
        match section.socket.reference(process, descriptor) {
            Some(_) if ended => Err(Error::NetworkDown),
            Some(reference) => {
                if let Some(watch) = reference.watches.find_mut(number) {
                    watch.told = Readiness::default();
                }
                if section.socket.awaits_acknowledgements()
                    && let Err(error) = section.note_acknowledged()
                {
                    section.lose(error);
                }
                Ok(section.socket.readiness(section.services))
            }
            None => Ok(Readiness::CLOSED),
        }
    });
    let ready = ready.unwrap_or(Ok(Readiness::CLOSED))?;
    Ok(interest.matches(ready).then_some(ready))
}

/// Removes the watch of this number.
pub(super) fn unwatch<S: System>(
    process: &ProcessState<S>,
    descriptor: Descriptor,
    socket: SocketId,
    number: u64,
) {
    process.shared.with_socket(socket, |section| {
        if let Some(reference) = section.socket.reference(process, descriptor) {
            reference.watches.remove(number);
        }
    });
}

/// Watches a descriptor; the event is set when it gets ready.
pub(super) fn watch<S: System>(
    admission: &Admission<'_, S>,
    interest: Interest,
    event: &Event<S::Primitives>,
) -> Result<u64, Error> {
    admission.section(|section| {
        let number = section.socket.number();
        section
            .socket
            .reference(admission.process, admission.descriptor)
            .ok_or(Error::NotSocket)?
            .watches
            .push(Watch::new(number, interest, event));
        Ok(number)
    })
}
