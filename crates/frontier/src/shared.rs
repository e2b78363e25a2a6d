//! What the workers of a process have in common: how far they are, and whether
//! they are to stop.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::options::{Limits, Progress};
use crate::report::{Ending, Failure};

/// Of one process.
#[derive(Debug)]
pub(crate) struct Shared {
    begin: Instant,
    limits: Limits,
    states: AtomicUsize,
    queue: AtomicUsize,
    bytes: AtomicUsize,
    layer: AtomicU32,
    /// Everybody stops.
    stop: AtomicBool,
    /// All workers of this process are through.
    over: AtomicBool,
    why: Mutex<Option<Why>>,
}

/// Why everybody stops: at a limit, or because something went wrong.
pub(crate) type Why = Result<Ending, Failure>;

/// What one worker has told of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) states: usize,
    pub(crate) queue: usize,
    pub(crate) bytes: usize,
}

impl Shared {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            begin: Instant::now(),
            limits,
            states: AtomicUsize::new(0),
            queue: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            layer: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            over: AtomicBool::new(false),
            why: Mutex::new(None),
        }
    }

    /// A worker tells where it is; whether it may go on.
    pub(crate) fn tell(&self, last: &mut Told, now: Told, spare: usize, layer: u32) -> bool {
        let change = |all: &AtomicUsize, from: usize, to: usize| {
            let before = all.fetch_add(to.wrapping_sub(from), Ordering::Relaxed);
            before.wrapping_add(to.wrapping_sub(from))
        };
        let states = change(&self.states, last.states, now.states);
        let bytes = change(&self.bytes, last.bytes, now.bytes);
        change(&self.queue, last.queue, now.queue);
        self.layer.fetch_max(layer, Ordering::Relaxed);
        *last = now;
        if bytes.saturating_add(spare) > self.limits.memory {
            self.stop(Ok(Ending::Memory));
        } else if states > self.limits.states {
            self.stop(Ok(Ending::States));
        } else if self.is_late() {
            self.stop(Ok(Ending::Time));
        }
        !self.stops()
    }

    fn is_late(&self) -> bool {
        self.limits.time < Duration::MAX && self.begin.elapsed() > self.limits.time
    }

    /// Ends the search; the first reason stays.
    fn stop(&self, why: Why) {
        let mut first = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(why);
        drop(first);
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.stop(Err(failure));
    }

    pub(crate) fn stops(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Why everybody stops, if they do; told once.
    pub(crate) fn stopped(&self) -> Option<Why> {
        if !self.stops() {
            return None;
        }
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            states: self.states.load(Ordering::Relaxed),
            layer: self.layer.load(Ordering::Relaxed),
            queue: self.queue.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
