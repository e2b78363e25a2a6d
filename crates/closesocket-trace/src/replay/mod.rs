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
use std::path::Path;

use closesocket::engine::Observation;
use serde::Serialize;

use crate::reader::Reader;
use crate::{ReadError, Record};
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
    let mut replaying = Replaying::new();
    replaying.take(records, Orderless::IsWrong);
    replaying.end(records.len() as u64, Judge::hollow)
}

/// Replays a trace file as [`replay`] does, but holds no more of it at a time
/// than lies between two cuts of the recorder, or two such parts where
/// something was told late. A trace without cuts is held whole.
///
/// # Errors
/// [`ReadError`] if it cannot be read or is not a complete trace.
pub fn replay_file(path: &Path) -> Result<Replay, ReadError> {
    let mut reader = Reader::open(path)?;
    let mut replaying = Replaying::new();
    let mut events = 0;
    while let Some(mut part) = reader.part()? {
        events += part.len() as u64;
        // Rejected already: the rest is read, to see that it is a trace.
        if replaying.first.is_some() || replaying.take(&part, Orderless::IsLeft) {
            continue;
        }
        // A thread that was stopped between a step and telling of it has told
        // it behind the cut.
        let mut next = reader.part()?.unwrap_or_default();
        events += next.len() as u64;
        part.append(&mut next);
        replaying.take(&part, Orderless::IsWrong);
    }
    Ok(replaying.end(events, Judge::hollow))
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
    let mut replaying = Replaying::new();
    replaying.take(&records.collect::<Vec<_>>(), Orderless::IsWrong);
    replaying.end(observations.len() as u64, |_| None)
}

/// What it means if no order of a part is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Orderless {
    /// What is missing may come with the next part: nothing is judged yet.
    IsLeft,
    /// The trace is rejected.
    IsWrong,
}

/// A replay on its way.
struct Replaying {
    judge: Judge,
    first: Option<Problem>,
}

impl Replaying {
    fn new() -> Self {
        Self {
            judge: Judge::new(),
            first: None,
        }
    }

    /// Orders and judges what follows. False if it was left.
    fn take(&mut self, records: &[Record], orderless: Orderless) -> bool {
        let found = order::find(records, &self.judge.reached);
        if found.stuck.is_some() && orderless == Orderless::IsLeft {
            return false;
        }
        let ordered = found.order.iter().map(|index| records[*index]);
        self.first = self.judge.run(ordered);
        if self.first.is_none()
            && let Some((index, reason)) = found.stuck
        {
            self.first = Some(self.judge.problem(&records[index], reason));
        }
        true
    }

    /// `more` is asked at the end of a sound trace.
    fn end(mut self, events: u64, more: impl FnOnce(&Judge) -> Option<Problem>) -> Replay {
        let first = self.first.take();
        let first = first.or_else(|| self.judge.end());
        let first = first.or_else(|| more(&self.judge));
        self.judge.verdict(events, first)
    }
}
