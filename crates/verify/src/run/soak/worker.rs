//! A thread that keeps a number of connections open, doing the next thing with
//! each of them in turn.

use std::cell::RefCell;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use closesocket::engine::Completion;

use super::connection::Connection;
use super::counter::{Counted, Counter};
use super::helper::Helper;
use super::opening::{self, Listeners};
use super::operations::{Notices, Silent, connection_of};
use super::peer::{PeerReport, Peers};
use super::schedule::Schedule;
use super::tally::Tally;
use super::{PATIENCE, Process, Provider, Sabotage};

/// How long a worker with nothing to do waits for a peer's report.
const PAUSE: Duration = Duration::from_micros(500);

/// How long completions may take when all else is over.
const COMPLETION_PATIENCE: Duration = Duration::from_secs(10);

/// What the connections of a worker work with.
pub(super) struct Tools<'a> {
    pub(super) provider: &'a Provider,
    /// The process of most connections, and one that they are shared with.
    pub(super) home: Process,
    pub(super) other: Process,
    pub(super) peers: &'a Peers,
    pub(super) reports: Sender<PeerReport>,
    pub(super) listeners: Listeners,
    pub(super) helper: Helper,
    pub(super) notices: Notices,
    pub(super) silent: RefCell<Silent>,
    pub(super) sabotage: Option<Sabotage>,
}

/// One worker in one round.
pub(super) struct Worker<'a> {
    tools: Tools<'a>,
    incoming: Receiver<PeerReport>,
    open: Vec<Connection>,
    tally: Tally,
    /// A completion was dropped or doubled, as a sabotage asks.
    sabotaged: bool,
    /// What the counter knows of this worker.
    counted: Counted,
}

impl<'a> Worker<'a> {
    /// # Errors
    /// What is missing, in words.
    pub(super) fn new(
        (provider, home, other): (&'a Provider, &Process, &Process),
        peers: &'a Peers,
        (worker, round): (u64, u64),
        sabotage: Option<Sabotage>,
    ) -> Result<Self, String> {
        let (reports, incoming) = mpsc::channel();
        let tools = Tools {
            provider,
            home: home.clone(),
            other: other.clone(),
            peers,
            reports,
            listeners: Listeners::open(home, worker, round)?,
            helper: Helper::start()?,
            notices: Notices::new(),
            silent: RefCell::default(),
            sabotage,
        };
        Ok(Self {
            tools,
            incoming,
            open: Vec::new(),
            tally: Tally::default(),
            sabotaged: false,
            counted: Counted::default(),
        })
    }

    /// Opens and closes connections as long as there are numbers left.
    pub(super) fn run(mut self, counter: &Counter, most: usize) -> Tally {
        loop {
            let mut moved = self.take_completions();
            moved |= self.take_reports(Duration::ZERO);
            while self.open.len() < most
                && let Some(number) = counter.next()
            {
                self.open(counter.seed, number);
                moved = true;
            }
            for connection in std::mem::take(&mut self.open) {
                moved |= self.advance(connection);
            }
            counter.note(&mut self.counted, self.open.len(), self.tally.closed);
            if self.open.is_empty() && counter.is_done() {
                return self.finish();
            }
            if !moved {
                self.take_reports(PAUSE);
            }
        }
    }

    fn open(&mut self, seed: u64, number: u64) {
        let schedule = Schedule::of(seed, number);
        match opening::open(&self.tools, schedule) {
            Ok(connection) => {
                self.open.push(connection);
            }
            Err(problem) => self.tally.problem(format!(
                "connection {number} was not opened: {problem}; its schedule: {:?}",
                Schedule::of(seed, number)
            )),
        }
    }

    /// Does the next thing with a connection, and keeps it unless it is over.
    fn advance(&mut self, mut connection: Connection) -> bool {
        match connection.advance(&self.tools) {
            Ok(moved) => {
                let patience = match connection.peer {
                    Some(_) => COMPLETION_PATIENCE,
                    None => PATIENCE,
                };
                let late = connection.ended.is_some_and(|it| it.elapsed() > patience);
                if connection.is_over() || late {
                    self.tally.close(&connection);
                    return true;
                }
                self.open.push(connection);
                moved
            }
            Err(problem) => {
                self.give_up(connection, &problem);
                true
            }
        }
    }

    fn take_completions(&mut self) -> bool {
        let mut taken = self.tools.notices.take();
        if !self.sabotaged && !taken.is_empty() {
            self.sabotaged = true;
            match self.tools.sabotage {
                Some(Sabotage::SwallowedCompletion) => drop(taken.pop()),
                Some(Sabotage::DoubledCompletion) => {
                    let again = taken.first().map(|(key, it)| (*key, copy(it)));
                    taken.extend(again);
                }
                _ => {}
            }
        }
        let moved = !taken.is_empty();
        for (key, completion) in taken {
            self.dispatch(key, completion);
        }
        moved
    }

    fn dispatch(&mut self, key: u64, completion: Completion) {
        if self.tools.silent.borrow_mut().allows(key, &completion) {
            return;
        }
        let number = connection_of(key);
        let connection = self.open.iter_mut().find(|it| it.number() == number);
        match connection.map(|it| it.complete(key, completion)) {
            None => self.tally.double_completions += 1,
            Some(Ok(())) => {}
            Some(Err(problem)) => {
                let place = self.open.iter().position(|it| it.number() == number);
                if let Some(connection) = place.map(|place| self.open.swap_remove(place)) {
                    self.give_up(connection, &problem);
                }
            }
        }
    }

    fn give_up(&mut self, connection: Connection, problem: &str) {
        self.tally.fail(&connection, problem);
        let mut silent = self.tools.silent.borrow_mut();
        silent.give_up(connection.operations);
    }

    fn take_reports(&mut self, wait: Duration) -> bool {
        let first = self.incoming.recv_timeout(wait).ok();
        let moved = first.is_some();
        for report in first.into_iter().chain(self.incoming.try_iter()) {
            let number = report.number;
            if let Some(it) = self.open.iter_mut().find(|it| it.number() == number) {
                it.peer = Some(report);
            }
        }
        moved
    }

    fn finish(mut self) -> Tally {
        self.take_completions();
        self.tally.double_completions += self.tools.notices.repeated().len() as u64;
        if let Err(problem) = self.tools.listeners.close(&self.tools.home) {
            self.tally.problem(problem);
        }
        self.tally
    }
}

fn copy(completion: &Completion) -> Completion {
    Completion {
        operation: completion.operation,
        key: completion.key,
        result: completion.result,
        transferred: completion.transferred,
        buffer: completion.buffer.clone(),
        accepted: completion.accepted,
    }
}
