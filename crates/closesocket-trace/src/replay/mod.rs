//! Replaying a trace through the shipped protocol.

mod closes;
mod handles;
mod judge;
mod machine;
mod needs;
mod order;
mod sections;
mod socket;
mod thread;
mod words;
mod world;

use std::collections::HashMap;
use std::fmt;

use closesocket::engine::Observation;
use serde::Serialize;

use crate::Record;
use judge::Judge;

/// What a step comes to; the reason in words.
type Verdict = Result<(), String>;

/// The verdict on a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// There is an order of what was recorded that the protocol allows, every
    /// step of it keeps every invariant, and nothing is left at its end.
    pub accepted: bool,
    /// How many events the trace has.
    pub events: u64,
    /// How many connections were followed to their end; of a rejected trace,
    /// before its first problem.
    pub connections: u64,
    /// The first thing that is wrong.
    pub first_problem: Option<Problem>,
}

/// The first thing in a trace that no order allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The thread that did it; none if it is about the trace's end.
    pub thread: Option<u32>,
    /// The number of its record there.
    pub number: Option<u64>,
    /// What it did.
    pub event: Option<String>,
    /// Why that is impossible.
    pub reason: String,
    /// The state before it, in words.
    pub state: Vec<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.event, self.thread, self.number) {
            (Some(event), Some(thread), Some(number)) => {
                write!(
                    f,
                    "thread {thread}, event {number}: {event}: {}",
                    self.reason
                )?;
            }
            _ => write!(f, "{}", self.reason)?,
        }
        for line in &self.state {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

/// Replays a trace as the recorder gave it: looks for an order that respects
/// each thread's order, each cell's numbers and each word's history, and judges
/// it. Timestamps only say where to look first.
#[must_use]
pub fn replay(records: &[Record]) -> Replay {
    judge(records, Judge::hollow)
}

/// Replays one execution under a tool that runs one thread at a time: what was
/// observed, each with the number of its thread. The order is nearly that of
/// the steps (a commit is told a little after its instruction), so as with
/// [`replay`] it only says where to look first. An execution may be as small as
/// it likes.
#[must_use]
pub fn replay_execution(observations: &[(u32, Observation)]) -> Replay {
    let mut numbers: HashMap<u32, u64> = HashMap::new();
    let records = (1..)
        .zip(observations)
        .map(|(nanos, &(thread, observation))| {
            let number = numbers.entry(thread).or_default();
            *number += 1;
            Record {
                thread,
                number: *number,
                nanos,
                observation,
            }
        });
    judge(&records.collect::<Vec<_>>(), |_| None)
}

/// Finds an order and judges it; `more` is asked at the end of a sound trace.
fn judge(records: &[Record], more: impl FnOnce(&Judge) -> Option<Problem>) -> Replay {
    let found = order::find(records);
    let mut judge = Judge::new();
    let mut first = judge.run(found.order.iter().map(|index| records[*index]));
    if first.is_none()
        && let Some((index, reason)) = found.stuck
    {
        first = Some(judge.problem(&records[index], reason));
    }
    let first = first.or_else(|| judge.end()).or_else(|| more(&judge));
    judge.verdict(records.len(), first)
}
