//! What the connections of a worker work with.

use std::cell::RefCell;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::crowd::Crowd;
use super::helper::Helper;
use super::listeners::Listeners;
use super::operations::{Notices, Silent};
use super::peer::{PeerReport, Peers};
use super::plan::Plan;
use super::system::{Process, Provider};
use super::tally::Tally;

/// What all workers of a run share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) provider: &'a Provider,
    /// The process of most connections, and one that they are shared with.
    pub(super) home: &'a Process,
    pub(super) other: &'a Process,
    pub(super) peers: &'a Peers,
    /// If the connections are a crowd.
    pub(super) crowd: Option<&'a Crowd>,
    pub(super) tally: &'a Mutex<Tally>,
    pub(super) plan: Plan,
}

/// What one worker has in one round.
pub(super) struct Tools<'a> {
    pub(super) shared: Shared<'a>,
    pub(super) reports: Sender<PeerReport>,
    pub(super) listeners: Listeners,
    pub(super) helper: Helper,
    pub(super) notices: Notices,
    pub(super) silent: RefCell<Silent>,
}

impl<'a> Tools<'a> {
    /// # Errors
    /// What is missing, in words.
    pub(super) fn new(
        shared: Shared<'a>,
        (worker, round): (u64, u64),
        reports: Sender<PeerReport>,
    ) -> Result<Self, String> {
        Ok(Self {
            shared,
            reports,
            listeners: Listeners::open(shared.home, worker, round)?,
            helper: Helper::start()?,
            notices: Notices::new(),
            silent: RefCell::default(),
        })
    }

    /// What was seen so far.
    pub(super) fn tally(&self) -> MutexGuard<'a, Tally> {
        lock(self.shared.tally)
    }

    /// A connection is not as it should be, so no other has to wait for it.
    pub(super) fn give_up(&self) {
        if let Some(crowd) = self.shared.crowd {
            crowd.give_up();
        }
    }
}

/// Locks, also what another thread has panicked over.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
