//! What readiness tells besides room and input: the end, a loss, a queue that is
//! out, entries that are none; and the record of network events.

use std::time::Duration;

use closesocket::engine::completions::{Event, Interest, NetworkEvents, Readiness};
use closesocket::engine::{Descriptor, Error, Shutdown};

use crate::variants::must_look;
use crate::world::{LONG, Network, Peer, World, assert_all, recv_to_end};

scenarios! {
    o8_a_poll_marks_the_entry_that_is_no_socket_and_tells_of_the_others,
    r6_the_end_of_the_input_is_a_hang_up_and_no_error,
    r6_a_loss_is_an_error_whatever_is_waited_for,
    r6_a_hang_up_is_news_behind_bytes_that_nobody_has_read_yet,
    r6_the_record_tells_each_event_once_and_resets_its_own,
    r6_the_record_of_a_loss_says_how,
    r5_the_record_tells_how_a_connect_has_ended,
    r5_the_record_tells_of_a_connect_once_whatever_else_is_news,
    s1a_a_shutdown_is_complete_when_the_queue_is_out,
}

const NOW: Option<Duration> = Some(Duration::ZERO);
const BOTH: Interest = Interest {
    readable: true,
    ..Interest::WRITABLE
};

/// What an immediate look at one descriptor tells.
fn look<N: Network>(world: &World<N>, it: Descriptor, interest: Interest) -> Readiness {
    let found = world.process.select(&[(it, interest)], NOW).unwrap();
    found.first().map(|(_, ready)| *ready).unwrap_or_default()
}

//= docs/specification.md#o8-readiness-waits
//# - A wait for readiness, such as select or poll, that names the closed descriptor MUST wake
//# up.
fn o8_a_poll_marks_the_entry_that_is_no_socket_and_tells_of_the_others<N: Network>(
    world: &World<N>,
) {
    let (open, mut peer) = world.connect();
    let (closed, _peer) = world.connect();
    let process = &world.process;
    process.close(closed).unwrap();
    let entries = [closed, open, Descriptor::INVALID].map(|it| (it, Interest::READABLE));
    assert_eq!(process.select(&entries, NOW), Err(Error::NotSocket));
    let bad = Readiness {
        closed: true,
        ..Readiness::default()
    };
    let none_ready = [(closed, bad), (Descriptor::INVALID, bad)];
    assert_eq!(
        process.poll(&entries, None),
        Ok(none_ready.to_vec()),
        "at once"
    );
    peer.write(b"x");
    world.until("all are told of, in their order", || {
        let found = process.poll(&entries, NOW).unwrap();
        let readable = found.iter().filter(|(_, ready)| ready.readable);
        found.len() == 3 && found[1].0 == open && readable.count() == 1
    });
    // Closed meanwhile, it is marked in the same way.
    let [_, entry, _] = entries;
    process.recv(open, &mut [0; 1]).unwrap();
    let blocked = world.block(move |process| process.poll(&[entry], None));
    process.close(open).unwrap();
    assert_eq!(blocked.result(), Ok(vec![(open, bad)]));
    assert_eq!(process.poll(&[], None), Err(Error::InvalidArgument));
    process.cleanup().unwrap();
    assert_eq!(process.poll(&entries, None), Err(Error::NotInitialised));
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST be signalled when its condition becomes true.
fn r6_the_end_of_the_input_is_a_hang_up_and_no_error<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let quiet = look(world, descriptor, BOTH);
    assert!(quiet.writable && !quiet.readable && !quiet.hung_up && !quiet.error);
    peer.write(b"last");
    peer.finish();
    assert_eq!(process.recv(descriptor, &mut [0; 2]).unwrap(), 2);
    world.until("the rest has come", || {
        process.available(descriptor) == Ok(2)
    });
    let unread = look(world, descriptor, BOTH);
    assert!(unread.readable && !unread.hung_up, "there is more to read");
    assert_eq!(recv_to_end(process, descriptor).len(), 2);
    let ended = look(world, descriptor, BOTH);
    assert!(ended.readable && ended.hung_up && ended.writable && !ended.error);
    // It is the input that has ended: who only sends is not told.
    let sends = look(world, descriptor, Interest::NONE);
    assert_eq!(sends, Readiness::default());
    process.close(descriptor).unwrap();
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST be signalled when its condition becomes true.
fn r6_a_loss_is_an_error_whatever_is_waited_for<N: Network>(world: &World<N>) {
    let process = &world.process;
    for interest in [Interest::NONE, Interest::SENT, BOTH] {
        // Input that is not read, so that the peer's network resets in any case.
        let (descriptor, peer) = world.connect();
        process.send(descriptor, b"unread").unwrap();
        let entry = [(descriptor, interest)];
        let blocked = match interest {
            Interest::NONE => Some(world.block(move |process| process.select(&entry, LONG))),
            _ => None,
        };
        peer.reset();
        let found = match blocked {
            Some(blocked) => blocked.result().unwrap(),
            None => {
                world.until("it is noticed", || look(world, descriptor, interest).error);
                process.select(&entry, NOW).unwrap()
            }
        };
        let [(_, ready)] = found[..] else {
            panic!("one is told of: {found:?}");
        };
        assert!(ready.error && ready.hung_up && ready.readable && ready.writable);
        assert!(!ready.sent && !ready.closed);
        process.close(descriptor).unwrap();
    }
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST NOT be signalled again before its condition has become true anew, or
//# a call has re-armed it: a receive or an accept for reading, for writing a send that found no
//# room.
fn r6_a_hang_up_is_news_behind_bytes_that_nobody_has_read_yet<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    let event = Event::new();
    world.watch(descriptor, Interest::READABLE, &event);
    peer.write(b"x");
    assert!(event.wait(LONG));
    event.reset();
    assert_eq!(process.recv(descriptor, &mut [0; 8]), Ok(1));
    peer.finish();
    assert!(event.wait(LONG), "the end is input");
    event.reset();
    // Neither is news any more.
    process.set_nonblocking(descriptor, true).unwrap();
    assert!(look(world, descriptor, BOTH).hung_up);
    assert!(!event.is_set());
    process.close(descriptor).unwrap();
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST NOT be signalled again before its condition has become true anew, or
//# a call has re-armed it: a receive or an accept for reading, for writing a send that found no
//# room.
fn r6_the_record_tells_each_event_once_and_resets_its_own<N: Network>(world: &World<N>) {
    must_look(world);
    let (descriptor, mut peer) = world.connect();
    let (listener, address) = world.listener();
    let process = &world.process;
    let events = |it| process.network_events(it);
    assert_eq!(
        events(descriptor),
        Err(Error::InvalidArgument),
        "none asked for"
    );
    let event = Event::new();
    world.watch(descriptor, BOTH, &event);
    assert!(event.wait(LONG));
    let nothing = NetworkEvents::default();
    let write = NetworkEvents {
        write: Some(Ok(())),
        ..nothing
    };
    assert_eq!(events(descriptor), Ok(write));
    assert!(!event.is_set(), "it was reset");
    assert_eq!(events(descriptor), Ok(nothing));
    peer.write(b"x");
    assert!(event.wait(LONG));
    let read = NetworkEvents {
        read: Some(Ok(())),
        ..nothing
    };
    assert_eq!(events(descriptor), Ok(read));
    // Re-armed by a receive that leaves something.
    peer.write(b"yz");
    world.until("all has come", || process.available(descriptor) == Ok(3));
    process.recv(descriptor, &mut [0; 1]).unwrap();
    assert!(event.wait(LONG));
    assert_eq!(events(descriptor), Ok(read));
    process.recv(descriptor, &mut [0; 2]).unwrap();
    let _ = events(descriptor);
    peer.finish();
    assert!(event.wait(LONG));
    let close = NetworkEvents {
        close: Some(Ok(())),
        ..nothing
    };
    assert_eq!(events(descriptor), Ok(close));
    let coming = Event::new();
    world.watch(listener, Interest::READABLE, &coming);
    let _peer = world.dial(&address);
    assert!(coming.wait(LONG));
    let accept = NetworkEvents {
        accept: Some(Ok(())),
        ..nothing
    };
    assert_eq!(events(listener), Ok(accept));
    let accepted = process.accept(listener).unwrap();
    for it in [descriptor, listener, accepted] {
        process.close(it).unwrap();
        assert_eq!(events(it), Err(Error::NotSocket));
    }
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST be signalled when its condition becomes true.
fn r6_the_record_of_a_loss_says_how<N: Network>(world: &World<N>) {
    let (descriptor, peer) = world.connect();
    let event = Event::new();
    world.process.send(descriptor, b"unread").unwrap();
    world.watch(descriptor, Interest::READABLE, &event);
    peer.reset();
    assert!(event.wait(LONG));
    let lost = NetworkEvents {
        close: Some(Err(Error::ConnectionReset)),
        ..NetworkEvents::default()
    };
    assert_eq!(world.process.network_events(descriptor), Ok(lost));
    world.process.close(descriptor).unwrap();
}

//= docs/specification.md#r5-a-failed-connect
//# - The failure of a connect MUST be told once: by the call, by the completion, or by SO_ERROR.
fn r5_the_record_tells_how_a_connect_has_ended<N: Network>(world: &World<N>) {
    let process = &world.process;
    let (listener, refusing) = world.listener();
    process.close(listener).unwrap();
    let descriptor = process.socket().unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    let event = Event::new();
    world.watch(descriptor, BOTH, &event);
    match process.connect(descriptor, &refusing) {
        // It is told of already.
        Err(Error::ConnectionRefused) => {}
        going_on => {
            assert_eq!(going_on, Err(Error::WouldBlock));
            assert!(event.wait(LONG));
            let failed = NetworkEvents {
                connect: Some(Err(Error::ConnectionRefused)),
                ..NetworkEvents::default()
            };
            assert_eq!(process.network_events(descriptor), Ok(failed));
        }
    }
    assert_eq!(process.take_error(descriptor), Ok(None));
    assert_eq!(
        process.network_events(descriptor),
        Ok(NetworkEvents::default())
    );
    let _ = process.connect(descriptor, &world.peer_address());
    let _peer = world.next_peer();
    assert!(event.wait(LONG));
    let connected = NetworkEvents {
        connect: Some(Ok(())),
        write: Some(Ok(())),
        ..NetworkEvents::default()
    };
    assert_eq!(process.network_events(descriptor), Ok(connected));
    assert_eq!(
        process.network_events(descriptor),
        Ok(NetworkEvents::default())
    );
    process.close(descriptor).unwrap();
}

//= docs/specification.md#r6-readiness-is-news
//# - A readiness event MUST NOT be signalled again before its condition has become true anew, or
//# a call has re-armed it: a receive or an accept for reading, for writing a send that found no
//# room.
fn r5_the_record_tells_of_a_connect_once_whatever_else_is_news<N: Network>(world: &World<N>) {
    let process = &world.process;
    let descriptor = process.socket().unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    let event = Event::new();
    world.watch(descriptor, Interest::WRITABLE, &event);
    let _ = process.connect(descriptor, &world.peer_address());
    let mut peer = world.next_peer();
    assert!(event.wait(LONG));
    let first = process.network_events(descriptor).unwrap();
    assert_eq!((first.connect, first.write), (Some(Ok(())), Some(Ok(()))));
    // The next news for writing is that there is room again.
    let accepted = world.fill(descriptor);
    peer.read_exactly(accepted, 8192);
    assert!(event.wait(LONG));
    let room = NetworkEvents {
        write: Some(Ok(())),
        ..NetworkEvents::default()
    };
    assert_eq!(process.network_events(descriptor), Ok(room));
    process.close(descriptor).unwrap();
}

/// DisconnectEx, but for the reuse: a wait, or an event, for the queue that is out.
//= docs/specification.md#s1a-shutting-down-the-send-side
//# - The FIN of a shutdown MUST follow the bytes of every send that was pending at it.
fn s1a_a_shutdown_is_complete_when_the_queue_is_out<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    let event = Event::new();
    world.watch(descriptor, Interest::SENT, &event);
    process.shutdown(descriptor, Shutdown::Send).unwrap();
    let waits = [(descriptor, Interest::SENT)];
    assert_eq!(process.select(&waits, NOW), Ok(Vec::new()));
    assert!(!event.is_set());
    let blocked = world.block(move |process| process.select(&waits, LONG));
    assert_all(peer.read_to_end(), accepted);
    let [(_, out)] = blocked.result().unwrap()[..] else {
        panic!("one is told of");
    };
    assert!(out.sent && !out.error);
    assert!(event.wait(LONG));
    assert_eq!(process.queued(descriptor), Ok(0));
    // The other direction goes on.
    peer.write(b"answer");
    assert_eq!(process.recv(descriptor, &mut [0; 6]).unwrap(), 6);
    process.close(descriptor).unwrap();
}
