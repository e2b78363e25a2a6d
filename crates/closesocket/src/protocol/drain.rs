//! What the transport and the clock do to a socket: bytes taken and
//! acknowledged, a connection lost, a deadline passed.

use super::{Actions, Connection, Ending, Phase, SendSide, Socket, Time, UnreadInput};

impl Socket {
    /// The transport took this many queued bytes.
    pub const fn transmitted(&mut self, bytes: u32) -> Actions {
        let taken = if bytes < self.unsent {
            bytes
        } else {
            self.unsent
        };
        self.unsent -= taken;
        self.in_flight = self.in_flight.saturating_add(taken);
        self.step()
    }

    /// The peer's transport acknowledged this many bytes.
    pub const fn acknowledged(&mut self, bytes: u32) -> Actions {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.step()
    }

    /// The peer reset the connection, or the network failed (L5). What was
    /// queued is gone; what had arrived is not, whichever call has noticed the
    /// loss (R1). While references exist only the connection is lost; closing is
    /// still their owners' business.
    //= docs/specification.md#r1-input-before-loss
    //# - A failure of the send side, or of a query, MUST NOT end the receive side.
    //= docs/specification.md#l5-the-connection-fails-during-a-drain
    //# - When the peer resets the connection or the network fails during a drain, the
    //# provider MUST discard the remaining queued data and end the drain.
    pub const fn connection_lost(&mut self) -> Actions {
        // Nothing can have arrived over a connection that never came about.
        self.receive_lost |= matches!(self.connection, Connection::Connecting) && self.is_open();
        match self.connection {
            Connection::Connected | Connection::Connecting => {}
            Connection::Unconnected | Connection::Listening | Connection::Lost => {
                return Actions::NONE;
            }
        }
        match self.phase {
            Phase::Open => {
                self.connection = Connection::Lost;
                self.discard_queue();
                Actions::NONE
            }
            Phase::Draining { .. } => self.close_as(Ending::Lost),
            Phase::Closed(_) => Actions::NONE,
        }
    }

    /// The transport reports a loss to a receive: it has nothing left to give, and
    /// the connection is lost. From here on receives fail.
    //= docs/specification.md#r1-input-before-loss
    //# - What the transport has received before it reports a loss MUST be given to the receives
    //# before the loss is.
    pub const fn receive_side_lost(&mut self) -> Actions {
        let actions = self.connection_lost();
        if matches!(self.connection, Connection::Lost) {
            self.receive_lost = true;
        }
        actions
    }

    /// Time has passed: a drain whose deadline was reached is reset (L table,
    /// rows 1 and 3). Nothing happens before the deadline or when none is set.
    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - When the linger timeout expires before the drain has ended, the connection MUST be
    //# reset before the close returns.
    pub fn expire(&mut self, now: Time) -> Actions {
        match self.phase {
            Phase::Draining {
                deadline: Some(deadline),
            } if deadline <= now => self.close_as(Ending::Expired),
            Phase::Open | Phase::Draining { .. } | Phase::Closed(_) => Actions::NONE,
        }
    }

    /// Goes on as far as the state allows: the FIN follows the last queued
    /// byte; a drain ends when everything is acknowledged. A lost or closed
    /// connection goes nowhere: its queue is empty because it was discarded.
    //= docs/specification.md#o6-partly-accepted-sends
    //# - After a close that ended gracefully, the peer MUST be able to receive every accepted
    //# byte.
    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Reset`, a graceful last close MUST NOT reset the connection on
    //# account of unread input before the queued data has been acknowledged.
    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Reset`, a graceful last close that finds unread input, or to
    //# which input comes before the queued data has been acknowledged, MUST reset the
    //# connection.
    pub(super) const fn step(&mut self) -> Actions {
        if self.is_closed() || !matches!(self.connection, Connection::Connected) {
            return Actions::NONE;
        }
        let send_fin = matches!(self.send_side, SendSide::Closing)
            && self.unsent == 0
            && !self.holds_the_fin_back();
        if send_fin {
            self.send_side = SendSide::Finished;
        }
        if self.transferred && self.is_draining() {
            let ended = if self.unsent == 0 {
                self.close_as(Ending::HandedOver)
            } else {
                Actions::NONE
            };
            return Actions { send_fin, ..ended };
        }
        let drained = self.is_draining() && self.queued() == 0;
        let ended = match (drained, self.input_unread, self.unread_input) {
            (false, ..) => Actions::NONE,
            (true, true, UnreadInput::Reset) => self.close_as(Ending::Unread),
            (true, ..) if matches!(self.send_side, SendSide::Finished) => {
                self.close_as(Ending::Graceful)
            }
            (true, ..) => Actions::NONE,
        };
        Actions { send_fin, ..ended }
    }

    /// Whether a drain that may still end in a reset keeps its FIN: nobody who
    /// reads would see the reset behind it. Input can come until the last byte
    /// is acknowledged, so the FIN waits for that too. One that a shutdown has
    /// sent before cannot be taken back.
    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Reset`, a graceful last close MUST NOT send a FIN before the queued
    //# data has been acknowledged, nor when unread input was there by then.
    const fn holds_the_fin_back(&self) -> bool {
        matches!(self.unread_input, UnreadInput::Reset)
            && self.is_draining()
            && !self.transferred
            && (self.input_unread || self.queued() > 0)
    }

    /// The socket is released, in this way (D8).
    pub(super) const fn close_as(&mut self, ending: Ending) -> Actions {
        self.phase = Phase::Closed(ending);
        let reset = matches!(ending, Ending::Hard | Ending::Expired | Ending::Unread);
        if !matches!(ending, Ending::Graceful) {
            self.discard_queue();
        }
        Actions {
            reset,
            release: true,
            ..Actions::NONE
        }
    }

    const fn discard_queue(&mut self) {
        self.unsent = 0;
        self.in_flight = 0;
    }
}
