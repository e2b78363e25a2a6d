//! Threads for calls that may block, used again when their call has returned.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use closesocket::engine::Error;

use super::lock;
use crate::call::Answer;

/// What a call comes to; `None` if it is overlapped and was started.
pub(super) type Returned = Result<Option<Answer>, Error>;

/// What a worker tells of its job.
pub(super) enum News {
    /// It was begun by the thread of this number.
    Began(u64, u64),
    /// It has entered a descriptor and stands at its gate.
    Entered(u64),
    /// Its call has returned.
    Returned(u64, Returned),
}

type Job = Box<dyn FnOnce() + Send>;

/// Idle threads. Clones are the same pool.
#[derive(Clone, Default)]
pub struct Workers(Arc<Mutex<Vec<Sender<Job>>>>);

impl Workers {
    /// Runs the job on a thread of its own.
    pub(super) fn run(&self, job: Job) {
        let idle = lock(&self.0).pop();
        // A worker never ends before its sender is gone, so this arrives.
        let _ = idle.unwrap_or_else(|| self.hire()).send(job);
    }

    fn hire(&self) -> Sender<Job> {
        let (sender, jobs) = channel::<Job>();
        let (idle, myself) = (self.clone(), sender.clone());
        thread::spawn(move || {
            for job in jobs {
                job();
                lock(&idle.0).push(myself.clone());
            }
        });
        sender
    }
}
