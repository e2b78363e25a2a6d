//! Closing: the one critical section in which a reference goes (D6a).

use std::time::Duration;

use super::word::{self, Word};
use super::{
    AbortScope, Actions, Connection, Ending, Error, Farewell, Phase, SendSide, Socket, Time,
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
    /// The time of the call.
    pub now: Time,
    /// The provider's own limit for a background drain, after which the
    /// connection is reset; `None` for no limit (L table).
    pub drain_limit: Option<Duration>,
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
    #[must_use]
    pub const fn would_block(&self, cause: Cause) -> bool {
        matches!(cause, Cause::Call)
            && self.references == 1
            && matches!(self.connection, Connection::Connected)
            && self.nonblocking
            && matches!(self.linger.farewell(), Farewell::Linger { .. })
            && self.queued() > 0
            && matches!(self.send_side, SendSide::Open)
    }

    /// Drops one reference; true if it was the last (D6).
    const fn drop_reference(&mut self) -> bool {
        self.references = self.references.saturating_sub(1);
        self.references == 0 && self.is_open()
    }

    /// The last reference is gone: the linger table.
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
            Connection::Connected => match self.linger.farewell() {
                Farewell::Hard => (self.close_as(Ending::Hard), false),
                farewell => self.end_gracefully(request, farewell),
            },
        }
    }

    /// Rows 1, 3 and 4 of the linger table.
    fn end_gracefully(&mut self, request: CloseRequest, farewell: Farewell) -> (Actions, bool) {
        let waiting_time = match farewell {
            Farewell::Linger { seconds } if request.cause == Cause::Call && !self.nonblocking => {
                Some(Duration::from_secs(u64::from(seconds)))
            }
            _ => None,
        };
        let limit = waiting_time.or(request.drain_limit);
        self.phase = Phase::Draining {
            deadline: limit.map(|limit| request.now.after(limit)),
        };
        if self.send_side == SendSide::Open {
            self.send_side = SendSide::Closing;
        }
        let actions = self.step();
        (actions, waiting_time.is_some() && self.is_draining())
    }
}
