//! Sending: what is queued goes to the transport, and pending sends into what room
//! there is.

use super::System;
use super::progress::{Section, Side};
use super::transport::Endpoint as _;
use crate::protocol::{Connection, Error, Input, OperationKind};

/// How many windows of pending sends are sent in one critical section, if the
/// peer keeps acknowledging them: others want the lock too.
const ROUNDS: u32 = 16;

impl<S: System> Section<'_, S> {
    /// Sends what is queued, and what pending sends have room for.
    pub(super) fn advance_sends(&mut self) -> Result<(), Error> {
        self.flush()?;
        if self.socket.machine.is_draining() && !self.socket.machine.transferred {
            // Before the acknowledgements that may end the drain: what has come
            // by then is unread input (L6). A transferred one's may be another
            // process's (D9).
            self.discard_input()?;
        }
        if self.socket.awaits_acknowledgements() {
            self.note_acknowledged()?;
        }
        let mut rounds = 0;
        while self.accept_sends()? {
            rounds += 1;
            // The last round leaves its bytes in flight, so that the socket is
            // looked at again.
            if rounds < ROUNDS {
                self.note_acknowledged()?;
            }
        }
        if self.socket.fin_waits() && self.front(Side::Writes).is_none() {
            self.input(Input::SendsEnded)?;
        }
        Ok(())
    }

    /// Hands accepted bytes to the transport. Where it lacks memory for them they
    /// wait; no event tells when it has some, so the socket is looked at again.
    //= docs/specification.md#o6-partly-accepted-sends
    //# - Accepted bytes MUST stay queued, and be offered again, while the transport only lacks memory
    //# for them.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.hand_over_unsent();
        self.socket.memory_refused = flushed == Err(Error::NoBuffers);
        self.socket.tell_unsent();
        flushed
    }

    //= docs/specification.md#o6-partly-accepted-sends
    //# - The bytes that the peer receives MUST be a prefix of the bytes that the provider
    //# accepted.
    fn hand_over_unsent(&mut self) -> Result<(), Error> {
        // What is there still was refused, and its senders were told.
        if self.socket.machine.connection == Connection::Lost {
            return Ok(());
        }
        loop {
            let state = &mut *self.socket;
            let Some(endpoint) = state.endpoint.as_mut() else {
                return Ok(());
            };
            let chunk = state.unsent.first();
            if chunk.is_empty() {
                return Ok(());
            }
            let (sent, whole) = (endpoint.send(chunk)?, chunk.len());
            state.unsent.taken(sent);
            self.note_transmitted(sent)?;
            if sent < whole {
                return Ok(());
            }
        }
    }

    pub(super) fn note_transmitted(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > 0 {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.input(Input::Transmitted { bytes })?;
        }
        Ok(())
    }

    /// Asks the transport what the peer has acknowledged.
    pub(super) fn note_acknowledged(&mut self) -> Result<(), Error> {
        let state = &mut *self.socket;
        let Some(endpoint) = state.endpoint.as_mut() else {
            return Ok(());
        };
        if state.machine.in_flight == 0 {
            return Ok(());
        }
        let left = u32::try_from(endpoint.unacknowledged()?).unwrap_or(u32::MAX);
        let bytes = state.machine.in_flight.saturating_sub(left);
        self.input(Input::Acknowledged { bytes }).map(|_| ())
    }

    /// Moves bytes of pending sends into the send buffer, as many as fit, and
    /// hands them to the transport. True if there were any. A send has succeeded
    /// only when its bytes were not refused there (R3).
    //= docs/specification.md#r3-a-result-behind-the-step-that-decides-it
    //# - The success of an operation MUST NOT be fixed before the step that can refuse it.
    fn accept_sends(&mut self) -> Result<bool, Error> {
        let (mut moved, mut accepted) = (false, Vec::new());
        while let Some(index) = self.front(Side::Writes) {
            let state = &mut *self.socket;
            let queue_room = state.queue_room(self.services);
            let Some(pending) = state.references[index].writes.front_mut() else {
                break;
            };
            if pending.kind != OperationKind::Send {
                // A connect, and the socket is connected.
                self.finish(Side::Writes, index, Ok(0), None);
                continue;
            }
            if pending.is_driven() {
                break;
            }
            let rest = &pending.buffer[pending.done..];
            let rest = rest.get(..queue_room).unwrap_or(rest);
            let number = Some(pending.number);
            let offered = Input::BytesOffered { bytes: rest.len() };
            let outcome = state.machine.apply_for(self.services, number, offered);
            let bytes = outcome.unwrap_or_default().accepted as usize;
            state.unsent.push(&rest[..bytes]);
            pending.done += bytes;
            moved |= bytes > 0;
            if pending.done < pending.buffer.len() {
                state.rearm(OperationKind::Send);
                break;
            }
            let reference = &mut state.references[index];
            let issuer = reference.issuer();
            accepted.extend(issuer.zip(reference.writes.pop_front()));
        }
        let flushed = if moved { self.flush() } else { Ok(()) };
        for (issuer, pending) in accepted {
            let result = match flushed {
                // They wait in the queue, as what there is no room for.
                Ok(()) | Err(Error::NoBuffers) => Ok(pending.done),
                Err(error) => Err(error),
            };
            self.conclude(issuer, pending, result, None);
        }
        flushed.map(|()| moved)
    }
}
