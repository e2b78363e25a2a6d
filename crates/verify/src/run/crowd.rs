//! Where the connections of a crowd wait for each other, and the process in which
//! their peers are.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use super::elsewhere::{Ends, Peers};

/// A crowd.
pub(super) struct Crowd {
    peers: Mutex<Peers>,
    addresses: Vec<SocketAddr>,
    connections: u64,
    start: Instant,
    arrived: AtomicU64,
    gathered: OnceLock<Gathered>,
}

/// All are there, or somebody has given up.
struct Gathered {
    /// How many connections the peers have.
    accepted: u64,
    at: Instant,
}

/// How a crowd was open and closed.
pub(super) struct Together {
    /// Connections that the peers had when the first close began.
    pub(super) accepted: u64,
    pub(super) open_seconds: f64,
    pub(super) close_seconds: f64,
}

impl Crowd {
    /// # Errors
    /// Why there are no peers, in words.
    pub(super) fn start(connections: u64) -> Result<Self, String> {
        let peers = Peers::start(connections)?;
        Ok(Self {
            addresses: peers.addresses.clone(),
            peers: Mutex::new(peers),
            connections,
            start: Instant::now(),
            arrived: AtomicU64::new(0),
            gathered: OnceLock::new(),
        })
    }

    /// Where the connection of this number goes; they take turns.
    pub(super) fn address(&self, number: u64) -> Option<&SocketAddr> {
        let place = number.checked_rem(self.addresses.len() as u64)?;
        self.addresses.get(usize::try_from(place).ok()?)
    }

    /// A connection is there. With the last one, all may close.
    ///
    /// # Errors
    /// In words, if the peers' process has failed.
    pub(super) fn arrive(&self) -> Result<(), String> {
        if self.arrived.fetch_add(1, Ordering::Relaxed) + 1 < self.connections {
            return Ok(());
        }
        let accepted = self.peers().wait_until_accepted()?;
        self.gather(accepted);
        Ok(())
    }

    /// A connection will never be there: nobody needs to wait any longer.
    pub(super) fn give_up(&self) {
        self.gather(0);
    }

    /// Whether nobody has to wait any longer.
    pub(super) fn is_gathered(&self) -> bool {
        self.gathered.get().is_some()
    }

    /// How the peers have seen their connections end, when all have.
    ///
    /// # Errors
    /// In words, if the peers' process has failed.
    pub(super) fn ends(&self) -> Result<Ends, String> {
        match self.gathered.get() {
            Some(it) if it.accepted == self.connections => self.peers().ends(),
            // The peers still wait for those that never came.
            _ => Ok(Ends::default()),
        }
    }

    /// What there is to say when the last close has ended, at this time.
    pub(super) fn together(&self, end: Option<Instant>) -> Together {
        let (accepted, at) = self
            .gathered
            .get()
            .map_or((0, self.start), |it| (it.accepted, it.at));
        let closing = end.map(|end| end.saturating_duration_since(at));
        Together {
            accepted,
            open_seconds: at.duration_since(self.start).as_secs_f64(),
            close_seconds: closing.unwrap_or_default().as_secs_f64(),
        }
    }

    fn gather(&self, accepted: u64) {
        self.gathered.get_or_init(|| Gathered {
            accepted,
            at: Instant::now(),
        });
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
