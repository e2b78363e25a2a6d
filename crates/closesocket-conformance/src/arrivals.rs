//! Receiving (R1, R2), results that wait for their step (R3), failed connects
//! (R5), readiness as news (R6), results in order (R8) and shutdowns with
//! operations pending (S1a-S1c).

use closesocket::engine::completions::{CompletionQueue, Event, Interest, Notify, Overlapped};
use closesocket::engine::{Descriptor, Error, Shutdown};

use crate::world::{
    BIG, LONG, Network, Peer, Proc, Task, World, assert_all, assert_prefix, pattern,
};

pub(crate) fn readable<N: Network>(process: &Proc<N>, descriptor: Descriptor) {
    let interests = [(descriptor, Interest::READABLE)];
    assert_eq!(process.select(&interests, LONG).unwrap().len(), 1);
}

/// The peer answers without reading what it is sent, and resets.
fn answered<N: Network>(world: &World<N>) -> Descriptor {
    let (descriptor, mut peer) = world.connect();
    peer.write(b"answer");
    readable::<N>(&world.process, descriptor);
    peer.reset();
    descriptor
}

//= docs/specification.md#r1-input-before-loss
//# - What the transport has received before it reports a loss MUST be given to the receives before
//# the loss is.
fn the_answer_is_there<N: Network>(world: &World<N>, descriptor: Descriptor) {
    let mut answer = [0; 16];
    assert_eq!(world.process.recv(descriptor, &mut answer), Ok(6));
    assert_eq!(&answer[..6], b"answer");
    for _ in 0..2 {
        let reset = world.process.recv(descriptor, &mut answer);
        assert_eq!(reset, Err(Error::ConnectionReset));
    }
    world.process.close(descriptor).unwrap();
}

fn r1_an_answer_outlives_the_send_that_meets_the_reset<N: Network>(world: &World<N>) {
    let descriptor = answered(world);
    world.until("the send meets the reset", || {
        world.process.send(descriptor, b"upload") == Err(Error::ConnectionReset)
    });
    the_answer_is_there(world, descriptor);
}

//= docs/specification.md#r1-input-before-loss
//# - A failure of the send side, or of a query, MUST NOT end the receive side.
fn r1_no_question_takes_an_answer_away<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    world.process.send(descriptor, b"never read").unwrap();
    peer.write(b"answer");
    readable::<N>(&world.process, descriptor);
    peer.reset();
    world.until("the shutdown meets the reset", || {
        world.process.queued(descriptor).unwrap();
        world.provider.tick();
        world.process.shutdown(descriptor, Shutdown::Send) == Err(Error::ConnectionReset)
    });
    readable::<N>(&world.process, descriptor);
    the_answer_is_there(world, descriptor);
}

fn r1_pending_receives_get_the_answer_in_their_order_and_the_last_the_loss<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    for key in 1..=3 {
        world.start_recv(descriptor, 3, Notify::queue(&queue, key));
    }
    peer.write(b"answer");
    let first = queue.wait(LONG).unwrap();
    peer.reset();
    let ends: Vec<_> = [first]
        .into_iter()
        .chain((0..2).map(|_| queue.wait(LONG).unwrap()))
        .map(|it| (it.key, it.result, it.buffer))
        .collect();
    let reset = Err(Error::ConnectionReset);
    assert_eq!(ends[0], (1, Ok(3), b"ans".to_vec()));
    assert_eq!(ends[1], (2, Ok(3), b"wer".to_vec()));
    assert_eq!((ends[2].0, ends[2].1), (3, reset));
    world.process.close(descriptor).unwrap();
}

fn r1_a_nonblocking_receive_takes_what_is_there_and_says_when_nothing_is<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    process.set_nonblocking(descriptor, true).unwrap();
    let recv = || process.recv(descriptor, &mut [0; 4]);
    assert_eq!(recv(), Err(Error::WouldBlock));
    peer.write(b"hello");
    readable::<N>(process, descriptor);
    assert_eq!((recv(), recv()), (Ok(4), Ok(1)));
    assert_eq!(recv(), Err(Error::WouldBlock));
    peer.finish();
    readable::<N>(process, descriptor);
    assert_eq!(recv(), Ok(0));
    assert_eq!(process.close(descriptor), Ok(()));
}

//= docs/specification.md#r2-empty-receives
//# - An overlapped receive with an empty buffer MUST stay pending until there is input, the end or
//# an error, and take nothing.
//= docs/specification.md#r2-empty-receives
//# - A blocking receive with an empty buffer MUST return 0 at once.
fn r2_an_empty_receive_waits_for_input_and_takes_none<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let waits = || {
        let overlapped = Overlapped::new();
        world.start_recv(descriptor, 0, Notify::event(&overlapped));
        overlapped
    };
    let (input, later) = (waits(), waits());
    assert_eq!(process.recv(descriptor, &mut []), Ok(0));
    assert!(input.take().is_none());
    peer.write(b"input");
    for overlapped in [input, later] {
        assert_eq!(overlapped.wait(LONG).unwrap().result, Ok(0));
    }
    let mut bytes = [0; 16];
    assert_eq!(process.recv(descriptor, &mut bytes), Ok(5));
    let end = waits();
    assert!(end.take().is_none());
    peer.finish();
    assert_eq!(end.wait(LONG).unwrap().result, Ok(0));
    assert_eq!(process.recv(descriptor, &mut bytes), Ok(0));
    process.close(descriptor).unwrap();

    let (descriptor, peer) = world.connect();
    let overlapped = Overlapped::new();
    world.start_recv(descriptor, 0, Notify::event(&overlapped));
    peer.reset();
    let lost = overlapped.wait(LONG).unwrap().result;
    assert_eq!(lost, Err(Error::ConnectionReset));
    process.close(descriptor).unwrap();
}

//= docs/specification.md#r3-a-result-behind-the-step-that-decides-it
//# - The success of an operation MUST NOT be fixed before the step that can refuse it.
fn r3_an_overlapped_send_to_a_peer_that_has_reset_fails<N: Network>(world: &World<N>) {
    for bytes in [1, 100_000, BIG] {
        let (descriptor, peer) = world.connect();
        peer.reset();
        readable::<N>(&world.process, descriptor);
        let overlapped = Overlapped::new();
        let notify = Notify::event(&overlapped);
        let sent = world
            .process
            .send_overlapped(descriptor, pattern(0, bytes), notify);
        let told = sent.and_then(|_| overlapped.wait(LONG).unwrap().result.map(drop));
        assert_eq!(told, Err(Error::ConnectionReset), "{bytes}");
        world.process.close(descriptor).unwrap();
    }
}

/// A nonblocking connect that fails later.
fn failed_connect<N: Network>(world: &World<N>) -> Descriptor {
    let process = &world.process;
    let (deaf, address) = N::deaf(world.provider.transport());
    let descriptor = process.socket().unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    let begun = process.connect(descriptor, &address);
    assert_eq!(begun, Err(Error::WouldBlock));
    drop(deaf);
    let interests = [(descriptor, Interest::WRITABLE)];
    assert_eq!(process.select(&interests, LONG).unwrap().len(), 1);
    descriptor
}

//= docs/specification.md#r5-a-failed-connect
//# - The failure of a connect MUST be told once: by the call, by the completion, or by SO_ERROR.
//= docs/specification.md#r5-a-failed-connect
//# - A connect after a failed one MUST connect, whether or not anybody has asked how that failed.
fn r5_a_failed_connect_is_told_once_and_the_next_one_connects<N: Network>(world: &World<N>) {
    let process = &world.process;
    for asks in [true, false] {
        let descriptor = failed_connect(world);
        if asks {
            assert!(process.take_error(descriptor).unwrap().is_some());
            assert_eq!(process.take_error(descriptor), Ok(None));
        }
        process.set_nonblocking(descriptor, false).unwrap();
        let mut peer = world.connect_it(process, descriptor);
        assert_eq!(process.take_error(descriptor), Ok(None));
        process.send(descriptor, &pattern(0, 9)).unwrap();
        process.close(descriptor).unwrap();
        assert_all(peer.read_to_end(), 9);
    }
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST be signalled when its condition becomes true.
//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST NOT be signalled again before its condition has become true anew, or a
//# call has re-armed it: a receive or an accept for reading, for writing a send that found no room.
fn r6_readiness_is_signalled_once_until_a_call_re_arms_it<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let (process, event) = (&world.process, Event::new());
    world.watch(descriptor, Interest::READABLE, &event);
    peer.write(b"one, two");
    assert!(event.wait(LONG));
    event.reset();
    process.linger(descriptor).unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    process.queued(descriptor).unwrap();
    process.local_address(descriptor).ok();
    process.send(descriptor, b"x").unwrap();
    world.provider.tick();
    assert!(!event.is_set());
    // What is left after a receive is told again.
    assert_eq!(process.recv(descriptor, &mut [0; 5]), Ok(5));
    assert!(event.is_set());
    event.reset();
    assert_eq!(process.recv(descriptor, &mut [0; 5]), Ok(3));
    assert!(!event.is_set());
    let nothing = process.recv(descriptor, &mut [0; 5]);
    assert_eq!(nothing, Err(Error::WouldBlock));
    assert!(!event.is_set());
    peer.write(b"more");
    assert!(event.wait(LONG));
    assert_eq!(process.recv(descriptor, &mut [0; 5]), Ok(4));
    event.reset();
    // The end is told once, too.
    peer.finish();
    assert!(event.wait(LONG));
    event.reset();
    process.send(descriptor, b"x").unwrap();
    process.queued(descriptor).unwrap();
    world.provider.tick();
    assert!(!event.is_set());
    process.close(descriptor).unwrap();
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST NOT be signalled again before its condition has become true anew, or a
//# call has re-armed it: a receive or an accept for reading, for writing a send that found no room.
fn r6_a_send_that_finds_no_room_is_no_news_of_input<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let event = Event::new();
    world.watch(descriptor, Interest::READABLE, &event);
    peer.write(b"there");
    assert!(event.wait(LONG));
    event.reset();
    world.fill(descriptor);
    world.provider.tick();
    assert!(!event.is_set());
    world.process.close(descriptor).unwrap();
}

fn r6_room_is_signalled_when_it_comes_after_a_send_found_none<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let (process, event) = (&world.process, Event::new());
    world.watch(descriptor, Interest::WRITABLE, &event);
    assert!(event.is_set());
    event.reset();
    // It had room, so there is nothing new to be told.
    process.send(descriptor, &pattern(0, 9)).unwrap();
    assert!(!event.is_set());
    let accepted = 9 + world.fill(descriptor);
    event.reset();
    peer.read_exactly(accepted, 64 * 1024);
    assert!(event.wait(LONG));
    process.close(descriptor).unwrap();
}

//= docs/specification.md#s1a-shutting-down-the-send-side
//# - After a shutdown of the send side, a new send MUST fail with WSAESHUTDOWN.
//= docs/specification.md#s1a-shutting-down-the-send-side
//# - A send that is pending when the send side is shut down MUST go on as if it had not been shut
//# down.
//= docs/specification.md#s1a-shutting-down-the-send-side
//# - The FIN of a shutdown MUST follow the bytes of every send that was pending at it.
fn s1a_pending_sends_go_on_after_a_shutdown_and_the_fin_follows_them<N: Network>(world: &World<N>) {
    const EACH: usize = 64 * 1024;
    let (descriptor, mut peer) = world.connect();
    let (process, queue) = (&world.process, CompletionQueue::new());
    for number in 0..100 {
        let notify = Notify::queue(&queue, number as u64);
        let bytes = pattern(number * EACH, EACH);
        world.start_send(descriptor, bytes, notify);
    }
    assert!(queue.len() < 100, "some are pending");
    process.shutdown(descriptor, Shutdown::Send).unwrap();
    assert_eq!(process.send(descriptor, b"x"), Err(Error::ShutDown));
    let refused = process.send_overlapped(descriptor, vec![0], Notify::nobody());
    assert_eq!(refused.err(), Some(Error::ShutDown));
    assert_all(peer.read_to_end(), 100 * EACH);
    for number in 0..100 {
        let sent = queue.wait(LONG).unwrap();
        assert_eq!((sent.key, sent.result), (number, Ok(EACH)));
    }
    process.close(descriptor).unwrap();
}

fn s1a_the_fin_comes_when_a_close_has_aborted_the_sends_it_waited_for<N: Network>(
    world: &World<N>,
) {
    let (first, mut peer) = world.connect();
    let second = world.share(first, &world.process);
    let (process, queue) = (&world.process, CompletionQueue::new());
    let lot = pattern(0, 64 * BIG);
    world.start_send(second, lot, Notify::queue(&queue, 1));
    process.shutdown(first, Shutdown::Send).unwrap();
    assert!(queue.is_empty());
    process.close(second).unwrap();
    let aborted = queue.wait(LONG).unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_all(peer.read_to_end(), aborted.transferred);
    process.close(first).unwrap();
}

//= docs/specification.md#s1b-shutting-down-the-receive-side
//# - After a shutdown of the receive side, a new receive MUST fail with WSAESHUTDOWN.
//= docs/specification.md#s1b-shutting-down-the-receive-side
//# - A receive that is pending when the receive side is shut down MUST stay pending and get what
//# comes.
//= docs/specification.md#s1b-shutting-down-the-receive-side
//# - While the receive side is shut down and no receive is pending, what arrives MUST be read and
//# thrown away.
fn s1b_a_pending_receive_stays_and_what_nobody_wants_is_thrown_away<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let overlapped = Overlapped::new();
    world.start_recv(descriptor, 4, Notify::event(&overlapped));
    let (blocked, buffer) = (process.clone(), vec![0; 4]);
    let waiting = world.block(move |_| {
        let mut buffer = buffer;
        blocked.recv(descriptor, &mut buffer).map(|_| buffer)
    });
    process.shutdown(descriptor, Shutdown::Receive).unwrap();
    let refused = process.recv(descriptor, &mut [0; 4]);
    assert_eq!(refused, Err(Error::ShutDown));
    assert!(overlapped.take().is_none() && waiting.goes_on());
    peer.write(b"one.two.");
    assert_eq!(overlapped.wait(LONG).unwrap().buffer, b"one.");
    assert_eq!(waiting.result(), Ok(b"two.".to_vec()));
    // More than any window: it would stall if nobody took it.
    for _ in 0..64 {
        peer.write(&pattern(0, BIG));
    }
    process.send(descriptor, &pattern(0, 5)).unwrap();
    process.close(descriptor).unwrap();
    let (received, _) = peer.read_to_end();
    assert_prefix(&received, 5);
}

//= docs/specification.md#s1c-shutting-down-twice-or-too-early
//# - A shutdown of a side that was shut down before MUST succeed.
//= docs/specification.md#s1c-shutting-down-twice-or-too-early
//# - A shutdown of a socket that is not connected MUST fail with WSAENOTCONN.
fn s1c_a_shutdown_can_be_repeated_but_not_come_too_early<N: Network>(world: &World<N>) {
    let process = &world.process;
    let unconnected = process.socket().unwrap();
    let (descriptor, mut peer) = world.connect();
    for how in [Shutdown::Receive, Shutdown::Send, Shutdown::Both] {
        let early = process.shutdown(unconnected, how);
        assert_eq!(early, Err(Error::NotConnected), "{how:?}");
        assert_eq!(process.shutdown(descriptor, how), Ok(()), "{how:?}");
        assert_eq!(process.shutdown(descriptor, how), Ok(()), "{how:?}");
    }
    process.close(unconnected).unwrap();
    process.close(descriptor).unwrap();
    assert_all(peer.read_to_end(), 0);
}

/// One thread takes the packets while another still posts receives and the
/// transport completes them.
//= docs/specification.md#r8-results-in-order
//# - The results of the operations of one direction of one socket MUST be posted in the order of the
//# operations, whichever threads complete them.
fn r8_packets_come_in_the_order_of_their_receives<N: Network>(world: &World<N>) {
    const EACH: u64 = 500;
    for _ in 0..4 {
        let (descriptor, mut peer) = world.connect();
        let queue = CompletionQueue::new();
        let (process, to) = (world.process.clone(), queue.clone());
        let poster = std::thread::spawn(move || {
            for key in 0..EACH {
                let notify = Notify::queue(&to, key);
                let started = process.recv_overlapped(descriptor, vec![0; 1], notify);
                started.unwrap();
            }
        });
        let writer = Task::start(move || {
            (0..EACH).for_each(|it| peer.write(&[it.to_le_bytes()[0]]));
            peer
        });
        for key in 0..EACH {
            let packet = queue.wait(LONG).unwrap();
            assert_eq!(packet.key, key, "a later receive overtook an earlier one");
            assert_eq!(packet.buffer, [key.to_le_bytes()[0]]);
        }
        poster.join().unwrap();
        drop(writer.result());
        world.process.close(descriptor).unwrap();
    }
}

scenarios![
    r1_an_answer_outlives_the_send_that_meets_the_reset,
    r1_no_question_takes_an_answer_away,
    r1_pending_receives_get_the_answer_in_their_order_and_the_last_the_loss,
    r1_a_nonblocking_receive_takes_what_is_there_and_says_when_nothing_is,
    r2_an_empty_receive_waits_for_input_and_takes_none,
    r3_an_overlapped_send_to_a_peer_that_has_reset_fails,
    r5_a_failed_connect_is_told_once_and_the_next_one_connects,
    r6_readiness_is_signalled_once_until_a_call_re_arms_it,
    r6_a_send_that_finds_no_room_is_no_news_of_input,
    r6_room_is_signalled_when_it_comes_after_a_send_found_none,
    r8_packets_come_in_the_order_of_their_receives,
    s1a_pending_sends_go_on_after_a_shutdown_and_the_fin_follows_them,
    s1a_the_fin_comes_when_a_close_has_aborted_the_sends_it_waited_for,
    s1b_a_pending_receive_stays_and_what_nobody_wants_is_thrown_away,
    s1c_a_shutdown_can_be_repeated_but_not_come_too_early,
];
