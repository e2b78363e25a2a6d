//! How much to run, and with which schedules.

use std::time::Duration;

use clap::ValueEnum;
use closesocket_tcp::TcpConfig;

use super::fixed_schedules::{self, WAYS};
use super::random_schedules;
use super::schedule::Schedule;

/// Connections of a round.
const ROUND: u64 = 4_000;
/// Small, so that a peer that does not read soon holds up the engine.
const KERNEL_SEND_BUFFER: usize = 32 * 1024;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) schedules: Schedules,
    /// Connections that are open at once, at most.
    pub(crate) open: u64,
    /// Threads that open and close them; each has a second one for calls that
    /// block.
    pub(crate) threads: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

/// Which schedules the connections have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schedules {
    /// The four fixed ways to close, so many times each.
    Fixed { each: u64 },
    /// Random ones, for so many seconds.
    Random { seed: u64, seconds: u64 },
    /// All are open at once and closed at the same time.
    Crowd,
}

/// Something to do wrong on purpose, to see the verdict fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// Each peer drops the last byte that it gets.
    LostByte,
    /// A completion is dropped.
    SwallowedCompletion,
    /// A completion is seen twice.
    DoubledCompletion,
    /// A descriptor of the engine is never closed.
    KeptDescriptor,
    /// A descriptor of the system is never closed.
    KeptSystemDescriptor,
    /// A thread never ends.
    KeptThread,
    /// Memory is taken for each connection and never given back.
    KeptMemory,
}

impl Plan {
    /// Connections of each fixed way if nothing is said.
    const EACH: u64 = 1_000;
    /// Random connections open at once if nothing is said.
    const OPEN: u64 = 128;
    /// Threads if nothing is said.
    const THREADS: u64 = 4;
    /// Threads of a crowd if nothing is said.
    const CROWD_THREADS: u64 = 8;

    /// The fixed ways to close, one connection a thread at a time.
    pub(crate) fn fixed(each: Option<u64>, threads: Option<u64>) -> Self {
        let threads = threads.unwrap_or(Self::THREADS);
        let each = each.unwrap_or(Self::EACH);
        Self {
            schedules: Schedules::Fixed { each },
            open: threads,
            threads,
            sabotage: None,
        }
    }

    /// Random connections, so many open at once.
    pub(crate) fn random(
        seconds: u64,
        seed: Option<u64>,
        open: Option<u64>,
        threads: Option<u64>,
    ) -> Self {
        let seed = seed.unwrap_or_else(any_seed);
        Self {
            schedules: Schedules::Random { seed, seconds },
            open: open.unwrap_or(Self::OPEN),
            threads: threads.unwrap_or(Self::THREADS),
            sabotage: None,
        }
    }

    /// So many connections at once.
    pub(crate) fn crowd(connections: u64, threads: Option<u64>) -> Self {
        Self {
            schedules: Schedules::Crowd,
            open: connections,
            threads: threads.unwrap_or(Self::CROWD_THREADS),
            sabotage: None,
        }
    }

    /// How many connections there are; none if only the time ends the run.
    pub(super) const fn total(&self) -> Option<u64> {
        match self.schedules {
            Schedules::Fixed { each } => Some(each.saturating_mul(WAYS.len() as u64)),
            Schedules::Random { .. } => None,
            Schedules::Crowd => Some(self.open),
        }
    }

    /// The time in which connections are opened, if that ends the run.
    pub(super) const fn time(&self) -> Option<Duration> {
        match self.schedules {
            Schedules::Random { seconds, .. } => Some(Duration::from_secs(seconds)),
            Schedules::Fixed { .. } | Schedules::Crowd => None,
        }
    }

    /// The numbers of the round that begins with this one.
    pub(super) fn round(&self, first: u64) -> std::ops::Range<u64> {
        let length = match self.schedules {
            Schedules::Crowd => self.open,
            Schedules::Fixed { .. } | Schedules::Random { .. } => ROUND,
        };
        let end = first.saturating_add(length);
        first..end.min(self.total().unwrap_or(end))
    }

    /// What is done with the connection of this number.
    pub(super) fn schedule(&self, number: u64) -> Schedule {
        match self.schedules {
            Schedules::Fixed { .. } => fixed_schedules::way(number),
            Schedules::Random { seed, .. } => random_schedules::schedule(seed, number),
            Schedules::Crowd => fixed_schedules::crowd(number),
        }
    }

    /// How the kernel's sockets are set up.
    pub(super) fn tcp(&self) -> TcpConfig {
        let random = matches!(self.schedules, Schedules::Random { .. });
        TcpConfig {
            send_buffer: random.then_some(KERNEL_SEND_BUFFER),
            ..TcpConfig::default()
        }
    }
}

/// A seed that differs from run to run.
fn any_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Short enough to be typed.
    RandomState::new().hash_one(0) >> 32
}
