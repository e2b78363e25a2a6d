//! Operations: registering, going on, ending, delivering.

use closesocket::protocol::{
    Connection, Cut, Error, OperationKind, PendingOperations, ProcessId, Socket, Take, Waiting,
    cut_off,
};

use super::table::Reference;
use super::{Operation, Runner};
use crate::call::{Answer, Happening, Key, Outcome, Through, Wait};

/// The pending operations of one socket, for a close of one of its descriptors.
pub(super) struct OfSocket<'a> {
    pub(super) all: &'a mut Vec<Operation>,
    pub(super) socket: usize,
    /// The closing descriptor; none when a record is reclaimed.
    pub(super) closing: Option<Reference>,
}

impl PendingOperations for OfSocket<'_> {
    type Taken = Vec<Operation>;

    fn take(&mut self, take: Take) -> Vec<Operation> {
        let in_scope = |it: &Operation| match take {
            Take::Nothing => false,
            Take::ThisReference => Some(it.reference) == self.closing,
            Take::EveryReference => it.reference.socket == self.socket,
        };
        let (taken, kept) = std::mem::take(self.all).into_iter().partition(in_scope);
        *self.all = kept;
        taken
    }
}

/// What an operation's critical section comes to.
enum Progress {
    Ended(Answer),
    /// So many bytes are left.
    Parked(u64),
}

impl Runner {
    /// One operation: in, register, and out again unless it is pending.
    fn operate(
        &mut self,
        through: Through,
        kind: OperationKind,
        bytes: u64,
        wait: Wait,
        section: impl FnOnce(&mut Self, Reference) -> Result<Progress, Error>,
    ) -> Result<Answer, Error> {
        let reference = self.admitted(through)?;
        let live = self.is_live(reference);
        let progress = self
            .machine(reference)
            .may_start(kind, live)
            .and_then(|()| section(self, reference));
        let answer = match progress {
            Ok(Progress::Parked(left)) => {
                if wait == Wait::Overlapped || !self.machine(reference).nonblocking {
                    self.operations.push(Operation {
                        key: Key(self.calls),
                        kind,
                        waiting: match wait {
                            Wait::Blocked => Waiting::Blocked,
                            Wait::Overlapped => Waiting::Overlapped,
                        },
                        reference,
                        left,
                        total: bytes,
                    });
                    return Ok(Answer::Pending);
                }
                match bytes - left {
                    0 => Err(Error::WouldBlock),
                    accepted => Ok(Answer::Bytes(accepted)),
                }
            }
            Ok(Progress::Ended(answer)) => Ok(answer),
            Err(error) => Err(error),
        };
        self.leave(reference, 1);
        answer
    }

    pub(super) fn connect(
        &mut self,
        through: Through,
        at_once: bool,
        wait: Wait,
    ) -> Result<Answer, Error> {
        self.operate(
            through,
            OperationKind::Connect,
            0,
            wait,
            |runner, reference| {
                let socket = runner.machine(reference);
                socket.connecting();
                if at_once {
                    socket.connect_finished(true);
                    runner.end_connects(reference.socket, Answer::Done);
                    Ok(Progress::Ended(Answer::Done))
                } else {
                    Ok(Progress::Parked(0))
                }
            },
        )
    }

    /// Every connect that waits for this connection has ended.
    pub(super) fn end_connects(&mut self, socket: usize, answer: Answer) {
        self.end_where(answer, |it| {
            it.reference.socket == socket && it.kind == OperationKind::Connect
        });
    }

    pub(super) fn accept(&mut self, through: Through, wait: Wait) -> Result<Answer, Error> {
        self.operate(
            through,
            OperationKind::Accept,
            0,
            wait,
            |runner, reference| {
                Ok(match runner.take_connection(reference)? {
                    Some(answer) => Progress::Ended(answer),
                    None => Progress::Parked(0),
                })
            },
        )
    }

    /// Accepts a waiting connection into the table of the operation's process.
    fn take_connection(&mut self, reference: Reference) -> Result<Option<Answer>, Error> {
        if self.sockets[reference.socket].waiting == 0 {
            return Ok(None);
        }
        let process: ProcessId = reference.process;
        let slot = self.reserve(process)?;
        let listener = &mut self.sockets[reference.socket];
        listener.socket.backlog_taken();
        listener.waiting -= 1;
        let accepted = Socket::accepted(&listener.socket);
        Ok(Some(self.open_new(process, slot, accepted)))
    }

    pub(super) fn send(
        &mut self,
        through: Through,
        bytes: u64,
        wait: Wait,
    ) -> Result<Answer, Error> {
        self.operate(
            through,
            OperationKind::Send,
            bytes,
            wait,
            |runner, reference| {
                // Bytes must not overtake those of an earlier send.
                let others = runner.operations.iter().any(|it| {
                    it.reference.socket == reference.socket && it.kind == OperationKind::Send
                });
                let offered = if others { 0 } else { bytes };
                let left = bytes - runner.offer(reference, offered);
                Ok(match left {
                    0 => Progress::Ended(Answer::Bytes(bytes)),
                    left => Progress::Parked(left),
                })
            },
        )
    }

    fn offer(&mut self, reference: Reference, bytes: u64) -> u64 {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        u64::from(self.machine(reference).accept_bytes(bytes))
    }

    pub(super) fn recv(
        &mut self,
        through: Through,
        bytes: u64,
        wait: Wait,
    ) -> Result<Answer, Error> {
        self.operate(
            through,
            OperationKind::Recv,
            bytes,
            wait,
            |runner, reference| match runner.read(reference.socket, bytes)? {
                Some(read) => Ok(Progress::Ended(Answer::Bytes(read))),
                None if bytes == 0 && wait == Wait::Blocked => {
                    Ok(Progress::Ended(Answer::Bytes(0)))
                }
                None => Ok(Progress::Parked(bytes)),
            },
        )
    }

    /// Reads what has arrived; none if the reader has to wait for it. With
    /// nothing left, a lost connection says so.
    fn read(&mut self, socket: usize, room: u64) -> Result<Option<u64>, Error> {
        let machine = &mut self.sockets[socket];
        if machine.input == 0 {
            if machine.socket.connection == Connection::Lost {
                // It orders nothing of a connection that is lost already.
                let _ = machine.socket.receive_side_lost();
                return Err(Error::ConnectionReset);
            }
            return Ok(None);
        }
        let read = room.min(machine.input);
        machine.input -= read;
        machine.socket.set_input_unread(machine.input > 0);
        Ok(Some(read))
    }

    pub(super) fn has_pending_sends(&self, socket: usize) -> bool {
        let sends =
            |it: &Operation| it.reference.socket == socket && it.kind == OperationKind::Send;
        self.operations.iter().any(sends)
    }

    /// Lets pending operations go on, the earliest first. One whose socket does
    /// not allow it any more ends with the error that a new one would get.
    pub(super) fn pump(&mut self) {
        for operation in self.operations.clone() {
            let reference = operation.reference;
            let ended = match self.machine(reference).may_go_on(operation.kind) {
                Ok(()) => self.go_on(&operation),
                Err(error) => Some(Answer::refused(error)),
            };
            if let Some(answer) = ended {
                self.end_where(answer, |it| it.key == operation.key);
            }
        }
        self.end_sends();
    }

    /// The FINs of shutdowns that wait for no send any more.
    pub(super) fn end_sends(&mut self) {
        for socket in 0..self.sockets.len() {
            if !self.has_pending_sends(socket) {
                let actions = self.sockets[socket].socket.sends_ended();
                self.carry_out(socket, actions);
            }
        }
    }

    fn go_on(&mut self, operation: &Operation) -> Option<Answer> {
        match operation.kind {
            OperationKind::Connect => None,
            OperationKind::Accept => self
                .take_connection(operation.reference)
                .unwrap_or_else(|error| Some(Answer::refused(error))),
            OperationKind::Recv => self
                .read(operation.reference.socket, operation.left)
                .map_or_else(
                    |error| Some(Answer::refused(error)),
                    |it| it.map(Answer::Bytes),
                ),
            OperationKind::Send => {
                let left = operation.left - self.offer(operation.reference, operation.left);
                for it in &mut self.operations {
                    if it.key == operation.key {
                        it.left = left;
                    }
                }
                (left == 0).then_some(Answer::Bytes(operation.total))
            }
        }
    }

    /// Takes operations out, delivers this answer to each and lets it leave.
    pub(super) fn end_where(&mut self, answer: Answer, which: impl Fn(&Operation) -> bool) {
        let (ended, kept) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(&which);
        self.operations = kept;
        for operation in ended {
            let outcome = match operation.waiting {
                Waiting::Blocked => Outcome::Returned(answer),
                Waiting::Overlapped => Outcome::Posted(answer),
            };
            self.deliver(&operation, outcome);
            self.leave(operation.reference, 1);
        }
    }

    pub(super) fn deliver(&mut self, operation: &Operation, outcome: Outcome) {
        self.happenings
            .push(Happening::Ended(operation.key, outcome));
    }

    pub(super) fn cancel(&mut self, call: Key) -> Result<Answer, Error> {
        let interrupted = Answer::refused(Error::Interrupted);
        if let Some(index) = self.closers.iter().position(|it| it.key == call) {
            let closer = self.closers.remove(index);
            self.happenings
                .push(Happening::CloseReturned(call, interrupted));
            self.leave(closer.reference, closer.holds);
            return Ok(Answer::Done);
        }
        let named = |it: &Operation| it.key == call;
        let Some(it) = self.operations.iter().find(|it| named(it)) else {
            return Err(Error::InvalidArgument);
        };
        let told = cut_off(Cut::Cancelled, it.waiting, it.accepted());
        self.end_where(told.map(Answer::bytes).into(), named);
        Ok(Answer::Done)
    }

    /// Whether a connect is under way that the peer can answer.
    pub(super) fn is_connecting(&self, socket: usize) -> bool {
        let socket = &self.sockets[socket].socket;
        socket.is_open() && socket.connection == Connection::Connecting
    }
}
