//! The memory of the send window used up.

use std::fs;

use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::SystemClock;
use closesocket::engine::{Config, NoUpcalls, Provider};
use closesocket_tcp::Tcp;

use crate::common::child::alone;
use crate::common::world::Sys;
use crate::common::{SMALL, peer_listener};

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
        let listener = peer_listener();
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
