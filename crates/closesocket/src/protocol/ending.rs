//! How an operation and a descriptor end: who is told, and whether the handle
//! goes back (O3, O4, S2, S3, H1, H4).

use super::{Cause, Error};

/// How the issuer of an operation waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// A thread is blocked in the call.
    Blocked,
    /// Overlapped: an event, a queue packet or a completion routine.
    Overlapped,
}

/// How the issuer of an operation is told that it has ended, exactly once (O2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The blocked call returns; no notification is posted (O4).
    Wake,
    /// The event, packet or routine is delivered (O3).
    Post,
    /// Nothing is delivered: the operation just ends (S2, S3).
    Silent,
}

/// How the end of an operation is told, whatever ends it: it completes, is
/// cancelled or is aborted by somebody's close. `over` says whether the life of
/// the issuer's process in which it was issued has ended, by a cleanup or with the
/// process; asked under the socket's lock, in the section that takes it out.
//= docs/specification.md#o4-blocked-calls
//# - A notification MUST NOT be posted for a blocked call that a close has aborted.
//= docs/specification.md#s2-cleanup
//# - Cleanup MUST end the pending operations of the process without posting an event, a
//# packet or a routine.
//= docs/specification.md#s3-process-death
//# - A completion MUST NOT be posted to a dead process.
//= docs/specification.md#o3-aborted-overlapped-operations
//# - An operation that the end of another process aborts MUST be told as if a call had closed
//# its descriptor.
#[must_use]
pub const fn notice(waiting: Waiting, over: bool) -> Notice {
    match (waiting, over) {
        (Waiting::Blocked, _) => Notice::Wake,
        (Waiting::Overlapped, true) => Notice::Silent,
        (Waiting::Overlapped, false) => Notice::Post,
    }
}

/// Why a pending operation ends early, other than by a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// It was cancelled (C1, C2).
    Cancelled,
    /// Its time limit has passed (C3).
    TimedOut,
    /// A close or the end of its process has ended the call (O4, S2, S3).
    Closed,
}

/// How an operation ends that is cut off, when this many bytes of it were
/// accepted; they are queued data whatever it says (O6). A receive, accept or
/// connect has none.
///
/// # Errors
/// What its issuer gets, unless that is the number of bytes accepted.
//= docs/specification.md#c1-cancelling
//# - A cancelled overlapped operation that does not complete MUST end with
//# WSA_OPERATION_ABORTED and its notification.
//= docs/specification.md#o3-aborted-overlapped-operations
//# - An overlapped operation that a close aborts MUST end with WSA_OPERATION_ABORTED.
//= docs/specification.md#c2-partly-accepted-blocking-sends
//# - A blocking send whose descriptor is closed under it MUST fail with WSAEINTR, and the
//# error carries the number of bytes accepted.
//= docs/specification.md#c2-partly-accepted-blocking-sends
//# - A blocking send that is cancelled after a part of its bytes was accepted MUST return
//# the number of bytes accepted.
//= docs/specification.md#c3-time-limits
//# - A blocking send whose time limit passes after a part of its bytes was accepted MUST
//# return the number of bytes accepted.
//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
//= docs/specification.md#c3-time-limits
//# - A blocking call whose time limit passes before anything of it was done MUST fail with
//# WSAETIMEDOUT.
pub const fn cut_off(cut: Cut, waiting: Waiting, accepted: usize) -> Result<usize, Error> {
    match (waiting, cut) {
        (Waiting::Overlapped, Cut::Cancelled | Cut::Closed) => Err(Error::OperationAborted),
        (Waiting::Blocked, Cut::Closed) if accepted > 0 => Err(Error::SendInterrupted { accepted }),
        (Waiting::Blocked, _) if accepted > 0 => Ok(accepted),
        (Waiting::Blocked, Cut::Cancelled | Cut::Closed) => Err(Error::Interrupted),
        (_, Cut::TimedOut) => Err(Error::TimedOut),
    }
}

/// Whether a cancel may take an operation out: `pending` says whether it still
/// is, `own` whether the canceller's process issued it. Evaluated under the
/// socket's lock, in the section that takes it out.
///
/// # Errors
/// [`Error::NotFound`].
//= docs/specification.md#c1-cancelling
//# - A cancel that finds no operation to cancel MUST fail with ERROR_NOT_FOUND.
//= docs/specification.md#c1-cancelling
//# - A cancel MUST NOT end an operation that another process, or for a cancel by descriptor another
//# descriptor, has issued.
pub const fn may_cancel(pending: bool, own: bool) -> Result<(), Error> {
    if pending && own {
        Ok(())
    } else {
        Err(Error::NotFound)
    }
}

/// Whether a provider's handles are the operating system's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HandleKind {
    /// IFS: no upcall is made when a descriptor ends (H4).
    #[default]
    Ifs,
    /// Non-IFS: the handle is given back with `WPUCloseSocketHandle` (H1).
    NonIfs,
}

/// Whether a claimed descriptor's handle has to be given back: once for each
/// descriptor that was closed, never for one that ended by its process's death
/// (H1), never for an IFS provider (H4).
//= docs/specification.md#h1-once-for-each-closed-descriptor
//# - The handle of a descriptor that was ended by process death MUST NOT be given back.
//= docs/specification.md#h4-one-attempt
//# - An IFS provider MUST NOT make the handle upcall.
#[must_use]
pub const fn returns_handle(kind: HandleKind, cause: Cause) -> bool {
    matches!(kind, HandleKind::NonIfs) && matches!(cause, Cause::Call | Cause::Cleanup)
}

#[cfg(test)]
mod tests {
    use super::*;

    //= docs/specification.md#o4-blocked-calls
    //= type=test
    //# - A notification MUST NOT be posted for a blocked call that a close has aborted.
    #[test]
    fn a_blocked_call_is_always_woken_and_never_posted_to() {
        for over in [false, true] {
            assert_eq!(notice(Waiting::Blocked, over), Notice::Wake);
        }
    }

    #[test]
    fn the_end_of_an_overlapped_operation_is_told_in_the_life_that_issued_it_only() {
        assert_eq!(notice(Waiting::Overlapped, false), Notice::Post);
        assert_eq!(notice(Waiting::Overlapped, true), Notice::Silent);
    }

    #[test]
    fn a_handle_goes_back_for_closed_descriptors_of_non_ifs_providers_only() {
        assert!(returns_handle(HandleKind::NonIfs, Cause::Call));
        assert!(returns_handle(HandleKind::NonIfs, Cause::Cleanup));
        assert!(!returns_handle(HandleKind::NonIfs, Cause::Death));
        assert!(!returns_handle(HandleKind::Ifs, Cause::Call));
    }
}
