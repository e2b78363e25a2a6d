//! What a run has found: the documented JSON, and the same as a list of things that
//! had to hold, for formats that count them.

use closesocket_trace::Replay;
use serde::Serialize;

use crate::outcome::Outcome;

/// What was seen of the connections that were closed in one way.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct WayReport {
    /// `graceful`, `hard`, `lingering` or `shared`; a soak has more.
    pub(crate) way: &'static str,
    /// Connections closed.
    pub(crate) connections: u64,
    /// Of these, how many had bytes that the peer had not acknowledged when the
    /// last close committed.
    pub(crate) unacknowledged_at_commit: u64,
    /// Bytes that sends reported as accepted.
    pub(crate) accepted_bytes: u64,
    /// Bytes that the peers received.
    pub(crate) received_bytes: u64,
    /// Connections that the peer saw end with a reset.
    pub(crate) resets: u64,
    /// Connections that the peer saw end with a FIN.
    pub(crate) fins: u64,
}

/// The result of a run. The field names are the documented JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RunReport {
    pub(crate) connections: u64,
    pub(crate) ways: Vec<WayReport>,
    /// Accepted bytes that a graceful close lost.
    pub(crate) lost_bytes: u64,
    pub(crate) double_completions: u64,
    pub(crate) missing_completions: u64,
    /// Calls that ended otherwise than the rules say.
    pub(crate) unexpected_results: u64,
    pub(crate) leaked_descriptors: u64,
    pub(crate) leaked_sockets: u64,
    /// Operating system descriptors open afterwards and not before; absent
    /// where the system does not tell.
    pub(crate) leaked_system_descriptors: Option<u64>,
    /// Threads alive afterwards and not before, and threads still blocked.
    pub(crate) leaked_threads: u64,
    /// The recorded trace was accepted by the protocol.
    pub(crate) trace_accepted: bool,
    /// How many events it has.
    pub(crate) trace_events: u64,
    pub(crate) seconds: f64,
    /// The first thing that went wrong, in words.
    pub(crate) first_problem: Option<String>,
    /// Whether everything is as the rules say.
    pub(crate) ok: bool,
}

/// The result of a soak. The field names are the documented JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SoakReport {
    #[serde(flatten)]
    pub(crate) run: RunReport,
    pub(crate) seed: u64,
    pub(crate) threads: u64,
    /// The most connections that were open at once.
    pub(crate) most_open: u64,
    /// How often everything was closed and looked at in between.
    pub(crate) rounds: u64,
    /// Closes that were refused because they would have blocked.
    pub(crate) would_blocks: u64,
    /// The highest resident memory, in bytes; absent, as are the next two, where
    /// the system does not tell.
    pub(crate) peak_rss_bytes: Option<u64>,
    /// The highest between 5 s and 20 s; absent too if the run was shorter than
    /// 30 s.
    pub(crate) early_rss_bytes: Option<u64>,
    /// The highest of the last 5 s, while the provider and everything around it
    /// is still there; the trace is replayed later.
    pub(crate) end_rss_bytes: Option<u64>,
}

/// The result of a crowd. The field names are the documented JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CrowdReport {
    #[serde(flatten)]
    pub(crate) run: RunReport,
    pub(crate) threads: u64,
    /// Connections open when the first close began.
    pub(crate) open_at_once: u64,
    /// Receives that ended with the abort of their close, once.
    pub(crate) aborted: u64,
    /// Until the last connection was open.
    pub(crate) open_seconds: f64,
    /// From the first close to the last of the completions.
    pub(crate) close_seconds: f64,
}

/// One thing that had to hold.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// In kebab-case.
    pub(crate) name: &'static str,
    /// What is wrong, in words.
    pub(crate) problem: Option<String>,
}

impl RunReport {
    /// Notes the verdict on the trace.
    pub(crate) fn note(&mut self, replay: &Replay) {
        self.trace_accepted = replay.accepted;
        self.trace_events = replay.events;
        let problem = replay.first_problem.as_ref();
        if self.first_problem.is_none() {
            self.first_problem = problem.map(|it| format!("the trace was rejected: {it}"));
        }
    }

    /// Whether nothing was lost, repeated, left over or against the rules.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost_bytes == 0
            && self.double_completions == 0
            && self.missing_completions == 0
            && self.unexpected_results == 0
            && self.leaked_descriptors == 0
            && self.leaked_sockets == 0
            && self.leaked_system_descriptors.unwrap_or(0) == 0
            && self.leaked_threads == 0
            && self.trace_accepted
    }

    /// The outcome that the report stands for.
    pub(crate) const fn outcome(&self) -> Outcome {
        if self.ok {
            Outcome::AsExpected
        } else {
            Outcome::Differs
        }
    }

    /// Everything that had to hold. One of them has a problem if and only if
    /// the run is not as the rules say.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let count = |name, number: u64, what: &str| Check {
            name,
            problem: (number > 0).then(|| self.explained(&format!("{number} {what}"))),
        };
        let descriptors = self.leaked_system_descriptors.unwrap_or(0);
        vec![
            count("no-byte-lost", self.lost_bytes, "accepted bytes are lost"),
            count(
                "no-double-completion",
                self.double_completions,
                "operations completed twice",
            ),
            count(
                "no-missing-completion",
                self.missing_completions,
                "operations never completed",
            ),
            count(
                "no-unexpected-result",
                self.unexpected_results,
                "calls ended otherwise than the rules say",
            ),
            count(
                "no-descriptor-left",
                self.leaked_descriptors,
                "descriptors are left over",
            ),
            count("no-socket-left", self.leaked_sockets, "sockets are left over"),
            count(
                "no-system-descriptor-left",
                descriptors,
                "descriptors of the system are left over",
            ),
            count("no-thread-left", self.leaked_threads, "threads are left over"),
            Check {
                name: "trace-accepted",
                problem: (!self.trace_accepted)
                    .then(|| self.explained("the protocol rejects the trace")),
            },
            Check {
                name: "every-way-ends-as-it-should",
                problem: (self.is_clean() && !self.ok).then(|| {
                    self.explained("a peer saw another end than the close was to have, or too few closes had bytes to send")
                }),
            },
        ]
    }

    /// With the first problem that the run told.
    fn explained(&self, what: &str) -> String {
        match &self.first_problem {
            Some(first) => format!("{what}; first problem: {first}"),
            None => what.to_owned(),
        }
    }
}

impl WayReport {
    /// The name and the numbers, in the order of the printed table.
    pub(crate) fn columns(&self) -> [String; 7] {
        let numbers = [
            self.connections,
            self.unacknowledged_at_commit,
            self.accepted_bytes,
            self.received_bytes,
            self.fins,
            self.resets,
        ];
        let [a, b, c, d, e, f] = numbers.map(|it| it.to_string());
        [self.way.to_owned(), a, b, c, d, e, f]
    }
}

#[cfg(test)]
mod tests {
    use super::RunReport;

    /// A run in which nothing went wrong, but what this spoils.
    fn problems(spoil: impl FnOnce(&mut RunReport)) -> Vec<&'static str> {
        let mut report = RunReport {
            trace_accepted: true,
            ok: true,
            ..RunReport::default()
        };
        spoil(&mut report);
        let checks = report.checks().into_iter();
        checks
            .filter(|it| it.problem.is_some())
            .map(|it| it.name)
            .collect()
    }

    #[test]
    fn each_thing_that_is_wrong_has_its_own_check() {
        assert_eq!(problems(|_| {}), [""; 0]);
        let lost = problems(|it| (it.lost_bytes, it.ok) = (1, false));
        assert_eq!(lost, ["no-byte-lost"]);
        let rejected = problems(|it| (it.trace_accepted, it.ok) = (false, false));
        assert_eq!(rejected, ["trace-accepted"]);
        let ends = problems(|it| it.ok = false);
        assert_eq!(ends, ["every-way-ends-as-it-should"]);
        let leaked = problems(|it| (it.leaked_system_descriptors, it.ok) = (Some(2), false));
        assert_eq!(leaked, ["no-system-descriptor-left"]);
    }
}
