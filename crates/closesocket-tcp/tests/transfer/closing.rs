//! Which close does what, with descriptors in two processes.

use std::io::{Read, Write};
use std::net::TcpStream;

use closesocket::engine::Error;
use closesocket::engine::completions::{CompletionQueue, Notify};

use crate::common::read_to_end;
use crate::common::world::{LONG, until};
use crate::family::{Family, expect_nothing};

#[test]
fn a_duplicate_survives_the_close_and_the_end_of_the_sender() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.world.connect();
    family.world.process.send(descriptor, b"before ").unwrap();
    family.share(descriptor);
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    family.world.until_nothing_is_left();
    let mut text = [0; 7];
    peer.read_exact(&mut text).unwrap();
    expect_nothing(&peer);
    family.expect("send after", "Ok(5)");
    let mut text = [0; 5];
    peer.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"after");
    peer.write_all(b"answer").unwrap();
    family.expect("recv 64", "Ok(\"answer\")");
    family.close_last(peer, 0);
}

#[test]
fn a_close_aborts_the_operations_of_its_own_process_only() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    let queue = CompletionQueue::new();
    family
        .world
        .start_recv(descriptor, 64, Notify::queue(&queue, 1));
    let blocked = {
        let world = &family.world;
        world.block(move |process| process.recv(descriptor, &mut [0; 1]))
    };
    family.expect("recv-overlapped", "Ok(())");
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    let aborted = queue.take().unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(blocked.result(), Err(Error::Interrupted));
    family.expect("pending", "true");
    peer.write_all(b"four").unwrap();
    family.expect("completion", "Ok(4)");
    family.close_last(peer, 0);
}

#[test]
fn a_close_in_the_other_process_aborts_nothing_here_and_sends_no_fin() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    let queue = CompletionQueue::new();
    family
        .world
        .start_recv(descriptor, 64, Notify::queue(&queue, 1));
    family.expect("recv-overlapped", "Ok(())");
    family.expect("close", "Ok(())");
    family.expect("completion", "Err(OperationAborted)");
    expect_nothing(&peer);
    assert!(queue.is_empty());
    peer.write_all(b"abc").unwrap();
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(3));
    let process = &family.world.process;
    process.send(descriptor, b"still open").unwrap();
    assert_eq!(process.close(descriptor), Ok(()));
    assert_eq!(read_to_end(&mut peer).unwrap(), 10);
    family.part();
}

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - Closing the last local reference of a transferred TCP socket MUST hand the local send queue
//# over to the kernel and close without shutting the connection down.
#[test]
fn the_last_local_close_hands_its_queue_over_and_leaves_the_connection_open() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    let accepted = family.world.fill(descriptor);
    let queue = CompletionQueue::new();
    let (world, notify) = (&family.world, Notify::queue(&queue, 1));
    world.start_send(descriptor, vec![7; 1 << 20], notify);
    let process = &world.process;
    // Nonblocking or not, nobody waits and nothing would block (D9).
    process.set_nonblocking(descriptor, true).unwrap();
    assert_eq!(process.close(descriptor), Ok(()));
    let aborted = queue.take().unwrap();
    assert_eq!(aborted.result, Err(Error::OperationAborted));
    assert_eq!(family.world.provider.metrics().draining, 1);
    let all = accepted + aborted.transferred;
    let mut received = vec![0; all];
    peer.read_exact(&mut received).unwrap();
    assert!(received.iter().all(|byte| *byte == 7));
    family.world.until_nothing_is_left();
    expect_nothing(&peer);
    family.expect("send end", "Ok(3)");
    family.close_last(peer, 3);
}

#[test]
fn unread_input_is_left_to_the_other_process() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    peer.write_all(b"unread").unwrap();
    let process = &family.world.process;
    let readable = [(
        descriptor,
        closesocket::engine::completions::Interest::READABLE,
    )];
    assert!(process.select(&readable, LONG).unwrap()[0].1.readable);
    assert_eq!(process.close(descriptor), Ok(()));
    family.world.until_nothing_is_left();
    family.expect("recv 64", "Ok(\"unread\")");
    family.close_last(peer, 0);
}

#[test]
fn a_cleanup_closes_here_and_nothing_there() {
    let mut family = Family::new();
    let (_descriptor, peer) = family.shared();
    assert_eq!(family.world.process.cleanup(), Ok(()));
    family.world.until_nothing_is_left();
    expect_nothing(&peer);
    family.expect("send there", "Ok(5)");
    family.close_last(peer, 5);
}

#[test]
fn a_stopped_transport_does_not_end_the_connection_of_the_other_process() {
    let mut family = Family::new();
    let (descriptor, peer) = family.shared();
    family.world.provider.transport().stop();
    let process = &family.world.process;
    assert_eq!(process.send(descriptor, b"x"), Err(Error::NetworkDown));
    assert_eq!(process.cleanup(), Ok(()));
    expect_nothing(&peer);
    family.expect("send there", "Ok(5)");
    family.close_last(peer, 5);
}

#[test]
fn a_killed_process_takes_its_reference_with_it() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    family.expect("recv-overlapped", "Ok(())");
    family.child.kill();
    expect_nothing(&peer);
    let process = &family.world.process;
    process.send(descriptor, b"goes on").unwrap();
    assert_eq!(process.close(descriptor), Ok(()));
    assert_eq!(read_to_end(&mut peer).unwrap(), 7);
    family.world.until_nothing_is_left();
}

#[test]
fn a_listener_is_shared_and_outlives_the_close_of_either() {
    let mut family = Family::new();
    let (listener, address) = family.world.listening();
    family.share(listener);
    let process = &family.world.process;
    let mut first = TcpStream::connect(address).unwrap();
    let accepted = process.accept(listener).unwrap();
    process.send(accepted, b"parent").unwrap();
    assert_eq!(process.close(accepted), Ok(()));
    assert_eq!(read_to_end(&mut first).unwrap(), 6);
    let mut waiting = TcpStream::connect(address).unwrap();
    assert_eq!(process.close(listener), Ok(()));
    family.world.until_nothing_is_left();
    family.expect("accept", "Ok(())");
    family.expect("send child", "Ok(5)");
    family.expect("close", "Ok(())");
    assert_eq!(read_to_end(&mut waiting).unwrap(), 5);
    family.expect("close", "Ok(())");
    until("nobody listens", || TcpStream::connect(address).is_err());
    family.part();
}
