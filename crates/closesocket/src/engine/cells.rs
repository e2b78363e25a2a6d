//! The cells that the sockets of a provider live in, one after the other.

use super::completion::Life;
use super::config::Config;
use super::descriptors::Descriptors;
use super::free_list::FreeList;
use super::primitives::{Monitor, Primitives};
use super::services::Services;
use super::slab::Slab;
use super::socket::{SocketCell, SocketState};
use super::table::Reserved;
use super::transport::{EndpointOf, Token};
use super::{SocketId, System};
use crate::protocol::{Descriptor, Error, Socket};

type MonitorOf<S, T> = <<S as System>::Primitives as Primitives>::Monitor<T>;

/// The most sockets a provider has at once.
const SOCKET_LIMIT: u32 = 1 << 24;

/// The sockets, which outlive the processes that had them.
//= docs/specification.md#s3-process-death
//# - A drain that began before the death of a process MUST go on after it.
pub(super) struct Cells<S: System> {
    /// A cell is large, so it grows in small steps.
    slab: Slab<SocketCell<S>, 256, 3>,
    free: FreeList<S::Primitives>,
}

impl<S: System> Cells<S> {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            slab: Slab::new(config.first_segment_log2),
            free: FreeList::new(SOCKET_LIMIT, config.free_list_shards),
        }
    }

    /// The cell of a released socket may be used again.
    pub(super) fn give_back(&self, id: SocketId) {
        if id.leaves_its_cell() {
            self.free.put(id.cell());
        }
    }

    /// This cell, which was kept, may be used again.
    pub(super) fn put(&self, cell: u32) {
        self.free.put(cell);
    }

    /// How many cells are taken: by sockets that are not released yet, draining
    /// ones included, or kept.
    pub(super) fn taken(&self) -> usize {
        self.free.taken()
    }

    /// Every socket that may exist, for a sweep.
    pub(super) fn every_socket(&self) -> Vec<SocketId> {
        (0..self.free.issued())
            .filter_map(|index| {
                let generation = self.slab.get(index)?.monitor.lock(|state| state.generation);
                Some(SocketId::of(index, generation))
            })
            .collect()
    }

    /// Makes a socket around an endpoint that `make` gives, and opens the
    /// reserved slot as its first descriptor, for a call of this life: one
    /// section of the new socket, so this cannot fail half-way.
    ///
    /// # Errors
    /// [`Error::NoBuffers`] if there are too many sockets, or what `make` says.
    pub(super) fn open_socket(
        &self,
        services: &Services<S>,
        process: &Descriptors<S>,
        (reserved, life): (Reserved<'_, S::Primitives>, Life),
        core: &Socket,
        make: impl FnOnce(Token) -> Result<EndpointOf<S>, Error>,
    ) -> Result<Descriptor, Error> {
        let kept = reserved.take_kept();
        let index = kept.or_else(|| self.free.take()).ok_or(Error::NoBuffers)?;
        let Some(cell) = self.slab.cell(index) else {
            return Err(Error::NoBuffers);
        };
        let opened = cell.monitor.lock(|state| {
            let id = SocketId::of(index, state.generation);
            let endpoint = make(Token(id.0))?;
            state.machine.create(services, id, core);
            state.endpoint = Some(endpoint);
            Ok(state.open(services, id, process, (reserved, life)))
        });
        if opened.is_err() {
            self.free.put(index);
        }
        opened
    }

    /// Waits until whoever is in a section of this socket has left it.
    pub(super) fn pass_through(&self, id: SocketId) {
        if let Some(monitor) = self.monitor(id) {
            monitor.lock(|_| ());
        }
    }

    /// The monitor of a socket's cell.
    pub(super) fn monitor(&self, id: SocketId) -> Option<&MonitorOf<S, SocketState<S>>> {
        self.slab.get(id.cell()).map(|cell| &cell.monitor)
    }
}
