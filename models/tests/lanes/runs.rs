//! Rejected recordings as lanes, in the words of the rules.

use closesocket::engine::completions::Notify;
use closesocket::engine::net::{Memory, MemoryAddress};
use closesocket::engine::observe::{Order, Step};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, NoUpcalls, Provider};
use closesocket_models::lanes::Drawing;
use closesocket_trace::{Record, Recorder, replay};

use super::assert_is;

type System = (Memory, Std, SystemClock, Recorder);

const HOME: MemoryAddress = MemoryAddress(1);

/// What is recorded of a connection with a pending receive that is closed hard.
fn recorded() -> Vec<Record> {
    let recorder = Recorder::in_memory();
    let (memory, clock) = (Memory::default(), SystemClock::default());
    let provider: Provider<System> = Provider::new(
        Config::default(),
        memory,
        clock,
        recorder.clone(),
        NoUpcalls,
    );
    let peers = provider.transport().listen(HOME).expect("a listener");
    let process = provider.startup().expect("a process");
    let descriptor = process.socket().expect("a socket");
    let connected = process.connect_overlapped(descriptor, &HOME, Notify::nobody());
    connected.expect("connects");
    let _peer = peers.accept().expect("a peer");
    process.set_linger(descriptor, Some(0)).expect("lingers");
    let received = process.recv_overlapped(descriptor, vec![0; 4], Notify::nobody());
    received.expect("receives");
    process.close(descriptor).expect("closes");
    process.cleanup().expect("cleans up");
    drop((process, provider));
    recorder.finish().expect("records")
}

/// The drawing of a recording that is rejected when one step of it tells otherwise,
/// and its reason.
fn rejected(spoil: impl Fn(&mut Step)) -> String {
    let mut records = recorded();
    assert!(replay(&records).accepted);
    let steps = records.iter_mut().map(|it| &mut it.observation.step);
    steps.for_each(spoil);
    let verdict = replay(&records);
    let problem = verdict.first_problem.expect("a problem");
    assert_eq!(verdict.sockets, 1, "{problem}");
    let drawing = Drawing::of_problem(&problem).expect("a record");
    format!("{}\n{problem}\n", drawing.to_text(80))
}

#[test]
fn a_rejected_recording_is_drawn_in_the_words_of_the_rules() {
    let fin = rejected(|step| {
        if let Step::Ordered { order } = step {
            *order = Order::Fin;
        }
    });
    assert!(
        fin.contains("sent a FIN, must reset: linger 0, L-T2"),
        "{fin}"
    );
    let shared = rejected(|step| {
        if let Step::Committed { last, .. } = step {
            *last = false;
        }
    });
    let forgotten = rejected(|step| {
        if let Step::Committed { aborted, .. } = step {
            *aborted = 0;
        }
    });
    let all = [fin, shared, forgotten].join("\n");
    assert!(!all.contains(" { "), "{all}");
    assert_is("tests/lanes/rejected.txt", &all);
}
