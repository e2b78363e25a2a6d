//! What is told of the sections of calls, and of those that the transport, the peer and
//! the clock bring about.

use closesocket::engine::completions::OperationId;
use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Error, ProcessId};
use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::{
    Connection, Cut, Input, OperationKind, Phase, Waiting, cut_off, may_cancel,
};

use super::orders::Section;
use super::teller::{Known, Teller, is_ending, name_of};
use super::{Taken, Untold};
use crate::action::What;
use crate::scenario::{Call, set_linger};
use crate::state::{State, WORKER};
use crate::steps::has_pending_sends;

impl Teller {
    /// The section of the thread's call.
    fn section(&mut self, step: &Taken<'_>) -> Section {
        self.entered_again(step);
        let thread = step.action.thread.map_or(WORKER, usize::from);
        // The call may have looked its descriptor up again.
        Section::before(step, step.after.thread(thread).socket())
    }

    fn tell_started(&mut self, section: &Section, operation: OperationKind, error: Option<Error>) {
        if let Some((process, descriptor)) = self.seat().entered {
            let started = Step::Started { operation, error };
            let started = Observation::through(process, descriptor, started);
            self.tell_at(section.socket, started);
        }
    }

    /// register.
    pub(super) fn registered(&mut self, step: &Taken<'_>, kind: OperationKind, operation: u8) {
        let mut section = self.section(step);
        self.tell_started(&section, kind, None);
        if kind == OperationKind::Connect {
            self.input(step, &mut section, Input::Connecting);
        }
        let index = usize::from(operation);
        let waiting = self.scenario.operations[index].waiting;
        let offered = self.offered(step, index);
        if let (Waiting::Blocked, Some(input)) = (waiting, offered) {
            self.input(step, &mut section, input);
        }
        let number = self.next_name(section.socket);
        let id = OperationId {
            socket: name_of(section.socket),
            number,
        };
        let slot = usize::from(step.after.operation(index).slot());
        self.operations[index] = Some(Known {
            id,
            life: self.opened_in[slot],
            failure: None,
            cancelled: false,
        });
        if let Some((process, descriptor)) = self.seat().entered {
            let registered = Step::Registered {
                operation: id,
                does: kind,
                waiting,
            };
            let registered = Observation::through(process, descriptor, registered);
            self.tell_at(section.socket, registered);
        }
        if waiting == Waiting::Blocked {
            self.seat().blocked = Some(id);
        } else if let Some(input) = offered {
            self.input_by(step, &mut section, (input, Some(number)));
            self.taken(step, section.socket, 1 << index, None);
        }
    }

    /// The bytes that a step has offered of a send, if any were accepted.
    fn offered(&self, step: &Taken<'_>, operation: usize) -> Option<Input> {
        let remaining = step.before.operation(operation).remaining();
        let bytes = usize::from(remaining);
        let accepted = step.after.operation(operation).remaining() != remaining;
        accepted.then_some(Input::BytesOffered { bytes })
    }

    /// An operation that ends in the section that starts it.
    pub(super) fn completed_at_once(
        &mut self,
        step: &Taken<'_>,
        kind: OperationKind,
        operation: u8,
    ) {
        let mut section = self.section(step);
        self.tell_started(&section, kind, None);
        let input = match kind {
            OperationKind::Recv => Some(Input::InputUnread(false)),
            OperationKind::Send => self.offered(step, usize::from(operation)),
            OperationKind::Accept => Some(Input::BacklogTaken),
            OperationKind::Connect => None,
        };
        if let Some(input) = input {
            self.input(step, &mut section, input);
        }
        self.connection_taken(step);
    }

    /// A receive that the transport tells of the loss has started (R1); others have not.
    pub(super) fn start_refused(&mut self, step: &Taken<'_>, kind: OperationKind) {
        let Event::StartRefused { error, .. } = step.event else {
            return;
        };
        let mut section = self.section(step);
        let after = step.after.socket(section.socket).machine();
        let told = after.receive_lost && !section.machine.receive_lost;
        self.tell_started(&section, kind, (!told).then_some(error));
        if told {
            self.input(step, &mut section, Input::ReceiveLost);
        }
    }

    /// An option is set, unless the descriptor is closed.
    pub(super) fn linger_set(&mut self, step: &Taken<'_>, seconds: Option<u16>) {
        let mut section = self.section(step);
        let linger = set_linger(section.machine.linger, seconds);
        if step.after.socket(section.socket).machine().linger == linger {
            self.input(step, &mut section, Input::Linger(linger));
        }
    }

    /// The send side is shut down, unless the descriptor is closed; with sends pending,
    /// as the step has seen it.
    pub(super) fn send_shut(&mut self, step: &Taken<'_>, socket: u8) {
        let mut section = self.section(step);
        let after = step.after.socket(section.socket).machine();
        let really = has_pending_sends(self.scenario, step.before, socket);
        for pending in [really, !really] {
            let (input, mut machine) = (Input::SendShut { pending }, section.machine);
            if machine.apply(input).is_ok() && machine == after {
                self.input(step, &mut section, input);
                return;
            }
        }
    }

    /// A duplication record is made.
    pub(super) fn duplicated(&mut self, step: &Taken<'_>, record: u8) {
        let section = self.section(step);
        let Some(Call::Duplicate { target, .. }) = self.call(step) else {
            return;
        };
        let name = self.next_name(section.socket);
        self.duplicates[usize::from(record)] = name;
        if let Some((process, descriptor)) = self.seat().entered {
            let duplicated = Step::Duplicated {
                record: name,
                target: ProcessId(u32::from(target)),
            };
            let duplicated = Observation::through(process, descriptor, duplicated);
            self.tell_at(section.socket, duplicated);
        }
    }

    /// A record becomes a descriptor.
    pub(super) fn redeemed(&mut self, step: &Taken<'_>, record: u8, slot: u8) {
        let socket = usize::from(step.before.record(record).socket());
        let record = self.duplicates[usize::from(record)];
        let redeemed = Observation::by(self.process(), Step::Redeemed { record });
        self.tell_at(socket, redeemed);
        let life = self.seat().life;
        let before = step.before.slot(slot).word();
        self.tell_opened(usize::from(slot), socket, before, life);
    }

    /// A new socket gets its descriptor: made for it, or, with a defect, taken by an
    /// accept some steps before.
    pub(super) fn opened(&mut self, step: &Taken<'_>, slot: u8, socket: u8) -> Result<(), Untold> {
        if let Event::Accepted { .. } = step.event {
            self.connection_taken(step);
        } else {
            let (life, before) = (self.seat().life, step.before.slot(slot).word());
            self.make(usize::from(socket), usize::from(slot), before, life)?;
        }
        self.end_step(step);
        Ok(())
    }

    /// The connection that an accept has taken is a socket with a descriptor, if the
    /// accept gives one.
    fn connection_taken(&mut self, step: &Taken<'_>) {
        let Event::Accepted { socket, .. } = step.event else {
            return;
        };
        let word = |of: &State, slot: usize| of.slot(slot).word();
        let opened = (0..self.scenario.slots.len()).find(|&it| {
            usize::from(step.after.slot(it).socket()) == socket
                && word(step.before, it) != word(step.after, it)
        });
        if let Some(slot) = opened {
            let machine = step.after.socket(socket).machine();
            let life = self.lives[self.process_of(slot).0 as usize];
            self.tell_of(socket, Step::Created { machine });
            self.tell_opened(slot, socket, word(step.before, slot), life);
        }
    }

    /// Operations are taken out, to end with this error unless a close aborts them.
    pub(super) fn taken(
        &mut self,
        step: &Taken<'_>,
        socket: usize,
        taken: u8,
        error: Option<Error>,
    ) {
        for index in (0..self.operations.len()).filter(|it| taken >> it & 1 == 1) {
            let after = step.after.operation(index);
            let issuer = self.process_of(usize::from(after.slot()));
            let (OperationState::Ending(aborted), Some(known)) =
                (after.state(), &mut self.operations[index])
            else {
                continue;
            };
            known.failure = error;
            known.cancelled |= error.is_some();
            let did = Step::Taken {
                operation: known.id,
                aborted,
                error,
                silent: after.silent().then_some(known.life),
            };
            self.tell_at(socket, Observation::by(issuer, did));
        }
    }

    /// The FIN that has waited for the sends that were taken out (S1a).
    pub(super) fn sends_ended(&mut self, step: &Taken<'_>, section: &mut Section) {
        let after = step.after.socket(section.socket).machine();
        let mut machine = section.machine;
        if machine.apply(Input::SendsEnded).is_ok() && machine == after {
            self.input(step, section, Input::SendsEnded);
        }
    }

    /// A cancel takes an operation out.
    pub(super) fn cancelled(&mut self, step: &Taken<'_>, operation: u8) {
        let index = usize::from(operation);
        let Some(known) = self.operations[index] else {
            return;
        };
        let mut section = Section::before(step, step.before.operation(index).socket());
        self.tell_cancelled(section.socket, known.id, None);
        let spec = self.scenario.operations[index];
        let rest = step.before.operation(index).remaining();
        let cut = cut_off(
            Cut::Cancelled,
            spec.waiting,
            usize::from(spec.chunks - rest),
        );
        self.taken(step, section.socket, 1 << index, cut.err());
        if let Some(known) = &mut self.operations[index] {
            known.cancelled = true;
        }
        self.sends_ended(step, &mut section);
    }

    /// A cancel by name finds nothing that it may take out.
    pub(super) fn found_nothing(&mut self, step: &Taken<'_>, operation: u8) {
        let index = usize::from(operation);
        let socket = usize::from(step.before.operation(index).socket());
        // A socket that is not there any more is not asked.
        let there = !step.before.socket(socket).machine().is_closed();
        if let Some(known) = self.operations[index].filter(|_| there) {
            let error = may_cancel(false, false).err();
            self.tell_cancelled(socket, known.id, error);
        }
    }

    /// A cancel has looked for an operation: through a descriptor, or by its name.
    fn tell_cancelled(&mut self, socket: usize, operation: OperationId, error: Option<Error>) {
        let mut cancelled = Observation::by(self.process(), Step::Cancelled { operation, error });
        cancelled.descriptor = self.seat().entered.map(|it| it.1);
        self.tell_at(socket, cancelled);
    }

    /// The transport's thread takes an operation out that can end now, and with a loss
    /// those behind it.
    pub(super) fn completed(&mut self, step: &Taken<'_>, kind: OperationKind, operation: u8) {
        let mut section = Section::before(step, step.before.operation(operation).socket());
        let goes_on = section.machine.may_go_on(kind).is_ok();
        let input = match kind {
            OperationKind::Recv if section.machine.input_unread => Some(Input::InputUnread(false)),
            OperationKind::Recv => Some(Input::ReceiveLost),
            OperationKind::Accept => Some(Input::BacklogTaken),
            OperationKind::Connect => Some(Input::ConnectFinished { connected: true }),
            // One that goes on accepts bytes.
            OperationKind::Send => None,
        };
        if let Some(input) = input.filter(|_| goes_on) {
            self.input(step, &mut section, input);
        }
        self.taken_by_worker(step, &mut section);
    }

    /// It hears of an acknowledgement, and accepts what has room now of a send.
    pub(super) fn bytes_accepted(&mut self, step: &Taken<'_>, operation: u8) {
        let index = usize::from(operation);
        let before = step.before.operation(index);
        let mut section = Section::before(step, before.socket());
        if before.state() == OperationState::Pending {
            let bytes = 1;
            self.input(step, &mut section, Input::Acknowledged { bytes });
        }
        if let (Some(known), Some(input)) = (self.operations[index], self.offered(step, index)) {
            self.input_by(step, &mut section, (input, Some(known.id.number)));
        }
        self.taken_by_worker(step, &mut section);
    }

    /// What the transport's thread has taken out in this step.
    fn taken_by_worker(&mut self, step: &Taken<'_>, section: &mut Section) {
        let taken = step.after.thread(WORKER).taken();
        for index in (0..self.operations.len()).filter(|it| taken >> it & 1 == 1) {
            let succeeded = step.after.operation(index).succeeded();
            let error = (!succeeded).then_some(Error::ConnectionReset);
            self.taken(step, section.socket, 1 << index, error);
        }
        self.sends_ended(step, section);
        self.connection_taken(step);
    }

    /// A result is posted, or a blocked thread is answered.
    pub(super) fn delivered(&mut self, step: &Taken<'_>, operation: u8) {
        let index = usize::from(operation);
        let (Event::Delivered { posted, result, .. }, Some(known)) =
            (step.event, self.operations[index])
        else {
            return;
        };
        let before = step.before.operation(index);
        let error = if before.silent() {
            None
        } else if known.cancelled {
            known.failure
        } else {
            result.err()
        };
        let delivered = Observation::of(Step::Delivered {
            operation: known.id,
            posted,
            error,
        });
        match self.scenario.operations[index].waiting {
            Waiting::Overlapped => self.tell_at(usize::from(before.socket()), delivered),
            Waiting::Blocked => self.tell(delivered),
        }
    }

    /// What the peer, the transport and the clock do.
    pub(super) fn surroundings(&mut self, step: &Taken<'_>, what: What) {
        let (socket, input) = match what {
            What::Transmit { socket } => (socket, Input::Transmitted { bytes: 1 }),
            What::Acknowledge { socket } => (socket, Input::Acknowledged { bytes: 1 }),
            What::LoseConnection { socket } => (socket, Input::ConnectionLost),
            What::Input { socket } => (socket, Input::InputUnread(true)),
            What::JoinBacklog { socket } => (socket, Input::BacklogJoined),
            What::Expire { socket } => match step.before.socket(socket).machine().phase {
                Phase::Draining {
                    deadline: Some(now),
                } => (socket, Input::Expired { now }),
                _ => return,
            },
            // What only looks has changed nothing.
            _ => return,
        };
        let mut section = Section::before(step, socket);
        debug_assert_ne!(section.machine.connection, Connection::Unconnected);
        self.input(step, &mut section, input);
        let by_worker = step.action.thread.map(usize::from) == Some(WORKER);
        if by_worker && is_anything_taken(step) {
            self.taken_by_worker(step, &mut section);
        }
    }
}

/// Whether the transport's thread has something to deliver now.
fn is_anything_taken(step: &Taken<'_>) -> bool {
    let taken = step.after.thread(WORKER).taken();
    (0..u8::BITS as usize).any(|it| taken >> it & 1 == 1 && is_ending(step.after, it))
}
