//! What the fuzz targets do with their bytes; `cargo test` replays the corpus
//! that they found through the same functions.

#![expect(clippy::panic, reason = "a finding is a panic")]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use closesocket::protocol::Linger;
use closesocket_trace::{read, replay, to_text};

use crate::call::{Scope, Setup, Unread};
use crate::engine_runner::Workers;
use crate::script::{Intent, PROCESSES};
use crate::trial::{Shapes, against_oracle};

/// Calls of one history.
const MOST_CALLS: usize = 200;

/// A provider's settings and a history of calls, as a fuzzer writes them.
#[derive(Arbitrary)]
struct History {
    slots: u8,
    window: u8,
    drain_limit_seconds: Option<u8>,
    non_ifs: bool,
    scope: Scope,
    unread: Unread,
    intents: Vec<Intent>,
}

/// Reads the bytes as a history of calls and makes it on the engine and the
/// oracle.
///
/// # Panics
/// If their answers differ or something is left: that is the finding.
pub fn history(bytes: &[u8]) {
    static WORKERS: LazyLock<Workers> = LazyLock::new(Workers::default);
    let Ok(history) = History::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let setup = Setup {
        processes: PROCESSES,
        slots: usize::from(history.slots % 9),
        window: u32::from(history.window.max(1)),
        drain_limit: history
            .drain_limit_seconds
            .map(|it| Duration::from_secs(it.into())),
        default_linger: Linger::DEFAULT_SECONDS,
        non_ifs: history.non_ifs,
    };
    let settings = (setup, history.scope, history.unread);
    let calls = history.intents.len().min(MOST_CALLS);
    let calls = &history.intents[..calls];
    if let Err(difference) = against_oracle(settings, calls, &WORKERS, &mut Shapes::new()) {
        panic!("{difference}");
    }
}

/// Reads the bytes as a trace and replays it.
///
/// # Panics
/// If the reader or the replay does, or if a trace that was read is not the
/// same when it is written and read again: that is the finding.
pub fn trace(bytes: &[u8]) {
    let Ok(records) = read(bytes) else {
        return;
    };
    let replayed = replay(&records);
    assert_eq!(replayed.accepted, replayed.first_problem.is_none());
    match read(to_text(&records).as_bytes()) {
        Ok(again) => assert!(again == records, "another trace when read again"),
        Err(error) => panic!("written, but not read again: {error}"),
    }
}
