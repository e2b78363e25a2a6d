//! What is there while nothing happens: memory, and the time of the processor.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::completions::Notify;
use closesocket::engine::{Descriptor, Error, Process};
use rustix::time::{ClockId, clock_gettime};

use crate::child::{Role, Running};
use crate::engine::{self, System};

const IDLE: usize = 10_000;
const STALLED: usize = 4_000;
const WATCHED: Duration = Duration::from_secs(5);

pub(crate) fn measure() {
    let process = engine::process();
    let before = resident();
    let (mut connections, peers) = hold(&process, IDLE);
    let connected = resident();
    println!("at rest, {IDLE} connections");
    println!(
        "  memory of a connected descriptor   {:>8} B  at most 512",
        (connected - before) / IDLE
    );
    println!("  time of a core                 {}  0", busy());
    for connection in &connections {
        let receive = process.recv_overlapped(*connection, Vec::new(), Notify::nobody());
        receive.unwrap();
    }
    println!(
        "  memory of a pending receive        {:>8} B  at most 128",
        (resident() - connected) / IDLE
    );
    for connection in connections.drain(..) {
        process.close(connection).unwrap();
    }
    drop(peers);
    let (connections, _peers) = hold(&process, STALLED);
    for connection in connections {
        process.set_nonblocking(connection, true).unwrap();
        loop {
            match process.send(connection, &[0; 64 * 1024]) {
                Ok(_) => {}
                Err(error) => break assert_eq!(error, Error::WouldBlock),
            }
        }
        process.close(connection).unwrap();
    }
    // What is looked at less and less often is so by then.
    thread::sleep(Duration::from_secs(4));
    println!("at rest, {STALLED} stalled drains");
    println!("  time of a core                 {}  under 1 %", busy());
}

/// Connections whose peers, in a process of their own, do nothing.
fn hold(process: &Process<System>, count: usize) -> (Vec<Descriptor>, Running) {
    let (listener, address) = engine::listen(process);
    thread::scope(|scope| {
        let accepting = scope.spawn(|| {
            let accept = |_| process.accept(listener).unwrap();
            (0..count).map(accept).collect::<Vec<_>>()
        });
        let peers = Role::Hold(address, count).start();
        (accepting.join().unwrap(), peers)
    })
}

/// Bytes of memory in use.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// How busy this process is, in the time of a core.
fn busy() -> String {
    let used = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::try_from(time).unwrap()
    };
    let (start, before) = (Instant::now(), used());
    thread::sleep(WATCHED);
    let share = (used() - before).as_secs_f64() / start.elapsed().as_secs_f64();
    format!("{:>10.2} %", share * 100.0)
}
