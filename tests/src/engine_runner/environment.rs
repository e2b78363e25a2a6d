//! What the script does to the network and the clock.

use std::sync::atomic::Ordering;

use super::Engine;
use super::network::Link;
use crate::call::{Answer, Call, SocketId};

impl Engine<'_> {
    pub(super) fn environment(&mut self, call: &Call) -> Answer {
        let network = &self.world.network;
        match *call {
            Call::Transmit { socket, bytes } => {
                let credit = usize::try_from(bytes).unwrap_or(usize::MAX);
                let before = network.push(socket, |wire| {
                    wire.credit = credit;
                    wire.taken
                });
                let after = network.with(socket, |wire| {
                    wire.credit = 0;
                    wire.taken
                });
                return Answer::Bytes(after.unwrap_or(0) - before.unwrap_or(0));
            }
            Call::Acknowledge { socket, bytes } => {
                let acknowledged = network.push(socket, |wire| {
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    let bytes = if wire.is_up() {
                        bytes.min(wire.in_flight)
                    } else {
                        0
                    };
                    wire.in_flight -= bytes;
                    bytes as u64
                });
                return Answer::Bytes(acknowledged.unwrap_or(0));
            }
            Call::Arrive { socket, bytes } => {
                network.push(socket, |wire| {
                    if wire.is_up() {
                        wire.input += usize::try_from(bytes).unwrap_or(usize::MAX);
                    }
                });
            }
            Call::PeerAnswers { socket, connected } => self.peer_answers(socket, connected),
            Call::PeerResets { socket } => {
                network.push(socket, |wire| {
                    wire.reset |= wire.link == Link::Connected;
                    if wire.finished {
                        // Nothing that it asks for tells the engine of the reset
                        // without taking input.
                        wire.input = 0;
                    }
                });
            }
            Call::Join { socket } => {
                network.push(socket, |wire| {
                    let listens = wire.link == Link::Listening && !wire.released;
                    wire.backlog += u32::from(listens);
                });
            }
            Call::Advance { by } => {
                self.world.clock.advance(by);
                self.world.provider.tick();
            }
            Call::Network { up } => {
                self.network_up = up;
                self.world.provider.set_network_down(!up);
            }
            Call::Upcalls { fail } => self.world.upcalls_fail.store(fail, Ordering::SeqCst),
            _ => {}
        }
        Answer::Done
    }

    fn peer_answers(&self, socket: SocketId, connected: bool) {
        let network = &self.world.network;
        network.push(socket, |wire| {
            if wire.link == Link::Connecting && !wire.released {
                wire.link = if connected {
                    Link::Connected
                } else {
                    Link::Fresh
                };
                wire.refused = !connected;
            }
        });
    }
}
