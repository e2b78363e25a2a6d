//! What a generator of calls wants to know to reach deep states.

use std::collections::BTreeMap;

use closesocket::protocol::{Descriptor, ProcessId};

use super::{HandleState, Life, Oracle};
use crate::call::{Key, SocketId};

impl Oracle {
    /// How often each shape of interest was reached.
    #[must_use]
    pub const fn shapes(&self) -> &BTreeMap<&'static str, u64> {
        &self.shapes
    }

    /// Every descriptor that was ever issued, and whether it is open.
    #[must_use]
    pub fn issued(&self) -> Vec<(ProcessId, Descriptor, bool)> {
        self.handles
            .iter()
            .map(|it| (it.process, it.value, it.state == HandleState::Open))
            .collect()
    }

    /// The open descriptors, the oldest first.
    #[must_use]
    pub fn open_descriptors(&self) -> Vec<(ProcessId, Descriptor)> {
        self.issued()
            .into_iter()
            .filter(|(.., open)| *open)
            .map(|(process, descriptor, _)| (process, descriptor))
            .collect()
    }

    /// How many sockets came to be.
    #[must_use]
    pub const fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// The sockets that are not released.
    #[must_use]
    pub fn living_sockets(&self) -> Vec<SocketId> {
        (0..self.sockets.len())
            .filter(|&it| self.sockets[it].life != Life::Released)
            .map(SocketId)
            .collect()
    }

    /// The number of duplication records, whatever became of them.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.records.len()
    }

    /// The unredeemed record of this index and the process that may redeem it.
    #[must_use]
    pub fn redeemable(&self, record: usize) -> Option<ProcessId> {
        self.records
            .get(record)
            .filter(|it| it.unredeemed)
            .map(|it| it.target)
    }

    /// The entered calls that go on later.
    #[must_use]
    pub fn entries(&self) -> Vec<Key> {
        self.entries.iter().map(|it| it.key).collect()
    }

    /// Pending operations and waiting closes.
    #[must_use]
    pub fn cancellable(&self) -> Vec<Key> {
        self.closers
            .iter()
            .map(|it| it.key)
            .chain(self.operations.iter().map(|it| it.key))
            .collect()
    }

    /// What is not over yet: descriptors open or held, operations, entered
    /// calls, waiting closes, unredeemed records, sockets not released.
    #[must_use]
    pub fn left_over(&self) -> Vec<String> {
        let held = |it: &HandleState| matches!(it, HandleState::Open | HandleState::Closed(_));
        let handles = self.handles.iter().filter(|it| held(&it.state));
        let records = self.records.iter().filter(|it| it.unredeemed);
        let sockets = self.living_sockets();
        handles
            .map(|it| format!("{it:?}"))
            .chain(self.operations.iter().map(|it| format!("{it:?}")))
            .chain(self.entries.iter().map(|it| format!("{it:?}")))
            .chain(self.closers.iter().map(|it| format!("{it:?}")))
            .chain(records.map(|it| format!("{it:?}")))
            .chain(sockets.into_iter().map(|it| format!("{it:?}")))
            .collect()
    }
}
