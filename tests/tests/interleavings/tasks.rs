//! Tasks: what they wait for comes while they note that they wait.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use closesocket::engine::completions::Wait;
use closesocket::engine::net::PeerRead;
use closesocket::engine::{Closed, Error};

use super::model::{reached, run_model};
use super::world::{World, spawn};

/// A task. It is looked at when the other threads have ended.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Polls the call while others do what it waits for. When they have ended, it has
/// ended too, or its task was woken and ends it.
fn end_with<F: Future>(mut call: Pin<&mut F>, others: impl FnOnce()) -> F::Output {
    let task = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&task));
    let mut context = Context::from_waker(&waker);
    if let Poll::Ready(output) = call.as_mut().poll(&mut context) {
        others();
        reached("at once");
        return output;
    }
    others();
    assert!(task.0.load(Ordering::SeqCst), "nobody woke the task");
    let Poll::Ready(output) = call.poll(&mut context) else {
        panic!("the task was woken in vain")
    };
    reached("woken");
    output
}

fn receive_while_bytes_come() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let writer = spawn(&world, move |_| {
        peer.write(b"x").unwrap();
        peer
    });
    {
        let receive = world.process.recv_async(descriptor, vec![0; 2]);
        let mut peer = None;
        let received = end_with(pin!(receive), || peer = Some(writer.join().unwrap()));
        assert_eq!(received.result, Ok(1));
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

#[test]
fn no_wake_up_of_a_task_that_receives_is_lost() {
    run_model(Some(3), 60, &["at once", "woken"], receive_while_bytes_come);
}

fn receive_while_it_is_closed() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let closer = spawn(&world, move |world| world.process.close(descriptor));
    {
        let receive = world.process.recv_async(descriptor, vec![0; 2]);
        let ended = || assert_eq!(closer.join().unwrap(), Ok(()));
        match end_with(pin!(receive), ended).result {
            Err(Error::OperationAborted) => reached("aborted"),
            Err(Error::NotSocket) => reached("too late"),
            other => panic!("{other:?}"),
        }
    }
    world.judge();
}

//= docs/specification.md#o1a-late-registration
//= type=test
//# - A call that detects that its reference is gone MUST fail with WSAENOTSOCK without
//# posting a completion.
#[test]
fn a_close_ends_the_call_of_a_task_or_comes_before_it() {
    let outcomes = &["woken", "aborted", "too late"];
    run_model(Some(3), 700, outcomes, receive_while_it_is_closed);
}

fn send_while_room_comes() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_nonblocking(descriptor, true).unwrap();
    while world.process.send(descriptor, &[7; 16]).is_ok() {}
    let reader = spawn(&world, move |_| {
        peer.stall(false);
        assert!(matches!(peer.read(4), PeerRead::Bytes(_)));
        peer
    });
    let mut wait = Wait::new();
    {
        let process = &world.process;
        let send = poll_fn(|context| process.poll_send(descriptor, b"y", &mut wait, context));
        let mut peer = None;
        let sent = end_with(pin!(send), || peer = Some(reader.join().unwrap()));
        assert_eq!(sent, Ok(1));
    }
    drop(wait);
    world.process.set_linger(descriptor, Some(0)).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.judge();
}

#[test]
fn no_wake_up_of_a_task_that_waits_for_room_is_lost() {
    run_model(Some(2), 60, &["at once", "woken"], send_while_room_comes);
}

fn accept_while_somebody_comes() {
    let world = World::new();
    let (listener, address) = world.listen_hard();
    let dialler = spawn(&world, move |world| world.dial(address));
    {
        let accept = world.process.accept_async(listener);
        let mut peer = None;
        let accepted = end_with(pin!(accept), || peer = Some(dialler.join().unwrap()));
        assert_eq!(world.process.close(accepted.unwrap()), Ok(()));
    }
    assert_eq!(world.process.close(listener), Ok(()));
    world.judge();
}

#[test]
fn no_wake_up_of_a_task_that_accepts_is_lost() {
    run_model(
        Some(2),
        60,
        &["at once", "woken"],
        accept_while_somebody_comes,
    );
}

fn close_while_the_peer_acknowledges() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    assert_eq!(world.process.send(descriptor, b"x"), Ok(1));
    let reader = spawn(&world, move |_| {
        peer.stall(false);
        peer
    });
    let closing = world.process.close_in_background(descriptor, None);
    let mut peer = None;
    let closed = end_with(pin!(closing.unwrap()), || {
        peer = Some(reader.join().unwrap());
    });
    assert_eq!(closed, Closed::Drained);
    drop(peer);
    world.judge();
}

#[test]
fn the_end_of_a_drain_is_told_to_the_task_that_awaits_it() {
    let outcomes = &["at once", "woken"];
    run_model(Some(3), 60, outcomes, close_while_the_peer_acknowledges);
}
