//! Shows how far a run has come.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::driver::Progress;
use super::plan::Plan;
use crate::interrupt::Part;
use crate::out::errln;
use crate::output::Output;
use crate::report::count;

/// Seconds between two lines where there is no terminal.
const LINES: u64 = 5;

/// Runs, and shows where it is to who is watching.
pub(super) fn shown<R>(plan: Plan, output: &Output, run: impl FnOnce(&dyn Fn(Progress)) -> R) -> R {
    let total = plan.total().and_then(|it| usize::try_from(it).ok());
    let part = Part::begin("connection", "closed", total);
    let run = |show: &dyn Fn(Progress)| {
        run(&|progress| {
            part.reached(progress.closed);
            show(progress);
        })
    };
    match (plan.total(), plan.time()) {
        _ if output.is_quiet() => run(&|_| {}),
        (Some(total), _) => {
            let bar = output.progress(total, "closing connections {pos}/{len} {wide_bar} {eta}");
            let result = run(&|progress| bar.set_position(progress.closed));
            bar.finish_and_clear();
            result
        }
        (None, time) => {
            let seconds = time.unwrap_or_default().as_secs();
            if std::io::stderr().is_terminal() {
                return with_bar(seconds, output, run);
            }
            let told = AtomicU64::new(0);
            run(&|progress| {
                let now = progress.elapsed.as_secs();
                if now >= told.load(Ordering::Relaxed) + LINES {
                    told.store(now, Ordering::Relaxed);
                    errln!("{}", line(seconds, progress));
                }
            })
        }
    }
}

fn with_bar<R>(seconds: u64, output: &Output, run: impl FnOnce(&dyn Fn(Progress)) -> R) -> R {
    let bar = output.progress(seconds, "{msg} {wide_bar} {eta}");
    let result = run(&|progress| {
        bar.set_position(progress.elapsed.as_secs());
        bar.set_message(line(seconds, progress));
    });
    bar.finish_and_clear();
    result
}

fn line(seconds: u64, progress: Progress) -> String {
    format!(
        "{} s of {seconds} s: {} closed, {} open, {} resident",
        progress.elapsed.as_secs(),
        count(progress.closed, "connection"),
        progress.open,
        mebibytes(progress.resident)
    )
}

/// An amount of memory for people.
pub(super) fn mebibytes(bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        None => "unknown memory".to_owned(),
    }
}
