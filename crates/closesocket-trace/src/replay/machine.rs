//! The machine of a socket, run by the shipped protocol.

use closesocket::engine::Error;
use closesocket::protocol::invariant::Event;
use closesocket::protocol::{Connection, Input, OperationKind, Socket};

use super::Verdict;
use super::socket::Replayed;

impl Replayed {
    /// Something happened to the machine: it must have been what the steps before
    /// made of it, and the shipped function must change it now.
    pub(super) fn changed(
        &mut self,
        thread: u32,
        (input, by): (Input, Option<u64>),
        found: Socket,
    ) -> Verdict {
        self.require_settled()?;
        let mut machine = self.machine();
        require_same(&machine, &found)?;
        let event = self.event(&machine, input, by)?;
        let outcome = machine.apply(input).map_err(refused)?;
        if machine == self.machine() {
            return Err("the protocol says that this changes nothing".to_owned());
        }
        self.was_connected |= machine.connection == Connection::Connected;
        self.decide(thread, event, (0, None), outcome.actions, |local| {
            let socket = &mut local.socket;
            socket.machine = machine;
            match input {
                Input::BytesOffered { .. } => {
                    socket.accepted = socket.accepted.saturating_add(outcome.accepted);
                }
                Input::Acknowledged { bytes } => {
                    socket.acknowledged = socket.acknowledged.saturating_add(bytes);
                }
                Input::BacklogJoined => socket.waiting_connections += 1,
                Input::BacklogTaken => {
                    socket.waiting_connections = socket.waiting_connections.saturating_sub(1);
                }
                _ => {}
            }
        })
    }

    /// What the step is to the invariants.
    fn event(&self, machine: &Socket, input: Input, by: Option<u64>) -> Result<Event, String> {
        let pending = self.has_pending_sends();
        match input {
            Input::BytesOffered { .. } => by.map_or(Ok(Event::Internal), |it| self.accepting(it)),
            Input::SendShut { pending: told } if told != pending => {
                Err(format!("shut down with sends pending: {told}"))
            }
            Input::SendsEnded if pending => {
                Err("the FIN is due while a send is pending".to_owned())
            }
            Input::Transmitted { bytes } if bytes > machine.unsent => {
                Err(format!("{bytes} bytes sent of {}", machine.unsent))
            }
            Input::Acknowledged { .. } => Ok(Event::Acknowledged { socket: 0 }),
            Input::ConnectionLost | Input::ReceiveLost => Ok(Event::ConnectionLost { socket: 0 }),
            Input::Expired { .. } => Ok(Event::Expired { socket: 0 }),
            _ => Ok(Event::Internal),
        }
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
    let linger = found.linger;
    let alike = Socket {
        linger,
        ..*expected
    } == *found
        && expected.linger.to_string() == linger.to_string();
    if alike {
        return Ok(());
    }
    Err(format!(
        "it found the machine `{found}`, by the protocol it was `{expected}`"
    ))
}
