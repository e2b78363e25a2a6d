//! How far a check has come: states, states a second, and what is queued.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use closesocket_models::Progress as Far;
use indicatif::ProgressBar;

use crate::found::check::ScenarioReport;
use crate::interrupt::Part;
use crate::output::Output;
use crate::report::grouped;

/// A bar over the states of all jobs. How many there will be is known: the
/// counts are pinned.
pub(super) struct Progress {
    bar: ProgressBar,
    begin: Instant,
    /// What is done, and the states found so far.
    part: Arc<Part>,
    /// Jobs that nobody has begun.
    queued: AtomicU64,
}

/// One job on its way.
pub(super) struct Watched<'a> {
    progress: &'a Progress,
    /// States of this job that are counted in the bar.
    counted: AtomicU64,
}

impl Progress {
    /// Of so many jobs, which have so many states in all.
    pub(super) fn of(all: usize, jobs: usize, output: &Output) -> Self {
        Self {
            bar: output.progress(
                all as u64,
                "exploring {human_pos}/{human_len} states {wide_bar} {msg}",
            ),
            begin: Instant::now(),
            part: Part::begin("scenario", "explored", Some(jobs)),
            queued: AtomicU64::new(jobs as u64),
        }
    }

    /// A job begins.
    pub(super) fn begin(&self) -> Watched<'_> {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Watched {
            progress: self,
            counted: AtomicU64::new(0),
        }
    }

    /// Prints something without spoiling the bar.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self, states: u64, far: &Far) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(states);
        self.bar.set_message(format!(
            "{}/s, layer {}, {} waiting, {} bytes a state, {} scenarios queued",
            grouped(rate(states, self.begin)),
            far.layer,
            grouped(far.queue as u64),
            far.bytes / far.states.max(1),
            self.queued.load(Ordering::Relaxed)
        ));
    }
}

/// Things a second since then.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shown to people, and not negative"
)]
fn rate(things: u64, since: Instant) -> u64 {
    (things as f64 / since.elapsed().as_secs_f64().max(0.001)) as u64
}

impl Watched<'_> {
    /// The job is so far.
    pub(super) fn look(&self, far: &Far) {
        let now = far.states as u64;
        let before = self.counted.swap(now, Ordering::Relaxed);
        let more = now.saturating_sub(before);
        let states = self.progress.part.more_states(more);
        self.progress.show(states, far);
    }

    /// The job is done, and this is what was found.
    pub(super) fn end(&self, report: &ScenarioReport) {
        self.look(&Far {
            states: report.unique_states,
            ..Far::default()
        });
        self.progress
            .part
            .done(report.closing().into_iter().map(|it| it.1));
    }
}
