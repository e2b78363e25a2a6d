//! The strict reader of trace files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::Record;
use crate::wire::{Footer, Header, Line, NAME, SCHEMA};

/// Why a file is not a trace. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read.
    #[error("line {line}: the trace could not be read: {source}")]
    Io {
        /// The line that was to be read.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The first line is not the header of a trace.
    #[error("line 1: this is no trace: {reason}")]
    Header {
        /// What is wrong with it.
        reason: String,
    },
    /// The trace was written in another version of the format.
    #[error("line 1: the trace has schema {found}, this reader knows {SCHEMA}")]
    Schema {
        /// The version of the file.
        found: u32,
    },
    /// A line is not a record of the documented form.
    #[error("line {line}: this is no record: {reason}")]
    Line {
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The records of a thread are not numbered from 1 without a gap.
    #[error("line {line}: thread {thread} goes on with record {found} where {expected} is due")]
    Number {
        /// The line.
        line: u64,
        /// The thread.
        thread: u32,
        /// The number that is due.
        expected: u64,
        /// The number of the record.
        found: u64,
    },
    /// The trace has no last line: its recording was cut off.
    #[error("line {line}: the trace ends without its last line; its recording was cut off")]
    Truncated {
        /// The line that is missing.
        line: u64,
    },
    /// Something follows the last line.
    #[error("line {line}: something follows the last line of the trace")]
    AfterEnd {
        /// The line.
        line: u64,
    },
    /// The last line counts other records than there are.
    #[error("line {line}: the trace says it has {said} events, but it has {found}")]
    Count {
        /// The line.
        line: u64,
        /// What the last line says.
        said: u64,
        /// How many there are.
        found: u64,
    },
}

/// Reads a trace file.
///
/// # Errors
/// [`ReadError`] if it cannot be read or is not a complete trace.
pub fn read_file(path: &Path) -> Result<Vec<Record>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { line: 1, source })?;
    read(BufReader::new(file))
}

/// Reads a trace.
///
/// # Errors
/// [`ReadError`] if it cannot be read or is not a complete trace.
pub fn read(from: impl BufRead) -> Result<Vec<Record>, ReadError> {
    let mut lines = (1_u64..).zip(from.lines());
    let mut next = move || match lines.next() {
        None => Ok(None),
        Some((line, Ok(text))) => Ok(Some((line, text))),
        Some((line, Err(source))) => Err(ReadError::Io { line, source }),
    };
    header(next()?.map(|(_, text)| text).unwrap_or_default().as_str())?;
    let mut records = Vec::new();
    let mut numbers = HashMap::new();
    let mut last = 1;
    while let Some((line, text)) = next()? {
        last = line;
        if let Ok(Footer { end }) = serde_json::from_str(&text) {
            let found = records.len() as u64;
            if end.events != found {
                let said = end.events;
                return Err(ReadError::Count { line, said, found });
            }
            return match next()? {
                None => Ok(records),
                Some((line, _)) => Err(ReadError::AfterEnd { line }),
            };
        }
        let record = record(line, &text)?;
        let number = numbers.entry(record.thread).or_insert(0);
        *number += 1;
        if record.number != *number {
            return Err(ReadError::Number {
                line,
                thread: record.thread,
                expected: *number,
                found: record.number,
            });
        }
        records.push(record);
    }
    Err(ReadError::Truncated { line: last + 1 })
}

fn header(text: &str) -> Result<(), ReadError> {
    let no_header = |reason: String| ReadError::Header { reason };
    let header: Header =
        serde_json::from_str(text).map_err(|error| no_header(error.to_string()))?;
    if header.trace != NAME {
        return Err(no_header(format!("it is a trace of `{}`", header.trace)));
    }
    if header.schema != SCHEMA {
        return Err(ReadError::Schema {
            found: header.schema,
        });
    }
    Ok(())
}

fn record(line: u64, text: &str) -> Result<Record, ReadError> {
    match serde_json::from_str::<Line>(text) {
        Ok(record) => Ok(record.into()),
        Err(error) => Err(ReadError::Line {
            line,
            reason: error.to_string(),
        }),
    }
}
