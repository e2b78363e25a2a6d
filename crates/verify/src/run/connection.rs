//! One connection: what the engine's side of it has done and is owed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use closesocket::engine::completions::Completion;
use closesocket::engine::{Descriptor, Error, ProcessId};

use super::operations::{Kind, Notices, Operation, key};
use super::peer::{End, PeerReport};
use super::random::Pattern;
use super::schedule::{Ending, Habit, How, Notice, Schedule};
use super::system::Process;

/// A descriptor and whose it is.
#[derive(Clone)]
pub(super) struct Reference {
    pub(super) process: Process,
    pub(super) descriptor: Descriptor,
}

impl Reference {
    /// What nothing else is called at the same time.
    pub(super) fn name(&self) -> (ProcessId, Descriptor) {
        (self.process.id(), self.descriptor)
    }
}

/// An open or closing connection.
pub(super) struct Connection {
    pub(super) schedule: Schedule,
    /// The first is closed last.
    pub(super) references: Vec<Reference>,
    pub(super) closed: Vec<Reference>,
    pub(super) next_step: usize,
    pub(super) operations: HashMap<u64, Operation>,
    issued: u64,
    /// Bytes of the stream that were given to sends.
    pub(super) offered: u64,
    /// Bytes that sends reported as accepted.
    pub(super) accepted: u64,
    /// Bytes of sends that could not report how much of them was accepted.
    pub(super) uncertain: u64,
    /// What receives got, in the order in which they were issued.
    reads: BTreeMap<u64, Vec<u8>>,
    pub(super) received: u64,
    pub(super) send_shut: bool,
    pub(super) receive_shut: bool,
    pub(super) last_operations_started: bool,
    pub(super) unacknowledged: bool,
    /// The first close was refused.
    pub(super) would_block: bool,
    /// When the last reference was closed.
    pub(super) ended: Option<Instant>,
    pub(super) peer: Option<PeerReport>,
    pub(super) doubles: u64,
    /// Operations that ended with the abort of their close.
    pub(super) aborted: u64,
    /// Tells the peer that the last close has committed.
    pub(super) committed: Arc<AtomicBool>,
}

/// What came of the judgement of one connection.
pub(super) struct Judged {
    pub(super) lost: u64,
    pub(super) problem: Option<String>,
}

impl Connection {
    pub(super) fn new(schedule: Schedule, first: Reference) -> Self {
        Self {
            schedule,
            references: vec![first],
            closed: Vec::new(),
            next_step: 0,
            operations: HashMap::new(),
            issued: 0,
            offered: 0,
            accepted: 0,
            uncertain: 0,
            reads: BTreeMap::new(),
            received: 0,
            send_shut: false,
            receive_shut: false,
            last_operations_started: false,
            unacknowledged: false,
            would_block: false,
            ended: None,
            peer: None,
            doubles: 0,
            aborted: 0,
            committed: Arc::default(),
        }
    }

    pub(super) const fn number(&self) -> u64 {
        self.schedule.number
    }

    /// The reference that a step goes through.
    pub(super) fn reference(&self, through: u64) -> Result<Reference, String> {
        let count = self.references.len().max(1) as u64;
        let place = usize::try_from(through % count).unwrap_or_default();
        let reference = self.references.get(place);
        reference.cloned().ok_or_else(|| "no reference".to_owned())
    }

    /// Fails unless this error is the peer's doing.
    pub(super) fn require_lost(&self, what: &str, error: Error) -> Result<(), String> {
        let leaves = matches!(
            self.schedule.peer.habit,
            Habit::Resets { .. } | Habit::Vanishes { .. }
        );
        match error {
            Error::ConnectionReset | Error::ConnectionAborted if leaves => Ok(()),
            _ => Err(format!("{what} failed: {error:?}")),
        }
    }

    pub(super) fn send(
        &mut self,
        notices: &Notices,
        at: &Reference,
        bytes: usize,
        how: How,
    ) -> Result<(), String> {
        let buffer = Pattern::of_engine(self.number()).bytes(self.offered, bytes);
        let (process, descriptor) = (&at.process, at.descriptor);
        let result = match how {
            How::Blocking => process.send(descriptor, &buffer),
            How::Nonblocking => nonblocking(at, || process.send(descriptor, &buffer))?,
            How::Overlapped(notice) => {
                let kind = Kind::Send { offered: bytes };
                let started = self.start(notices, at, kind, notice, buffer);
                if started.is_ok() {
                    self.offered += bytes as u64;
                }
                return self.settle_start("a send", started, self.send_shut);
            }
        };
        match result {
            Ok(accepted) if how == How::Blocking && accepted != bytes => Err(format!(
                "a blocking send accepted {accepted} of {bytes} bytes"
            )),
            Ok(accepted) => {
                self.offered += accepted as u64;
                self.accepted += accepted as u64;
                Ok(())
            }
            Err(Error::WouldBlock) if how == How::Nonblocking => Ok(()),
            Err(Error::ShutDown) if self.send_shut => Ok(()),
            Err(error) => {
                // A part may have been accepted.
                self.offered += bytes as u64;
                self.uncertain += bytes as u64;
                self.require_lost("a send", error)
            }
        }
    }

    pub(super) fn receive(
        &mut self,
        notices: &Notices,
        at: &Reference,
        bytes: usize,
        how: How,
    ) -> Result<(), String> {
        let (process, descriptor) = (&at.process, at.descriptor);
        let mut buffer = vec![0; bytes];
        let result = match how {
            How::Overlapped(notice) => {
                let started = self.start(notices, at, Kind::Receive, notice, buffer);
                return self.settle_start("a receive", started, self.receive_shut);
            }
            How::Blocking if self.will_come() => process.recv(descriptor, &mut buffer),
            _ => nonblocking(at, || process.recv(descriptor, &mut buffer))?,
        };
        let order = self.order();
        self.note_received(order, "a receive", result, buffer)
    }

    /// Whether a receive that is issued now is certain to end.
    fn will_come(&self) -> bool {
        let waiting = self.operations.values().any(|it| it.kind == Kind::Receive);
        let plan = self.schedule.peer;
        !waiting && (self.received < plan.sends as u64 || plan.half_closes)
    }

    /// The place of an operation that is issued now among the others.
    pub(super) const fn order(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// Notes what a receive of this place has got.
    pub(super) fn note_received(
        &mut self,
        order: u64,
        what: &str,
        result: Result<usize, Error>,
        mut buffer: Vec<u8>,
    ) -> Result<(), String> {
        match result {
            Ok(count) => {
                buffer.truncate(count);
                self.received += count as u64;
                self.reads.insert(order, buffer);
                Ok(())
            }
            Err(Error::WouldBlock | Error::Interrupted) => Ok(()),
            Err(Error::ShutDown) if self.receive_shut => Ok(()),
            Err(error) => self.require_lost(what, error),
        }
    }

    fn start(
        &mut self,
        notices: &Notices,
        at: &Reference,
        kind: Kind,
        notice: Notice,
        buffer: Vec<u8>,
    ) -> Result<(), Error> {
        let key = key(self.number(), self.order());
        let notify = notices.of(key, notice);
        let (process, through) = (&at.process, at.descriptor);
        match kind {
            Kind::Send { .. } => process.send_overlapped(through, buffer, notify)?,
            Kind::Receive => process.recv_overlapped(through, buffer, notify)?,
        };
        let operation = Operation {
            through: at.name(),
            kind,
            closed: false,
        };
        self.operations.insert(key, operation);
        Ok(())
    }

    fn settle_start(
        &self,
        what: &str,
        started: Result<(), Error>,
        shut: bool,
    ) -> Result<(), String> {
        match started {
            Ok(()) => Ok(()),
            Err(Error::ShutDown) if shut => Ok(()),
            Err(error) => self.require_lost(what, error),
        }
    }

    /// Takes in a completion.
    pub(super) fn complete(&mut self, key: u64, completion: Completion) -> Result<(), String> {
        let Some(operation) = self.operations.remove(&key) else {
            self.doubles += 1;
            return Ok(());
        };
        if let Kind::Send { .. } = operation.kind {
            self.accepted += completion.transferred as u64;
        }
        match (operation.kind, completion.result) {
            (_, Err(Error::OperationAborted)) if operation.closed => {
                self.aborted += 1;
                Ok(())
            }
            (Kind::Send { offered }, Ok(accepted)) if accepted == offered => Ok(()),
            (Kind::Send { .. }, Err(Error::ShutDown)) if self.send_shut => Ok(()),
            (Kind::Send { .. }, Err(error)) => self.require_lost("an overlapped send", error),
            (Kind::Send { offered }, Ok(accepted)) => Err(format!(
                "an overlapped send of {offered} bytes completed with {accepted}"
            )),
            (Kind::Receive, result) => {
                let order = key - self::key(self.number(), 0);
                self.note_received(order, "an overlapped receive", result, completion.buffer)
            }
        }
    }

    /// Lets a peer read that has waited for the last close.
    pub(super) fn let_peer_read(&self) {
        self.committed.store(true, Ordering::Release);
    }

    /// Marks what is pending through a descriptor that is about to be closed.
    pub(super) fn expect_aborts(&mut self, at: &Reference) {
        for operation in self.operations.values_mut() {
            operation.closed |= operation.through == at.name();
        }
    }

    /// Whether everything is known that there is to know.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() && self.operations.is_empty() && self.peer.is_some()
    }

    /// Compares both sides.
    pub(super) fn judge(&self) -> Judged {
        let wrong = |problem: String| Judged {
            lost: 0,
            problem: Some(problem),
        };
        let Some(peer) = &self.peer else {
            return wrong("the peer never saw an end".to_owned());
        };
        if let End::Broken(problem) = &peer.end {
            return wrong(problem.clone());
        }
        if peer.received > self.accepted + self.uncertain {
            return wrong(format!(
                "the peer received {} bytes, {} were accepted",
                peer.received, self.accepted
            ));
        }
        let got: Vec<u8> = self.reads.values().flatten().copied().collect();
        if let Some(position) = Pattern::of_peer(self.number()).first_wrong(0, &got) {
            return wrong(format!("a wrong byte was received at position {position}"));
        }
        // Nobody needed a way out of a close that was not refused.
        let needed = self.would_block || !matches!(self.schedule.ending, Ending::WouldBlock(_));
        let hard = self.schedule.ending.is_hard() && needed;
        let stays = self.schedule.peer.habit.reads_all();
        let expected = match (hard, stays) {
            // A reset behind a FIN may come too late for the peer.
            (true, true) if self.send_shut => &[End::Reset, End::Fin][..],
            (true, _) if self.schedule.peer.habit == Habit::Sleeps => &[End::Reset],
            (true, true) => &[End::Reset],
            (false, true) => &[End::Fin],
            (_, false) => &[End::Reset, End::Fin, End::Gone, End::Elsewhere],
        };
        let lost = if stays && !hard {
            self.accepted.saturating_sub(peer.received)
        } else {
            0
        };
        let problem = if expected.contains(&peer.end) {
            (lost > 0).then(|| format!("{lost} accepted bytes were lost"))
        } else {
            Some(format!(
                "the peer saw {:?} after {} of {} bytes, due was {expected:?}",
                peer.end, peer.received, self.accepted
            ))
        };
        Judged { lost, problem }
    }
}

/// Makes a call on a nonblocking socket.
pub(super) fn nonblocking<R>(
    at: &Reference,
    call: impl FnOnce() -> Result<R, Error>,
) -> Result<Result<R, Error>, String> {
    set_nonblocking(at, true)?;
    let result = call();
    set_nonblocking(at, false)?;
    Ok(result)
}

pub(super) fn set_nonblocking(at: &Reference, nonblocking: bool) -> Result<(), String> {
    at.process
        .set_nonblocking(at.descriptor, nonblocking)
        .map_err(|error| format!("setting the mode failed: {error:?}"))
}
