//! The end of a life of a process: what it had is closed, ended and reclaimed (S2,
//! S3, D5).

use super::SocketId;
use super::System;
use super::blocked::{Call, interrupt};
use super::completion::Life;
use super::observation::{Observation, Step};
use super::process::ProcessState;
use super::reference::{Reference, Taker};
use super::table::Occupied;
use crate::protocol::{Actions, Cause, Cut};

/// What a process had when it was stopped.
pub(super) struct Stopped<S: System> {
    pub(super) life: Life,
    occupied: Occupied,
    calls: Vec<Call<S>>,
}

impl<S: System> ProcessState<S> {
    /// Lets no more calls in, and says what there is to end. Under the lock of
    /// the startups, so that what begins after the next startup is not among it.
    pub(super) fn stop(&self, cause: Cause) -> Stopped<S> {
        Stopped {
            life: self.end_life(cause),
            occupied: self.table.swept(),
            calls: self.blocked.all(),
        }
    }

    pub(super) fn sweep_begins(&self, cause: Cause, life: Life) {
        let life = life.0;
        self.shared
            .services
            .observe(|| Observation::by(self.id, Step::SweepBegan { cause, life }));
    }

    pub(super) fn sweep_ended(&self) {
        self.shared
            .services
            .observe(|| Observation::by(self.id, Step::SweepEnded));
    }

    /// Closes every descriptor of the process, waiting for nothing (S2, S3).
    //= docs/specification.md#s2-cleanup
    //# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close
    //# every descriptor of the process.
    //= docs/specification.md#s3-process-death
    //# - The death of a process MUST close every descriptor of that process without waiting for
    //# anything.
    //= docs/specification.md#e1-precedence
    //# - WSAENETDOWN MUST NOT hold up a cleanup or the handling of a process death.
    //= docs/specification.md#s2-cleanup
    //# - The result of an operation that was issued before a cleanup MUST NOT be posted after
    //# that cleanup has returned, whatever ends the operation.
    //= docs/specification.md#s2-cleanup
    //# - A thread that is blocked in a call when its process is cleaned up MUST be woken with
    //# WSAEINTR.
    //= docs/specification.md#s3-process-death
    //# - A thread that is blocked in a call of a process that has died, and that itself still
    //# runs, MUST be woken with WSAEINTR.
    pub(super) fn sweep(&self, stopped: Stopped<S>, cause: Cause) {
        for descriptor in stopped.occupied.open {
            // It fails only if somebody else closed it first.
            let _ = self.close_descriptor(descriptor, cause);
        }
        // Whoever took operations out before this, and has seen the process alive,
        // was in a section of one of the sockets whose lock is taken here: what it
        // had to post is posted when that is free. An operation keeps the slot of
        // its descriptor from being freed until its section is over.
        for socket in stopped.occupied.closed {
            self.shared.cells.pass_through(socket);
        }
        self.end_outlived(cause, stopped.life);
        for call in &stopped.calls {
            interrupt(&self.shared, call, Cut::Closed);
        }
    }

    /// A life of the process ends: operations that outlived their descriptors
    /// end with it (`AbortScope::LastReference`), silently. Those of the next
    /// life, which may have begun, are not its.
    //= docs/specification.md#s2-cleanup
    //# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
    pub(super) fn end_outlived(&self, cause: Cause, life: Life) {
        for socket in self.outlived.all() {
            self.shared.with_socket(socket, |section| {
                let references = &mut section.socket.references;
                let mine = |it: &Reference<S>| !it.live && it.life <= life && it.process == self.id;
                let mut taken = Vec::new();
                while let Some(index) = references.iter().position(mine) {
                    taken.push(references.swap_remove(index));
                    self.outlived.remove(socket);
                }
                section.observe_taken(&mut taken, cause);
                section.settle(Actions::NONE, &taken);
                section.abort(taken);
            });
        }
    }

    /// The process died: the records that nobody can redeem any more are
    /// reclaimed (D5).
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - When the target of a duplication record dies, the provider MUST reclaim the record.
    pub(super) fn reclaim_records(&self) {
        for socket in self.records.all() {
            while self.reclaim_one(socket).is_some() {}
        }
    }

    fn reclaim_one(&self, socket: SocketId) -> Option<()> {
        self.shared
            .with_socket(socket, |section| {
                let state = &mut *section.socket;
                let records = &mut state.rare.as_mut()?.records;
                let index = records
                    .iter_mut()
                    .position(|(_, record)| record.reclaim(self.id))?;
                let (record, _) = records.swap_remove(index);
                self.records.remove(socket);
                section.prepare_close();
                let request = section.close_request(Cause::Reclaimed);
                let state = &mut *section.socket;
                let mut taken = Vec::new();
                let mut taker = Taker {
                    socket,
                    references: &mut state.references,
                    closing: None,
                    taken: &mut taken,
                };
                let machine = *state.machine;
                let commit = state.machine.reclaim(request, &mut taker);
                section.observe_reclaim(self, record, (request.now, machine), commit, &mut taken);
                section.settle(commit.actions, &taken);
                section.abort(taken);
                Some(())
            })
            .flatten()
    }
}
