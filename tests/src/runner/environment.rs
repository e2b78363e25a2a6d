//! What the transport, the peer and the clock do to the protocol.

use std::time::Duration;

use closesocket::protocol::{Connection, Error, SendSide};

use super::Runner;
use crate::call::{Answer, Call, SocketId};

impl Runner {
    pub(super) fn environment(&mut self, call: &Call) -> Answer {
        match *call {
            Call::Transmit { socket, bytes } => self.transmit(socket, bytes),
            Call::Acknowledge { socket, bytes } => self.acknowledge(socket, bytes),
            Call::Arrive { socket, bytes } => self.arrive(socket, bytes),
            Call::PeerAnswers { socket, connected } => self.peer_answers(socket, connected),
            Call::PeerResets { socket } => {
                if let Some(machine) = self.sockets.get_mut(socket.0) {
                    let actions = machine.socket.connection_lost();
                    if machine.socket.send_side == SendSide::Finished {
                        // As the script's network does it.
                        machine.input = 0;
                        machine.socket.set_input_unread(false);
                    }
                    self.carry_out(socket.0, actions);
                }
                Answer::Done
            }
            Call::Join { socket } => self.join(socket),
            Call::Advance { by } => self.advance(by),
            Call::Network { up } => {
                self.network_up = up;
                Answer::Done
            }
            Call::Upcalls { fail } => {
                self.upcalls_fail = fail;
                Answer::Done
            }
            _ => Answer::refused(Error::NotSupported),
        }
    }

    fn transmit(&mut self, socket: SocketId, bytes: u32) -> Answer {
        let Some(machine) = self.sockets.get_mut(socket.0) else {
            return Answer::Bytes(0);
        };
        let taken = machine.socket.unsent.min(bytes);
        let actions = machine.socket.transmitted(bytes);
        self.carry_out(socket.0, actions);
        Answer::Bytes(u64::from(taken))
    }

    fn acknowledge(&mut self, socket: SocketId, bytes: u32) -> Answer {
        let Some(machine) = self.sockets.get_mut(socket.0) else {
            return Answer::Bytes(0);
        };
        let acknowledged = machine.socket.in_flight.min(bytes);
        let actions = machine.socket.acknowledged(bytes);
        self.carry_out(socket.0, actions);
        Answer::Bytes(u64::from(acknowledged))
    }

    fn arrive(&mut self, socket: SocketId, bytes: u32) -> Answer {
        if let Some(machine) = self.sockets.get_mut(socket.0)
            && machine.socket.connection == Connection::Connected
            && !machine.socket.is_closed()
        {
            machine.input += u64::from(bytes);
            machine.socket.set_input_unread(machine.input > 0);
        }
        Answer::Done
    }

    fn peer_answers(&mut self, socket: SocketId, connected: bool) -> Answer {
        if socket.0 < self.sockets.len() && self.is_connecting(socket.0) {
            self.sockets[socket.0].socket.connect_finished(connected);
            let answer = if connected {
                Answer::Done
            } else {
                Answer::refused(Error::ConnectionRefused)
            };
            self.end_connects(socket.0, answer);
        }
        Answer::Done
    }

    /// The transport has no more waiting connections than it was asked to keep.
    fn join(&mut self, socket: SocketId) -> Answer {
        if let Some(machine) = self.sockets.get_mut(socket.0) {
            let before = machine.socket.backlog;
            machine.socket.backlog_joined();
            machine.waiting += machine.socket.backlog - before;
        }
        Answer::Done
    }

    fn advance(&mut self, by: Duration) -> Answer {
        self.now = self.now.after(by);
        for socket in 0..self.sockets.len() {
            let actions = self.sockets[socket].socket.expire(self.now);
            self.carry_out(socket, actions);
        }
        Answer::Done
    }
}
