//! Connections that come about: connects that end, and accepts.

use super::System;
use super::completion::Life;
use super::descriptors::Descriptors;
use super::progress::{Section, Side};
use super::transport::{Connecting, Endpoint as _, EndpointOf};
use crate::protocol::{Descriptor, Error, Input, Socket};

impl<S: System> Section<'_, S> {
    pub(super) fn advance_connect(&mut self) {
        let Some(endpoint) = self.socket.endpoint.as_mut() else {
            return;
        };
        let result = match endpoint.connect_progress() {
            Ok(Connecting::InProgress) => return,
            Ok(Connecting::Done) => Ok(0),
            Err(error) => Err(error),
        };
        let connected = result.is_ok();
        let _ = self.input(Input::ConnectFinished { connected });
        if self.front(Side::Writes).is_none()
            && let Err(error) = result
        {
            self.socket.rare().connect_error = Some(error);
        }
        while let Some(index) = self.front(Side::Writes) {
            self.finish(Side::Writes, index, result, None);
        }
    }

    pub(super) fn advance_accepts(&mut self) {
        while let Some(index) = self.front(Side::Reads) {
            match self.next_connection() {
                Ok(None) => break,
                Ok(Some(connection)) => self.finish(Side::Reads, index, Ok(0), Some(connection)),
                Err(error) => self.finish(Side::Reads, index, Err(error), None),
            }
        }
    }

    /// The connection that waits longest.
    pub(super) fn next_connection(&mut self) -> Result<Option<EndpointOf<S>>, Error> {
        if let Some(taken) = self.socket.take_seen() {
            self.input(Input::BacklogTaken)?;
            return Ok(Some(taken));
        }
        match self.socket.endpoint.as_mut() {
            Some(endpoint) => endpoint.accept(),
            None => Ok(None),
        }
    }

    /// Makes a socket of a connection that was taken from this listener, in the
    /// same section: it has the options that the listener has now (R4). Its
    /// descriptor is of the life of the listener's, which may be over: the caller
    /// sees to that outside the lock.
    pub(super) fn adopt(
        &self,
        process: &Descriptors<S>,
        (slot, life): (u32, Life),
        mut connection: EndpointOf<S>,
    ) -> Result<Descriptor, Error> {
        let core = Socket::accepted(&self.socket.machine);
        let opening = (process.table.reserved(slot)?, life);
        self.cells
            .open_socket(self.services, process, opening, &core, |token| {
                // Nobody waits for its events yet.
                connection.watch(false)?;
                connection.register(token)?;
                Ok(connection)
            })
    }
}
