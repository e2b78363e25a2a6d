//! What the transport, the peer and the clock do.

use std::time::Duration;

use closesocket::protocol::Error;

use super::{Kind, Life, Link, Oracle};
use crate::call::{Answer, Happening, SocketId};

impl Oracle {
    pub(super) fn transmit(&mut self, socket: SocketId, bytes: u32) -> Answer {
        let Some(socket) = self.at(socket) else {
            return Answer::Bytes(0);
        };
        let it = &mut self.sockets[socket];
        let taken = it.unsent.min(u64::from(bytes));
        it.unsent -= taken;
        it.in_flight += taken;
        Answer::Bytes(taken)
    }

    pub(super) fn acknowledge(&mut self, socket: SocketId, bytes: u32) -> Answer {
        let Some(socket) = self.at(socket) else {
            return Answer::Bytes(0);
        };
        let it = &mut self.sockets[socket];
        let acknowledged = it.in_flight.min(u64::from(bytes));
        it.in_flight -= acknowledged;
        Answer::Bytes(acknowledged)
    }

    /// Input counts while there is a connection, during a drain too (L6).
    pub(super) fn arrive(&mut self, socket: SocketId, bytes: u32) -> Answer {
        if let Some(socket) = self.at(socket) {
            let it = &mut self.sockets[socket];
            if it.link == Link::Connected && it.life != Life::Released {
                it.input += u64::from(bytes);
            }
        }
        Answer::Done
    }

    pub(super) fn peer_answers(&mut self, socket: SocketId, connected: bool) -> Answer {
        if let Some(socket) = self.at(socket) {
            let it = &mut self.sockets[socket];
            if it.link == Link::Connecting && it.life == Life::Open {
                if connected {
                    self.reached("pending connect served");
                    self.connected(socket);
                } else {
                    it.link = Link::None;
                    self.end_where(Answer::refused(Error::ConnectionRefused), |it| {
                        it.socket == socket && it.kind == Kind::Connect
                    });
                }
            }
        }
        Answer::Done
    }

    /// L5. Pending operations find out when the call is settled.
    //= docs/specification.md#l5-the-connection-fails-during-a-drain
    //# - When the peer resets the connection or the network fails during a drain, the provider MUST
    //# discard the remaining queued data and end the drain.
    pub(super) fn peer_resets(&mut self, socket: SocketId) -> Answer {
        let Some(socket) = self.at(socket) else {
            return Answer::Done;
        };
        let it = &mut self.sockets[socket];
        if !matches!(it.link, Link::Connected | Link::Connecting) {
            return Answer::Done;
        }
        match it.life {
            Life::Open => {
                it.link = Link::Lost;
                it.unsent = 0;
                it.in_flight = 0;
                if it.fin_sent {
                    // The script's network throws it away then.
                    it.input = 0;
                }
                self.reached("connection lost while open");
            }
            Life::Draining { .. } => {
                self.reached("connection lost while draining");
                self.release(socket);
            }
            Life::Released => {}
        }
        Answer::Done
    }

    pub(super) fn join(&mut self, socket: SocketId) -> Answer {
        if let Some(socket) = self.at(socket) {
            let it = &mut self.sockets[socket];
            if it.link == Link::Listening && it.life == Life::Open {
                it.backlog += 1;
            }
        }
        Answer::Done
    }

    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - When the linger timeout expires before the drain has ended, the connection MUST be reset
    //# before the close returns.
    pub(super) fn advance(&mut self, by: Duration) -> Answer {
        self.now = self.now.saturating_add(by);
        for socket in 0..self.sockets.len() {
            if let Life::Draining { until: Some(until) } = self.sockets[socket].life
                && until <= self.now
            {
                let waiting = |it: &super::Closer| self.handles[it.handle].socket == socket;
                self.reached(if self.closers.iter().any(waiting) {
                    "expiry of a waiting close"
                } else {
                    "expiry in the background"
                });
                self.happen(Happening::Reset(SocketId(socket)));
                self.release(socket);
            }
        }
        Answer::Done
    }
}
