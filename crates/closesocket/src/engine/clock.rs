//! The clock, as a type parameter.

use std::time::Instant;

use crate::protocol::Time;

/// Tells the time. The engine asks it at most once a call, also under a lock of
/// its own, so it must not call the engine; deadlines are acted on by
/// [`Provider::tick`](super::Provider::tick) and by lingering closes.
pub trait Clock: Send + Sync + 'static {
    /// The time now; never goes back.
    fn now(&self) -> Time;
}

/// The operating system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::ZERO.after(self.origin.elapsed())
    }
}
