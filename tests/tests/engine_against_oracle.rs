//! The real engine, under one thread of calls, answers every random history as
//! the naive oracle says, and leaves nothing behind. How the two are brought
//! together, and what is mapped, is said in
//! [`engine_runner`](closesocket_tests::engine_runner).

use std::cell::RefCell;
use std::collections::BTreeMap;

use closesocket::protocol::Error;
use closesocket_tests::call::{
    Answer, Call, Happening, Key, Origin, Outcome, Provider, Scope, Seen, Setup, Through, Unread,
    Wait,
};
use closesocket_tests::engine_runner::adapt::reaching;
use closesocket_tests::engine_runner::{Engine, Workers, World};
use closesocket_tests::ledger::Ledger;
use closesocket_tests::oracle::Oracle;
use closesocket_tests::script::{Action, Intent, Who, histories, setups};
use closesocket_tests::trial::SideBySide;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const HISTORIES: u32 = 8_000;

/// The settings of one provider.
type Settings = (Setup, Scope, Unread);

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

    fn fail<T>(&self, why: &str) -> Result<T, TestCaseError> {
        let calls: Vec<String> = (0..)
            .zip(&self.calls)
            .map(|(index, call)| format!("{index:3} {call:?}"))
            .collect();
        Err(TestCaseError::fail(format!(
            "{why}\n{:?}\n{}",
            self.settings,
            calls.join("\n")
        )))
    }

    fn book(&mut self, call: &Call, seen: &Seen) -> Result<(), TestCaseError> {
        match self.ledger.book(call, seen) {
            Ok(()) => Ok(()),
            Err(why) => self.fail(&why),
        }
    }

    /// Makes the call that this intent comes to, if it comes to any. A thread
    /// that is going to go on later has to know its call when it enters: the one
    /// of the next intent that lets a thread go on.
    fn follow(&mut self, intent: Intent, later: &[Intent]) -> Result<(), TestCaseError> {
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

    fn left_nothing(&self) -> Result<(), TestCaseError> {
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

impl SideBySide for Trial<'_> {
    type Difference = TestCaseError;

    fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// Makes one call on both; what can be seen must be the same. To the oracle
    /// a process that ends has cancelled its waiting closes.
    fn call(&mut self, call: Call) -> Result<(), TestCaseError> {
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

    fn last_of(&self, entry: Key) -> Call {
        match self.plans.get(&entry) {
            Some(plan) => reaching(*plan, Through::Entered(entry)),
            None => Call::Leave { entry },
        }
    }
}

fn run(
    settings: Settings,
    intents: &[Intent],
    workers: &Workers,
    shapes: &RefCell<BTreeMap<&'static str, u64>>,
) -> Result<(), TestCaseError> {
    let world = World::new(settings.0, settings.1, settings.2, workers);
    let mut trial = Trial::new(settings, &world);
    for (index, intent) in intents.iter().enumerate() {
        trial.follow(*intent, &intents[index + 1..])?;
    }
    trial.end_everything(settings.0.processes)?;
    trial.left_nothing()?;
    for (shape, count) in trial.shapes() {
        *shapes.borrow_mut().entry(shape).or_default() += count;
    }
    Ok(())
}

/// Every setting of a provider. Generations start where the engine starts them.
/// A window of 0 is left out: a send that waits with nothing queued gives the
/// engine nothing by which to notice a reset.
fn settings() -> impl Strategy<Value = Settings> {
    let scope = prop_oneof![Just(Scope::Descriptor), Just(Scope::LastReference)];
    let unread = prop_oneof![Just(Unread::Discard), Just(Unread::Reset)];
    (setups(), scope, unread).prop_map(|((setup, _), scope, unread)| {
        let window = setup.window.max(1);
        (Setup { window, ..setup }, scope, unread)
    })
}

/// Under the scope of the last reference: the operation outlives its descriptor
/// and is aborted when another process ends. It is told of a close, not of the
/// other's end.
fn ended_by_another_process() -> impl Strategy<Value = Vec<Intent>> {
    let wait = prop_oneof![3 => Just(Wait::Overlapped), 1 => Just(Wait::Blocked)];
    (wait, any::<bool>()).prop_map(|(wait, dies)| {
        vec![
            Intent::Startup(0),
            Intent::Startup(1),
            Intent::Socket(0, Scope::LastReference, Unread::Discard),
            Intent::Do(Who::Newest, Action::Connect(true, wait)),
            Intent::Do(Who::Newest, Action::Duplicate(1)),
            Intent::Redeem(0, None),
            Intent::Do(Who::Newest, Action::Recv(9, wait)),
            Intent::Close(Who::Newest, Origin::Thread),
            if dies {
                Intent::Die(0)
            } else {
                Intent::Cleanup(0)
            },
        ]
    })
}

fn all_histories() -> impl Strategy<Value = Vec<Intent>> {
    let begun = (ended_by_another_process(), histories());
    let begun = begun.prop_map(|(first, then)| first.into_iter().chain(then).collect());
    prop_oneof![15 => histories(), 1 => begun]
}

/// Shapes that a generator worth its time reaches often.
const SHAPES: [&str; 37] = [
    "backlog reset",
    "close from a callback",
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
    "operation cancelled",
    "partly accepted send cancelled",
    "lingering close interrupted by the end of its process",
    "lingering wait",
    "never issued value",
    "operation ended by another process",
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
    "stale value of a reused slot",
    "table full",
    "would block",
];

#[test]
fn every_history_of_calls_is_answered_by_the_engine_as_the_oracle_says() {
    let config = Config {
        cases: HISTORIES,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        // A thread that hangs costs every try its patience.
        max_shrink_time: 30_000,
        ..Config::default()
    };
    let shapes = RefCell::new(BTreeMap::new());
    let workers = Workers::default();
    let result = TestRunner::new(config)
        .run(&(settings(), all_histories()), |(settings, intents)| {
            run(settings, &intents, &workers, &shapes)
        });
    if let Err(error) = result {
        panic!("{error}");
    }
    let shapes = shapes.into_inner();
    println!("{shapes:#?}");
    for shape in SHAPES {
        let count = shapes.get(shape).copied().unwrap_or(0);
        assert!(count >= 30, "{shape}: reached only {count} times");
    }
}
