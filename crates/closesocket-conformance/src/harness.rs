//! The behaviours as tests that `cargo test` shows.

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial, run};

use crate::behaviour::{Behaviour, Verdict};

/// Longer than any behaviour takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(180);

/// The main function of a test without a harness of its own: each behaviour of
/// each network is a test, with the network's name before it, and those that the
/// network cannot show are ignored, with the reason. It understands what tests of
/// Rust understand: filters, `--list`, `--test-threads` and so on.
pub fn main<const NETWORKS: usize>(networks: [(&str, Vec<Behaviour>); NETWORKS]) -> ExitCode {
    let trials = networks.into_iter().flat_map(|(network, behaviours)| {
        let of = move |it: Behaviour| {
            let name = format!("{network}::{}", it.name());
            Trial::ignorable_test(name, move || match it.check(PATIENCE) {
                Verdict::Holds => Ok(Completion::Completed),
                Verdict::Skipped(why) => Ok(Completion::ignored_with(why)),
                Verdict::Fails(why) => Err(Failed::from(why)),
            })
        };
        behaviours.into_iter().map(of)
    });
    run(&Arguments::from_args(), trials.collect()).exit_code()
}
