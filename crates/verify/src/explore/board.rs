//! What the searches have found, each made once, when somebody asks for it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use closesocket_models::Progress as Far;

use crate::check::{Job, judge_plainly};
use crate::found::check::ScenarioReport;
use crate::suite::suite;

/// The largest scenario that is searched without being asked for, in states. The
/// others would take memory and time from who only wants to look.
pub(super) const LARGEST: usize = 100_000;

/// Everything that can be explored, the scenarios first.
pub(super) struct Board {
    pub(super) entries: Vec<Arc<Entry>>,
    /// How many searches can begin.
    free: Mutex<usize>,
    /// One has ended.
    ended: Condvar,
    looked_at: AtomicBool,
}

/// A scenario, or a defect in its scenario.
pub(super) struct Entry {
    pub(super) job: Job,
    asked_for: AtomicBool,
    /// States that its search has found so far.
    states: AtomicUsize,
    /// `None` if the search broke off.
    report: OnceLock<Option<ScenarioReport>>,
}

/// How far the search of an entry has come.
pub(super) enum Progress<'a> {
    /// Nobody has asked for it.
    Unasked,
    /// It has found so many states; 0 if it waits for others to end.
    Searching(usize),
    /// It broke off: nothing is known.
    Failed,
    Done(&'a ScenarioReport),
}

impl Entry {
    const fn new(job: Job) -> Self {
        Self {
            job,
            asked_for: AtomicBool::new(false),
            states: AtomicUsize::new(0),
            report: OnceLock::new(),
        }
    }

    pub(super) fn progress(&self) -> Progress<'_> {
        match self.report.get() {
            Some(Some(report)) => Progress::Done(report),
            Some(None) => Progress::Failed,
            None if self.asked_for.load(Ordering::Relaxed) => {
                Progress::Searching(self.states.load(Ordering::Relaxed))
            }
            None => Progress::Unasked,
        }
    }

    pub(super) fn report(&self) -> Option<&ScenarioReport> {
        self.report.get().and_then(Option::as_ref)
    }

    /// Whether it is searched without being asked for.
    pub(super) const fn is_small(&self) -> bool {
        self.job.scenario.states <= LARGEST
    }
}

impl Board {
    /// Everything, of which nothing is known yet.
    pub(super) fn new() -> Arc<Self> {
        let (scenarios, defects) = (suite().scenarios.iter(), suite().defects.iter());
        let defects = defects.filter_map(|it| Job::with(it).ok());
        let jobs = scenarios.map(Job::plain).chain(defects);
        // A core is left for who looks, if there is one.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            entries: jobs.map(|it| Arc::new(Entry::new(it))).collect(),
            free: Mutex::new(cores.saturating_sub(1).max(1)),
            ended: Condvar::new(),
            looked_at: AtomicBool::new(false),
        })
    }

    /// The entry of a scenario without a defect, or of a defect.
    pub(super) fn find(&self, is_defect: bool, name: &str) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|it| match it.job.defect {
            None => !is_defect && it.job.scenario.name == name,
            Some(defect) => is_defect && defect.name == name,
        })
    }

    /// Searches the small ones, the smallest first; the first time only.
    pub(super) fn search_small(self: &Arc<Self>) {
        if self.looked_at.swap(true, Ordering::Relaxed) {
            return;
        }
        let small = self.entries.iter().filter(|it| it.is_small());
        let mut small: Vec<_> = small.cloned().collect();
        small.sort_by_key(|it| it.job.scenario.states);
        let board = Arc::clone(self);
        thread::spawn(move || {
            for entry in small {
                if !entry.asked_for.swap(true, Ordering::Relaxed) {
                    board.judge(&entry);
                }
            }
        });
    }

    /// Searches an entry, if nobody has asked for it yet, and waits a little for the
    /// end.
    pub(super) fn search(self: &Arc<Self>, entry: &Arc<Entry>, patience: Duration) {
        if !entry.asked_for.swap(true, Ordering::Relaxed) {
            let (board, entry) = (Arc::clone(self), Arc::clone(entry));
            thread::spawn(move || board.judge(&entry));
        }
        let begin = Instant::now();
        let mut free = self.free();
        while entry.report.get().is_none() {
            let Some(left) = patience.checked_sub(begin.elapsed()) else {
                return;
            };
            let waited = self.ended.wait_timeout(free, left);
            free = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn free(&self) -> MutexGuard<'_, usize> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Searches an entry when there is room for one more search.
    fn judge(&self, entry: &Entry) {
        let mut free = self.free();
        while *free == 0 {
            let waited = self.ended.wait(free);
            free = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let ends = Ends { board: self, entry };
        let watch = |far: &Far| entry.states.store(far.states, Ordering::Relaxed);
        let report = judge_plainly(&entry.job, &watch);
        let _ = entry.report.set(Some(report));
        drop(ends);
    }
}

/// Makes room for the next search, however this one ends.
struct Ends<'a> {
    board: &'a Board,
    entry: &'a Entry,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        // After a panic of the search nothing is there yet.
        let _ = self.entry.report.set(None);
        *self.board.free() += 1;
        self.board.ended.notify_all();
    }
}
