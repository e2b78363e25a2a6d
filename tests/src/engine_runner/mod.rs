//! The real engine behind the interface of the oracle: one call after the other,
//! though calls that block do block, each on a thread of its own.
//!
//! Every answer comes from the public interface and every happening from where
//! its receiver sees it: completions from their event, queue or routine, results
//! of blocked calls from their threads, FIN and resets from the endpoint, the
//! release from its drop, handles from the upcall. The probe only says which
//! call an operation belongs to, that one ended silently, and when a thread that
//! was woken has to be waited for.
//!
//! Where the engine is built otherwise than the oracle, something is mapped.
//! What is made of a *call* before both get it is in `adapt`. Of the *engine*:
//!
//! * An overlapped operation that ends at once is posted nevertheless; its
//!   result is given as the call's answer, as the oracle does.
//! * [`Call::Enter`] stops a thread at the probe of a real call, after it was
//!   counted in and before it does anything, so that what it does once the
//!   descriptor is closed is the engine's own doing (O1a). For that the call has
//!   to be known ([`Engine::plan`]); without one it is
//!   [`Process::begin`](closesocket::engine::Process::begin).
//! * A close from a callback runs in a completion routine of another provider.
//! * The engine learns of a reset when it next touches the endpoint. It is made to
//!   at once, through some open descriptor.
//! * A process that ends interrupts its waiting closes, which the oracle leaves
//!   waiting. To the oracle they are cancelled first ([`Engine::waiting_closes`]).
//!
//! State and dispatch here, calls through a descriptor in `calls`, waiting
//! until everybody is at rest in `settle`, the script's side in
//! `environment`; the engine runs over `network` and `observer`.

pub mod adapt;
mod calls;
mod environment;
mod network;
mod observer;
mod settle;
mod workers;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use closesocket::engine::completions::{
    AlertableThread, Completion, CompletionQueue, OperationId, Overlapped,
};
use closesocket::engine::sync::Std;
use closesocket::engine::{
    Admission, Config, Descriptor, Error, Process, ProcessId, Provider, Record,
    SocketId as EngineSocket,
};
use closesocket::protocol::{AbortScope, HandleKind, OperationKind, UnreadInput, Waiting};

use crate::call::{self, Answer, Call, Happening, Key, Scope, Seen, Setup, Unread};
use network::Network;
use observer::{HandClock, Handles, Observer};
use workers::{News, Returned};

pub use workers::Workers;

/// What the engine is built on here.
pub type System = (Network, Std, HandClock, Observer);

/// What was seen outside the engine, in the order of time.
type Notes = Arc<Mutex<Vec<Happening>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A provider under test with its surroundings.
pub struct World {
    setup: Setup,
    scope: Scope,
    unread: Unread,
    provider: Provider<System>,
    processes: Vec<Process<System>>,
    network: Network,
    clock: HandClock,
    observer: Observer,
    upcalls_fail: Arc<AtomicBool>,
    notes: Notes,
    workers: Workers,
}

impl World {
    /// A provider with processes that have not started.
    #[must_use]
    pub fn new(setup: Setup, scope: Scope, unread: Unread, workers: &Workers) -> Self {
        let notes = Notes::default();
        let network = Network::new(Arc::clone(&notes));
        let (clock, observer) = (HandClock::default(), Observer::default());
        let upcalls_fail = Arc::new(AtomicBool::new(false));
        let config = Config {
            window: setup.window,
            abort_scope: match scope {
                Scope::Descriptor => AbortScope::Descriptor,
                Scope::LastReference => AbortScope::LastReference,
            },
            unread_input: match unread {
                Unread::Discard => UnreadInput::Discard,
                Unread::Reset => UnreadInput::Reset,
            },
            drain_limit: setup.drain_limit,
            handle_kind: if setup.non_ifs {
                HandleKind::NonIfs
            } else {
                HandleKind::Ifs
            },
            descriptor_limit: u32::try_from(setup.slots).unwrap_or(u32::MAX),
            free_list_shards: 2,
            first_segment_log2: 1,
        };
        let handles = Handles {
            fail: Arc::clone(&upcalls_fail),
            notes: Arc::clone(&notes),
        };
        let provider = Provider::new(
            config,
            network.clone(),
            clock.clone(),
            observer.clone(),
            handles,
        );
        Self {
            setup,
            scope,
            unread,
            processes: (0..setup.processes).map(|_| provider.process()).collect(),
            provider,
            network,
            clock,
            observer,
            upcalls_fail,
            notes,
            workers: workers.clone(),
        }
    }
}

/// Where a call on a thread of its own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// On its way to its gate.
    Entering,
    /// At its gate.
    Standing,
    /// Past it: at work or blocked.
    Running,
}

/// A call on a thread of its own.
struct Job {
    process: ProcessId,
    stage: Stage,
    gate: Option<Sender<()>>,
    thread: u64,
    is_close: bool,
    /// The socket whose drain its close waits for.
    drain: Option<EngineSocket>,
    /// Whatever it is blocked in is over: it is about to return.
    due: bool,
}

/// An overlapped operation as its issuer knows it.
struct Issued {
    length: usize,
    /// Its event, if it reports to one.
    event: Option<Overlapped>,
}

/// A registered operation as the probe tells it.
struct Registered {
    /// The number of its call.
    id: u64,
    process: ProcessId,
    waiting: Waiting,
}

/// How a call goes on after it was made.
enum Begun {
    Answered(Answer),
    /// On a thread of its own.
    Job(u64),
    /// Started and to be posted.
    Overlapped(u64),
}

/// Drives the engine and tells what is seen. Things are numbered by the call
/// they came from.
pub struct Engine<'a> {
    world: &'a World,
    calls: usize,
    /// Whose startups are unmatched, and who is dead.
    startups: Vec<u32>,
    dead: Vec<bool>,
    network_up: bool,
    records: Arc<Mutex<Vec<Record>>>,
    plan: Option<Call>,
    admissions: BTreeMap<u64, Admission<'a, System>>,
    jobs: BTreeMap<u64, Job>,
    /// Which call each thread is at.
    threads: BTreeMap<u64, u64>,
    tell: Sender<News>,
    news: Receiver<News>,
    /// Calls that went on later than they were numbered.
    names: BTreeMap<u64, Key>,
    kinds: BTreeMap<u64, OperationKind>,
    issued: BTreeMap<u64, Issued>,
    queue: CompletionQueue,
    alertable: AlertableThread,
    ran: Arc<Mutex<Vec<Completion>>>,
    pending: BTreeMap<OperationId, Registered>,
    open: BTreeMap<(u32, u64), EngineSocket>,
    /// Seen during this call.
    returned: BTreeMap<u64, (bool, Returned)>,
    posted: Vec<(u64, Answer)>,
    silent: Vec<u64>,
    kept_handles: Vec<ProcessId>,
    failure: Option<String>,
    shapes: BTreeMap<&'static str, u64>,
}

impl<'a> Engine<'a> {
    /// A driver of this world, of which nothing was asked yet.
    #[must_use]
    pub fn new(world: &'a World) -> Self {
        let (tell, news) = channel();
        Self {
            world,
            calls: 0,
            startups: vec![0; world.processes.len()],
            dead: vec![false; world.processes.len()],
            network_up: true,
            records: Arc::default(),
            plan: None,
            admissions: BTreeMap::new(),
            jobs: BTreeMap::new(),
            threads: BTreeMap::new(),
            tell,
            news,
            names: BTreeMap::new(),
            kinds: BTreeMap::new(),
            issued: BTreeMap::new(),
            queue: CompletionQueue::new(),
            alertable: AlertableThread::new(),
            ran: Arc::default(),
            pending: BTreeMap::new(),
            open: BTreeMap::new(),
            returned: BTreeMap::new(),
            posted: Vec::new(),
            silent: Vec::new(),
            kept_handles: Vec::new(),
            failure: None,
            shapes: BTreeMap::new(),
        }
    }

    /// What the next [`Call::Enter`] is going to do past its gate.
    pub fn plan(&mut self, call: Call) {
        self.plan = Some(call);
    }

    /// Something that went wrong and no [`Seen`] can tell, if there is.
    #[must_use]
    pub const fn failure(&self) -> Option<&String> {
        self.failure.as_ref()
    }

    /// How often each shape of interest was reached.
    #[must_use]
    pub const fn shapes(&self) -> &BTreeMap<&'static str, u64> {
        &self.shapes
    }

    fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }

    fn reached(&mut self, shape: &'static str) {
        *self.shapes.entry(shape).or_default() += 1;
    }

    fn id(&self) -> u64 {
        self.calls as u64
    }

    fn name(&self, id: u64) -> Key {
        let own = Key(usize::try_from(id).unwrap_or(usize::MAX));
        self.names.get(&id).copied().unwrap_or(own)
    }

    /// A process that is not there has never called startup.
    fn process(&self, process: ProcessId) -> Result<&'a Process<System>, Error> {
        let index = usize::try_from(process.0).unwrap_or(usize::MAX);
        self.world.processes.get(index).ok_or(Error::NotInitialised)
    }

    /// The socket of an open descriptor.
    fn socket_of(&self, process: ProcessId, descriptor: Descriptor) -> Option<EngineSocket> {
        self.open.get(&(process.0, descriptor.raw())).copied()
    }

    /// The number of the socket that the engine calls so.
    fn number_of(&self, socket: EngineSocket) -> Option<call::SocketId> {
        let token = closesocket::engine::net::Token(socket.0);
        self.world.network.find(token)
    }

    fn begin(&mut self, call: &Call) -> Result<Begun, Error> {
        let done = Begun::Answered(Answer::Done);
        match *call {
            Call::Startup { process } => {
                self.process(process)?.startup()?;
                self.startups[process.0 as usize] += 1;
                Ok(done)
            }
            Call::Cleanup { process } => {
                self.process(process)?.cleanup()?;
                self.startups[process.0 as usize] -= 1;
                if self.startups[process.0 as usize] == 0 {
                    self.closes_are_due(process);
                }
                Ok(done)
            }
            Call::Die { process } => {
                // Death can come twice, and is nothing the second time.
                self.process(process)?.die();
                if std::mem::replace(&mut self.dead[process.0 as usize], true) {
                    return Err(Error::NotInitialised);
                }
                self.startups[process.0 as usize] = 0;
                self.closes_are_due(process);
                Ok(done)
            }
            Call::Socket { process, .. } => {
                let opened = self.process(process)?.socket()?;
                Ok(Begun::Answered(Answer::Opened(opened)))
            }
            Call::Enter {
                process,
                descriptor,
            } => self.enter(process, descriptor),
            Call::Leave { entry } => match self.admissions.remove(&(entry.0 as u64)) {
                Some(_) => Ok(done),
                None => Err(Error::InvalidArgument),
            },
            Call::Redeem { process, record } => {
                let process = self.process(process)?;
                let record = lock(&self.records).get(record.0).copied();
                let opened = process.redeem(record.ok_or(Error::InvalidArgument)?)?;
                Ok(Begun::Answered(Answer::Opened(opened)))
            }
            Call::Close {
                process,
                descriptor,
                from,
            } => self.close(process, descriptor, from),
            Call::Cancel { call } => self.cancel(call),
            ref call => match adapt::through(*call) {
                Some(through) => self.through(call, through),
                None => Ok(Begun::Answered(self.environment(call))),
            },
        }
    }
}

impl call::Provider for Engine<'_> {
    fn call(&mut self, call: &Call) -> Seen {
        let begun = self
            .begin(call)
            .unwrap_or_else(|error| Begun::Answered(Answer::refused(error)));
        self.plan = None;
        self.settle();
        let answer = self.answer(&begun);
        let happenings = self.happenings();
        self.calls += 1;
        Seen::new(answer, happenings)
    }
}

impl Drop for Engine<'_> {
    /// Lets every thread go, also those of a trial that failed.
    fn drop(&mut self) {
        self.jobs.clear();
        self.admissions.clear();
        for process in &self.world.processes {
            process.die();
        }
    }
}
