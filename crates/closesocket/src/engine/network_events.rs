//! The record of what has happened at a socket with an event registration.

use super::System;
use super::progress::Section;
use super::provider::Process;
use super::readiness::Readiness;
use super::reference::EVENT_SELECT;
use super::transport::{Endpoint, Found};
use crate::protocol::{Connection, Descriptor, Error};

/// What has happened at a socket since the last look (`WSANETWORKEVENTS`), each
/// with how it went; `None` if it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkEvents {
    /// `FD_READ`: bytes have come, and wait.
    pub read: Option<Result<(), Error>>,
    /// `FD_WRITE`: there is room to send.
    pub write: Option<Result<(), Error>>,
    /// `FD_ACCEPT`: a connection has come.
    pub accept: Option<Result<(), Error>>,
    /// `FD_CONNECT`: the connect has ended. A failure is told here only, and not by
    /// [`Process::take_error`] again (R5).
    pub connect: Option<Result<(), Error>>,
    /// `FD_CLOSE`: all input was read and the peer has finished sending, or the
    /// connection is lost.
    pub close: Option<Result<(), Error>>,
}

impl<S: System> Process<S> {
    /// Takes the record of what has happened since [`Process::event_select`] or the
    /// last call, and resets the event (`WSAEnumNetworkEvents`). Only what that has
    /// asked for is recorded: reading, accepting and closing with
    /// [`Interest::readable`](super::completions::Interest::readable), writing and
    /// connecting with `writable`. What is recorded comes again when it is news
    /// again (R6).
    ///
    /// An event that several sockets share is reset for all of them.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if nothing is registered; [`Error::NotSocket`].
    pub fn network_events(&self, descriptor: Descriptor) -> Result<NetworkEvents, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            let connection = section.socket.machine.connection;
            let connected = matches!(connection, Connection::Connected | Connection::Lost);
            let reference = section.socket.reference(admission.process, descriptor);
            let watches = &mut reference.ok_or(Error::NotSocket)?.watches;
            let watch = watches.find_mut(EVENT_SELECT);
            let watch = watch.ok_or(Error::InvalidArgument)?;
            // In this section: what is news behind it sets the event behind it.
            watch.event.reset();
            let happened = std::mem::take(&mut watch.happened);
            let connecting = watch.connecting;
            // Once the connect has ended well, no other follows.
            watch.connecting &= !(connected && happened.writable);
            Ok(section.events(happened, connecting))
        })
    }
}

impl<S: System> Section<'_, S> {
    fn events(&mut self, happened: Readiness, connecting: bool) -> NetworkEvents {
        let mut events = NetworkEvents::default();
        match self.socket.machine.connection {
            Connection::Listening => events.accept = happened.readable.then_some(Ok(())),
            Connection::Unconnected | Connection::Connecting => {
                if happened.writable || happened.error {
                    events.connect = self.socket.take_connect_error().map(Err);
                }
            }
            Connection::Connected | Connection::Lost => {
                let found = self.socket.endpoint.as_mut().map(Endpoint::look);
                let is_lost = self.socket.machine.connection == Connection::Lost;
                // How the connection was lost, if it was.
                let lost = match found {
                    Some(Err(error)) => Some(error),
                    _ => is_lost.then_some(Error::ConnectionReset),
                };
                let unread = found == Some(Ok(Found::Input));
                let over = happened.hung_up || happened.error;
                events.connect = (connecting && happened.writable).then_some(Ok(()));
                events.write = (happened.writable && lost.is_none()).then_some(Ok(()));
                events.read = (happened.readable && unread).then_some(Ok(()));
                events.close = over.then_some(lost.map_or(Ok(()), Err));
            }
        }
        events
    }
}
