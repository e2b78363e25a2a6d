//! What a search says.

use std::any::Any;
use std::io;
use std::path::PathBuf;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Report<S, A> {
    /// Whether everything was explored, or why not.
    pub ending: Ending,
    /// Unique states.
    pub unique_states: usize,
    /// Transitions, those into known states too.
    pub transitions: usize,
    /// Steps to the state that is furthest from a start.
    pub depth: usize,
    /// The nearest of each finding, by number.
    pub found: Vec<Found<S, A>>,
    /// What the tables of this process take at the end.
    pub table_bytes: usize,
    /// Of the unique states, those that this process owns.
    pub own_states: usize,
}

impl<S, A> Report<S, A> {
    /// Whether everything was explored: only then it says anything of what was not
    /// found.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.ending == Ending::Complete
    }
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Everything was explored.
    Complete,
    /// With the first finding, as was asked for.
    Found,
    /// At the limit of states.
    States,
    /// At the limit of time.
    Time,
    /// At the limit of memory.
    Memory,
}

/// A finding, as near to a start as any of its number.
#[derive(Clone, Debug)]
pub struct Found<S, A> {
    /// Its place in [`Findings`](crate::Findings).
    pub number: usize,
    /// Steps from a start to where it is.
    pub depth: usize,
    /// The way there; `None` without [`Options::paths`](crate::Options), or if it
    /// could not be walked again: two states have one fingerprint, or the space
    /// gives other steps than before.
    pub path: Option<Path<S, A>>,
}

impl<S, A> Path<S, A> {
    /// The same way, with other words for its actions.
    pub fn map<B>(self, mut word: impl FnMut(A) -> B) -> Path<S, B> {
        let steps = self.steps.into_iter();
        Path {
            start: self.start,
            steps: steps.map(|(action, to)| (word(action), to)).collect(),
        }
    }
}

/// A way through the space.
#[derive(Clone, Debug)]
pub struct Path<S, A> {
    /// Where it begins.
    pub start: S,
    /// Each step, and the state after it.
    pub steps: Vec<(A, S)>,
}

/// Why a search came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The limit of [`Limits::memory`](crate::Limits), for those who make it an error.
    #[error("the search needs more than the {0} bytes that it may take")]
    OutOfMemory(usize),
    /// The space, or the search itself, panicked.
    #[error("a worker panicked: {0}")]
    Panicked(String),
    /// Another process ended, or cannot be reached any more.
    #[error("process {0} went away before the search was over")]
    Lost(usize),
    /// The others did not come, or are no search of the same.
    #[error("{0}")]
    Meeting(String),
    /// The checkpoint is of another search, or none at all.
    #[error("{} {}", file.display(), why)]
    NotThis {
        /// The file.
        file: PathBuf,
        /// Why it cannot be taken up.
        why: &'static str,
    },
    /// The checkpoint cannot be read or written.
    #[error("{}: {}", file.display(), error)]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl Failure {
    /// What a panic said.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref().copied());
        Self::Panicked(text.unwrap_or("it did not say why").to_owned())
    }
}
