//! D8 and L5 to L10: what happens while a close drains.

use closesocket::engine::completions::Interest;
use closesocket::engine::{Config, Descriptor, Error, Shutdown};
use closesocket::protocol::UnreadInput;

use crate::world::{
    End, FOREVER, Network, Peer, Task, World, assert_all, assert_prefix, assert_reset, pattern,
    settings,
};

scenarios! {
    l5_a_reset_by_the_peer_ends_a_background_drain,
    l5_a_reset_by_the_peer_ends_a_lingering_close_with_success,
    l5_after_a_reset_by_the_peer_a_lingering_close_returns_success,
    d8_a_drain_that_waits_for_room_is_looked_at_only_when_that_comes,
    l6_discard_is_the_default,
    l6_unread_input_does_not_destroy_queued_data,
    l6_input_that_arrives_while_draining_does_not_destroy_queued_data,
    l6_under_reset_the_queued_data_is_acknowledged_before_the_reset,
    l6_under_reset_a_socket_without_unread_input_is_graceful,
    l6_under_reset_a_peer_that_reads_sees_the_reset,
    l6_under_reset_the_end_of_the_input_is_none,
    l6_under_reset_input_that_comes_while_draining_is_unread_input_too,
    l6_under_reset_a_fin_that_was_sent_before_stays_sent,
    l7_turning_dont_linger_off_restores_the_last_nonzero_time,
    l7_turning_dont_linger_off_without_a_time_is_not_a_hard_close,
    l8_a_lingering_close_with_nothing_queued_returns,
    l8_a_lingering_close_of_an_unconnected_socket_returns,
    l9_a_cancelled_lingering_close_returns_wsaeintr_and_drains_on,
    l10_a_lingering_close_holds_up_no_other_thread_and_no_other_socket,
}

//= docs/specification.md#l5-the-connection-fails-during-a-drain
//# - When the peer resets the connection or the network fails during a drain, the provider MUST
//# discard the remaining queued data and end the drain.
fn l5_a_reset_by_the_peer_ends_a_background_drain<N: Network>(world: &World<N>) {
    let (descriptor, peer, _) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().sockets, 1);
    peer.reset();
    world.until_released();
}

//= docs/specification.md#l5-the-connection-fails-during-a-drain
//# - A close that waits for a drain which ends by such a failure MUST return success.
fn l5_a_reset_by_the_peer_ends_a_lingering_close_with_success<N: Network>(world: &World<N>) {
    let (descriptor, peer, _) = world.stalled();
    let closing = world.close_lingering(descriptor);
    peer.reset();
    assert_eq!(closing.result(), Ok(()));
}

fn l5_after_a_reset_by_the_peer_a_lingering_close_returns_success<N: Network>(world: &World<N>) {
    let (descriptor, peer, _) = world.stalled();
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    peer.reset();
    let received = world.process.recv(descriptor, &mut [0; 8]);
    assert_eq!(received, Err(Error::ConnectionReset));
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    assert_eq!(closing.result(), Ok(()));
}

//= docs/specification.md#l6-unread-input
//# - `UnreadInput::Discard` MUST be the default.
fn l6_discard_is_the_default<N: Network>(_: &World<N>) {
    assert_eq!(Config::default().unread_input, UnreadInput::Discard);
}

//= docs/specification.md#l6-unread-input
//# - Under `UnreadInput::Discard`, a graceful last close MUST read and throw away the received data
//# that nobody has read, as well as what arrives during the drain.
fn l6_unread_input_does_not_destroy_queued_data<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    peer.write(&pattern(0, 5000));
    let readable = [(
        descriptor,
        closesocket::engine::completions::Interest::READABLE,
    )];
    let ready = world.process.select(&readable, crate::world::LONG);
    assert!(ready.unwrap()[0].1.readable);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#l6-unread-input
//# - Under `UnreadInput::Discard`, a graceful last close MUST read and throw away the received data
//# that nobody has read, as well as what arrives during the drain.
fn l6_input_that_arrives_while_draining_does_not_destroy_queued_data<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let closing = world.close_lingering(descriptor);
    // More than fits anywhere, unless it is read and thrown away.
    for _ in 0..1024 {
        peer.write(&pattern(0, 8192));
    }
    peer.finish();
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}

//= docs/specification.md#l6-unread-input
//# - Under `UnreadInput::Reset`, a graceful last close MUST NOT reset the connection on account of
//# unread input before the queued data has been acknowledged.
fn l6_under_reset_the_queued_data_is_acknowledged_before_the_reset<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        unread_input: UnreadInput::Reset,
        ..settings()
    });
    let (descriptor, mut peer, accepted) = world.stalled();
    peer.write(b"unread");
    until_readable(&world, descriptor);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.provider.usage().sockets, 1);
    // Nothing is reset while it drains: what lies beyond every buffer arrives.
    let most = accepted / 2;
    assert_eq!(peer.read_exactly(most, 4096), pattern(0, most));
    let (rest, end) = peer.read_to_end();
    assert!(rest == pattern(most, rest.len()));
    assert_eq!(end, End::Reset);
}

fn until_readable<N: Network>(world: &World<N>, descriptor: Descriptor) {
    let readable = [(descriptor, Interest::READABLE)];
    let ready = world.process.select(&readable, crate::world::LONG);
    assert!(ready.unwrap()[0].1.readable);
}

//= docs/specification.md#d8-release
//# - A socket without references MUST be released eventually, provided that the scheduler is fair and
//# that the transport or the timer makes progress.
fn d8_a_drain_that_waits_for_room_is_looked_at_only_when_that_comes<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        drain_limit: None,
        ..settings()
    });
    let stalled = [(); 20].map(|()| world.stalled());
    for (descriptor, ..) in &stalled {
        assert_eq!(world.process.close(*descriptor), Ok(()));
    }
    assert_eq!(world.provider.metrics().draining, 20);
    assert_eq!(world.provider.tick(), None, "the time changes nothing");
    for (_, mut peer, accepted) in stalled {
        assert_all(peer.read_to_end(), accepted);
    }
}

//= docs/specification.md#l6-unread-input
//# - Under `UnreadInput::Reset`, a graceful last close that finds unread input, or to which input
//# comes before the queued data has been acknowledged, MUST reset the connection.
fn l6_under_reset_a_peer_that_reads_sees_the_reset<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        unread_input: UnreadInput::Reset,
        ..settings()
    });
    for round in 0..100 {
        let (descriptor, mut peer) = world.connect();
        peer.write(b"0123456789");
        until_readable(&world, descriptor);
        let answer = if round % 2 == 0 { "" } else { "answer" };
        if !answer.is_empty() {
            world.process.send(descriptor, answer.as_bytes()).unwrap();
        }
        assert_eq!(world.process.close(descriptor), Ok(()));
        let (received, end) = peer.read_to_end();
        assert_eq!(end, End::Reset, "round {round}");
        // Only a reset can destroy what the peer has not read.
        assert!(answer.as_bytes().starts_with(&received));
    }
    assert_eq!(world.provider.metrics().resets, 100);
}

fn l6_under_reset_the_end_of_the_input_is_none<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        unread_input: UnreadInput::Reset,
        ..settings()
    });
    for unread in [&b""[..], b"unread"] {
        let (descriptor, mut peer) = world.connect();
        peer.write(unread);
        peer.finish();
        until_readable(&world, descriptor);
        assert_eq!(world.process.close(descriptor), Ok(()));
        let (received, end) = peer.read_to_end();
        assert_eq!(received, []);
        assert_eq!(end == End::Reset, !unread.is_empty(), "{end:?}");
    }
}

//= docs/specification.md#l6-unread-input
//# - Under `UnreadInput::Reset`, a graceful last close MUST NOT send a FIN before the queued data
//# has been acknowledged, nor when unread input was there by then.
fn l6_under_reset_input_that_comes_while_draining_is_unread_input_too<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        unread_input: UnreadInput::Reset,
        ..settings()
    });
    let (descriptor, mut peer, accepted) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    peer.write(b"late");
    assert_reset(peer.read_to_end(), accepted);
}

fn l6_under_reset_a_fin_that_was_sent_before_stays_sent<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        unread_input: UnreadInput::Reset,
        ..settings()
    });
    let (descriptor, mut peer) = world.connect();
    world.process.shutdown(descriptor, Shutdown::Send).unwrap();
    assert_all(peer.read_to_end(), 0);
    peer.write(b"unread");
    until_readable(&world, descriptor);
    assert_eq!(world.process.close(descriptor), Ok(()));
    // Whoever only reads has seen the end; the reset is for who writes.
    world.until("the connection was reset", || {
        world.provider.metrics().resets == 1
    });
}

fn l6_under_reset_a_socket_without_unread_input_is_graceful<N: Network>(_: &World<N>) {
    let world = World::<N>::with(Config {
        unread_input: UnreadInput::Reset,
        ..settings()
    });
    let (descriptor, mut peer, accepted) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#l7-turning-lingering-on-without-a-timeout
//# - Setting SO_DONTLINGER to FALSE MUST select timed linger, with the most recent timeout other
//# than 0 that the socket was given, or else with the provider's default.
fn l7_turning_dont_linger_off_restores_the_last_nonzero_time<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    process.set_linger(descriptor, Some(FOREVER)).unwrap();
    process.set_linger(descriptor, Some(0)).unwrap();
    process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(process.linger(descriptor), Ok(None));
    process.set_dont_linger(descriptor, false).unwrap();
    assert_eq!(process.linger(descriptor), Ok(Some(FOREVER)));
    let closing = world.block(move |process| process.close(descriptor));
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}

//= docs/specification.md#l7-turning-lingering-on-without-a-timeout
//# - The provider's default linger timeout MUST NOT be 0.
fn l7_turning_dont_linger_off_without_a_time_is_not_a_hard_close<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    process.set_linger(descriptor, Some(0)).unwrap();
    process.set_dont_linger(descriptor, false).unwrap();
    assert!(process.linger(descriptor).unwrap().unwrap() > 0);
    let closing = world.block(move |process| process.close(descriptor));
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}

//= docs/specification.md#l8-nothing-to-wait-for
//# - A lingering close of a socket that is not connected, or has no queued data, MUST return
//# without waiting.
fn l8_a_lingering_close_with_nothing_queued_returns<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    assert_eq!(world.process.send(descriptor, &pattern(0, 20)), Ok(20));
    let received = peer.read_exactly(20, 20);
    assert_prefix(&received, 20);
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    assert_eq!(closing.result(), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#l8-nothing-to-wait-for
//# - A lingering close of a socket that is not connected, or has no queued data, MUST return
//# without waiting.
fn l8_a_lingering_close_of_an_unconnected_socket_returns<N: Network>(world: &World<N>) {
    let unconnected = world.process.socket().unwrap();
    let (listener, address) = world.listener();
    let mut waiting = world.dial(&address);
    for descriptor in [unconnected, listener] {
        world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
        let process = world.process.clone();
        let closing = Task::start(move || process.close(descriptor));
        assert_eq!(closing.result(), Ok(()));
    }
    assert_eq!(waiting.read_to_end().0, []);
}

//= docs/specification.md#l9-a-cancelled-wait
//# - A lingering close whose wait is cancelled by WSPCancelBlockingCall MUST return WSAEINTR and
//# leave the descriptor closed.
//= docs/specification.md#l9-a-cancelled-wait
//# - The drain of a lingering close whose wait is cancelled MUST go on in the background.
fn l9_a_cancelled_lingering_close_returns_wsaeintr_and_drains_on<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let closing = world.close_lingering(descriptor);
    assert!(world.process.cancel_blocking_call(closing.thread));
    assert_eq!(closing.result(), Err(Error::Interrupted));
    assert_eq!(world.process.close(descriptor), Err(Error::NotSocket));
    assert_eq!(world.process.descriptors(), 0);
    assert_eq!(world.provider.usage().sockets, 1);
    assert_all(peer.read_to_end(), accepted);
    world.until_released();
}

//= docs/specification.md#l10-waiting-alone
//# - A close that waits in its linger MUST NOT hold up any other thread or any other socket.
fn l10_a_lingering_close_holds_up_no_other_thread_and_no_other_socket<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut stalled, accepted) = world.stalled();
    let (other, mut peer) = world.connect();
    let blocked = world.block(move |process| process.recv(other, &mut [0; 8]));
    let closing = world.close_lingering(descriptor);
    peer.write(b"go on");
    assert_eq!(blocked.result(), Ok(5));
    assert_eq!(world.process.send(other, &pattern(0, 100)), Ok(100));
    assert_eq!(peer.read_exactly(100, 100), pattern(0, 100));
    world.process.set_linger(other, Some(FOREVER)).unwrap();
    world.process.shutdown(other, Shutdown::Send).unwrap();
    assert_eq!(world.process.close(other), Ok(()));
    assert_all(peer.read_to_end(), 0);
    let (third, mut last) = world.connect();
    assert_eq!(world.process.close(third), Ok(()));
    assert_all(last.read_to_end(), 0);
    assert!(closing.goes_on());
    assert_all(stalled.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}
