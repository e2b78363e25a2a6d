//! The recorder: a probe that writes down what it is told.
//!
//! Each thread has a buffer of its own, so recording synchronises no two
//! threads of the engine with each other and hides no race between them: the
//! lock of a buffer is taken by its thread alone, except at the end and, if the
//! records go to a file, every [`HAND_OVER_AFTER`]. A full buffer, and that of a
//! thread that ends, is handed over: to a file as text, or to a list in memory.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use closesocket::engine::observe::{Observation, Probe};
use serde::Serialize;

use crate::Record;
use crate::wire::{Header, Line, Mark, NAME, SCHEMA};

/// Records of one thread that are handed over together.
const BATCH: usize = 1024;

/// How long records stay in memory before they go to the file, while anything is
/// told: whoever tells something then hands over what all threads have.
const HAND_OVER_AFTER: Duration = Duration::from_millis(100);

/// A probe that records. Clones are the same recorder; give one to the provider
/// and keep one to [`finish`](Recorder::finish) it.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    /// Tells recorders apart, for the threads' buffers.
    id: u64,
    origin: Instant,
    threads: AtomicU32,
    buffers: Mutex<Vec<Arc<Buffer>>>,
    sink: Mutex<Sink>,
    /// When everything has to be handed over next, in nanoseconds since the
    /// origin; never, if it does not go to a file.
    due: AtomicU64,
}

/// Where records go.
struct Sink {
    records: Vec<Record>,
    file: Option<File>,
    events: u64,
    failed: Option<io::Error>,
}

/// One thread's records that are not handed over yet.
struct Buffer {
    thread: u32,
    content: Mutex<Content>,
}

struct Content {
    number: u64,
    records: Vec<Record>,
}

fn nanos_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Records into memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::to_sink(None)
    }

    /// Records into a file, as it goes: a thread's records are handed over when
    /// there are 1,024 of them, when the thread ends, and those of all threads
    /// every 100 ms, as long as anything is told. What a program tells less than
    /// 100 ms before all its threads fall silent stays in memory until something
    /// is told again, or [`hand_over`](Self::hand_over) is called; if it crashes
    /// before, that is lost.
    ///
    /// # Errors
    /// What the system says if the file cannot be created or written.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(header().as_bytes())?;
        Ok(Self::to_sink(Some(file)))
    }

    fn to_sink(file: Option<File>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let due = match file {
            Some(_) => nanos_of(HAND_OVER_AFTER),
            None => u64::MAX,
        };
        Self(Arc::new(Shared {
            due: AtomicU64::new(due),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            origin: Instant::now(),
            threads: AtomicU32::new(1),
            buffers: Mutex::new(Vec::new()),
            sink: Mutex::new(Sink {
                records: Vec::new(),
                file,
                events: 0,
                failed: None,
            }),
        }))
    }

    /// Ends the recording and returns what was recorded in memory, thread by
    /// thread; nothing if it went to a file, which is complete then. Call it
    /// when the provider and its processes are gone: what comes later is lost.
    ///
    /// # Errors
    /// The first thing that went wrong with the file.
    pub fn finish(&self) -> io::Result<Vec<Record>> {
        for buffer in std::mem::take(&mut *lock(&self.0.buffers)) {
            self.0.hand_over(&mut lock(&buffer.content).records);
        }
        let mut sink = lock(&self.0.sink);
        let events = sink.events;
        sink.write(&line(&Mark::End { events }));
        sink.file = None;
        match sink.failed.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut sink.records)),
        }
    }
}

impl Recorder {
    /// Hands over what all threads have told so far. A program that falls silent
    /// can call it, from a timer or before it does something dangerous.
    pub fn hand_over(&self) {
        self.0.hand_over_all();
    }

    /// Cuts a trace that goes to a file, so that its replay holds no more than
    /// what lies between two cuts. Call it while no thread is in a call of the
    /// provider and nothing drains: what is told afterwards is taken to have
    /// happened afterwards. A replay forgives what is told a little late.
    pub fn cut(&self) {
        self.hand_over();
        let mut sink = lock(&self.0.sink);
        let events = sink.events;
        sink.write(&line(&Mark::Cut { events }));
    }
}

impl Probe for Recorder {
    fn observe(&self, observation: Observation) {
        let nanos = nanos_of(self.0.origin.elapsed());
        let told = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            let buffer = here.buffer(&self.0);
            self.0.push(buffer, nanos, observation);
        });
        if told.is_err() {
            // The thread is so near its end that it has no buffer any more.
            self.0.push(&self.0.new_buffer(), nanos, observation);
        }
        self.0.hand_over_if_due(nanos);
    }
}

impl Shared {
    fn new_buffer(&self) -> Arc<Buffer> {
        let buffer = Arc::new(Buffer {
            thread: self.threads.fetch_add(1, Ordering::Relaxed),
            content: Mutex::new(Content {
                number: 0,
                records: Vec::with_capacity(BATCH),
            }),
        });
        lock(&self.buffers).push(Arc::clone(&buffer));
        buffer
    }

    fn push(&self, buffer: &Buffer, nanos: u64, observation: Observation) {
        let mut content = lock(&buffer.content);
        content.number += 1;
        let record = Record {
            thread: buffer.thread,
            number: content.number,
            nanos,
            observation,
        };
        content.records.push(record);
        if content.records.len() == BATCH {
            self.hand_over(&mut content.records);
        }
    }

    /// Hands everything over if it is time, by one of those who find that it is.
    fn hand_over_if_due(&self, now: u64) {
        let due = self.due.load(Ordering::Relaxed);
        let next = now.saturating_add(nanos_of(HAND_OVER_AFTER));
        let order = Ordering::Relaxed;
        if now >= due && self.due.compare_exchange(due, next, order, order).is_ok() {
            self.hand_over_all();
        }
    }

    fn hand_over_all(&self) {
        let buffers = lock(&self.buffers).clone();
        for buffer in buffers {
            self.hand_over(&mut lock(&buffer.content).records);
        }
    }

    fn hand_over(&self, records: &mut Vec<Record>) {
        let to_file = lock(&self.sink).file.is_some();
        let mut text = String::new();
        if to_file {
            for record in &*records {
                text.push_str(&line(&Line::from(*record)));
            }
        }
        let mut sink = lock(&self.sink);
        sink.events += records.len() as u64;
        if to_file {
            sink.write(&text);
            records.clear();
        } else {
            sink.records.append(records);
        }
    }
}

impl Sink {
    fn write(&mut self, text: &str) {
        if let Some(file) = self.file.as_mut()
            && let Err(error) = file.write_all(text.as_bytes())
        {
            self.failed.get_or_insert(error);
        }
    }
}

/// The buffers of one thread, for the recorders that it has met.
#[derive(Default)]
struct Here(Vec<(u64, Weak<Shared>, Arc<Buffer>)>);

thread_local! {
    static HERE: RefCell<Here> = RefCell::default();
}

impl Here {
    fn buffer(&mut self, shared: &Arc<Shared>) -> &Buffer {
        let known = self.0.iter().position(|(id, ..)| *id == shared.id);
        let index = known.unwrap_or_else(|| {
            self.0.retain(|(_, shared, _)| shared.strong_count() > 0);
            let buffer = shared.new_buffer();
            self.0.push((shared.id, Arc::downgrade(shared), buffer));
            self.0.len() - 1
        });
        &self.0[index].2
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        for (_, shared, buffer) in self.0.drain(..) {
            if let Some(shared) = shared.upgrade() {
                shared.hand_over(&mut lock(&buffer.content).records);
                lock(&shared.buffers).retain(|it| !Arc::ptr_eq(it, &buffer));
            }
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// Writes a trace as the text of a file.
#[must_use]
pub fn to_text(records: &[Record]) -> String {
    let mut text = header();
    for record in records {
        text.push_str(&line(&Line::from(*record)));
    }
    let events = records.len() as u64;
    text.push_str(&line(&Mark::End { events }));
    text
}

fn header() -> String {
    line(&Header {
        schema: SCHEMA,
        trace: NAME.to_owned(),
    })
}

fn line(value: &impl Serialize) -> String {
    // It fails for maps with odd keys only, and there are none.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}
