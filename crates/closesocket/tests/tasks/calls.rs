//! Who is woken, when, and with what.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use closesocket::engine::completions::{Event, Interest, Notify, Overlapped, Task, Wait};
use closesocket::engine::net::PeerRead;
use closesocket::engine::{Error, Shutdown};

use crate::world::{ADDRESS, Tasks, World};

#[test]
fn a_receive_sleeps_until_there_is_something_and_gives_its_buffer_back() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(task.poll(receive.as_mut()).is_pending());
    assert!(task.poll(receive.as_mut()).is_pending());
    assert!(!task.was_woken());
    peer.write(b"abc").unwrap();
    assert!(task.was_woken());
    let Poll::Ready(transfer) = task.poll(receive.as_mut()) else {
        panic!("it was woken in vain")
    };
    assert_eq!((transfer.result, transfer.transferred), (Ok(3), 3));
    assert_eq!(transfer.buffer, b"abc\0\0\0\0\0");
    world.assert_idle(descriptor);
}

#[test]
fn the_task_that_polled_last_is_the_one_that_is_woken() {
    let world = World::new();
    let [first, second] = [Tasks::default(), Tasks::default()];
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(first.poll(receive.as_mut()).is_pending());
    assert!(second.poll(receive.as_mut()).is_pending());
    peer.write(b"abc").unwrap();
    assert_eq!((first.was_woken(), second.was_woken()), (false, true));
}

#[test]
fn a_send_ends_when_all_is_accepted_and_behind_those_before_it() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    let mut first = pin!(world.process.send_async(descriptor, b"0123456789".to_vec()));
    let mut second = pin!(world.process.send_async(descriptor, b"ab".to_vec()));
    assert!(task.poll(first.as_mut()).is_pending());
    assert!(task.poll(second.as_mut()).is_pending());
    peer.stall(false);
    let mut read = Vec::new();
    while read.len() < 12 {
        if let PeerRead::Bytes(bytes) = peer.read(3) {
            read.extend(bytes);
        }
    }
    assert_eq!(read, b"0123456789ab");
    assert!(task.was_woken());
    for (send, bytes) in [(first.as_mut(), 10), (second.as_mut(), 2)] {
        let Poll::Ready(transfer) = task.poll(send) else {
            panic!("it was woken in vain")
        };
        assert_eq!((transfer.result, transfer.buffer.len()), (Ok(bytes), bytes));
    }
}

#[test]
fn a_polled_send_takes_what_fits_and_sleeps_until_there_is_room() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    let (mut wait, waker) = (Wait::new(), task.waker());
    let mut send = || {
        let context = Context::from_waker(&waker);
        let bytes = [7; 64];
        world
            .process
            .poll_send(descriptor, &bytes, &mut wait, &context)
    };
    let mut accepted = 0;
    while let Poll::Ready(sent) = send() {
        accepted += sent.unwrap();
    }
    assert!(accepted > 0 && !task.was_woken());
    assert!(send().is_pending() && !task.was_woken());
    peer.stall(false);
    assert!(task.was_woken());
    assert!(matches!(send(), Poll::Ready(Ok(1..))));
}

#[test]
fn an_accept_sleeps_until_somebody_comes() {
    let (world, task) = (World::new(), Tasks::default());
    let listener = world.listen();
    let mut accept = pin!(world.process.accept_async(listener));
    assert!(task.poll(accept.as_mut()).is_pending());
    let peer = world.dial();
    assert!(task.was_woken());
    let Poll::Ready(Ok(accepted)) = task.poll(accept.as_mut()) else {
        panic!("it was woken in vain")
    };
    peer.write(b"x").unwrap();
    assert_eq!(world.process.recv(accepted, &mut [0; 2]), Ok(1));
}

#[test]
fn a_connect_ends_when_it_is_accepted_or_refused() {
    let (world, task) = (World::new(), Tasks::default());
    let peers = world.provider.transport().listen(ADDRESS).unwrap();
    let descriptor = world.process.socket().unwrap();
    let mut connect = pin!(world.process.connect_async(descriptor, ADDRESS));
    assert!(task.poll(connect.as_mut()).is_pending());
    let _peer = peers.accept().unwrap();
    assert!(task.was_woken());
    assert_eq!(task.poll(connect.as_mut()), Poll::Ready(Ok(())));
    drop(peers);
    let other = world.process.socket().unwrap();
    let mut refused = pin!(world.process.connect_async(other, ADDRESS));
    let refusal = task.run(refused.as_mut());
    assert_eq!(refusal, Poll::Ready(Err(Error::ConnectionRefused)));
}

//= docs/specification.md#o8-readiness-waits
//= type=test
//# - A wait for readiness, such as select or poll, that names the closed descriptor MUST
//# wake up.
#[test]
fn a_task_waits_for_readiness_and_learns_of_a_close() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let ready = |interest| world.process.ready_async(descriptor, interest);
    let mut readable = pin!(ready(Interest::READABLE));
    assert!(task.run(readable.as_mut()).is_pending());
    let mut writable = pin!(ready(Interest::WRITABLE));
    let Poll::Ready(Ok(found)) = task.run(writable.as_mut()) else {
        panic!("there is room")
    };
    assert!(found.writable && !found.readable);
    peer.write(b"x").unwrap();
    assert!(task.was_woken());
    let Poll::Ready(Ok(found)) = task.run(readable.as_mut()) else {
        panic!("it was woken in vain")
    };
    assert!(found.readable && !found.closed);
    world.process.recv(descriptor, &mut [0; 2]).unwrap();
    let mut closed = pin!(ready(Interest::READABLE));
    assert!(task.run(closed.as_mut()).is_pending());
    world.process.close(descriptor).unwrap();
    assert!(task.was_woken());
    let Poll::Ready(Ok(found)) = task.run(closed.as_mut()) else {
        panic!("it was woken in vain")
    };
    assert!(found.closed);
    let mut late = pin!(ready(Interest::READABLE));
    assert_eq!(task.poll(late.as_mut()), Poll::Ready(Err(Error::NotSocket)));
}

//= docs/specification.md#o1-closing-aborts
//= type=test
//# - Under `AbortScope::Descriptor`, a close MUST abort every operation that is pending
//# through its descriptor, whichever thread of the process issued it and whether or not the
//# descriptor is the last reference.
#[test]
fn a_close_ends_every_call_that_a_task_waits_in() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    peer.stall(true);
    let mut send = pin!(world.process.send_async(descriptor, vec![7; 64]));
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    let listener = world.listen();
    let mut accept = pin!(world.process.accept_async(listener));
    assert!(task.run(send.as_mut()).is_pending());
    assert!(task.run(receive.as_mut()).is_pending());
    assert!(task.run(accept.as_mut()).is_pending());
    let accepted = world.process.queued(descriptor).unwrap() as usize;
    world.process.close(descriptor).unwrap();
    assert!(task.was_woken());
    world.process.close(listener).unwrap();
    assert!(task.was_woken());
    let (Poll::Ready(sent), Poll::Ready(received)) =
        (task.run(send.as_mut()), task.run(receive.as_mut()))
    else {
        panic!("they were woken in vain")
    };
    assert_eq!(sent.result, Err(Error::OperationAborted));
    assert_eq!((sent.transferred, sent.buffer.len()), (accepted, 64));
    assert_eq!(received.result, Err(Error::OperationAborted));
    let ended = task.run(accept.as_mut());
    assert_eq!(ended, Poll::Ready(Err(Error::OperationAborted)));
    peer.stall(false);
    assert_eq!(peer.read_all().0.len(), accepted);
    world.assert_empty();
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//= type=test
//# - A wait for an overlapped operation MUST return, and tell that nothing will come, when the
//# operation has ended silently or was never started.
#[test]
fn the_end_of_a_process_wakes_its_tasks() {
    for dies in [false, true] {
        let (world, task) = (World::new(), Tasks::default());
        let (descriptor, _peer) = world.connected();
        let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
        let ready = world.process.ready_async(descriptor, Interest::READABLE);
        let mut ready = pin!(ready);
        assert!(task.run(receive.as_mut()).is_pending());
        assert!(task.run(ready.as_mut()).is_pending());
        if dies {
            world.process.die();
        } else {
            world.process.cleanup().unwrap();
        }
        assert!(task.was_woken());
        let Poll::Ready(received) = task.run(receive.as_mut()) else {
            panic!("it was woken in vain")
        };
        assert_eq!(received.result, Err(Error::NotInitialised));
        let ended = task.run(ready.as_mut());
        assert_eq!(ended, Poll::Ready(Err(Error::NotInitialised)));
        world.assert_empty();
    }
}

//= docs/specification.md#c1-cancelling
//= type=test
//# - A cancelled operation MUST end exactly once, either completed as if nobody had cancelled
//# it or as cancelled.
#[test]
fn a_cancel_by_somebody_else_ends_the_call_of_a_task() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(task.run(receive.as_mut()).is_pending());
    assert_eq!(world.process.cancel_all(descriptor), Ok(1));
    let Poll::Ready(received) = task.run(receive.as_mut()) else {
        panic!("it was not woken")
    };
    assert_eq!(received.result, Err(Error::OperationAborted));
    peer.write(b"x").unwrap();
    assert_eq!(world.process.recv(descriptor, &mut [0; 2]), Ok(1));
}

#[test]
fn a_shutdown_ends_the_receive_of_the_peer_task() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(task.run(receive.as_mut()).is_pending());
    peer.finish().unwrap();
    let Poll::Ready(received) = task.run(receive.as_mut()) else {
        panic!("it was not woken")
    };
    assert_eq!(received.result, Ok(0));
    world.process.shutdown(descriptor, Shutdown::Both).unwrap();
    let mut refused = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    let Poll::Ready(refused) = task.run(refused.as_mut()) else {
        panic!("it does not start")
    };
    assert_eq!(
        (refused.result, refused.buffer.len()),
        (Err(Error::ShutDown), 8)
    );
}

#[test]
fn tasks_and_threads_wait_for_one_event() {
    let [first, second] = [Tasks::default(), Tasks::default()];
    let event: Event = Event::new();
    let poll = |task: &Tasks| event.poll(&Context::from_waker(&task.waker()));
    assert!(poll(&first).is_pending() && poll(&first).is_pending());
    assert!(poll(&second).is_pending());
    event.set();
    assert!(first.was_woken() && second.was_woken());
    assert!(poll(&first).is_ready());
    event.reset();
    assert!(poll(&first).is_pending());
    assert!(!first.was_woken());
}

#[test]
fn an_overlapped_operation_completes_for_a_task_with_its_buffer() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    let (place, waker) = (Task::new(), task.waker());
    let context = Context::from_waker(&waker);
    let notify = Notify::task(&place);
    assert_eq!(format!("{notify:?}"), "Notify::task");
    let started = world
        .process
        .recv_overlapped(descriptor, vec![0; 4], notify);
    assert!(place.poll(&context).is_pending());
    peer.write(b"ab").unwrap();
    assert!(task.was_woken());
    let Poll::Ready(Some(completion)) = place.poll(&context) else {
        panic!("it was woken in vain")
    };
    assert_eq!(completion.operation, started.unwrap());
    assert_eq!(
        (completion.result, completion.buffer),
        (Ok(2), b"ab\0\0".to_vec())
    );
    world.process.close(descriptor).unwrap();
    let refused = Notify::task(&place);
    let started = world
        .process
        .recv_overlapped(descriptor, vec![0; 4], refused);
    assert!(started.is_err() && place.is_abandoned());
    assert!(matches!(place.poll(&context), Poll::Ready(None)));
}

/// A waker of foreign code.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics, on purpose");
    }
}

#[test]
fn a_waker_that_panics_harms_nobody_else() {
    let world = World::new();
    let (descriptor, peer) = world.connected();
    let waker = Waker::from(Arc::new(Panics));
    let context = &mut Context::from_waker(&waker);
    let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
    assert!(receive.as_mut().poll(context).is_pending());
    let ready = world.process.ready_async(descriptor, Interest::READABLE);
    let mut ready = pin!(ready);
    while ready.as_mut().poll(context).is_ready() {}
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    world
        .process
        .recv_overlapped(descriptor, vec![0; 4], notify)
        .unwrap();
    peer.write(b"abc").unwrap();
    assert!(overlapped.take().is_some());
    assert!(world.provider.metrics().callback_panics > 0);
    world.process.close(descriptor).unwrap();
}
