//! The machine of a socket, run by the shipped protocol.

use closesocket::engine::{Change, Error};
use closesocket::protocol::invariant::Event;
use closesocket::protocol::{Actions, Connection, OperationKind, Socket};

use super::Verdict;
use super::socket::Replayed;

impl Replayed {
    /// The machine changed: it must have been what the steps before made of it,
    /// and the shipped function must change it now.
    pub(super) fn changed(&mut self, thread: u32, change: Change, found: Socket) -> Verdict {
        self.require_settled()?;
        let mut machine = self.machine();
        require_same(&machine, &found)?;
        let (actions, event) = self.run(&mut machine, change)?;
        if machine == self.machine() {
            return Err("the protocol says that this changes nothing".to_owned());
        }
        self.was_connected |= machine.connection == Connection::Connected;
        self.decide(thread, event, (0, None), actions, |local| {
            let socket = &mut local.socket;
            socket.machine = machine;
            match change {
                Change::BytesAccepted { accepted, .. } => {
                    socket.accepted = socket.accepted.saturating_add(accepted);
                }
                Change::Acknowledged { bytes } => {
                    socket.acknowledged = socket.acknowledged.saturating_add(bytes);
                }
                Change::BacklogJoined => socket.waiting_connections += 1,
                Change::BacklogTaken => {
                    socket.waiting_connections = socket.waiting_connections.saturating_sub(1);
                }
                _ => {}
            }
        })
    }

    /// Has the shipped function make this change of the machine. Returns what it
    /// orders, and what the step is to the invariants.
    fn run(&self, machine: &mut Socket, change: Change) -> Result<(Actions, Event), String> {
        let mut actions = Actions::default();
        let mut event = Event::Internal;
        match change {
            Change::Linger(linger) => machine.set_linger(linger),
            Change::Limits(limits) => machine.set_limits(limits),
            Change::Nonblocking(nonblocking) => machine.set_nonblocking(nonblocking),
            Change::Listening => machine.listen().map_err(refused)?,
            Change::Connecting => machine.connecting(),
            Change::ConnectFinished { connected } => machine.connect_finished(connected),
            Change::BacklogJoined => machine.backlog_joined(),
            Change::BacklogTaken => machine.backlog_taken(),
            Change::BytesAccepted {
                operation,
                offered,
                accepted: told,
            } => {
                let accepted = machine.accept_bytes(offered);
                if told != accepted {
                    return Err(format!("{told} bytes accepted instead of {accepted}"));
                }
                if let Some(number) = operation {
                    event = self.accepting(number)?;
                }
            }
            Change::ReceiveShut => machine.shut_down_receive().map_err(refused)?,
            Change::SendShut { pending } => {
                if pending != self.has_pending_sends() {
                    return Err(format!("shut down with sends pending: {pending}"));
                }
                actions = machine.shut_down_send(pending).map_err(refused)?;
            }
            Change::SendsEnded => {
                if self.has_pending_sends() {
                    return Err("the FIN is due while a send is pending".to_owned());
                }
                actions = machine.sends_ended();
            }
            Change::Transferred => machine.transfer().map(|_| ()).map_err(refused)?,
            Change::InputUnread(unread) => machine.set_input_unread(unread),
            Change::Transmitted { bytes } => {
                if bytes > machine.unsent {
                    return Err(format!("{bytes} bytes sent of {}", machine.unsent));
                }
                actions = machine.transmitted(bytes);
            }
            Change::Acknowledged { bytes } => {
                event = Event::Acknowledged { socket: 0 };
                actions = machine.acknowledged(bytes);
            }
            Change::ConnectionLost => {
                event = Event::ConnectionLost { socket: 0 };
                actions = machine.connection_lost();
            }
            Change::ReceiveLost => {
                event = Event::ConnectionLost { socket: 0 };
                actions = machine.receive_side_lost();
            }
            Change::Expired { now } => {
                event = Event::Expired { socket: 0 };
                actions = machine.expire(now);
            }
            other => return Err(format!("an unknown change: {other:?}")),
        }
        Ok((actions, event))
    }

    /// Whether a send, or a connect before it, is pending.
    fn has_pending_sends(&self) -> bool {
        let on_its_side = |kind| matches!(kind, OperationKind::Send | OperationKind::Connect);
        let mut operations = self.operations.values();
        operations.any(|it| it.taken.is_none() && on_its_side(it.kind))
    }

    /// Bytes are accepted for the pending send of this number.
    fn accepting(&self, number: u64) -> Result<Event, String> {
        let known = self.operations.get(&number);
        if known.is_none_or(|it| it.kind != OperationKind::Send) {
            return Err("bytes were accepted for an operation that is no pending send".to_owned());
        }
        let operation = self.local.place_of(number).ok_or("unknown operation")?;
        Ok(Event::BytesAccepted { operation })
    }
}

/// What a refusal of the protocol means for a step that was made.
pub(super) fn refused(error: Error) -> String {
    format!("the protocol refuses it: {error}")
}

/// Fails unless two machines decide alike. The hidden part of a linger option
/// that is off decides nothing.
pub(super) fn require_same(expected: &Socket, found: &Socket) -> Verdict {
    use crate::text::Text as _;
    let linger = found.linger;
    let alike = Socket {
        linger,
        ..*expected
    } == *found
        && expected.linger.write() == linger.write();
    if alike {
        return Ok(());
    }
    Err(format!(
        "it found the machine `{}`, by the protocol it was `{}`",
        found.write(),
        expected.write()
    ))
}
