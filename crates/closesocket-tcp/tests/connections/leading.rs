//! Threads that wait for completions and poll by themselves.
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use crate::common::Net;
use crate::common::world::{LONG, World};
use closesocket::engine::completions::{CompletionQueue, Notify, Overlapped};
use closesocket::engine::net::Transport as _;
use closesocket::engine::{Descriptor, Error};
use closesocket_tcp::TcpConfig;

fn receive(world: &World, queue: &CompletionQueue, descriptor: Descriptor, key: u64) {
    let notify = Notify::queue(queue, key);
    let process = &world.process;
    process
        .recv_overlapped(descriptor, vec![0; 4], notify)
        .unwrap();
}

#[test]
fn who_has_polled_can_block_and_others_are_served_while_it_stays_away() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    for key in 0..100 {
        receive(&world, &queue, descriptor, key);
        peer.write_all(b"abc").unwrap();
        let completion = queue.wait(LONG).unwrap();
        assert_eq!((completion.key, completion.result), (key, Ok(3)));
    }
    let nothing = Some(Duration::from_millis(1));
    assert!(queue.wait(nothing).is_none());
    // Not in a call of the transport's any more (C4).
    let answer = thread::spawn(move || {
        peer.write_all(b"ab").unwrap();
        peer
    });
    assert_eq!(world.process.recv(descriptor, &mut [0; 2]), Ok(2));
    let mut peer = answer.join().unwrap();
    let overlapped = Overlapped::new();
    let notify = Notify::event(&overlapped);
    let started = world
        .process
        .recv_overlapped(descriptor, vec![0; 2], notify);
    started.unwrap();
    peer.write_all(b"ab").unwrap();
    assert_eq!(overlapped.wait(LONG).unwrap().result, Ok(2));
}

#[test]
fn who_leads_polls_however_short_its_limit_is() {
    let net = Net::new(TcpConfig::default());
    let poller = net.tcp.poller().unwrap();
    let limit = Some(Duration::from_nanos(1));
    for _ in 0..100 {
        let before = net.ticks();
        net.until(|| {
            net.tcp.wake();
            let led = poller.lead(limit, &mut || false);
            if led.is_err() {
                poller.expect(1);
            }
            led.ok()
        });
        assert!(net.ticks() > before);
    }
}

#[test]
fn several_that_wait_at_several_queues_are_all_served() {
    const REQUESTS: usize = 500;
    let world = World::new();
    let queues = [CompletionQueue::new(), CompletionQueue::new()];
    let mut peers = Vec::new();
    let mut connections = Vec::new();
    for key in 0..4_u64 {
        let (descriptor, peer) = world.connect();
        peer.set_nodelay(true).unwrap();
        receive(&world, &queues[usize::from(key > 1)], descriptor, key);
        connections.push(descriptor);
        peers.push(peer);
    }
    let serve = |queue: &CompletionQueue| {
        while let Some(completion) = queue.wait(None) {
            let descriptor = connections[usize::try_from(completion.key).unwrap()];
            match completion.result {
                Ok(bytes) if bytes > 0 => {
                    let bytes = &completion.buffer[..bytes];
                    world.process.send(descriptor, bytes).unwrap();
                    receive(&world, queue, descriptor, completion.key);
                }
                ended => assert_eq!(ended, Ok(0)),
            }
        }
    };
    thread::scope(|scope| {
        for queue in [0, 0, 1] {
            let queue = &queues[queue];
            scope.spawn(|| serve(queue));
        }
        let asking = peers.into_iter().map(|mut peer| {
            scope.spawn(move || {
                let mut answer = [0; 4];
                for _ in 0..REQUESTS {
                    peer.write_all(b"abcd").unwrap();
                    peer.read_exact(&mut answer).unwrap();
                }
            })
        });
        for peer in asking.collect::<Vec<_>>() {
            peer.join().unwrap();
        }
        queues.iter().for_each(CompletionQueue::close);
    });
}

//= docs/specification.md#s2a-waiters-of-what-ended-silently
//# - The waiters of a completion queue MUST return, and be told that nothing will come, when the
//# queue is closed by hand or when no provider is left that could post to it.
#[test]
fn who_polls_returns_when_its_queue_is_closed_or_its_transport_ends() {
    for end in 0..3 {
        let world = World::new();
        let (descriptor, _peer) = world.connect();
        let queue = CompletionQueue::<closesocket::engine::sync::Std>::new();
        receive(&world, &queue, descriptor, 1);
        let waiter = thread::spawn({
            let queue = queue.clone();
            move || queue.wait(LONG).map(|it| it.result)
        });
        // It may not wait yet, or poll already.
        thread::yield_now();
        let expected = match end {
            0 => {
                queue.close();
                None
            }
            1 => {
                world.provider.transport().stop();
                Some(Err(Error::NetworkDown))
            }
            _ => {
                drop(world);
                None
            }
        };
        assert_eq!(waiter.join().unwrap(), expected);
    }
}
