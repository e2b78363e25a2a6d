//! Faults of the transport itself, where the network can have them happen: short
//! sends and receives, would-block storms, refused memory, calls that fail.

use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Interest, Notify};
use closesocket::engine::net::{Call, Fault};
use closesocket::engine::{Closed, Error};

use crate::world::recv_to_end;
use crate::world::{End, LONG, Network, Peer, Task, World, assert_all, assert_prefix, pattern};

scenarios! {
    fault_short_sends_lose_nothing_and_keep_the_order,
    fault_short_receives_lose_nothing_and_keep_the_order,
    fault_a_storm_of_would_block_loses_nothing_that_was_sent,
    fault_a_storm_of_would_block_loses_nothing_that_is_received,
    fault_a_storm_of_would_block_holds_no_connection_back,
    fault_refused_memory_for_a_socket_leaves_nothing,
    fault_a_refused_accept_leaves_the_connection_to_the_next,
    fault_a_send_that_finds_the_loss_leaves_what_has_arrived,
    fault_a_refused_send_is_told_and_was_not_accepted,
    fault_an_overlapped_send_that_is_refused_ends_once_with_the_error,
    fault_queued_data_that_is_refused_ends_in_no_clean_end,
    fault_a_receive_that_fails_ends_every_receive_once,
    fault_a_fin_that_fails_ends_the_drain,
    fault_an_acknowledgement_that_cannot_be_asked_for_ends_the_drain,
}

/// Bytes that take many short calls, and fit into every transport.
const SOME: usize = 4000;

fn inject<N: Network>(world: &World<N>, fault: Fault) {
    N::inject(world.provider.transport(), fault);
}

fn fault_short_sends_lose_nothing_and_keep_the_order<N: Network>(world: &World<N>) {
    inject(world, Fault::ShortSends(7));
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.send(descriptor, &pattern(0, SOME)), Ok(SOME));
    let queue = CompletionQueue::new();
    world.start_send(descriptor, pattern(SOME, SOME), Notify::queue(&queue, 1));
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(SOME));
    let within = Some(Duration::from_secs(600));
    let process = process.clone();
    let closing = Task::start(move || process.close_and_tell(descriptor, within));
    assert_all(peer.read_to_end(), 2 * SOME);
    assert_eq!(closing.result(), Ok(Closed::Drained));
}

fn fault_short_receives_lose_nothing_and_keep_the_order<N: Network>(world: &World<N>) {
    inject(world, Fault::ShortReceives(7));
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    for key in 0..3 {
        world.start_recv(descriptor, 100, Notify::queue(&queue, key));
    }
    peer.write(&pattern(0, SOME));
    peer.finish();
    let mut all = Vec::new();
    for key in 0..3 {
        let it = queue.wait(LONG).unwrap();
        let bytes = it.result.unwrap();
        assert!(it.key == key && (1..=7).contains(&bytes));
        all.extend_from_slice(&it.buffer[..bytes]);
    }
    all.extend(recv_to_end(&world.process, descriptor));
    assert!(all == pattern(0, SOME), "{} other bytes", all.len());
    assert_eq!(world.process.close(descriptor), Ok(()));
}

/// More than a call asks again by itself.
const STORM: u32 = 50;

fn fault_a_storm_of_would_block_loses_nothing_that_was_sent<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    inject(world, Fault::WouldBlock(STORM));
    assert_eq!(process.send(descriptor, &pattern(0, SOME)), Ok(SOME));
    inject(world, Fault::WouldBlock(STORM));
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), SOME);
}

fn fault_a_storm_of_would_block_loses_nothing_that_is_received<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    peer.write(&pattern(0, SOME));
    peer.finish();
    inject(world, Fault::WouldBlock(STORM));
    let all = recv_to_end(&world.process, descriptor);
    assert!(all == pattern(0, SOME), "{} other bytes", all.len());
    assert_eq!(world.process.close(descriptor), Ok(()));
}

fn fault_a_storm_of_would_block_holds_no_connection_back<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    inject(world, Fault::WouldBlock(STORM));
    let mut peer = world.dial(&address);
    let process = &world.process;
    let accepted = process.accept(listener).unwrap();
    assert_eq!(process.send(accepted, &pattern(0, 4)), Ok(4));
    assert_eq!(process.close(accepted), Ok(()));
    assert_eq!(process.close(listener), Ok(()));
    assert_all(peer.read_to_end(), 4);
}

fn fault_refused_memory_for_a_socket_leaves_nothing<N: Network>(world: &World<N>) {
    let process = &world.process;
    inject(world, Fault::Fails(Call::Open, Error::NoBuffers));
    assert_eq!(process.socket(), Err(Error::NoBuffers));
    assert_eq!(world.provider.usage().sockets, 0);
    assert_eq!(process.descriptors(), 0);
    let (descriptor, mut peer) = world.connect();
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

fn fault_a_refused_accept_leaves_the_connection_to_the_next<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let process = &world.process;
    inject(world, Fault::Fails(Call::Accept, Error::NoBuffers));
    let mut peer = world.dial(&address);
    assert_eq!(process.accept(listener), Err(Error::NoBuffers));
    let accepted = process.accept(listener).unwrap();
    assert_eq!(process.send(accepted, &pattern(0, 4)), Ok(4));
    assert_eq!(process.close(accepted), Ok(()));
    assert_eq!(process.close(listener), Ok(()));
    assert_all(peer.read_to_end(), 4);
}

fn fault_a_send_that_finds_the_loss_leaves_what_has_arrived<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    peer.write(&pattern(0, 10));
    peer.finish();
    let readable = [(descriptor, Interest::READABLE)];
    assert!(process.select(&readable, LONG).unwrap()[0].1.readable);
    inject(world, Fault::Fails(Call::Send, Error::ConnectionReset));
    let refused = process.send(descriptor, &pattern(0, 10));
    assert_eq!(refused, Err(Error::ConnectionReset));
    assert_eq!(recv_to_end(process, descriptor), pattern(0, 10));
    assert_eq!(process.close(descriptor), Ok(()));
}

fn fault_a_refused_send_is_told_and_was_not_accepted<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.send(descriptor, &pattern(0, 10)), Ok(10));
    inject(world, Fault::Fails(Call::Send, Error::NoBuffers));
    let refused = process.send(descriptor, &pattern(10, 10));
    assert_eq!(refused, Err(Error::NoBuffers));
    // Memory that was refused is no loss: the next may be accepted.
    assert_eq!(process.send(descriptor, &pattern(10, 10)), Ok(10));
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 20);
}

fn fault_an_overlapped_send_that_is_refused_ends_once_with_the_error<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    inject(world, Fault::Fails(Call::Send, Error::ConnectionReset));
    world.start_send(descriptor, pattern(0, SOME), Notify::queue(&queue, 1));
    let it = queue.wait(LONG).unwrap();
    assert_eq!((it.key, it.result), (1, Err(Error::ConnectionReset)));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(queue.is_empty());
}

fn fault_queued_data_that_is_refused_ends_in_no_clean_end<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    inject(world, Fault::Fails(Call::Send, Error::InvalidArgument));
    assert_eq!(process.close(descriptor), Ok(()));
    let (received, end) = peer.read_to_end();
    assert_prefix(&received, accepted);
    // Either it was tried again, or the peer is told that a part is missing (S5).
    assert_eq!(end == End::Fin, received.len() == accepted, "{end:?}");
    // What there is no memory for is tried again, so nothing is missing (O6).
    let (descriptor, mut peer, accepted) = world.stalled();
    inject(world, Fault::Fails(Call::Send, Error::NoBuffers));
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

fn fault_a_receive_that_fails_ends_every_receive_once<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    inject(world, Fault::Fails(Call::Receive, Error::ConnectionReset));
    for key in 0..3 {
        let notify = Notify::queue(&queue, key);
        // The first has found the loss: the others may be refused at once.
        let _ = world
            .process
            .recv_overlapped(descriptor, vec![0; 10], notify);
    }
    let first = queue.wait(LONG).unwrap();
    assert_eq!((first.key, first.result), (0, Err(Error::ConnectionReset)));
    while let Some(it) = queue.take() {
        assert_eq!(it.result, Err(Error::ConnectionReset));
    }
    let recv = world.process.recv(descriptor, &mut [0; 4]);
    assert_eq!(recv, Err(Error::ConnectionReset));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(queue.is_empty());
}

fn fault_a_fin_that_fails_ends_the_drain<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let process = &world.process;
    process
        .set_linger(descriptor, Some(crate::world::FOREVER))
        .unwrap();
    assert_eq!(process.send(descriptor, &pattern(0, 10)), Ok(10));
    inject(world, Fault::Fails(Call::SendFin, Error::ConnectionReset));
    assert_eq!(process.close(descriptor), Ok(()));
    world.until_released();
}

fn fault_an_acknowledgement_that_cannot_be_asked_for_ends_the_drain<N: Network>(world: &World<N>) {
    let (descriptor, _peer, _) = world.stalled();
    let process = &world.process;
    process
        .set_linger(descriptor, Some(crate::world::FOREVER))
        .unwrap();
    inject(
        world,
        Fault::Fails(Call::Unacknowledged, Error::ConnectionReset),
    );
    assert_eq!(process.close(descriptor), Ok(()));
    world.until_released();
}
