//! Who polls: the transport's own thread, or one that waits for completions.

use std::time::Duration;

use super::primitives::{Monitor, Primitives};

/// What a thread that waits for completions polls with by itself, so that what it
/// waits for takes no way over a thread of the transport's.
///
/// One thread polls at a time: it *leads*. Others that wait sleep meanwhile, and
/// whoever posts a completion to a leader's queue calls it.
pub trait Poller: Send + Sync {
    /// Leads, if nobody polls now: looks, then waits for events and reports them
    /// to [`Events`](super::net::Events), and so on, until a look has found something
    /// or the limit has passed. A look comes before each wait, and what happens
    /// behind it, an event or a [`Poller::call`], must end that wait. It waits at
    /// least once, however little is left of the limit: nobody else polls while
    /// threads lead again and again. The calling thread holds no lock.
    ///
    /// # Errors
    /// What is left of the limit, if another thread polls or events are reported
    /// no more: the caller sleeps then, until [`Poller::expect`] is called for it.
    fn lead(
        &self,
        limit: Option<Duration>,
        look: &mut dyn FnMut() -> bool,
    ) -> Result<(), Option<Duration>>;

    /// Ends the wait of who leads. Any thread calls it, holding no lock.
    fn call(&self);

    /// So many threads that another leads for sleep no more, and may lead soon. Any
    /// thread calls it, holding no lock.
    fn expect(&self, risen: usize);
}

/// What passes between a transport's own thread and those that lead: who has it
/// polls, and nobody else does.
///
/// Who leads takes it where it lies, and puts it down behind what it has found.
/// The transport's own thread keeps it while others sleep that would lead, puts it
/// down for the last of them to be woken, and takes it back when nobody has led
/// for a while: it does not take turns with who leads often, which would cost a
/// switch of threads each time. If somebody else sleeps when who leads puts it
/// down, it takes it at once. Who has it holds no lock.
#[derive(Debug)]
pub struct Baton<P: Primitives, T: Send + 'static>(P::Monitor<Desk<T>>);

/// Where it lies.
#[derive(Debug)]
struct Desk<T> {
    lying: Option<T>,
    /// How many times somebody has begun to lead.
    turns: u64,
    /// How many sleep that would have led.
    sleepers: usize,
    /// Somebody was woken, and may lead.
    expected: bool,
    /// The transport's own thread is to take it at once.
    needed: bool,
    /// The transport's own thread sleeps until it is put down.
    dormant: bool,
    /// Nobody is to have it any more.
    ended: bool,
}

/// Who has it; puts it down when dropped.
struct Holder<'a, P: Primitives, T: Send + 'static> {
    held: Option<T>,
    baton: &'a Baton<P, T>,
}

impl<P: Primitives, T: Send + 'static> Baton<P, T> {
    /// It lies there.
    #[must_use]
    pub fn new(it: T) -> Self {
        Self(Monitor::new(Desk {
            lying: Some(it),
            turns: 0,
            sleepers: 0,
            expected: false,
            needed: false,
            dormant: false,
            ended: false,
        }))
    }

    /// Leads, if nobody else has it; otherwise the caller counts as asleep.
    pub fn lead<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        let held = self.0.lock(|desk| {
            desk.expected = false;
            match desk.lying {
                Some(_) => desk.turns += 1,
                None => desk.sleepers += 1,
            }
            desk.lying.take()
        });
        self.hold(held?).held.as_mut().map(act)
    }

    /// So many sleep no more, and may lead soon.
    pub fn expect(&self, risen: usize) {
        self.0.lock(|desk| {
            desk.sleepers = desk.sleepers.saturating_sub(risen);
            desk.expected = true;
        });
    }

    /// Nobody is to have it any more, when who has it has put it down.
    pub fn end(&self) {
        let lying = self.0.lock(|desk| {
            desk.ended = true;
            desk.lying.take()
        });
        self.0.notify();
        drop(lying);
    }

    /// The whole life of the transport's own thread: acts again and again, except
    /// while others lead; takes it back when nobody has begun to lead for this
    /// long. Returns when `act` says false, or at the [`Baton::end`].
    pub fn keep(&self, patience: Duration, mut act: impl FnMut(&mut T) -> bool) {
        let mut taken = self.0.lock(|desk| desk.lying.take());
        loop {
            let Some(it) = taken.or_else(|| self.take_back(patience)) else {
                return;
            };
            let mut holder = self.hold(it);
            while holder.held.is_some() {
                if !holder.held.as_mut().is_some_and(&mut act) {
                    return self.end();
                }
                holder.make_way();
            }
            taken = None;
        }
    }

    const fn hold(&self, it: T) -> Holder<'_, P, T> {
        Holder {
            held: Some(it),
            baton: self,
        }
    }

    /// `None` if it has ended.
    fn take_back(&self, patience: Duration) -> Option<T> {
        let mut seen = None;
        loop {
            let (turns, taken, dormant) = self.0.lock(|desk| {
                let quiet = seen == Some(desk.turns);
                let takes = std::mem::take(&mut desk.needed) || quiet;
                let taken = if takes { desk.lying.take() } else { None };
                desk.expected &= taken.is_none();
                // Who leads now has done so for long, and wakes this thread then.
                desk.dormant = quiet && taken.is_none();
                (desk.turns, taken, desk.dormant)
            });
            if taken.is_some() {
                return taken;
            }
            let pause = (!dormant).then_some(patience);
            let ended = self.0.wait(pause, |desk| {
                let woken = desk.ended || desk.needed || (dormant && !desk.dormant);
                woken.then_some(desk.ended)
            });
            if ended == Some(true) {
                return None;
            }
            seen = (!dormant).then_some(turns);
        }
    }
}

impl<P: Primitives, T: Send + 'static> Holder<'_, P, T> {
    /// Puts it down for who is expected, if nobody sleeps. In one section with the
    /// question: who comes before it goes to sleep and is not expected any more.
    fn make_way(&mut self) {
        let held = self.held.take();
        self.held = self.baton.0.lock(|desk| {
            if !desk.expected || desk.sleepers > 0 || desk.ended {
                return held;
            }
            desk.expected = false;
            desk.lying = held;
            None
        });
    }
}

impl<P: Primitives, T: Send + 'static> Drop for Holder<'_, P, T> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let (ended, wake) = self.baton.0.lock(|desk| {
            if desk.ended {
                return (Some(held), false);
            }
            desk.lying = Some(held);
            desk.needed = desk.sleepers > 0;
            (None, std::mem::take(&mut desk.dormant) || desk.needed)
        });
        if wake {
            self.baton.0.notify();
        }
        drop(ended);
    }
}
