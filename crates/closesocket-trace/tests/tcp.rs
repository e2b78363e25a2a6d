//! The trace of the engine over real TCP, with its reactor thread, is accepted.

#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use closesocket::engine::{CompletionQueue, Config, NoUpcalls, Notify, Provider, Std, SystemClock};
use closesocket_tcp::Tcp;
use closesocket_trace::{Recorder, read_file, replay};

type System = (Tcp, Std, SystemClock, Recorder);

/// Opens a connection, queues data, and closes it in one of four ways.
fn one(provider: &Provider<System>, number: u64) {
    let process = provider.startup().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let descriptor = process.socket().unwrap();
    let address = listener.local_addr().unwrap();
    process.connect(descriptor, &address).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let queue = CompletionQueue::new();
    let notify = Notify::queue(&queue, number);
    process
        .recv_overlapped(descriptor, vec![0; 16], notify)
        .unwrap();
    process.send(descriptor, &[7; 100_000]).unwrap();
    match number % 4 {
        0 => process.set_linger(descriptor, Some(0)).unwrap(),
        1 => process.set_linger(descriptor, Some(30)).unwrap(),
        2 => {
            let record = process.duplicate(descriptor, process.id()).unwrap();
            let second = process.redeem(record).unwrap();
            process.close(second).unwrap();
        }
        _ => {}
    }
    let reader = thread::spawn(move || peer.read_to_end(&mut Vec::new()));
    process.close(descriptor).unwrap();
    drop(reader.join().unwrap());
    assert!(queue.wait(Some(Duration::from_secs(20))).is_some());
}

#[test]
fn a_trace_over_tcp_is_accepted() {
    let file = std::env::temp_dir().join(format!("closesocket-trace-{}", std::process::id()));
    let recorder = Recorder::to_file(&file).unwrap();
    let clock = SystemClock::default();
    let tcp = Tcp::new().unwrap();
    let provider = Provider::new(Config::default(), tcp, clock, recorder.clone(), NoUpcalls);
    thread::scope(|scope| {
        for worker in 0..3 {
            let provider = &provider;
            scope.spawn(move || (0..20).for_each(|number| one(provider, worker + number)));
        }
    });
    while provider.usage().sockets > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    drop(provider);
    // The reactor ends by itself; what it tells it has told by now.
    thread::sleep(Duration::from_millis(50));
    recorder.finish().unwrap();
    let verdict = replay(&read_file(&file).unwrap());
    std::fs::remove_file(&file).unwrap();
    assert_eq!(verdict.first_problem, None);
    assert_eq!(verdict.connections, 60);
}
