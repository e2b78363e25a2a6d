//! The engine's synchronization primitives with a schedule: before each atomic
//! instruction and each critical section they ask whether it begins a step of the
//! model, and wait for the baton if it does.
//!
//! Which do not begin one, and why:
//! - a word other than a descriptor's and a process's (counters, free lists, the
//!   socket and the cause in a slot, the mark of a waiter): the model has what they
//!   hold in the step that follows or the one before;
//! - a lock other than a socket's, a queue's and that of a blocked thread's answer:
//!   it guards a list that the model does not have;
//! - a load of a descriptor's word with the socket's lock: it belongs to the section,
//!   whose step loads it;
//! - an addition of a whole phase: it opens, in the section that does so, or
//!   recycles, behind the load that judges that.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use closesocket::engine::observe::machine_under;
use closesocket::engine::sync::{Monitor, Primitives, Std, Word};
use closesocket::protocol::word;

use super::scripted::{ManualClock, Scripted, SharedLooks, Watcher, locked};
use super::seat::{self, At, Gate, Seat, Within};

/// What the engine is built on here.
pub(crate) type Tested = (Scripted, Forced, ManualClock, Watcher);

thread_local! {
    static LOOKS: RefCell<Option<SharedLooks>> = const { RefCell::new(None) };
}

/// From now on what this thread does is seen here.
pub(crate) fn look_at(looks: &SharedLooks) {
    LOOKS.set(Some(Arc::clone(looks)));
}

pub(crate) struct Forced;

impl Primitives for Forced {
    type Word = ForcedWord;
    type Monitor<T: Send + 'static> = ForcedMonitor<T>;

    /// A number for each thread, and below it the free list that it is to use: so
    /// the conductor says which slot is taken next.
    fn current_thread() -> u64 {
        if seat::within().reserves {
            seat::change(|it| it.reserves = false);
            seat::gate(Gate::Reserve);
        }
        match seat::own() {
            Some(seat) => number_of(seat.index) + seat.shard.load(Ordering::Acquire),
            None => SHARD_OF_THE_CONDUCTOR.get(),
        }
    }

    fn note_transport_call(begins: bool) {
        Std::note_transport_call(begins);
    }

    fn in_transport_call() -> bool {
        Std::in_transport_call()
    }
}

/// The number of a thread, as a cancel names it.
pub(crate) fn number_of(thread: usize) -> u64 {
    (thread as u64 + 1) << 8
}

thread_local! {
    static SHARD_OF_THE_CONDUCTOR: Cell<u64> = const { Cell::new(0) };
}

/// The free list that the conductor uses.
pub(crate) fn use_shard(shard: u64) {
    SHARD_OF_THE_CONDUCTOR.set(shard);
}

/// Whose word it is.
#[derive(Clone, Copy)]
enum Role {
    Descriptor(usize),
    Process,
    Other,
}

/// The word of a process begins as 1: it is stopped, and in no life.
const OF_A_PROCESS: u64 = 1;

pub(crate) struct ForcedWord {
    value: Arc<AtomicU64>,
    role: Role,
}

impl Word for ForcedWord {
    fn new(value: u64) -> Self {
        let word = Arc::new(AtomicU64::new(value));
        let mut role = Role::Other;
        if value == word::Word::unused().bits() {
            LOOKS.with_borrow(|looks| {
                if let Some(looks) = looks {
                    let words = &mut locked(looks).words;
                    role = Role::Descriptor(words.len());
                    words.push(Arc::clone(&word));
                }
            });
        } else if value == OF_A_PROCESS {
            role = Role::Process;
        }
        Self { value: word, role }
    }

    fn load(&self, ordering: Ordering) -> u64 {
        let Within {
            sections,
            opened,
            looked,
            ..
        } = seat::within();
        match self.role {
            // The look of a close that an opener makes belongs to its look at the
            // process.
            Role::Descriptor(_) if looked => seat::change(|it| it.looked = false),
            Role::Descriptor(word) if sections == 0 => seat::gate(Gate::Load { word }),
            Role::Process if opened && sections == 0 => {
                seat::gate(Gate::LookAtProcess);
                seat::change(|it| (it.opened, it.looked) = (false, true));
            }
            _ => {}
        }
        self.value.load(ordering)
    }

    fn store(&self, value: u64, ordering: Ordering) {
        self.value.store(value, ordering);
    }

    fn fetch_add(&self, amount: u64, ordering: Ordering) -> u64 {
        if let Role::Descriptor(word) = self.role {
            let within = seat::within();
            if amount == word::STEP {
                seat::change(|it| it.opened |= it.sections > 0);
            } else if amount > 0 && within.looked {
                // What an opener enters for is no call of its own.
                seat::change(|it| (it.looked, it.folded) = (false, true));
            } else if amount > 0 {
                let holders = amount;
                seat::gate(Gate::Enter { word, holders });
            }
        }
        self.value.fetch_add(amount, ordering)
    }

    fn fetch_sub(&self, amount: u64, ordering: Ordering) -> u64 {
        if let Role::Descriptor(word) = self.role {
            let holders = amount;
            // It does not close what it has opened.
            seat::change(|it| it.looked = false);
            seat::gate(Gate::Leave { word, holders });
        }
        self.value.fetch_sub(amount, ordering)
    }

    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        if let Role::Descriptor(word) = self.role {
            seat::gate(Gate::Swap { word });
        }
        self.value
            .compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// What lies under a lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Socket,
    Queue,
    Answer,
    Startups,
    Index,
    Other,
}

pub(crate) struct ForcedMonitor<T> {
    value: Mutex<T>,
    kind: Kind,
    /// Who has made it: of an answer, the thread that waits for it.
    of: Option<usize>,
    asleep: Mutex<Vec<Arc<Seat>>>,
}

impl<T: Send + 'static> ForcedMonitor<T> {
    fn enter<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        loop {
            match self.value.try_lock() {
                Ok(mut value) => return self.run(&mut value, section),
                Err(TryLockError::Poisoned(value)) => {
                    return self.run(&mut value.into_inner(), section);
                }
                Err(TryLockError::WouldBlock) => match seat::own() {
                    Some(seat) => seat.hand_back(At::Barred),
                    None => panic!("the conductor needs a lock that a thread at a gate has"),
                },
            }
        }
    }

    fn run<R>(&self, value: &mut T, section: impl FnOnce(&mut T) -> R) -> R {
        if self.kind != Kind::Socket {
            return section(value);
        }
        seat::change(|it| it.sections += 1);
        let result = section(value);
        seat::change(|it| it.sections -= 1);
        LOOKS.with_borrow(|looks| {
            if let (Some(looks), Some((id, machine))) = (looks, machine_under::<Tested>(value)) {
                locked(looks).machines.insert(id, machine);
            }
        });
        result
    }
}

impl<T: Send + 'static> Monitor<T> for ForcedMonitor<T> {
    fn new(value: T) -> Self {
        let name = type_name::<T>();
        let kind = [
            ("closesocket::engine::socket::SocketState<", Kind::Socket),
            ("closesocket::engine::line::Waiting<", Kind::Queue),
            ("closesocket::engine::operation::Place", Kind::Answer),
            ("closesocket::protocol::startup::Startups", Kind::Startups),
            (
                "alloc::collections::btree::map::BTreeMap<closesocket::engine::SocketId, ",
                Kind::Index,
            ),
        ];
        let kind = kind.iter().find(|it| name.starts_with(it.0));
        Self {
            value: Mutex::new(value),
            kind: kind.map_or(Kind::Other, |it| it.1),
            of: seat::own_index(),
            asleep: Mutex::default(),
        }
    }

    fn lock<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        let sections = seat::within().sections;
        match (self.kind, self.of) {
            (Kind::Socket, _) if sections == 0 => seat::gate(Gate::Section),
            (Kind::Queue, _) if sections > 0 => seat::gate(Gate::Queue),
            (Kind::Startups, _) => seat::gate(Gate::Startups),
            (Kind::Index, _) if sections == 0 => seat::gate(Gate::Index),
            (Kind::Answer, Some(of)) if seat::own_index() != Some(of) => {
                seat::gate(Gate::Answer { of });
            }
            _ => {}
        }
        self.enter(section)
    }

    /// A limit does not pass here: the deadline of a drain does when the conductor
    /// lets it, for whoever looks.
    fn wait<R>(
        &self,
        limit: Option<Duration>,
        mut section: impl FnMut(&mut T) -> Option<R>,
    ) -> Option<R> {
        loop {
            if let Some(result) = self.enter(&mut section) {
                return Some(result);
            }
            let seat = seat::own().filter(|_| limit != Some(Duration::ZERO))?;
            locked(&self.asleep).push(Arc::clone(&seat));
            let at_socket = self.kind == Kind::Socket;
            seat.hand_back(At::Asleep { at_socket });
            seat::change(|it| it.opened |= it.accepts);
            locked(&self.asleep).retain(|it| !Arc::ptr_eq(it, &seat));
        }
    }

    fn notify(&self) {
        for seat in locked(&self.asleep).iter() {
            seat.notify();
        }
    }
}
