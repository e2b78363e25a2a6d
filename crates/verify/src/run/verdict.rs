//! Whether what a run has seen is as the rules say.

use super::crowd::Together;
use super::driver::Seen;
use super::schedule::Ending;
use crate::found::run::{CrowdReport, RunReport, SoakReport};

/// Connections after which everything that is random must have come up.
const MANY: u64 = 20_000;
/// Connections after which what is frequent must have.
const SOME: u64 = 500;
/// Names of the ways to close that a schedule can choose.
const WAYS: usize = 11;

/// Judges the four fixed ways to close.
pub(super) fn fixed(seen: Seen) -> RunReport {
    let mut run = seen.tally.run;
    let ends = run.ways.iter().all(|way| {
        let (ends, others) = if way.way == Ending::Hard.name() {
            (way.resets, way.fins)
        } else {
            (way.fins, way.resets)
        };
        ends == way.connections && others == 0
    });
    // A run whose closes found nothing unsent would prove nothing.
    let stalled = run
        .ways
        .iter()
        .all(|way| way.unacknowledged_at_commit * 10 >= way.connections * 9);
    run.ok = ends && stalled && run.is_clean();
    if !stalled {
        let hollow = || "too few closes had unacknowledged bytes".to_owned();
        run.first_problem.get_or_insert_with(hollow);
    }
    run
}

impl CrowdReport {
    /// Judges a crowd of so many connections.
    pub(super) fn new(all: u64, threads: u64, seen: Seen) -> Self {
        let accepted = seen.together.as_ref().map_or(0, |it| it.accepted);
        let seconds = |of: fn(&Together) -> f64| seen.together.as_ref().map(of).unwrap_or_default();
        let mut report = Self {
            threads,
            open_at_once: accepted.min(seen.tally.most_open),
            aborted: seen.tally.aborted,
            open_seconds: seconds(|it| it.open_seconds),
            close_seconds: seconds(|it| it.close_seconds),
            run: seen.tally.run,
        };
        let fins: u64 = report.run.ways.iter().map(|it| it.fins).sum();
        let (open, aborted) = (report.open_at_once, report.aborted);
        let together = open == all && aborted == all && fins == all;
        report.run.ok = report.run.is_clean() && together;
        if !together {
            report.run.first_problem.get_or_insert_with(|| {
                format!(
                    "of {all} connections {open} were open at once, {aborted} aborted, {fins} ended with a FIN"
                )
            });
        }
        report
    }
}

impl SoakReport {
    /// Judges random connections.
    pub(super) fn new(seed: u64, threads: u64, seen: Seen) -> Self {
        let mut report = Self {
            seed,
            threads,
            most_open: seen.tally.most_open,
            rounds: seen.rounds,
            would_blocks: seen.tally.would_blocks,
            peak_rss_bytes: seen.memory.peak(),
            early_rss_bytes: seen.memory.early(),
            end_rss_bytes: seen.memory.end(),
            run: seen.tally.run,
        };
        report.judge();
        report
    }

    /// Whether the memory has grown by more than a tenth.
    fn has_grown(&self) -> bool {
        match (self.early_rss_bytes, self.end_rss_bytes) {
            (Some(early), Some(end)) => end * 10 > early * 11,
            _ => false,
        }
    }

    /// What the run should have shown and has not. A run that shows nothing
    /// proves nothing.
    fn hollow(&self) -> Option<String> {
        let connections = self.run.connections;
        let unsent: u64 = self
            .run
            .ways
            .iter()
            .map(|it| it.unacknowledged_at_commit)
            .sum();
        if connections == 0 {
            Some("nothing was connected".to_owned())
        } else if connections >= SOME && (unsent * 50 < connections || self.would_blocks == 0) {
            Some("too few closes had unacknowledged bytes".to_owned())
        } else if connections >= MANY && self.run.ways.len() < WAYS {
            Some("not every way to close came up".to_owned())
        } else {
            None
        }
    }

    fn judge(&mut self) {
        let hollow = self.hollow();
        let grown = self.has_grown();
        self.run.ok = self.run.is_clean() && hollow.is_none() && !grown;
        let grown = grown.then(|| "the memory has grown".to_owned());
        let first = self.run.first_problem.take();
        self.run.first_problem = first.or(hollow).or(grown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::found::run::WayReport;

    fn good() -> SoakReport {
        let way = |unacknowledged_at_commit| WayReport {
            unacknowledged_at_commit,
            ..WayReport::default()
        };
        SoakReport {
            run: RunReport {
                connections: 60_000,
                ways: (0..WAYS as u64).map(|_| way(1_000)).collect(),
                leaked_system_descriptors: Some(0),
                trace_accepted: true,
                ..RunReport::default()
            },
            would_blocks: 100,
            early_rss_bytes: Some(100),
            end_rss_bytes: Some(110),
            ..SoakReport::default()
        }
    }

    #[test]
    fn a_clean_run_is_as_the_rules_say() {
        let mut report = good();
        report.judge();
        assert!(report.run.ok, "{:?}", report.run.first_problem);
    }

    #[test]
    fn each_check_fails_the_verdict() {
        type Spoil = fn(&mut SoakReport);
        let nothing_unsent: Spoil = |it| {
            for way in &mut it.run.ways {
                way.unacknowledged_at_commit = 1;
            }
        };
        let spoil: [(&str, Spoil); 14] = [
            ("nothing ran", |it| it.run.connections = 0),
            ("a lost byte", |it| it.run.lost_bytes = 1),
            ("a double completion", |it| it.run.double_completions = 1),
            ("a missing completion", |it| it.run.missing_completions = 1),
            ("an unexpected result", |it| it.run.unexpected_results = 1),
            ("a descriptor", |it| it.run.leaked_descriptors = 1),
            ("a socket", |it| it.run.leaked_sockets = 1),
            ("a system descriptor", |it| {
                it.run.leaked_system_descriptors = Some(1);
            }),
            ("a thread", |it| it.run.leaked_threads = 1),
            ("a rejected trace", |it| it.run.trace_accepted = false),
            ("memory", |it| it.end_rss_bytes = Some(111)),
            ("no refused close", |it| it.would_blocks = 0),
            ("nothing unsent", nothing_unsent),
            ("a way that never came up", |it| {
                it.run.ways.pop();
            }),
        ];
        for (what, spoil) in spoil {
            let mut report = good();
            spoil(&mut report);
            report.judge();
            assert!(!report.run.ok, "{what}");
        }
    }
}
