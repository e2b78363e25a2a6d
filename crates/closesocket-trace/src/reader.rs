//! The strict reader of trace files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use crate::Record;
use crate::wire::{Header, Line, Mark, NAME, SCHEMA};

/// The longest line of a trace, in bytes. The longest that a recorder writes has
/// less than 1,000; what has more is something else, and may never end.
const LONGEST_LINE: u64 = 16 * 1024;

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
    /// A line has more bytes than a trace's can have: it is not looked at further.
    #[error("line {line}: it is no line of a trace: it has more than {limit} bytes")]
    TooLong {
        /// The line.
        line: u64,
        /// The most bytes that a line can have.
        limit: u64,
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

impl ReadError {
    /// The line that is wrong.
    #[must_use]
    pub const fn line(&self) -> u64 {
        match self {
            Self::Header { .. } | Self::Schema { .. } => 1,
            Self::Io { line, .. }
            | Self::Line { line, .. }
            | Self::TooLong { line, .. }
            | Self::Number { line, .. }
            | Self::Truncated { line }
            | Self::AfterEnd { line }
            | Self::Count { line, .. } => *line,
        }
    }
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
    from: R,
    /// The line that was read last.
    line: u64,
    /// The last record of each thread.
    numbers: HashMap<u32, u64>,
    events: u64,
    end: End,
}

/// How the trace has ended, as far as it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    /// By its last line.
    Whole,
    /// Without it: this line is missing, or is there in part.
    CutOff(u64),
}

/// A line, without its break.
struct Text {
    bytes: Vec<u8>,
    /// It had its break.
    whole: bool,
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
            from,
            line: 0,
            numbers: HashMap::new(),
            events: 0,
            end: End::NotYet,
        };
        let first = reader.next()?;
        header(&first.map(|it| it.bytes).unwrap_or_default())?;
        Ok(reader)
    }

    /// How many records were read.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// The line at which the recording was cut off, if it was, as far as it was
    /// read.
    pub(crate) const fn cut_off(&self) -> Option<u64> {
        match self.end {
            End::CutOff(line) => Some(line),
            End::NotYet | End::Whole => None,
        }
    }

    /// Appends the records up to the next cut, or to the end. False if there is
    /// nothing more. What was read before an error is appended too.
    pub(crate) fn part(&mut self, records: &mut Vec<Record>) -> Result<bool, ReadError> {
        if self.end != End::NotYet {
            return Ok(false);
        }
        while let Some(text) = self.next()? {
            let line = self.line;
            if let Ok(mark) = serde_json::from_slice(&text.bytes) {
                self.mark(mark)?;
                return Ok(true);
            }
            let record = match record(line, &text.bytes) {
                // The last line, of which only a part was written.
                Err(_) if !text.whole => {
                    self.end = End::CutOff(line);
                    return Ok(true);
                }
                record => record?,
            };
            self.count(&record)?;
            records.push(record);
        }
        self.end = End::CutOff(self.line + 1);
        Ok(true)
    }

    /// A cut, or the last line.
    fn mark(&mut self, mark: Mark) -> Result<(), ReadError> {
        let (Mark::Cut { events: said } | Mark::End { events: said }) = mark;
        let (line, found) = (self.line, self.events);
        if said != found {
            return Err(ReadError::Count { line, said, found });
        }
        if matches!(mark, Mark::End { .. }) {
            self.end = End::Whole;
            if self.next()?.is_some() {
                return Err(ReadError::AfterEnd { line: self.line });
            }
        }
        Ok(())
    }

    fn count(&mut self, record: &Record) -> Result<(), ReadError> {
        let number = self.numbers.entry(record.thread).or_insert(0);
        *number += 1;
        if record.number != *number {
            return Err(ReadError::Number {
                line: self.line,
                thread: record.thread,
                expected: *number,
                found: record.number,
            });
        }
        self.events += 1;
        Ok(())
    }

    /// All that is left, of a trace that must be whole.
    fn rest(mut self) -> Result<Vec<Record>, ReadError> {
        let mut records = Vec::new();
        while self.part(&mut records)? {}
        match self.cut_off() {
            Some(line) => Err(ReadError::Truncated { line }),
            None => Ok(records),
        }
    }

    fn next(&mut self) -> Result<Option<Text>, ReadError> {
        let line = self.line + 1;
        let mut bytes = Vec::new();
        // One more, so that the longest line can have its break.
        let mut bounded = self.from.by_ref().take(LONGEST_LINE + 1);
        let read = bounded.read_until(b'\n', &mut bytes);
        if read.map_err(|source| ReadError::Io { line, source })? == 0 {
            return Ok(None);
        }
        self.line = line;
        let whole = bytes.last() == Some(&b'\n');
        if whole {
            bytes.pop();
        } else if bytes.len() as u64 > LONGEST_LINE {
            let limit = LONGEST_LINE;
            return Err(ReadError::TooLong { line, limit });
        }
        Ok(Some(Text { bytes, whole }))
    }
}

fn header(text: &[u8]) -> Result<(), ReadError> {
    let no_header = |reason: String| ReadError::Header { reason };
    let header: Header =
        serde_json::from_slice(text).map_err(|error| no_header(error.to_string()))?;
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

fn record(line: u64, text: &[u8]) -> Result<Record, ReadError> {
    match serde_json::from_slice::<Line>(text) {
        Ok(record) => Ok(record.into()),
        Err(error) => Err(ReadError::Line {
            line,
            reason: error.to_string(),
        }),
    }
}
