//! What a command says when somebody ends it before it is through: what it has done so
//! far, and that this is not all.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::Term;

use crate::file;
use crate::out::errln;
use crate::report::{count, grouped};

/// The parts that were begun, in their order.
static PARTS: Mutex<Vec<Arc<Part>>> = Mutex::new(Vec::new());
/// Files that nobody needs when the command is over.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A part of a command's work, done thing by thing.
#[derive(Debug)]
pub(crate) struct Part {
    /// What there are several of, in the singular, as in `scenario`.
    thing: &'static str,
    /// What is done with each, as in `explored`.
    done_to_it: &'static str,
    /// How many there are, if that is known.
    all: Option<usize>,
    done: AtomicU64,
    /// States that were found, where there are some.
    states: AtomicU64,
    /// What is to be known of those that are done, a line each.
    notes: Mutex<Vec<String>>,
}

impl Part {
    /// Begins a part.
    pub(crate) fn begin(
        thing: &'static str,
        done_to_it: &'static str,
        all: Option<usize>,
    ) -> Arc<Self> {
        let part = Arc::new(Self {
            thing,
            done_to_it,
            all,
            done: AtomicU64::new(0),
            states: AtomicU64::new(0),
            notes: Mutex::new(Vec::new()),
        });
        lock(&PARTS).push(Arc::clone(&part));
        part
    }

    /// One more is done, of which this is to be known.
    pub(crate) fn done(&self, notes: impl IntoIterator<Item = String>) {
        self.done.fetch_add(1, Ordering::Relaxed);
        lock(&self.notes).extend(notes);
    }

    /// So many are done.
    #[cfg(connections)]
    pub(crate) fn reached(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// So many states were found since the last time; returns how many there are.
    pub(crate) fn more_states(&self, more: u64) -> u64 {
        self.states.fetch_add(more, Ordering::Relaxed) + more
    }

    /// How far it has come, in words.
    fn so_far(&self) -> String {
        let states = match self.states.load(Ordering::Relaxed) {
            0 => String::new(),
            states => format!(" ({})", count(states, "state")),
        };
        let done = self.done.load(Ordering::Relaxed);
        let things = match self.all {
            Some(all) => format!("{} of {}", grouped(done), count(all, self.thing)),
            None => count(done, self.thing),
        };
        format!("{things} {}{states}", self.done_to_it)
    }
}

/// How far all parts have come, then what is to be known of them, a line each.
fn so_far(parts: &[Arc<Part>]) -> String {
    let far: Vec<_> = parts.iter().map(|it| it.so_far()).collect();
    let far = match far.len() {
        0 => "nothing was begun".to_owned(),
        _ => far.join(", "),
    };
    let mut text = format!("interrupted: {far}: INCOMPLETE, nothing is proved");
    for part in parts {
        for note in lock(&part.notes).iter() {
            text += &format!("\n{note}");
        }
    }
    text
}

/// From now on who interrupts the command hears how far it has come. It ends as a shell
/// has it, with 128 and the number of the signal.
///
/// # Errors
/// What the system says if it has no room for that.
pub(crate) fn tell_on_signal() -> io::Result<()> {
    on_signal(|signal| {
        errln!("{}", so_far(&lock(&PARTS)));
        128 + signal
    })
}

/// Ends the process on the first signal to end it, with the code that the last words
/// give. No file is left half-written, and no temporary one.
#[cfg(unix)]
pub(crate) fn on_signal(last_words: impl FnOnce(i32) -> i32 + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else {
            return;
        };
        // Whoever writes a file writes it to its end; nobody begins one.
        let _written = lock(&file::WRITING);
        for it in lock(&TEMPORARY).iter() {
            let _ = std::fs::remove_file(it);
        }
        if console::user_attended_stderr() {
            // Where a bar stands.
            let _ = Term::stderr().clear_line();
        }
        std::process::exit(last_words(signal));
    });
    Ok(())
}

/// Where there are no signals Ctrl-C ends it, with the system's own code.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn on_signal(_: impl FnOnce(i32) -> i32 + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// The file is removed if the command is interrupted.
#[cfg(connections)]
pub(crate) fn remove(file: PathBuf) {
    lock(&TEMPORARY).push(file);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Part, so_far};

    #[test]
    fn what_was_done_is_said_of_every_part_and_then_what_is_wrong() {
        let end = ": INCOMPLETE, nothing is proved";
        assert_eq!(so_far(&[]), format!("interrupted: nothing was begun{end}"));
        let scenarios = Part::begin("scenario", "explored", Some(30));
        scenarios.done(["violated: one: an invariant".to_owned()]);
        scenarios.done(None);
        scenarios.more_states(1_200);
        scenarios.more_states(34);
        let closed = Part::begin("connection", "closed", None);
        closed.done(None);
        let said = "2 of 30 scenarios explored (1,234 states), 1 connection closed";
        let expected = format!("interrupted: {said}{end}\nviolated: one: an invariant");
        assert_eq!(so_far(&[scenarios, closed]), expected);
    }
}
