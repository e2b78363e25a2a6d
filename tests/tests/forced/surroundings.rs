//! What the transport, the peer, the clock and the upcalls do in a step.

use std::sync::atomic::Ordering;

use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Connection, OperationKind, Phase, Waiting};
use closesocket_models::{State, What};

use super::course::Course;
use super::scripted::{Wire, locked};

impl Course<'_> {
    /// What the transport, the upcall and the free lists do in this step.
    pub(crate) fn allow(&self, t: usize, what: What, before: &State) {
        let thread = before.thread(t);
        let socket = match what {
            What::Complete { operation, .. } | What::AcceptBytes { operation, .. } => {
                before.operation(operation).socket()
            }
            What::LoseConnection { socket } => socket,
            _ => thread.socket(),
        };
        let lost = before.socket(socket).machine().connection == Connection::Lost;
        let answers = match what {
            What::Complete { kind, .. } | What::CompleteAtOnce { kind, .. } => {
                matches!(kind, OperationKind::Recv | OperationKind::Accept)
            }
            What::AcceptAtOnce { .. } => true,
            // A blocking receive is told of the loss by the transport.
            What::StartRefused { kind, operation } => {
                let blocks = self.waiting(operation) == Waiting::Blocked;
                let word = before.slot(thread.slot()).word();
                let open = word.is_open(u32::from(thread.generation()));
                lost && open && blocks && kind == OperationKind::Recv
            }
            _ => false,
        };
        if let Some(socket) = &self.world.sockets[usize::from(socket)] {
            let mut wire = locked(&socket.wire);
            wire.answers += usize::from(answers);
            // The worker hears of it, and goes on with the sends or ends them.
            match what {
                What::AcceptBytes { .. } => wire.in_flight -= 1,
                What::LoseConnection { .. } => wire.lose(),
                _ => {}
            }
        }
        let fails = matches!(what, What::UpcallFails { .. });
        self.world.upcall_fails.store(fails, Ordering::Release);
        let slot = match what {
            What::Reserve { slot }
            | What::Recycle { slot }
            | What::Redeem { slot, .. }
            | What::RegisterAccept { slot, .. }
            | What::AcceptAtOnce { slot, .. }
            | What::Open { slot, .. } => self.world.slots[usize::from(slot)].index,
            _ => 0,
        };
        self.player(t, before)
            .0
            .shard
            .store(u64::from(slot), Ordering::Release);
    }

    pub(crate) fn forbid(&self) {
        for socket in self.world.sockets.iter().flatten() {
            let mut wire = locked(&socket.wire);
            (wire.answers, wire.takes) = (0, 0);
        }
    }

    /// What the transport, the peer and the clock do by themselves.
    pub(crate) fn of_surroundings(&mut self, what: What, before: &State) {
        let report = |it: u8, change: &dyn Fn(&mut Wire)| {
            let socket = self.world.socket(usize::from(it));
            change(&mut locked(&socket.wire));
            self.world.provider.transport().report(socket.id);
        };
        match what {
            What::Transmit { socket } => report(socket, &|wire| wire.takes = 1),
            What::Acknowledge { socket } => report(socket, &|wire| wire.in_flight -= 1),
            What::Input { socket } => {
                let machine = before.socket(socket).machine();
                let drains = matches!(machine.phase, Phase::Draining { .. });
                report(socket, &|wire| {
                    wire.input = true;
                    wire.answers = usize::from(drains);
                });
            }
            What::JoinBacklog { socket } => report(socket, &|wire| wire.waiting += 1),
            What::LoseConnection { socket } => {
                report(socket, &Wire::lose);
                self.meet_the_loss(socket, before);
            }
            What::Expire { .. } => {
                self.world.provider.clock().pass_a_day();
                let _ = self.world.provider.tick();
            }
            _ => {}
        }
        self.forbid();
    }

    /// The engine learns of a loss when a call meets it, if nothing is under way that
    /// does: a send of one byte, which the transport refuses.
    pub(crate) fn meet_the_loss(&self, socket: u8, before: &State) {
        for (index, spec) in self.world.scenario.slots.iter().enumerate() {
            let slot = before.slot(index);
            let open = slot.word().phase() == WordPhase::Open;
            if open && slot.socket() == socket {
                let generation = u8::try_from(slot.word().generation()).unwrap();
                let slot = u8::try_from(index).unwrap();
                let descriptor = self.world.descriptor(slot, generation);
                let _ = self.world.processes[usize::from(spec.process)].send(descriptor, b"x");
                return;
            }
        }
    }
}
