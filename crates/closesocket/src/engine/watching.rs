//! What a socket is ready for, and telling those who watch it.

use super::System;
use super::delivery::Outbox;
use super::readiness::Readiness;
use super::services::Services;
use super::socket::SocketState;
use super::transport::{Endpoint as _, Found};
use crate::protocol::{Connection, Input, OperationKind, SendSide};

impl<S: System> SocketState<S> {
    /// Signals the watches whose interest is ready.
    pub(super) fn signal_watches(&mut self, services: &Services<S>, out: &mut Outbox<S>) {
        if self.references.iter().all(|it| it.watches.is_empty()) {
            return;
        }
        let ready = self.readiness(services);
        let watches = self
            .references
            .iter_mut()
            .flat_map(|it| it.watches.iter_mut());
        out.rare()
            .events
            .extend(watches.filter_map(|it| it.learns(ready).then(|| it.event.clone())));
    }

    /// A call re-arms the watches for what it does (R6): a receive or an accept,
    /// or a send that has found no room.
    //= docs/specification.md#r6-readiness-is-news
    //# - A readiness event MUST NOT be signalled again before its condition has become true anew, or
    //# a call has re-armed it: a receive or an accept for reading, for writing a send that found no
    //# room.
    pub(super) fn rearm(&mut self, kind: OperationKind) {
        for watch in self
            .references
            .iter_mut()
            .flat_map(|it| it.watches.iter_mut())
        {
            match kind {
                OperationKind::Recv | OperationKind::Accept => watch.told.readable = false,
                OperationKind::Send => watch.told.writable = false,
                OperationKind::Connect => {}
            }
        }
    }

    /// What would not block now, and what has ended.
    pub(super) fn readiness(&mut self, services: &Services<S>) -> Readiness {
        match self.machine.connection {
            Connection::Listening => Readiness {
                readable: self.has_waiting_connection(services),
                ..Readiness::default()
            },
            Connection::Connected | Connection::Lost => self.readiness_of_connection(services),
            Connection::Unconnected | Connection::Connecting => {
                let rare = self.rare.as_ref();
                let failed = rare.is_some_and(|it| it.connect_error.is_some());
                Readiness {
                    writable: failed,
                    error: failed,
                    ..Readiness::default()
                }
            }
        }
    }

    fn readiness_of_connection(&mut self, services: &Services<S>) -> Readiness {
        let Some(endpoint) = self.endpoint.as_mut() else {
            return Readiness::CLOSED;
        };
        let machine = &self.machine;
        let lost = machine.connection == Connection::Lost;
        let found = if machine.receive_lost {
            Ok(Found::End)
        } else {
            endpoint.look()
        };
        let readable = found != Ok(Found::Nothing);
        // What a shutdown throws away is no input.
        let unread = found == Ok(Found::Input) && !machine.receive_shut;
        Readiness {
            readable: machine.receive_shut || readable,
            writable: lost
                || machine.send_side != SendSide::Open
                || (machine.queued() < machine.window && self.queue_room(services) > 0),
            sent: !lost
                && self.machine.queued() == 0
                && matches!(self.machine.send_side, SendSide::Open | SendSide::Finished),
            hung_up: readable && !unread,
            error: lost || found.is_err(),
            closed: false,
        }
    }

    /// Whether an accept would not block: there is a connection, or it would fail.
    fn has_waiting_connection(&mut self, services: &Services<S>) -> bool {
        let seen = self.rare.as_ref().is_some_and(|it| !it.backlog.is_empty());
        let Some(endpoint) = self.endpoint.as_mut() else {
            return false;
        };
        if seen {
            return true;
        }
        if self.machine.transferred {
            // One taken to be sure would be lost to the other process.
            return endpoint.look() != Ok(Found::Nothing);
        }
        match endpoint.accept() {
            Ok(Some(connection)) => {
                let _ = self.machine.apply(services, Input::BacklogJoined);
                self.rare().backlog.push_back(connection);
                true
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }
}
