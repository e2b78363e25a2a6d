//! The peer's process killed with SIGKILL.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};

use closesocket::engine::Error;
use closesocket::engine::completions::{CompletionQueue, Notify};

use crate::common::child::{Actor, next_order, role, say, test_of};
use crate::common::peer_listener;
use crate::common::world::{LONG, World, until};

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
    world.start_recv(unread, 4, Notify::queue(&queue, 1));
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

/// A process whose own queue holds bytes, because its peer does not read, ends
/// in this way after it has closed the socket or not: the peer must not read a
/// clean end.
fn expect_no_clean_end<E: Fn(Actor)>(end: E) {
    if role().is_some() {
        return end_with_bytes_queued();
    }
    for order in ["close", "keep"] {
        let listener = peer_listener();
        let mut actor = Actor::start(test_of::<E>(), "sender");
        actor.order(&listener.local_addr().unwrap().to_string());
        let mut peer = listener.accept().unwrap().0;
        peer.set_read_timeout(LONG).unwrap();
        let accepted: usize = actor.ask(order).parse().unwrap();
        end(actor);
        let mut received = Vec::new();
        let error = peer.read_to_end(&mut received).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{order}");
        assert!(received.len() < accepted);
        assert!(received.iter().all(|byte| *byte == 7));
    }
}

fn end_with_bytes_queued() {
    let world = World::new();
    let address = next_order().unwrap().parse().unwrap();
    let descriptor = world.connect_to(&address);
    let accepted = world.fill(descriptor);
    if next_order().unwrap() == "close" {
        world.process.close(descriptor).unwrap();
    }
    say(&accepted.to_string());
    match next_order().as_deref() {
        Some("stop") => {
            world.provider.transport().stop();
            say("stopped");
            while next_order().is_some() {}
        }
        // Without a single destructor.
        _ => std::process::exit(0),
    }
}

//= docs/specification.md#s5-a-provider-that-ends
//# - When a provider ends while bytes that it has accepted wait in its own queue, be it dropped, its
//# transport stopped, or its operating system process ended or killed, their connection MUST end in
//# a reset, never in a FIN.
#[test]
fn the_peer_of_a_killed_process_is_told_that_bytes_are_missing() {
    expect_no_clean_end(|mut actor| actor.kill());
}

#[test]
fn the_peer_of_a_process_that_exits_is_told_that_bytes_are_missing() {
    expect_no_clean_end(|actor| actor.leave());
}

#[test]
fn the_peer_of_a_stopped_transport_is_told_that_bytes_are_missing() {
    expect_no_clean_end(|mut actor| {
        assert_eq!(actor.ask("stop"), "stopped");
        actor.leave();
    });
}

/// While everything was handed over, the kernel ends the connection by itself;
/// also when the queue was not empty before.
#[test]
fn a_queue_that_was_emptied_before_the_kill_ends_cleanly() {
    if role().is_some() {
        return die_with_an_empty_queue();
    }
    let listener = peer_listener();
    let test = "killed::a_queue_that_was_emptied_before_the_kill_ends_cleanly";
    let mut actor = Actor::start(test, "sender");
    actor.order(&listener.local_addr().unwrap().to_string());
    let mut peer = listener.accept().unwrap().0;
    peer.set_read_timeout(LONG).unwrap();
    let accepted: usize = actor.hear().parse().unwrap();
    let mut received = vec![0; accepted];
    peer.read_exact(&mut received).unwrap();
    assert_eq!(actor.ask("go on"), "empty");
    actor.kill();
    received.clear();
    assert_eq!(peer.read_to_end(&mut received).unwrap(), 0);
}

fn die_with_an_empty_queue() {
    let world = World::new();
    let address = next_order().unwrap().parse().unwrap();
    let descriptor = world.connect_to(&address);
    say(&world.fill(descriptor).to_string());
    next_order();
    let process = &world.process;
    until("acknowledged", || process.queued(descriptor) == Ok(0));
    say("empty");
    while next_order().is_some() {}
}
