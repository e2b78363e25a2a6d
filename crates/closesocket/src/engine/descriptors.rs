//! The descriptors of a process: its table, the life that it is in, and what it
//! has left on which socket.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use super::System;
use super::completion::{Life, Orphanage};
use super::observation::{Observation, Step};
use super::primitives::{Primitives, Word as _};
use super::services::Services;
use super::sockets::Sockets;
use super::table::{Slot, Table};
use crate::protocol::word::{self, Word};
use crate::protocol::{Cause, Descriptor, Error, Notice, Preconditions, ProcessId, returns_handle};

/// The process has no startup that no cleanup has matched.
const STOPPED: u64 = 1;
/// The process is dead.
const DEAD: u64 = 2;
/// The number of the life stands above them.
const LIFE: u64 = 4;

/// The descriptors of one process, and everything by which a socket knows it.
pub(super) struct Descriptors<S: System> {
    pub(super) id: ProcessId,
    pub(super) services: Arc<Services<S>>,
    pub(super) table: Table<S::Primitives>,
    /// `STOPPED` and `DEAD`, neither while calls are allowed, and the life.
    flags: <S::Primitives as Primitives>::Word,
    /// The sockets with duplication records that only this process can redeem.
    pub(super) records: Sockets<S::Primitives>,
    /// The sockets with operations that outlived their descriptors here.
    pub(super) outlived: Sockets<S::Primitives>,
    /// Who can close them.
    owner: OnceLock<Weak<dyn Orphanage>>,
}

impl<S: System> Descriptors<S> {
    pub(super) fn new(id: ProcessId, services: Arc<Services<S>>) -> Self {
        let config = &services.config;
        Self {
            id,
            table: Table::new(
                config.first_segment_log2,
                config.descriptor_limit,
                config.free_list_shards,
            ),
            flags: <S::Primitives as Primitives>::Word::new(STOPPED),
            records: Sockets::new(),
            outlived: Sockets::new(),
            owner: OnceLock::new(),
            services,
        }
    }

    /// Whether they are these.
    pub(super) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    pub(super) fn belong_to(&self, owner: Weak<dyn Orphanage>) {
        let _ = self.owner.set(owner);
    }

    /// Who can close one that nobody will ever be told of.
    pub(super) fn owner(&self) -> Option<Weak<dyn Orphanage>> {
        self.owner.get().cloned()
    }

    /// What a call needs before it looks at a descriptor (E1), and in which life
    /// it is made.
    //= docs/specification.md#e1-precedence
    //# - A close that is called from a callback MUST NOT return WSAEINPROGRESS.
    #[inline]
    fn preconditions(&self) -> (Life, Preconditions) {
        let flags = self.flags.load(Ordering::Acquire);
        let network_down = self.services.network_down.load(Ordering::Acquire);
        let preconditions = Preconditions {
            initialised: flags.is_multiple_of(LIFE),
            network_up: network_down == 0,
            // No call of the engine keeps its thread from making another one.
            idle: true,
        };
        (Life(flags / LIFE), preconditions)
    }

    /// Whether calls are allowed at all (E1), and in which life.
    #[inline]
    pub(super) fn check_usable(&self) -> Result<Life, Error> {
        let (life, preconditions) = self.preconditions();
        preconditions.check().map(|()| life)
    }

    /// What a call reports that its descriptor refused with this error: a cleanup
    /// may have closed it since the call looked.
    #[cold]
    pub(super) fn refusal(&self, error: Error) -> Error {
        self.preconditions().1.precede(error)
    }

    /// Ends this many holds.
    pub(super) fn leave(&self, descriptor: Descriptor, holders: u64) {
        if let Some(slot) = self.table.slot(descriptor) {
            self.leave_slot(slot, descriptor, holders);
        }
    }

    #[inline]
    pub(super) fn leave_slot(
        &self,
        slot: &Slot<S::Primitives>,
        descriptor: Descriptor,
        holders: u64,
    ) {
        let (before, empty) = slot.leave(holders);
        self.services.observe(|| {
            Observation::through(self.id, descriptor, Step::Left { holders }).saw(before)
        });
        if let Some(seen) = empty {
            self.claim(slot, descriptor.slot(), seen);
        }
    }

    /// Nobody is left inside a closed descriptor: its one claimer gives the
    /// handle back and recycles the slot (H1, H2, H4).
    //= docs/specification.md#h4-one-attempt
    //# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
    //= docs/specification.md#h1-once-for-each-closed-descriptor
    //# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a
    //# close or a cleanup has closed.
    //= docs/specification.md#h4-one-attempt
    //# - A failure of the handle upcall MUST NOT cause the release of the socket to be lost
    //# or repeated.
    //= docs/specification.md#h4-one-attempt
    //# - A failure of the handle upcall MUST be reported to the provider.
    #[cold]
    fn claim(&self, slot: &Slot<S::Primitives>, index: u32, seen: Word) {
        let claimed = slot.claim(seen);
        let descriptor = word::descriptor(seen, index);
        let (process, services) = (self.id, &self.services);
        services.observe(|| {
            let before = claimed.as_ref().map_or_else(|missed| missed.0, |()| seen);
            let won = claimed.is_ok();
            Observation::through(process, descriptor, Step::Claimed { won }).saw(before)
        });
        if claimed.is_err() {
            return;
        }
        let mut returned = true;
        if returns_handle(services.config.handle_kind, slot.cause()) {
            // A panic is a failure too (H4).
            let upcall = || services.upcalls.close_socket_handle(process, descriptor);
            returned = services.counters.guard(upcall).is_some_and(|it| it.is_ok());
            let returned = Step::HandleReturned {
                succeeded: returned,
            };
            services.observe(|| Observation::through(process, descriptor, returned));
        }
        if !returned {
            services.retired_handles.fetch_add(1, Ordering::Relaxed);
        }
        self.table
            .recycle(slot, index, returned, |before, retired| {
                services.observe(|| {
                    Observation::through(process, descriptor, Step::Recycled { retired })
                        .saw(before)
                });
            });
    }

    pub(super) fn unreserve(&self, slot: Option<u32>) {
        if let Some(slot) = slot {
            self.table.unreserve(slot);
        }
    }

    /// Whether the process is dead. An addition of nothing, not a load: either
    /// the caller sees the death, or the dying process's sweep sees what the
    /// caller did before.
    pub(super) fn is_dead(&self) -> bool {
        self.flags.fetch_add(0, Ordering::AcqRel) & DEAD != 0
    }

    /// The life that the process is in, or was last.
    pub(super) fn life(&self) -> Life {
        Life(self.flags.load(Ordering::Acquire) / LIFE)
    }

    /// Whether this life has ended, by a cleanup or the process's death.
    pub(super) fn is_over(&self, life: Life) -> bool {
        self.flags.load(Ordering::Acquire) != life.0 * LIFE
    }

    /// What the probe is told of an operation of this life: that it ends silently.
    pub(super) fn silence(life: Life, notice: Notice) -> Option<u64> {
        (notice == Notice::Silent).then_some(life.0)
    }

    /// What has ended this life, if it is over. Who has opened a descriptor in it
    /// asks: if the sweep has passed the slot before, the opening has acquired the
    /// flags from it, so a load sees them, and threads that open descriptors do not
    /// fight for their cache line.
    pub(super) fn ended_by(&self, life: Life) -> Option<Cause> {
        let flags = self.flags.load(Ordering::Acquire);
        let cause = if flags & DEAD == 0 {
            Cause::Cleanup
        } else {
            Cause::Death
        };
        (flags != life.0 * LIFE).then_some(cause)
    }

    /// Lets calls in, in a life of its own if the process was stopped. Under the
    /// lock of the startups, as every change of the flags.
    pub(super) fn begin_life(&self) {
        let old = self.flags.load(Ordering::Acquire);
        if old % LIFE == STOPPED {
            self.flags.fetch_add(LIFE - STOPPED, Ordering::SeqCst);
        }
    }

    /// Lets no more calls in. Returns the life that ends. Under the lock of the
    /// startups too.
    pub(super) fn end_life(&self, cause: Cause) -> Life {
        let flags = if cause == Cause::Death {
            STOPPED | DEAD
        } else {
            STOPPED
        };
        let old = self.flags.load(Ordering::Acquire);
        self.flags.fetch_add(flags & !old, Ordering::SeqCst);
        Life(old / LIFE)
    }
}
