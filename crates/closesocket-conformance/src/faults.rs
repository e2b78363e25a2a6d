//! Faults: tables that are full, windows that are used up, routines that panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use closesocket::engine::completions::{AlertableThread, CompletionQueue, Interest, Notify};
use closesocket::engine::{Config, Error};

use crate::world::{LONG, Network, Peer, WINDOW, World, assert_all, pattern, settings};

scenarios! {
    fault_a_full_descriptor_table_refuses_sockets_until_one_is_closed,
    fault_a_full_descriptor_table_refuses_accepts_and_keeps_the_connection_waiting,
    fault_a_full_descriptor_table_refuses_a_redemption_and_keeps_the_record,
    fault_a_used_up_window_would_block_and_is_writable_when_the_peer_reads,
    fault_a_used_up_window_holds_a_blocked_send_until_the_peer_reads,
    fault_a_used_up_window_keeps_an_overlapped_send_pending_until_the_peer_reads,
    fault_a_routine_that_panics_reaches_the_caller_of_the_wait_and_leaks_nothing,
}

fn narrow<N: Network>(descriptor_limit: u32) -> World<N> {
    World::with(Config {
        descriptor_limit,
        ..settings()
    })
}

fn fault_a_full_descriptor_table_refuses_sockets_until_one_is_closed<N: Network>(_: &World<N>) {
    let world = narrow::<N>(3);
    let process = &world.process;
    let all = [(); 3].map(|()| process.socket().unwrap());
    assert_eq!(process.socket(), Err(Error::TooManyDescriptors));
    assert_eq!(world.provider.usage().sockets, 3);
    assert_eq!(process.close(all[1]), Ok(()));
    let (descriptor, mut peer) = world.connect();
    assert_eq!(process.socket(), Err(Error::TooManyDescriptors));
    for open in [all[0], all[2], descriptor] {
        assert_eq!(process.close(open), Ok(()));
    }
    assert_all(peer.read_to_end(), 0);
}

fn fault_a_full_descriptor_table_refuses_accepts_and_keeps_the_connection_waiting<N: Network>(
    _: &World<N>,
) {
    let world = narrow::<N>(2);
    let process = &world.process;
    let (listener, address) = world.listener();
    let extra = process.socket().unwrap();
    let mut peer = world.dial(&address);
    let queue = CompletionQueue::new();
    assert_eq!(process.accept(listener), Err(Error::TooManyDescriptors));
    let refused = process.accept_overlapped(listener, Notify::queue(&queue, 1));
    assert_eq!(refused.err(), Some(Error::TooManyDescriptors));
    assert!(queue.is_empty());
    assert!(peer.hears_nothing());
    assert_eq!(process.close(extra), Ok(()));
    let accepted = process.accept(listener).unwrap();
    assert_eq!(process.send(accepted, &pattern(0, 4)), Ok(4));
    assert_eq!(process.close(accepted), Ok(()));
    assert_eq!(process.close(listener), Ok(()));
    assert_all(peer.read_to_end(), 4);
}

fn fault_a_full_descriptor_table_refuses_a_redemption_and_keeps_the_record<N: Network>(
    _: &World<N>,
) {
    let world = narrow::<N>(1);
    let other = world.other();
    let extra = other.socket().unwrap();
    let (first, mut peer) = world.connect();
    let record = world.process.duplicate(first, other.id()).unwrap();
    assert_eq!(other.redeem(record), Err(Error::TooManyDescriptors));
    assert_eq!(world.process.close(first), Ok(()));
    assert!(peer.hears_nothing());
    assert_eq!(other.close(extra), Ok(()));
    let second = other.redeem(record).unwrap();
    assert_eq!(other.redeem(record), Err(Error::TooManyDescriptors));
    assert_eq!(other.close(second), Ok(()));
    assert_eq!(other.redeem(record), Err(Error::InvalidArgument));
    assert_all(peer.read_to_end(), 0);
}

fn fault_a_used_up_window_would_block_and_is_writable_when_the_peer_reads<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    process.set_nonblocking(descriptor, true).unwrap();
    // What the peer's kernel still takes makes room once more at most.
    let mut all = accepted;
    while let Ok(bytes) = process.send(descriptor, &pattern(all, 1000)) {
        all += bytes;
    }
    assert_eq!(
        process.send(descriptor, &pattern(all, 1)),
        Err(Error::WouldBlock)
    );
    let writable = [(descriptor, Interest::WRITABLE)];
    let selecting = world.block(move |process| process.select(&writable, LONG));
    assert_eq!(peer.read_exactly(all, 8192), pattern(0, all));
    assert!(selecting.result().unwrap()[0].1.writable);
    assert_eq!(process.send(descriptor, &pattern(all, 10)), Ok(10));
    assert_eq!(peer.read_exactly(10, 10), pattern(all, 10));
    assert_eq!(process.close(descriptor), Ok(()));
}

fn fault_a_used_up_window_holds_a_blocked_send_until_the_peer_reads<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let big = crate::world::BIG;
    let blocked = world.block(move |process| process.send(descriptor, &pattern(accepted, big)));
    assert!(world.process.queued(descriptor).unwrap() <= WINDOW && blocked.goes_on());
    let all = accepted + big;
    assert_eq!(peer.read_exactly(all, 8192), pattern(0, all));
    assert_eq!(blocked.result(), Ok(big));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

fn fault_a_used_up_window_keeps_an_overlapped_send_pending_until_the_peer_reads<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let big = crate::world::BIG;
    let queue = CompletionQueue::new();
    world.start_send(descriptor, pattern(accepted, big), Notify::queue(&queue, 1));
    assert!(queue.is_empty());
    let all = accepted + big;
    assert_eq!(peer.read_exactly(all, 8192), pattern(0, all));
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(big));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(queue.is_empty());
}

fn fault_a_routine_that_panics_reaches_the_caller_of_the_wait_and_leaks_nothing<N: Network>(
    world: &World<N>,
) {
    let (descriptor, _peer) = world.connect();
    let thread = AlertableThread::new();
    let process = &world.process;
    let panics = Notify::routine(&thread, 1, |_| {
        std::panic::resume_unwind(Box::new("routine"))
    });
    let (tell, told) = std::sync::mpsc::channel();
    let runs = Notify::routine(&thread, 2, move |completion| {
        tell.send(completion.result).unwrap();
    });
    for notify in [panics, runs] {
        world.start_recv(descriptor, 4, notify);
    }
    assert_eq!(process.close(descriptor), Ok(()));
    let wait = || thread.wait(LONG);
    let panic = catch_unwind(AssertUnwindSafe(wait)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"routine"));
    // The other routine is still there, and the thread goes on.
    assert_eq!(thread.wait(LONG), 1);
    assert_eq!(told.try_recv(), Ok(Err(Error::OperationAborted)));
    assert_eq!(process.descriptors(), 0);
}
