//! What a soak has shown, and whether that is as the rules say.

use serde::Serialize;

use super::super::RunReport;
use super::Plan;
use super::memory::Memory;
use super::tally::Tally;

/// Connections after which everything that is random must have come up.
const MANY: u64 = 20_000;
/// Connections after which what is frequent must have.
const SOME: u64 = 500;
/// Names of the ways to close that a schedule can choose.
const WAYS: usize = 11;

/// The result of a soak. The field names are the documented JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SoakReport {
    #[serde(flatten)]
    pub(super) run: RunReport,
    pub(super) seed: u64,
    pub(super) threads: u64,
    /// The most connections that were open at once.
    pub(super) most_open: u64,
    /// How often everything was closed and looked at in between.
    pub(super) rounds: u64,
    /// Closes that were refused because they would have blocked.
    pub(super) would_blocks: u64,
    /// The highest resident memory, in bytes; absent, as are the next two, where
    /// the system does not tell.
    pub(super) peak_rss_bytes: Option<u64>,
    /// The highest between 5 s and 20 s; absent too if the run was shorter than
    /// 30 s.
    pub(super) early_rss_bytes: Option<u64>,
    /// The highest of the last 5 s, while the provider and everything around it
    /// is still there; the trace is replayed later.
    pub(super) end_rss_bytes: Option<u64>,
}

impl SoakReport {
    pub(super) fn new(plan: Plan, tally: Tally) -> Self {
        let run = RunReport {
            connections: tally.closed,
            ways: tally.ways.into_values().collect(),
            lost_bytes: tally.lost_bytes,
            double_completions: tally.double_completions,
            missing_completions: tally.missing_completions,
            unexpected_results: tally.unexpected_results,
            first_problem: tally.first_problem,
            ..RunReport::default()
        };
        Self {
            run,
            seed: plan.seed,
            threads: plan.threads,
            would_blocks: tally.would_blocks,
            ..Self::default()
        }
    }

    pub(super) fn remember(&mut self, memory: &Memory) {
        self.peak_rss_bytes = memory.peak();
        self.early_rss_bytes = memory.early();
        self.end_rss_bytes = memory.end();
    }

    /// Whether the memory has grown by more than a tenth.
    pub(super) fn has_grown(&self) -> bool {
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

    pub(super) fn judge(&mut self) {
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
    use super::super::super::WayReport;
    use super::*;

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
