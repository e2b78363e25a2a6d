//! The network in memory: what its peers and listeners see.

use closesocket::engine::completions::Interest;
use closesocket::engine::net::{
    Connecting, Endpoint, Found, Memory, MemoryAddress, PeerRead, Token, Transport,
};
use closesocket::engine::{Config, Error};

use crate::faulty::{AWAY, HOME, World};

#[test]
fn a_full_backlog_refuses_whoever_comes_next() {
    let world = World::new(Config::default());
    let process = &world.process;
    let network = &world.provider.transport().memory;
    let listening = world.listen(2);
    let _waiting = [network.dial(AWAY).unwrap(), network.dial(AWAY).unwrap()];
    assert_eq!(network.dial(AWAY).err(), Some(Error::ConnectionRefused));
    process.accept(listening).unwrap();
    assert!(network.dial(AWAY).is_ok());
}

#[test]
fn listeners_without_an_address_get_one_each() {
    let memory: Memory = Memory::default();
    // As many as it takes for a short cut to come back to an address.
    let listeners: Vec<_> = (0..70_000)
        .map(|token| {
            let mut endpoint = memory.open(Token(token)).unwrap();
            assert_eq!(endpoint.local_address(), Err(Error::InvalidArgument));
            endpoint.listen(1).expect("an address of its own");
            endpoint
        })
        .collect();
    let address = listeners[2].local_address().unwrap();
    assert!(memory.dial(address).is_ok());
}

#[test]
fn a_plain_listener_has_its_address_and_gives_it_back() {
    let world = World::new(Config::default());
    let network = &world.provider.transport().memory;
    let listener = network.listen(AWAY).unwrap();
    assert_eq!(listener.address(), AWAY);
    assert_eq!(network.listen(AWAY).err(), Some(Error::AddressInUse));
    assert!(listener.accept().is_none());
    let descriptor = world.process.socket().unwrap();
    world.process.set_nonblocking(descriptor, true).unwrap();
    let waits = world.process.connect(descriptor, &AWAY);
    assert_eq!(waits, Err(Error::WouldBlock));
    drop(listener);
    // Whoever waited there has been refused, and is told so.
    let writable = [(descriptor, Interest::WRITABLE)];
    let ready = world.process.select(&writable, Some(crate::PATIENCE));
    assert!(ready.unwrap()[0].1.writable);
    let refused = world.process.connect(descriptor, &AWAY);
    assert_eq!(refused, Err(Error::ConnectionRefused));
    assert!(network.listen(AWAY).is_ok());
}

#[test]
fn a_connection_that_waits_for_its_accept_is_reset_with_the_listener() {
    let memory: Memory = Memory::default();
    let mut listening = memory.open(Token(1)).unwrap();
    listening.bind(&AWAY).unwrap();
    listening.listen(4).unwrap();
    let mut near = memory.open(Token(2)).unwrap();
    // A listener of the engine answers at once, as a kernel does.
    assert_eq!(near.connect(&AWAY), Ok(Connecting::Done));
    drop(listening);
    assert_eq!(near.connect_progress(), Ok(Connecting::Done));
    assert_eq!(near.send(b"x"), Err(Error::ConnectionReset));
    let nobody = memory.open(Token(3)).unwrap().connect(&AWAY);
    assert_eq!(nobody, Err(Error::ConnectionRefused));
}

#[test]
fn a_window_bounds_what_is_in_flight_and_what_waits_to_be_read() {
    let memory: Memory = Memory::with_window(10);
    let listener = memory.listen(HOME).unwrap();
    let mut near = memory.open(Token(1)).unwrap();
    assert_eq!(near.connect(&HOME), Ok(Connecting::InProgress));
    assert_eq!(near.connect_progress(), Ok(Connecting::InProgress));
    let far = listener.accept().unwrap();
    assert_eq!(near.connect_progress(), Ok(Connecting::Done));
    // Ten bytes wait at the peer, and ten more are on their way.
    assert_eq!(near.send(&[1; 15]), Ok(10));
    assert_eq!(near.unacknowledged(), Ok(0));
    assert_eq!(near.send(&[2; 6]), Ok(6));
    assert_eq!(near.unacknowledged(), Ok(6));
    assert_eq!(near.send(&[3; 6]), Ok(4));
    assert_eq!(near.send(&[4; 1]), Ok(0));
    near.send_fin().unwrap();
    assert_eq!(near.unacknowledged(), Ok(11));
    assert_eq!(far.read(4), PeerRead::Bytes(vec![1; 4]));
    assert_eq!(near.unacknowledged(), Ok(7));
    let rest = [vec![1; 6], vec![2; 6], vec![3; 4]].concat();
    assert_eq!(far.read_all(), (rest, PeerRead::End));
    assert_eq!(near.unacknowledged(), Ok(0));
}

#[test]
fn a_peer_that_has_vanished_answers_nothing_and_one_that_has_ended_resets() {
    let memory: Memory = Memory::default();
    let listener = memory.listen(HOME).unwrap();
    let connect = |token| {
        let mut near = memory.open(Token(token)).unwrap();
        near.connect(&HOME).unwrap();
        (near, listener.accept().unwrap())
    };
    let (mut near, far) = connect(1);
    far.vanish();
    assert_eq!(near.send(b"hello?"), Ok(6));
    assert_eq!(near.unacknowledged(), Ok(6));
    assert_eq!(near.look(), Ok(Found::Nothing));
    let (mut near, far) = connect(2);
    drop(far);
    assert_eq!(near.send(b"hello?"), Err(Error::ConnectionReset));
    // It was told while bytes were on their way.
    let (mut near, far) = connect(3);
    far.stall(true);
    assert_eq!(near.send(b"hello?"), Ok(6));
    far.stall(false);
    drop(far);
    assert_eq!(near.unacknowledged(), Ok(0), "it took them before it ended");
    // Bytes that it had no room for find nobody.
    let (mut near, far) = connect(5);
    while near.send(&[7; 1024]) == Ok(1024) {}
    assert!(near.unacknowledged().unwrap() > 0);
    drop(far);
    assert_eq!(near.unacknowledged(), Err(Error::ConnectionReset));
    let (mut near, far) = connect(4);
    far.reset();
    // Nothing comes behind it.
    let _ = far.write(b"more");
    assert_eq!(
        near.look(),
        Err(Error::ConnectionReset),
        "the reset is something to hear of"
    );
    assert_eq!(near.unacknowledged(), Err(Error::ConnectionReset));
    assert_eq!(far.read(1), PeerRead::Nothing);
}

#[test]
fn a_side_that_receives_no_more_still_acknowledges() {
    let memory: Memory = Memory::with_window(10);
    let listener = memory.listen(HOME).unwrap();
    let mut near = memory.open(Token(1)).unwrap();
    near.connect(&HOME).unwrap();
    let far = listener.accept().unwrap();
    far.write(&[1; 5]).unwrap();
    assert_eq!(near.look(), Ok(Found::Input));
    near.shut_down_receive();
    assert_eq!(near.look(), Ok(Found::Nothing));
    for _ in 0..5 {
        assert_eq!(far.write(&[2; 10]), Ok(10));
    }
    assert_eq!(near.look(), Ok(Found::Nothing));
    far.finish().unwrap();
    assert_eq!(near.look(), Ok(Found::End));
    assert_eq!(near.bind(&MemoryAddress(9)), Err(Error::InvalidArgument));
}

#[test]
fn what_is_on_its_way_to_a_side_that_receives_no_more_is_acknowledged() {
    let memory: Memory = Memory::with_window(10);
    let mut listening = memory.open(Token(1)).unwrap();
    listening.bind(&AWAY).unwrap();
    listening.listen(1).unwrap();
    let mut near = memory.open(Token(2)).unwrap();
    near.connect(&AWAY).unwrap();
    let mut far = listening.accept().unwrap().unwrap();
    for sender_is_near in [true, false] {
        let (from, to) = if sender_is_near {
            (&mut near, &mut far)
        } else {
            (&mut far, &mut near)
        };
        assert_eq!((from.send(&[1; 10]), from.send(&[2; 5])), (Ok(10), Ok(5)));
        assert_eq!(from.unacknowledged(), Ok(5));
        to.shut_down_receive();
        assert_eq!(from.unacknowledged(), Ok(0));
    }
}

#[test]
fn a_listener_that_was_reset_leaves_its_address_to_the_next_one() {
    let memory: Memory = Memory::default();
    let listen = |token| {
        let mut endpoint = memory.open(Token(token)).unwrap();
        endpoint.bind(&HOME).unwrap();
        endpoint.listen(1).unwrap();
        endpoint
    };
    let mut first = listen(1);
    first.reset();
    let _second = listen(2);
    drop(first);
    assert!(memory.dial(HOME).is_ok());
}
