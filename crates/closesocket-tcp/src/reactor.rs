//! The reactor: one thread that waits for the kernel and tells the engine, unless
//! one that waits for completions does so by itself.

use std::io;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{OnceLock, Weak};
use std::time::{Duration, Instant};

use closesocket::engine::net::{Baton, Events, Poller, Token};
use closesocket::engine::sync::Std;
use closesocket::protocol::Error;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry, Waker};
use socket2::Socket;

use crate::TcpConfig;
use crate::error::winsock;

/// The token of the reactor's own waker; no endpoint gets it.
const WAKE: mio::Token = mio::Token(usize::MAX);

/// What sockets are watched for.
const EVERYTHING: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);

/// Ticks are at least this far apart, so that the polling of acknowledgements
/// cannot eat a core.
const MIN_TICK: Duration = Duration::from_millis(1);

/// Events taken from the kernel at a time.
const BATCH: usize = 1024;

/// The reactor's thread polls again when nobody else has begun to for this long:
/// who takes its completions one after the other is back sooner.
const PATIENCE: Duration = Duration::from_millis(1);

/// What the transport, its endpoints and its reactor share. No lock in it that an
/// endpoint takes, which is called under a lock of the engine, or that is held
/// while the engine is called.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: TcpConfig,
    registry: Registry,
    waker: Waker,
    poll: Baton<Std, Polling>,
    events: OnceLock<Weak<dyn Events>>,
    /// A tick was asked for and has not begun.
    tick_wanted: AtomicBool,
    /// The transport was stopped or dropped, or the reactor has ended: nothing
    /// is reported any more.
    stopped: AtomicBool,
    /// Callbacks that have panicked on the reactor thread.
    panics: AtomicU64,
}

impl Shared {
    /// # Errors
    /// What the kernel says.
    pub(crate) fn new(config: TcpConfig) -> io::Result<Self> {
        let poll = Poll::new()?;
        Ok(Self {
            config,
            registry: poll.registry().try_clone()?,
            waker: Waker::new(poll.registry(), WAKE)?,
            poll: Baton::new(Polling {
                poll,
                batch: mio::Events::with_capacity(BATCH),
                next_tick: None,
            }),
            events: OnceLock::new(),
            tick_wanted: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        })
    }

    /// Sets where events go. Only the first call counts.
    pub(crate) fn attach(&self, events: Weak<dyn Events>) {
        // A second call breaks the contract of `Transport::attach`; there is
        // nobody to tell.
        let _ = self.events.set(events);
    }

    /// Asks the reactor for a tick.
    pub(crate) fn wake(&self) {
        // Those who come while a tick is on order need no second system call:
        // the reactor takes the order before it ticks.
        if !self.tick_wanted.swap(true, Ordering::AcqRel) && self.waker.wake().is_err() {
            self.tick_wanted.store(false, Ordering::Release);
        }
    }

    /// Asks the reactor to end. From here on nothing opens.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.poll.end();
        self.wake_up();
    }

    /// Tells the engine, if there is one, that it hears nothing any more.
    pub(crate) fn tell_ended(&self) {
        if let Some(events) = self.events.get().and_then(Weak::upgrade) {
            self.tell(|| events.ended());
        }
    }

    /// How many callbacks have panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Calls the engine. If it panics, the others still want their events: the
    /// panic was reported by the panic hook, and is counted here.
    fn tell<T>(&self, callback: impl FnOnce() -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(callback)).ok();
        if result.is_none() {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// # Errors
    /// [`Error::NetworkDown`] if nobody would report events any more.
    pub(crate) fn check_running(&self) -> Result<(), Error> {
        if self.stopped.load(Ordering::Acquire) {
            Err(Error::NetworkDown)
        } else {
            Ok(())
        }
    }

    /// Has the socket's events reported under this token, as edges. What is
    /// ready already is reported too.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a token that cannot be used;
    /// [`Error::NoBuffers`] when the kernel watches too much already.
    pub(crate) fn register(&self, socket: &Socket, token: Token) -> Result<(), Error> {
        self.check_running()?;
        let token = watchable(token).ok_or(Error::InvalidArgument)?;
        self.registry
            .register(&mut SourceFd(&socket.as_raw_fd()), token, EVERYTHING)
            .map_err(|error| winsock(&error))
    }

    /// Has what is ready reported once more.
    pub(crate) fn report_again(&self, socket: &Socket, token: Token) {
        if let Some(token) = watchable(token) {
            let fd = socket.as_raw_fd();
            // It fails only for a socket that is not registered.
            let _ = self
                .registry
                .reregister(&mut SourceFd(&fd), token, EVERYTHING);
        }
    }

    /// Ends the reports. One that the reactor has fetched already may still
    /// come, under a token that nobody has any more.
    pub(crate) fn deregister(&self, socket: &Socket) {
        // It fails only for a socket that is not registered.
        let _ = self.registry.deregister(&mut SourceFd(&socket.as_raw_fd()));
    }

    /// An endpoint is gone.
    pub(crate) fn endpoint_left(&self) {
        // The engine is gone, and this is the only sign of it that there is:
        // the reactor may go too.
        if self.events.get().is_some_and(|to| to.strong_count() == 0) {
            self.wake_up();
        }
    }

    fn wake_up(&self) {
        // Writing to an eventfd fails only when its counter is full, that is
        // when the reactor is going to wake up anyway.
        let _ = self.waker.wake();
    }
}

/// The token as the kernel keeps it, if it can.
pub(crate) fn watchable(token: Token) -> Option<mio::Token> {
    let token = mio::Token(usize::try_from(token.0).ok()?);
    (token != WAKE).then_some(token)
}

/// The reactor's thread: polls until the transport is stopped or the engine is
/// gone, except while threads that wait for completions do. Holds no lock, and
/// keeps the engine alive only while it calls it.
pub(crate) fn run(shared: &Shared) {
    shared.poll.keep(PATIENCE, |it| it.turn(shared, None));
    shared.stopped.store(true, Ordering::Release);
    // Whoever waits would wait for ever.
    shared.tell_ended();
}

/// What is polled with: one thread has it at a time.
#[derive(Debug)]
struct Polling {
    poll: Poll,
    batch: mio::Events,
    next_tick: Option<Instant>,
}

impl Polling {
    /// Waits once and reports what has come. False when nothing will be reported
    /// any more.
    fn turn(&mut self, shared: &Shared, limit: Option<Duration>) -> bool {
        let tick = self
            .next_tick
            .map(|at| at.saturating_duration_since(Instant::now()));
        let wait = [limit, tick].into_iter().flatten().min();
        match self.poll.poll(&mut self.batch, wait) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(_) => return false,
        }
        if shared.stopped.load(Ordering::Acquire) {
            return false;
        }
        let Some(attached) = shared.events.get() else {
            return true;
        };
        let Some(events) = attached.upgrade() else {
            return false;
        };
        for event in &self.batch {
            if event.token() == WAKE {
                continue;
            }
            // A receive stops short of the end, of a loss and of urgent data: these
            // are news of their own, behind the bytes ([`Endpoint::is_emptied`]).
            let more = event.is_read_closed() || event.is_error() || event.is_priority();
            for _ in 0..=usize::from(more) {
                shared.tell(|| events.ready(Token(event.token().0 as u64)));
            }
        }
        let wanted = shared.tick_wanted.swap(false, Ordering::AcqRel);
        if wanted || self.next_tick.is_some_and(|at| at <= Instant::now()) {
            // A tick that panicked may have left something to watch.
            let wait = shared.tell(|| events.tick()).unwrap_or(Some(MIN_TICK));
            self.next_tick = wait.and_then(|wait| Instant::now().checked_add(wait.max(MIN_TICK)));
        }
        true
    }
}

impl Poller for Shared {
    fn lead(
        &self,
        limit: Option<Duration>,
        look: &mut dyn FnMut() -> bool,
    ) -> Result<(), Option<Duration>> {
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        let led = self.poll.lead(|it| {
            // Once at least: who only came by would keep the reactor's thread off.
            let mut polled = false;
            while !look() {
                let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                if polled && left.is_some_and(|left| left.is_zero()) {
                    break;
                }
                polled = true;
                if !it.turn(self, left) {
                    self.stopped.store(true, Ordering::Release);
                    // The reactor's thread tells the engine.
                    self.poll.end();
                    return Err(left);
                }
            }
            Ok(())
        });
        led.unwrap_or(Err(limit))
    }

    fn call(&self) {
        self.wake_up();
    }

    fn expect(&self, risen: usize) {
        self.poll.expect(risen);
    }
}
