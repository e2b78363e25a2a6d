//! What a future leaves that is dropped after any of its polls.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use closesocket::engine::completions::{Interest, Wait};
use closesocket::engine::net::{Peer, PeerRead};
use closesocket::engine::{Closed, Descriptor};

use crate::world::{ADDRESS, Tasks, World};

/// What happens between the polls of a call.
type Between = fn(&World, Descriptor, &Peer, usize);

/// Runs a call for so many polls, with something happening before each, and drops it.
/// Returns whether it ended, and what of it was received or accepted.
fn cut<F: Future>(
    world: &World,
    (descriptor, peer): (Descriptor, &Peer),
    between: Between,
    call: F,
    polls: usize,
) -> Option<F::Output> {
    let (task, mut call) = (Tasks::default(), pin!(call));
    for turn in 0..polls {
        between(world, descriptor, peer, turn);
        if let Poll::Ready(ended) = task.poll(call.as_mut()) {
            return Some(ended);
        }
    }
    None
}

//= docs/specification.md#c1-cancelling
//= type=test
//# - A cancelled receive MUST NOT have taken any byte.
#[test]
fn a_receive_that_is_dropped_after_any_poll_has_taken_no_byte() {
    let between: Between = |_, _, peer, turn| {
        // Nothing, then a byte in the middle of the waiting, then more.
        if turn >= 2 {
            peer.write(&[b'a' + u8::try_from(turn).unwrap()]).unwrap();
        }
    };
    let mut ended = 0;
    for polls in 0..6 {
        let world = World::new();
        let (descriptor, peer) = world.connected();
        let call = world.process.recv_async(descriptor, vec![0; 8]);
        let received = cut(&world, (descriptor, &peer), between, call, polls);
        world.assert_idle(descriptor);
        ended += usize::from(received.is_some());
        let mut read = received.map_or(Vec::new(), |it| it.buffer[..it.transferred].to_vec());
        peer.write(b"!").unwrap();
        while read.last() != Some(&b'!') {
            let mut buffer = [0; 8];
            let bytes = world.process.recv(descriptor, &mut buffer).unwrap();
            read.extend(&buffer[..bytes]);
        }
        let written = (2..polls.min(3)).map(|turn| b'a' + u8::try_from(turn).unwrap());
        assert_eq!(
            read,
            written.chain([b'!']).collect::<Vec<_>>(),
            "{polls} polls"
        );
        world.process.close(descriptor).unwrap();
        world.assert_empty();
    }
    assert_eq!(ended, 3, "the third poll ends it");
}

#[test]
fn a_receive_that_is_dropped_when_it_was_woken_leaves_what_came() {
    let (world, task) = (World::new(), Tasks::default());
    let (descriptor, peer) = world.connected();
    {
        let mut receive = pin!(world.process.recv_async(descriptor, vec![0; 8]));
        assert!(task.poll(receive.as_mut()).is_pending());
        peer.write(b"abc").unwrap();
        assert!(task.was_woken());
    }
    let mut buffer = [0; 8];
    assert_eq!(world.process.recv(descriptor, &mut buffer), Ok(3));
}

#[test]
fn a_send_that_is_dropped_after_any_poll_has_sent_a_prefix_and_no_more() {
    let between: Between = |_, _, peer, turn| peer.stall(turn < 2);
    for polls in 0..8 {
        let world = World::new();
        let (descriptor, peer) = world.connected();
        peer.stall(true);
        let bytes: Vec<u8> = (0..32).collect();
        let call = world.process.send_async(descriptor, bytes.clone());
        let sent = cut(&world, (descriptor, &peer), between, call, polls);
        assert!(sent.is_none(), "the peer has not read");
        world.assert_idle(descriptor);
        peer.stall(false);
        let closing = world.process.close_in_background(descriptor, None).unwrap();
        let (read, end) = peer.read_all();
        assert_eq!(
            (read.as_slice(), end),
            (&bytes[..read.len()], PeerRead::End)
        );
        assert_eq!(read.is_empty(), polls == 0, "{polls} polls");
        assert_eq!(closing.ended(), Some(Closed::Drained));
        world.assert_empty();
    }
}

#[test]
fn a_polled_send_that_is_dropped_after_any_poll_has_accepted_nothing() {
    let between: Between = |_, _, peer, turn| peer.stall(turn < 2);
    for polls in 0..6 {
        let world = World::new();
        let (descriptor, peer) = world.connected();
        peer.stall(true);
        world.process.set_nonblocking(descriptor, true).unwrap();
        let mut accepted = Vec::new();
        while let Ok(bytes) = world.process.send(descriptor, &[1; 64]) {
            accepted.extend(vec![1; bytes]);
        }
        let mut wait = Wait::new();
        let call = std::future::poll_fn(|context| {
            let bytes = [2; 64];
            world
                .process
                .poll_send(descriptor, &bytes, &mut wait, context)
        });
        if let Some(sent) = cut(&world, (descriptor, &peer), between, call, polls) {
            accepted.extend(vec![2; sent.unwrap()]);
        }
        peer.stall(false);
        drop(wait);
        let _closing = world.process.close_in_background(descriptor, None).unwrap();
        assert_eq!(peer.read_all(), (accepted, PeerRead::End), "{polls} polls");
        world.assert_empty();
    }
}

#[test]
fn an_accept_that_is_dropped_after_any_poll_has_taken_no_connection() {
    for polls in 0..5 {
        for looks_first in [false, true] {
            let (world, task) = (World::new(), Tasks::default());
            let listener = world.listen();
            let mut peers = Vec::new();
            let mut taken = Vec::new();
            {
                let mut accept = pin!(world.process.accept_async(listener));
                for turn in 0..polls {
                    if turn == 2 {
                        peers.push(world.dial());
                        assert!(task.was_woken());
                    }
                    if turn == 2 && looks_first {
                        let ready = world.process.ready_async(listener, Interest::READABLE);
                        assert!(task.run(pin!(ready)).is_ready());
                    }
                    if let Poll::Ready(accepted) = task.poll(accept.as_mut()) {
                        taken.push(accepted.unwrap());
                        break;
                    }
                }
            }
            world.process.set_nonblocking(listener, true).unwrap();
            taken.extend(world.process.accept(listener));
            assert_eq!(taken.len(), peers.len(), "{polls} polls");
            for accepted in taken {
                world.process.close(accepted).unwrap();
            }
            world.process.close(listener).unwrap();
            world.assert_empty();
        }
    }
}

#[test]
fn a_connect_that_is_dropped_after_any_poll_leaves_a_socket_that_can_be_closed() {
    for polls in 0..4 {
        let (world, task) = (World::new(), Tasks::default());
        let peers = world.provider.transport().listen(ADDRESS).unwrap();
        let descriptor = world.process.socket().unwrap();
        let mut ended = false;
        {
            let mut connect = pin!(world.process.connect_async(descriptor, ADDRESS));
            for turn in 0..polls {
                let _peer = if turn == 2 { peers.accept() } else { None };
                ended |= task.poll(connect.as_mut()).is_ready();
                if ended {
                    break;
                }
            }
        }
        assert_eq!(ended, polls == 3);
        world.assert_idle(descriptor);
        world.process.close(descriptor).unwrap();
        world.assert_empty();
    }
}

#[test]
fn a_wait_for_readiness_that_is_dropped_after_any_poll_is_registered_no_more() {
    for polls in 0..4 {
        let (world, task) = (World::new(), Tasks::default());
        let (descriptor, peer) = world.connected();
        {
            let ready = world.process.ready_async(descriptor, Interest::READABLE);
            let mut ready = pin!(ready);
            for _ in 0..polls {
                assert!(task.run(ready.as_mut()).is_pending());
            }
        }
        peer.write(b"x").unwrap();
        assert!(!task.was_woken());
        world.process.close(descriptor).unwrap();
        assert!(!task.was_woken());
    }
}
