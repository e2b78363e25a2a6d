//! A single-threaded runner of the shipped protocol.
//!
//! It does what the engine does, one call after the other: every change of a
//! descriptor's word is one of the `word` functions, every decision about a
//! socket is one of [`Socket`]'s, and what they order is carried out here. It
//! decides nothing that the protocol decides.
//!
//! State and dispatch here, descriptors and their words in `table`, operations
//! in `operations`, closing in `closing`, transport and time in
//! `environment`.

mod closing;
mod environment;
mod operations;
mod table;

use closesocket::protocol::{
    Actions, Cause, DuplicationRecord, Error, Linger, OperationKind, ProcessId, Socket, Time,
    Waiting, word,
};

use crate::call::{
    Answer, Call, Happening, Key, Provider, RecordId, Seen, Setup, SocketId, Through,
};
use table::{Process, Reference};

/// The shipped protocol under a single thread.
#[derive(Clone, Debug)]
pub struct Runner {
    setup: Setup,
    first_generation: u32,
    now: Time,
    network_up: bool,
    upcalls_fail: bool,
    calls: usize,
    processes: Vec<Process>,
    sockets: Vec<Machine>,
    operations: Vec<Operation>,
    entries: Vec<Entry>,
    closers: Vec<Closer>,
    records: Vec<Record>,
    happenings: Vec<Happening>,
}

/// A socket with its bulk, as the transport has it.
#[derive(Clone, Debug)]
struct Machine {
    socket: Socket,
    /// Bytes that nobody read yet.
    input: u64,
    /// Connections that really wait.
    waiting: u32,
}

/// A pending operation.
#[derive(Clone, Debug)]
struct Operation {
    key: Key,
    kind: OperationKind,
    waiting: Waiting,
    reference: Reference,
    /// Bytes not accepted yet, or room for bytes received.
    left: u64,
    /// Bytes that the issuer sends.
    total: u64,
}

impl Operation {
    /// Bytes of a send that are accepted.
    fn accepted(&self) -> usize {
        let sends = self.kind == OperationKind::Send;
        let accepted = if sends { self.total - self.left } else { 0 };
        usize::try_from(accepted).unwrap_or(usize::MAX)
    }
}

/// A thread that entered and has registered nothing.
#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    reference: Reference,
}

/// A close that waits for its socket.
#[derive(Clone, Debug)]
struct Closer {
    key: Key,
    reference: Reference,
    /// Its own hold and those of the operations it aborted.
    holds: u64,
}

#[derive(Clone, Debug)]
struct Record {
    record: DuplicationRecord,
    socket: usize,
}

impl Runner {
    /// A provider of which nothing was asked yet; unused slots start at this
    /// generation.
    #[must_use]
    pub fn new(setup: Setup, first_generation: u32) -> Self {
        Self {
            setup,
            first_generation,
            now: Time::ZERO,
            network_up: true,
            upcalls_fail: false,
            calls: 0,
            processes: (0..setup.processes).map(|_| Process::default()).collect(),
            sockets: Vec::new(),
            operations: Vec::new(),
            entries: Vec::new(),
            closers: Vec::new(),
            records: Vec::new(),
            happenings: Vec::new(),
        }
    }

    /// Every socket as it stands.
    pub fn machines(&self) -> impl Iterator<Item = &Socket> {
        self.sockets.iter().map(|machine| &machine.socket)
    }

    /// Every word of every table as it stands.
    pub fn words(&self) -> impl Iterator<Item = word::Word> + '_ {
        self.processes.iter().flat_map(Process::words)
    }

    fn answer(&mut self, call: &Call) -> Result<Answer, Error> {
        match *call {
            Call::Startup { process } => self.startup(process),
            Call::Cleanup { process } => self.cleanup(process),
            Call::Die { process } => self.die(process),
            Call::Socket {
                process,
                scope,
                unread,
            } => self.socket(process, scope, unread),
            Call::Enter {
                process,
                descriptor,
            } => self.enter_and_stop(process, descriptor),
            Call::Leave { entry } => self.leave_entry(entry),
            Call::Connect {
                through,
                at_once,
                wait,
            } => self.connect(through, at_once, wait),
            Call::Listen { through } => self.with(through, |runner, reference| {
                runner.machine(reference).listen()?;
                Ok(Answer::Done)
            }),
            Call::Accept { through, wait } => self.accept(through, wait),
            Call::Send {
                through,
                bytes,
                wait,
            } => self.send(through, bytes, wait),
            Call::Recv {
                through,
                bytes,
                wait,
            } => self.recv(through, bytes, wait),
            Call::SetLinger { through, seconds } => {
                self.change_linger(through, |linger| linger.set_on(seconds))
            }
            Call::SetDontLinger { through, dont } => {
                self.change_linger(through, |linger| linger.set_dont_linger(dont))
            }
            Call::GetLinger { through } => self.with(through, |runner, reference| {
                Ok(Answer::Linger(runner.machine(reference).linger.seconds()))
            }),
            Call::SetNonblocking {
                through,
                nonblocking,
            } => self.with(through, |runner, reference| {
                runner.machine(reference).set_nonblocking(nonblocking);
                Ok(Answer::Done)
            }),
            Call::ShutDownSend { through } => self.with(through, |runner, reference| {
                let pending = runner.has_pending_sends(reference.socket);
                let actions = runner.machine(reference).shut_down_send(pending)?;
                runner.carry_out(reference.socket, actions);
                Ok(Answer::Done)
            }),
            Call::Duplicate { through, target } => self.duplicate(through, target),
            Call::Redeem { process, record } => self.redeem(process, record),
            Call::Close {
                process,
                descriptor,
                from,
            } => self.close(process, descriptor, from),
            Call::Cancel { call } => self.cancel(call),
            ref environment => Ok(self.environment(environment)),
        }
    }

    fn change_linger(
        &mut self,
        through: Through,
        change: impl Fn(Linger) -> Linger,
    ) -> Result<Answer, Error> {
        self.with(through, |runner, reference| {
            let machine = runner.machine(reference);
            machine.set_linger(change(machine.linger));
            Ok(Answer::Done)
        })
    }

    fn startup(&mut self, process: ProcessId) -> Result<Answer, Error> {
        let process = self.process(process)?;
        if process.gone == Some(Cause::Death) {
            return Err(Error::NotInitialised);
        }
        process.startups.startup()?;
        process.gone = None;
        Ok(Answer::Done)
    }

    fn duplicate(&mut self, through: Through, target: ProcessId) -> Result<Answer, Error> {
        self.with(through, |runner, reference| {
            let target_lives = runner.process(target);
            let target_lives = target_lives.is_ok_and(|it| it.gone != Some(Cause::Death));
            let live = runner.is_live(reference);
            runner.machine(reference).duplicate(live, target_lives)?;
            runner.records.push(Record {
                record: DuplicationRecord::new(target),
                socket: reference.socket,
            });
            Ok(Answer::Record(RecordId(runner.records.len() - 1)))
        })
    }

    /// Reserves a slot, then turns the record into its reference; if that is
    /// refused the slot goes back unused.
    fn redeem(&mut self, process: ProcessId, record: RecordId) -> Result<Answer, Error> {
        self.check(process)?;
        let slot = self.reserve(process)?;
        let redeemed = match self.records.get_mut(record.0) {
            Some(it) => it.record.redeem(process).map(|()| it.socket),
            None => Err(Error::InvalidArgument),
        };
        match redeemed {
            Ok(socket) => Ok(self.open(process, slot, socket)),
            Err(error) => {
                self.unreserve(process, slot);
                Err(error)
            }
        }
    }

    /// Carries out what a socket orders, in the order of the fields.
    fn carry_out(&mut self, socket: usize, actions: Actions) {
        let id = SocketId(socket);
        if actions.send_fin {
            self.happenings.push(Happening::Fin(id));
        }
        if actions.reset {
            self.happenings.push(Happening::Reset(id));
        }
        if actions.reset_backlog {
            let waiting = std::mem::take(&mut self.sockets[socket].waiting);
            if waiting > 0 {
                self.happenings.push(Happening::BacklogReset(id, waiting));
            }
        }
        if actions.release {
            self.happenings.push(Happening::Released(id));
        }
    }
}

impl Provider for Runner {
    fn call(&mut self, call: &Call) -> Seen {
        let answer = Answer::from(self.answer(call));
        self.pump();
        self.wake_closers();
        self.calls += 1;
        Seen::new(answer, std::mem::take(&mut self.happenings))
    }
}
