//! What was seen of the connections, summed up.

use std::time::Instant;

use super::connection::Connection;
use super::elsewhere::Ends;
use super::peer::End;
use super::schedule::Ending;
use crate::found::run::{RunReport, WayReport};
use crate::report::count;

/// The sums of all workers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What the reports of all runs have.
    pub(super) run: RunReport,
    pub(super) open: u64,
    /// The most that were open at once.
    pub(super) most_open: u64,
    /// Closes that were refused because they would have blocked.
    pub(super) would_blocks: u64,
    /// Operations that ended with the abort of their close, and only once.
    pub(super) aborted: u64,
    /// When the last worker had its last completion.
    pub(super) finished: Option<Instant>,
}

impl Tally {
    pub(super) fn problem(&mut self, problem: String) {
        self.run.unexpected_results += 1;
        self.run.first_problem.get_or_insert(problem);
    }

    /// A connection was opened.
    pub(super) fn opened(&mut self) {
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
    }

    /// A connection could not be ended as planned.
    pub(super) fn fail(&mut self, connection: &Connection, problem: &str) {
        self.ended();
        let schedule = &connection.schedule;
        self.problem(format!(
            "connection {}: {problem}; its schedule: {schedule:?}",
            connection.number()
        ));
    }

    /// A connection has ended.
    pub(super) fn close(&mut self, connection: &Connection) {
        let missing = connection.operations.len() as u64;
        self.run.missing_completions += missing;
        self.run.double_completions += connection.doubles;
        self.would_blocks += u64::from(connection.would_block);
        self.aborted += connection.aborted.saturating_sub(connection.doubles);
        let judged = connection.judge();
        self.run.lost_bytes += judged.lost;
        match judged.problem {
            Some(problem) => self.fail(connection, &problem),
            None if missing > 0 => {
                let missing = count(missing, "operation");
                self.fail(connection, &format!("{missing} never completed"));
            }
            None => self.ended(),
        }
        let sum = self.way(connection.schedule.ending);
        sum.connections += 1;
        sum.unacknowledged_at_commit += u64::from(connection.unacknowledged);
        sum.accepted_bytes += connection.accepted;
        if let Some(peer) = &connection.peer {
            sum.received_bytes += peer.received;
            match peer.end {
                End::Fin => sum.fins += 1,
                End::Reset => sum.resets += 1,
                End::Gone | End::Elsewhere | End::Broken(_) => {}
            }
        }
    }

    /// Peers in another process have seen their connections end so.
    pub(super) fn count_ends(&mut self, ends: Ends) {
        let sum = self.way(Ending::Crowd);
        sum.fins += ends.fins;
        sum.resets += ends.resets;
    }

    fn ended(&mut self) {
        self.open -= 1;
        self.run.connections += 1;
    }

    /// The sums of a way to close. They are in the order of the names.
    fn way(&mut self, ending: Ending) -> &mut WayReport {
        let (ways, way) = (&mut self.run.ways, ending.name());
        let place = ways.binary_search_by_key(&way, |it| it.way);
        let place = place.unwrap_or_else(|place| {
            let none = WayReport {
                way,
                ..WayReport::default()
            };
            ways.insert(place, none);
            place
        });
        &mut ways[place]
    }
}
