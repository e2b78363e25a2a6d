//! The surroundings: the transport, the peer, the clock. Each step is one
//! critical section of the socket it meets.

use closesocket::protocol::invariant::Event;
use closesocket::protocol::{Actions, Connection, Phase, SendSide, Socket};

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
        if it.in_flight > 0 && self.scenario.sockets[index].acknowledges {
            let event = Event::Acknowledged { socket: index };
            change(What::Acknowledge { socket }, event, |_, it| {
                it.set_acknowledged(it.acknowledged() + 1);
                it.run(|machine| machine.acknowledged(1))
            });
        }
    }

    /// What else the transport and the peer can do to a connection.
    fn of_connection(&self, before: &State, socket: u8, out: &mut impl FnMut(What, Event, &State)) {
        let index = usize::from(socket);
        let spec = &self.scenario.sockets[index];
        let it = before.socket(index);
        let mut change = |what, event, change: fn(&Self, &mut SocketState) -> _| {
            let mut after = *before;
            let actions = change(self, &mut after.socket_mut(index));
            self.carry_out(&mut after, socket, actions);
            out(what, event, &after);
        };
        let connected = it.machine().connection == Connection::Connected;
        if spec.may_be_lost
            && matches!(
                it.machine().connection,
                Connection::Connected | Connection::Connecting
            )
        {
            let event = Event::ConnectionLost { socket: index };
            change(What::LoseConnection { socket }, event, |steps, it| {
                it.run(|machine| {
                    let actions = machine.connection_lost();
                    machine.receive_lost |= steps.has(Defect::LossEndsReceives);
                    machine.input_unread &= !steps.has(Defect::LossDiscardsInput);
                    actions
                })
            });
        }
        if connected
            && it.machine().send_side == SendSide::ShuttingDown
            && !has_pending_sends(self.scenario, before, socket)
        {
            change(What::EndSends { socket }, Event::Internal, |_, it| {
                it.run(Socket::sends_ended)
            });
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
