//! Closing: the one critical section in which a reference goes (D6a).

use core::time::Duration;

use super::word::{self, Word};
use super::{
    AbortScope, Actions, CloseMode, Connection, Ending, Error, Phase, SendSide, Socket, Time,
};

/// Why a reference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A thread called close.
    Call,
    /// The last cleanup of the process (S2).
    Cleanup,
    /// The process died (S3).
    Death,
    /// The target of an unredeemed duplication record died (D5).
    Reclaimed,
}

/// What a close needs to know besides the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    /// Why the reference goes.
    pub cause: Cause,
    /// The time; any, if the socket is not connected, since nothing drains then.
    pub now: Time,
    /// The provider's own limit for a background drain, after which the
    /// connection is reset; `None` for no limit (L table).
    pub drain_limit: Option<Duration>,
    /// The thread may wait; false in a call of the transport's, where everybody
    /// would wait with it (C4). A lingering close drains in the background then,
    /// with its deadline.
    pub may_wait: bool,
}

/// Which of the socket's pending operations a close takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Take {
    /// None: other references keep them (`AbortScope::LastReference`).
    Nothing,
    /// All that were issued through the closing descriptor.
    ThisReference,
    /// All of the socket.
    EveryReference,
}

/// The pending operations of a socket, as a close sees them.
///
/// The engine takes whole lists in constant time; the model takes bits out of a
/// mask.
pub trait PendingOperations {
    /// What was taken; from then on it belongs to the taker alone (O2).
    type Taken;

    /// Removes the operations in this scope.
    fn take(&mut self, take: Take) -> Self::Taken;
}

/// What a committed close has to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a commit has to be carried out"]
pub struct Commit<Taken> {
    /// The aborted operations, to be ended outside the lock (O1, L4).
    pub aborted: Taken,
    /// This was the last reference (D6).
    pub last: bool,
    /// Orders to the transport, before the lock is released.
    pub actions: Actions,
    /// The close must wait until the socket is closed, expiring it at its
    /// deadline (L table, row 3).
    pub wait: bool,
}

impl Socket {
    /// Closes one descriptor of this socket. All of it is one critical section
    /// under the socket's lock (D6a), in the order that matters:
    ///
    /// 1. whether the descriptor is still open: `seen`, which must have been
    ///    loaded under this lock, is sealed by [`word::seal`]. It comes first,
    ///    because the socket may be another user's by now, whose linger options
    ///    must not answer a close of a closed descriptor (D1, E1);
    /// 2. the would-block decision, before anything has changed (L2, L3);
    /// 3. `swap`, which must put the sealed word in place of `seen` by one
    ///    compare-and-swap: the commit (D1, D2). It fails if somebody entered
    ///    or left meanwhile; then load again and repeat, under the same lock;
    /// 4. the operations are taken out (O1, L4);
    /// 5. the reference is dropped, and whether it was the last and what
    ///    follows is decided in the same step (D6).
    ///
    /// # Errors
    /// [`Error::NotSocket`], [`Error::WouldBlock`], or whatever `swap` returned.
    /// Nothing has changed then (L3).
    //= docs/specification.md#d1-the-commit-point
    //# - A second close of a descriptor MUST fail with WSAENOTSOCK even while the first close
    //# is still waiting in its linger.
    //= docs/specification.md#e1-precedence
    //# - A close to which more than one error applies MUST report the one that comes first in
    //# this order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
    //= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
    //# - With timed linger on a nonblocking socket, a last close that meets every condition of
    //# L2 MUST fail with WSAEWOULDBLOCK.
    //= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
    //# - A close that returns WSAEWOULDBLOCK MUST leave its descriptor valid and every pending
    //# operation pending.
    //= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
    //# - A close that returns WSAEWOULDBLOCK MUST NOT have changed the reference count, the
    //# queued data or any event, or have begun to disconnect.
    //= docs/specification.md#d1-the-commit-point
    //# - A close MUST make its descriptor invalid in one atomic step, the commit.
    //= docs/specification.md#l3-a-failed-close-leaves-no-trace
    //# - A close that fails before its commit MUST leave the descriptor, its operations and its
    //# socket as they were.
    //= docs/specification.md#d6-only-the-last-reference-ends-the-socket
    //# - Whether a reference is the last MUST be decided in the atomic step that takes it off
    //# the count.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::Descriptor`, a close MUST abort every operation that is pending
    //# through its descriptor, whichever thread of the process issued it and whether or not the
    //# descriptor is the last reference.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, the end of the last reference MUST abort every
    //# operation that is still pending on the socket.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, a close of another reference MUST leave the
    //# operations of its descriptor pending.
    //= docs/specification.md#d6-only-the-last-reference-ends-the-socket
    //# - A socket MUST NOT be released while a reference to it remains.
    //= docs/specification.md#d6-only-the-last-reference-ends-the-socket
    //# - Closing a reference that is not the last MUST NOT linger or return WSAEWOULDBLOCK,
    //# whatever the linger options are.
    //= docs/specification.md#d6-only-the-last-reference-ends-the-socket
    //# - Closing a reference that is not the last MUST NOT send a FIN, reset the connection or
    //# discard data.
    //= docs/specification.md#d7-other-descriptors-are-left-alone
    //# - Closing a descriptor MUST NOT alter the data that can be received, or has been sent,
    //# through another descriptor.
    pub fn close<O: PendingOperations, E: From<Error>>(
        &mut self,
        request: CloseRequest,
        seen: Word,
        generation: u32,
        operations: &mut O,
        swap: impl FnOnce(Word) -> Result<(), E>,
    ) -> Result<Commit<O::Taken>, E> {
        let sealed = word::seal(seen, generation)?;
        if self.would_block(request.cause) {
            return Err(Error::WouldBlock.into());
        }
        swap(sealed)?;
        let last = self.drop_reference();
        let aborted = operations.take(match (self.abort_scope, request.cause) {
            (AbortScope::LastReference, _) if last => Take::EveryReference,
            (AbortScope::LastReference, Cause::Call | Cause::Reclaimed) => Take::Nothing,
            // Nothing of a process outlives it (S2, S3).
            (AbortScope::LastReference, Cause::Cleanup | Cause::Death)
            | (AbortScope::Descriptor, _) => Take::ThisReference,
        });
        let (actions, wait) = if last {
            self.end(request)
        } else {
            (Actions::default(), false)
        };
        Ok(Commit {
            aborted,
            last,
            actions,
            wait,
        })
    }

    /// Drops the reference of a duplication record whose target died (D5). If
    /// it was the last, the socket ends as in a process's death (S3), and under
    /// [`AbortScope::LastReference`] its operations are taken out.
    //= docs/specification.md#s3-process-death
    //# - A socket whose last reference is a reclaimed duplication record MUST be ended as after
    //# a process death.
    pub fn reclaim<O: PendingOperations>(
        &mut self,
        request: CloseRequest,
        operations: &mut O,
    ) -> Commit<O::Taken> {
        let last = self.drop_reference();
        let aborted = operations.take(if last {
            Take::EveryReference
        } else {
            Take::Nothing
        });
        let request = CloseRequest {
            cause: Cause::Reclaimed,
            ..request
        };
        let actions = if last {
            self.end(request).0
        } else {
            Actions::default()
        };
        Commit {
            aborted,
            last,
            actions,
            wait: false,
        }
    }

    /// Whether a close has to fail with [`Error::WouldBlock`]: all of L2 holds.
    /// Cleanup and death never do (S2, S3).
    //= docs/specification.md#l2-when-a-close-would-block
    //# - A close MUST NOT return WSAEWOULDBLOCK unless all of the following are true: the reference
    //# is the last, the socket is connected, the socket is nonblocking, the linger is timed, there
    //# is unsent data, and no shutdown of the send side has begun.
    //= docs/specification.md#l1-ways-out-of-wsaewouldblock
    //# - A close after don't linger or hard linger has been set MUST NOT return WSAEWOULDBLOCK.
    //= docs/specification.md#l1-ways-out-of-wsaewouldblock
    //# - After a shutdown of the send side, a close of a nonblocking socket with timed linger MUST
    //# succeed and leave the drain to the background.
    #[must_use]
    pub const fn would_block(&self, cause: Cause) -> bool {
        matches!(cause, Cause::Call)
            && self.references == 1
            && matches!(self.connection, Connection::Connected)
            && self.nonblocking
            && matches!(self.linger.close_mode(), CloseMode::Linger { .. })
            && self.queued() > 0
            && matches!(self.send_side, SendSide::Open)
    }

    /// Drops one reference; true if it was the last (D6).
    //= docs/specification.md#d8-release
    //# - A socket MUST NOT be released more than once.
    const fn drop_reference(&mut self) -> bool {
        self.references = self.references.saturating_sub(1);
        self.references == 0 && self.is_open()
    }

    /// The last reference is gone: the linger table.
    //= docs/specification.md#l8-nothing-to-wait-for
    //# - A lingering close of a socket that is not connected, or has no queued data, MUST
    //# return without waiting.
    //= docs/specification.md#o7-accept-connect-and-the-backlog
    //# - When the last reference to a listener is closed, every connection in its backlog
    //# MUST be reset or closed.
    //= docs/specification.md#l-t2-hard-close
    //# - With hard linger, a last close MUST discard the queued data and reset the
    //# connection, so that the peer's receive fails with WSAECONNRESET.
    //= docs/specification.md#l-t2-hard-close
    //# - With hard linger, a last close MUST return success without waiting.
    fn end(&mut self, request: CloseRequest) -> (Actions, bool) {
        match self.connection {
            Connection::Unconnected | Connection::Connecting => {
                (self.close_as(Ending::Unconnected), false)
            }
            Connection::Listening => {
                self.backlog = 0;
                let actions = self.close_as(Ending::Unconnected);
                (
                    Actions {
                        reset_backlog: true,
                        ..actions
                    },
                    false,
                )
            }
            Connection::Lost => (self.close_as(Ending::Lost), false),
            Connection::Connected if self.transferred => {
                self.hand_over();
                (self.step(), false)
            }
            Connection::Connected => match self.linger.close_mode() {
                CloseMode::Hard => (self.close_as(Ending::Hard), false),
                close_mode => self.end_gracefully(request, close_mode),
            },
        }
    }

    /// Rows 1, 3 and 4 of the linger table.
    //= docs/specification.md#s2-cleanup
    //# - A socket that loses its last reference in a cleanup MUST be reset if hard linger
    //# is set, and otherwise drain in the background.
    //= docs/specification.md#s3-process-death
    //# - A socket that loses its last reference by a process death MUST be reset if hard
    //# linger is set, and otherwise drain in the background.
    //= docs/specification.md#l-t1-do-not-linger
    //# - With don't linger, a last close MUST return success without waiting, be the socket
    //# blocking or not.
    //= docs/specification.md#l-t1-do-not-linger
    //# - With don't linger, the provider MAY reset the connection when the drain exceeds a
    //# limit of the provider's own.
    //= docs/specification.md#l-t1-do-not-linger
    //# - With don't linger, the provider MUST send the queued data and then a FIN in the
    //# background.
    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - With timed linger on a blocking socket, a last close MUST send the queued data and
    //# then a FIN.
    //= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
    //# - With timed linger on a nonblocking socket, a last close that can finish at once MUST
    //# be graceful.
    //= docs/specification.md#l-t1-do-not-linger
    //# - With don't linger, the provider MAY keep the socket's resources for as long as the
    //# drain lasts.
    //= docs/specification.md#c4-on-the-thread-of-the-transport
    //# - A lingering close on a thread that is in a call of the transport's MUST drain in the
    //# background, and reset the connection when its timeout expires.
    fn end_gracefully(&mut self, request: CloseRequest, close_mode: CloseMode) -> (Actions, bool) {
        let waiting_time = match close_mode {
            CloseMode::Linger { .. } if request.cause == Cause::Call && !self.nonblocking => {
                Some(self.linger.time())
            }
            _ => None,
        };
        let limit = waiting_time.or(request.drain_limit);
        self.phase = Phase::Draining {
            deadline: limit.map(|limit| request.now.after(limit)),
        };
        if matches!(self.send_side, SendSide::Open | SendSide::ShuttingDown) {
            self.send_side = SendSide::Closing;
        }
        let actions = self.step();
        let wait = request.may_wait && waiting_time.is_some() && self.is_draining();
        (actions, wait)
    }
}
