//! Judges what happens in a socket's critical sections, and around them: making
//! sockets, starting, registering and delivering operations, sharing.

use closesocket::engine::completions::OperationId;
use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Error, ProcessId, SocketId};
use closesocket::protocol::invariant::{Event, OperationState, OperationView, RecordView};
use closesocket::protocol::{
    Cause, CloseMode, Connection, DuplicationRecord, Input, OperationKind, SendSide, Socket,
    TransferState, Waiting,
};

use super::Verdict;
use super::judge::Judge;
use super::machine::{refused, require_same};
use super::must::told_otherwise;
use super::needs::Header as _;
use super::socket::{Known, Replayed};
use super::thread::{Must, Name};

impl Judge {
    pub(super) fn judge_section(&mut self, thread: u32, observation: &Observation) -> Verdict {
        let (name, socket) = (observation.name(), observation.socket());
        match observation.step {
            Step::Created { machine } => self.created(thread, socket?, machine),
            Step::Started { operation, error } => {
                self.started(thread, name?, socket?, operation, error)
            }
            Step::Registered {
                operation,
                does,
                waiting,
            } => self.registered(thread, name?, operation, does, waiting),
            Step::Cancelled { operation, error } => {
                let by = (observation.process()?, observation.descriptor);
                let socket = self.socket(operation.socket)?;
                socket.cancelled(by, operation.number, error)
            }
            Step::Taken {
                operation,
                aborted,
                error,
                silent,
            } => {
                let issuer = observation.process()?;
                let silent = silent.map(|life| (issuer, life));
                self.taken(thread, operation, (aborted, error), silent)
            }
            Step::Delivered {
                operation,
                posted,
                error,
            } => self.delivered(thread, operation, posted, (error, observation.at.is_some())),
            Step::Resumed { operation } => {
                let blocked = self.thread(thread).blocked.take();
                match blocked {
                    Some((it, _)) if it == operation => Ok(()),
                    _ => Err("the thread is not blocked in this operation".to_owned()),
                }
            }
            Step::LingerEnded { drained } => self.linger_ended(thread, socket?, drained),
            Step::Duplicated { record, target } => {
                self.duplicated(thread, name?, socket?, record, target)
            }
            Step::Redeemed { record } => {
                self.redeemed(thread, socket?, record, observation.process()?)
            }
            _ => self.judge_close(thread, observation),
        }
    }

    fn taken(
        &mut self,
        thread: u32,
        operation: OperationId,
        how: (Option<Cause>, Option<Error>),
        silent: Option<(ProcessId, u64)>,
    ) -> Verdict {
        let sweeping = self.thread(thread).sweeping.last().copied();
        let socket = self.socket(operation.socket)?;
        let known = socket.operations.get(&operation.number);
        let accept = known.is_some_and(|it| it.kind == OperationKind::Accept);
        let accepted = Socket::accepted(&socket.machine());
        socket.taken(thread, operation.number, how, silent, sweeping)?;
        if how.0.is_some()
            && let Some(closing) = self.thread(thread).closing.last_mut()
        {
            closing.results.insert(operation);
        }
        if accept && how == (None, None) {
            self.accepted.insert(operation, accepted);
        }
        Ok(())
    }

    fn created(&mut self, thread: u32, id: SocketId, after: Socket) -> Verdict {
        let new = Socket::new(after.window, after.abort_scope, after.unread_input);
        let of_call = self.thread(thread).accepting;
        let mut accepted = of_call.iter().chain(self.accepted.values());
        let is = |it: &Socket| require_same(it, &after).is_ok();
        // An accepted one has the options that its listener had then (R4).
        if !is(&new) && !is(&arrived(&after)) && !accepted.any(is) {
            return Err(
                "it is no new socket, none that has arrived, and none that an accept took"
                    .to_owned(),
            );
        }
        self.seen += 1;
        let before = self.sockets.insert(id, Replayed::new(id, after));
        if before.is_some() {
            return Err("the socket was made before".to_owned());
        }
        self.thread(thread).must = Must::Open(id);
        Ok(())
    }

    pub(super) fn changed(
        &mut self,
        thread: u32,
        id: SocketId,
        (input, by): (Input, Option<u64>),
        found: Socket,
    ) -> Verdict {
        let started = self.thread(thread).started;
        let by_send = matches!(started, Some((it, _, OperationKind::Send)) if it == id);
        let names = self.socket(id)?.local.names.clone();
        let is_inside = names.iter().any(|name| {
            self.threads
                .get(&thread)
                .is_some_and(|it| it.calls(*name) > 0)
        });
        match input {
            Input::BytesOffered { .. } if by.is_none() && !by_send => {
                return Err("bytes were accepted of a call that may not send".to_owned());
            }
            Input::Linger(_)
            | Input::Limits(_)
            | Input::Nonblocking(_)
            | Input::Listening
            | Input::Connecting
            | Input::ReceiveShut
            | Input::SendShut { .. }
            | Input::Transferred
                if !is_inside =>
            {
                return Err("the thread is in no call through the socket".to_owned());
            }
            _ => {}
        }
        self.socket(id)?.changed(thread, (input, by), found)
    }

    fn started(
        &mut self,
        thread: u32,
        name: Name,
        id: SocketId,
        operation: OperationKind,
        error: Option<Error>,
    ) -> Verdict {
        if self.thread(thread).calls(name) == 0 {
            return Err("the thread is in no call through the descriptor".to_owned());
        }
        let socket = self.socket(id)?;
        socket.require_settled()?;
        let live = socket.local.is_open(name);
        let may = socket.machine().may_start(operation, live).err();
        if may != error {
            return Err(told_otherwise(error, may));
        }
        let accepts = operation == OperationKind::Accept && error.is_none();
        let accepting = accepts.then(|| Socket::accepted(&socket.machine()));
        let by = self.thread(thread);
        by.started = error.is_none().then_some((id, name, operation));
        by.accepting = accepting;
        let Some(error) = error else {
            return Ok(());
        };
        let refused = Event::StartRefused {
            socket: 0,
            kind: operation,
            error,
        };
        self.socket(id)?.step(refused, |_| {})
    }

    fn registered(
        &mut self,
        thread: u32,
        name: Name,
        operation: OperationId,
        kind: OperationKind,
        waiting: Waiting,
    ) -> Verdict {
        let OperationId { socket: id, number } = operation;
        if self.thread(thread).started.take() != Some((id, name, kind)) {
            return Err("the operation was not asked to start".to_owned());
        }
        let socket = self.socket(id)?;
        socket.require_settled()?;
        if number <= socket.last_number {
            return Err("the number was given before".to_owned());
        }
        socket.last_number = number;
        let slot = socket.local.slot(name).ok_or("unknown descriptor")?;
        let known = Known {
            name,
            kind,
            waiting,
            taken: None,
            cancelled_by: None,
        };
        socket.operations.insert(number, known);
        let index = socket.local.operations.len();
        socket.step(Event::Registered { operation: index }, |local| {
            local.numbers.push(number);
            local.operations.push(OperationView {
                slot,
                generation: name.1.generation(),
                socket: 0,
                waiting,
                kind,
                state: OperationState::Pending,
                failed: None,
                silent: false,
                number,
            });
            local.descriptors[slot].inside += 1;
        })?;
        let by = self.thread(thread);
        match waiting {
            Waiting::Overlapped => match by.holds(name).operations.checked_sub(1) {
                Some(left) => by.holds(name).operations = left,
                None => return Err("the thread has no hold for the operation".to_owned()),
            },
            Waiting::Blocked => by.blocked = Some((operation, name)),
        }
        Ok(())
    }

    fn delivered(
        &mut self,
        thread: u32,
        operation: OperationId,
        posted: bool,
        (error, under_lock): (Option<Error>, bool),
    ) -> Verdict {
        let OperationId { socket: id, number } = operation;
        self.accepted.remove(&operation);
        let socket = self.socket(id)?;
        let known = socket.operations.get(&number).copied();
        let known = known.ok_or("an operation was delivered that is not there")?;
        let index = socket.local.place_of(number).ok_or("unknown operation")?;
        let overlapped = known.waiting == Waiting::Overlapped;
        let Some((taker, failure)) = known.taken else {
            return Err("an operation was delivered that nobody took out".to_owned());
        };
        if taker != thread {
            return Err(format!("thread {taker} has taken the operation out"));
        }
        let OperationState::Ending(how) = socket.local.operations[index].state else {
            return Err("the operation is not ending".to_owned());
        };
        if overlapped != under_lock {
            return Err(
                "a result is posted under the lock, and a thread answered outside".to_owned(),
            );
        }
        // Who is told, and how an aborted one is, is judged by the invariants.
        let adopted = known.kind == OperationKind::Accept && failure.is_none();
        let silent = socket.local.operations[index].silent;
        if how.is_none() && !silent && error != failure && !adopted {
            return Err(told_otherwise(error, failure));
        }
        if !posted && overlapped && error.is_some() {
            return Err("an error was told to nobody".to_owned());
        }
        let event = Event::Delivered {
            operation: index,
            posted,
            result: error.map_or(Ok(()), Err),
        };
        socket.step(event, |local| {
            // The local world may differ from the section's before it.
            if let Some(index) = local.place_of(number) {
                let slot = local.operations[index].slot;
                local.operations[index].state = OperationState::Ended(how);
                let inside = &mut local.descriptors[slot].inside;
                *inside = inside.saturating_sub(1);
            }
        })?;
        socket.forget_operation(number);
        for closing in &mut self.thread(thread).closing {
            closing.results.remove(&operation);
        }
        if overlapped {
            self.thread(thread).holds(known.name).delivered += 1;
        }
        self.forget_if_finished(id)
    }

    fn duplicated(
        &mut self,
        thread: u32,
        name: Name,
        id: SocketId,
        record: u64,
        target: ProcessId,
    ) -> Verdict {
        if self.thread(thread).calls(name) == 0 {
            return Err("the thread is in no call through the descriptor".to_owned());
        }
        let socket = self.socket(id)?;
        socket.require_settled()?;
        let mut machine = socket.machine();
        let live = socket.local.is_open(name);
        // Of a record for a process that was dead already nothing is told here:
        // nobody reclaims it, which is found at the end.
        machine.duplicate(live, true).map_err(refused)?;
        let index = socket.local.records.len();
        let entry = (index, DuplicationRecord::new(target));
        if record <= socket.last_number || socket.records.insert(record, entry).is_some() {
            return Err("the record's number was given before".to_owned());
        }
        socket.last_number = record;
        let event = Event::Duplicated {
            record: index,
            slot: socket.local.slot(name).ok_or("no such descriptor")?,
            generation: name.1.generation(),
        };
        socket.step(event, |local| {
            local.socket.machine = machine;
            local.records.push(RecordView {
                socket: 0,
                target,
                unredeemed: true,
            });
        })
    }

    fn redeemed(&mut self, thread: u32, id: SocketId, record: u64, by: ProcessId) -> Verdict {
        let socket = self.socket(id)?;
        socket.require_settled()?;
        let (index, entry) = socket.records.get_mut(&record).ok_or("no such record")?;
        let index = *index;
        entry.redeem(by).map_err(refused)?;
        let event = Event::Redeemed { record: index, by };
        socket.step(event, |local| {
            local.records[index].unredeemed = false;
        })?;
        self.thread(thread).must = Must::OpenRedeemed(id, by);
        Ok(())
    }
}

/// A socket that has come from another operating system process with what this
/// one shows (D9).
fn arrived(shown: &Socket) -> Socket {
    let transfer_state = TransferState {
        listening: shown.connection == Connection::Listening,
        hard: shown.linger.close_mode() == CloseMode::Hard,
        nonblocking: shown.nonblocking,
        send_shut: shown.send_side != SendSide::Open,
        receive_shut: shown.receive_shut,
    };
    Socket::arrived(
        transfer_state,
        shown.window,
        shown.abort_scope,
        shown.unread_input,
    )
}
