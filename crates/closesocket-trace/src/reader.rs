//! The strict reader of trace files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;

use crate::Record;
use crate::wire::{Header, Line, Mark, NAME, SCHEMA};

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
    /// A cut or the last line counts other records than there are before it.
    #[error("line {line}: the trace says it has {said} events, but it has {found}")]
    Count {
        /// The line.
        line: u64,
        /// What it says.
        said: u64,
        /// How many there are.
        found: u64,
    },
}

/// Reads a whole trace file.
///
/// # Errors
/// [`ReadError`] if it cannot be read or is not a complete trace.
pub fn read_file(path: &Path) -> Result<Vec<Record>, ReadError> {
    Reader::open(path)?.rest()
}

/// Reads a whole trace.
///
/// # Errors
/// [`ReadError`] if it cannot be read or is not a complete trace.
pub fn read(from: impl BufRead) -> Result<Vec<Record>, ReadError> {
    Reader::new(from)?.rest()
}

/// Reads a trace part by part, as it was cut.
pub(crate) struct Reader<R> {
    lines: Lines<R>,
    /// The line that was read last.
    line: u64,
    /// The last record of each thread.
    numbers: HashMap<u32, u64>,
    events: u64,
    ended: bool,
}

impl Reader<BufReader<File>> {
    /// Opens a trace file.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io { line: 1, source })?;
        Self::new(BufReader::new(file))
    }
}

impl<R: BufRead> Reader<R> {
    fn new(from: R) -> Result<Self, ReadError> {
        let mut reader = Self {
            lines: from.lines(),
            line: 0,
            numbers: HashMap::new(),
            events: 0,
            ended: false,
        };
        header(&reader.next()?.unwrap_or_default())?;
        Ok(reader)
    }

    /// The records up to the next cut; none when the trace has ended.
    pub(crate) fn part(&mut self) -> Result<Option<Vec<Record>>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let mut records = Vec::new();
        while let Some(text) = self.next()? {
            let line = self.line;
            if let Ok(mark) = serde_json::from_str(&text) {
                let (Mark::Cut { events: said } | Mark::End { events: said }) = mark;
                if said != self.events {
                    let found = self.events;
                    return Err(ReadError::Count { line, said, found });
                }
                if matches!(mark, Mark::End { .. }) {
                    self.ended = true;
                    if self.next()?.is_some() {
                        return Err(ReadError::AfterEnd { line: self.line });
                    }
                }
                return Ok(Some(records));
            }
            let record = record(line, &text)?;
            let number = self.numbers.entry(record.thread).or_insert(0);
            *number += 1;
            if record.number != *number {
                return Err(ReadError::Number {
                    line,
                    thread: record.thread,
                    expected: *number,
                    found: record.number,
                });
            }
            self.events += 1;
            records.push(record);
        }
        Err(ReadError::Truncated {
            line: self.line + 1,
        })
    }

    /// All that is left.
    fn rest(mut self) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        while let Some(mut part) = self.part()? {
            records.append(&mut part);
        }
        Ok(records)
    }

    fn next(&mut self) -> Result<Option<String>, ReadError> {
        let Some(text) = self.lines.next() else {
            return Ok(None);
        };
        self.line += 1;
        let line = self.line;
        text.map(Some)
            .map_err(|source| ReadError::Io { line, source })
    }
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
