//! How a thread that waits at a line polls by itself: it leads, or it follows who
//! does.

use std::time::{Duration, Instant};

use super::baton::Poller;
use super::line::{Entry, Line, Waiting};
use super::primitives::{Monitor, Primitives};

/// How an attempt to lead has ended.
enum Led<I> {
    /// With what the wait ends with.
    Until(Option<I>),
    /// Somebody else polls; what is left of the limit.
    Refused(Option<Duration>),
    /// The provider is gone that it was for.
    Over,
}

impl<P: Primitives, T: Entry> Line<P, T> {
    /// As [`Line::wait`], where a waiter polls by itself if nobody else does.
    pub(super) fn wait_or_lead(&self, limit: Option<Duration>) -> Option<T::Item> {
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
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::super::line::{Entry, Liveness};
    use super::super::standard::Std;
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

        // The old leader has an event more to report, and would then have none: if it
        // has left the first poller by then, nobody is there to hear that.
        first.goes_on.send(true).unwrap();
        let _ = first.goes_on.send(false);
        while line.waiting.lock(|it| it.followers) == 0 {
            thread::yield_now();
        }
        line.close();

        assert_eq!(next.called.recv_timeout(SOON), Ok(()));
        next.goes_on.send(true).unwrap();
        assert_eq!((old.join().unwrap(), new.join().unwrap()), (None, None));
    }
}
