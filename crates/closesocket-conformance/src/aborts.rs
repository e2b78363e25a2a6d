//! O1 to O3: what a close aborts, once, and how the issuer learns of it.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use closesocket::engine::completions::{AlertableThread, CompletionQueue, Notify, Overlapped};
use closesocket::engine::{Config, Error};
use closesocket::protocol::AbortScope;

use crate::world::{
    BIG, LONG, Network, Peer, Proc, Task, World, assert_all, assert_prefix, pattern, settings,
};

scenarios! {
    o1_a_close_aborts_the_operations_of_every_thread_though_another_reference_remains,
    o1_descriptor_is_the_default_scope,
    o1_under_last_reference_operations_outlive_their_descriptor,
    o1_under_last_reference_the_last_close_aborts_what_is_left,
    o1_under_last_reference_the_slot_waits_for_the_operations,
    o3_the_end_of_another_process_tells_of_the_operations_that_it_ends,
    o1a_a_call_that_races_the_close_is_refused_or_aborted_and_never_forgotten,
    o2_a_completion_that_races_the_close_wins_or_loses_as_a_whole,
    o2_a_send_that_completed_is_not_aborted_by_a_later_close,
    o3_an_aborted_operation_sets_its_event_with_995,
    o3_aborted_packets_keep_their_keys,
    o3_a_packet_can_be_taken_by_any_thread,
    o3_an_aborted_routine_runs_only_in_an_alertable_wait,
    o3_a_routine_runs_on_the_thread_that_issued_it_not_on_the_closer,
}

//= docs/specification.md#o1-closing-aborts
//# - Under `AbortScope::Descriptor`, a close MUST abort every operation that is pending through its
//# descriptor, whichever thread of the process issued it and whether or not the descriptor is the
//# last reference.
fn o1_a_close_aborts_the_operations_of_every_thread_though_another_reference_remains<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let kept = world.share(descriptor, &world.process);
    let queue = CompletionQueue::new();
    let issuers = [0, 1, 2].map(|key| {
        let (process, queue) = (world.process.clone(), queue.clone());
        Task::start(move || {
            let recv = Notify::queue(&queue, key);
            process
                .recv_overlapped(descriptor, vec![0; 4], recv)
                .unwrap();
            let send = Notify::queue(&queue, 10 + key);
            process
                .send_overlapped(descriptor, pattern(accepted, BIG), send)
                .unwrap();
        })
    });
    issuers.into_iter().for_each(Task::result);
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    assert!(queue.is_empty());
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    let mut sent = accepted;
    let mut keys: Vec<_> = std::iter::from_fn(|| queue.take())
        .map(|it| {
            assert_eq!(it.result, Err(Error::OperationAborted));
            sent += it.transferred;
            it.key
        })
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, [0, 1, 2, 10, 11, 12]);
    assert_eq!(world.process.close(kept), Ok(()));
    assert_all(peer.read_to_end(), sent);
}

//= docs/specification.md#o1-closing-aborts
//# - `AbortScope::Descriptor` MUST be the default.
fn o1_descriptor_is_the_default_scope<N: Network>(_: &World<N>) {
    assert_eq!(Config::default().abort_scope, AbortScope::Descriptor);
}

fn last_reference<N: Network>() -> World<N> {
    World::with(Config {
        abort_scope: AbortScope::LastReference,
        ..settings()
    })
}

//= docs/specification.md#o1-closing-aborts
//# - Under `AbortScope::LastReference`, a close of another reference MUST leave the operations of
//# its descriptor pending.
fn o1_under_last_reference_operations_outlive_their_descriptor<N: Network>(_: &World<N>) {
    let world = last_reference::<N>();
    let (descriptor, mut peer) = world.connect();
    let kept = world.share(descriptor, &world.process);
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 4, Notify::queue(&queue, 5));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(queue.is_empty());
    peer.write(b"late");
    let received = queue.wait(LONG).unwrap();
    assert_eq!((received.key, received.result), (5, Ok(4)));
    assert_eq!(received.buffer, b"late");
    assert_eq!(world.process.close(kept), Ok(()));
    assert!(queue.is_empty());
}

//= docs/specification.md#o1-closing-aborts
//# - Under `AbortScope::LastReference`, the end of the last reference MUST abort every operation
//# that is still pending on the socket.
fn o1_under_last_reference_the_last_close_aborts_what_is_left<N: Network>(_: &World<N>) {
    let world = last_reference::<N>();
    let (descriptor, _peer) = world.connect();
    let other = world.other();
    let kept = world.share(descriptor, &other);
    let overlapped = Overlapped::new();
    world.start_recv(descriptor, 4, Notify::event(&overlapped));
    let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(!overlapped.event().is_set() && blocked.goes_on());
    assert_eq!(other.close(kept), Ok(()));
    let aborted = overlapped.take().unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - An operation that the end of another process aborts MUST be told as if a call had closed its
//# descriptor.
fn o3_the_end_of_another_process_tells_of_the_operations_that_it_ends<N: Network>(_: &World<N>) {
    for dies in [false, true] {
        let world = last_reference::<N>();
        let (descriptor, _peer) = world.connect();
        let other = world.other();
        let kept = world.share(descriptor, &other);
        let queue = CompletionQueue::new();
        let start = |process: &Proc<N>, descriptor, key| {
            let notify = Notify::queue(&queue, key);
            let started = process.recv_overlapped(descriptor, vec![0; 4], notify);
            started.unwrap();
        };
        start(&world.process, descriptor, 1);
        start(&other, kept, 2);
        let blocked = world.block(move |process| process.recv(descriptor, &mut [0; 4]));
        assert_eq!(world.process.close(descriptor), Ok(()));
        if dies {
            other.die();
        } else {
            assert_eq!(other.cleanup(), Ok(()));
        }
        let told = queue.wait(LONG).unwrap();
        assert_eq!((told.key, told.result), (1, Err(Error::OperationAborted)));
        assert_eq!(blocked.result(), Err(Error::Interrupted));
        assert!(queue.is_empty(), "its own go without a word");
    }
}

//= docs/specification.md#o1-closing-aborts
//# - Under `AbortScope::LastReference`, the handle and the slot of a closed descriptor MUST NOT be
//# given back before all operations that outlived the descriptor have ended.
fn o1_under_last_reference_the_slot_waits_for_the_operations<N: Network>(_: &World<N>) {
    let world = last_reference::<N>();
    let (descriptor, mut peer) = world.connect();
    let other = world.other();
    let kept = world.share(descriptor, &other);
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 1, Notify::queue(&queue, 1));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(world.process.descriptors(), 1);
    assert_eq!(world.process.linger(descriptor), Err(Error::NotSocket));
    peer.write(b"x");
    assert!(queue.wait(LONG).is_some());
    world.until("the slot is free", || world.process.descriptors() == 0);
    assert_eq!(other.close(kept), Ok(()));
}

//= docs/specification.md#o1a-late-registration
//# - A call that began before the commit and registers its operation after it MUST detect, holding
//# the lock of the socket, that its reference is gone.
//= docs/specification.md#o1a-late-registration
//# - A call that detects that its reference is gone MUST fail with WSAENOTSOCK without posting a
//# completion.
fn o1a_a_call_that_races_the_close_is_refused_or_aborted_and_never_forgotten<N: Network>(
    world: &World<N>,
) {
    for _ in 0..40 {
        let (descriptor, _peer) = world.connect();
        let queue = CompletionQueue::new();
        let start = Arc::new(Barrier::new(2));
        let (process, packets, go) = (world.process.clone(), queue.clone(), Arc::clone(&start));
        let issuing = Task::start(move || {
            go.wait();
            let mut issued = 0;
            loop {
                let notify = Notify::queue(&packets, issued);
                match process.recv_overlapped(descriptor, vec![0; 1], notify) {
                    Ok(_) => issued += 1,
                    Err(error) => return (issued, error),
                }
            }
        });
        start.wait();
        assert_eq!(world.process.close(descriptor), Ok(()));
        let (issued, refused) = issuing.result();
        assert_eq!(refused, Error::NotSocket);
        for key in 0..issued {
            let aborted = queue.take().unwrap();
            assert_eq!(
                (aborted.key, aborted.result),
                (key, Err(Error::OperationAborted))
            );
        }
        assert!(queue.is_empty());
    }
}

//= docs/specification.md#o2-one-end-for-each-operation
//# - A completion that races with a close MUST take effect either as a whole or not at all.
fn o2_a_completion_that_races_the_close_wins_or_loses_as_a_whole<N: Network>(world: &World<N>) {
    let queue = CompletionQueue::new();
    for round in 0..40 {
        let (descriptor, mut peer) = world.connect();
        for key in [2 * round, 2 * round + 1] {
            world.start_recv(descriptor, 3, Notify::queue(&queue, key));
        }
        let start = Arc::new(Barrier::new(2));
        let (process, go) = (world.process.clone(), Arc::clone(&start));
        let closing = Task::start(move || {
            go.wait();
            process.close(descriptor)
        });
        start.wait();
        peer.offer(b"abc");
        assert_eq!(closing.result(), Ok(()));
        let mut ends: Vec<_> = (0..2).map(|_| queue.wait(LONG).unwrap()).collect();
        assert!(queue.is_empty());
        ends.sort_by_key(|it| it.key);
        assert_eq!([ends[0].key, ends[1].key], [2 * round, 2 * round + 1]);
        match ends[0].result {
            Ok(bytes) => assert_eq!(ends[0].buffer[..bytes], b"abc"[..bytes]),
            Err(error) => assert_eq!((error, ends[0].transferred), (Error::OperationAborted, 0)),
        }
    }
}

//= docs/specification.md#o2-one-end-for-each-operation
//# - Every operation MUST end exactly once, either completed or aborted.
fn o2_a_send_that_completed_is_not_aborted_by_a_later_close<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    world.start_send(descriptor, pattern(0, 1000), Notify::queue(&queue, 1));
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(1000));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(queue.is_empty());
    assert_all(peer.read_to_end(), 1000);
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - An overlapped operation that a close aborts MUST end with WSA_OPERATION_ABORTED.
fn o3_an_aborted_operation_sets_its_event_with_995<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let overlapped = Overlapped::new();
    let issued = world.start_recv(descriptor, 4, Notify::event(&overlapped));
    assert!(!overlapped.event().is_set());
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert!(overlapped.event().wait(LONG));
    let aborted = overlapped.take().unwrap();
    assert_eq!(aborted.operation, issued);
    assert_eq!(aborted.result.unwrap_err().code(), 995);
    assert!(overlapped.take().is_none());
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - The event, packet or routine of an overlapped operation that a close aborts MUST be delivered
//# once.
//= docs/specification.md#o3-aborted-overlapped-operations
//# - The packet of an aborted operation MUST carry the completion key that belongs to it.
fn o3_aborted_packets_keep_their_keys<N: Network>(world: &World<N>) {
    let queue = CompletionQueue::new();
    let (first, _one) = world.connect();
    let (second, _two, accepted) = world.stalled();
    let process = &world.process;
    for key in 0..300 {
        let descriptor = if key % 2 == 0 { first } else { second };
        world.start_recv(descriptor, 2, Notify::queue(&queue, key));
    }
    world.start_send(
        second,
        pattern(accepted, BIG),
        Notify::queue(&queue, u64::MAX),
    );
    assert_eq!(process.close(second), Ok(()));
    let mut of_second: Vec<_> = std::iter::from_fn(|| queue.take())
        .map(|it| it.key)
        .collect();
    of_second.sort_unstable();
    let odd = (0..300).filter(|key| key % 2 == 1).chain([u64::MAX]);
    assert!(of_second.into_iter().eq(odd));
    assert_eq!(process.close(first), Ok(()));
    let of_first: Vec<_> = std::iter::from_fn(|| queue.take())
        .map(|it| it.key)
        .collect();
    assert!(of_first.into_iter().eq((0..300).step_by(2)));
}

fn o3_a_packet_can_be_taken_by_any_thread<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let queue = CompletionQueue::new();
    let takers = [0, 1, 2].map(|_| {
        let queue = queue.clone();
        Task::start(move || queue.wait(LONG).unwrap())
    });
    for key in 0..3 {
        world.start_recv(descriptor, 2, Notify::queue(&queue, key));
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    let mut keys = takers.map(|taker| {
        let completion = taker.result();
        assert_eq!(completion.result, Err(Error::OperationAborted));
        completion.key
    });
    keys.sort_unstable();
    assert_eq!(keys, [0, 1, 2]);
    assert!(queue.is_empty());
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - A completion routine MUST run only on the thread that issued its operation, while that thread
//# is in an alertable wait.
fn o3_an_aborted_routine_runs_only_in_an_alertable_wait<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let thread = AlertableThread::new();
    let (tell, told) = channel();
    for key in 0..3 {
        let tell = tell.clone();
        let notify = Notify::routine(&thread, key, move |completion| {
            tell.send((completion.key, completion.result)).unwrap();
        });
        world.start_recv(descriptor, 2, notify);
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(thread.queued(), 3);
    assert!(told.try_recv().is_err(), "no routine runs inside a close");
    assert_eq!(thread.wait(LONG), 3);
    let ran: Vec<_> = told.try_iter().collect();
    let aborted = Err(Error::OperationAborted);
    assert_eq!(ran, [(0, aborted), (1, aborted), (2, aborted)]);
    assert_eq!(thread.queued(), 0);
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - A completion routine MUST run only on the thread that issued its operation, while that thread
//# is in an alertable wait.
fn o3_a_routine_runs_on_the_thread_that_issued_it_not_on_the_closer<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let ((tell_issued, issued), (tell_closed, closed)) = (channel(), channel::<()>());
    let process = world.process.clone();
    let issuer = Task::start(move || {
        let alertable = AlertableThread::new();
        let (tell, told) = channel();
        let notify = Notify::routine(&alertable, 8, move |completion| {
            let here = thread::current().id();
            tell.send((completion.key, completion.result, here))
                .unwrap();
        });
        let rest = pattern(accepted, BIG);
        process.send_overlapped(descriptor, rest, notify).unwrap();
        tell_issued.send(()).unwrap();
        closed.recv().unwrap();
        assert!(told.try_recv().is_err(), "it has not waited alertably yet");
        assert_eq!(alertable.wait(LONG), 1);
        let expected = (8, Err(Error::OperationAborted), thread::current().id());
        assert_eq!(told.try_recv(), Ok(expected));
    });
    issued.recv().unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    tell_closed.send(()).unwrap();
    issuer.result();
    let (received, _) = peer.read_to_end();
    assert_prefix(&received, accepted + BIG);
}
