//! Progress: what a socket can do now, it does. Called under the socket's lock
//! after anything that may have changed something.

use super::cells::Cells;
use super::delivery::Outbox;
use super::services::Services;
use super::socket::SocketState;
use super::transport::EndpointOf;
use super::transport::{Endpoint as _, Found, Received};
use super::{SocketId, System};
use crate::protocol::{Connection, Error, Input, OperationKind};

/// How many chunks a drain throws away in one critical section.
const DISCARDS: u32 = 64;

/// Which queue of a reference.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Reads,
    Writes,
}

/// Receives whose threads go on with them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Driven {
    /// They are left to their threads, with what is behind them.
    ByThemselves,
    /// They go on as the others do.
    Too,
}

/// A critical section of a socket: what lies under its lock, and what a section
/// needs from outside.
pub(super) struct Section<'a, S: System> {
    pub(super) services: &'a Services<S>,
    pub(super) cells: &'a Cells<S>,
    pub(super) id: SocketId,
    pub(super) socket: &'a mut SocketState<S>,
    pub(super) out: &'a mut Outbox<S>,
}

impl<S: System> Section<'_, S> {
    /// Does what can be done now: finishes a connect, accepts, sends, receives,
    /// drains.
    pub(super) fn advance(&mut self) {
        if self.socket.transport_ended {
            self.end_with_transport();
            return;
        }
        self.try_advance();
        self.socket.signal_watches(self.services, self.out);
        self.socket.tell_watch();
    }

    /// Has happen what the input says, and carries out what comes of it. Returns
    /// how many bytes were accepted.
    pub(super) fn input(&mut self, input: Input) -> Result<u32, Error> {
        let outcome = self.socket.machine.apply(self.services, input)?;
        self.socket
            .carry_out(self.services, outcome.actions, self.out);
        Ok(outcome.accepted)
    }

    /// Ends the sends if the connection is lost: by this outcome, or found so on
    /// the way, when the FIN was sent. Memory that the transport lacks it may have
    /// later.
    pub(super) fn note_loss(&mut self, outcome: Result<(), Error>) {
        match outcome {
            Err(Error::NoBuffers) => {}
            Err(error) => self.lose(error),
            Ok(()) if self.socket.machine.connection == Connection::Lost => {
                self.lose(Error::ConnectionReset);
            }
            Ok(()) => {}
        }
    }

    /// Nobody will tell of this socket any more: what waits ends now, the
    /// receives with what has arrived before (R1).
    fn end_with_transport(&mut self) {
        self.advance_receives(Driven::Too);
        let connected = self.socket.machine.connection == Connection::Connected;
        if connected && let Some(endpoint) = self.socket.endpoint.as_mut() {
            // Part of what was accepted may never have been handed over: a FIN
            // behind the rest would tell the peer that it has everything.
            endpoint.reset();
        }
        self.lose_receives(Error::NetworkDown);
        let watches = self
            .socket
            .references
            .iter()
            .flat_map(|it| it.watches.iter());
        self.out
            .rare()
            .events
            .extend(watches.map(|watch| watch.event.clone()));
    }

    /// The receives go on when the sends have failed: what they wait for may be
    /// there already (R1).
    fn try_advance(&mut self) {
        match self.socket.machine.connection {
            Connection::Connecting => {
                self.advance_connect();
                if self.socket.machine.connection == Connection::Connected {
                    self.try_advance();
                }
            }
            Connection::Listening => self.advance_accepts(),
            Connection::Connected => {
                let outcome = self.advance_sends();
                self.note_loss(outcome);
                if !self.socket.machine.is_draining() {
                    self.advance_receives(Driven::ByThemselves);
                }
            }
            Connection::Lost => {
                self.note_loss(Ok(()));
                self.advance_receives(Driven::ByThemselves);
            }
            Connection::Unconnected => {}
        }
    }

    /// The connection is lost, or given up since its transport refuses what is queued:
    /// that is gone, and pending sends fail (L5). What has arrived is not (R1).
    pub(super) fn lose(&mut self, error: Error) {
        let lost_before = self.socket.machine.connection == Connection::Lost;
        let given_up = lost_before && !self.socket.unsent.is_empty();
        let _ = self.input(Input::ConnectionLost);
        if error.is_loss() && !given_up {
            self.socket.unsent.clear();
        }
        // Otherwise the transport still has the connection: it goes on to know that
        // there is more, whatever is found later, and ends it in a reset (S5).
        self.socket.tell_unsent();
        self.socket.memory_refused = false;
        self.fail_all(Side::Writes, error);
    }

    /// A receive, or a look, has failed: the pending one at the front of this reference,
    /// or one that is none. If the transport only lacked memory it alone ends; otherwise
    /// it was told of the loss.
    pub(super) fn receive_failed(&mut self, pending: Option<usize>, error: Error) {
        match (error, pending) {
            (Error::NoBuffers, Some(index)) => {
                self.finish(Side::Reads, index, Err(error), None);
            }
            (Error::NoBuffers, None) => {}
            _ => self.lose_receives(error),
        }
    }

    /// A receive was told of the loss: no receive will find anything any more.
    fn lose_receives(&mut self, error: Error) {
        let _ = self.input(Input::ReceiveLost);
        self.fail_all(Side::Reads, error);
        self.lose(error);
    }

    /// Ends every pending operation of this side with an error.
    fn fail_all(&mut self, side: Side, error: Error) {
        while let Some(index) = self.front(side) {
            self.finish(side, index, Err(error), None);
        }
    }

    /// Gives what has arrived to the pending receives, and to those that shut the
    /// receive side nothing: with none pending, it is thrown away (S1b).
    //= docs/specification.md#r2-empty-receives
    //# - An overlapped receive with an empty buffer MUST stay pending until there is input, the end
    //# or an error, and take nothing.
    //= docs/specification.md#s1b-shutting-down-the-receive-side
    //# - While the receive side is shut down and no receive is pending, what arrives MUST be read
    //# and thrown away.
    fn advance_receives(&mut self, driven: Driven) {
        while let Some(index) = self.front(Side::Reads) {
            let state = &mut *self.socket;
            let Some(endpoint) = state.endpoint.as_mut() else {
                return;
            };
            let Some(pending) = state.references[index].reads.front_mut() else {
                return;
            };
            let may_wait = driven == Driven::ByThemselves;
            if pending.kind != OperationKind::Recv || (may_wait && pending.is_driven()) {
                return;
            }
            if may_wait && endpoint.is_emptied() && !state.watch_refused {
                return;
            }
            if let Some(length) = pending.blocked().map(|it| it.length) {
                pending.buffer.resize(length, 0);
            }
            let received = if pending.buffer.is_empty() {
                endpoint.look().map(|found| match found {
                    Found::Input | Found::End => Received::End,
                    Found::Nothing => Received::Nothing,
                })
            } else {
                endpoint.receive(&mut pending.buffer)
            };
            let bytes = match received {
                Ok(Received::Nothing) => return,
                Ok(Received::Bytes(bytes)) => bytes,
                Ok(Received::End) => 0,
                Err(error) => {
                    self.receive_failed(Some(index), error);
                    continue;
                }
            };
            pending.done = bytes;
            self.finish(Side::Reads, index, Ok(bytes), None);
        }
        self.discard_unwanted();
    }

    /// Throws away what nobody can receive any more, so that the peer's writes do
    /// not stall (S1b).
    fn discard_unwanted(&mut self) {
        if self.socket.machine.receive_shut
            && self.front(Side::Reads).is_none()
            && let Some(endpoint) = self.socket.endpoint.as_mut()
        {
            endpoint.shut_down_receive();
        }
    }

    /// Reads what still arrives and throws it away, so that the queued data and
    /// the FIN reach the peer (L6). A peer that sends as fast as this reads must
    /// not keep the lock from the drain's deadline, nor the thread from other
    /// sockets (L10): the rest waits for the next look, which a drain always
    /// gets.
    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Discard`, a graceful last close MUST read and throw away the received
    //# data that nobody has read, as well as what arrives during the drain.
    pub(super) fn discard_input(&mut self) -> Result<(), Error> {
        let mut scratch = [0; 4096];
        self.socket.more_to_discard = false;
        for _ in 0..DISCARDS {
            if !self.socket.machine.is_draining() {
                break;
            }
            let Some(endpoint) = self.socket.endpoint.as_mut() else {
                break;
            };
            match endpoint.receive(&mut scratch)? {
                Received::Bytes(_) => {
                    self.input(Input::InputUnread(true))?;
                }
                Received::Nothing | Received::End => return Ok(()),
            }
        }
        self.socket.more_to_discard = self.socket.machine.is_draining();
        Ok(())
    }

    /// The reference whose oldest operation on this side is the oldest of the
    /// socket.
    pub(super) fn front(&self, side: Side) -> Option<usize> {
        let oldest = |index: usize| {
            let reference = self.socket.references.get(index)?;
            let operations = match side {
                Side::Reads => &reference.reads,
                Side::Writes => &reference.writes,
            };
            operations.front()
        };
        (0..self.socket.references.len())
            .filter_map(|index| Some((oldest(index)?.number, index)))
            .min()
            .map(|(_, index)| index)
    }

    /// Takes the oldest operation of this reference's side out, with its result.
    //= docs/specification.md#o2-one-end-for-each-operation
    //# - A completion that races with a close MUST take effect either as a whole or not at all.
    pub(super) fn finish(
        &mut self,
        side: Side,
        index: usize,
        result: Result<usize, Error>,
        connection: Option<EndpointOf<S>>,
    ) {
        let Some(reference) = self.socket.references.get_mut(index) else {
            return;
        };
        let issuer = reference.issuer();
        let taken = match side {
            Side::Reads => reference.reads.pop_front(),
            Side::Writes => reference.writes.pop_front(),
        };
        if let Some((issuer, pending)) = issuer.zip(taken) {
            self.conclude(issuer, pending, result, connection);
        }
    }
}
