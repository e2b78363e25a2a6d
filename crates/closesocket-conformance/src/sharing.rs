//! D4 to D8: what descriptors of one socket share, and when it ends.

use std::sync::{Arc, Barrier};

use closesocket::engine::completions::{CompletionQueue, Event, Interest, Notify};
use closesocket::engine::{Error, ProcessId, Shutdown};

use crate::world::{BIG, End, FOREVER, LONG, Network, Peer, Task, World, assert_all, pattern};

scenarios! {
    d4_an_option_set_through_one_descriptor_is_seen_through_all,
    d4_a_shutdown_through_one_descriptor_is_seen_through_all,
    d4_descriptors_of_one_socket_send_and_receive_independently,
    d5_an_unredeemed_record_keeps_the_connection,
    d5_a_record_is_redeemed_once,
    d5_a_record_is_redeemed_only_by_its_target,
    d5_a_record_whose_target_dies_is_reclaimed,
    d5_a_process_that_is_gone_is_no_target,
    d6_closing_one_of_two_neither_lingers_nor_would_block,
    d6_a_hard_linger_resets_only_with_the_last_reference,
    d6_queued_data_and_fin_wait_for_the_last_reference,
    d7_closing_one_descriptor_leaves_the_operations_of_the_other,
    d7_closing_one_descriptor_leaves_the_unread_data_to_the_other,
    d7_closing_one_descriptor_leaves_the_registration_of_the_other,
    d8_concurrent_closes_of_all_references_release_once,
    d8_sockets_closed_in_every_way_are_all_released,
}

//= docs/specification.md#d4-duplication-shares-the-socket
//# - An option that is set through one descriptor MUST be seen through every descriptor of the same
//# socket.
fn d4_an_option_set_through_one_descriptor_is_seen_through_all<N: Network>(world: &World<N>) {
    let (first, _peer) = world.connect();
    let other = world.other();
    let second = world.share(first, &other);
    world.process.set_linger(first, Some(7)).unwrap();
    assert_eq!(other.linger(second), Ok(Some(7)));
    other.set_nonblocking(second, true).unwrap();
    let received = world.process.recv(first, &mut [0; 4]);
    assert_eq!(received, Err(Error::WouldBlock));
    other.set_dont_linger(second, true).unwrap();
    assert_eq!(world.process.linger(first), Ok(None));
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(other.close(second), Ok(()));
}

//= docs/specification.md#d4-duplication-shares-the-socket
//# - Duplicating MUST create only a new reference, never a copy of the socket's state.
fn d4_a_shutdown_through_one_descriptor_is_seen_through_all<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let other = world.other();
    let second = world.share(first, &other);
    world.process.shutdown(first, Shutdown::Send).unwrap();
    assert_eq!(other.send(second, b"late"), Err(Error::ShutDown));
    assert_all(peer.read_to_end(), 0);
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(other.close(second), Ok(()));
}

//= docs/specification.md#d4-duplication-shares-the-socket
//# - Each descriptor of a shared socket MUST be usable for operations independently of the others.
fn d4_descriptors_of_one_socket_send_and_receive_independently<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let other = world.other();
    let second = world.share(first, &other);
    assert_eq!(world.process.send(first, b"one "), Ok(4));
    assert_eq!(other.send(second, b"two"), Ok(3));
    assert_eq!(peer.read_exactly(7, 7), b"one two");
    peer.write(b"ab");
    let (mut one, mut two) = ([0; 1], [0; 1]);
    assert_eq!(world.process.recv(first, &mut one), Ok(1));
    assert_eq!(other.recv(second, &mut two), Ok(1));
    assert_eq!([one, two].concat(), b"ab");
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(other.send(second, b"still"), Ok(5));
    assert_eq!(other.close(second), Ok(()));
    assert_eq!(peer.read_to_end(), (b"still".to_vec(), End::Fin));
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - An unredeemed duplication record MUST count as one reference from the moment of its creation.
fn d5_an_unredeemed_record_keeps_the_connection<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let other = world.other();
    let record = world.process.duplicate(first, other.id()).unwrap();
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(world.process.descriptors(), 0);
    assert_eq!(world.provider.usage().sockets, 1);
    assert!(peer.hears_nothing());
    let second = other.redeem(record).unwrap();
    assert_eq!(other.send(second, &pattern(0, 9)), Ok(9));
    assert_eq!(other.close(second), Ok(()));
    assert_all(peer.read_to_end(), 9);
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - A duplication record MUST NOT be redeemed more than once.
fn d5_a_record_is_redeemed_once<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let other = world.other();
    let record = world.process.duplicate(first, other.id()).unwrap();
    let second = other.redeem(record).unwrap();
    assert_eq!(other.redeem(record), Err(Error::InvalidArgument));
    assert_eq!(other.descriptors(), 1);
    assert_eq!(world.process.close(first), Ok(()));
    assert!(peer.hears_nothing());
    assert_eq!(other.close(second), Ok(()));
    assert_eq!(other.redeem(record), Err(Error::InvalidArgument));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - A duplication record MUST NOT be redeemed by a process other than the target that it names.
fn d5_a_record_is_redeemed_only_by_its_target<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let (other, thief) = (world.other(), world.other());
    let record = world.process.duplicate(first, other.id()).unwrap();
    assert_eq!(thief.redeem(record), Err(Error::InvalidArgument));
    assert_eq!(world.process.redeem(record), Err(Error::InvalidArgument));
    assert_eq!(world.process.close(first), Ok(()));
    assert!(peer.hears_nothing());
    let second = other.redeem(record).unwrap();
    assert_eq!(other.close(second), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - When the target of a duplication record dies, the provider MUST reclaim the record.
//= docs/specification.md#s3-process-death
//# - A socket whose last reference is a reclaimed duplication record MUST be ended as after a
//# process death.
fn d5_a_record_whose_target_dies_is_reclaimed<N: Network>(world: &World<N>) {
    let (first, mut peer, accepted) = world.stalled();
    let other = world.other();
    let record = world.process.duplicate(first, other.id()).unwrap();
    world.process.set_linger(first, Some(FOREVER)).unwrap();
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(world.provider.usage().sockets, 1);
    // It was the last reference, and drains as after a death: nobody waits.
    other.die();
    assert_eq!(other.redeem(record), Err(Error::NotInitialised));
    assert_all(peer.read_to_end(), accepted);
    world.until_released();
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - A duplication record MUST NOT be made for a target that has died.
fn d5_a_process_that_is_gone_is_no_target<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let other = world.other();
    other.die();
    for gone in [other.id(), ProcessId(u32::MAX)] {
        let refused = world.process.duplicate(first, gone);
        assert_eq!(refused.err(), Some(Error::InvalidArgument));
    }
    assert_eq!(world.process.close(first), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - Closing a reference that is not the last MUST NOT linger or return WSAEWOULDBLOCK, whatever
//# the linger options are.
fn d6_closing_one_of_two_neither_lingers_nor_would_block<N: Network>(world: &World<N>) {
    for nonblocking in [false, true] {
        let (first, mut peer, accepted) = world.stalled();
        let second = world.share(first, &world.process);
        let process = &world.process;
        process.set_linger(first, Some(FOREVER)).unwrap();
        process.set_nonblocking(first, nonblocking).unwrap();
        let closing = {
            let process = process.clone();
            Task::start(move || process.close(first))
        };
        assert_eq!(closing.result(), Ok(()));
        assert!(process.queued(second).unwrap() > 0);
        process.set_dont_linger(second, true).unwrap();
        assert_eq!(process.close(second), Ok(()));
        assert_all(peer.read_to_end(), accepted);
    }
}

//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - Closing a reference that is not the last MUST NOT send a FIN, reset the connection or discard
//# data.
fn d6_a_hard_linger_resets_only_with_the_last_reference<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let second = world.share(first, &world.process);
    world.process.set_linger(first, Some(0)).unwrap();
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(world.process.send(second, b"alive"), Ok(5));
    assert_eq!(peer.read_exactly(5, 5), b"alive");
    assert!(peer.hears_nothing());
    assert_eq!(world.process.close(second), Ok(()));
    assert_eq!(peer.read_to_end().1, End::Reset);
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - Every open descriptor MUST count as one reference to its socket.
//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - A socket MUST NOT be released while a reference to it remains.
//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - Closing a reference that is not the last MUST NOT send a FIN, reset the connection or discard
//# data.
fn d6_queued_data_and_fin_wait_for_the_last_reference<N: Network>(world: &World<N>) {
    let (first, mut peer, accepted) = world.stalled();
    let second = world.share(first, &world.process);
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(peer.read_exactly(accepted, 8192), pattern(0, accepted));
    assert!(peer.hears_nothing());
    assert_eq!(world.process.send(second, &pattern(accepted, 10)), Ok(10));
    assert_eq!(world.process.close(second), Ok(()));
    assert_eq!(peer.read_to_end(), (pattern(accepted, 10), End::Fin));
}

//= docs/specification.md#d7-other-descriptors-are-left-alone
//# - Closing a descriptor MUST NOT end or alter an operation that was issued through another
//# descriptor.
fn d7_closing_one_descriptor_leaves_the_operations_of_the_other<N: Network>(world: &World<N>) {
    let (first, mut peer, accepted) = world.stalled();
    let other = world.other();
    let second = other
        .redeem(world.process.duplicate(first, other.id()).unwrap())
        .unwrap();
    let (mine, theirs) = (CompletionQueue::new(), CompletionQueue::new());
    for (process, descriptor, queue) in [(&world.process, first, &mine), (&other, second, &theirs)]
    {
        let buffer = vec![0; 4];
        process
            .recv_overlapped(descriptor, buffer, Notify::queue(queue, 1))
            .unwrap();
    }
    let rest = pattern(accepted, BIG);
    other
        .send_overlapped(second, rest, Notify::queue(&theirs, 2))
        .unwrap();
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(
        mine.wait(LONG).unwrap().result,
        Err(Error::OperationAborted)
    );
    assert!(theirs.is_empty());
    peer.write(b"for");
    let received = theirs.wait(LONG).unwrap();
    assert_eq!((received.key, received.result), (1, Ok(3)));
    let all = accepted + BIG;
    assert_eq!(peer.read_exactly(all, 8192), pattern(0, all));
    let sent = theirs.wait(LONG).unwrap();
    assert_eq!((sent.key, sent.result), (2, Ok(BIG)));
    assert_eq!(other.close(second), Ok(()));
    assert!(mine.is_empty() && theirs.is_empty());
}

//= docs/specification.md#d7-other-descriptors-are-left-alone
//# - Closing a descriptor MUST NOT alter the data that can be received, or has been sent, through
//# another descriptor.
fn d7_closing_one_descriptor_leaves_the_unread_data_to_the_other<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let second = world.share(first, &world.process);
    peer.write(b"unread");
    let mut buffer = [0; 2];
    assert_eq!(world.process.recv(first, &mut buffer), Ok(2));
    assert_eq!(world.process.close(first), Ok(()));
    let mut buffer = [0; 4];
    assert_eq!(world.process.recv(second, &mut buffer), Ok(4));
    assert_eq!(&buffer, b"read");
    assert_eq!(world.process.close(second), Ok(()));
}

//= docs/specification.md#d7-other-descriptors-are-left-alone
//# - Closing a descriptor MUST NOT remove or trigger a readiness registration that was made through
//# another descriptor.
fn d7_closing_one_descriptor_leaves_the_registration_of_the_other<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let second = world.share(first, &world.process);
    let (mine, theirs) = (Event::new(), Event::new());
    let process = &world.process;
    world.watch(first, Interest::READABLE, &mine);
    world.watch(second, Interest::READABLE, &theirs);
    assert_eq!(process.close(first), Ok(()));
    assert!(!theirs.is_set());
    peer.write(b"now");
    assert!(theirs.wait(LONG));
    assert_eq!(process.close(second), Ok(()));
}

//= docs/specification.md#d8-release
//# - A socket MUST NOT be released more than once.
//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - Whether a reference is the last MUST be decided in the atomic step that takes it off the
//# count.
fn d8_concurrent_closes_of_all_references_release_once<N: Network>(world: &World<N>) {
    for _ in 0..25 {
        let (first, mut peer) = world.connect();
        let other = world.other();
        let second = world.share(first, &other);
        let third = world.share(first, &world.process);
        assert_eq!(world.process.send(first, &pattern(0, 5000)), Ok(5000));
        let start = Arc::new(Barrier::new(3));
        let closers = [
            (world.process.clone(), first),
            (other, second),
            (world.process.clone(), third),
        ]
        .map(|(process, descriptor)| {
            let start = Arc::clone(&start);
            Task::start(move || {
                start.wait();
                process.close(descriptor)
            })
        });
        for closer in closers {
            assert_eq!(closer.result(), Ok(()));
        }
        assert_all(peer.read_to_end(), 5000);
        world.until_released();
    }
}

//= docs/specification.md#d8-release
//# - A socket without references MUST be released eventually, provided that the scheduler is fair
//# and that the transport or the timer makes progress.
fn d8_sockets_closed_in_every_way_are_all_released<N: Network>(world: &World<N>) {
    let process = &world.process;
    let mut peers = Vec::new();
    for way in 0..5 {
        let (descriptor, peer, accepted) = world.stalled();
        let linger = match way {
            0 => None,
            1 | 4 => Some(0),
            _ => Some(1),
        };
        process.set_linger(descriptor, linger).unwrap();
        process.set_nonblocking(descriptor, way == 3).unwrap();
        if way == 3 {
            process.shutdown(descriptor, Shutdown::Send).unwrap();
        }
        let second = (way == 4).then(|| world.share(descriptor, process));
        assert_eq!(process.close(descriptor), Ok(()));
        if let Some(second) = second {
            assert_eq!(process.close(second), Ok(()));
        }
        // The hard way and the two whose time passes are reset.
        let end = if [0, 3].contains(&way) {
            End::Fin
        } else {
            End::Reset
        };
        peers.push((peer, accepted, end));
    }
    process.close(process.socket().unwrap()).unwrap();
    process.close(world.listener().0).unwrap();
    for (mut peer, accepted, end) in peers {
        let (received, how) = peer.read_to_end();
        assert_eq!(how, end);
        crate::world::assert_prefix(&received, accepted);
    }
    world.until_released();
}
