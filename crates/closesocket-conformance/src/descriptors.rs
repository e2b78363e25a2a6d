//! D1 to D3: closed descriptors, concurrent closes, stale values.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::{Config, Descriptor, Error};

use crate::world::{
    FOREVER, Network, Peer, Proc, Task, World, assert_all, assert_every_call, pattern, settings,
};

scenarios! {
    d1_every_call_through_a_closed_descriptor_fails_with_wsaenotsock,
    d1_a_second_close_fails_with_wsaenotsock_while_the_first_still_lingers,
    d1_a_value_that_was_never_issued_is_no_socket,
    d2_of_concurrent_closes_exactly_one_commits,
    d2_no_close_commits_when_all_would_block,
    d3_a_stale_value_never_reaches_the_socket_that_reuses_its_slot,
    d3_a_pending_four_megabyte_send_never_reaches_the_next_connection,
    d3_a_blocked_receive_takes_no_byte_of_the_next_connection,
}

#[track_caller]
fn assert_no_socket<N: Network>(world: &World<N>, descriptor: Descriptor) {
    assert_every_call(world, &world.process, descriptor, Error::NotSocket);
}

//= docs/specification.md#d1-the-commit-point
//# - A close MUST make its descriptor invalid in one atomic step, the commit.
//= docs/specification.md#d1-the-commit-point
//# - A call that begins after the commit and names the closed descriptor MUST fail with
//# WSAENOTSOCK, unless an error that precedes WSAENOTSOCK in E1 applies.
fn d1_every_call_through_a_closed_descriptor_fails_with_wsaenotsock<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_no_socket(world, descriptor);
}

//= docs/specification.md#d1-the-commit-point
//# - A second close of a descriptor MUST fail with WSAENOTSOCK even while the first close is still
//# waiting in its linger.
fn d1_a_second_close_fails_with_wsaenotsock_while_the_first_still_lingers<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let closing = world.close_lingering(descriptor);
    assert_no_socket(world, descriptor);
    assert!(closing.goes_on());
    assert_all(peer.read_to_end(), accepted);
    assert_eq!(closing.result(), Ok(()));
}

fn d1_a_value_that_was_never_issued_is_no_socket<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let other = world.other();
    let [_, foreign] = [(); 2].map(|()| other.socket().unwrap());
    let never = [0, 1, u64::MAX, descriptor.raw() + (1 << 32)].map(Descriptor::from_raw);
    let slot = descriptor.slot();
    let numbers = [(slot, 0), (slot, u32::MAX), (u32::MAX, 1), (1 << 20, 1)];
    let never = never.into_iter().chain([foreign]);
    for value in never.chain(numbers.map(|(slot, it)| Descriptor::new(slot, it))) {
        assert_no_socket(world, value);
    }
    other.die();
    assert!(peer.hears_nothing());
    assert_eq!(world.process.close(descriptor), Ok(()));
}

/// Closes from four threads at once; what they got.
fn race<N: Network>(world: &World<N>, descriptor: Descriptor) -> Vec<Result<(), Error>> {
    let start = Arc::new(Barrier::new(4));
    let closers: Vec<_> = (0..4)
        .map(|_| {
            let (process, start) = (world.process.clone(), Arc::clone(&start));
            Task::start(move || {
                start.wait();
                process.close(descriptor)
            })
        })
        .collect();
    closers.into_iter().map(Task::result).collect()
}

//= docs/specification.md#d2-one-close-wins
//# - The provider MUST NOT let more than one close of a descriptor commit, however many closes of
//# it run concurrently.
//= docs/specification.md#d2-one-close-wins
//# - When none of several concurrent closes of a descriptor fails before its commit, the provider
//# MUST let exactly one of them commit.
fn d2_of_concurrent_closes_exactly_one_commits<N: Network>(world: &World<N>) {
    for _ in 0..25 {
        let (descriptor, mut peer) = world.connect();
        assert_eq!(world.process.send(descriptor, &pattern(0, 100)), Ok(100));
        let results = race(world, descriptor);
        let won = results.iter().filter(|it| it.is_ok()).count();
        assert_eq!(won, 1);
        let lost = |it: &&Result<(), Error>| **it == Err(Error::NotSocket);
        assert_eq!(results.iter().filter(lost).count(), 3);
        assert_all(peer.read_to_end(), 100);
    }
}

fn d2_no_close_commits_when_all_would_block<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    world.process.set_linger(descriptor, Some(FOREVER)).unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    let results = race(world, descriptor);
    assert_eq!(results, vec![Err(Error::WouldBlock); 4]);
    world.process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

/// Every descriptor of a process uses the one slot that there is.
fn one_slot() -> Config {
    Config {
        descriptor_limit: 1,
        ..settings()
    }
}

//= docs/specification.md#d3-stale-values
//# - A value of a closed descriptor MUST NOT give access to another socket that was later given the
//# same value.
fn d3_a_stale_value_never_reaches_the_socket_that_reuses_its_slot<N: Network>(_: &World<N>) {
    let world = World::<N>::with(one_slot());
    let (stale, _first) = world.connect();
    assert_eq!(world.process.close(stale), Ok(()));
    let (descriptor, mut peer) = world.connect();
    assert_eq!(descriptor.slot(), stale.slot());
    peer.write(b"not yours");
    assert_no_socket(&world, stale);
    assert!(peer.hears_nothing());
    assert_eq!(world.process.linger(descriptor), Ok(None));
    let mut buffer = [0; 9];
    assert_eq!(world.process.recv(descriptor, &mut buffer), Ok(9));
    assert_eq!(&buffer, b"not yours");
    assert_eq!(world.process.close(descriptor), Ok(()));
}

/// Uses the newest stale value again and again, while its slot is closed, recycled and
/// opened, until that value is gone. Returns how often.
fn attack<N: Network>(process: &Proc<N>, newest: &Arc<AtomicU64>) -> Task<usize> {
    let (process, newest) = (process.clone(), Arc::downgrade(newest));
    Task::start(move || {
        let mut attacks = 0;
        while let Some(newest) = newest.upgrade() {
            let stale = Descriptor::from_raw(newest.load(Ordering::Acquire));
            let refused = Err(Error::NotSocket);
            // One after the other: a receive that got through would wait.
            assert_eq!(process.send(stale, &[0xFF; 4096]), refused);
            assert_eq!(process.recv(stale, &mut [0; 64]), refused);
            assert_eq!(process.close(stale), Err(Error::NotSocket));
            attacks += 1;
        }
        attacks
    })
}

//= docs/specification.md#d3-stale-values
//# - An operation MUST keep the socket and the `(slot, generation)` with which it was issued,
//# without a second look-up.
fn d3_a_pending_four_megabyte_send_never_reaches_the_next_connection<N: Network>(_: &World<N>) {
    let world = World::<N>::with(one_slot());
    let newest = Arc::new(AtomicU64::new(0));
    let attacker = attack::<N>(&world.process, &newest);
    let queue = CompletionQueue::new();
    let mut bytes = pattern(0, 4 << 20);
    let next = || {
        // An attacker's hold may keep the slot for a moment.
        world.until("the slot is free", || world.process.descriptors() == 0);
        world.connect()
    };
    let (mut stale, mut first) = next();
    for round in 0..100 {
        world.start_send(stale, bytes, Notify::queue(&queue, round));
        assert_eq!(world.process.close(stale), Ok(()));
        newest.store(stale.raw(), Ordering::Release);
        let aborted = queue.take().unwrap();
        assert_eq!(aborted.result, Err(Error::OperationAborted));
        let (descriptor, mut second) = next();
        assert_eq!(descriptor.slot(), stale.slot());
        assert_eq!(descriptor.generation(), stale.generation() + 1);
        // What the old connection still sends goes to the old peer.
        assert_all(first.read_to_end(), aborted.transferred);
        assert!(second.hears_nothing());
        second.write(b"all");
        assert_eq!(world.process.recv(descriptor, &mut [0; 8]), Ok(3));
        (stale, first, bytes) = (descriptor, second, aborted.buffer);
    }
    drop(newest);
    assert!(attacker.result() > 0);
    assert_eq!(world.process.close(stale), Ok(()));
    assert_all(first.read_to_end(), 0);
}

fn d3_a_blocked_receive_takes_no_byte_of_the_next_connection<N: Network>(_: &World<N>) {
    let world = World::<N>::with(one_slot());
    for _ in 0..10 {
        let (stale, _first) = world.connect();
        let blocked = world.block(move |process| process.recv(stale, &mut [0; 8]));
        assert_eq!(world.process.close(stale), Ok(()));
        // The slot is free when the receiver has left it.
        world.until("the slot is free", || world.process.descriptors() == 0);
        let (descriptor, mut second) = world.connect();
        second.write(b"all");
        assert_eq!(blocked.result(), Err(Error::Interrupted));
        let mut buffer = [0; 8];
        assert_eq!(world.process.recv(descriptor, &mut buffer), Ok(3));
        assert_eq!(world.process.close(descriptor), Ok(()));
    }
}
