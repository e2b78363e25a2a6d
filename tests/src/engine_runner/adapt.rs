//! What is made of a call before the engine and the oracle get it, because the
//! engine is built otherwise than the oracle and neither is wrong.

use closesocket::engine::{Descriptor, ProcessId};
use closesocket::protocol::OperationKind;

use super::Engine;
use super::network::{Link, Wire};
use crate::call::{Call, Origin, Through, Wait};

/// The most bytes of one send or receive: the engine has real buffers.
const MOST_BYTES: u64 = 300;

/// How the call reaches its descriptor, if it is one through a descriptor.
pub(super) const fn through(mut call: Call) -> Option<Through> {
    match way_of(&mut call) {
        Some(through) => Some(*through),
        None => None,
    }
}

/// The same call, reaching its descriptor in this way.
#[must_use]
pub const fn reaching(mut call: Call, by: Through) -> Call {
    if let Some(through) = way_of(&mut call) {
        *through = by;
    }
    call
}

const fn way_of(call: &mut Call) -> Option<&mut Through> {
    match call {
        Call::Connect { through, .. }
        | Call::Listen { through }
        | Call::Accept { through, .. }
        | Call::Send { through, .. }
        | Call::Recv { through, .. }
        | Call::SetLinger { through, .. }
        | Call::SetDontLinger { through, .. }
        | Call::GetLinger { through }
        | Call::SetNonblocking { through, .. }
        | Call::ShutDownSend { through }
        | Call::Duplicate { through, .. } => Some(through),
        _ => None,
    }
}

/// The operation that the call starts, if it does.
pub(super) const fn operation(call: &Call) -> Option<(OperationKind, Wait)> {
    match *call {
        Call::Connect { wait, .. } => Some((OperationKind::Connect, wait)),
        Call::Accept { wait, .. } => Some((OperationKind::Accept, wait)),
        Call::Send { wait, .. } => Some((OperationKind::Send, wait)),
        Call::Recv { wait, .. } => Some((OperationKind::Recv, wait)),
        _ => None,
    }
}

impl Engine<'_> {
    /// The call to make of this one on both sides; none if there is nothing in
    /// the engine that it could be.
    ///
    /// * Abort scope and unread input are the provider's settings, not the
    ///   socket's.
    /// * Buffers are real, so they are kept small.
    /// * An overlapped send or receive of nothing waits for its turn behind
    ///   others of its kind; the oracle lets it pass. Then it is of one byte.
    /// * A connect that is under way is not asked to succeed at once, and a
    ///   reset that answers it is a refusal.
    /// * A thread that has a blocking call in progress cannot close: it is
    ///   blocked in the engine.
    /// * A record that was never made cannot be named.
    /// * A pending accept has its slot reserved already, in the oracle only when
    ///   it is served. A call is left out if that decides how it ends.
    #[must_use]
    pub fn adapt(&self, call: Call) -> Option<Call> {
        let adapted = match call {
            Call::Socket { process, .. } => Call::Socket {
                process,
                scope: self.world.scope,
                unread: self.world.unread,
            },
            Call::Send {
                through,
                bytes,
                wait,
            } => Call::Send {
                through,
                bytes: self.bytes(&call, bytes),
                wait,
            },
            Call::Recv {
                through,
                bytes,
                wait,
            } => Call::Recv {
                through,
                bytes: self.bytes(&call, bytes),
                wait,
            },
            Call::Connect {
                through,
                at_once,
                wait,
            } => Call::Connect {
                through,
                at_once: at_once && !self.is_connecting(through),
                wait,
            },
            Call::PeerResets { socket }
                if self.world.network.with(socket, |it| it.link) == Some(Link::Connecting) =>
            {
                Call::PeerAnswers {
                    socket,
                    connected: false,
                }
            }
            Call::Close {
                process,
                descriptor,
                from: Origin::BlockingCall,
            } => Call::Close {
                process,
                descriptor,
                from: Origin::Thread,
            },
            Call::Redeem { record, .. } if record.0 >= super::lock(&self.records).len() => {
                return None;
            }
            other => other,
        };
        (!self.depends_on_a_reservation(&adapted)).then_some(adapted)
    }

    /// What to plan for a thread that is going to stop at its gate: what others
    /// do meanwhile is not known yet.
    #[must_use]
    pub fn adapt_plan(&self, call: Call, process: ProcessId, descriptor: Descriptor) -> Call {
        let through = Through::Handle(process, descriptor);
        let planned = match reaching(call, through) {
            Call::Connect { wait, .. } => Call::Connect {
                through,
                at_once: false,
                wait,
            },
            Call::Accept { .. } => Call::Accept {
                through,
                wait: Wait::Overlapped,
            },
            other => other,
        };
        match planned {
            Call::Send { bytes, wait, .. } => Call::Send {
                through,
                bytes: bytes.clamp(1, MOST_BYTES),
                wait,
            },
            Call::Recv { bytes, wait, .. } => Call::Recv {
                through,
                bytes: bytes.clamp(1, MOST_BYTES),
                wait,
            },
            other => other,
        }
    }

    fn wire(&self, through: Through) -> Option<Wire> {
        let Through::Handle(process, descriptor) = through else {
            return None;
        };
        let socket = self.socket_of(process, descriptor)?;
        let number = self.number_of(socket)?;
        self.world.network.with(number, |wire| wire.clone())
    }

    fn is_connecting(&self, through: Through) -> bool {
        self.wire(through)
            .is_some_and(|wire| wire.link == Link::Connecting)
    }

    fn bytes(&self, call: &Call, bytes: u64) -> u64 {
        let bytes = bytes.min(MOST_BYTES);
        let Some((kind, Wait::Overlapped)) = operation(call) else {
            return bytes;
        };
        let Some(Through::Handle(process, descriptor)) = through(*call) else {
            return bytes;
        };
        let socket = self.socket_of(process, descriptor);
        let behind = socket.is_some_and(|socket| self.is_pending(socket, kind));
        bytes.max(u64::from(behind))
    }

    /// Slots taken, reserved ones included, and how many of them are reserved.
    fn slots(&self, process: ProcessId) -> Option<(usize, usize)> {
        let taken = self.process(process).ok()?.descriptors();
        let accepts = |id: &u64| self.kinds.get(id) == Some(&OperationKind::Accept);
        let pending = self.pending.values();
        let pending = pending.filter(|it| it.process == process && accepts(&it.id));
        Some((taken, pending.count()))
    }

    fn is_full(&self, process: ProcessId) -> bool {
        self.slots(process)
            .is_some_and(|(taken, _)| taken >= self.world.setup.slots)
    }

    /// Whether the slot of a pending accept decides how the call ends.
    #[must_use]
    pub fn depends_on_a_reservation(&self, call: &Call) -> bool {
        let (process, backlog) = match *call {
            Call::Socket { process, .. } | Call::Redeem { process, .. } => (process, true),
            Call::Accept {
                through: through @ Through::Handle(process, _),
                ..
            } => (
                process,
                self.wire(through).is_some_and(|wire| wire.backlog > 0),
            ),
            Call::Accept {
                through: Through::Entered(entry),
                ..
            } => match self.jobs.get(&(entry.0 as u64)) {
                Some(job) => (job.process, false),
                None => return false,
            },
            _ => return false,
        };
        let Some((taken, reserved)) = self.slots(process) else {
            return false;
        };
        let full_without = taken - reserved >= self.world.setup.slots;
        self.is_full(process) && !(full_without && backlog)
    }
}
