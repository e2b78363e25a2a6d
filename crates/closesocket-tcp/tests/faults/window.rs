//! The memory of the send window used up.

use std::fs;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::SystemClock;
use closesocket::engine::{Config, Error, NoUpcalls, Provider};
use closesocket_tcp::Tcp;

use crate::common::child::alone;
use crate::common::world::{Sys, WINDOW, World};
use crate::common::{SMALL, peer_listener, read_to_end};

/// The resident memory of this operating system process, in MiB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() / 1024
}

#[test]
fn a_burst_of_full_queues_leaves_no_memory_behind() {
    alone(|| {
        // So much that the allocator gives it back to the kernel at once, and
        // does not keep it for the next one.
        const EACH: u32 = 40 << 20;
        const SOCKETS: usize = 4;
        let config = Config {
            window: EACH,
            ..Config::default()
        };
        let tcp = Tcp::with_config(SMALL).unwrap();
        let clock = SystemClock::default();
        let provider: Provider<Sys> = Provider::new(config, tcp, clock, NoProbe, NoUpcalls);
        let process = provider.startup().unwrap();
        let listener = peer_listener("127.0.0.1:0");
        let address = listener.local_addr().unwrap();
        let bytes = vec![1; EACH as usize];
        let before = resident();
        for lost in [false, true] {
            let stalled = [(); SOCKETS].map(|()| {
                let descriptor = process.socket().unwrap();
                process.connect(descriptor, &address).unwrap();
                let peer = listener.accept().unwrap().0;
                process.send(descriptor, &bytes).unwrap();
                (descriptor, peer)
            });
            assert!(resident() > before + SOCKETS * 20, "they are full");
            let mut open = Vec::new();
            for (descriptor, peer) in stalled {
                if lost {
                    drop(peer);
                    while process.send(descriptor, b"x").is_ok() {}
                    open.push(descriptor);
                } else {
                    process.set_linger(descriptor, Some(0)).unwrap();
                    process.close(descriptor).unwrap();
                }
            }
            assert_eq!(provider.usage().sockets, open.len());
            let after = resident();
            assert!(after <= before + 16, "{before} MiB before, {after} after");
            for descriptor in open {
                process.close(descriptor).unwrap();
            }
        }
    });
}

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
        world.start_send(descriptor, vec![8; 1 << 20], notify);
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
