//! Events that lie until somebody polls, as a kernel's do: a thread of the
//! transport's own, or one that waits for completions.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use closesocket::engine::net::{Baton, Events, Poller, Token};
use closesocket::engine::sync::Monitor;
use loom::thread::JoinHandle;

use super::model::reached;
use super::primitives::{Loom, LoomMonitor};

/// What a poll finds.
#[derive(Default)]
struct News {
    ready: Vec<Token>,
    called: bool,
    stopped: bool,
}

/// Where the memory reports to, and who waits polls.
pub(crate) struct Polled {
    news: LoomMonitor<News>,
    baton: Baton<Loom, ()>,
    engine: Mutex<Option<Weak<dyn Events>>>,
}

impl Polled {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            news: LoomMonitor::new(News::default()),
            baton: Baton::new(()),
            engine: Mutex::new(None),
        })
    }

    pub(crate) fn attach(&self, events: Weak<dyn Events>) {
        *self.engine.lock().unwrap() = Some(events);
    }

    fn engine(&self) -> Option<Arc<dyn Events>> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().and_then(Weak::upgrade)
    }

    /// One poll. False when it is stopped.
    fn turn(&self, limit: Option<Duration>) -> bool {
        let found = self.news.wait(limit, |news| {
            let called = std::mem::take(&mut news.called);
            let found = called || news.stopped || !news.ready.is_empty();
            found.then(|| (std::mem::take(&mut news.ready), news.stopped))
        });
        let (ready, stopped) = found.unwrap_or_default();
        self.report(ready);
        !stopped
    }

    fn report(&self, ready: Vec<Token>) {
        if let Some(engine) = self.engine() {
            ready.into_iter().for_each(|token| engine.ready(token));
        }
    }

    /// The transport's own thread.
    pub(crate) fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let this = Arc::clone(self);
        loom::thread::spawn(move || {
            this.baton.keep(Duration::from_secs(1), |()| {
                reached("the transport's own thread polls");
                this.turn(None)
            });
        })
    }

    /// Ends that thread, and reports what nobody has polled for.
    pub(crate) fn stop(&self, own_thread: JoinHandle<()>) {
        self.baton.end();
        self.news.lock(|news| news.stopped = true);
        self.news.notify();
        own_thread.join().unwrap();
        self.report_all();
    }

    /// Reports what nobody has polled for.
    pub(crate) fn report_all(&self) {
        let ready = self.news.lock(|news| std::mem::take(&mut news.ready));
        self.report(ready);
    }
}

impl Events for Polled {
    fn ready(&self, token: Token) {
        self.news.lock(|news| news.ready.push(token));
        self.news.notify();
    }

    fn tick(&self) -> Option<Duration> {
        self.engine().and_then(|engine| engine.tick())
    }
}

impl Poller for Polled {
    fn lead(
        &self,
        limit: Option<Duration>,
        look: &mut dyn FnMut() -> bool,
    ) -> Result<(), Option<Duration>> {
        let led = self.baton.lead(|()| {
            while !look() {
                reached("a waiter polls");
                if !self.turn(limit) {
                    return Err(limit);
                }
            }
            Ok(())
        });
        led.unwrap_or(Err(limit))
    }

    fn call(&self) {
        reached("the leader is called");
        self.news.lock(|news| news.called = true);
        self.news.notify();
    }

    fn expect(&self, risen: usize) {
        reached("a follower is expected");
        self.baton.expect(risen);
    }
}
