//! The surroundings: the transport, the peer, the clock. Each step is one
//! critical section of the socket it meets.

use closesocket::protocol::invariant::Event;
use closesocket::protocol::{Actions, Connection, Phase, Socket};

use super::{Steps, has_pending_sends};
use crate::action::What;
use crate::defect::Defect;
use crate::state::{SocketState, State};

impl Steps<'_> {
    /// Everything that the surroundings can do from here; if nobody can do
    /// anything any more, that is the last step.
    pub(crate) fn of_environment(&self, before: &State, out: &mut impl FnMut(What, Event, &State)) {
        for socket in 0..before.rest().created() {
            if self.is_locked(socket) {
                continue;
            }
            let it = &before.socket(socket);
            if !it.machine().is_closed() {
                if it.machine().connection == Connection::Connected {
                    self.of_bytes(before, socket, out);
                }
                self.of_connection(before, socket, out);
            }
            if it.joins_left() > 0
                && it.machine().is_open()
                && it.machine().connection == Connection::Listening
            {
                let mut after = *before;
                let mut joined = after.socket_mut(socket);
                joined.set_joins_left(it.joins_left() - 1);
                joined.run(Socket::backlog_joined);
                joined.set_waiting(it.waiting() + 1);
                drop(joined);
                out(What::JoinBacklog { socket }, Event::Internal, &after);
            }
        }
    }

    /// What the transport and the peer do to the bytes of a connection.
    fn of_bytes(&self, before: &State, socket: u8, out: &mut impl FnMut(What, Event, &State)) {
        let index = usize::from(socket);
        let it = before.socket(index).machine();
        let mut change = |what, event, change: fn(&Self, &mut SocketState) -> _| {
            let mut after = *before;
            let actions = change(self, &mut after.socket_mut(index));
            self.carry_out(&mut after, socket, actions);
            out(what, event, &after);
        };
        if it.unsent > 0 {
            change(What::Transmit { socket }, Event::Internal, |steps, it| {
                it.run(|machine| {
                    let actions = machine.transmitted(1);
                    if steps.has(Defect::TransportDropsChunks) {
                        machine.in_flight -= 1;
                    }
                    actions
                })
            });
        }
        // Where sends are pending, the worker hears of it, and goes on with them.
        if self.may_acknowledge(&it, socket) && !self.is_waited_for(before, socket) {
            let event = Event::Acknowledged { socket: index };
            change(What::Acknowledge { socket }, event, Self::acknowledge);
        }
    }

    /// Whether what becomes of the connection is the business of pending sends.
    fn is_waited_for(&self, state: &State, socket: u8) -> bool {
        let open = state.socket(socket).machine().is_open();
        open && has_pending_sends(self.scenario, state, socket)
    }

    /// Whether the connection can be lost.
    pub(super) fn may_be_lost(&self, state: &State, socket: u8) -> bool {
        let connection = state.socket(socket).machine().connection;
        self.scenario.sockets[usize::from(socket)].may_be_lost
            && matches!(connection, Connection::Connected | Connection::Connecting)
    }

    /// It is, and the provider is told.
    pub(super) fn lose(&self, socket: &mut SocketState) -> Actions {
        socket.run(|machine| {
            let actions = machine.connection_lost();
            machine.receive_lost |= self.has(Defect::LossEndsReceives);
            machine.input_unread &= !self.has(Defect::LossDiscardsInput);
            actions
        })
    }

    /// Whether the peer can acknowledge a chunk.
    pub(super) fn may_acknowledge(&self, machine: &Socket, socket: u8) -> bool {
        machine.in_flight > 0 && self.scenario.sockets[usize::from(socket)].acknowledges
    }

    /// It does, and the provider hears of it.
    pub(super) fn acknowledge(&self, socket: &mut SocketState) -> Actions {
        socket.set_acknowledged(socket.acknowledged() + 1);
        socket.run(|machine| machine.acknowledged(1))
    }

    /// What else the transport and the peer can do to a connection.
    fn of_connection(&self, before: &State, socket: u8, out: &mut impl FnMut(What, Event, &State)) {
        let index = usize::from(socket);
        let it = before.socket(index);
        let mut change = |what, event, change: fn(&Self, &mut SocketState) -> _| {
            let mut after = *before;
            let actions = change(self, &mut after.socket_mut(index));
            self.carry_out(&mut after, socket, actions);
            out(what, event, &after);
        };
        let connected = it.machine().connection == Connection::Connected;
        // Where sends are pending, the worker is told, and ends them.
        if self.may_be_lost(before, socket) && !self.is_waited_for(before, socket) {
            let event = Event::ConnectionLost { socket: index };
            change(What::LoseConnection { socket }, event, Self::lose);
        }
        if connected && it.inputs_left() > 0 {
            change(What::Input { socket }, Event::Internal, |_, it| {
                it.set_inputs_left(it.inputs_left() - 1);
                it.run(|machine| machine.set_input_unread(true));
                Actions::default()
            });
        }
        if let Phase::Draining { deadline: Some(_) } = it.machine().phase
            && !self.has(Defect::TimerForgotten)
        {
            let event = Event::Expired { socket: index };
            change(What::Expire { socket }, event, |steps, it| {
                let Phase::Draining {
                    deadline: Some(now),
                } = it.machine().phase
                else {
                    return Actions::default();
                };
                let mut actions = it.run(|machine| machine.expire(now));
                actions.reset &= !steps.has(Defect::ExpiresWithoutReset);
                actions
            });
        }
    }
}
