//! Events, completion queues and completion routines.

use std::time::Duration;

use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Event, Notify, Overlapped,
};
use closesocket::engine::{Config, Descriptor, Error, Process};

use crate::Task;
use crate::faulty::{System, World};

//= docs/specification.md#o3-aborted-overlapped-operations
//# - The packet of an aborted operation MUST carry the completion key that belongs to it.
#[test]
fn the_packets_of_one_close_go_to_the_queues_of_their_operations() {
    let world = World::new(Config::default());
    let (descriptor, _peer) = world.connect();
    let queues = [CompletionQueue::new(), CompletionQueue::new()];
    // More than are posted together, in runs of different lengths.
    let to = |key: u64| usize::from(key % 5 > 2 || (400..700).contains(&key));
    for key in 0..1000 {
        world.start_recv(descriptor, 1, Notify::queue(&queues[to(key)], key));
    }
    world.process.close(descriptor).unwrap();
    for (index, queue) in queues.iter().enumerate() {
        for key in (0..1000).filter(|key| to(*key) == index) {
            let packet = queue.take().expect("its packet");
            assert_eq!(packet.key, key);
            assert_eq!(packet.result, Err(Error::OperationAborted));
        }
        assert!(queue.is_empty());
    }
}

#[test]
fn an_event_stays_set_until_it_is_reset() {
    let event: Event = Event::new();
    assert!(!event.is_set());
    assert!(!event.wait(Some(Duration::from_millis(1))));
    event.set();
    assert!(event.clone().is_set());
    assert!(event.wait(None));
    event.reset();
    assert!(!event.is_set());
    assert!(!event.wait(Some(Duration::from_millis(1))));
}

#[test]
fn an_operation_can_signal_an_event_that_others_use_too() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect();
    let event = Event::new();
    let overlapped = Overlapped::with_event(event.clone());
    world.start_recv(descriptor, 4, Notify::event(&overlapped));
    assert!(overlapped.take().is_none());
    assert!(overlapped.wait(Some(Duration::from_millis(1))).is_none());
    assert!(!overlapped.event().is_set());
    peer.write(b"go").unwrap();
    assert!(event.is_set());
    assert_eq!(overlapped.take().unwrap().result, Ok(2));
    assert!(overlapped.take().is_none(), "it is taken once");
}

/// Panics when it is dropped.
struct Broken;

impl Drop for Broken {
    fn drop(&mut self) {
        std::panic::panic_any("a broken destructor");
    }
}

/// A routine that never runs is dropped by whoever ends its operation. What it
/// breaks there is counted and stops nothing else.
#[test]
fn the_destructor_of_a_routine_that_never_runs_may_panic() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, _peer) = world.connect();
    let thread = AlertableThread::new();
    let broken = |thread: &AlertableThread| {
        let guard = Broken;
        Notify::routine(thread, 1, move |_| drop(guard))
    };
    let queue = CompletionQueue::new();
    // It goes with its thread, before its receive ends.
    let notify = broken(&AlertableThread::new());
    world.start_recv(descriptor, 4, notify);
    world.start_recv(descriptor, 4, Notify::queue(&queue, 2));
    process.close(descriptor).unwrap();
    assert_eq!(queue.take().unwrap().result, Err(Error::OperationAborted));
    assert_eq!(world.provider.metrics().callback_panics, 0);
    // A cleanup silences it.
    let (first, _one) = world.connect();
    let (second, _two) = world.connect();
    for descriptor in [first, second] {
        world.start_recv(descriptor, 4, broken(&thread));
    }
    process.cleanup().unwrap();
    assert_eq!(world.provider.metrics().callback_panics, 2);
    assert_eq!((process.descriptors(), thread.queued()), (0, 0));
    assert_eq!(world.provider.usage().sockets, 0);
}

#[test]
fn what_a_refused_routine_holds_is_dropped_outside_the_lock() {
    struct CloseOnDrop(Process<System>, Descriptor);
    impl Drop for CloseOnDrop {
        fn drop(&mut self) {
            self.0.close(self.1).unwrap();
        }
    }
    let world = World::new(Config::default());
    let process = world.process.clone();
    let refused = Task::start(move || {
        let descriptor = process.socket().unwrap();
        let guard = CloseOnDrop(process.clone(), descriptor);
        let thread = AlertableThread::new();
        let notify = Notify::routine(&thread, 1, move |_| drop(guard));
        process
            .recv_overlapped(descriptor, vec![0; 8], notify)
            .map(|_| ())
    });
    assert_eq!(refused.result(), Err(Error::NotConnected));
    assert_eq!(world.process.descriptors(), 0);
}
