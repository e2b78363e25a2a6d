//! What was seen of the connections, summed up.

use std::collections::BTreeMap;

use super::super::WayReport;
use super::connection::Connection;
use super::peer::End;

/// The sums of one worker, or of all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) closed: u64,
    pub(super) ways: BTreeMap<&'static str, WayReport>,
    pub(super) lost_bytes: u64,
    pub(super) double_completions: u64,
    pub(super) missing_completions: u64,
    /// Closes that were refused because they would have blocked.
    pub(super) would_blocks: u64,
    pub(super) unexpected_results: u64,
    pub(super) first_problem: Option<String>,
}

impl Tally {
    pub(super) fn problem(&mut self, problem: String) {
        self.unexpected_results += 1;
        self.first_problem.get_or_insert(problem);
    }

    /// A connection could not be ended as planned.
    pub(super) fn fail(&mut self, connection: &Connection, problem: &str) {
        self.closed += 1;
        let schedule = &connection.schedule;
        self.problem(format!(
            "connection {}: {problem}; its schedule: {schedule:?}",
            connection.number()
        ));
    }

    /// A connection has ended.
    pub(super) fn close(&mut self, connection: &Connection) {
        let missing = connection.operations.len() as u64;
        self.missing_completions += missing;
        self.double_completions += connection.doubles;
        self.would_blocks += u64::from(connection.would_block);
        let judged = connection.judge();
        self.lost_bytes += judged.lost;
        match judged.problem {
            Some(problem) => self.fail(connection, &problem),
            None if missing > 0 => {
                self.fail(connection, &format!("{missing} operations never completed"));
            }
            None => self.closed += 1,
        }
        let name = connection.schedule.ending.name();
        let sum = self.ways.entry(name).or_default();
        sum.way = name;
        sum.connections += 1;
        sum.unacknowledged_at_commit += u64::from(connection.unacknowledged);
        sum.accepted_bytes += connection.accepted;
        if let Some(peer) = &connection.peer {
            sum.received_bytes += peer.received;
            match peer.end {
                End::Fin => sum.fins += 1,
                End::Reset => sum.resets += 1,
                End::Gone | End::Broken(_) => {}
            }
        }
    }

    /// Adds what another has seen.
    pub(super) fn add(&mut self, other: Self) {
        self.closed += other.closed;
        self.lost_bytes += other.lost_bytes;
        self.double_completions += other.double_completions;
        self.missing_completions += other.missing_completions;
        self.would_blocks += other.would_blocks;
        self.unexpected_results += other.unexpected_results;
        self.first_problem = self.first_problem.take().or(other.first_problem);
        for (name, more) in other.ways {
            let sum = self.ways.entry(name).or_default();
            sum.way = name;
            sum.connections += more.connections;
            sum.unacknowledged_at_commit += more.unacknowledged_at_commit;
            sum.accepted_bytes += more.accepted_bytes;
            sum.received_bytes += more.received_bytes;
            sum.fins += more.fins;
            sum.resets += more.resets;
        }
    }
}
