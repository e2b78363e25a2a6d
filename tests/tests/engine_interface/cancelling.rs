//! Threads and the cancelling of their blocking calls.

use std::sync::mpsc::channel;

use closesocket::engine::{Config, Error, Process};

use crate::faulty::{System, World};
use crate::{Task, until};

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
    let (descriptor, peer) = world.connect();
    world.process.set_nonblocking(descriptor, false).unwrap();
    let receive = || {
        let process = world.process.clone();
        let (tell, number) = channel();
        let before = process.blocked_threads();
        let receiving = Task::start(move || {
            tell.send(this_thread()).unwrap();
            process.recv(descriptor, &mut [0; 4])
        });
        until("it blocks", || world.process.blocked_threads() > before);
        (number.recv().unwrap(), receiving)
    };
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
