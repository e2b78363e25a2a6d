//! The peer's process killed with SIGKILL.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use closesocket::engine::{CompletionQueue, Error, Notify};

use crate::common::child::{Actor, next_order, role, say};
use crate::common::world::{LONG, World};

const TEST: &str = "killed::what_waits_for_a_killed_peer_ends";

/// Accepts connections and reads nothing, until it is killed. Greets the first.
fn peer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    say(&listener.local_addr().unwrap().to_string());
    let mut connections = Vec::new();
    while next_order().is_some() {
        let mut connection = listener.accept().unwrap().0;
        connection.write_all(b"hello").unwrap();
        connections.push(connection);
        say("accepted");
    }
}

#[test]
fn what_waits_for_a_killed_peer_ends() {
    if role().is_some() {
        return peer();
    }
    let world = World::new();
    let process = &world.process;
    let mut actor = Actor::start(TEST, "peer");
    let address: SocketAddr = actor.hear().parse().unwrap();
    let mut connect = || {
        actor.order("accept");
        let descriptor = world.connect_to(&address);
        assert_eq!(actor.hear(), "accepted");
        let mut hello = [0; 5];
        assert_eq!(process.recv(descriptor, &mut hello), Ok(5));
        descriptor
    };
    let (idle, unread, sending) = (connect(), connect(), connect());
    let (draining, lingering) = (connect(), connect());

    let received = world.block(move |process| process.recv(idle, &mut [0; 4]));
    // The kernel of a killed process resets what it had not read.
    process.send(unread, b"never read").unwrap();
    let queue = CompletionQueue::new();
    process
        .recv_overlapped(unread, vec![0; 4], Notify::queue(&queue, 1))
        .unwrap();
    world.fill(sending);
    let sent = world.block(move |process| process.send(sending, &[0; 1 << 20]));
    world.fill(draining);
    process.close(draining).unwrap();
    world.fill(lingering);
    process.set_linger(lingering, Some(600)).unwrap();
    let closed = world.block(move |process| process.close(lingering));
    assert_eq!(world.provider.metrics().draining, 2);

    actor.kill();
    let lost = |error| matches!(error, Error::ConnectionReset | Error::ConnectionAborted);
    let end = received.result();
    assert!(end == Ok(0) || end.is_err_and(lost), "{end:?}");
    let reset = queue.wait(LONG).unwrap().result.unwrap_err();
    assert!(lost(reset), "{reset:?}");
    let unsent = sent.result().unwrap_err();
    assert!(lost(unsent), "{unsent:?}");
    assert_eq!(closed.result(), Ok(()), "L5");
    // Behind the end that a receive has seen, sends find out soon.
    let refused = loop {
        match process.send(idle, b"anybody?") {
            Ok(_) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert!(lost(refused), "{refused:?}");
    for each in [idle, unread, sending] {
        assert_eq!(process.close(each), Ok(()));
    }
    world.until_nothing_is_left();
}

#[test]
fn a_killed_process_hands_over_what_its_kernel_had_taken() {
    if role().is_some() {
        return die_while_draining();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let test = "killed::a_killed_process_hands_over_what_its_kernel_had_taken";
    let mut actor = Actor::start(test, "sender");
    actor.order(&listener.local_addr().unwrap().to_string());
    let mut peer = listener.accept().unwrap().0;
    peer.set_read_timeout(LONG).unwrap();
    assert_eq!(actor.hear(), "closed");
    actor.kill();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received, [7; 4096]);
}

fn die_while_draining() {
    let world = World::new();
    let address = next_order().unwrap().parse().unwrap();
    let descriptor = world.connect_to(&address);
    assert_eq!(world.process.send(descriptor, &[7; 4096]), Ok(4096));
    world.process.close(descriptor).unwrap();
    say("closed");
    while next_order().is_some() {}
}
