//! What completions wait in until somebody takes them, and how its waiters learn
//! that nothing will come any more (S2a).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::baton::Poller;
use super::few::Few;
use super::primitives::{Monitor, Primitives};

/// A provider, as the queues know it; gone with the last of its processes.
pub(super) struct Liveness<P: Primitives> {
    number: u64,
    /// What it may post to.
    lines: P::Monitor<Vec<Weak<dyn Abandon>>>,
    /// What its transport lets waiters poll with.
    poller: Option<Arc<dyn Poller>>,
}

/// Something that a provider posts to.
pub(super) trait Abandon: Send + Sync {
    /// The provider of this number will post no more.
    fn provider_gone(&self, number: u64);
}

impl<P: Primitives> Liveness<P> {
    pub(super) fn new(poller: Option<Arc<dyn Poller>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            lines: Monitor::new(Vec::new()),
            poller,
        }
    }
}

impl<P: Primitives> Drop for Liveness<P> {
    fn drop(&mut self) {
        let lines = self.lines.lock(std::mem::take);
        for line in lines.iter().filter_map(Weak::upgrade) {
            line.provider_gone(self.number);
        }
    }
}

/// What is put into a line: a thing, or several that are taken one by one.
pub(super) trait Entry: Sized + Send + 'static {
    type Item;
    /// How many things it is, at least one.
    fn count(&self) -> usize;
    /// Takes the first thing of these.
    fn take_first(entries: &mut VecDeque<Self>) -> Option<Self::Item>;
}

pub(super) struct Waiting<T> {
    entries: VecDeque<T>,
    /// How many things they are.
    count: usize,
    /// Nothing is taken in any more.
    closed: bool,
    /// The providers that may post, and whether there ever was one.
    providers: Vec<u64>,
    served: bool,
    /// What a waiter can poll with, of the provider of this number.
    pub(super) poller: Option<(u64, Arc<dyn Poller>)>,
    /// The waiter that polls and has found nothing here.
    pub(super) leader: Option<u64>,
    /// How many waiters sleep that would poll, and how many times they were woken.
    pub(super) followers: usize,
    pub(super) wakes: u64,
}

/// Who is to be called when something has changed in a line.
enum Call {
    Leader(Arc<dyn Poller>),
    Followers(Arc<dyn Poller>, usize),
}

impl<T: Entry> Waiting<T> {
    fn take(&mut self) -> Option<T::Item> {
        let taken = T::take_first(&mut self.entries)?;
        self.count -= 1;
        Some(taken)
    }

    const fn is_abandoned(&self) -> bool {
        self.closed || (self.served && self.providers.is_empty())
    }

    /// What a wait ends with, if it does.
    pub(super) fn look(&mut self) -> Option<Option<T::Item>> {
        match self.take() {
            Some(item) => Some(Some(item)),
            None => self.is_abandoned().then_some(None),
        }
    }

    pub(super) fn polls_for(&self, number: u64) -> bool {
        self.poller.as_ref().is_some_and(|(of, _)| *of == number)
    }

    fn call(&mut self, thread: u64) -> Option<Call> {
        let (_, poller) = self.poller.as_ref()?;
        match self.leader {
            // It reports its own events, and looks behind them.
            Some(leader) if leader == thread => None,
            Some(_) => Some(Call::Leader(Arc::clone(poller))),
            None if self.followers == 0 => None,
            None => {
                self.wakes += 1;
                let risen = std::mem::take(&mut self.followers);
                Some(Call::Followers(Arc::clone(poller), risen))
            }
        }
    }
}

/// Things that wait to be taken, in order.
pub(super) struct Line<P: Primitives, T: Entry> {
    pub(super) waiting: P::Monitor<Waiting<T>>,
    /// The provider that it was last made known to: a hint.
    known_to: AtomicU64,
    /// Waiters may poll by themselves: set under the lock before any does, so who
    /// posts to one that does finds it set.
    led: AtomicBool,
}

impl<P: Primitives, T: Entry> Line<P, T> {
    pub(super) fn new() -> Self {
        Self {
            waiting: Monitor::new(Waiting {
                entries: VecDeque::new(),
                count: 0,
                closed: false,
                providers: Vec::new(),
                served: false,
                poller: None,
                leader: None,
                followers: 0,
                wakes: 0,
            }),
            known_to: AtomicU64::new(0),
            led: AtomicBool::new(false),
        }
    }

    /// Takes the oldest, waiting for one if need be; `None` if the limit passed
    /// first, or nothing will come.
    pub(super) fn wait(&self, limit: Option<Duration>) -> Option<T::Item> {
        let limit = limit_here::<P>(limit);
        if limit != Some(Duration::ZERO) && self.led.load(Ordering::Relaxed) {
            return self.wait_or_lead(limit);
        }
        self.waiting.wait(limit, Waiting::look).flatten()
    }

    /// Takes the oldest.
    pub(super) fn take(&self) -> Option<T::Item> {
        self.waiting.lock(Waiting::take)
    }

    /// Takes the oldest, so many at most.
    pub(super) fn take_many(&self, limit: usize) -> Vec<T::Item> {
        self.waiting
            .lock(|it| std::iter::from_fn(|| it.take()).take(limit).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock(|it| it.count)
    }

    /// Whether it is empty and nothing will come.
    pub(super) fn is_abandoned(&self) -> bool {
        self.waiting
            .lock(|it| it.entries.is_empty() && it.is_abandoned())
    }

    /// Puts these behind the others, unless it is closed: then they stay. Wakes
    /// nobody and drops nothing, so it may be called under a socket's lock.
    pub(super) fn put(&self, entries: &mut Few<T>) {
        self.waiting.lock(|it| {
            if !it.closed {
                entries.drain(|entry| {
                    it.count += entry.count();
                    it.entries.push_back(entry);
                });
            }
        });
    }

    /// Wakes who waits for what was put.
    pub(super) fn wake(&self) {
        let call = if self.led.load(Ordering::Relaxed) {
            let me = P::current_thread();
            self.waiting.lock(|it| it.call(me))
        } else {
            None
        };
        self.wake_and(call);
    }

    fn wake_and(&self, call: Option<Call>) {
        // Behind the section: whoever is not counted as asleep any more wakes.
        self.waiting.notify();
        match call {
            Some(Call::Leader(poller)) => poller.call(),
            Some(Call::Followers(poller, risen)) => poller.expect(risen),
            None => {}
        }
    }

    /// Takes nothing in any more, and sends the waiters home.
    pub(super) fn close(&self) {
        self.waiting.lock(|it| it.closed = true);
        self.wake();
    }

    /// Lets this provider say when it is gone.
    pub(super) fn know<A: Abandon + 'static>(this: &Arc<A>, line: &Self, by: &Liveness<P>) {
        if line.known_to.load(Ordering::Acquire) == by.number {
            return;
        }
        let new = line.waiting.lock(|it| {
            it.served = true;
            let new = !it.providers.contains(&by.number);
            if new {
                it.providers.push(by.number);
            }
            if let Some(poller) = by.poller.as_ref().filter(|_| it.poller.is_none()) {
                it.poller = Some((by.number, Arc::clone(poller)));
                line.led.store(true, Ordering::Relaxed);
            }
            new
        });
        if new {
            let it: Weak<A> = Arc::downgrade(this);
            by.lines.lock(|lines| {
                if lines.len() == lines.capacity() {
                    lines.retain(|it| it.strong_count() > 0);
                    lines.reserve_exact(lines.len() + 1);
                }
                lines.push(it);
            });
        }
        // Not before: whoever reads this goes on as if all that were done.
        line.known_to.store(by.number, Ordering::Release);
    }

    pub(super) fn forget_provider(&self, number: u64) {
        let me = P::current_thread();
        let (call, gone) = self.waiting.lock(|it| {
            it.providers.retain(|&it| it != number);
            let call = it.call(me);
            let gone = it.poller.take_if(|(of, _)| *of == number);
            if gone.is_some() {
                // Who polls with it still is called, and leads here no more.
                it.leader = None;
            }
            (call, gone)
        });
        self.wake_and(call);
        drop(gone);
    }
}

impl<P: Primitives, T: Entry> Abandon for Line<P, T> {
    fn provider_gone(&self, number: u64) {
        self.forget_provider(number);
    }
}

/// The limit of a wait of the calling thread: none on a thread that is in a call
/// of the transport's, where nobody may wait (C4).
pub(super) fn limit_here<P: Primitives>(limit: Option<Duration>) -> Option<Duration> {
    if P::in_transport_call() {
        Some(Duration::ZERO)
    } else {
        limit
    }
}
