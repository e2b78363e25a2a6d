//! The memory of the send window used up.

use closesocket::engine::{CompletionQueue, Error, Notify};

use crate::common::read_to_end;
use crate::common::world::{WINDOW, World};

#[test]
fn what_a_stalled_peer_costs_is_bounded_and_holds_up_nobody_else() {
    const STALLED: usize = 20;
    let world = World::new();
    let process = &world.process;
    let queue = CompletionQueue::new();
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let (descriptor, peer, accepted) = world.stalled();
        // The caller's memory, not the provider's: nothing of it is copied yet.
        let notify = Notify::queue(&queue, u64::from(descriptor.slot()));
        process
            .send_overlapped(descriptor, vec![8; 1 << 20], notify)
            .unwrap();
        process.set_nonblocking(descriptor, true).unwrap();
        assert_eq!(process.send(descriptor, b"x"), Err(Error::WouldBlock));
        assert!(process.queued(descriptor).unwrap() <= WINDOW);
        stalled.push((descriptor, peer, accepted));
    }
    assert!(queue.is_empty(), "each waits behind its full window");
    let (free, mut reader) = world.connect();
    process.send(free, b"passes").unwrap();
    process.close(free).unwrap();
    assert_eq!(read_to_end(&mut reader).unwrap(), 6);
    for (descriptor, mut peer, accepted) in stalled {
        process.close(descriptor).unwrap();
        let aborted = queue.take().unwrap();
        assert_eq!(aborted.result, Err(Error::OperationAborted));
        assert_eq!(aborted.buffer.len(), 1 << 20);
        let received = read_to_end(&mut peer).unwrap();
        assert_eq!(received, accepted + aborted.transferred);
    }
    world.until_nothing_is_left();
}

#[test]
fn a_blocked_send_waits_for_room_and_takes_no_more_than_the_window() {
    let world = World::new();
    let (descriptor, mut peer, accepted) = world.stalled();
    let sending = world.block(move |process| process.send(descriptor, &[9; 1 << 20]));
    assert!(world.process.queued(descriptor).unwrap() <= WINDOW);
    assert!(sending.goes_on());
    let mut received = vec![0; accepted + (1 << 20)];
    std::io::Read::read_exact(&mut peer, &mut received).unwrap();
    assert_eq!(sending.result(), Ok(1 << 20));
    world.process.close(descriptor).unwrap();
    world.until_nothing_is_left();
}
