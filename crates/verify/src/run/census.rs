//! Counts what the operating system says this process holds.

use std::fs;
use std::time::{Duration, Instant};

/// Descriptors and threads of this process, where the system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Census {
    descriptors: Option<u64>,
    threads: Option<u64>,
}

impl Census {
    pub(super) fn take() -> Self {
        Self {
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }

    /// Takes a census again and again until it is no higher than this one, or
    /// the time has passed.
    pub(super) fn wait_until_back(&self, limit: Duration) -> Self {
        let end = Instant::now() + limit;
        loop {
            let now = Self::take();
            let back = now.threads_over(self) == 0 && now.descriptors_over(self).unwrap_or(0) == 0;
            if back || Instant::now() >= end {
                return now;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn descriptors_over(&self, before: &Self) -> Option<u64> {
        Some(self.descriptors?.saturating_sub(before.descriptors?))
    }

    pub(super) fn threads_over(&self, before: &Self) -> u64 {
        self.threads
            .unwrap_or(0)
            .saturating_sub(before.threads.unwrap_or(0))
    }
}

fn entries(folder: &str) -> Option<u64> {
    Some(fs::read_dir(folder).ok()?.count() as u64)
}
