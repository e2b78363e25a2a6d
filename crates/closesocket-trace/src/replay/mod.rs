//! Replaying a trace through the shipped protocol.

mod closes;
mod handles;
mod judge;
mod machine;
mod must;
mod needs;
mod order;
mod sections;
mod socket;
mod thread;
mod words;
mod world;

use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::path::Path;

use closesocket::engine::observe::Observation;
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
    /// How many sockets have had a step judged.
    pub sockets: u64,
    /// The first thing that is wrong.
    pub first_problem: Option<Problem>,
    /// Where the recording was cut off, if it was: such a trace is never
    /// accepted, but what there is of it is judged.
    pub cut_off: Option<CutOff>,
}

impl Replay {
    /// Whether nothing is wrong with what could be judged, and something could.
    /// Of a recording that was cut off this is all that can be said: every step
    /// that was judged is one of the protocol and keeps every invariant. What
    /// would be left at its end is not known.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let judged = self.cut_off.as_ref().is_none_or(|it| it.judged > 0);
        self.first_problem.is_none() && judged
    }
}

/// Where a recording was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutOff {
    /// The line that is missing, is there in part, or cannot be read. Lines
    /// count from 1.
    pub line: u64,
    /// Why the trace ends there.
    pub reason: String,
    /// How many events were judged. The others follow something that another
    /// thread has not handed over.
    pub judged: u64,
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
    /// What was judged before it, of its thread, its descriptor or its socket, in
    /// the order that was found, and itself last. If it is about the trace's end, the
    /// last of the thread or the socket of which something is left.
    #[serde(skip)]
    pub around: Vec<Record>,
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
    replaying.take(records, Orderless::Wrong);
    replaying.end(records.len() as u64, Judge::hollow)
}

/// Replays a trace file as [`replay`] does, but holds no more of it at a time
/// than lies between two cuts of the recorder, or two such parts where
/// something was told late. A trace without cuts is held whole.
///
/// A recording that was cut off, since its program crashed or was killed, is
/// judged as far as it goes: up to its last complete line, and without what must
/// hold at the end. [`Replay::cut_off`] says where that is.
///
/// # Errors
/// [`ReadError`] if it cannot be read or is no trace, unless what comes before is
/// rejected already.
pub fn replay_file(path: &Path) -> Result<Replay, ReadError> {
    let mut reader = Reader::open(path)?;
    let mut replaying = Replaying::new();
    let cut_off = match replaying.follow(&mut reader) {
        Ok(None) => return Ok(replaying.end(reader.events(), Judge::hollow)),
        Ok(Some(line)) => CutOff {
            line,
            reason: "the recording ends without its last line".to_owned(),
            judged: replaying.judged,
        },
        // What was wrong before stays wrong.
        Err(error) if replaying.first.is_some() => CutOff {
            line: error.line(),
            reason: error.to_string(),
            judged: replaying.judged,
        },
        Err(error) => return Err(error),
    };
    Ok(replaying.end_cut_off(reader.events(), cut_off))
}

/// Replays one execution under a tool that runs one thread at a time: what was
/// observed, each with the number of its thread. The order is nearly that of
/// the steps (a commit is told a little after its instruction), so as with
/// [`replay`] it only says where to look first. An execution may be as small as
/// it likes.
#[must_use]
pub fn replay_execution(observations: &[(u32, Observation)]) -> Replay {
    let mut replaying = Replaying::new();
    replaying.take(&records_of(observations), Orderless::Wrong);
    replaying.end(observations.len() as u64, |_| None)
}

/// The records of such an execution, as [`to_text`](crate::to_text) writes them and
/// [`replay_file`] reads them: the threads are numbered from 0 as they come.
#[must_use]
pub fn records_of(observations: &[(u32, Observation)]) -> Vec<Record> {
    let mut threads: HashMap<u32, u32> = HashMap::new();
    let mut numbers: HashMap<u32, u64> = HashMap::new();
    let records = (1..)
        .zip(observations)
        .map(|(nanos, &(thread, observation))| {
            let next = u32::try_from(threads.len()).unwrap_or(u32::MAX);
            let thread = *threads.entry(thread).or_insert(next);
            let number = numbers.entry(thread).or_default();
            *number += 1;
            Record {
                thread,
                number: *number,
                nanos,
                observation,
            }
        });
    records.collect()
}

/// What it means if no order of a part is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Orderless {
    /// What is missing may come with the next part: nothing is judged yet.
    Left,
    /// The trace is rejected.
    Wrong,
    /// What is missing may have been lost: what can be ordered is judged.
    Lost,
}

/// A replay on its way.
struct Replaying {
    judge: Judge,
    first: Option<Problem>,
    /// How many events were put in order and judged.
    judged: u64,
}

impl Replaying {
    fn new() -> Self {
        Self {
            judge: Judge::new(),
            first: None,
            judged: 0,
        }
    }

    /// Orders and judges a file, part by part. Returns the line at which it was
    /// cut off.
    fn follow<R: BufRead>(&mut self, reader: &mut Reader<R>) -> Result<Option<u64>, ReadError> {
        let mut part = Vec::new();
        // A thread that was stopped between a step and telling of it has told it
        // behind the cut: a part of which no order is found waits for the next.
        let mut waits = false;
        loop {
            let read = reader.part(&mut part);
            let ends = read.is_err() || reader.cut_off().is_some();
            let orderless = match &read {
                _ if ends => Orderless::Lost,
                Ok(true) if !waits => Orderless::Left,
                _ => Orderless::Wrong,
            };
            // Rejected already: the rest is read, to see that it is a trace.
            waits = self.first.is_none() && !self.take(&part, orderless);
            if !waits {
                part.clear();
            }
            if !read? {
                return Ok(reader.cut_off());
            }
        }
    }

    /// Orders and judges what follows. False if it was left.
    fn take(&mut self, records: &[Record], orderless: Orderless) -> bool {
        let found = order::find(records, &self.judge.reached);
        if found.stuck.is_some() && orderless == Orderless::Left {
            return false;
        }
        let ordered = found.order.iter().map(|index| records[*index]);
        self.first = self.judge.run(ordered);
        if self.first.is_some() {
            return true;
        }
        self.judged += found.order.len() as u64;
        self.first = match found.stuck {
            Some((index, reason)) if orderless == Orderless::Wrong => {
                Some(self.judge.problem(&records[index], reason))
            }
            Some(_) => self.judge.impossible(records, &found.order),
            None => None,
        };
        true
    }

    /// `more` is asked at the end of a sound trace.
    fn end(mut self, events: u64, more: impl FnOnce(&Judge) -> Option<Problem>) -> Replay {
        let first = self.first.take();
        let first = first.or_else(|| self.judge.end());
        let first = first.or_else(|| more(&self.judge));
        self.judge.verdict(events, first)
    }

    /// What can be said of a recording that was cut off.
    fn end_cut_off(mut self, events: u64, cut_off: CutOff) -> Replay {
        let first = self.first.take();
        Replay {
            accepted: false,
            cut_off: Some(cut_off),
            ..self.judge.verdict(events, first)
        }
    }
}
