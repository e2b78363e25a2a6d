//! R1: sends that wait when the connection is lost, and receives beside them.

use closesocket::engine::Error;
use closesocket::engine::completions::{CompletionQueue, Notify};

use crate::arrivals::readable;
use crate::world::{BIG, LONG, Network, Peer, Task, World, pattern};

scenarios! {
    r1_an_answer_outlives_the_pending_send_that_meets_the_reset,
    r1_a_blocked_receive_has_the_answer_though_a_blocked_send_meets_the_reset,
}

//= docs/specification.md#r1-input-before-loss
//# - A failure of the send side, or of a query, MUST NOT end the receive side.
fn r1_an_answer_outlives_the_pending_send_that_meets_the_reset<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let queue = CompletionQueue::new();
    let notify = Notify::queue(&queue, 1);
    let upload = pattern(0, 8 * BIG);
    world.start_send(descriptor, upload, notify);
    peer.write(b"answer");
    readable::<N>(&world.process, descriptor);
    peer.reset();
    let upload = queue.wait(LONG).unwrap();
    assert_eq!(upload.result, Err(Error::ConnectionReset));
    // Overlapped receives that begin now get it, too.
    for (bytes, received) in [(0, &b""[..]), (3, b"ans"), (9, b"wer")] {
        world.start_recv(descriptor, bytes, Notify::queue(&queue, 2));
        let answer = queue.wait(LONG).unwrap();
        assert_eq!(answer.result, Ok(received.len()));
        assert!(answer.buffer.starts_with(received));
    }
    let reset = world.process.recv(descriptor, &mut [0; 1]);
    assert_eq!(reset, Err(Error::ConnectionReset));
    world.process.close(descriptor).unwrap();
}

/// Whichever of the two threads, or the transport's, is the first to see it.
fn r1_a_blocked_receive_has_the_answer_though_a_blocked_send_meets_the_reset<N: Network>(
    world: &World<N>,
) {
    for _ in 0..50 {
        let (descriptor, mut peer) = world.connect();
        let sending = world.block(move |it| it.send(descriptor, &pattern(0, 8 * BIG)));
        let process = world.process.clone();
        let receiving = Task::start(move || {
            let mut answer = [0; 16];
            let received = process.recv(descriptor, &mut answer);
            received.map(|bytes| answer[..bytes].to_vec())
        });
        peer.write(b"answer");
        peer.reset();
        assert_eq!(receiving.result(), Ok(b"answer".to_vec()));
        // A part was accepted, of which nobody can say what arrived.
        assert_eq!(sending.result(), Err(Error::ConnectionReset));
        let reset = world.process.recv(descriptor, &mut [0; 1]);
        assert_eq!(reset, Err(Error::ConnectionReset));
        world.process.close(descriptor).unwrap();
    }
}
