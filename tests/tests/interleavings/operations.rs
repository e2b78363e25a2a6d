//! Closes against operations that begin and that complete.

use closesocket::engine::Error;
use closesocket::engine::net::PeerRead;
use closesocket::engine::observe::{Observation, Step};

use super::model::{NO_ORDER, must_fail, reached, run_model};
use super::primitives::Defect;
use super::world::{Setup, World, spawn};

/// How the word or the lock refused a call (O1a).
fn refusal(world: &World) -> &'static str {
    let refused = |it: &Observation| {
        matches!(
            it.step,
            Step::Entered {
                admitted: false,
                ..
            }
        )
    };
    if world.provider.probe().observations().iter().any(refused) {
        "refused at the word"
    } else {
        "refused under the lock"
    }
}

fn close_and_overlapped_receive() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let caller = spawn(&world, move |world| world.start_receive(descriptor, 7));
    assert_eq!(world.process.close(descriptor), Ok(()));
    match caller.join().unwrap() {
        Ok(_) => {
            reached("started and aborted");
            assert_eq!(world.completions(), [(7, Err(Error::OperationAborted))]);
        }
        Err(error) => {
            assert_eq!(error, Error::NotSocket);
            assert_eq!(world.completions(), [], "refused, and yet told");
            reached(refusal(&world));
        }
    }
    world.judge();
}

//= docs/specification.md#d1-the-commit-point
//# - A close MUST make its descriptor invalid in one atomic step, the commit.
//= docs/specification.md#d6a-one-critical-section
//# - A close MUST perform all these steps in one critical section of its socket.
//= docs/specification.md#o1a-late-registration
//# - A call that began before the commit and registers its operation after it MUST detect, holding
//# the lock of the socket, that its reference is gone.
//= docs/specification.md#o1a-late-registration
//# - A call that detects that its reference is gone MUST fail with WSAENOTSOCK without posting a
//# completion.
//= docs/specification.md#d6a-one-critical-section
//# The start of a call is not among the locked steps, and an implementation MAY keep it lock-free.
#[test]
fn an_overlapped_receive_that_meets_a_close_is_aborted_or_refused_as_a_whole() {
    let outcomes = &[
        "started and aborted",
        "refused under the lock",
        "refused at the word",
    ];
    run_model(None, 3_800, outcomes, close_and_overlapped_receive);
}

//= docs/specification.md#d1-the-commit-point
//# - A call that begins after the commit and names the closed descriptor MUST fail with
//# WSAENOTSOCK, unless an error that precedes WSAENOTSOCK in E1 applies.
#[test]
fn an_entry_that_is_not_one_instruction_is_caught_by_a_receive_that_meets_a_close() {
    let scenario = close_and_overlapped_receive;
    must_fail(Defect::AdditionIsSplit, None, NO_ORDER, scenario);
}

//= docs/specification.md#d1-the-commit-point
//# - A close MUST make its descriptor invalid in one atomic step, the commit.
#[test]
fn a_seal_that_is_a_plain_store_is_caught_by_a_receive_that_meets_a_close() {
    let scenario = close_and_overlapped_receive;
    must_fail(Defect::SwapIsAStore, None, NO_ORDER, scenario);
}

fn close_and_blocking_receive() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let caller = spawn(&world, move |world| {
        world.process.recv(descriptor, &mut [0; 2])
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    match caller.join().unwrap() {
        Err(Error::Interrupted) => reached("blocked and woken"),
        error => {
            assert_eq!(error, Err(Error::NotSocket));
            reached(refusal(&world));
        }
    }
    world.judge();
}

#[test]
fn a_blocking_receive_that_meets_a_close_is_woken_or_refused() {
    let outcomes = &[
        "blocked and woken",
        "refused under the lock",
        "refused at the word",
    ];
    run_model(None, 9_600, outcomes, close_and_blocking_receive);
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
#[test]
fn a_wait_that_looks_and_sleeps_in_two_steps_is_caught_by_a_receive_that_meets_a_close() {
    let scenario = close_and_blocking_receive;
    must_fail(Defect::WaitLeavesAGap, None, "deadlock", scenario);
}

fn close_and_completion() {
    let world = World::set_up(&Setup {
        counts_packets: true,
        ..Setup::default()
    });
    let (descriptor, peer) = world.connect();
    world.start_receive(descriptor, 7).unwrap();
    let peer = spawn(&world, move |_| {
        let written = peer.write(b"x");
        (peer, written)
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let (peer, _) = peer.join().unwrap();
    let completions = world.completions();
    if completions == [(7, Ok(1))] {
        reached("completed");
    } else {
        assert_eq!(completions, [(7, Err(Error::OperationAborted))]);
        reached("aborted");
    }
    // Bytes for a socket that is gone are answered with a reset.
    assert!(matches!(peer.read(2), PeerRead::End | PeerRead::Reset));
    world.judge();
    let packets = world.dll.packets.all();
    assert_eq!(packets, [1], "the handle overtook the packet");
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back before every operation through its descriptor has ended and
//# its result has been delivered.
//= docs/specification.md#o2-one-end-for-each-operation
//# - Every operation MUST end exactly once, either completed or aborted.
//= docs/specification.md#o2-one-end-for-each-operation
//# - A completion that races with a close MUST take effect either as a whole or not at all.
//= docs/specification.md#o5-buffers
//# An application therefore cannot take the return of a close as a sign that its buffers are free,
//# because a completion MAY be delivered later than that.
#[test]
fn a_completion_that_meets_a_close_wins_or_loses_as_a_whole() {
    run_model(None, 410, &["completed", "aborted"], close_and_completion);
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back before every operation through its descriptor has ended and
//# its result has been delivered.
#[test]
fn a_leave_that_is_not_one_instruction_is_caught_by_a_completion_that_meets_a_close() {
    let scenario = close_and_completion;
    must_fail(Defect::SubtractionIsSplit, None, NO_ORDER, scenario);
}

fn close_and_blocked_send() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    // The window takes eight bytes; the caller blocks on the rest.
    let caller = spawn(&world, move |world| {
        world.process.send(descriptor, b"0123456789")
    });
    let closing = world.process.close(descriptor);
    assert_eq!(closing, Ok(()));
    let sent = caller.join().unwrap();
    peer.stall(false);
    let (received, end) = peer.read_all();
    assert_eq!(end, PeerRead::End);
    match sent {
        Err(Error::SendInterrupted { accepted: 8 }) => {
            reached("a part was accepted");
            assert_eq!(received, b"01234567");
        }
        error => {
            reached("refused");
            assert_eq!(error, Err(Error::NotSocket));
            assert_eq!(received, b"");
        }
    }
    world.judge();
}

//= docs/specification.md#o6-partly-accepted-sends
//# - When a close aborts a partly accepted send, the accepted part MUST remain queued data while
//# the rest ends with the abort.
#[test]
fn of_a_send_that_a_close_interrupts_the_peer_receives_what_was_accepted() {
    let outcomes = &["a part was accepted", "refused"];
    run_model(None, 9_600, outcomes, close_and_blocked_send);
}

/// The socket stays open through another descriptor, and still nothing goes
/// through the closed one.
fn close_and_send_through_one_of_two() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let shared = world.share(descriptor);
    let caller = spawn(&world, move |world| world.process.send(descriptor, b"ab"));
    assert_eq!(world.process.close(descriptor), Ok(()));
    let (before, _) = peer.read_all();
    match caller.join().unwrap() {
        Ok(sent) => {
            reached("sent");
            assert_eq!((sent, &*before), (2, &b"ab"[..]), "sent after the close");
        }
        error => {
            reached(refusal(&world));
            assert_eq!(error, Err(Error::NotSocket));
            assert_eq!(before, b"");
        }
    }
    assert_eq!(peer.read(2), PeerRead::Nothing, "not the last reference");
    assert_eq!(world.other.close(shared), Ok(()));
    assert_eq!(peer.read(2), PeerRead::End);
    world.judge();
}

//= docs/specification.md#d6a-one-critical-section
//# - Duplicating a descriptor, redeeming a record, setting an option, accepting bytes and
//# registering an operation MUST each happen under the lock of that same critical section.
#[test]
fn a_send_that_meets_the_close_of_one_of_two_descriptors_is_accepted_before_it_or_refused() {
    let outcomes = &["sent", "refused under the lock", "refused at the word"];
    run_model(Some(5), 2_800, outcomes, close_and_send_through_one_of_two);
}

fn answer_and_loss() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let receiver = spawn(&world, move |world| {
        let mut answer = [0; 2];
        world.process.recv(descriptor, &mut answer).map(|_| answer)
    });
    peer.write(b"hi").unwrap();
    peer.reset();
    // Who meets the loss first takes nothing from the receive.
    let sent = world.process.send(descriptor, b"x");
    assert_eq!(sent, Err(Error::ConnectionReset));
    assert_eq!(receiver.join().unwrap(), Ok(*b"hi"));
    let received = world.process.recv(descriptor, &mut [0; 2]);
    assert_eq!(received, Err(Error::ConnectionReset));
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

//= docs/specification.md#r1-input-before-loss
//# - A failure of the send side, or of a query, MUST NOT end the receive side.
#[test]
fn a_receive_gets_the_answer_whoever_meets_the_loss_first() {
    run_model(Some(2), 180, &[], answer_and_loss);
}
