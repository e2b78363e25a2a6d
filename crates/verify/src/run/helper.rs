//! A second thread for calls that block while something is done to them.

use std::cell::Cell;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::system::{PATIENCE, Process};

type Job = Box<dyn FnOnce() + Send>;

/// A thread that makes calls for another one.
pub(super) struct Helper {
    jobs: Option<Sender<Job>>,
    handle: Option<JoinHandle<()>>,
    /// A call has not returned: no other can be made.
    stuck: Cell<bool>,
    /// What the engine calls it.
    pub(super) thread: u64,
}

/// A call that the helper makes.
pub(super) struct Pending<R>(Receiver<R>);

impl Helper {
    /// # Errors
    /// In words, if there is no thread to be had.
    pub(super) fn start() -> Result<Self, String> {
        let (jobs, incoming) = mpsc::channel::<Job>();
        let handle = thread::Builder::new()
            .spawn(move || incoming.iter().for_each(|job| job()))
            .map_err(|error| error.to_string())?;
        let mut helper = Self {
            jobs: Some(jobs),
            handle: Some(handle),
            stuck: Cell::new(false),
            thread: 0,
        };
        helper.thread = helper.wait(&helper.make(Process::current_thread))?;
        Ok(helper)
    }

    /// Has the helper make this call.
    pub(super) fn make<R: Send + 'static>(
        &self,
        call: impl FnOnce() -> R + Send + 'static,
    ) -> Pending<R> {
        let (answer, answers) = mpsc::channel();
        let job = Box::new(move || {
            let result = call();
            // Nobody waits only if the run has given up.
            let _ = answer.send(result);
        });
        if let Some(jobs) = &self.jobs {
            // If the thread is gone, so is the answer's sender.
            let _ = jobs.send(job);
        }
        Pending(answers)
    }

    /// Waits until a call has returned.
    ///
    /// # Errors
    /// In words, if it does not.
    pub(super) fn wait<R>(&self, call: &Pending<R>) -> Result<R, String> {
        let patience = if self.stuck.get() {
            Duration::ZERO
        } else {
            PATIENCE
        };
        call.0.recv_timeout(patience).map_err(|_| {
            self.stuck.set(true);
            "a blocked call did not return".to_owned()
        })
    }

    /// Cancels what the helper is blocked in, as soon as it is.
    ///
    /// # Errors
    /// In words, if the call does not end.
    pub(super) fn cancel<R>(&self, process: &Process, call: &Pending<R>) -> Result<R, String> {
        let pause = Duration::from_micros(50);
        let mut waited = Duration::ZERO;
        loop {
            process.cancel_blocking_call(self.thread);
            if let Ok(answer) = call.0.recv_timeout(pause) {
                return Ok(answer);
            }
            waited += pause;
            if waited > PATIENCE || self.stuck.get() {
                self.stuck.set(true);
                return Err("a cancelled call did not return".to_owned());
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.jobs = None;
        // One that is stuck is left behind, and counted as leaked.
        if let Some(handle) = self.handle.take()
            && !self.stuck.get()
        {
            // A panic was reported by its thread.
            let _ = handle.join();
        }
    }
}
