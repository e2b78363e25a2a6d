//! The shipped protocol answers every random history of calls as the naive
//! oracle says, and leaves nothing behind.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use closesocket::protocol::word::Word;
use closesocket::protocol::{ProcessId, Socket};
use closesocket_tests::call::{Answer, Call, Origin, Provider, Setup, SocketId, Through};
use closesocket_tests::ledger::Ledger;
use closesocket_tests::oracle::Oracle;
use closesocket_tests::runner::Runner;
use closesocket_tests::script::{Intent, histories, setups};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const HISTORIES: u32 = 30_000;

/// The protocol and the oracle side by side.
struct Trial {
    setup: Setup,
    runner: Runner,
    oracle: Oracle,
    ledger: Ledger,
    calls: Vec<Call>,
}

impl Trial {
    fn new(setup: Setup, first_generation: u32) -> Self {
        Self {
            setup,
            runner: Runner::new(setup, first_generation),
            oracle: Oracle::new(setup),
            ledger: Ledger::default(),
            calls: Vec::new(),
        }
    }

    fn fail<T>(&self, why: &str) -> Result<T, TestCaseError> {
        let calls: Vec<String> = (0..)
            .zip(&self.calls)
            .map(|(index, call)| format!("{index:3} {call:?}"))
            .collect();
        Err(TestCaseError::fail(format!(
            "{why}\n{:?}\n{}",
            self.setup,
            calls.join("\n")
        )))
    }

    /// All that a close that fails must leave as it was (L3).
    fn state(&self) -> (Vec<Socket>, Vec<Word>) {
        (
            self.runner.machines().copied().collect(),
            self.runner.words().collect(),
        )
    }

    /// Makes one call on both; what can be seen must be the same.
    fn call(&mut self, call: Call) -> Result<(), TestCaseError> {
        self.calls.push(call);
        let before = matches!(call, Call::Close { .. }).then(|| self.state());
        let seen = self.runner.call(&call);
        let expected = self.oracle.expect(&call, &seen.opened());
        if seen != expected {
            return self.fail(&format!("seen:     {seen:?}\nexpected: {expected:?}"));
        }
        if matches!(seen.answer, Answer::Refused(_))
            && before.is_some_and(|before| before != self.state())
        {
            return self.fail("a refused close changed something");
        }
        match self.ledger.book(&call, &seen) {
            Ok(()) => Ok(()),
            Err(why) => self.fail(&why),
        }
    }

    /// Closes what is open, lets every process die and the environment do its
    /// part: nothing may be left.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        self.call(Call::Network { up: true })?;
        for (process, descriptor) in self.oracle.open_descriptors() {
            let close = Call::Close {
                process,
                descriptor,
                from: Origin::Callback,
            };
            self.call(close)?;
            // The way out if it would have blocked (L1); else it is stale.
            let through = Through::Handle(process, descriptor);
            self.call(Call::SetDontLinger {
                through,
                dont: true,
            })?;
            self.call(close)?;
        }
        for entry in self.oracle.entries() {
            self.call(Call::Leave { entry })?;
        }
        for process in (0..self.setup.processes).map(ProcessId) {
            self.call(Call::Die { process })?;
        }
        self.call(Call::Advance { by: Duration::MAX })?;
        for socket in (0..self.oracle.sockets()).map(SocketId) {
            let bytes = u32::MAX;
            self.call(Call::Transmit { socket, bytes })?;
            self.call(Call::Acknowledge { socket, bytes })?;
        }
        self.left_nothing()
    }

    fn left_nothing(&self) -> Result<(), TestCaseError> {
        let left = self.oracle.left_over();
        if !left.is_empty() {
            return self.fail(&format!("left over: {left:?}"));
        }
        if let Err(why) = self.ledger.finish(self.setup.non_ifs) {
            return self.fail(&why);
        }
        let held = self.runner.words().any(|word| word.holders() > 0);
        let machine = self
            .runner
            .machines()
            .find(|it| !it.is_closed() || it.references > 0 || it.queued() > 0 || it.backlog > 0);
        match machine {
            Some(machine) => self.fail(&format!("left over: {machine:?}")),
            None if held => self.fail("a word is still held"),
            None => Ok(()),
        }
    }
}

fn run(setup: (Setup, u32), intents: &[Intent]) -> Result<Trial, TestCaseError> {
    let mut trial = Trial::new(setup.0, setup.1);
    for intent in intents {
        let call = intent.call(&trial.oracle);
        trial.call(call)?;
    }
    trial.finish()?;
    Ok(trial)
}

/// Shapes that a generator worth its time reaches often.
const SHAPES: [&str; 34] = [
    "backlog reset",
    "close refused within a blocking call",
    "closed value",
    "connection lost while draining",
    "connection lost while open",
    "drained",
    "entered call finds its reference gone",
    "entered call goes on",
    "expiry in the background",
    "expiry of a waiting close",
    "foreign value",
    "handle held back",
    "hard close with queued data",
    "last cleanup",
    "last reference reclaimed",
    "lingering close cancelled",
    "lingering wait",
    "never issued value",
    "operations aborted by the last reference",
    "partly accepted send",
    "pending accept served",
    "pending connect served",
    "posted abort",
    "record reclaimed",
    "record redeemed",
    "record refused",
    "reset because of unread input",
    "silent abort by cleanup",
    "silent abort by death",
    "slot retired by a failed upcall",
    "slot retired by its last generation",
    "stale value of a reused slot",
    "table full",
    "would block",
];

#[test]
fn every_history_of_calls_is_answered_as_the_oracle_says() {
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let shapes = RefCell::new(BTreeMap::<&str, u64>::new());
    let result = TestRunner::new(config).run(&(setups(), histories()), |(setup, intents)| {
        let trial = run(setup, &intents)?;
        for (shape, count) in trial.oracle.shapes() {
            *shapes.borrow_mut().entry(shape).or_default() += count;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let shapes = shapes.into_inner();
    println!("{shapes:#?}");
    for shape in SHAPES {
        let count = shapes.get(shape).copied().unwrap_or(0);
        assert!(count >= 100, "{shape}: reached only {count} times");
    }
}
