//! What the engine promises its users besides what every transport can show
//! (`closesocket-conformance` has that), and defects that it once had, one behaviour a
//! test: over connections in memory whose network can be told to misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../crates/closesocket-conformance/src/dll.rs"]
mod dll;
mod faulty;

mod accepting;
mod cancelling;
mod delivering;
mod each_other;
mod ending;
mod lives;
mod metrics;
mod moving;
mod network;
mod notices;
mod observed;
mod readiness;
mod refusing;
mod stopping;
mod texts;
mod travelling;
mod watching;

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// After this long a test has failed. Nothing is ever waited for this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a condition.
#[track_caller]
fn until(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < give_up, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Something that another thread does.
struct Task<T>(Receiver<T>);

impl<T: Send + 'static> Task<T> {
    fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (tell, result) = channel();
        thread::spawn(move || {
            // Nobody listens any more if the test has failed.
            let _ = tell.send(work());
        });
        Self(result)
    }

    fn goes_on(&self) -> bool {
        self.0.try_recv().is_err()
    }

    #[track_caller]
    fn result(self) -> T {
        let result = self.0.recv_timeout(PATIENCE);
        result.expect("the thread has ended, and not by a panic")
    }
}
