//! A history of calls, on the shipped protocol and the naive oracle side by
//! side.

use std::collections::BTreeMap;
use std::time::Duration;

use closesocket::protocol::word::Word;
use closesocket::protocol::{ProcessId, Socket};

use crate::call::{Answer, Call, Key, Origin, Provider as _, Setup, SocketId, Through};
use crate::ledger::Ledger;
use crate::oracle::Oracle;
use crate::runner::Runner;
use crate::script::Intent;

/// The oracle and something else that make the same calls.
pub trait SideBySide {
    /// What differs or is left.
    type Difference;

    /// The oracle, which knows what there is.
    fn oracle(&self) -> &Oracle;

    /// Makes one call on both; what can be seen must be the same.
    ///
    /// # Errors
    /// What differs.
    fn call(&mut self, call: Call) -> Result<(), Self::Difference>;

    /// What a call that has entered and stands there does at the end.
    fn last_of(&self, entry: Key) -> Call {
        Call::Leave { entry }
    }

    /// Closes what is open, lets every process die and the environment do its
    /// part: nothing may be left after that.
    ///
    /// # Errors
    /// What differs.
    fn end_everything(&mut self, processes: u32) -> Result<(), Self::Difference> {
        self.call(Call::Network { up: true })?;
        for (process, descriptor) in self.oracle().open_descriptors() {
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
        for entry in self.oracle().entries() {
            self.call(self.last_of(entry))?;
        }
        for process in (0..processes).map(ProcessId) {
            self.call(Call::Die { process })?;
        }
        self.call(Call::Advance { by: Duration::MAX })?;
        for socket in (0..self.oracle().sockets()).map(SocketId) {
            let bytes = u32::MAX;
            self.call(Call::Transmit { socket, bytes })?;
            self.call(Call::Acknowledge { socket, bytes })?;
        }
        Ok(())
    }
}

/// The protocol and the oracle side by side.
pub struct Trial {
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

    fn fail<T>(&self, why: &str) -> Result<T, String> {
        let calls: Vec<String> = (0..)
            .zip(&self.calls)
            .map(|(index, call)| format!("{index:3} {call:?}"))
            .collect();
        Err(format!("{why}\n{:?}\n{}", self.setup, calls.join("\n")))
    }

    /// How often each shape was reached.
    #[must_use]
    pub fn shapes(&self) -> &BTreeMap<&'static str, u64> {
        self.oracle.shapes()
    }

    /// All that a close that fails must leave as it was (L3).
    fn state(&self) -> (Vec<Socket>, Vec<Word>) {
        (
            self.runner.machines().copied().collect(),
            self.runner.words().collect(),
        )
    }

    fn left_nothing(&self) -> Result<(), String> {
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

impl SideBySide for Trial {
    type Difference = String;

    fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    //= docs/specification.md#l3-a-failed-close-leaves-no-trace
    //# - A close that fails before its commit MUST leave the descriptor, its operations and its
    //# socket as they were.
    fn call(&mut self, call: Call) -> Result<(), String> {
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
}

/// Makes a history of calls on the shipped protocol and on the oracle, and then
/// ends everything: the answers must be the same, and nothing may be left.
///
/// # Errors
/// What differs or is left, with the calls that led there.
pub fn against_oracle(
    (setup, first_generation): (Setup, u32),
    intents: &[Intent],
) -> Result<Trial, String> {
    let mut trial = Trial::new(setup, first_generation);
    for intent in intents {
        let call = intent.call(&trial.oracle);
        trial.call(call)?;
    }
    trial.end_everything(setup.processes)?;
    trial.left_nothing()?;
    Ok(trial)
}
