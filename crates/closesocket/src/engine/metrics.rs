//! What a provider holds and has done, for monitoring, and the orderly exit.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::System;
use super::clock::Clock as _;
use super::primitives::{Monitor, Primitives as _, Word as _};
use super::provider::Provider;
use super::shared::Shared;

/// A snapshot of a provider. Taking it locks one socket after the other, so the
/// numbers belong to slightly different moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Descriptor slots in use over all processes: open, closing or retired.
    pub descriptors: usize,
    /// Sockets not released, draining ones included.
    pub sockets: usize,
    /// Operations pending.
    pub pending: usize,
    /// Sockets that drain in the background or under a lingering close.
    pub draining: usize,
    /// Operations that closes have aborted so far.
    pub aborted: u64,
    /// Connections that the provider has reset so far.
    pub resets: u64,
    /// Drains that ran out of time so far; they count as resets too.
    pub drain_timeouts: u64,
    /// Panics of foreign code that were caught so far: of handle upcalls, and of
    /// the destructors of completion routines that never ran.
    pub callback_panics: u64,
}

impl<S: System> Provider<S> {
    /// What the provider holds and has done.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let shared = self.shared();
        let counters = &shared.services.counters;
        let mut metrics = Metrics {
            descriptors: shared.processes.lock(|processes| {
                let alive = processes.alive();
                alive.map(|process| process.table.occupied()).sum()
            }),
            sockets: shared.sockets_in_use(),
            aborted: counters.aborted.load(Ordering::Relaxed),
            resets: counters.resets.load(Ordering::Relaxed),
            drain_timeouts: counters.drain_timeouts.load(Ordering::Relaxed),
            callback_panics: counters.callback_panics.load(Ordering::Relaxed),
            ..Metrics::default()
        };
        for socket in shared.cells.every_socket() {
            let Some(monitor) = shared.cells.monitor(socket) else {
                continue;
            };
            monitor.lock(|state| {
                metrics.draining += usize::from(Shared::is_draining(state, socket));
                metrics.pending += state
                    .references
                    .iter()
                    .map(|it| it.reads.len() + it.writes.len())
                    .sum::<usize>();
            });
        }
        metrics
    }

    /// Waits until every drain has ended, at most this long, for an orderly exit
    /// of the program. Returns how many are still going on; they go on as long
    /// as the provider lives.
    #[must_use = "drains that go on are lost when the program ends"]
    pub fn drain_all(&self, limit: Duration) -> usize {
        let shared = self.shared();
        let end = shared.services.clock.now().after(limit);
        for socket in shared.cells.every_socket() {
            let Some(monitor) = shared.cells.monitor(socket) else {
                continue;
            };
            loop {
                // Nobody waits on the transport's own thread (C4).
                if S::Primitives::in_transport_call() {
                    break;
                }
                // Over a transport without a thread of its own nobody else looks.
                shared.tick();
                let left = shared.services.clock.now().until(end);
                let pause = left.min(LOOK_AGAIN);
                let done = monitor.wait(Some(pause), |state| {
                    (!Shared::is_draining(state, socket)).then_some(())
                });
                if done.is_some() || left.is_zero() {
                    break;
                }
            }
        }
        self.metrics().draining
    }
}

/// How often [`Provider::drain_all`] looks whether a deadline has passed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
