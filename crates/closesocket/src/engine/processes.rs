//! The processes of a provider, by their numbers.

use std::sync::{Arc, Weak};

use super::System;
use super::descriptors::Descriptors;
use crate::protocol::ProcessId;

/// The processes that may be alive. One that has ended and that nobody holds
/// any more is forgotten when the list would have to grow.
pub(super) struct Processes<S: System> {
    next: u32,
    /// In the order of their numbers.
    list: Vec<(ProcessId, Weak<Descriptors<S>>)>,
}

impl<S: System> Processes<S> {
    pub(super) const fn new() -> Self {
        Self {
            next: 0,
            list: Vec::new(),
        }
    }

    /// Adds the process that `make` makes of its number.
    pub(super) fn add(
        &mut self,
        make: impl FnOnce(ProcessId) -> Arc<Descriptors<S>>,
    ) -> Arc<Descriptors<S>> {
        if self.list.len() == self.list.capacity() {
            self.list.retain(|(_, process)| process.strong_count() > 0);
            // Twice as many as are alive: forgetting costs a constant each.
            self.list.reserve_exact(self.list.len() + 1);
        }
        let id = ProcessId(self.next);
        self.next = self.next.saturating_add(1);
        let process = make(id);
        self.list.push((id, Arc::downgrade(&process)));
        process
    }

    /// The process of this number.
    pub(super) fn get(&self, id: ProcessId) -> Option<Arc<Descriptors<S>>> {
        let place = self.list.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.list.get(place)?.1.upgrade()
    }

    /// Those that are alive.
    pub(super) fn alive(&self) -> impl Iterator<Item = Arc<Descriptors<S>>> {
        self.list
            .iter()
            .filter_map(|(_, process)| process.upgrade())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Provider;
    use super::super::sync::Monitor as _;

    #[test]
    fn processes_that_have_ended_are_forgotten() {
        let provider = Provider::in_memory();
        let kept: Vec<_> = (0..10).map(|_| provider.startup().unwrap()).collect();
        for _ in 0..10_000 {
            provider.startup().unwrap();
        }
        let remembered = provider.shared().processes.lock(|it| it.list.len());
        assert!(remembered <= 24, "{remembered}");
        // The living are found, the dead are not.
        let last = provider.startup().unwrap();
        let socket = last.socket().unwrap();
        for process in &kept {
            assert!(last.duplicate(socket, process.id()).is_ok());
        }
        let dead = provider.startup().unwrap().id();
        assert!(last.duplicate(socket, dead).is_err());
    }
}
