//! What completions wait in until somebody takes them, and how its waiters learn
//! that nothing will come any more (S2a).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

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

struct Waiting<T> {
    entries: VecDeque<T>,
    /// How many things they are.
    count: usize,
    /// Nothing is taken in any more.
    closed: bool,
    /// The providers that may post, and whether there ever was one.
    providers: Vec<u64>,
    served: bool,
    /// What a waiter can poll with, of the provider of this number.
    poller: Option<(u64, Arc<dyn Poller>)>,
    /// The waiter that polls and has found nothing here.
    leader: Option<u64>,
    /// How many waiters sleep that would poll, and how many times they were woken.
    followers: usize,
    wakes: u64,
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
    fn look(&mut self) -> Option<Option<T::Item>> {
        match self.take() {
            Some(item) => Some(Some(item)),
            None => self.is_abandoned().then_some(None),
        }
    }

    fn polls_for(&self, number: u64) -> bool {
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

/// How an attempt to lead has ended.
enum Led<I> {
    /// With what the wait ends with.
    Until(Option<I>),
    /// Somebody else polls; what is left of the limit.
    Refused(Option<Duration>),
    /// The provider is gone that it was for.
    Over,
}

/// Things that wait to be taken, in order.
pub(super) struct Line<P: Primitives, T: Entry> {
    waiting: P::Monitor<Waiting<T>>,
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

    /// As [`Line::wait`], where a waiter polls by itself if nobody else does.
    fn wait_or_lead(&self, limit: Option<Duration>) -> Option<T::Item> {
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let (found, poller) = self.waiting.lock(|it| {
                let found = it.look();
                let poller = it.poller.clone().filter(|_| found.is_none());
                (found, poller)
            });
            if found.is_some() || left.is_some_and(|left| left.is_zero()) {
                return found.flatten();
            }
            let Some((of, poller)) = poller else {
                return self.waiting.wait(left, Waiting::look).flatten();
            };
            let left = match self.lead(of, &*poller, left) {
                Led::Until(found) => return found,
                Led::Refused(left) => left,
                Led::Over => continue,
            };
            if let Some(ended) = self.follow(&*poller, left) {
                return ended;
            }
        }
    }

    /// Polls until there is something, with the poller of the provider of this
    /// number.
    fn lead(&self, of: u64, poller: &dyn Poller, limit: Option<Duration>) -> Led<T::Item> {
        let me = P::current_thread();
        let mut found = None;
        let mut over = false;
        let led = poller.lead(limit, &mut || {
            // Noted in the section that finds nothing: who posts behind it calls.
            self.waiting.lock(|it| {
                // Otherwise another is called, and for another leader.
                over = !it.polls_for(of);
                if over {
                    return true;
                }
                found = it.look();
                it.leader = found.is_none().then_some(me);
                found.is_some()
            })
        });
        if found.is_none() {
            // Somebody else may lead by now.
            self.waiting
                .lock(|it| it.leader.take_if(|leader| *leader == me));
        }
        match led {
            Ok(()) if over => Led::Over,
            Ok(()) => Led::Until(found.flatten()),
            Err(left) => Led::Refused(left),
        }
    }

    /// Sleeps while somebody else polls. `None` if it was woken in vain: it may
    /// lead now.
    fn follow(&self, poller: &dyn Poller, limit: Option<Duration>) -> Option<Option<T::Item>> {
        let mut since = None;
        let ended = self.waiting.wait(limit, |it| {
            if since.is_none() {
                it.followers += 1;
                since = Some(it.wakes);
            }
            match it.look() {
                None if since == Some(it.wakes) => None,
                found => Some(found),
            }
        });
        let by_itself = self.waiting.lock(|it| {
            let by_itself = since == Some(it.wakes);
            it.followers -= usize::from(by_itself);
            by_itself
        });
        if by_itself {
            poller.expect(1);
        }
        // `None` when the limit has passed: nothing is left of it.
        ended.map_or(Some(None), |found| found)
    }

    /// Takes the oldest.
    pub(super) fn take(&self) -> Option<T::Item> {
        self.waiting.lock(Waiting::take)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use super::super::primitives::Std;
    use super::*;

    impl Entry for u8 {
        type Item = Self;

        fn count(&self) -> usize {
            1
        }

        fn take_first(entries: &mut VecDeque<Self>) -> Option<Self> {
            entries.pop_front()
        }
    }

    /// Does after each look what the test says: looks again, or gives up.
    struct Scripted {
        looked: Sender<()>,
        goes_on: Mutex<Receiver<bool>>,
        called: Sender<()>,
    }

    impl Poller for Scripted {
        fn lead(
            &self,
            limit: Option<Duration>,
            look: &mut dyn FnMut() -> bool,
        ) -> Result<(), Option<Duration>> {
            let goes_on = self.goes_on.try_lock().map_err(|_| limit)?;
            while !look() {
                self.looked.send(()).unwrap();
                if !goes_on.recv().unwrap() {
                    return Err(limit);
                }
            }
            Ok(())
        }

        fn call(&self) {
            self.called.send(()).unwrap();
        }

        fn expect(&self, _: usize) {}
    }

    struct Script {
        provider: Liveness<Std>,
        looked: Receiver<()>,
        goes_on: Sender<bool>,
        called: Receiver<()>,
    }

    fn script() -> Script {
        let (looked, looks) = channel();
        let (goes_on, script) = channel();
        let (called, calls) = channel();
        let poller = Scripted {
            looked,
            goes_on: Mutex::new(script),
            called,
        };
        Script {
            provider: Liveness::new(Some(Arc::new(poller))),
            looked: looks,
            goes_on,
            called: calls,
        }
    }

    #[test]
    fn who_polls_for_a_provider_that_is_gone_does_not_hide_who_polls_for_the_next() {
        const SOON: Duration = Duration::from_secs(10);
        let line = Arc::new(Line::<Std, u8>::new());
        let third = Liveness::new(None);
        let (first, next) = (script(), script());
        let wait = || {
            let line = Arc::clone(&line);
            thread::spawn(move || line.wait(None))
        };
        Line::know(&line, &line, &third);
        Line::know(&line, &line, &first.provider);
        let old = wait();
        first.looked.recv().unwrap();
        drop(first.provider);
        first.called.recv().unwrap();
        Line::know(&line, &line, &next.provider);
        let new = wait();
        next.looked.recv().unwrap();

        // The old leader has an event more to report, and then none.
        first.goes_on.send(true).unwrap();
        first.goes_on.send(false).unwrap();
        while line.waiting.lock(|it| it.followers) == 0 {
            thread::yield_now();
        }
        line.close();

        assert_eq!(next.called.recv_timeout(SOON), Ok(()));
        next.goes_on.send(true).unwrap();
        assert_eq!((old.join().unwrap(), new.join().unwrap()), (None, None));
    }
}
