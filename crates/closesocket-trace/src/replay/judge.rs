//! The judge: takes observations in one order and says whether the protocol
//! allows each of them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use closesocket::engine::completions::OperationId;
use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{ProcessId, SocketId};
use closesocket::protocol::word::Word;
use closesocket::protocol::{HandleKind, Socket};

use super::must::Due;
use super::needs::{Gate, Header as _, Instruction, Needs, Reached, SlotName};
use super::socket::Replayed;
use super::thread::{Must, Name, Thread};
use super::{Problem, Replay, Verdict};
use crate::{Record, told};

/// Everything that is known after the observations so far.
pub(super) struct Judge {
    pub(super) began: Option<(HandleKind, Option<Duration>)>,
    pub(super) reached: Reached,
    pub(super) sockets: HashMap<SocketId, Replayed>,
    /// The sockets of the descriptors whose slots are not another's yet.
    pub(super) descriptors: HashMap<Name, SocketId>,
    pub(super) threads: HashMap<u32, Thread>,
    /// What accepts have taken and not delivered yet: the sockets to be made.
    pub(super) accepted: HashMap<OperationId, Socket>,
    pub(super) connections: u64,
    /// How many sockets were made.
    pub(super) seen: u64,
    /// What was judged last, to show what led to a problem.
    recent: VecDeque<Record>,
}

/// How many records are kept to show what led to a problem.
const RECENT: usize = 256;
/// The most of them that are shown.
const AROUND: usize = 12;

impl Judge {
    pub(super) fn new() -> Self {
        Self {
            began: None,
            reached: Reached::default(),
            sockets: HashMap::new(),
            descriptors: HashMap::new(),
            threads: HashMap::new(),
            accepted: HashMap::new(),
            connections: 0,
            seen: 0,
            recent: VecDeque::with_capacity(RECENT),
        }
    }

    /// Judges observations until one is impossible.
    pub(super) fn run(&mut self, records: impl Iterator<Item = Record>) -> Option<Problem> {
        for record in records {
            // A step that is refused may have been made in part, so the state
            // before it is told by what it speaks of, which is cheap.
            let before = self.threads.get(&record.thread).map(Thread::describe);
            let needs = Needs::of(&record.observation);
            let allowed = self
                .require(&needs)
                .and_then(|()| self.step(record.thread, &record.observation));
            if let Err(reason) = allowed {
                let mut problem = self.problem(&record, reason);
                if let (Some(before), Some(first)) = (before, problem.state.first_mut()) {
                    *first = format!("thread {}: {before}", record.thread);
                }
                return Some(problem);
            }
            self.enter(&needs);
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(record);
        }
        None
    }

    pub(super) fn verdict(&self, events: u64, first_problem: Option<Problem>) -> Replay {
        Replay {
            accepted: first_problem.is_none(),
            events,
            connections: self.connections,
            sockets: self.seen,
            first_problem,
            cut_off: None,
        }
    }

    /// The first of the records that are not in the order that nothing that was
    /// lost could make possible: its number under a lock is another's.
    pub(super) fn impossible(&self, records: &[Record], order: &[usize]) -> Option<Problem> {
        let ordered: HashSet<usize> = order.iter().copied().collect();
        let left = records.iter().enumerate();
        let mut left = left.filter(|(index, _)| !ordered.contains(index));
        left.find_map(|(_, record)| {
            let (cell, sequence) = Needs::of(&record.observation).place?;
            let last = self.reached.cells.get(&cell).copied().unwrap_or_default();
            let taken = sequence <= last;
            taken.then(|| {
                let reason = format!(
                    "it is number {sequence} under the lock of cell {cell}, after number {last}"
                );
                self.problem(record, reason)
            })
        })
    }

    /// The word of a slot, by its history.
    pub(super) fn word(&self, slot: SlotName) -> Word {
        self.reached
            .words
            .get(&slot)
            .copied()
            .unwrap_or(Word::unused())
    }

    /// Whether everything is there that must come before.
    fn require(&self, needs: &Needs) -> Verdict {
        if let Some(Instruction { slot, before, .. }) = needs.word {
            let word = self.word(slot);
            if before != word {
                return Err(format!(
                    "its instruction saw the word {before}, by its history it was {word}"
                ));
            }
        }
        if let Some((cell, sequence)) = needs.place {
            let last = self.reached.cells.get(&cell).copied().unwrap_or_default();
            if sequence != last + 1 {
                return Err(format!(
                    "it is number {sequence} under the lock of cell {cell}, after number {last}"
                ));
            }
        }
        if let Some((slot, generation)) = needs.closed
            && self.word(slot).is_open(generation)
        {
            return Err("the descriptor is open".to_owned());
        }
        match needs.gate {
            Some(gate) if !self.reached.gates.contains(&gate) => {
                Err(format!("{gate} must have happened before"))
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, needs: &Needs) {
        if let Some(Instruction { slot, after, .. }) = needs.word {
            self.reached.words.insert(slot, after);
        }
        if let Some((cell, sequence)) = needs.place {
            self.reached.cells.insert(cell, sequence);
        }
        // A thread goes on from an operation once.
        if let Some(gate @ Gate::Delivered(_)) = needs.gate {
            self.reached.gates.remove(&gate);
        }
        self.reached.gates.extend(needs.opens.into_iter().flatten());
    }

    pub(super) fn thread(&mut self, thread: u32) -> &mut Thread {
        self.threads.entry(thread).or_default()
    }

    pub(super) fn socket(&mut self, id: SocketId) -> Result<&mut Replayed, String> {
        self.sockets
            .get_mut(&id)
            .ok_or_else(|| format!("socket {id} does not exist"))
    }

    /// The socket of a descriptor.
    pub(super) fn socket_of(&mut self, name: Name) -> Result<&mut Replayed, String> {
        let socket = self.descriptors.get(&name);
        let socket = *socket.ok_or_else(|| format!("{}/{} does not exist", name.0, name.1))?;
        self.socket(socket)
    }

    pub(super) fn began(&self) -> Result<(HandleKind, Option<Duration>), String> {
        self.began
            .ok_or_else(|| "the trace does not say how the provider began".to_owned())
    }

    fn step(&mut self, thread: u32, observation: &Observation) -> Verdict {
        let must = self.thread(thread).must;
        if !fulfils(must, observation) {
            self.thread(thread).require_free()?;
        }
        self.thread(thread).must = Must::Anything;
        self.require_section_done(thread, observation)?;
        self.judge(thread, must, observation)
    }

    /// Fails if the thread goes on to something else before the section that it
    /// is in has done what it decided.
    fn require_section_done(&mut self, thread: u32, observation: &Observation) -> Verdict {
        let by = self.thread(thread);
        let before = match observation.step {
            Step::Changed { .. } | Step::Committed { .. } | Step::Reclaimed { .. } => {
                by.section.replace(observation.socket()?)
            }
            Step::Taken { .. } | Step::Ordered { .. } | Step::Released => return Ok(()),
            _ => by.section.take(),
        };
        self.require_settled_by(thread, before)
    }

    /// By now another thread may be in a section of the socket.
    fn require_settled_by(&self, thread: u32, socket: Option<SocketId>) -> Verdict {
        let socket = socket.and_then(|id| self.sockets.get(&id));
        socket.map_or(Ok(()), |it| it.require_settled_by(thread))
    }

    fn judge(&mut self, thread: u32, must: Must, observation: &Observation) -> Verdict {
        match observation.step {
            Step::Began {
                handle_kind,
                drain_limit,
            } => match self.began.replace((handle_kind, drain_limit)) {
                None => Ok(()),
                Some(_) => Err("the provider began twice".to_owned()),
            },
            Step::Ordered { order } => self
                .socket(observation.socket()?)?
                .ordered(thread, Due::Order(order)),
            Step::Released => {
                let socket = observation.socket()?;
                self.socket(socket)?.ordered(thread, Due::Release)?;
                self.forget_if_finished(socket)
            }
            Step::Changed { input, by, machine } => {
                self.changed(thread, observation.socket()?, (input, by), machine)
            }
            Step::SweepBegan { cause, life } => {
                let process = observation.process()?;
                self.thread(thread).begin_sweep(process, cause, life);
                Ok(())
            }
            Step::SweepEnded => {
                let process = observation.process()?;
                let ended = self.thread(thread).sweeping.pop();
                match ended {
                    Some(began) if began.process == process => Ok(()),
                    _ => Err(format!("this thread was not ending {process}")),
                }
            }
            Step::Opened { .. }
            | Step::Entered { .. }
            | Step::Left { .. }
            | Step::SealMissed
            | Step::Claimed { .. }
            | Step::HandleReturned { .. }
            | Step::Recycled { .. } => self.judge_handle(thread, must, observation),
            _ => self.judge_section(thread, observation),
        }
    }

    /// Forgets a socket of which nothing is left, and counts it.
    pub(super) fn forget_if_finished(&mut self, id: SocketId) -> Verdict {
        if let Some(socket) = self.sockets.get(&id)
            && socket.is_finished()
        {
            self.connections += u64::from(socket.was_connected);
            self.sockets.remove(&id);
        }
        Ok(())
    }

    /// What the thread and whatever the observation speaks of are like.
    pub(super) fn problem(&self, record: &Record, reason: String) -> Problem {
        let observation = &record.observation;
        let thread = self.threads.get(&record.thread).map(Thread::describe);
        let mut state = vec![format!(
            "thread {}: {}",
            record.thread,
            thread.unwrap_or_else(|| "in no call".to_owned())
        )];
        let name = observation.name().ok();
        if let Some((process, descriptor)) = name {
            let slot = descriptor.slot();
            let word = self.word((process, slot));
            state.push(format!("slot {process}/{slot}: {word}"));
        }
        let socket = self.socket_in(observation);
        if let Some(socket) = socket {
            match self.sockets.get(&socket) {
                Some(socket) => state.extend(socket.describe()),
                None => state.push(format!("socket {socket}: not there")),
            }
        }
        Problem {
            thread: Some(record.thread),
            number: Some(record.number),
            event: Some(told(observation).sentence),
            reason,
            state,
            around: self.around(record, socket),
        }
    }

    /// The socket that an observation is about.
    fn socket_in(&self, observation: &Observation) -> Option<SocketId> {
        match (observation.step, observation.at) {
            (Step::Delivered { operation, .. } | Step::Resumed { operation }, _) => {
                Some(operation.socket)
            }
            (_, Some(place)) => Some(place.socket),
            _ => self.descriptors.get(&observation.name().ok()?).copied(),
        }
    }

    /// What led to a record: the last that its thread did, or that were about the
    /// same descriptor or socket.
    fn around(&self, record: &Record, socket: Option<SocketId>) -> Vec<Record> {
        let name = record.observation.name().ok();
        let mut around = self.last(AROUND - 1, |it| {
            let same_name = name.is_some() && it.observation.name().ok() == name;
            let same_socket = socket.is_some() && self.socket_in(&it.observation) == socket;
            it.thread == record.thread || same_name || same_socket
        });
        around.push(*record);
        around
    }

    /// The last records of a kind that were judged.
    fn last(&self, most: usize, concerns: impl Fn(&Record) -> bool) -> Vec<Record> {
        let recent = self.recent.iter().rev().filter(|it| concerns(it));
        let mut last: Vec<_> = recent.take(most).copied().collect();
        last.reverse();
        last
    }

    /// Judges the end of the trace: nothing may be left.
    pub(super) fn end(&mut self) -> Option<Problem> {
        let at_end = |reason: String, state: Vec<String>, around: Vec<Record>| {
            Some(Problem {
                thread: None,
                number: None,
                event: None,
                reason: format!("at the end of the trace: {reason}"),
                state,
                around,
            })
        };
        if self.began.is_none() {
            let reason = "the provider never began".to_owned();
            return at_end(reason, Vec::new(), Vec::new());
        }
        let mut threads: Vec<_> = self.threads.iter().collect();
        threads.sort_by_key(|(number, _)| **number);
        for (number, thread) in threads {
            if let Err(reason) = thread.require_done() {
                let state = vec![format!("thread {number}: {}", thread.describe())];
                let around = self.last(AROUND, |it| it.thread == *number);
                return at_end(format!("thread {number}: {reason}"), state, around);
            }
        }
        let mut left: Vec<_> = self.sockets.values_mut().collect();
        left.sort_by_key(|it| it.id);
        let wrong = left.into_iter().find_map(|socket| {
            let reason = socket.judge_end().err()?;
            Some((socket.id, reason, socket.describe()))
        });
        let (socket, reason, state) = wrong?;
        let about = |it: &Record| self.socket_in(&it.observation) == Some(socket);
        at_end(reason, state, self.last(AROUND, about))
    }

    /// A trace that shows nothing proves nothing. Of a connection that ended,
    /// each step that its life must have was seen: the end would find it missing.
    pub(super) fn hollow(&self) -> Option<Problem> {
        (self.connections == 0).then(|| Problem {
            thread: None,
            number: None,
            event: None,
            reason: "the trace is hollow: nothing was connected in it".to_owned(),
            state: Vec::new(),
            around: Vec::new(),
        })
    }
}

/// Whether an observation is what its thread has to do next.
fn fulfils(must: Must, observation: &Observation) -> bool {
    let name = observation.name().ok();
    let at = observation.at.map(|it| it.socket);
    match (must, observation.step) {
        (Must::Anything, _) => true,
        (Must::BackOut(entered, with), Step::Left { holders }) => {
            (Some(entered), with) == (name, holders)
        }
        (Must::Claim(process, slot, _), Step::Claimed { .. }) => {
            name.map(|it| (it.0, it.1.slot())) == Some((process, slot))
        }
        (Must::Open(made), Step::Opened { .. }) => Some(made) == at,
        (Must::OpenRedeemed(redeemed, target), Step::Opened { .. }) => {
            (Some(redeemed), Some(target)) == (at, observation.process)
        }
        _ => false,
    }
}

/// Whether a thread ends this process.
pub(super) fn sweeps(thread: &Thread, process: ProcessId) -> bool {
    thread.sweeping.iter().any(|it| it.process == process)
}
