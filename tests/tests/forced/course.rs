//! A course: the engine driven along one path of the model, and compared after every
//! step.
//!
//! `gates.rs` says with which gate a step begins, `surroundings.rs` what the transport
//! and the like do in it, `told.rs` keeps what the engine has told of it, and `compare.rs`
//! asks whether the engine is where the model is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use closesocket::engine::completions::{CompletionQueue, OperationId};
use closesocket::engine::{Error, SocketId};
use closesocket::protocol::Waiting;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::{Word, WordPhase};
use closesocket_models::state::{Thread, WORKER};
use closesocket_models::{Action, Call, State, What};

use super::calls::Returned;
use super::cast::{Cast, Player};
use super::graph::Edge;
use super::mapping::{self, Progress};
use super::primitives::number_of;
use super::seat::{At, Gate, Job};
use super::world::World;

/// How the engine goes along a path.
pub(crate) struct Course<'a> {
    pub(crate) world: World,
    pub(crate) cast: &'a Cast,
    pub(crate) operations: Vec<Option<OperationId>>,
    pub(crate) progress: Vec<Progress>,
    /// Operations that a cancel has taken out.
    pub(crate) cancelled: Vec<bool>,
    pub(crate) returned: Vec<Returned>,
    /// What the present call of each thread has to return, as far as that is decided.
    pub(crate) expected: Vec<Option<Result<(), Error>>>,
    /// Whether the result of each operation was posted.
    pub(crate) posted: Vec<bool>,
    /// How many handles have gone back, or were to.
    pub(crate) upcalls: usize,
    /// How often each socket was released.
    pub(crate) released: HashMap<SocketId, u8>,
    /// Sockets whose opener is not back yet: it connects them with its last steps.
    pub(crate) fresh: u8,
    /// Calls, by thread and place in its script, that have begun before the first step,
    /// as far as their first gate: their process has ended when they come to that, and
    /// they would be refused before it.
    pub(crate) early: HashSet<(usize, u8)>,
    /// The phases of the slots when their process was stopped.
    pub(crate) swept: Vec<WordPhase>,
    /// Where the threads were after each step.
    pub(crate) places: Vec<Vec<At>>,
}

impl<'a> Course<'a> {
    /// A course along these steps, each with the state before it.
    pub(crate) fn new<'b>(
        world: World,
        cast: &'a Cast,
        path: impl Iterator<Item = (&'b Edge, &'b State)>,
    ) -> Self {
        let operations = world.scenario.operations.len();
        let mut course = Self {
            world,
            cast,
            operations: vec![None; operations],
            progress: vec![Progress::Idle; operations],
            cancelled: vec![false; operations],
            returned: (0..=WORKER).map(|_| Returned::default()).collect(),
            expected: vec![None; WORKER + 1],
            posted: vec![false; operations],
            upcalls: 0,
            released: HashMap::new(),
            fresh: 0,
            early: HashSet::new(),
            swept: Vec::new(),
            places: Vec::new(),
        };
        for (edge, before) in path {
            course.begin_early(edge, before);
        }
        course
    }

    /// Begins the call whose first step this is, if its process has ended by then.
    fn begin_early(&mut self, edge: &Edge, before: &State) {
        let Some(t) = edge
            .action
            .thread
            .map(usize::from)
            .filter(|it| *it != WORKER)
        else {
            return;
        };
        let (thread, spec) = (before.thread(t), self.world.scenario.threads[t]);
        if thread.next() != Next::Idle || before.process(spec.process).gone().is_none() {
            return;
        }
        let call = self.call(t, before);
        if matches!(call, Call::Startup | Call::Cleanup | Call::Die) {
            return;
        }
        let maker = (spec.process, &Thread::default());
        let job = self
            .world
            .job(maker, call, &self.operations, &self.returned[t]);
        if let Some(job) = job {
            let (seat, os_thread) = self.player(t, before);
            seat.begin(os_thread, job);
            self.early.insert((t, thread.call()));
        }
    }

    /// The path is at its end: every result that was posted was due.
    pub(crate) fn end(&self) -> Result<(), String> {
        let left: usize = self.world.queues.iter().map(CompletionQueue::len).sum();
        if left == 0 {
            Ok(())
        } else {
            Err(format!("{left} results are left"))
        }
    }

    /// Who makes the present or next call of a thread.
    pub(crate) fn player(&self, t: usize, state: &State) -> &Player {
        self.cast.player(t, usize::from(state.thread(t).call()))
    }

    /// Where each thread is when the model is in this state.
    pub(crate) fn places_after(&self, state: &State) -> Vec<At> {
        (0..=WORKER).map(|t| self.player(t, state).0.at()).collect()
    }

    /// The present or next call of a thread.
    pub(crate) fn call(&self, t: usize, state: &State) -> Call {
        self.world.scenario.threads[t].calls[usize::from(state.thread(t).call())]
    }

    pub(crate) fn waiting(&self, operation: u8) -> Waiting {
        self.world.scenario.operations[usize::from(operation)].waiting
    }

    /// Takes one step of the model in the engine, and compares.
    pub(crate) fn step(
        &mut self,
        edge: &Edge,
        before: &State,
        after: &State,
    ) -> Result<(), String> {
        let Action { thread, what } = edge.action;
        match thread {
            Some(thread) => self.of_thread(usize::from(thread), what, before)?,
            None => self.of_surroundings(what, before),
        }
        self.wake(before)?;
        self.learn(edge.event, what, before)?;
        self.expect(thread, edge.event, what, before);
        self.settle(after);
        self.compare(before, after)
    }

    /// A step of a thread: it begins its call if it is in none, and passes one gate.
    fn of_thread(&mut self, t: usize, what: What, before: &State) -> Result<(), String> {
        if let What::Begin { .. } = what {
            let words = self.world.slots.iter().map(|it| &self.world.words[it.word]);
            let phase = |it: &Arc<AtomicU64>| Word::from_bits(it.load(Ordering::Acquire)).phase();
            self.swept = words.map(phase).collect();
        }
        let (seat, thread) = self.player(t, before);
        if before.thread(t).next() == Next::Idle && seat.at() == At::Idle {
            match self.job(t, what, before) {
                Some(job) => seat.begin(thread, job),
                None if does_nothing(what) => return Ok(()),
                None => return Err("the engine has no such call".into()),
            }
        }
        if self.is_nothing(what, before) {
            return Ok(());
        }
        self.may_pass(t, what, before, seat.at())?;
        self.allow(t, what, before);
        if let What::Cancel { .. } = what {
            let process = usize::from(self.world.scenario.threads[t].process);
            if !self.world.processes[process].cancel_blocking_call(number_of(t)) {
                return Err("there is no wait to cancel".into());
            }
        }
        if matches!(seat.at(), At::Asleep { .. }) && !seat.is_notified() {
            return Err("nobody has woken it".into());
        }
        seat.release(thread);
        self.forbid();
        Ok(())
    }

    /// The call that a thread begins with this step.
    fn job(&self, t: usize, what: What, before: &State) -> Option<Job> {
        if t < WORKER {
            let (spec, thread) = (self.world.scenario.threads[t], before.thread(t));
            let maker = (spec.process, &thread);
            let call = self.call(t, before);
            let returned = &self.returned[t];
            return self.world.job(maker, call, &self.operations, returned);
        }
        let socket = match what {
            What::Complete { operation, .. } | What::AcceptBytes { operation, .. } => {
                before.operation(operation).socket()
            }
            What::LoseConnection { socket } => socket,
            _ => return None,
        };
        let id = self.world.socket(usize::from(socket)).id;
        let provider = self.world.provider.clone();
        Some(Box::new(move || provider.transport().report(id)))
    }

    /// Threads that were answered in their sleep go on to where they leave.
    fn wake(&self, before: &State) -> Result<(), String> {
        for t in 0..=WORKER {
            let (seat, thread) = self.player(t, before);
            if seat.at() == (At::Asleep { at_socket: false }) && seat.is_notified() {
                seat.release(thread);
            }
            if matches!(seat.at(), At::Barred | At::Panicked) {
                return Err(format!("T{} is {:?}", seat.index + 1, seat.at()));
            }
        }
        Ok(())
    }

    /// A close that waits goes to sleep, if its socket drains: it has to be woken.
    fn settle(&self, after: &State) {
        for t in 0..=WORKER {
            let (seat, thread) = self.player(t, after);
            let it = after.thread(t);
            let (gate, inside) = (Gate::Section, false);
            if it.next() == Next::Wait
                && seat.at() == (At::Gate { gate, inside })
                && after.socket(it.socket()).machine().is_draining()
                && mapping::locked_sockets(after, &self.places_after(after)) >> it.socket() & 1 == 0
            {
                seat.release(thread);
            }
        }
    }
}

/// Whether this step of a thread is none of the provider's.
const fn does_nothing(what: What) -> bool {
    matches!(
        what,
        What::Skip | What::CancelNothing { .. } | What::TakeAccepted { .. }
    )
}
