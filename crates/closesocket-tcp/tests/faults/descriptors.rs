//! No file descriptors left (`EMFILE`), in processes of their own.

use closesocket::engine::Error;
use closesocket::engine::completions::{CompletionQueue, Interest, Notify};
use closesocket_tcp::Tcp;
use socket2::{Domain, Socket, Type};

use crate::common::child::{alone, alone_and_clean};
use crate::common::exhaust;
use crate::common::world::{LONG, World, holdings, until, until_holdings_are};

/// A socket that needs no descriptor any more to connect.
fn plain_socket() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()
}

#[test]
fn an_accept_is_refused_and_its_connection_waits() {
    alone_and_clean(|| {
        let world = World::new();
        let process = &world.process;
        let (listener, address) = world.listening();
        let dial = plain_socket();
        let hoard = exhaust();
        let blocked = world.block(move |process| process.accept(listener));
        let queue = CompletionQueue::new();
        process
            .accept_overlapped(listener, Notify::queue(&queue, 1))
            .unwrap();
        let slots = process.descriptors();
        dial.connect(&address.into()).unwrap();
        assert_eq!(blocked.result(), Err(Error::TooManyDescriptors));
        let refused = queue.wait(LONG).unwrap();
        assert_eq!(refused.result, Err(Error::TooManyDescriptors));
        assert_eq!(process.descriptors(), slots - 2, "reserved slots");
        assert_eq!(process.accept(listener), Err(Error::TooManyDescriptors));
        let ready = process.select(&[(listener, Interest::READABLE)], LONG);
        assert!(ready.unwrap()[0].1.readable, "an accept would not block");
        drop(hoard);
        let accepted = process.accept(listener).unwrap();
        process.send(accepted, b"late").unwrap();
        process.close(accepted).unwrap();
        process.close(listener).unwrap();
        let mut received = Vec::new();
        std::io::Read::read_to_end(&mut &dial, &mut received).unwrap();
        assert_eq!(received, b"late");
        world.until_nothing_is_left();
    });
}

#[test]
fn a_socket_stays_usable_though_bind_and_connect_are_refused() {
    alone_and_clean(|| {
        let world = World::new();
        let process = &world.process;
        let (other, address) = world.listening();
        let hoard = exhaust();
        let descriptor = process.socket().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let refused = Err(Error::TooManyDescriptors);
        assert_eq!(process.bind(descriptor, &any), refused);
        assert_eq!(process.connect(descriptor, &address), refused);
        let queue = CompletionQueue::new();
        let overlapped = process.connect_overlapped(descriptor, &address, Notify::queue(&queue, 1));
        assert_eq!(overlapped.err(), Some(Error::TooManyDescriptors));
        assert!(queue.is_empty());
        drop(hoard);
        process.connect(descriptor, &address).unwrap();
        let accepted = process.accept(other).unwrap();
        for each in [descriptor, accepted, other] {
            process.close(each).unwrap();
        }
        world.until_nothing_is_left();
    });
}

#[test]
fn duplicating_and_closing_need_no_descriptor_of_the_kernel() {
    alone(|| {
        let world = World::new();
        let (first, mut peer) = world.connect();
        let other = world.provider.startup().unwrap();
        let hoard = exhaust();
        let record = world.process.duplicate(first, other.id()).unwrap();
        let second = other.redeem(record).unwrap();
        world.process.close(first).unwrap();
        other.send(second, b"still here").unwrap();
        other.close(second).unwrap();
        assert_eq!(crate::common::read_to_end(&mut peer).unwrap(), 10);
        world.until_nothing_is_left();
        drop(hoard);
    });
}

#[test]
fn a_transport_cannot_start_and_leaves_nothing() {
    alone(|| {
        let before = holdings();
        let mut hoard = exhaust();
        // It needs several: each of them may be the one that is missing.
        let mut spare = 0;
        let tcp = loop {
            match Tcp::new() {
                Ok(tcp) => break tcp,
                Err(error) => assert_eq!(error, Error::TooManyDescriptors),
            }
            hoard.pop().unwrap();
            spare += 1;
        };
        assert!(spare > 1, "it started with {spare} descriptors");
        drop((tcp, hoard));
        until_holdings_are(before);
        until("it starts", || Tcp::new().is_ok());
    });
}
