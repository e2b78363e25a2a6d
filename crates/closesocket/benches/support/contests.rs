//! The fast path, and opening and closing, beside what people would pick instead.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use closesocket::engine::{Provider, System};
use dashmap::DashMap;
use sharded_slab::Slab;

use super::idle::Idle;
use super::{Contender, Contest};

/// Admitting a call and letting it go; all threads use one descriptor.
pub(crate) fn begin_end(threads: usize) -> Contest {
    let process = Provider::in_memory().startup().unwrap();
    let descriptor = process.socket().unwrap();
    let engine = Contender::new("engine", move |times| {
        for _ in 0..times {
            drop(black_box(&process).begin(black_box(descriptor)).unwrap());
        }
    });
    let slab = Slab::new();
    let key = slab.insert(7_u64).unwrap();
    let slab = Contender::new("sharded-slab get", move |times| {
        for _ in 0..times {
            drop(black_box(slab.get(black_box(key))));
        }
    });
    let dashed: DashMap<u64, Arc<u64>> = (0..64).map(|key| (key, Arc::new(key))).collect();
    let dashed = Contender::new("DashMap get+clone", move |times| {
        for _ in 0..times {
            drop(dashed.get(&black_box(7)).map(|found| Arc::clone(&found)));
        }
    });
    let map: Mutex<HashMap<u64, Arc<u64>>> =
        Mutex::new((0..64).map(|key| (key, Arc::new(key))).collect());
    let mutex = Contender::new("Mutex<HashMap> get+clone", move |times| {
        for _ in 0..times {
            drop(map.lock().unwrap().get(&black_box(7)).cloned());
        }
    });
    Contest {
        name: "begin+end".into(),
        threads,
        each: 1,
        contenders: vec![
            engine,
            atomic_pair().at_most(1.05),
            arc_clone().at_most(if threads == 1 { 1.10 } else { 1.14 }),
            slab.at_most(if threads == 1 { 0.88 } else { 0.52 }),
            dashed.at_most(0.44),
            mutex.at_most(0.42),
        ],
    }
}

/// Making a socket and closing it; each thread has its own, all have one process.
pub(crate) fn open_close(threads: usize) -> Contest {
    let alone = threads == 1;
    let next = AtomicU64::new(0);
    let map: Mutex<HashMap<u64, Arc<u64>>> = Mutex::default();
    let mutex = Contender::new("Mutex<HashMap> insert+remove", move |times| {
        for _ in 0..times {
            let key = next.fetch_add(1, Ordering::Relaxed);
            map.lock().unwrap().insert(key, Arc::new(key));
            drop(map.lock().unwrap().remove(&black_box(key)));
        }
    });
    let slab: Slab<Arc<u64>> = Slab::new();
    let slab = Contender::new("sharded-slab insert+remove", move |times| {
        for value in 0..times {
            let key = slab.insert(Arc::new(value)).unwrap();
            drop(slab.take(black_box(key)));
        }
    });
    Contest {
        name: "open+close".into(),
        threads,
        each: 1,
        contenders: vec![
            opens_and_closes("engine", &Provider::over(Idle)),
            mutex.at_most(if alone { 1.5 } else { 0.8 }),
            slab.at_most(if alone { 2.3 } else { 2.5 }),
        ],
    }
}

/// The same over connections in memory, beside the transport that does nothing.
pub(crate) fn open_close_in_memory(threads: usize) -> Contest {
    Contest {
        name: "open+close in memory".into(),
        threads,
        each: 1,
        contenders: vec![
            opens_and_closes("engine", &Provider::in_memory()),
            opens_and_closes("transport that does nothing", &Provider::over(Idle)).at_most(1.2),
        ],
    }
}

/// What two threads do side by side, beside one of them alone.
pub(crate) fn scaling() -> [Contender; 2] {
    [
        opens_and_closes("open+close", &Provider::over(Idle)).at_most(1.2),
        opens_and_closes("open+close in memory", &Provider::in_memory()),
    ]
}

fn opens_and_closes<S: System>(name: &'static str, provider: &Provider<S>) -> Contender {
    let process = provider.startup().unwrap();
    Contender::new(name, move |times| {
        for _ in 0..times {
            let descriptor = black_box(&process).socket().unwrap();
            process.close(black_box(descriptor)).unwrap();
        }
    })
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
