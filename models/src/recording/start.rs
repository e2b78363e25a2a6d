//! How a scenario begins: its sockets are made, brought to where they begin, and shared,
//! by calls like any others, of a thread that makes no more.

use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Descriptor, ProcessId};
use closesocket::protocol::word::{STEP, Word};
use closesocket::protocol::{Connection, Input, OperationKind, Socket};

use super::Untold;
use super::teller::Teller;
use crate::scenario::SocketSpec;
use crate::state::small;

impl Teller {
    /// Tells how the scenario comes to where it begins.
    pub(super) fn set_up(&mut self) -> Result<(), Untold> {
        self.tell(Observation::of(Step::Began {
            handle_kind: self.scenario.surroundings.handles,
            drain_limit: self.scenario.surroundings.drain_limit,
        }));
        for socket in 0..self.scenario.sockets.len() {
            let slots = self.scenario.slots.iter().enumerate();
            let slots = slots.filter(|it| it.1.socket == Some(small(socket)));
            let slots: Vec<usize> = slots.map(|it| it.0).collect();
            let Some((&first, others)) = slots.split_first() else {
                continue;
            };
            let name = self.make(socket, first, Word::unused(), 1)?;
            for &slot in others {
                self.share(socket, name, slot);
            }
        }
        Ok(())
    }

    /// A socket is made in a slot, and brought to where it begins.
    pub(super) fn make(
        &mut self,
        socket: usize,
        slot: usize,
        before: Word,
        life: u64,
    ) -> Result<(ProcessId, Descriptor), Untold> {
        let spec = &self.scenario.sockets[socket];
        let window = u32::from(spec.window);
        let machine = Socket::new(window, spec.abort_scope, spec.unread_input);
        self.tell_of(socket, Step::Created { machine });
        self.tell_opened(slot, socket, before, life);
        let opened = Word::from_bits(before.bits() + STEP);
        let name = self.occupant(slot, opened);
        let inputs = inputs_to(spec);
        if inputs.is_empty() {
            return self.begins(socket, &machine, name);
        }
        self.enter(name, opened);
        let reached = self.bring(socket, name, machine, &inputs);
        self.leave(name, opened);
        self.begins(socket, &reached, name)
    }

    /// Calls through the descriptor bring the machine on its way.
    fn bring(
        &mut self,
        socket: usize,
        (process, descriptor): (ProcessId, Descriptor),
        mut machine: Socket,
        inputs: &[Input],
    ) -> Socket {
        for &input in inputs {
            let found = machine;
            // One that is refused changes nothing, and is told by what is missing.
            let _ = machine.apply(input);
            if found == machine {
                continue;
            }
            if let Input::BytesOffered { .. } = input {
                let (operation, error) = (OperationKind::Send, None);
                let started = Step::Started { operation, error };
                self.tell_at(socket, Observation::through(process, descriptor, started));
            }
            let (machine, by) = (found, None);
            self.tell_of(socket, Step::Changed { input, by, machine });
        }
        machine
    }

    fn begins(
        &self,
        socket: usize,
        reached: &Socket,
        name: (ProcessId, Descriptor),
    ) -> Result<(ProcessId, Descriptor), Untold> {
        if *reached == self.scenario.sockets[socket].machine() {
            Ok(name)
        } else {
            Err(Untold::Begins(small(socket)))
        }
    }

    /// Another slot gets a descriptor of the socket.
    fn share(&mut self, socket: usize, first: (ProcessId, Descriptor), slot: usize) {
        let (process, descriptor) = first;
        let opened = Word::from_bits(Word::unused().bits() + STEP);
        let (record, target) = (self.next_name(socket), self.process_of(slot));
        self.enter(first, opened);
        let duplicated = Step::Duplicated { record, target };
        self.tell_at(
            socket,
            Observation::through(process, descriptor, duplicated),
        );
        self.leave(first, opened);
        let redeemed = Observation::by(target, Step::Redeemed { record });
        self.tell_at(socket, redeemed);
        self.tell_opened(slot, socket, Word::unused(), 1);
    }

    fn enter(&mut self, name: (ProcessId, Descriptor), before: Word) {
        let (holders, admitted) = (1, true);
        self.tell_word(name, before, Step::Entered { holders, admitted });
    }

    fn leave(&mut self, name: (ProcessId, Descriptor), before: Word) {
        let entered = Word::from_bits(before.bits() + 1);
        self.tell_word(name, entered, Step::Left { holders: 1 });
    }
}

/// What a new socket has to go through to be as a scenario has it.
fn inputs_to(spec: &SocketSpec) -> Vec<Input> {
    let connected = Input::ConnectFinished { connected: true };
    let mut inputs = match spec.connection {
        Connection::Unconnected => Vec::new(),
        Connection::Listening => vec![Input::Listening],
        Connection::Connecting => vec![Input::Connecting],
        Connection::Connected => vec![Input::Connecting, connected],
        Connection::Lost => vec![Input::Connecting, connected, Input::ConnectionLost],
    };
    let bytes = usize::from(spec.queued);
    inputs.push(Input::BytesOffered { bytes });
    inputs.push(Input::Linger(spec.linger));
    inputs.push(Input::Nonblocking(spec.nonblocking));
    inputs
}
