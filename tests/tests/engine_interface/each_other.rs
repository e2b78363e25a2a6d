//! Sockets of one process that are connected to each other.

use std::sync::atomic::Ordering;

use closesocket::engine::completions::{CompletionQueue, Event, Interest, Notify, Overlapped};
use closesocket::engine::{Config, Error};

use crate::Task;
use crate::faulty::World;

#[test]
fn two_sockets_that_wait_for_each_other_leave_their_threads_alone() {
    let world = World::new(Config::default());
    let (near, far) = world.connect_to_each_other();
    let receiving = Task::start(move || {
        let queue = CompletionQueue::new();
        for (key, descriptor) in [(1, near), (2, far)] {
            world.start_recv(descriptor, 8, Notify::queue(&queue, key));
        }
        assert!(queue.is_empty());
        world.process.send(near, b"wake").unwrap();
        assert_eq!(queue.take().unwrap().key, 2);
        world.faults.receives.load(Ordering::SeqCst)
    });
    let receives = receiving.result();
    assert!(receives < 20, "{receives} receives for one message");
}

/// The drop of the endpoint is what tells the other side.
#[test]
fn a_socket_hears_that_the_one_it_sends_to_is_gone() {
    let world = World::new(Config::default());
    let (near, far) = world.connect_to_each_other();
    let overlapped = Overlapped::new();
    world.start_send(near, vec![7; 1 << 20], Notify::event(&overlapped));
    assert!(overlapped.take().is_none(), "nobody reads");
    world.process.close(far).unwrap();
    let completion = overlapped.take().expect("it has ended");
    assert_eq!(completion.result, Err(Error::ConnectionReset));
    world.process.close(near).unwrap();
}

#[test]
fn two_sockets_with_registered_events_leave_their_threads_alone() {
    let world = World::new(Config::default());
    let (near, far) = world.connect_to_each_other();
    let watching = Task::start(move || {
        let event = Event::new();
        for descriptor in [near, far] {
            world.watch(descriptor, Interest::READABLE, &event);
        }
        assert!(!event.is_set());
        world.process.send(near, b"wake").unwrap();
        assert!(event.is_set());
    });
    watching.result();
}
