//! Threads and the cancelling of their blocking calls.

use std::sync::Arc;
use std::sync::mpsc::channel;

use closesocket::engine::completions::Interest;
use closesocket::engine::{Config, Error, Process};

use crate::faulty::{System, World};
use crate::{PATIENCE, Task, until};

fn this_thread() -> u64 {
    Process::<System>::current_thread()
}

#[test]
fn each_thread_has_a_number_of_its_own() {
    let mine = this_thread();
    assert_eq!(this_thread(), mine);
    let (first, second) = (Task::start(this_thread), Task::start(this_thread));
    let (first, second) = (first.result(), second.result());
    assert!(first != mine && second != mine && first != second);
}

#[test]
fn a_cancel_ends_the_call_of_its_thread_and_no_other() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect_blocking();
    let receive = || world.block(move |process| process.recv(descriptor, &mut [0; 4]));
    let (_, first) = receive();
    let (thread, second) = receive();
    let (_, third) = receive();
    assert!(!world.process.cancel_blocking_call(this_thread()));
    assert!(world.process.cancel_blocking_call(thread));
    assert_eq!(second.result(), Err(Error::Interrupted));
    until("it is gone", || world.process.blocked_threads() == 2);
    assert!(!world.process.cancel_blocking_call(thread));
    for waiting in [first, third] {
        peer.write(b"go").unwrap();
        assert_eq!(waiting.result(), Ok(2));
    }
    assert_eq!(world.process.blocked_threads(), 0);
}

/// Foreign code that runs in a blocking call, an upcall for one, may make the next.
#[test]
fn a_call_that_blocks_within_another_leaves_the_other_to_be_cancelled() {
    let world = World::new(Config::default());
    let (outer, _peer) = world.connect();
    let (inner, peer) = world.connect_blocking();
    let (tell, told) = channel();
    let process = world.process.clone();
    let within = move || {
        let received = process.recv(inner, &mut [0; 4]);
        tell.send(received).unwrap();
    };
    // The first section of a select comes before it is among the blocked calls.
    let hook = Arc::clone(&world.faults.on_deliver);
    let first = move || *hook.lock().unwrap() = Some(Box::new(within));
    world.meanwhile(first);
    let process = world.process.clone();
    let (name, thread) = channel();
    let selecting = Task::start(move || {
        name.send(this_thread()).unwrap();
        process.select(&[(outer, Interest::READABLE)], None)
    });
    until("it receives within its select", || {
        world.provider.metrics().pending == 1
    });
    peer.write(b"go").unwrap();
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Ok(2)));
    assert_eq!(world.process.blocked_threads(), 1);
    assert!(world.process.cancel_blocking_call(thread.recv().unwrap()));
    assert_eq!(selecting.result(), Err(Error::Interrupted));
    assert_eq!(world.process.blocked_threads(), 0);
}
