//! A thread that keeps a number of connections open, doing the next thing with
//! each of them in turn.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use closesocket::engine::completions::Completion;

use super::connection::Connection;
use super::counter::Counter;
use super::opening;
use super::operations::connection_of;
use super::peer::PeerReport;
use super::plan::Sabotage;
use super::system::PATIENCE;
use super::tools::{Shared, Tools, lock};

/// How long a worker with nothing to do waits for a peer's report.
const PAUSE: Duration = Duration::from_micros(500);

/// Problems after which a run ends that has no time in which to end.
const ENOUGH: u64 = 10;
/// How long completions may take when all else is over.
const COMPLETION_PATIENCE: Duration = Duration::from_secs(10);

/// One worker in one round.
pub(super) struct Worker<'a> {
    tools: Tools<'a>,
    incoming: Receiver<PeerReport>,
    /// By their numbers.
    open: BTreeMap<u64, Connection>,
    /// A completion was dropped or doubled, as a sabotage asks.
    sabotaged: bool,
}

impl<'a> Worker<'a> {
    /// # Errors
    /// What is missing, in words.
    pub(super) fn new(shared: Shared<'a>, place: (u64, u64)) -> Result<Self, String> {
        let (reports, incoming) = mpsc::channel();
        Ok(Self {
            tools: Tools::new(shared, place, reports)?,
            incoming,
            open: BTreeMap::new(),
            sabotaged: false,
        })
    }

    /// Opens and closes connections as long as there are numbers left.
    pub(super) fn run(mut self, counter: &Counter, most: usize) {
        loop {
            let mut moved = self.take_completions();
            moved |= self.take_reports(Duration::ZERO);
            if self.is_enough() {
                counter.stop();
            }
            while self.open.len() < most
                && let Some(number) = counter.next()
            {
                self.open(number);
                moved = true;
            }
            for connection in std::mem::take(&mut self.open).into_values() {
                moved |= self.advance(connection);
            }
            if self.open.is_empty() && counter.is_done() {
                return self.finish();
            }
            if !moved {
                self.take_reports(PAUSE);
            }
        }
    }

    /// Whether so much is wrong that going on to the last connection, some of which
    /// may take all the time that they have, would tell nothing more.
    fn is_enough(&self) -> bool {
        let timed = self.tools.shared.plan.time().is_some();
        !timed && self.tools.tally().run.unexpected_results >= ENOUGH
    }

    fn open(&mut self, number: u64) {
        let schedule = self.tools.shared.plan.schedule(number);
        match opening::open(&self.tools, schedule.clone()) {
            Ok(connection) => {
                self.tools.tally().opened();
                self.open.insert(number, connection);
            }
            Err(problem) => {
                self.tools.give_up();
                self.tools.tally().problem(format!(
                    "connection {number} was not opened: {problem}; its schedule: {schedule:?}"
                ));
            }
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
                    self.tools.tally().close(&connection);
                    return true;
                }
                self.open.insert(connection.number(), connection);
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
            match self.tools.shared.plan.sabotage {
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
        let connection = self.open.get_mut(&number);
        match connection.map(|it| it.complete(key, completion)) {
            None => self.tools.tally().run.double_completions += 1,
            Some(Ok(())) => {}
            Some(Err(problem)) => {
                if let Some(connection) = self.open.remove(&number) {
                    self.give_up(connection, &problem);
                }
            }
        }
    }

    fn give_up(&mut self, connection: Connection, problem: &str) {
        self.tools.tally().fail(&connection, problem);
        connection.let_peer_read();
        self.tools.give_up();
        let mut silent = self.tools.silent.borrow_mut();
        silent.give_up(connection.operations);
    }

    fn take_reports(&mut self, wait: Duration) -> bool {
        let first = self.incoming.recv_timeout(wait).ok();
        let moved = first.is_some();
        for report in first.into_iter().chain(self.incoming.try_iter()) {
            if let Some(it) = self.open.get_mut(&report.number) {
                it.peer = Some(report);
            }
        }
        moved
    }

    fn finish(mut self) {
        self.take_completions();
        let repeated = self.tools.notices.repeated().len() as u64;
        let closed = self.tools.listeners.close(self.tools.shared.home);
        let mut tally = lock(self.tools.shared.tally);
        tally.finished = Some(Instant::now());
        tally.run.double_completions += repeated;
        if let Err(problem) = closed {
            tally.problem(problem);
        }
    }
}

fn copy(completion: &Completion) -> Completion {
    Completion {
        operation: completion.operation,
        kind: completion.kind,
        descriptor: completion.descriptor,
        key: completion.key,
        result: completion.result,
        transferred: completion.transferred,
        buffer: completion.buffer.clone(),
        accepted: completion.accepted,
    }
}
