//! The transport stopped while operations are pending.

use std::io::ErrorKind;

use closesocket::engine::Error;
use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Event, Interest, Notify, Overlapped,
};
use closesocket_tcp::TcpConfig;

use crate::common::child::alone_and_clean;
use crate::common::world::{LONG, Task, World, until};
use crate::common::{Net, deaf, read_to_end};

#[test]
fn everything_that_is_pending_ends_with_the_network_down() {
    alone_and_clean(|| {
        stop_everything();
    });
}

fn stop_everything() {
    let world = World::new();
    let process = &world.process;
    let (_deaf, nowhere) = deaf();
    let (one, peer_of_one, _) = world.stalled();
    let (lingering, _two, _) = world.stalled();
    let (draining, mut three, accepted) = world.stalled();
    let (listener, _address) = world.listening();
    let unconnected = process.socket().unwrap();
    let watched = process.socket().unwrap();

    let recv = world.block(move |process| process.recv(one, &mut [0; 4]));
    let send = world.block(move |process| process.send(one, &[0; 1 << 20]));
    let accept = world.block(move |process| process.accept(listener));
    let connect = world.block(move |process| process.connect(unconnected, &nowhere));
    process.set_linger(lingering, Some(600)).unwrap();
    let close = world.block(move |process| process.close(lingering));
    process.close(draining).unwrap();
    let select = {
        let process = process.clone();
        Task::start(move || process.select(&[(watched, Interest::WRITABLE)], None))
    };
    let (event, queue, thread) = (
        Overlapped::new(),
        CompletionQueue::new(),
        AlertableThread::new(),
    );
    let (tell, told) = std::sync::mpsc::channel();
    let routine = Notify::routine(&thread, 2, move |completion| {
        tell.send(completion.result).unwrap();
    });
    let through_event = Notify::event(&event);
    for notify in [through_event, Notify::queue(&queue, 1), routine] {
        process.recv_overlapped(one, vec![0; 4], notify).unwrap();
    }
    let buffer = vec![0; 1 << 20];
    world.start_send(one, buffer, Notify::queue(&queue, 3));
    let registered = Event::new();
    let registering = process.event_select(listener, Interest::READABLE, &registered);
    registering.unwrap();
    assert!(!registered.is_set());

    world.provider.transport().stop();
    let down = Error::NetworkDown;
    assert_eq!(recv.result(), Err(down));
    assert_eq!(send.result(), Err(down));
    assert_eq!(accept.result(), Err(down));
    assert_eq!(connect.result(), Err(down));
    assert_eq!(close.result(), Ok(()), "its connection is gone (L5)");
    assert_eq!(select.result(), Err(down));
    // These are there when the stop returns.
    assert_eq!(event.take().unwrap().result, Err(down));
    assert_eq!(queue.take().unwrap().result, Err(down));
    assert_eq!(queue.take().unwrap().result, Err(down));
    assert_eq!((thread.wait(LONG), told.try_recv()), (1, Ok(Err(down))));
    assert!(registered.is_set());
    let received = read_to_end(&mut three);
    let cut_off = received.map_err(|error| error.kind());
    assert_eq!(cut_off, Err(ErrorKind::ConnectionReset), "of {accepted}");

    // Later calls say so too, and the network does not come back.
    world.provider.set_network_down(true);
    world.provider.set_network_down(false);
    assert_eq!(process.socket(), Err(down));
    assert_eq!(process.recv(one, &mut [0; 4]), Err(down));
    assert_eq!(process.accept(listener), Err(down));
    assert_eq!(process.close(one), Err(down));
    assert_eq!(process.cleanup(), Ok(()));
    world.until_nothing_is_left();
    drop(peer_of_one);
}

#[test]
fn no_call_is_left_behind_by_a_stop_that_it_races_with() {
    for round in 0..40 {
        let world = World::new();
        let (descriptor, _peer) = world.connect();
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let process = world.process.clone();
                Task::start(move || {
                    let queue = CompletionQueue::new();
                    loop {
                        let notify = Notify::queue(&queue, 0);
                        match process.recv_overlapped(descriptor, vec![0; 1], notify) {
                            Ok(_) if queue.len() < 50 + round => {}
                            Ok(_) => break process.recv(descriptor, &mut [0; 1]).err(),
                            Err(error) => break Some(error),
                        }
                    }
                })
            })
            .collect();
        until("they are at work", || {
            world.provider.metrics().pending > round
        });
        world.provider.transport().stop();
        for caller in callers {
            // A call that was let in before finds that its connection is lost.
            let error = caller.result().unwrap();
            assert!(
                matches!(error, Error::NetworkDown | Error::ConnectionReset),
                "{error:?}"
            );
        }
        assert_eq!(world.provider.metrics().pending, 0);
        assert_eq!(world.process.cleanup(), Ok(()));
        world.until_nothing_is_left();
    }
}

#[test]
fn a_transport_that_is_dropped_tells_who_listens_to_it() {
    let Net { tcp, recorder } = Net::new(TcpConfig::default());
    assert!(!recorder.has_ended());
    drop(tcp);
    assert!(recorder.has_ended());
}

#[test]
fn a_provider_dropped_with_operations_pending_ends_them_and_leaves_nothing() {
    alone_and_clean(|| {
        let queue = CompletionQueue::new();
        let world = World::new();
        let (descriptor, peer, _) = world.stalled();
        for key in 0..10 {
            world.start_recv(descriptor, 4, Notify::queue(&queue, key));
        }
        drop(world);
        drop(peer);
        // Its owner has died: nothing is posted (S3).
        assert!(queue.is_empty());
    });
}
