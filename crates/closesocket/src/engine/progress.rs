//! Progress: what a socket can do now, it does. Called under the socket's lock
//! after anything that may have changed something.

use super::observation::{Observation, OperationId};
use super::operation::{Finished, Pending};
use super::process::ProcessState;
use super::shared::Shared;
use super::socket::{Accepted, Outbox, SocketState};
use super::transport::{Connecting, Endpoint as _, Received};
use super::{SocketId, System};
use crate::protocol::{Connection, Descriptor, Error, OperationKind, Socket};

use std::sync::Arc;

/// How many windows of pending sends are sent in one critical section, if the
/// peer keeps acknowledging them: others want the lock too.
const ROUNDS: u32 = 16;

/// How many chunks a drain throws away in one critical section.
const DISCARDS: u32 = 64;

/// Which queue of a reference.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Reads,
    Writes,
}

/// A critical section at work: the state with what it needs from outside.
pub(super) struct Section<'a, S: System> {
    pub(super) shared: &'a Shared<S>,
    pub(super) id: SocketId,
    pub(super) state: &'a mut SocketState<S>,
    pub(super) out: &'a mut Outbox<S>,
}

impl<S: System> Section<'_, S> {
    /// Does what can be done now: finishes a connect, accepts, sends, receives,
    /// drains.
    pub(super) fn advance(&mut self) {
        if self.state.transport_ended {
            self.end_with_transport();
            return;
        }
        let outcome = self.try_advance();
        self.note_loss(outcome);
        self.state.signal_watches(self.shared, self.out);
    }

    /// Ends what is pending if the connection is lost: by this outcome, or
    /// found so on the way, when the FIN was sent.
    pub(super) fn note_loss(&mut self, outcome: Result<(), Error>) {
        match outcome {
            Err(error) => self.lose(error),
            Ok(()) if self.state.core.connection == Connection::Lost => {
                self.lose(Error::ConnectionReset);
            }
            Ok(()) => {}
        }
    }

    /// Nobody will tell of this socket any more: what waits ends now.
    fn end_with_transport(&mut self) {
        let connected = self.state.core.connection == Connection::Connected;
        if connected && let Some(endpoint) = self.state.endpoint.as_mut() {
            // Part of what was accepted may never have been handed over: a FIN
            // behind the rest would tell the peer that it has everything.
            endpoint.reset();
        }
        self.lose(Error::NetworkDown);
        let watches = self.state.references.iter().flat_map(|it| &it.watches);
        self.out
            .events
            .extend(watches.map(|watch| watch.event.clone()));
    }

    fn try_advance(&mut self) -> Result<(), Error> {
        match self.state.core.connection {
            Connection::Connecting => {
                self.advance_connect();
                if self.state.core.connection == Connection::Connected {
                    return self.try_advance();
                }
                Ok(())
            }
            Connection::Listening => {
                self.advance_accepts();
                Ok(())
            }
            Connection::Connected => {
                self.flush()?;
                if self.state.core.is_draining() && !self.state.core.transferred {
                    // Before the acknowledgements that may end the drain: what
                    // has come by then is unread input (L6).
                    self.discard_input()?;
                }
                if self.state.awaits_acknowledgements() {
                    self.note_acknowledged()?;
                }
                let mut rounds = 0;
                while self.accept_sends() {
                    self.flush()?;
                    rounds += 1;
                    // The last round leaves its bytes in flight, so that the
                    // socket is looked at again.
                    if rounds < ROUNDS {
                        self.note_acknowledged()?;
                    }
                }
                if self.state.core.is_draining() {
                    Ok(())
                } else {
                    self.advance_receives()
                }
            }
            Connection::Unconnected | Connection::Lost => Ok(()),
        }
    }

    /// Opens the reserved slot of a process as a descriptor of this socket,
    /// whose reference is counted already.
    pub(super) fn open(
        &mut self,
        process: &Arc<ProcessState<S>>,
        slot: u32,
    ) -> Result<Descriptor, Error> {
        let (descriptor, before) = process.table.open(slot, self.id)?;
        self.state.attach(Arc::clone(process), descriptor);
        let socket = self.id;
        self.state
            .core
            .note(self.shared, |sequence| Observation::Opened {
                process: process.id,
                descriptor,
                socket,
                sequence,
                before,
            });
        Ok(descriptor)
    }

    /// The connection is lost: pending sends and receives fail (L5).
    pub(super) fn lose(&mut self, error: Error) {
        let actions = self.state.core.connection_lost(self.shared);
        self.state.carry_out(self.shared, actions, self.out);
        self.state.unsent.clear();
        self.fail_all(Side::Writes, error);
        self.fail_all(Side::Reads, error);
    }

    /// Ends every pending operation of this side with an error.
    pub(super) fn fail_all(&mut self, side: Side, error: Error) {
        while let Some(index) = self.front(side) {
            self.finish(side, index, Err(error), None);
        }
    }

    /// Hands accepted bytes to the transport.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.hand_over_unsent();
        self.state.tell_unsent();
        flushed
    }

    fn hand_over_unsent(&mut self) -> Result<(), Error> {
        loop {
            let state = &mut *self.state;
            let Some(endpoint) = state.endpoint.as_mut() else {
                return Ok(());
            };
            let (chunk, _) = state.unsent.as_slices();
            if chunk.is_empty() {
                return Ok(());
            }
            let sent = endpoint.send(chunk)?;
            if sent == 0 {
                return Ok(());
            }
            //= docs/specification.md#o6-partly-accepted-sends
            //# - The bytes that the peer receives MUST be a prefix of the bytes that the provider
            //# accepted.
            state.unsent.drain(..sent);
            let sent = u32::try_from(sent).unwrap_or(u32::MAX);
            let actions = state.core.transmitted(self.shared, sent);
            state.carry_out(self.shared, actions, self.out);
        }
    }

    /// Asks the transport what the peer has acknowledged.
    pub(super) fn note_acknowledged(&mut self) -> Result<(), Error> {
        let state = &mut *self.state;
        let Some(endpoint) = state.endpoint.as_mut() else {
            return Ok(());
        };
        if state.core.in_flight == 0 {
            return Ok(());
        }
        let left = u32::try_from(endpoint.unacknowledged()?).unwrap_or(u32::MAX);
        let acknowledged = state.core.in_flight.saturating_sub(left);
        let actions = state.core.acknowledged(self.shared, acknowledged);
        state.carry_out(self.shared, actions, self.out);
        Ok(())
    }

    /// Moves bytes of pending sends into the send buffer, as many as fit. True
    /// if there is something new to flush.
    fn accept_sends(&mut self) -> bool {
        let mut moved = false;
        while let Some(index) = self.front(Side::Writes) {
            let state = &mut *self.state;
            let Some(pending) = state.references[index].writes.front_mut() else {
                break;
            };
            if pending.kind != OperationKind::Send {
                // A connect, and the socket is connected.
                self.finish(Side::Writes, index, Ok(0), None);
                continue;
            }
            let rest = &pending.buffer[pending.done..];
            let number = Some(pending.number);
            let accepted = state.core.accept_bytes(self.shared, number, rest.len());
            state.unsent.extend(&rest[..accepted]);
            pending.done += accepted;
            moved |= accepted > 0;
            if pending.done < pending.buffer.len() {
                break;
            }
            let done = pending.done;
            self.finish(Side::Writes, index, Ok(done), None);
        }
        moved
    }

    fn advance_receives(&mut self) -> Result<(), Error> {
        while let Some(index) = self.front(Side::Reads) {
            let state = &mut *self.state;
            let Some(endpoint) = state.endpoint.as_mut() else {
                return Ok(());
            };
            let Some(pending) = state.references[index].reads.front_mut() else {
                break;
            };
            let received = if pending.buffer.is_empty() {
                Received::End
            } else {
                endpoint.receive(&mut pending.buffer)?
            };
            let bytes = match received {
                Received::Nothing => break,
                Received::Bytes(bytes) => bytes,
                Received::End => 0,
            };
            pending.done = bytes;
            self.finish(Side::Reads, index, Ok(bytes), None);
        }
        self.discard_unwanted();
        Ok(())
    }

    /// Throws away what nobody can receive any more, so that the peer's writes do
    /// not stall (S1b).
    fn discard_unwanted(&mut self) {
        if self.state.core.receive_shut
            && self.front(Side::Reads).is_none()
            && let Some(endpoint) = self.state.endpoint.as_mut()
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
    fn discard_input(&mut self) -> Result<(), Error> {
        let mut scratch = [0; 4096];
        for _ in 0..DISCARDS {
            if !self.state.core.is_draining() {
                break;
            }
            let Some(endpoint) = self.state.endpoint.as_mut() else {
                break;
            };
            match endpoint.receive(&mut scratch)? {
                Received::Bytes(_) => {
                    self.state.core.set_input_unread(self.shared, true);
                }
                Received::Nothing | Received::End => break,
            }
        }
        Ok(())
    }

    fn advance_connect(&mut self) {
        let Some(endpoint) = self.state.endpoint.as_mut() else {
            return;
        };
        let result = match endpoint.connect_progress() {
            Ok(Connecting::InProgress) => return,
            Ok(Connecting::Done) => Ok(0),
            Err(error) => Err(error),
        };
        self.state
            .core
            .connect_finished(self.shared, result.is_ok());
        if self.front(Side::Writes).is_none() {
            self.state.connect_error = result.err();
        }
        while let Some(index) = self.front(Side::Writes) {
            self.finish(Side::Writes, index, result, None);
        }
    }

    fn advance_accepts(&mut self) {
        while let Some(index) = self.front(Side::Reads) {
            match self.next_connection() {
                Ok(None) => break,
                Ok(Some(connection)) => self.finish(Side::Reads, index, Ok(0), Some(connection)),
                Err(error) => self.finish(Side::Reads, index, Err(error), None),
            }
        }
    }

    /// The connection that waits longest, as the socket that it becomes: the
    /// listener may be closed before that is made (R4).
    pub(super) fn next_connection(&mut self) -> Result<Option<Accepted<S>>, Error> {
        let mut taken = self.state.backlog.pop_front();
        if taken.is_some() {
            self.state.core.backlog_taken(self.shared);
        } else if let Some(endpoint) = self.state.endpoint.as_mut() {
            taken = endpoint.accept()?;
        }
        Ok(taken.map(|endpoint| Accepted {
            endpoint,
            core: Socket::accepted(&self.state.core),
        }))
    }

    /// The reference whose oldest operation on this side is the oldest of the
    /// socket.
    pub(super) fn front(&self, side: Side) -> Option<usize> {
        let oldest = |index: usize| -> Option<&Pending<S::Primitives>> {
            let reference = self.state.references.get(index)?;
            match side {
                Side::Reads => reference.reads.front(),
                Side::Writes => reference.writes.front(),
            }
        };
        (0..self.state.references.len())
            .filter_map(|index| Some((oldest(index)?.number, index)))
            .min()
            .map(|(_, index)| index)
    }

    /// Takes the oldest operation of this reference's side out, with its
    /// result, to be delivered outside the lock.
    //= docs/specification.md#o2-one-end-for-each-operation
    //# - Every operation MUST end exactly once, either completed or aborted.
    //= docs/specification.md#o2-one-end-for-each-operation
    //# - A completion that races with a close MUST take effect either as a whole or not at all.
    fn finish(
        &mut self,
        side: Side,
        index: usize,
        result: Result<usize, Error>,
        connection: Option<Accepted<S>>,
    ) {
        let Some(reference) = self.state.references.get_mut(index) else {
            return;
        };
        let taken = match side {
            Side::Reads => reference.reads.pop_front(),
            Side::Writes => reference.writes.pop_front(),
        };
        if let Some(pending) = taken {
            self.hand_over(index, pending, result, connection);
        }
    }

    /// Notes an operation that was taken out for delivery.
    pub(super) fn hand_over(
        &mut self,
        index: usize,
        pending: Pending<S::Primitives>,
        result: Result<usize, Error>,
        connection: Option<Accepted<S>>,
    ) {
        let Some(reference) = self.state.references.get(index) else {
            return;
        };
        let (process, descriptor) = (Arc::clone(&reference.process), reference.descriptor);
        let operation = OperationId {
            socket: self.id,
            number: pending.number,
        };
        let error = result.err();
        self.state
            .core
            .note(self.shared, |sequence| Observation::Taken {
                operation,
                sequence,
                aborted: None,
                error,
            });
        self.out.finished.push(Finished {
            process,
            descriptor,
            pending,
            result,
            connection,
        });
        let reference = self.state.references.get(index);
        if reference.is_some_and(|it| !it.live && !it.has_operations()) {
            self.state.references.swap_remove(index);
        }
    }
}
