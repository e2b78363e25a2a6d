//! Lingering closes against the end of the drain.

use closesocket::engine::net::PeerRead;
use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Descriptor, Error, Process};

use super::model::{must_fail, one_wins, reached, run_model};
use super::primitives::Defect;
use super::world::{KeptPeer, Setup, Shared, Tested, World, spawn};

/// What the peer takes off the wire without reading.
const FITS: &[u8] = b"abcd";

/// A lingering descriptor with queued data that the peer does not take.
fn lingering(setup: &Setup, bytes: &[u8]) -> (Shared, Descriptor, KeptPeer) {
    let world = World::set_up(setup);
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_linger(descriptor, Some(5)).unwrap();
    assert_eq!(world.process.send(descriptor, bytes), Ok(bytes.len()));
    (world, descriptor, peer)
}

fn assert_drained(peer: &KeptPeer) {
    assert_eq!(peer.read_all(), (FITS.to_vec(), PeerRead::End));
}

fn two_lingering_closes() {
    let (world, descriptor, peer) = lingering(&Setup::default(), b"abcdef");
    let rival = spawn(&world, move |world| world.process.close(descriptor));
    let reader = spawn(&world, move |_| {
        peer.stall(false);
        let first = peer.read(4);
        (peer, first)
    });
    let mine = world.process.close(descriptor);
    let rivals = rival.join().unwrap();
    one_wins(mine, rivals, Error::NotSocket);
    let (peer, first) = reader.join().unwrap();
    assert_eq!(first, PeerRead::Bytes(b"abcd".to_vec()));
    assert_eq!(peer.read_all(), (b"ef".to_vec(), PeerRead::End));
    world.judge();
}

//= docs/specification.md#d1-the-commit-point
//# - A second close of a descriptor MUST fail with WSAENOTSOCK even while the first close is still
//# waiting in its linger.
//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - With timed linger on a blocking socket, a last close MUST NOT return before the drain ends,
//# the timeout expires or the wait is interrupted (L9, S2, S3).
#[test]
fn a_lingering_close_returns_when_the_drain_ends_and_another_close_loses_at_once() {
    let outcomes = &["main won", "the rival won"];
    run_model(Some(3), 14_100, outcomes, two_lingering_closes);
}

fn drain_and_time(tick: bool) {
    let setup = Setup {
        time_passes: true,
        ..Setup::default()
    };
    let (world, descriptor, peer) = lingering(&setup, FITS);
    let time = spawn(&world, move |world| {
        world.provider.clock().let_time_pass();
        if tick {
            world.provider.tick();
        }
    });
    let reader = spawn(&world, move |_| {
        peer.stall(false);
        let (received, _) = peer.read_all();
        (peer, received)
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let observations = world.provider.probe().observations();
    let released = |it: &Observation| it.step == Step::Released;
    assert!(observations.iter().any(released), "returned too early");
    time.join().unwrap();
    let (peer, mut received) = reader.join().unwrap();
    let (rest, end) = peer.read_all();
    received.extend(rest);
    assert!(FITS.starts_with(&received), "not a prefix");
    if end == PeerRead::End {
        reached("drained");
        assert_eq!(received, FITS);
    } else {
        reached("expired");
        assert_eq!(end, PeerRead::Reset);
    }
    world.judge();
}

//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - When the linger timeout expires before the drain has ended, the connection MUST be reset
//# before the close returns.
//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - A lingering close MUST return success both when the drain ended and when the timeout expired.
#[test]
fn a_lingering_close_that_expires_by_its_own_wait_resets_or_has_drained() {
    let outcomes = &["drained", "expired"];
    run_model(Some(3), 3_000, outcomes, || drain_and_time(false));
}

#[test]
fn a_lingering_close_that_a_tick_expires_resets_or_has_drained() {
    let outcomes = &["drained", "expired"];
    run_model(Some(3), 6_400, outcomes, || drain_and_time(true));
}

fn drain_and_cancel() {
    let (world, descriptor, peer) = lingering(&Setup::default(), FITS);
    let me = Process::<Tested>::current_thread();
    let canceller = spawn(&world, move |world| world.process.cancel_blocking_call(me));
    let reader = spawn(&world, move |_| {
        peer.stall(false);
        peer
    });
    let closed = world.process.close(descriptor);
    let cancelled = canceller.join().unwrap();
    let peer = reader.join().unwrap();
    match closed {
        Ok(()) => reached("drained"),
        error => {
            reached("cancelled");
            assert!(cancelled);
            assert_eq!(error, Err(Error::Interrupted));
        }
    }
    assert_drained(&peer);
    world.judge();
}

//= docs/specification.md#l9-a-cancelled-wait
//# - The drain of a lingering close whose wait is cancelled MUST go on in the background.
#[test]
fn a_cancelled_lingering_close_leaves_the_drain_to_end_by_itself() {
    run_model(Some(3), 1_800, &["drained", "cancelled"], drain_and_cancel);
}

/// The drain cannot end: only the cancel can end the wait, if it says so.
fn cancel_alone() {
    let (world, descriptor, peer) = lingering(&Setup::default(), FITS);
    let me = Process::<Tested>::current_thread();
    let canceller = spawn(&world, move |world| {
        let cancelled = world.process.cancel_blocking_call(me);
        if !cancelled {
            peer.stall(false);
        }
        (peer, cancelled)
    });
    let closed = world.process.close(descriptor);
    let (peer, cancelled) = canceller.join().unwrap();
    if cancelled {
        reached("cancelled");
        assert_eq!(closed, Err(Error::Interrupted));
        assert_eq!(world.provider.usage().sockets, 1, "it drains");
        peer.stall(false);
    } else {
        reached("not yet waiting");
        assert_eq!(closed, Ok(()));
    }
    assert_drained(&peer);
    world.judge();
}

//= docs/specification.md#l9-a-cancelled-wait
//# - A lingering close whose wait is cancelled by WSPCancelBlockingCall MUST return WSAEINTR and
//# leave the descriptor closed.
#[test]
fn a_cancel_that_finds_a_waiting_close_wakes_it() {
    run_model(None, 1_600, &["cancelled", "not yet waiting"], cancel_alone);
}

//= docs/specification.md#l9-a-cancelled-wait
//# - A lingering close whose wait is cancelled by WSPCancelBlockingCall MUST return WSAEINTR and
//# leave the descriptor closed.
#[test]
fn a_wait_that_looks_and_sleeps_in_two_steps_is_caught_by_a_cancel() {
    must_fail(Defect::WaitLeavesAGap, None, "deadlock", cancel_alone);
}

fn drain_and_reset() {
    let (world, descriptor, peer) = lingering(&Setup::default(), FITS);
    let resetter = spawn(&world, move |_| {
        peer.reset();
        peer
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let _peer = resetter.join().unwrap();
    world.judge();
}

//= docs/specification.md#l5-the-connection-fails-during-a-drain
//# - When the peer resets the connection or the network fails during a drain, the provider MUST
//# discard the remaining queued data and end the drain.
//= docs/specification.md#l5-the-connection-fails-during-a-drain
//# - A close that waits for a drain which ends by such a failure MUST return success.
#[test]
fn a_reset_by_the_peer_ends_a_lingering_close_with_success() {
    run_model(None, 530, &[], drain_and_reset);
}

//= docs/specification.md#l5-the-connection-fails-during-a-drain
//# - A close that waits for a drain which ends by such a failure MUST return success.
#[test]
fn a_lost_notification_is_caught_by_a_drain_that_a_reset_ends() {
    must_fail(Defect::NotifyIsLost, None, "deadlock", drain_and_reset);
}
