//! Sockets that another operating system process may share (D9), over a network
//! whose connections can travel.

use closesocket::engine::net::{Endpoint, Memory, PeerRead, Token, Transport};
use closesocket::engine::{Config, Error};

use crate::faulty::{Faults, HOME, World};

//= docs/specification.md#d4-duplication-shares-the-socket
//# - An option that is set through one descriptor MUST be seen through every descriptor of the
//# same socket.
#[test]
fn hard_linger_of_a_shared_connection_is_kept_where_every_process_sees_it() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, _peer) = world.connect();
    let there = &world.faults.reset_at_end;
    // While nobody else has it, it is a matter of this process.
    process.set_linger(descriptor, Some(0)).unwrap();
    assert!(!Faults::is(there));
    assert_eq!(process.linger(descriptor), Ok(Some(0)));
    process.set_linger(descriptor, None).unwrap();
    Faults::set(there, true);
    assert_eq!(process.linger(descriptor), Ok(None));
    Faults::set(there, false);

    process.transfer(descriptor, |_, _| Ok(())).unwrap();
    process.set_linger(descriptor, Some(0)).unwrap();
    assert!(Faults::is(there));
    assert_eq!(process.linger(descriptor), Ok(Some(0)));
    // Another process turns it off, and on again.
    Faults::set(there, false);
    assert_eq!(process.linger(descriptor), Ok(None));
    Faults::set(there, true);
    assert_eq!(process.linger(descriptor), Ok(Some(0)));
    process.set_linger(descriptor, None).unwrap();
    assert!(!Faults::is(there));
}

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - A request for a linger option that a transferred TCP socket cannot honour MUST fail with a
//# typed error.
#[test]
fn timed_linger_of_a_shared_connection_is_refused_and_changes_nothing() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, _peer) = world.connect();
    process.set_linger(descriptor, Some(5)).unwrap();
    let sent = process.transfer(descriptor, |_, _| unreachable!("it is refused"));
    assert_eq!(sent, Err(Error::InvalidArgument));
    process.set_linger(descriptor, Some(0)).unwrap();
    process.transfer(descriptor, |_, _| Ok(())).unwrap();
    assert_eq!(
        process.set_linger(descriptor, Some(5)),
        Err(Error::InvalidArgument)
    );
    assert_eq!(
        process.set_dont_linger(descriptor, false),
        Err(Error::InvalidArgument)
    );
}

#[test]
fn the_linger_option_of_a_shared_listener_is_its_own() {
    let world = World::new(Config::default());
    let process = &world.process;
    let listening = world.listen(1);
    process
        .transfer(listening, |_, travelling| {
            assert!(travelling.listening);
            Ok(())
        })
        .unwrap();
    process.set_linger(listening, Some(0)).unwrap();
    assert!(!Faults::is(&world.faults.reset_at_end));
    assert_eq!(process.linger(listening), Ok(Some(0)));
}

#[test]
fn a_transfer_that_fails_on_its_way_has_changed_nothing() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer) = world.connect();
    let failed = process.transfer(descriptor, |_, _| Err(Error::NoBuffers));
    assert_eq!(failed, Err(Error::NoBuffers));
    process.set_linger(descriptor, Some(0)).unwrap();
    assert!(!Faults::is(&world.faults.reset_at_end));
    process.close(descriptor).unwrap();
    assert_eq!(peer.read(1), PeerRead::Reset);
}

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - Closing the last local reference of a transferred TCP socket MUST hand the local send queue
//# over to the kernel and close without shutting the connection down.
#[test]
fn a_connection_that_has_come_from_another_process_carries_on_and_is_left_without_a_fin() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (sender, peer) = world.connect();
    process.set_linger(sender, Some(0)).unwrap();
    let mut travels = None;
    process
        .transfer(sender, |_, travelling| {
            travels = Some(travelling);
            Ok(())
        })
        .unwrap();
    let travelling = travels.unwrap();
    assert!(travelling.hard && travelling.nonblocking && !travelling.listening);
    Faults::set(&world.faults.reset_at_end, true);

    let arrived = process
        .adopt(travelling, |token| {
            let mut endpoint = process.transport().open(token)?;
            endpoint.connect(&HOME).map(|_| endpoint)
        })
        .unwrap();
    let far = world.listener.accept().unwrap();
    assert_eq!(process.linger(arrived), Ok(Some(0)));
    assert_eq!(process.recv(arrived, &mut [0; 4]), Err(Error::WouldBlock));
    assert_eq!(process.send(arrived, b"here"), Ok(4));
    process.close(arrived).unwrap();
    assert_eq!(far.read_all(), (b"here".to_vec(), PeerRead::Nothing));
    process.close(sender).unwrap();
    assert_eq!(peer.read(1), PeerRead::Nothing);
    assert_eq!(world.provider.usage().sockets, 0);
}

#[test]
fn connections_that_cannot_travel_say_so() {
    let memory: Memory = Memory::default();
    let mut endpoint = memory.open(Token(1)).unwrap();
    assert_eq!(endpoint.set_reset_at_end(true), Err(Error::NotSupported));
    assert_eq!(endpoint.resets_at_end(), Err(Error::NotSupported));
}
