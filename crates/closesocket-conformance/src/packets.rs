//! What a completion tells, several at once, and packets of one's own.

use std::time::Duration;

use closesocket::engine::completions::{Completion, CompletionQueue, Notify, OperationId};
use closesocket::engine::{Descriptor, Error};
use closesocket::protocol::OperationKind;

use crate::world::{LONG, Network, Peer, Task, World};

scenarios! {
    o3_a_completion_tells_what_it_was_and_through_which_descriptor,
    o3_several_completions_are_taken_at_once_in_their_order_and_no_more_than_asked,
    s2a_a_packet_of_ones_own_is_taken_in_its_turn_and_comes_back_from_a_closed_queue,
    s2a_a_waiter_that_sleeps_is_woken_by_a_packet_of_ones_own_and_by_the_close,
    o7_a_connection_is_accepted_with_its_first_data_by_two_operations,
    o3_an_alertable_wait_runs_routines_while_a_receive_waits,
}

//= docs/specification.md#o3-aborted-overlapped-operations
//# - The event, packet or routine of an overlapped operation that a close aborts MUST
//# be delivered once.
fn o3_a_completion_tells_what_it_was_and_through_which_descriptor<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let (listener, address) = world.listener();
    let process = &world.process;
    let queue = CompletionQueue::new();
    let next = || queue.wait(LONG).unwrap();
    let told = |it: &Completion| (it.kind, it.descriptor, it.key);
    // Completed, one for each kind.
    world.start_recv(descriptor, 8, Notify::queue(&queue, 1));
    peer.write(b"secret");
    let received = next();
    assert_eq!(told(&received), (Some(OperationKind::Recv), descriptor, 1));
    let shown = format!("{received:?}");
    assert!(
        shown.contains("8 bytes") && shown.contains("Recv"),
        "{shown}"
    );
    assert!(!shown.contains("115"), "no byte of it: {shown}");
    world.start_send(descriptor, vec![0; 8], Notify::queue(&queue, 2));
    assert_eq!(told(&next()), (Some(OperationKind::Send), descriptor, 2));
    let accepting = process.accept_overlapped(listener, Notify::queue(&queue, 3));
    accepting.unwrap();
    let _peer = world.dial(&address);
    let accepted = next();
    assert_eq!(told(&accepted), (Some(OperationKind::Accept), listener, 3));
    let connecting = process.socket().unwrap();
    let plain = world.peer_address();
    let started = process.connect_overlapped(connecting, &plain, Notify::queue(&queue, 4));
    started.unwrap();
    let _other = world.next_peer();
    assert_eq!(told(&next()), (Some(OperationKind::Connect), connecting, 4));
    // Aborted, whole rows of them.
    for key in 5..8 {
        world.start_recv(connecting, 8, Notify::queue(&queue, key));
    }
    process.close(connecting).unwrap();
    for key in 5..8 {
        let aborted = next();
        assert_eq!(aborted.result, Err(Error::OperationAborted));
        assert_eq!(told(&aborted), (Some(OperationKind::Recv), connecting, key));
    }
    for descriptor in [descriptor, listener, accepted.accepted.unwrap()] {
        process.close(descriptor).unwrap();
    }
}

//= docs/specification.md#r8-results-in-order
//# - The results of the operations of one direction of one socket MUST be posted in the order
//# of the operations, whichever threads complete them.
fn o3_several_completions_are_taken_at_once_in_their_order_and_no_more_than_asked<N: Network>(
    world: &World<N>,
) {
    let (descriptor, _peer) = world.connect();
    let process = &world.process;
    let queue = CompletionQueue::new();
    let keys = |taken: Vec<Completion>| -> Vec<u64> { taken.iter().map(|it| it.key).collect() };
    assert!(queue.take_many(8).is_empty());
    assert!(queue.wait_many(8, Some(Duration::ZERO)).is_empty());
    let waits = queue.clone();
    let waiter = Task::start(move || waits.wait_many(4, LONG).len());
    for key in 0..10 {
        world.start_recv(descriptor, 8, Notify::queue(&queue, key));
    }
    process.close(descriptor).unwrap();
    let first = waiter.result();
    assert!((1..=4).contains(&first));
    assert!(queue.wait_many(0, None).is_empty(), "it asks for none");
    let next = first as u64;
    assert_eq!(keys(queue.take_many(2)), [next, next + 1]);
    let rest: Vec<u64> = (next + 2..10).collect();
    assert_eq!(keys(queue.wait_many(usize::MAX, None)), rest);
    assert!(queue.is_empty());
    queue.close();
    assert!(queue.wait_many(8, None).is_empty(), "nothing will come");
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
//# queue is closed by hand or when no provider is left that could post to it.
fn s2a_a_packet_of_ones_own_is_taken_in_its_turn_and_comes_back_from_a_closed_queue<N: Network>(
    world: &World<N>,
) {
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    world.start_recv(descriptor, 8, Notify::queue(&queue, 1));
    peer.write(b"x");
    world.until("it has come", || queue.len() == 1);
    let mut packet = Completion::posted(2);
    packet.transferred = 77;
    packet.buffer = b"travels".to_vec();
    queue.post(packet).unwrap();
    let waits = queue.clone();
    let taken = Task::start(move || [waits.wait(LONG), waits.wait(LONG), waits.wait(LONG)]);
    queue.post(Completion::posted(3)).unwrap();
    let [first, second, third] = taken.result().map(Option::unwrap);
    assert_eq!((first.key, third.key), (1, 3));
    assert_eq!((second.key, second.kind, second.result), (2, None, Ok(0)));
    assert_eq!(second.operation, OperationId::NONE);
    assert_eq!(second.descriptor, Descriptor::INVALID);
    assert_eq!(
        (second.transferred, &second.buffer[..]),
        (77, &b"travels"[..])
    );
    assert_eq!(
        world.process.cancel(OperationId::NONE),
        Err(Error::NotFound)
    );
    let never = world.process.close(Descriptor::INVALID);
    assert_eq!(never, Err(Error::NotSocket));
    queue.close();
    let back = queue.post(Completion::posted(4)).unwrap_err();
    assert_eq!(back.key, 4);
    world.process.close(descriptor).unwrap();
}

/// One round would find no wake-up that is missing if its waiter does not sleep yet.
//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
//# queue is closed by hand or when no provider is left that could post to it.
fn s2a_a_waiter_that_sleeps_is_woken_by_a_packet_of_ones_own_and_by_the_close<N: Network>(
    _: &World<N>,
) {
    const PACKETS: u64 = 25;
    for _ in 0..20 {
        let [there, back]: [CompletionQueue; 2] = Default::default();
        let (waits, answers) = (there.clone(), back.clone());
        let waiter = Task::start(move || {
            let mut taken = 0;
            while let Some(packet) = waits.wait(None) {
                answers.post(packet).unwrap();
                taken += 1;
            }
            taken
        });
        for key in 0..PACKETS {
            there.post(Completion::posted(key)).unwrap();
            assert_eq!(back.wait(LONG).map(|it| it.key), Some(key));
        }
        there.close();
        assert_eq!(waiter.result(), PACKETS);
    }
}

/// AcceptEx: the slot of the new descriptor is reserved before anybody comes, and
/// the first data is the first receive.
//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - An accept or connect whose completion came ahead of the commit MUST keep its
//# success.
fn o7_a_connection_is_accepted_with_its_first_data_by_two_operations<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let process = &world.process;
    let queue = CompletionQueue::new();
    let accepting = process.accept_overlapped(listener, Notify::queue(&queue, 1));
    accepting.unwrap();
    let mut peer = world.dial(&address);
    let serve = || {
        let completion = queue.wait(LONG).unwrap();
        if let Some(accepted) = completion.accepted {
            world.start_recv(accepted, 16, Notify::queue(&queue, 2));
        }
        completion
    };
    serve();
    peer.write(b"first");
    let first = serve();
    assert_eq!((first.key, first.transferred), (2, 5));
    process.close(first.descriptor).unwrap();
    process.close(listener).unwrap();
}

/// An alertable call: the thread waits for its receive, and runs what else has come
/// for it meanwhile.
//= docs/specification.md#o3-aborted-overlapped-operations
//# - A completion routine MUST run only on the thread that issued its operation, while that
//# thread is in an alertable wait.
fn o3_an_alertable_wait_runs_routines_while_a_receive_waits<N: Network>(world: &World<N>) {
    use closesocket::engine::completions::AlertableThread;
    use std::sync::mpsc::channel;

    let (descriptor, mut peer) = world.connect();
    let (other, mut his) = world.connect();
    let thread = AlertableThread::new();
    let (tell, told) = channel();
    let (alert, mine) = (tell.clone(), tell);
    let by = Notify::routine(&thread, 1, move |_| alert.send("alerted").unwrap());
    world.start_recv(other, 8, by);
    let by = Notify::routine(&thread, 2, move |it| {
        assert_eq!(it.result, Ok(4));
        mine.send("received").unwrap();
    });
    world.start_recv(descriptor, 8, by);
    his.write(b"x");
    assert_eq!(thread.wait(LONG), 1);
    assert_eq!(told.try_recv(), Ok("alerted"));
    peer.write(b"mine");
    assert_eq!(thread.wait(LONG), 1);
    assert_eq!(told.try_recv(), Ok("received"));
    for descriptor in [descriptor, other] {
        world.process.close(descriptor).unwrap();
    }
}
