//! What `tracing` is told of the engine's steps.

#![allow(clippy::unwrap_used)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closesocket::engine::completions::Notify;
use closesocket::engine::net::{Memory, MemoryAddress, Peer};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, NoUpcalls, Process, Provider};
use closesocket_trace::{Recorder, TracingProbe, replay};
use tracing::Level;

type System = (Memory, Std, SystemClock, (Recorder, TracingProbe));

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The lines logged by `act`, on this thread.
    fn of(level: Level, act: impl FnOnce()) -> Vec<String> {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, act);
        let bytes = log.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

fn connected(
    config: Config,
) -> (
    Provider<System>,
    Recorder,
    Process<System>,
    closesocket::engine::Descriptor,
    Peer,
) {
    let recorder = Recorder::in_memory();
    let probe = (recorder.clone(), TracingProbe);
    let clock = SystemClock::default();
    let provider: Provider<System> =
        Provider::new(config, Memory::default(), clock, probe, NoUpcalls);
    let peers = provider.transport().listen(MemoryAddress(1)).unwrap();
    let process = provider.startup().unwrap();
    let descriptor = process.socket().unwrap();
    process
        .connect_overlapped(descriptor, &peers.address(), Notify::nobody())
        .unwrap();
    (
        provider,
        recorder,
        process,
        descriptor,
        peers.accept().unwrap(),
    )
}

#[test]
fn the_life_of_a_descriptor_is_logged_in_its_order() {
    let lines = Log::of(Level::DEBUG, || {
        let (_provider, recorder, process, descriptor, peer) = connected(Config::default());
        process
            .recv_overlapped(descriptor, vec![0; 8], Notify::nobody())
            .unwrap();
        process.close(descriptor).unwrap();
        process.close(descriptor).unwrap_err();
        drop((process, peer, _provider));
        // The pair's other half was told the same.
        assert!(replay(&recorder.finish().unwrap()).accepted);
    });
    let expected = [
        "opened process=P0 descriptor=0.1 socket=0.1",
        "connect has ended socket=0.1 connected=true",
        "closed process=P0 descriptor=0.1 socket=0.1 cause=Call last=true wait=false aborted=1",
        "aborted operation=0.1#2 cause=Call",
        "finished sending socket=0.1",
        "not closed process=P0 descriptor=0.1 cause=Call error=the descriptor is not an open socket",
    ];
    let mut rest = lines.iter();
    for line in expected {
        let found = rest.any(|it| it.contains(line));
        assert!(found, "`{line}` does not follow in {lines:#?}");
    }
    let debug = |line: &String| line.starts_with("DEBUG closesocket: ");
    assert!(lines.iter().all(debug), "{lines:#?}");
}

#[test]
fn a_drain_that_took_too_long_is_a_warning() {
    let lines = Log::of(Level::WARN, || {
        let config = Config {
            drain_limit: Some(Duration::from_millis(1)),
            ..Config::default()
        };
        let (provider, _, process, descriptor, peer) = connected(config);
        peer.stall(true);
        process.send(descriptor, &[1; 16]).unwrap();
        process.close(descriptor).unwrap();
        while provider.usage().sockets > 0 {
            std::thread::sleep(Duration::from_millis(1));
            provider.tick();
        }
    });
    assert_eq!(
        lines,
        ["WARN closesocket: drain reset, its time has passed socket=0.1"]
    );
}

#[test]
fn every_call_is_logged_at_the_finest_level() {
    let lines = Log::of(Level::TRACE, || {
        let (_provider, _, process, descriptor, _peer) = connected(Config::default());
        process.send(descriptor, &[1; 16]).unwrap();
    });
    for step in ["Entered", "BytesOffered", "Left"] {
        let found = lines
            .iter()
            .any(|it| it.starts_with("TRACE") && it.contains(step));
        assert!(found, "{step} is not in {lines:#?}");
    }
}
