//! O4 to O9: blocked calls, buffers, partial sends, listeners, selects, and
//! closes from within callbacks.

use std::sync::Barrier;
use std::thread;

use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Interest, Notify, Overlapped, Readiness,
};
use closesocket::engine::{Descriptor, Error};

use crate::world::{
    BIG, End, LONG, Network, Peer, Task, World, assert_all, assert_prefix, pattern, recv_to_end,
};

scenarios! {
    o4_a_blocked_receive_returns_wsaeintr,
    o4_a_blocked_send_returns_wsaeintr_and_its_accepted_part_is_sent,
    o4_a_blocked_accept_returns_wsaeintr,
    o4_a_blocked_connect_returns_wsaeintr,
    o4_every_thread_that_is_blocked_in_one_descriptor_wakes,
    o5_an_aborted_operation_gives_its_buffer_back_with_its_completion,
    o6_of_a_partly_accepted_send_the_peer_gets_exactly_the_accepted_part,
    o6_after_a_hard_close_the_peer_has_a_prefix,
    o6_a_peer_that_reads_slowly_gets_every_accepted_byte,
    o6_a_large_transfer_between_two_sockets_of_the_engine_arrives_whole,
    o7_a_pending_accept_is_aborted,
    o7_the_backlog_of_a_closed_listener_is_ended,
    o7_the_backlog_stays_while_the_listener_has_another_descriptor,
    o7_an_accept_that_completed_keeps_its_connection,
    o7_a_connect_that_completed_keeps_its_success,
    r4_an_accepted_socket_has_its_listeners_options_whatever_becomes_of_the_listener,
    o8_a_select_on_a_closed_descriptor_wakes,
    o8_a_select_reports_only_the_descriptor_that_was_closed,
    o9_a_routine_closes_its_own_descriptor,
    o9_a_routine_closes_another_descriptor_that_others_wait_on,
    o9_a_close_in_the_routine_of_an_abort_finds_no_socket,
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
fn o4_a_blocked_receive_returns_wsaeintr<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 8]));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
fn o4_a_blocked_send_returns_wsaeintr_and_its_accepted_part_is_sent<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let blocked = world.block(move |process| process.send(descriptor, &pattern(0, 4 << 20)));
    assert_eq!(world.process.close(descriptor), Ok(()));
    let error = blocked.result().unwrap_err();
    assert_eq!(error.code(), Error::Interrupted.code());
    assert!(error.accepted() > 0);
    assert_all(peer.read_to_end(), error.accepted());
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
fn o4_a_blocked_accept_returns_wsaeintr<N: Network>(world: &World<N>) {
    let (listener, _) = world.listener();
    let blocked = world.block(move |process| process.accept(listener));
    assert_eq!(world.process.close(listener), Ok(()));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
}

//= docs/specification.md#o4-blocked-calls
//# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
fn o4_a_blocked_connect_returns_wsaeintr<N: Network>(world: &World<N>) {
    let (_deaf, address) = N::deaf(world.provider.transport());
    let descriptor = world.process.socket().unwrap();
    let blocked = world.block(move |process| process.connect(descriptor, &address));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
}

fn o4_every_thread_that_is_blocked_in_one_descriptor_wakes<N: Network>(world: &World<N>) {
    let (descriptor, _peer, accepted) = world.stalled();
    let receivers =
        [(); 4].map(|()| world.block(move |process| process.recv(descriptor, &mut [0; 8])));
    let senders = [(); 4]
        .map(|()| world.block(move |process| process.send(descriptor, &pattern(accepted, BIG))));
    assert_eq!(world.process.blocked_threads(), 8);
    assert_eq!(world.process.close(descriptor), Ok(()));
    for blocked in receivers.into_iter().chain(senders) {
        // A kernel may have taken a little more meanwhile, and a send got it in.
        let interrupted = blocked.result().map_err(Error::code);
        assert_eq!(interrupted, Err(Error::Interrupted.code()));
    }
}

//= docs/specification.md#o5-buffers
//# - The provider MUST keep the buffers of an operation in its possession until the completion has
//# been delivered.
fn o5_an_aborted_operation_gives_its_buffer_back_with_its_completion<N: Network>(world: &World<N>) {
    let (descriptor, _peer, accepted) = world.stalled();
    let queue = CompletionQueue::new();
    let process = &world.process;
    process
        .recv_overlapped(descriptor, vec![3; 77], Notify::queue(&queue, 1))
        .unwrap();
    let rest = pattern(accepted, BIG);
    world.start_send(descriptor, rest.clone(), Notify::queue(&queue, 2));
    assert_eq!(process.close(descriptor), Ok(()));
    let mut ends: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
    ends.sort_by_key(|it| it.key);
    assert_eq!(ends[0].buffer, vec![3; 77]);
    assert!(ends[1].buffer == rest);
}

//= docs/specification.md#o6-partly-accepted-sends
//# - When a close aborts a partly accepted send, the accepted part MUST remain queued data while
//# the rest ends with the abort.
fn o6_of_a_partly_accepted_send_the_peer_gets_exactly_the_accepted_part<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let overlapped = Overlapped::new();
    let bytes = pattern(0, 2 << 20);
    world.start_send(descriptor, bytes, Notify::event(&overlapped));
    peer.read_exactly(1000, 100);
    assert_eq!(world.process.close(descriptor), Ok(()));
    let aborted = overlapped.wait(LONG).unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert!(aborted.transferred > 1000 && aborted.transferred < 2 << 20);
    let (rest, end) = peer.read_to_end();
    assert_eq!((rest.len(), end), (aborted.transferred - 1000, End::Fin));
    assert!(rest == pattern(1000, rest.len()));
}

//= docs/specification.md#o6-partly-accepted-sends
//# - The bytes that the peer receives MUST be a prefix of the bytes that the provider accepted.
fn o6_after_a_hard_close_the_peer_has_a_prefix<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let overlapped = Overlapped::new();
    let bytes = pattern(0, 2 << 20);
    world.start_send(descriptor, bytes, Notify::event(&overlapped));
    let first = peer.read_exactly(1000, 1000);
    world.process.set_linger(descriptor, Some(0)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    let aborted = overlapped.wait(LONG).unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    let (rest, end) = peer.read_to_end();
    assert_eq!(end, End::Reset);
    assert_prefix(&[first, rest].concat(), aborted.transferred);
}

//= docs/specification.md#o6-partly-accepted-sends
//# - After a close that ended gracefully, the peer MUST be able to receive every accepted byte.
fn o6_a_peer_that_reads_slowly_gets_every_accepted_byte<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(peer.read_exactly(accepted, 700), pattern(0, accepted));
    assert_all(peer.read_to_end(), 0);
}

fn o6_a_large_transfer_between_two_sockets_of_the_engine_arrives_whole<N: Network>(
    world: &World<N>,
) {
    const ALL: usize = 3_000_000;
    let (listener, address) = world.listener();
    let (process, sender) = (world.process.clone(), world.process.socket().unwrap());
    let sending = Task::start(move || {
        process.connect(sender, &address).unwrap();
        assert_eq!(process.send(sender, &pattern(0, ALL)), Ok(ALL));
        process.close(sender).unwrap();
    });
    let receiver = world.process.accept(listener).unwrap();
    let received = recv_to_end(&world.process, receiver);
    sending.result();
    assert_all((received, End::Fin), ALL);
    world.process.close(receiver).unwrap();
    world.process.close(listener).unwrap();
}

//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - Closing a listener MUST abort the pending accepts that are in its abort scope (O1).
fn o7_a_pending_accept_is_aborted<N: Network>(world: &World<N>) {
    let (listener, _) = world.listener();
    let queue = CompletionQueue::new();
    for key in 0..3 {
        let notify = Notify::queue(&queue, key);
        world.process.accept_overlapped(listener, notify).unwrap();
    }
    assert_eq!(world.process.close(listener), Ok(()));
    for key in 0..3 {
        let aborted = queue.take().unwrap();
        assert_eq!(aborted.key, key);
        assert_eq!(aborted.result, Err(Error::OperationAborted));
        assert_eq!(aborted.accepted, None);
    }
}

//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - When the last reference to a listener is closed, every connection in its backlog MUST be reset
//# or closed.
fn o7_the_backlog_of_a_closed_listener_is_ended<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let mut waiting = [(); 3].map(|()| world.dial(&address));
    // A select may take one out of the transport's backlog into the engine's.
    let ready = world
        .process
        .select(&[(listener, Interest::READABLE)], LONG)
        .unwrap();
    assert!(ready[0].1.readable);
    assert!(waiting.iter_mut().all(Peer::hears_nothing));
    assert_eq!(world.process.close(listener), Ok(()));
    for peer in &mut waiting {
        assert_eq!(peer.read_to_end().0, []);
    }
}

fn o7_the_backlog_stays_while_the_listener_has_another_descriptor<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let other = world.other();
    let kept = world.share(listener, &other);
    let mut waiting = world.dial(&address);
    assert_eq!(world.process.close(listener), Ok(()));
    assert!(waiting.hears_nothing());
    let accepted = other.accept(kept).unwrap();
    assert_eq!(other.send(accepted, &pattern(0, 4)), Ok(4));
    assert_eq!(other.close(accepted), Ok(()));
    assert_eq!(other.close(kept), Ok(()));
    assert_all(waiting.read_to_end(), 4);
}

//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - An accept or connect whose completion came ahead of the commit MUST keep its success.
fn o7_an_accept_that_completed_keeps_its_connection<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    world.process.accept_overlapped(listener, notify).unwrap();
    let mut peer = world.dial(&address);
    assert!(overlapped.event().wait(LONG));
    assert_eq!(world.process.close(listener), Ok(()));
    let accepted = overlapped.take().unwrap().accepted.unwrap();
    assert_eq!(world.process.send(accepted, &pattern(0, 4)), Ok(4));
    assert_eq!(world.process.close(accepted), Ok(()));
    assert_all(peer.read_to_end(), 4);
}

//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - An accept or connect whose completion came ahead of the commit MUST keep its success.
fn o7_a_connect_that_completed_keeps_its_success<N: Network>(world: &World<N>) {
    let descriptor = world.process.socket().unwrap();
    let overlapped = Overlapped::new();
    world
        .process
        .connect_overlapped(
            descriptor,
            &world.peer_address(),
            Notify::event(&overlapped),
        )
        .unwrap();
    let mut peer = world.next_peer();
    assert!(overlapped.event().wait(LONG));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(overlapped.take().unwrap().result, Ok(0));
    assert_all(peer.read_to_end(), 0);
}

/// Selects on these and a connection that is closed meanwhile; what it found.
/// Nothing tells when a select has begun, so one that comes too late tries again.
fn select_and_close<N: Network>(world: &World<N>, others: &[Descriptor]) -> (Descriptor, Ready) {
    loop {
        let (descriptor, _peer) = world.connect();
        let process = world.process.clone();
        let interests: Vec<_> = others
            .iter()
            .chain([&descriptor])
            .map(|it| (*it, Interest::READABLE))
            .collect();
        let (tell, begun) = std::sync::mpsc::channel();
        let selecting = Task::start(move || {
            tell.send(()).unwrap();
            process.select(&interests, LONG)
        });
        begun.recv().unwrap();
        // Give it a chance; what comes of it is decided below.
        (0..1000).for_each(|_| std::thread::yield_now());
        assert_eq!(world.process.close(descriptor), Ok(()));
        match selecting.result() {
            Err(error) => assert_eq!(error, Error::NotSocket),
            Ok(ready) => return (descriptor, ready),
        }
    }
}

type Ready = Vec<(Descriptor, Readiness)>;

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section in
//# which the connection was taken from it.
fn r4_an_accepted_socket_has_its_listeners_options_whatever_becomes_of_the_listener<N: Network>(
    world: &World<N>,
) {
    let process = &world.process;
    for _ in 0..1_000 {
        let (listener, address) = world.listener();
        process.set_linger(listener, Some(0)).unwrap();
        process.set_nonblocking(listener, true).unwrap();
        let _peer = world.dial(&address);
        let start = Barrier::new(2);
        let accepted = thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                assert_eq!(process.close(listener), Ok(()));
            });
            start.wait();
            loop {
                match process.accept(listener) {
                    Err(Error::WouldBlock) => thread::yield_now(),
                    accepted => break accepted,
                }
            }
        });
        if let Ok(accepted) = accepted {
            assert_eq!(process.linger(accepted), Ok(Some(0)));
            let received = process.recv(accepted, &mut [0; 1]);
            assert_eq!(received, Err(Error::WouldBlock));
            assert_eq!(process.close(accepted), Ok(()));
        }
    }
}

//= docs/specification.md#o8-readiness-waits
//# - A wait for readiness, such as select or poll, that names the closed descriptor MUST wake up.
fn o8_a_select_on_a_closed_descriptor_wakes<N: Network>(world: &World<N>) {
    let (descriptor, ready) = select_and_close(world, &[]);
    assert_eq!(ready[0].0, descriptor);
    assert!(ready[0].1.closed);
}

fn o8_a_select_reports_only_the_descriptor_that_was_closed<N: Network>(world: &World<N>) {
    let ((first, _one), (second, _two)) = (world.connect(), world.connect());
    let (descriptor, ready) = select_and_close(world, &[first, second]);
    let closed: Vec<_> = ready.iter().map(|(it, how)| (*it, how.closed)).collect();
    assert_eq!(closed, [(descriptor, true)]);
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(world.process.close(second), Ok(()));
}

//= docs/specification.md#o9-closing-from-a-callback
//# - A close that is called from a completion routine or another callback MUST work as any other
//# close does.
fn o9_a_routine_closes_its_own_descriptor<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let thread = AlertableThread::new();
    let process = world.process.clone();
    let notify = Notify::routine(&thread, 1, move |completion| {
        assert_eq!(completion.result, Ok(2));
        assert_eq!(process.send(descriptor, &pattern(0, 6)), Ok(6));
        assert_eq!(process.close(descriptor), Ok(()));
    });
    world.start_recv(descriptor, 4, notify);
    peer.write(b"go");
    assert_eq!(thread.wait(LONG), 1);
    assert_all(peer.read_to_end(), 6);
}

//= docs/specification.md#o9-closing-from-a-callback
//# - A close that is called from a completion routine or another callback MUST work as any other
//# close does.
fn o9_a_routine_closes_another_descriptor_that_others_wait_on<N: Network>(world: &World<N>) {
    let ((first, mut one), (second, _two)) = (world.connect(), world.connect());
    let thread = AlertableThread::new();
    let process = world.process.clone();
    let notify = Notify::routine(&thread, 1, move |_| {
        assert_eq!(process.close(second), Ok(()));
    });
    world.start_recv(first, 4, notify);
    // The second's operation has a routine of the same thread: it runs in the
    // same alertable wait.
    let notify = Notify::routine(&thread, 2, |completion| {
        assert_eq!(completion.result, Err(Error::OperationAborted));
    });
    world.start_recv(second, 4, notify);
    let blocked = world.block(move |process| process.recv(second, &mut [0; 4]));
    one.write(b"go");
    assert_eq!(thread.wait(LONG), 2);
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    assert_eq!(world.process.close(first), Ok(()));
}

fn o9_a_close_in_the_routine_of_an_abort_finds_no_socket<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let thread = AlertableThread::new();
    let process = world.process.clone();
    let notify = Notify::routine(&thread, 1, move |completion| {
        assert_eq!(completion.result, Err(Error::OperationAborted));
        assert_eq!(process.close(descriptor), Err(Error::NotSocket));
    });
    world.start_recv(descriptor, 4, notify);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(thread.wait(LONG), 1);
}
