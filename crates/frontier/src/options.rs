//! What a search is asked for.

use std::path::PathBuf;
use std::time::Duration;

/// How to search.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads, each of which owns a part of the states. With several processes,
    /// in each of them.
    pub workers: usize,
    /// Keep the parent of each state, so that [`Found`](crate::Found) has a path.
    /// Takes twice the memory.
    pub paths: bool,
    /// Stop at the first finding; a search of one worker only.
    pub first_only: bool,
    /// Where the search gives up.
    pub limits: Limits,
    /// What it is a search of: what a checkpoint, or another process, must agree on.
    pub name: String,
    /// Where to keep how far it is.
    pub checkpoint: Option<Checkpoint>,
    /// The processes, if there are several.
    pub cluster: Option<Cluster>,
}

impl Default for Options {
    /// One worker, with paths, without limits.
    fn default() -> Self {
        Self {
            workers: 1,
            paths: true,
            first_only: false,
            limits: Limits::NONE,
            name: String::new(),
            checkpoint: None,
            cluster: None,
        }
    }
}

/// Where a search gives up. It then says so, and what it found is no proof.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most unique states, of all workers of this process; a batch more is
    /// looked at.
    pub states: usize,
    /// The longest that it takes, looked at now and then.
    pub time: Duration,
    /// The most bytes that its tables and queues take in this process.
    pub memory: usize,
}

impl Limits {
    /// It never gives up.
    pub const NONE: Self = Self {
        states: usize::MAX,
        time: Duration::MAX,
        memory: usize::MAX,
    };
}

/// A file that says how far a search is: taken up if it is there, written between
/// layers, and removed when the search is complete.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file. Each process has its own.
    pub file: PathBuf,
    /// The least time from one writing to the next.
    pub every: Duration,
}

/// Processes that search together.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `host:port` of each.
    pub addresses: Vec<String>,
    /// Which of them is this one.
    pub process: usize,
    /// How long the others may take to come.
    pub patience: Duration,
}

/// How far a search is, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Unique states.
    pub states: usize,
    /// Steps from a start to the states that are gone through.
    pub layer: u32,
    /// States that wait.
    pub queue: usize,
    /// What tables and queues take.
    pub bytes: usize,
}
