//! What is measured, for criterion and for the table of ratios alike.

pub(crate) mod ratios;
pub(crate) mod world;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::Provider;

/// One way to do something, repeated so many times by the calling thread.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    repeat: Box<dyn Fn(u64) + Sync>,
}

impl Contender {
    fn new(name: &'static str, repeat: impl Fn(u64) + Sync + 'static) -> Self {
        Self {
            name,
            repeat: Box::new(repeat),
        }
    }

    /// How long so many threads take, side by side, each doing it `times`.
    pub(crate) fn time(&self, threads: usize, times: u64) -> Duration {
        let alone = || {
            let start = Instant::now();
            (self.repeat)(times);
            start.elapsed()
        };
        if threads == 1 {
            return alone();
        }
        let barrier = Barrier::new(threads);
        thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        alone()
                    })
                })
                .collect();
            let times = running.into_iter().map(|thread| thread.join().unwrap());
            times.max().unwrap_or_default()
        })
    }
}

/// Something the engine does, and what else could do it.
pub(crate) struct Contest {
    pub(crate) name: &'static str,
    /// The engine comes first.
    pub(crate) contenders: Vec<Contender>,
}

/// Admitting a call and letting it go; all threads use one descriptor.
pub(crate) fn begin_end() -> Contest {
    let process = Provider::in_memory().startup().unwrap();
    let descriptor = process.socket().unwrap();
    let engine = Contender::new("engine", move |times| {
        for _ in 0..times {
            drop(black_box(&process).begin(black_box(descriptor)).unwrap());
        }
    });
    let map: Mutex<HashMap<u64, Arc<u64>>> =
        Mutex::new((0..64).map(|key| (key, Arc::new(key))).collect());
    let mutex = Contender::new("Mutex<HashMap> get", move |times| {
        for _ in 0..times {
            drop(map.lock().unwrap().get(&black_box(7)).cloned());
        }
    });
    Contest {
        name: "begin+end",
        contenders: vec![engine, atomic_pair(), arc_clone(), mutex],
    }
}

/// Making a socket and closing it; each thread has its own.
pub(crate) fn open_close() -> Contest {
    let process = Provider::in_memory().startup().unwrap();
    let engine = Contender::new("engine", move |times| {
        for _ in 0..times {
            let descriptor = black_box(&process).socket().unwrap();
            process.close(black_box(descriptor)).unwrap();
        }
    });
    let next = AtomicU64::new(0);
    let map: Mutex<HashMap<u64, Arc<u64>>> = Mutex::default();
    let mutex = Contender::new("Mutex<HashMap> insert+remove", move |times| {
        for _ in 0..times {
            let key = next.fetch_add(1, Ordering::Relaxed);
            map.lock().unwrap().insert(key, Arc::new(key));
            drop(map.lock().unwrap().remove(&black_box(key)));
        }
    });
    Contest {
        name: "open+close",
        contenders: vec![engine, atomic_pair(), arc_clone(), mutex],
    }
}

/// What admitting and leaving cannot be cheaper than.
fn atomic_pair() -> Contender {
    let word = AtomicU64::new(0);
    Contender::new("fetch_add+fetch_sub", move |times| {
        for _ in 0..times {
            black_box(black_box(&word).fetch_add(1, Ordering::Acquire));
            black_box(black_box(&word).fetch_sub(1, Ordering::AcqRel));
        }
    })
}

/// What keeps an object alive without a table.
fn arc_clone() -> Contender {
    let shared = Arc::new(0_u64);
    Contender::new("Arc clone+drop", move |times| {
        for _ in 0..times {
            drop(Arc::clone(black_box(&shared)));
        }
    })
}
