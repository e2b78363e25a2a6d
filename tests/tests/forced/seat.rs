//! One baton: of the threads of a world one runs at a time, from one gate to the
//! next, and the conductor says which. Nobody sleeps for a time, and nothing is
//! timed: whoever has not got the baton is parked until it comes.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// An instruction or a section of the engine that a step of the model begins with.
/// A thread comes to a gate before it takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// A load of a descriptor's word under no lock.
    Load { word: usize },
    /// An entry.
    Enter { word: usize, holders: u64 },
    /// The end of holds.
    Leave { word: usize, holders: u64 },
    /// A compare-and-swap of a descriptor's word.
    Swap { word: usize },
    /// The lock of a socket.
    Section,
    /// A result is put into its queue, under the lock of its socket.
    Queue,
    /// This thread, which is blocked, gets its answer.
    Answer { of: usize },
    /// A slot is taken off the free list.
    Reserve,
    /// An opener looks whether its process goes on.
    LookAtProcess,
    /// The handle upcall.
    Upcall,
    /// A startup is counted, or a process is stopped.
    Startups,
    /// The end of a life looks what is left on which socket.
    Index,
}

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// In no call.
    Idle,
    /// At a gate; inside: with the lock of a socket.
    Gate { gate: Gate, inside: bool },
    /// Asleep until somebody notifies it: at a socket, or for an answer.
    Asleep { at_socket: bool },
    /// It wanted a lock that a thread at a gate has.
    Barred,
    /// Its call has panicked.
    Panicked,
}

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// A thread of the world, which lives from one world to the next.
pub(crate) struct Seat {
    pub(crate) index: usize,
    conductor: Thread,
    /// It has the baton.
    runs: AtomicBool,
    /// It was notified in its sleep.
    notified: AtomicBool,
    /// The free list that it takes from and gives back to.
    pub(crate) shard: AtomicU64,
    place: Mutex<(At, Option<Job>)>,
}

/// What the present thread is in, which says what the next instruction stands for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Within {
    /// Locks of sockets that it has.
    pub(crate) sections: u32,
    /// It is about to reserve a slot.
    pub(crate) reserves: bool,
    /// Whoever answers it has opened a descriptor for it.
    pub(crate) accepts: bool,
    /// It has opened a descriptor and not yet looked at its process.
    pub(crate) opened: bool,
    /// It has, and goes on to close or to return.
    pub(crate) looked: bool,
    /// The rest of its call belongs to the step that it is in.
    pub(crate) folded: bool,
}

thread_local! {
    static SEAT: RefCell<Option<Arc<Seat>>> = const { RefCell::new(None) };
    static WITHIN: Cell<Within> = const { Cell::new(Within {
        sections: 0, reserves: false, accepts: false, opened: false, looked: false, folded: false,
    }) };
}

/// The seat of the calling thread; none if it is the conductor.
pub(crate) fn own() -> Option<Arc<Seat>> {
    SEAT.with_borrow(Clone::clone)
}

pub(crate) fn own_index() -> Option<usize> {
    SEAT.with_borrow(|it| it.as_ref().map(|it| it.index))
}

pub(crate) fn within() -> Within {
    WITHIN.get()
}

pub(crate) fn change(change: impl FnOnce(&mut Within)) {
    let mut within = WITHIN.get();
    change(&mut within);
    WITHIN.set(within);
}

/// The calling thread has come to a gate, and waits until it may pass. The
/// conductor passes all.
pub(crate) fn gate(gate: Gate) {
    let Within {
        sections, folded, ..
    } = within();
    if !folded && let Some(seat) = own() {
        let inside = sections > 0;
        seat.hand_back(At::Gate { gate, inside });
    }
}

impl Seat {
    /// A new thread of this conductor, in no call.
    pub(crate) fn new(index: usize) -> Arc<Self> {
        Arc::new(Self {
            index,
            conductor: thread::current(),
            runs: AtomicBool::new(false),
            notified: AtomicBool::new(false),
            shard: AtomicU64::new(0),
            place: Mutex::new((At::Idle, None)),
        })
    }

    /// Makes calls as they come, until it is sent home.
    pub(crate) fn serve(self: &Arc<Self>) {
        SEAT.set(Some(Arc::clone(self)));
        self.wait_for_the_baton();
        loop {
            WITHIN.set(Within::default());
            let Some(job) = self.place().1.take() else {
                return;
            };
            let at = match catch_unwind(AssertUnwindSafe(job)) {
                Err(_) => At::Panicked,
                Ok(()) => At::Idle,
            };
            self.hand_back(at);
        }
    }

    fn place(&self) -> MutexGuard<'_, (At, Option<Job>)> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is. To be asked by who has the baton.
    pub(crate) fn at(&self) -> At {
        self.place().0
    }

    /// Whether it was notified in its sleep.
    pub(crate) fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Acquire)
    }

    pub(crate) fn notify(&self) {
        self.notified.store(true, Ordering::Release);
    }

    /// Gives the baton back, and waits for it.
    pub(crate) fn hand_back(&self, at: At) {
        self.place().0 = at;
        self.runs.store(false, Ordering::Release);
        self.conductor.unpark();
        self.wait_for_the_baton();
    }

    fn wait_for_the_baton(&self) {
        while !self.runs.load(Ordering::Acquire) {
            thread::park();
        }
    }

    /// Begins a call: it goes to its first gate.
    pub(crate) fn begin(&self, thread: &Thread, job: Job) {
        self.place().1 = Some(job);
        self.release(thread);
    }

    /// Ends its thread, if it is in no call.
    pub(crate) fn send_home(&self, thread: &Thread) {
        if self.at() == At::Idle {
            self.runs.store(true, Ordering::Release);
            thread.unpark();
        }
    }

    /// Lets it pass its gate, or wake up, and go to the next one.
    pub(crate) fn release(&self, thread: &Thread) {
        self.notified.store(false, Ordering::Release);
        self.runs.store(true, Ordering::Release);
        thread.unpark();
        while self.runs.load(Ordering::Acquire) {
            thread::park();
        }
    }
}
