//! What a section does to its machine, and what it has the transport do.

use closesocket::engine::observe::{Order, Step};
use closesocket::protocol::{Actions, Input, SendSide, Socket};

use super::Taken;
use super::teller::Teller;
use crate::state::SocketState;

/// A section on its way.
pub(super) struct Section {
    pub(super) socket: usize,
    /// The machine, as far as it has come.
    pub(super) machine: Socket,
}

impl Section {
    /// One that finds the socket as it is before a step.
    pub(super) fn before(step: &Taken<'_>, socket: u8) -> Self {
        let machine = step.before.socket(socket).machine();
        let socket = usize::from(socket);
        Self { socket, machine }
    }
}

impl Teller {
    /// Something happens to the machine, unless that changes nothing or is refused: the
    /// shipped function says what, and what it orders.
    pub(super) fn input(&mut self, step: &Taken<'_>, section: &mut Section, input: Input) {
        self.input_by(step, section, (input, None));
    }

    /// The same, by a pending operation.
    pub(super) fn input_by(
        &mut self,
        step: &Taken<'_>,
        section: &mut Section,
        (input, by): (Input, Option<u64>),
    ) {
        let machine = section.machine;
        if let Ok(outcome) = section.machine.apply(input)
            && section.machine != machine
        {
            self.tell_of(section.socket, Step::Changed { input, by, machine });
            self.orders(step, section.socket, outcome.actions);
        }
    }

    /// Orders are carried out, as far as the model has it so.
    pub(super) fn orders(&mut self, step: &Taken<'_>, socket: usize, actions: Actions) {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        if actions.send_fin && after.machine().send_side == SendSide::Finished {
            self.done[socket].fin = true;
            self.tell_order(socket, Order::Fin);
        }
        if actions.reset && after.reset() {
            self.done[socket].reset = true;
            self.tell_order(socket, Order::Reset);
        }
        if actions.reset_backlog && after.waiting() == 0 {
            self.tell_order(socket, Order::ResetBacklog);
        }
        if actions.release && releases(&before, &after) > self.done[socket].releases {
            self.done[socket].releases += 1;
            self.tell_of(socket, Step::Released);
        }
    }

    fn tell_order(&mut self, socket: usize, order: Order) {
        self.tell_of(socket, Step::Ordered { order });
    }

    /// What the step has done though nothing in it has ordered it: only a defect does.
    pub(super) fn undecided(&mut self, step: &Taken<'_>, socket: usize) {
        let (before, after) = (step.before.socket(socket), step.after.socket(socket));
        let all = all_done(&before, &after);
        let done = self.done[socket];
        if all.send_fin && !done.fin {
            self.tell_order(socket, Order::Fin);
        }
        if all.reset && !done.reset {
            self.tell_order(socket, Order::Reset);
        }
        for _ in done.releases..releases(&before, &after) {
            self.tell_of(socket, Step::Released);
        }
    }
}

/// How often the socket was released in a step.
fn releases(before: &SocketState, after: &SocketState) -> u8 {
    after.releases().saturating_sub(before.releases())
}

/// What a step has done to a socket, by what has become of that.
pub(super) fn all_done(before: &SocketState, after: &SocketState) -> Actions {
    let finished = |it: &SocketState| it.machine().send_side == SendSide::Finished;
    Actions {
        send_fin: !finished(before) && finished(after),
        reset: !before.reset() && after.reset(),
        reset_backlog: before.waiting() > 0 && after.waiting() == 0 && after.machine().is_closed(),
        release: releases(before, after) > 0,
    }
}
