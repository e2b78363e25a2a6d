//! Rules of the protocol that random histories do not show: what a caller sees
//! of a single function, and what no caller of today would ever ask. Most of
//! these tests came from a change of the source that nothing else noticed
//! (`docs/mutants.md`).

use std::time::Duration;

use closesocket::protocol::program::{self, Did, Next, Owed, Sweep};
use closesocket::protocol::{
    AbortScope, Actions, Cause, CloseRequest, Connection, Descriptor, Ending, Error, Limits,
    Linger, PendingOperations, Phase, ProcessId, Socket, Take, Time, UnreadInput, may_cancel,
};

struct NoOperations;

impl PendingOperations for NoOperations {
    type Taken = ();

    fn take(&mut self, _: Take) {}
}

fn connected() -> Socket {
    let listener = Socket::new(100, AbortScope::Descriptor, UnreadInput::Discard);
    Socket::accepted(&listener)
}

const fn request(cause: Cause) -> CloseRequest {
    CloseRequest {
        cause,
        now: Time::ZERO,
        drain_limit: Some(Duration::from_secs(1)),
        may_wait: true,
    }
}

/// Whoever reclaims a record may be in a close of its own.
#[test]
fn s3_a_reclaimed_last_reference_drains_in_the_background_whatever_the_cause_was() {
    for cause in [Cause::Call, Cause::Cleanup, Cause::Death, Cause::Reclaimed] {
        let mut socket = connected();
        socket.set_linger(Linger::off().set_on(5));
        assert_eq!(socket.accept_bytes(10), 10);
        let commit = socket.reclaim(request(cause), &mut NoOperations);
        assert!(commit.last && !commit.wait, "{cause:?}");
        let deadline = Some(Time::ZERO.after(Duration::from_secs(1)));
        assert_eq!(socket.phase, Phase::Draining { deadline }, "{cause:?}");
    }
}

/// A close of a transferred connection sends no FIN, but what was asked for
/// before it is still owed.
#[test]
fn d9_the_fin_of_a_shutdown_follows_the_queue_that_is_handed_over() {
    let mut socket = connected();
    assert!(socket.transfer().is_ok());
    assert_eq!(socket.accept_bytes(10), 10);
    assert_eq!(socket.shut_down_send(false), Ok(Actions::default()));
    let commit = socket.reclaim(request(Cause::Death), &mut NoOperations);
    assert_eq!((commit.last, commit.actions), (true, Actions::default()));
    let at_the_end = Actions {
        send_fin: true,
        release: true,
        ..Actions::default()
    };
    assert_eq!(socket.transmitted(10), at_the_end);
    assert_eq!(socket.phase, Phase::Closed(Ending::HandedOver));
}

/// Counterexamples, traces and logs name them so.
#[test]
fn a_descriptor_shows_its_slot_and_generation_and_a_process_its_number() {
    assert_eq!(Descriptor::new(3, 7).to_string(), "3.7");
    assert_eq!(ProcessId(2).to_string(), "P2");
}

#[test]
fn an_accepted_socket_has_the_options_of_its_listener() {
    let mut listener = Socket::new(70, AbortScope::LastReference, UnreadInput::Reset);
    assert_eq!(listener.listen(), Ok(()));
    listener.set_nonblocking(true);
    listener.set_linger(Linger::off().set_on(9));
    listener.set_limits(Limits::from_millis(5, 6));
    let accepted = Socket::accepted(&listener);
    let expected = Socket {
        connection: Connection::Connected,
        ..listener
    };
    assert_eq!(accepted, expected);
}

#[test]
fn a_time_gives_back_its_nanoseconds_and_what_is_left_until_another() {
    let (early, late) = (Time::from_nanos(40), Time::from_nanos(100));
    assert_eq!((early.nanos(), late.nanos()), (40, 100));
    assert_eq!(early.until(late), Duration::from_nanos(60));
    assert_eq!(late.until(early), Duration::ZERO);
}

//= docs/specification.md#l4-operations-end-first
//= type=test
//# - A lingering close MUST abort the pending operations before it starts to wait.
//= docs/specification.md#h2-after-the-operations
//= type=test
//# - The closing thread MUST give up its hold only after it has delivered the operations
//# that it aborted.
#[test]
fn a_close_tells_its_results_before_it_waits_and_leaves_last() {
    let mut owed = Owed {
        results: true,
        holds: true,
        drain: true,
        own_hold: true,
        sweep: Some(Sweep::Slots),
    };
    assert_eq!(owed.next(), Next::Deliver);
    owed.results = false;
    assert_eq!(owed.next(), Next::GiveUp, "of other descriptors");
    owed.holds = false;
    assert_eq!(owed.next(), Next::Wait);
    owed.drain = false;
    assert_eq!(owed.next(), Next::GiveUp, "its own");
    owed.own_hold = false;
    assert_eq!(owed.next(), Next::NextSlot);
    owed.sweep = None;
    assert_eq!(owed.next(), Next::Idle);
}

#[test]
fn whoever_leaves_a_closed_descriptor_last_claims_it_before_anything_else() {
    let owed = Owed {
        drain: true,
        own_hold: true,
        ..Owed::default()
    };
    let left = |last_out| program::next(Did::Leave { last_out }, || owed);
    assert_eq!((left(true), left(false)), (Next::Claim, Next::Wait));
    let claimed = |won, returns_handle| {
        let did = Did::Claim {
            won,
            returns_handle,
        };
        program::next(did, || owed)
    };
    assert_eq!(claimed(true, true), Next::ReturnHandle);
    assert_eq!(claimed(true, false), Next::Recycle);
    assert_eq!(claimed(false, true), Next::Wait);
    assert_eq!(program::next(Did::ReturnHandle, || owed), Next::Recycle);
    assert_eq!(program::next(Did::Recycle, || owed), Next::Wait);
}

#[test]
fn c2_only_an_interrupted_send_has_accepted_bytes() {
    assert_eq!(Error::SendInterrupted { accepted: 7 }.accepted(), 7);
    for error in [
        Error::Interrupted,
        Error::OperationAborted,
        Error::ConnectionReset,
    ] {
        assert_eq!(error.accepted(), 0, "{error:?}");
    }
}

#[test]
fn c1_a_cancel_takes_what_is_pending_and_its_own() {
    assert_eq!(may_cancel(true, true), Ok(()));
    for (pending, own) in [(true, false), (false, true), (false, false)] {
        assert_eq!(may_cancel(pending, own), Err(Error::NotFound));
    }
}

/// The sends that a shutdown waits for are taken out with the last reference.
#[test]
fn s1a_the_fin_of_a_shutdown_waits_for_no_send_that_the_close_took_out() {
    let mut socket = connected();
    assert_eq!(socket.shut_down_send(true), Ok(Actions::default()));
    let commit = socket.reclaim(request(Cause::Death), &mut NoOperations);
    let fin = Actions {
        send_fin: true,
        release: true,
        ..Actions::default()
    };
    assert_eq!((commit.last, commit.actions), (true, fin));
}
