//! C3: the time limits of blocking calls.

use std::thread;
use std::time::Duration;

use closesocket::engine::Error;

use crate::cancelling::full;
use crate::world::{
    BIG, LONG, Network, PATIENCE, Peer, Task, World, assert_all, assert_prefix, pattern,
};

scenarios! {
    c3_a_blocking_receive_ends_at_its_limit_and_loses_nothing,
    c3_a_blocking_send_ends_at_its_limit_with_what_was_accepted,
    c3_an_accept_and_a_connect_have_the_limit_of_their_direction,
    c3_limits_are_options_of_the_socket,
}

/// Long enough to be in a call, and short enough to wait for.
const SOON: Option<Duration> = Some(Duration::from_millis(50));

//= docs/specification.md#c3-time-limits
//# - A blocking call whose time limit passes before anything of it was done MUST fail with
//# WSAETIMEDOUT.
//= docs/specification.md#c3-time-limits
//# - A call that its time limit ends MUST NOT have taken a byte or a connection.
fn c3_a_blocking_receive_ends_at_its_limit_and_loses_nothing<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    process.set_receive_limit(descriptor, SOON).unwrap();
    assert_eq!(process.recv(descriptor, &mut [0; 8]), Err(Error::TimedOut));
    // Bytes that come about when the limit passes are this call's or the next's.
    let limit = Some(Duration::from_millis(1));
    process.set_receive_limit(descriptor, limit).unwrap();
    let writer = Task::start(move || {
        for byte in 0..100 {
            peer.write(&pattern(byte, 1));
            thread::sleep(Duration::from_micros(700));
        }
        peer
    });
    let (mut received, mut timed_out) = (Vec::new(), 0);
    while received.len() < 100 {
        let mut buffer = [0; 8];
        match process.recv(descriptor, &mut buffer) {
            Ok(bytes) => received.extend_from_slice(&buffer[..bytes]),
            Err(error) => {
                assert_eq!(error, Error::TimedOut);
                timed_out += 1;
            }
        }
    }
    eprintln!("{timed_out} receives timed out on the way");
    assert_prefix(&received, 100);
    drop(writer.result());
    process.close(descriptor).unwrap();
}

//= docs/specification.md#c3-time-limits
//# - A blocking send whose time limit passes after a part of its bytes was accepted MUST return the
//# number of bytes accepted.
fn c3_a_blocking_send_ends_at_its_limit_with_what_was_accepted<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    process.set_send_limit(descriptor, SOON).unwrap();
    let accepted = process.send(descriptor, &pattern(0, 16 * BIG)).unwrap();
    assert!(accepted > 0 && accepted < 16 * BIG);
    process.close(descriptor).unwrap();
    assert_all(peer.read_to_end(), accepted);
    let (full, peer) = full(world);
    process.set_send_limit(full, SOON).unwrap();
    assert_eq!(process.send(full, &[1]), Err(Error::TimedOut));
    drop(peer);
    process.set_linger(full, Some(0)).unwrap();
    process.close(full).unwrap();
}

//= docs/specification.md#c3-time-limits
//# - The receive time limit MUST hold for blocking receives and accepts, and the send time limit
//# for blocking sends and connects.
fn c3_an_accept_and_a_connect_have_the_limit_of_their_direction<N: Network>(world: &World<N>) {
    let (listener, address) = world.listener();
    let process = &world.process;
    process.set_receive_limit(listener, SOON).unwrap();
    assert_eq!(process.accept(listener), Err(Error::TimedOut));
    let peer = world.dial(&address);
    process.set_receive_limit(listener, LONG).unwrap();
    let accepted = process.accept(listener).unwrap();
    // An accepted socket has its listener's options.
    assert_eq!(process.receive_limit(accepted), Ok(LONG));
    drop(peer);
    process.close(accepted).unwrap();
    process.close(listener).unwrap();
    let (_kept, deaf) = N::deaf(world.provider.transport());
    let connecting = process.socket().unwrap();
    process.set_send_limit(connecting, SOON).unwrap();
    assert_eq!(process.connect(connecting, &deaf), Err(Error::TimedOut));
    let again = process.connect(connecting, &deaf);
    assert_eq!(again, Err(Error::AlreadyInProgress), "it goes on");
    process.close(connecting).unwrap();
}

//= docs/specification.md#d4-duplication-shares-the-socket
//# - An option that is set through one descriptor MUST be seen through every descriptor of the
//# same socket.
fn c3_limits_are_options_of_the_socket<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    let other = world.other();
    let theirs = world.share(descriptor, &other);
    assert_eq!(other.receive_limit(theirs), Ok(None));
    let limit = Some(Duration::from_micros(1500));
    world.process.set_receive_limit(descriptor, limit).unwrap();
    world.process.set_send_limit(descriptor, LONG).unwrap();
    let rounded = Some(Duration::from_millis(2));
    assert_eq!(other.receive_limit(theirs), Ok(rounded));
    assert_eq!(other.send_limit(theirs), Ok(Some(PATIENCE)));
    let none = Some(Duration::ZERO);
    let refused = other.set_send_limit(theirs, none);
    assert_eq!(refused, Err(Error::InvalidArgument));
    other.set_receive_limit(theirs, None).unwrap();
    assert_eq!(world.process.receive_limit(descriptor), Ok(None));
    other.close(theirs).unwrap();
    world.process.close(descriptor).unwrap();
}
