//! The trace of the engine over real TCP, with its reactor thread, is accepted: rare
//! shapes. The usual ones are those of `cargo verify run`, whose traces are replayed.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, NoUpcalls, Provider};
use closesocket_tcp::Tcp;
use closesocket_tcp::transfer::{receive_record, send_record};
use closesocket_trace::{Recorder, read_file, replay};

type System = (Tcp, Std, SystemClock, Recorder);

/// What the replay says of this use of a provider, and of how many connections.
fn verdict_on(name: &str, use_it: impl FnOnce(&Provider<System>)) -> (Option<String>, u64) {
    let file = format!("closesocket-trace-{name}-{}", std::process::id());
    let file = std::env::temp_dir().join(file);
    let recorder = Recorder::to_file(&file).unwrap();
    let clock = SystemClock::default();
    let tcp = Tcp::new().unwrap();
    let provider = Provider::new(Config::default(), tcp, clock, recorder.clone(), NoUpcalls);
    use_it(&provider);
    while provider.usage().sockets > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    drop(provider);
    // The reactor ends by itself; what it tells it has told by now.
    thread::sleep(Duration::from_millis(50));
    recorder.finish().unwrap();
    let verdict = replay(&read_file(&file).unwrap());
    std::fs::remove_file(&file).unwrap();
    let problem = verdict.first_problem.map(|problem| format!("{problem:?}"));
    (problem, verdict.connections)
}

#[test]
fn a_trace_of_an_accept_and_then_a_death_is_accepted() {
    let verdict = verdict_on("death", |provider| {
        let process = provider.startup().unwrap();
        let listener = process.socket().unwrap();
        process
            .bind(listener, &"127.0.0.1:0".parse().unwrap())
            .unwrap();
        process.listen(listener, 1).unwrap();
        let address = process.local_address(listener).unwrap();
        let mut peer = TcpStream::connect(address).unwrap();
        process.accept(listener).unwrap();
        process.die();
        assert_eq!(peer.read_to_end(&mut Vec::new()).unwrap(), 0);
    });
    assert_eq!(verdict, (None, 1));
}

#[test]
fn a_trace_of_transferred_connections_is_accepted() {
    let verdict = verdict_on("transfer", |provider| {
        let process = provider.startup().unwrap();
        let (here, there) = UnixStream::pair().unwrap();
        let peers = TcpListener::bind("127.0.0.1:0").unwrap();
        for hard in [false, true] {
            let descriptor = process.socket().unwrap();
            let address = peers.local_addr().unwrap();
            process.connect(descriptor, &address).unwrap();
            let (mut peer, _) = peers.accept().unwrap();
            process.set_linger(descriptor, hard.then_some(0)).unwrap();
            send_record(&process, descriptor, std::process::id(), &here).unwrap();
            let mut record = receive_record(&there).unwrap();
            let arrived = record.redeem(&process).unwrap();
            process.set_nonblocking(descriptor, true).unwrap();
            let mut queued = 0;
            while let Ok(bytes) = process.send(descriptor, &[7; 100_000]) {
                queued += bytes;
            }
            process.close(descriptor).unwrap();
            peer.read_exact(&mut vec![0; queued]).unwrap();
            for byte in b"more" {
                assert_eq!(process.send(arrived, &[*byte]), Ok(1));
            }
            peer.read_exact(&mut [0; 4]).unwrap();
            process.close(arrived).unwrap();
            let end = peer.read_to_end(&mut Vec::new());
            assert_eq!(end.is_err(), hard);
        }
    });
    assert_eq!(verdict, (None, 4));
}

#[test]
fn a_trace_of_a_transport_that_stops_is_accepted() {
    let verdict = verdict_on("stop", |provider| {
        let process = provider.startup().unwrap();
        let peers = TcpListener::bind("127.0.0.1:0").unwrap();
        let queue = CompletionQueue::new();
        let connect = || {
            let descriptor = process.socket().unwrap();
            let address = peers.local_addr().unwrap();
            process.connect(descriptor, &address).unwrap();
            let notify = Notify::queue(&queue, 0);
            process
                .recv_overlapped(descriptor, vec![0; 16], notify)
                .unwrap();
            process.set_nonblocking(descriptor, true).unwrap();
            while process.send(descriptor, &[7; 100_000]).is_ok() {}
            (descriptor, peers.accept().unwrap())
        };
        let (_open, (draining, _peer)) = (connect(), connect());
        process.close(draining).unwrap();
        provider.transport().stop();
        process.cleanup().unwrap();
    });
    assert_eq!(verdict, (None, 2));
}
