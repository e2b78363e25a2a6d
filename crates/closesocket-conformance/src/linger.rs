//! The linger table, L-T1 to L-T4, and what leads out of WSAEWOULDBLOCK, L1 to
//! L4.

use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::{Config, Descriptor, Error, Shutdown};

use crate::world::{
    End, FOREVER, Network, Peer, Task, World, assert_all, assert_prefix, assert_reset, pattern,
    settings,
};

scenarios! {
    lt1_dont_linger_is_the_setting_of_a_new_socket,
    lt1_a_close_returns_at_once_and_sends_all_in_the_background,
    lt1_a_nonblocking_close_with_queued_data_never_would_block,
    lt1_a_background_drain_that_exceeds_the_providers_limit_is_reset,
    lt2_a_hard_close_resets_and_discards,
    lt2_a_nonblocking_hard_close_succeeds,
    lt3_a_close_waits_until_the_peer_has_everything,
    lt3_at_expiry_the_connection_is_reset_before_close_returns_success,
    lt3_a_vanished_peer_holds_the_close_up_until_expiry_only,
    lt4_a_close_that_can_finish_at_once_is_graceful,
    lt4_a_close_with_queued_data_would_block_and_changes_nothing,
    lt4_a_close_would_block_while_the_transport_has_what_the_peer_has_not,
    l1_dont_linger_is_a_way_out,
    l1_a_hard_linger_is_a_way_out,
    l1_a_shutdown_of_the_send_side_is_a_way_out,
    l1_trying_again_later_is_a_way_out,
    l2_not_when_another_descriptor_exists,
    l2_not_when_an_unredeemed_record_exists,
    l2_not_when_the_socket_is_not_connected,
    l2_not_when_the_socket_is_blocking,
    l2_not_when_nothing_is_unsent,
    l3_a_close_that_would_block_can_be_repeated_for_ever_and_then_succeeds,
    l3_a_close_that_fails_while_the_network_is_down_succeeds_later,
    l4_operations_are_aborted_before_a_lingering_close_waits,
}

//= docs/specification.md#l-t1-do-not-linger
//# - Don't linger MUST be the setting of a new socket.
fn lt1_dont_linger_is_the_setting_of_a_new_socket<N: Network>(world: &World<N>) {
    let descriptor = world.process.socket().unwrap();
    assert_eq!(world.process.linger(descriptor), Ok(None));
    assert_eq!(world.process.close(descriptor), Ok(()));
}

//= docs/specification.md#l-t1-do-not-linger
//# - With don't linger, a last close MUST return success without waiting, be the socket blocking or
//# not.
//= docs/specification.md#l-t1-do-not-linger
//# - With don't linger, the provider MUST send the queued data and then a FIN in the background.
//= docs/specification.md#l-t1-do-not-linger
//# - With don't linger, the provider MAY keep the socket's resources for as long as the drain
//# lasts.
fn lt1_a_close_returns_at_once_and_sends_all_in_the_background<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.process.descriptors(), 0);
    assert_eq!(world.provider.usage().sockets, 1);
    assert_all(peer.read_to_end(), accepted);
    world.until_released();
}

//= docs/specification.md#l-t1-do-not-linger
//# - With don't linger, a last close MUST return success without waiting, be the socket blocking or
//# not.
fn lt1_a_nonblocking_close_with_queued_data_never_would_block<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#l-t1-do-not-linger
//# - With don't linger, the provider MAY reset the connection when the drain exceeds a limit of the
//# provider's own.
fn lt1_a_background_drain_that_exceeds_the_providers_limit_is_reset<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        drain_limit: Some(Duration::from_millis(100)),
        ..settings()
    });
    let (descriptor, mut peer, accepted) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.until_released();
    assert_reset(peer.read_to_end(), accepted);
}

//= docs/specification.md#l-t2-hard-close
//# - With hard linger, a last close MUST discard the queued data and reset the connection, so that
//# the peer's receive fails with WSAECONNRESET.
fn lt2_a_hard_close_resets_and_discards<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    world.process.set_linger(descriptor, Some(0)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().sockets, 0);
    assert!(assert_reset(peer.read_to_end(), accepted) < accepted);
}

//= docs/specification.md#l-t2-hard-close
//# - With hard linger, a last close MUST return success without waiting.
fn lt2_a_nonblocking_hard_close_succeeds<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, _) = world.stalled();
    world.process.set_linger(descriptor, Some(0)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().sockets, 0);
    assert_eq!(peer.read_to_end().1, End::Reset);
}

//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - With timed linger on a blocking socket, a last close MUST send the queued data and then a FIN.
//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - With timed linger on a blocking socket, a last close MUST NOT return before the drain ends,
//# the timeout expires or the wait is interrupted (L9, S2, S3).
//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - A lingering close MUST return success both when the drain ended and when the timeout expired.
fn lt3_a_close_waits_until_the_peer_has_everything<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let closing = world.close_lingering(descriptor);
    let half = peer.read_exactly(accepted / 4, 4096);
    assert!(closing.goes_on());
    let (rest, end) = peer.read_to_end();
    assert_eq!(closing.result(), Ok(()));
    assert_all(([half, rest].concat(), end), accepted);
}

//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - When the linger timeout expires before the drain has ended, the connection MUST be reset
//# before the close returns.
//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//# - A lingering close MUST return success both when the drain ended and when the timeout expired.
fn lt3_at_expiry_the_connection_is_reset_before_close_returns_success<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer, accepted) = world.stalled();
    world.process.set_linger(descriptor, Some(1)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().sockets, 0);
    assert!(assert_reset(peer.read_to_end(), accepted) < accepted);
}

fn lt3_a_vanished_peer_holds_the_close_up_until_expiry_only<N: Network>(world: &World<N>) {
    let (descriptor, peer, _) = world.stalled();
    let _gone = peer.vanish();
    world.process.set_linger(descriptor, Some(1)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().sockets, 0);
}

//= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
//# - With timed linger on a nonblocking socket, a last close that can finish at once MUST be
//# graceful.
fn lt4_a_close_that_can_finish_at_once_is_graceful<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    assert_eq!(world.process.send(descriptor, &pattern(0, 100)), Ok(100));
    let first = peer.read_exactly(100, 100);
    world.until("all is acknowledged", || {
        world.process.queued(descriptor) == Ok(0)
    });
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_prefix(&first, 100);
    assert_all(peer.read_to_end(), 0);
}

/// A stalled connection whose close would block.
fn blocked_close<N: Network>(world: &World<N>) -> (Descriptor, N::Peer, usize) {
    let (descriptor, peer, accepted) = world.stalled();
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Err(Error::WouldBlock));
    (descriptor, peer, accepted)
}

/// Data that the transport has taken is queued until it is acknowledged.
fn lt4_a_close_would_block_while_the_transport_has_what_the_peer_has_not<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let bytes = N::acknowledged_unread() + 1000;
    assert_eq!(process.send(descriptor, &pattern(0, bytes)), Ok(bytes));
    process.set_linger(descriptor, Some(FOREVER)).unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(process.close(descriptor), Err(Error::WouldBlock));
    assert_eq!(peer.read_exactly(bytes, 8192), pattern(0, bytes));
    world.until("the peer has acknowledged all of it", || {
        process.queued(descriptor) == Ok(0)
    });
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
//# - With timed linger on a nonblocking socket, a last close that meets every condition of L2 MUST
//# fail with WSAEWOULDBLOCK.
//= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
//# - A close that returns WSAEWOULDBLOCK MUST leave its descriptor valid and every pending
//# operation pending.
//= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
//# - A close that returns WSAEWOULDBLOCK MUST NOT have changed the reference count, the queued data
//# or any event, or have begun to disconnect.
fn lt4_a_close_with_queued_data_would_block_and_changes_nothing<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
    process.set_linger(descriptor, Some(FOREVER)).unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(process.close(descriptor), Err(Error::WouldBlock));
    assert_eq!(process.descriptors(), 1);
    assert_eq!(world.provider.usage().sockets, 1);
    assert_eq!(process.linger(descriptor), Ok(Some(FOREVER)));
    assert!(process.queued(descriptor).unwrap() > 0);
    assert!(queue.is_empty());
    // The receive is still pending, the connection goes on both ways, and no
    // disconnect has begun.
    peer.write(b"here");
    let received = queue.wait(crate::world::LONG).unwrap();
    assert_eq!(received.result, Ok(4));
    assert_eq!(peer.read_exactly(accepted, 8192), pattern(0, accepted));
    assert!(peer.hears_nothing());
    assert_eq!(process.send(descriptor, &pattern(accepted, 5)), Ok(5));
    assert_eq!(peer.read_exactly(5, 5), pattern(accepted, 5));
    // The count is what it was: this one close is the last.
    process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#l1-ways-out-of-wsaewouldblock
//# - A close after don't linger or hard linger has been set MUST NOT return WSAEWOULDBLOCK.
fn l1_dont_linger_is_a_way_out<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    world.process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#l1-ways-out-of-wsaewouldblock
//# - A close after don't linger or hard linger has been set MUST NOT return WSAEWOULDBLOCK.
fn l1_a_hard_linger_is_a_way_out<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    world.process.set_linger(descriptor, Some(0)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_reset(peer.read_to_end(), accepted);
}

//= docs/specification.md#l1-ways-out-of-wsaewouldblock
//# - After a shutdown of the send side, a close of a nonblocking socket with timed linger MUST
//# succeed and leave the drain to the background.
fn l1_a_shutdown_of_the_send_side_is_a_way_out<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    world.process.shutdown(descriptor, Shutdown::Send).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    // It drains in the background.
    assert_eq!(world.provider.usage().sockets, 1);
    assert_all(peer.read_to_end(), accepted);
}

fn l1_trying_again_later_is_a_way_out<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    let received = peer.read_exactly(accepted, 8192);
    assert_prefix(&received, accepted);
    world.until("the close succeeds", || {
        match world.process.close(descriptor) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error, Error::WouldBlock);
                false
            }
        }
    });
    // The retry did not skip the disconnect.
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#l2-when-a-close-would-block
//# - A close MUST NOT return WSAEWOULDBLOCK unless all of the following are true: the reference is
//# the last, the socket is connected, the socket is nonblocking, the linger is timed, there is
//# unsent data, and no shutdown of the send side has begun.
fn l2_not_when_another_descriptor_exists<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    let other = world.other();
    let second = world.share(descriptor, &other);
    assert_eq!(world.process.close(descriptor), Ok(()));
    // That was the reference that was not the last; this one would block.
    assert_eq!(other.close(second), Err(Error::WouldBlock));
    other.set_dont_linger(second, true).unwrap();
    assert_eq!(other.close(second), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

fn l2_not_when_an_unredeemed_record_exists<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    let other = world.other();
    let record = world.process.duplicate(descriptor, other.id()).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    let second = other.redeem(record).unwrap();
    assert_eq!(other.close(second), Err(Error::WouldBlock));
    other.set_dont_linger(second, true).unwrap();
    assert_eq!(other.close(second), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#l2-when-a-close-would-block
//# - A close MUST NOT return WSAEWOULDBLOCK unless all of the following are true: the reference is
//# the last, the socket is connected, the socket is nonblocking, the linger is timed, there is
//# unsent data, and no shutdown of the send side has begun.
fn l2_not_when_the_socket_is_not_connected<N: Network>(world: &World<N>) {
    // Not yet, not at all, and no longer.
    let process = &world.process;
    let unconnected = process.socket().unwrap();
    let (listener, _) = world.listener();
    let (lost, peer, _) = world.stalled();
    peer.reset();
    world.until("the reset is known", || process.queued(lost) == Ok(0));
    for descriptor in [unconnected, listener, lost] {
        process.set_linger(descriptor, Some(FOREVER)).unwrap();
        process.set_nonblocking(descriptor, true).unwrap();
        assert_eq!(process.close(descriptor), Ok(()));
    }
}

//= docs/specification.md#l2-when-a-close-would-block
//# - A close MUST NOT return WSAEWOULDBLOCK unless all of the following are true: the reference is
//# the last, the socket is connected, the socket is nonblocking, the linger is timed, there is
//# unsent data, and no shutdown of the send side has begun.
fn l2_not_when_the_socket_is_blocking<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    world.process.set_nonblocking(descriptor, false).unwrap();
    let closing = world.block(move |process| process.close(descriptor));
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}

//= docs/specification.md#l2-when-a-close-would-block
//# - A close MUST NOT return WSAEWOULDBLOCK unless all of the following are true: the reference is
//# the last, the socket is connected, the socket is nonblocking, the linger is timed, there is
//# unsent data, and no shutdown of the send side has begun.
fn l2_not_when_nothing_is_unsent<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#l3-a-failed-close-leaves-no-trace
//# - A close that fails before its commit MUST leave the descriptor, its operations and its socket
//# as they were.
//= docs/specification.md#l3-a-failed-close-leaves-no-trace
//# - A failure before the commit MUST NOT keep a later close of the same descriptor from
//# succeeding.
fn l3_a_close_that_would_block_can_be_repeated_for_ever_and_then_succeeds<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer, accepted) = blocked_close(world);
    for _ in 0..1000 {
        assert_eq!(world.process.close(descriptor), Err(Error::WouldBlock));
    }
    assert_eq!(world.process.descriptors(), 1);
    world.process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#l3-a-failed-close-leaves-no-trace
//# - A failure before the commit MUST NOT keep a later close of the same descriptor from
//# succeeding.
fn l3_a_close_that_fails_while_the_network_is_down_succeeds_later<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
    world.provider.set_network_down(true);
    assert_eq!(world.process.close(descriptor), Err(Error::NetworkDown));
    assert!(queue.is_empty());
    world.provider.set_network_down(false);
    assert_eq!(world.process.send(descriptor, &pattern(0, 3)), Ok(3));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(queue.take().unwrap().result, Err(Error::OperationAborted));
    assert_all(peer.read_to_end(), 3);
}

//= docs/specification.md#l4-operations-end-first
//# - A lingering close MUST abort the pending operations before it starts to wait.
fn l4_operations_are_aborted_before_a_lingering_close_waits<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 4, Notify::queue(&queue, 1));
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    let aborted = queue.wait(crate::world::LONG).unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    assert!(closing.goes_on());
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}
