//! Watches the memory of this process.

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

/// When the highest value is looked for to which the end is compared.
const EARLY: std::ops::RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(20);
/// A run of 30 s has something to compare; its last look comes a little before
/// its end.
const LONG_ENOUGH: Duration = Duration::from_secs(29);

/// How much of the end of a run is its end.
const LATE: Duration = Duration::from_secs(5);

/// The resident memory over a run, in bytes; nothing where the system does not
/// tell.
pub(super) struct Memory {
    start: Instant,
    peak: Option<u64>,
    early: Option<u64>,
    /// What was seen last, the oldest first.
    late: VecDeque<(Duration, u64)>,
}

impl Memory {
    pub(super) fn watch() -> Self {
        Self {
            start: Instant::now(),
            peak: None,
            early: None,
            late: VecDeque::new(),
        }
    }

    /// Looks. The looks of the last seconds are the end, so the last one must
    /// come while everything is still there.
    pub(super) fn look(&mut self) {
        let Some(bytes) = resident() else {
            return;
        };
        let now = self.start.elapsed();
        self.peak = self.peak.max(Some(bytes));
        if EARLY.contains(&now) {
            self.early = self.early.max(Some(bytes));
        }
        let is_old = |(then, _): &(Duration, u64)| now.saturating_sub(*then) > LATE;
        while self.late.front().is_some_and(is_old) {
            self.late.pop_front();
        }
        self.late.push_back((now, bytes));
    }

    /// What was seen last.
    pub(super) fn now(&self) -> Option<u64> {
        self.late.back().map(|it| it.1)
    }

    /// The highest value of all looks.
    pub(super) const fn peak(&self) -> Option<u64> {
        self.peak
    }

    /// The highest between 5 s and 20 s; none if the run was too short to say
    /// anything about growth.
    pub(super) fn early(&self) -> Option<u64> {
        let last = self.late.back().map(|it| it.0);
        self.early.filter(|_| last >= Some(LONG_ENOUGH))
    }

    /// The highest of the last seconds.
    pub(super) fn end(&self) -> Option<u64> {
        self.late.iter().map(|it| it.1).max()
    }
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
