//! The lines of a trace file, as serde writes and reads them. `docs/trace.md`
//! documents them.

use closesocket::engine::observe::Observation;
use serde::{Deserialize, Serialize};

use crate::Record;

/// The version of the format.
pub(crate) const SCHEMA: u32 = 2;
/// What the header says it is.
pub(crate) const NAME: &str = "closesocket";

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) schema: u32,
    pub(crate) trace: String,
}

/// A line that is no record and counts those before it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Mark {
    /// Nobody was at work here: what comes later happened later.
    Cut { events: u64 },
    /// The last line.
    End { events: u64 },
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    thread: u32,
    number: u64,
    nanos: u64,
    did: Observation,
}

impl From<Record> for Line {
    fn from(record: Record) -> Self {
        Self {
            thread: record.thread,
            number: record.number,
            nanos: record.nanos,
            did: record.observation,
        }
    }
}

impl From<Line> for Record {
    fn from(line: Line) -> Self {
        Self {
            thread: line.thread,
            number: line.number,
            nanos: line.nanos,
            observation: line.did,
        }
    }
}
