//! A process: a user of the provider with its own descriptor table.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::blocked::{BlockedCalls, Call, interrupt};
use super::line::Orphanage;
use super::observation::{Observation, Step};
use super::primitives::{Monitor, Primitives, TransportCall, Word as _};
use super::shared::Shared;
use super::sockets::Sockets;
use super::table::{Occupied, Slot, Table};
use super::{SocketId, System};
use crate::protocol::word::{self, Word};
use crate::protocol::{
    Cause, Cut, Descriptor, Error, Notice, Preconditions, ProcessId, Startups, returns_handle,
};

/// The process has no startup that no cleanup has matched.
const STOPPED: u64 = 1;
/// The process is dead.
const DEAD: u64 = 2;
/// The number of the life stands above them.
const LIFE: u64 = 4;

/// One life of a process: from a startup of a stopped process to the cleanup
/// that matches it, or to its death. What a sweep ends is of the life that it
/// ends, or of an earlier one (S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life(pub(super) u64);

/// A process as the engine keeps it.
pub(super) struct ProcessState<S: System> {
    pub(super) id: ProcessId,
    pub(super) shared: Arc<Shared<S>>,
    pub(super) table: Table<S::Primitives>,
    pub(super) blocked: BlockedCalls<S>,
    startups: <S::Primitives as Primitives>::Monitor<Startups>,
    /// `STOPPED` and `DEAD`, neither while calls are allowed, and the life.
    flags: <S::Primitives as Primitives>::Word,
    /// The sockets with duplication records that only this process can redeem.
    pub(super) records: Sockets<S::Primitives>,
    /// The sockets with operations that outlived their descriptors here.
    pub(super) outlived: Sockets<S::Primitives>,
}

/// What a process had when it was stopped.
struct Stopped<S: System> {
    life: Life,
    occupied: Occupied,
    calls: Vec<Call<S>>,
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

impl<S: System> Orphanage for ProcessState<S> {
    fn close_orphan(&self, descriptor: Descriptor) {
        let _call = TransportCall::<S::Primitives>::new();
        // Somebody may have closed it, with the whole process for one.
        let _ = self.close_descriptor(descriptor, Cause::Call);
    }
}

impl<S: System> ProcessState<S> {
    pub(super) fn new(id: ProcessId, shared: Arc<Shared<S>>) -> Self {
        let config = &shared.config;
        Self {
            id,
            table: Table::new(
                config.first_segment_log2,
                config.descriptor_limit,
                config.free_list_shards,
            ),
            blocked: BlockedCalls::new(),
            startups: Monitor::new(Startups::default()),
            flags: <S::Primitives as Primitives>::Word::new(STOPPED),
            records: Sockets::new(),
            outlived: Sockets::new(),
            shared,
        }
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
        self.shared.observe(|| {
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

    /// Whether calls are allowed at all (E1), and in which life.
    #[inline]
    pub(super) fn check_usable(&self) -> Result<Life, Error> {
        let flags = self.flags.load(Ordering::Acquire);
        let network_down = self.shared.network_down.load(Ordering::Acquire);
        let (life, flags) = (Life(flags / LIFE), flags % LIFE);
        if flags | network_down == 0 {
            return Ok(life);
        }
        let allowed = Preconditions {
            initialised: flags == 0,
            network_up: network_down == 0,
            //= docs/specification.md#e1-precedence
            //# - A close that is called from a callback MUST NOT return WSAEINPROGRESS.
            idle: true,
            open: true,
        };
        allowed.check().map(|()| life)
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
        // A cleanup may have closed the descriptor since the flags were read.
        self.check_usable().err().unwrap_or(error)
    }

    /// Ends this many holds.
    pub(super) fn leave(&self, descriptor: Descriptor, holders: u64) {
        if let Some(slot) = self.table.slot(descriptor) {
            self.leave_slot(slot, descriptor, holders);
        }
    }

    #[inline]
    fn leave_slot(&self, slot: &Slot<S::Primitives>, descriptor: Descriptor, holders: u64) {
        let (before, empty) = slot.leave(holders);
        self.shared.observe(|| {
            Observation::through(self.id, descriptor, Step::Left { holders }).saw(before)
        });
        if let Some(seen) = empty {
            self.claim(slot, descriptor.slot(), seen);
        }
    }

    /// Nobody is left inside a closed descriptor: its one claimer gives the
    /// handle back and recycles the slot (H1, H2, H4).
    #[cold]
    fn claim(&self, slot: &Slot<S::Primitives>, index: u32, seen: Word) {
        let claimed = slot.claim(seen);
        let descriptor = word::descriptor(seen, index);
        let (process, shared) = (self.id, &self.shared);
        shared.observe(|| {
            let before = claimed.as_ref().map_or_else(|missed| missed.0, |()| seen);
            let won = claimed.is_ok();
            Observation::through(process, descriptor, Step::Claimed { won }).saw(before)
        });
        //= docs/specification.md#h4-one-attempt
        //# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
        if claimed.is_err() {
            return;
        }
        let mut returned = true;
        //= docs/specification.md#h1-once-for-each-closed-descriptor
        //# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a
        //# close or a cleanup has closed.
        if returns_handle(shared.config.handle_kind, slot.cause()) {
            // A panic is a failure too (H4).
            let upcall = || shared.upcalls.close_socket_handle(process, descriptor);
            //= docs/specification.md#h4-one-attempt
            //# - A failure of the handle upcall MUST NOT cause the release of the socket to be lost
            //# or repeated.
            returned = shared.counters.guard(upcall).is_some_and(|it| it.is_ok());
            let returned = Step::HandleReturned {
                succeeded: returned,
            };
            shared.observe(|| Observation::through(process, descriptor, returned));
        }
        if !returned {
            //= docs/specification.md#h4-one-attempt
            //# - A failure of the handle upcall MUST be reported to the provider.
            shared.retired_handles.fetch_add(1, Ordering::Relaxed);
        }
        self.table.recycle(descriptor, returned, |before, retired| {
            shared.observe(|| {
                Observation::through(process, descriptor, Step::Recycled { retired }).saw(before)
            });
        });
    }

    pub(super) fn unreserve(&self, slot: Option<u32>) {
        if let Some(slot) = slot {
            self.table.unreserve(slot);
        }
    }

    /// Closes a descriptor that opened while its life ended, after the sweep had
    /// passed its slot. The next life may have begun since: it is not of that.
    //= docs/specification.md#s2-cleanup
    //# - A descriptor whose call began before a cleanup MUST NOT remain open after it, even if the
    //# process has started up again.
    pub(super) fn close_if_over(&self, descriptor: Descriptor, life: Life) -> Result<(), Error> {
        let flags = self.flags.fetch_add(0, Ordering::AcqRel);
        if flags == life.0 * LIFE {
            return Ok(());
        }
        let cause = if flags & DEAD == 0 {
            Cause::Cleanup
        } else {
            Cause::Death
        };
        // It fails only if the sweep closed the descriptor first.
        let _ = self.close_descriptor(descriptor, cause);
        Err(Error::NotInitialised)
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
                let stopped = self.stop(STOPPED);
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
            let stopped = self.stop(STOPPED | DEAD);
            self.sweep_begins(Cause::Death, stopped.life);
            stopped
        });
        self.sweep(stopped, Cause::Death);
        self.reclaim_records();
        self.sweep_ended();
    }

    /// Lets calls in, in a life of its own if the process was stopped. Under the
    /// lock of the startups, as every change of the flags.
    fn begin_life(&self) {
        let old = self.flags.load(Ordering::Acquire);
        if old % LIFE == STOPPED {
            self.flags.fetch_add(LIFE - STOPPED, Ordering::SeqCst);
        }
    }

    /// Lets no more calls in, and says what there is to end. Under the lock of
    /// the startups, so that what begins after the next startup is not among it.
    fn stop(&self, flags: u64) -> Stopped<S> {
        let old = self.flags.load(Ordering::Acquire);
        self.flags.fetch_add(flags & !old, Ordering::SeqCst);
        Stopped {
            life: Life(old / LIFE),
            occupied: self.table.swept(),
            calls: self.blocked.all(),
        }
    }

    fn sweep_begins(&self, cause: Cause, life: Life) {
        let life = life.0;
        self.shared
            .observe(|| Observation::by(self.id, Step::SweepBegan { cause, life }));
    }

    fn sweep_ended(&self) {
        self.shared
            .observe(|| Observation::by(self.id, Step::SweepEnded));
    }

    /// Closes every descriptor of the process, waiting for nothing (S2, S3).
    fn sweep(&self, stopped: Stopped<S>, cause: Cause) {
        //= docs/specification.md#s2-cleanup
        //# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close
        //# every descriptor of the process.
        //= docs/specification.md#s3-process-death
        //# - The death of a process MUST close every descriptor of that process without waiting for
        //# anything.
        //= docs/specification.md#e1-precedence
        //# - WSAENETDOWN MUST NOT hold up a cleanup or the handling of a process death.
        for descriptor in stopped.occupied.open {
            // It fails only if somebody else closed it first.
            let _ = self.close_descriptor(descriptor, cause);
        }
        //= docs/specification.md#s2-cleanup
        //# - The result of an operation that was issued before a cleanup MUST NOT be posted after
        //# that cleanup has returned, whatever ends the operation.
        // Whoever took operations out before this, and has seen the process alive,
        // was in a section of one of the sockets whose lock is taken here: what it
        // had to post is posted when that is free. An operation keeps the slot of
        // its descriptor from being freed until its section is over.
        for socket in stopped.occupied.closed {
            self.shared.pass_through(socket);
        }
        self.forsake_operations(cause, stopped.life);
        //= docs/specification.md#s2-cleanup
        //# - A thread that is blocked in a call when its process is cleaned up MUST be woken with
        //# WSAEINTR.
        //= docs/specification.md#s3-process-death
        //# - A thread that is blocked in a call of a process that has died, and that itself still
        //# runs, MUST be woken with WSAEINTR.
        for call in &stopped.calls {
            interrupt(&self.shared, call, Cut::Closed);
        }
    }
}
