//! A connection in memory: two halves under one lock.

use std::collections::VecDeque;

use super::MemoryAddress;
use crate::engine::transport::Token;
use crate::protocol::Error;

/// What one side of a connection has.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Where events of this side go; none for a peer outside the engine.
    pub(super) token: Option<Token>,
    /// Bytes this side has sent and the other has not acknowledged.
    in_flight: VecDeque<u8>,
    /// Bytes that have arrived here and were not read.
    pub(super) inbox: VecDeque<u8>,
    /// This side's FIN: ordered, and acknowledged by the other side.
    fin_sent: bool,
    fin_acknowledged: bool,
    /// The connection was reset; this side has been told or will be.
    pub(super) reset: bool,
    /// The other side's reset is on the wire, which this side is not looking at.
    reset_coming: bool,
    /// This side's owner has let go of it.
    pub(super) closed: bool,
    /// This side takes nothing off the wire.
    stalled: bool,
    /// This side throws away what arrives.
    receive_shut: bool,
}

/// Which side; the other one is `1 - side`.
pub(super) type Side = usize;

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) halves: [Half; 2],
    pub(super) addresses: [MemoryAddress; 2],
    /// The most bytes in flight, and in an inbox.
    window: usize,
    pub(super) established: bool,
    pub(super) refused: bool,
}

/// What a look into the inbox finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inbox {
    Bytes(usize),
    Empty,
    End,
}

impl Link {
    pub(super) fn new(window: usize, established: bool, addresses: [MemoryAddress; 2]) -> Self {
        Self {
            halves: [Half::default(), Half::default()],
            addresses,
            window,
            established,
            refused: false,
        }
    }

    /// All that a side can see, to be compared: whether anything has changed.
    pub(super) fn shape(&self) -> impl PartialEq + use<> {
        let half = |half: &Half| {
            let lengths = [half.in_flight.len(), half.inbox.len()];
            let fin = [half.fin_sent, half.fin_acknowledged];
            let flags = [half.reset, half.closed, half.stalled, half.receive_shut];
            (lengths, fin, flags)
        };
        let [first, second] = &self.halves;
        (half(first), half(second), self.established, self.refused)
    }

    /// Takes bytes to send, as many as the window has room for.
    pub(super) fn send(&mut self, side: Side, bytes: &[u8]) -> Result<usize, Error> {
        self.check(side)?;
        if self.halves[1 - side].closed && !self.halves[1 - side].stalled {
            self.halves[side].reset = true;
            return Err(Error::ConnectionReset);
        }
        let half = &mut self.halves[side];
        let room = self.window.saturating_sub(half.in_flight.len());
        let taken = room.min(bytes.len());
        half.in_flight.extend(&bytes[..taken]);
        self.carry(side);
        Ok(taken)
    }

    /// What has arrived comes before a reset (R1).
    pub(super) fn receive(&mut self, side: Side, buffer: &mut [u8]) -> Result<Inbox, Error> {
        let found = self.look(side, buffer);
        let Inbox::Bytes(bytes) = found else {
            return self.found(side);
        };
        self.halves[side].inbox.drain(..bytes);
        self.carry(1 - side);
        Ok(found)
    }

    /// What a receive into this buffer finds; it stays.
    pub(super) fn look(&self, side: Side, buffer: &mut [u8]) -> Inbox {
        let there = self.peek(side);
        let Inbox::Bytes(bytes) = there else {
            return there;
        };
        for (place, byte) in buffer.iter_mut().zip(&self.halves[side].inbox) {
            *place = *byte;
        }
        Inbox::Bytes(bytes.min(buffer.len()))
    }

    /// What there is for a receive, or why nothing will come.
    pub(super) fn found(&self, side: Side) -> Result<Inbox, Error> {
        let there = self.peek(side);
        if there == Inbox::Empty {
            self.check(side)?;
        }
        Ok(there)
    }

    pub(super) fn peek(&self, side: Side) -> Inbox {
        let half = &self.halves[side];
        if !half.inbox.is_empty() {
            Inbox::Bytes(half.inbox.len())
        } else if self.halves[1 - side].fin_acknowledged {
            Inbox::End
        } else {
            Inbox::Empty
        }
    }

    pub(super) fn unacknowledged(&self, side: Side) -> Result<usize, Error> {
        self.check(side)?;
        let half = &self.halves[side];
        let fin = usize::from(half.fin_sent && !half.fin_acknowledged);
        Ok(half.in_flight.len() + fin)
    }

    pub(super) fn send_fin(&mut self, side: Side) -> Result<(), Error> {
        self.check(side)?;
        self.halves[side].fin_sent = true;
        self.carry(side);
        Ok(())
    }

    pub(super) fn shut_down_receive(&mut self, side: Side) {
        let half = &mut self.halves[side];
        half.receive_shut = true;
        half.inbox.clear();
        self.carry(1 - side);
    }

    /// Resets the connection: what is on the wire is gone. What has arrived can
    /// still be read, as with common TCP stacks.
    pub(super) fn reset(&mut self, side: Side) {
        let half = &mut self.halves[side];
        half.in_flight.clear();
        half.fin_sent = half.fin_acknowledged;
        half.closed = true;
        self.halves[1 - side].reset_coming = true;
        self.take_reset(1 - side);
    }

    fn take_reset(&mut self, side: Side) {
        let half = &mut self.halves[side];
        if half.reset_coming && !half.stalled {
            half.reset = true;
            half.in_flight.clear();
        }
    }

    pub(super) fn close(&mut self, side: Side) {
        self.halves[side].closed = true;
        self.halves[side].inbox.clear();
        self.carry(1 - side);
    }

    pub(super) fn stall(&mut self, side: Side, stalled: bool) {
        self.halves[side].stalled = stalled;
        self.carry(1 - side);
        self.take_reset(side);
    }

    fn check(&self, side: Side) -> Result<(), Error> {
        if self.halves[side].reset {
            Err(Error::ConnectionReset)
        } else {
            Ok(())
        }
    }

    /// Moves what `side` has in flight to the other side's inbox, as far as the
    /// other side takes it; what it takes is acknowledged.
    fn carry(&mut self, side: Side) {
        let [first, second] = &mut self.halves;
        let (from, to) = if side == 0 {
            (first, second)
        } else {
            (second, first)
        };
        if to.stalled || to.reset || from.reset {
            return;
        }
        if to.closed && !from.in_flight.is_empty() {
            // Bytes for somebody who is gone are answered with a reset.
            from.reset = true;
            from.in_flight.clear();
            return;
        }
        let room = if to.receive_shut {
            from.in_flight.len()
        } else {
            self.window.saturating_sub(to.inbox.len())
        };
        let bytes = room.min(from.in_flight.len());
        let carried = from.in_flight.drain(..bytes);
        if to.receive_shut {
            drop(carried);
        } else {
            to.inbox.extend(carried);
        }
        from.fin_acknowledged = from.fin_sent && from.in_flight.is_empty();
    }
}
