//! What everything in a provider is served by: its settings, transport, clock,
//! probe, upcalls and counters.

use std::sync::atomic::Ordering;

use super::System;
use super::config::{Config, Upcalls};
use super::counters::Counters;
use super::line::Liveness;
use super::observation::Observation;
use super::primitives::{Primitives, Word};
use super::probe::Probe;
use super::transport::Transport as _;
use crate::protocol::Socket;

type WordOf<S> = <<S as System>::Primitives as Primitives>::Word;

/// The network was said to be down; it may come back.
pub(super) const ANNOUNCED_DOWN: u64 = 1;
/// The transport reports nothing any more, for good.
pub(super) const TRANSPORT_ENDED: u64 = 2;

/// The services of a provider.
pub(super) struct Services<S: System> {
    pub(super) config: Config,
    pub(super) transport: S::Transport,
    pub(super) clock: S::Clock,
    pub(super) probe: S::Probe,
    pub(super) upcalls: Box<dyn Upcalls>,
    /// `ANNOUNCED_DOWN` and `TRANSPORT_ENDED`; 0 while the network is up.
    pub(super) network_down: WordOf<S>,
    pub(super) retired_handles: WordOf<S>,
    pub(super) counters: Counters<S::Primitives>,
    /// Tells the queues that it posts to when it is gone.
    pub(super) liveness: Liveness<S::Primitives>,
}

impl<S: System> Services<S> {
    pub(super) fn new(
        config: Config,
        transport: S::Transport,
        clock: S::Clock,
        probe: S::Probe,
        upcalls: Box<dyn Upcalls>,
    ) -> Self {
        let liveness = Liveness::new(transport.poller());
        Self {
            config,
            transport,
            clock,
            probe,
            upcalls,
            network_down: Word::new(0),
            retired_handles: Word::new(0),
            counters: Counters::new(),
            liveness,
        }
    }

    /// Tells the probe of something that happened under no socket's lock.
    #[inline]
    pub(super) fn observe(&self, observation: impl FnOnce() -> Observation) {
        if S::Probe::ENABLED {
            self.probe.observe(observation());
        }
    }

    /// The window of a socket's machine, in bytes: what may wait in the engine and
    /// what its transport takes by a limit of its own.
    pub(super) fn window(&self) -> u32 {
        let own = self.transport.own_window();
        self.config.window.saturating_add(own)
    }

    /// A new socket's machine, by the settings.
    pub(super) fn new_socket(&self) -> Socket {
        let config = &self.config;
        Socket::new(self.window(), config.abort_scope, config.unread_input)
    }

    /// Sets or clears a flag of `network_down`.
    pub(super) fn set_network_down(&self, flag: u64, down: bool) {
        let mut before = self.network_down.load(Ordering::Acquire);
        loop {
            let after = if down { before | flag } else { before & !flag };
            match self.network_down.compare_exchange(before, after) {
                Ok(_) => return,
                Err(found) => before = found,
            }
        }
    }
}
