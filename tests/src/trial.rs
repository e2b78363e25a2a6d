//! A history of calls, on the real engine and the naive oracle side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use closesocket::protocol::{Error, ProcessId};

use crate::call::{
    Answer, Call, Happening, Key, Origin, Outcome, Provider as _, Scope, Seen, Setup, SocketId,
    Through, Unread,
};
use crate::engine_runner::adapt::reaching;
use crate::engine_runner::{Engine, Workers, World};
use crate::ledger::Ledger;
use crate::oracle::Oracle;
use crate::script::Intent;

/// The settings of one provider.
pub type Settings = (Setup, Scope, Unread);

/// How often each shape was reached.
pub type Shapes = BTreeMap<&'static str, u64>;

/// Makes a history of calls on the engine and on the oracle, and then ends
/// everything: what can be seen must be the same, and nothing may be left.
/// Counts the shapes that were reached.
///
/// # Errors
/// What differs or is left, with the calls that led there.
pub fn against_oracle(
    settings: Settings,
    intents: &[Intent],
    workers: &Workers,
    shapes: &mut Shapes,
) -> Result<(), String> {
    let world = World::new(settings.0, settings.1, settings.2, workers);
    let mut trial = Trial::new(settings, &world);
    for (index, intent) in intents.iter().enumerate() {
        trial.follow(*intent, &intents[index + 1..])?;
    }
    trial.end_everything()?;
    trial.left_nothing()?;
    for (shape, count) in trial.shapes() {
        *shapes.entry(shape).or_default() += count;
    }
    Ok(())
}

/// The engine and the oracle side by side.
struct Trial<'a> {
    settings: Settings,
    engine: Engine<'a>,
    oracle: Oracle,
    ledger: Ledger,
    calls: Vec<Call>,
    /// What threads that have entered and stopped are going to do.
    plans: BTreeMap<Key, Call>,
    ended_by_others: u64,
}

fn is_posted_abort(happening: &Happening) -> bool {
    let aborted = Answer::refused(Error::OperationAborted);
    matches!(happening, Happening::Ended(_, Outcome::Posted(answer)) if *answer == aborted)
}

impl<'a> Trial<'a> {
    fn new(settings: Settings, world: &'a World) -> Self {
        Self {
            settings,
            engine: Engine::new(world),
            oracle: Oracle::new(settings.0),
            ledger: Ledger::default(),
            calls: Vec::new(),
            plans: BTreeMap::new(),
            ended_by_others: 0,
        }
    }

    fn fail<T>(&self, why: &str) -> Result<T, String> {
        let calls: Vec<String> = (0..)
            .zip(&self.calls)
            .map(|(index, call)| format!("{index:3} {call:?}"))
            .collect();
        let settings = self.settings;
        Err(format!("{why}\n{settings:?}\n{}", calls.join("\n")))
    }

    fn book(&mut self, call: &Call, seen: &Seen) -> Result<(), String> {
        match self.ledger.book(call, seen) {
            Ok(()) => Ok(()),
            Err(why) => self.fail(&why),
        }
    }

    /// Makes the call that this intent comes to, if it comes to any. A thread
    /// that is going to go on later has to know its call when it enters: the one
    /// of the next intent that lets a thread go on.
    fn follow(&mut self, intent: Intent, later: &[Intent]) -> Result<(), String> {
        let call = intent.call(&self.oracle);
        match (intent, call) {
            (
                Intent::Enter(_),
                Call::Enter {
                    process,
                    descriptor,
                },
            ) => {
                let ends = |it: &&Intent| matches!(it, Intent::GoOn(..) | Intent::Leave(_));
                if let Some(next @ Intent::GoOn(..)) = later.iter().find(ends) {
                    let plan = next.call(&self.oracle);
                    let plan = self.engine.adapt_plan(plan, process, descriptor);
                    self.plans.insert(Key(self.calls.len()), plan);
                    self.engine.plan(plan);
                }
                self.call(call)
            }
            (Intent::GoOn(pick, _), _) => match self.standing(true, pick) {
                Some(key) => {
                    let call = reaching(self.plans[&key], Through::Entered(key));
                    if self.engine.depends_on_a_reservation(&call) {
                        return Ok(());
                    }
                    self.call(call)
                }
                None => self.call(reaching(call, Through::Entered(Key(usize::MAX)))),
            },
            (Intent::Leave(pick), _) => {
                let entry = self.standing(false, pick).unwrap_or(Key(usize::MAX));
                self.call(Call::Leave { entry })
            }
            _ => match self.engine.adapt(call) {
                Some(call) => self.call(call),
                None => Ok(()),
            },
        }
    }

    /// One of those who have entered, with a plan or without.
    fn standing(&self, planned: bool, pick: u16) -> Option<Key> {
        let entries = self.oracle.entries();
        let of_kind: Vec<Key> = entries
            .into_iter()
            .filter(|it| self.plans.contains_key(it) == planned)
            .collect();
        let place = usize::from(pick) % of_kind.len().max(1);
        of_kind.get(place).copied()
    }

    /// Makes one call on both; what can be seen must be the same. To the oracle
    /// a process that ends has cancelled its waiting closes.
    fn call(&mut self, call: Call) -> Result<(), String> {
        let mut expected = Vec::new();
        for key in self.engine.waiting_closes(&call) {
            let cancel = Call::Cancel { call: key };
            self.calls.push(cancel);
            self.engine.skip();
            expected.extend(self.oracle.expect(&cancel, &[]).happenings);
            self.book(&cancel, &Seen::new(Answer::Done, Vec::new()))?;
        }
        self.calls.push(call);
        let seen = self.engine.call(&call);
        let of_call = self.oracle.expect(&call, &seen.opened());
        expected.extend(of_call.happenings);
        let expected = Seen::new(of_call.answer, expected);
        if seen != expected {
            return self.fail(&format!("seen:     {seen:?}\nexpected: {expected:?}"));
        }
        if let Some(why) = self.engine.failure() {
            return self.fail(why);
        }
        let ends = matches!(call, Call::Die { .. } | Call::Cleanup { .. });
        if ends && seen.happenings.iter().any(is_posted_abort) {
            self.ended_by_others += 1;
        }
        self.book(&call, &seen)
    }

    /// What a call that has entered and stands there does at the end.
    fn last_of(&self, entry: Key) -> Call {
        match self.plans.get(&entry) {
            Some(plan) => reaching(*plan, Through::Entered(entry)),
            None => Call::Leave { entry },
        }
    }

    /// Closes what is open, lets every process die and the environment do its
    /// part: nothing may be left after that.
    fn end_everything(&mut self) -> Result<(), String> {
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
            self.call(self.last_of(entry))?;
        }
        for process in (0..self.settings.0.processes).map(ProcessId) {
            self.call(Call::Die { process })?;
        }
        self.call(Call::Advance { by: Duration::MAX })?;
        for socket in (0..self.oracle.sockets()).map(SocketId) {
            let bytes = u32::MAX;
            self.call(Call::Transmit { socket, bytes })?;
            self.call(Call::Acknowledge { socket, bytes })?;
        }
        Ok(())
    }

    fn left_nothing(&self) -> Result<(), String> {
        let mut left = self.oracle.left_over();
        left.extend(self.engine.left_over());
        if !left.is_empty() {
            return self.fail(&format!("left over: {left:?}"));
        }
        match self.ledger.finish(self.settings.0.non_ifs) {
            Ok(()) => Ok(()),
            Err(why) => self.fail(&why),
        }
    }

    fn shapes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let all = self.oracle.shapes().iter().chain(self.engine.shapes());
        all.map(|(shape, count)| (*shape, *count))
            .chain([("operation ended by another process", self.ended_by_others)])
    }
}
