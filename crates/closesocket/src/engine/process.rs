//! A process: a user of the provider with its own descriptor table.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use super::blocked::BlockedCalls;
use super::completion::{Life, Orphanage};
use super::descriptors::Descriptors;
use super::keeper::{Keeper, Keepers};
use super::observation::{Observation, Step};
use super::primitives::{Monitor, Primitives, TransportCall};
use super::shared::Shared;
use super::table::Slot;
use super::{SocketId, System};
use crate::protocol::word::{self};
use crate::protocol::{Cause, Descriptor, Error, Startups};

/// A process as the engine keeps it.
pub(super) struct ProcessState<S: System> {
    descriptors: Arc<Descriptors<S>>,
    keepers: Keepers<Descriptors<S>>,
    pub(super) shared: Arc<Shared<S>>,
    pub(super) blocked: BlockedCalls<S>,
    startups: <S::Primitives as Primitives>::Monitor<Startups>,
}

impl<S: System> Deref for ProcessState<S> {
    type Target = Descriptors<S>;

    #[inline]
    fn deref(&self) -> &Descriptors<S> {
        &self.descriptors
    }
}

/// A call's hold on a descriptor: while it exists, the descriptor's handle is
/// not given back and its slot not reused (H2). Dropping it leaves.
///
/// An overlapped call has a second one for its operation until the operation is
/// registered.
//= docs/specification.md#d3-stale-values
//# - An operation MUST keep the socket and the `(slot, generation)` with which it was issued,
//# without a second look-up.
//= docs/specification.md#h2-after-the-operations
//# - Every call and every pending operation MUST hold its descriptor until its result has been
//# delivered.
pub struct Admission<'a, S: System> {
    pub(super) process: &'a ProcessState<S>,
    pub(super) descriptor: Descriptor,
    slot: &'a Slot<S::Primitives>,
    holders: u64,
}

impl<S: System> Admission<'_, S> {
    /// The socket behind the descriptor.
    #[inline]
    #[must_use]
    pub fn socket(&self) -> SocketId {
        self.slot.socket()
    }

    /// The overlapped operation has its hold from here on: whoever delivers it
    /// leaves for it, perhaps before this call does.
    pub(super) const fn keep_one(&mut self) {
        self.holders -= word::HOLDER;
    }
}

impl<S: System> Drop for Admission<'_, S> {
    #[inline]
    fn drop(&mut self) {
        let holders = self.holders;
        self.process.leave_slot(self.slot, self.descriptor, holders);
    }
}

impl<S: System> std::fmt::Debug for Admission<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

impl<S: System> Drop for ProcessState<S> {
    fn drop(&mut self) {
        let cells = &self.shared.cells;
        self.table.take_kept().for_each(|cell| cells.put(cell));
    }
}

impl<S: System> Orphanage for ProcessState<S> {
    fn close_orphan(&self, descriptor: Descriptor) {
        let _call = TransportCall::<S::Primitives>::new();
        // Somebody may have closed it, with the whole process for one.
        let _ = self.close_descriptor(descriptor, Cause::Call);
    }

    fn close_outdated(&self, descriptor: Descriptor, life: Life) {
        let _ = self.close_if_over(descriptor, life);
    }
}

impl<S: System> ProcessState<S> {
    /// The process of these descriptors.
    pub(super) fn new(descriptors: Arc<Descriptors<S>>, shared: Arc<Shared<S>>) -> Arc<Self> {
        let process = Arc::new(Self {
            keepers: Keepers::new(&descriptors, shared.services.config.free_list_shards),
            descriptors,
            shared,
            blocked: BlockedCalls::new(),
            startups: Monitor::new(Startups::default()),
        });
        let owner: Weak<Self> = Arc::downgrade(&process);
        process.descriptors.belong_to(owner);
        process
    }

    /// Who keeps the descriptors for what the calling thread opens.
    pub(super) fn keeper(&self) -> &Keeper<Descriptors<S>> {
        self.keepers.own::<S::Primitives>()
    }

    /// Lets a call in through this descriptor.
    ///
    /// # Errors
    /// By the precedence of E1, [`Error::NotSocket`] at the end, or
    /// [`Error::TooManyDescriptors`] if too many operations are pending.
    #[inline]
    pub(super) fn admit(&self, descriptor: Descriptor) -> Result<Admission<'_, S>, Error> {
        self.enter(descriptor, word::HOLDER)
    }

    /// Lets an overlapped call in, with a hold of its own and one for its
    /// operation: the two end on different threads, in either order.
    ///
    /// # Errors
    /// As [`ProcessState::admit`].
    //= docs/specification.md#h2-after-the-operations
    //# - An overlapped call and its operation MUST each have a hold of their own from the moment
    //# that the call is let in.
    pub(super) fn admit_overlapped(
        &self,
        descriptor: Descriptor,
    ) -> Result<Admission<'_, S>, Error> {
        self.enter(descriptor, 2 * word::HOLDER)
    }

    #[inline]
    fn enter(&self, descriptor: Descriptor, holders: u64) -> Result<Admission<'_, S>, Error> {
        self.check_usable()?;
        let Some(slot) = self.table.slot(descriptor) else {
            return Err(Error::NotSocket);
        };
        let (before, admitted) = slot.enter(descriptor.generation(), holders);
        self.shared.services.observe(|| {
            let admitted = admitted.is_ok();
            Observation::through(self.id, descriptor, Step::Entered { holders, admitted })
                .saw(before)
        });
        if let Err(error) = admitted {
            return Err(self.back_out(slot, descriptor, holders, error));
        }
        Ok(Admission {
            process: self,
            descriptor,
            slot,
            holders,
        })
    }

    #[cold]
    fn back_out(
        &self,
        slot: &Slot<S::Primitives>,
        descriptor: Descriptor,
        holders: u64,
        error: Error,
    ) -> Error {
        self.leave_slot(slot, descriptor, holders);
        self.refusal(error)
    }

    /// Closes a descriptor that opened while its life ended, after the sweep had
    /// passed its slot. The next life may have begun since: it is not of that.
    //= docs/specification.md#s2-cleanup
    //# - A descriptor whose call began before a cleanup MUST NOT remain open after it, even if the
    //# process has started up again.
    pub(super) fn close_if_over(&self, descriptor: Descriptor, life: Life) -> Result<(), Error> {
        let Some(cause) = self.ended_by(life) else {
            return Ok(());
        };
        // It fails only if the sweep closed the descriptor first.
        let _ = self.close_descriptor(descriptor, cause);
        Err(Error::NotInitialised)
    }

    pub(super) fn startup(&self) -> Result<(), Error> {
        if self.is_dead() {
            return Err(Error::NotInitialised);
        }
        self.startups.lock(|startups| {
            startups.startup()?;
            self.begin_life();
            Ok(())
        })
    }

    pub(super) fn cleanup(&self) -> Result<(), Error> {
        let stopped = self.startups.lock(|startups| {
            let last = startups.cleanup()?;
            Ok(last.then(|| {
                let stopped = self.stop(Cause::Cleanup);
                self.sweep_begins(Cause::Cleanup, stopped.life);
                stopped
            }))
        })?;
        if let Some(stopped) = stopped {
            self.sweep(stopped, Cause::Cleanup);
            self.sweep_ended();
        }
        Ok(())
    }

    pub(super) fn die(&self) {
        let stopped = self.startups.lock(|startups| {
            startups.die();
            let stopped = self.stop(Cause::Death);
            self.sweep_begins(Cause::Death, stopped.life);
            stopped
        });
        self.sweep(stopped, Cause::Death);
        self.reclaim_records();
        self.sweep_ended();
    }
}
