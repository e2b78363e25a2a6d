//! A search by several workers, of one process or of several.

use std::any::Any;
use std::cell::RefCell;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use timely::WorkerConfig;
use timely::communication::allocator::{Allocator, AllocatorBuilder};
use timely::communication::{Config, initialize_from};
use timely::worker::Worker;

use crate::bytes::Codec;
use crate::checkpoint::Keeper;
use crate::flow::{layers, owner};
use crate::gather::gather;
use crate::network;
use crate::options::{Options, Progress};
use crate::report::{Ending, Failure, Report};
use crate::share::{Finding, Share};
use crate::shared::Shared;
use crate::space::Space;
use crate::trail::{self, Trail};

/// What one worker comes back with: of the whole search, unless it was cut off.
#[derive(Default)]
struct Part {
    /// It tells of the whole search.
    complete: bool,
    unique: usize,
    transitions: usize,
    depth: u32,
    trails: Vec<Trail>,
    own: usize,
    table_bytes: usize,
}

/// What all workers of a process search.
struct Task<P: Space, C> {
    space: Arc<P>,
    options: Options,
    shared: Arc<Shared>,
    keeper: Mutex<Keeper<P::State, C>>,
}

/// Searches, and tells now and then how far it is.
pub(crate) fn search<P, C>(
    space: &Arc<P>,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Result<Report<P::State, P::Action>, Failure>
where
    P: Space + Send + Sync + 'static,
    P::State: Clone + Hash + Send + 'static,
    C: Codec<P::State>,
{
    let shared = Arc::new(Shared::new(options.limits));
    let (builders, network) = builders(options, &shared)?;
    let task = Task {
        space: Arc::clone(space),
        options: options.clone(),
        shared: Arc::clone(&shared),
        keeper: Mutex::new(Keeper::<_, C>::new(options)),
    };
    let (done, parts) = mpsc::channel();
    let done = Mutex::new(done);
    let workers = initialize_from(builders, network, move |allocator| {
        let done = done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let part = catch_unwind(AssertUnwindSafe(|| work(allocator, &task)));
        let part = part.unwrap_or_else(|panic| {
            task.shared.fail(Failure::panicked(&*panic));
            Part::default()
        });
        let _ = done.send(part);
    });
    let workers = workers.map_err(Failure::Meeting)?;
    let parts = wait(&parts, options.workers, &shared, watch);
    let ending = match shared.stopped() {
        Some(Err(failure)) => {
            // Threads of the network may wait for whoever is not there any more.
            std::mem::forget(workers);
            return Err(failure);
        }
        Some(Ok(ending)) => ending,
        None => Ending::Complete,
    };
    if ending != Ending::Complete && options.cluster.is_some() {
        std::mem::forget(workers);
    } else {
        shared.end();
        // A process that ended right behind its last word is no matter any more.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(workers)));
    }
    if ending == Ending::Complete {
        Keeper::<P::State, C>::new(options).remove()?;
    }
    Ok(report(&**space, options, &parts, ending))
}

type Network = Box<dyn Any + Send>;

fn builders(
    options: &Options,
    shared: &Arc<Shared>,
) -> Result<(Vec<AllocatorBuilder>, Network), Failure> {
    match &options.cluster {
        Some(cluster) => network::builders(cluster, options, shared),
        None => {
            let built = Config::Process(options.workers).try_build();
            built.map_err(Failure::Meeting)
        }
    }
}

/// Waits until every worker is back, and tells how far they are.
fn wait(
    parts: &mpsc::Receiver<Part>,
    workers: usize,
    shared: &Shared,
    watch: &dyn Fn(&Progress),
) -> Vec<Part> {
    let mut back = Vec::new();
    while back.len() < workers {
        match parts.recv_timeout(Duration::from_millis(20)) {
            Ok(part) => back.push(part),
            Err(RecvTimeoutError::Timeout) => watch(&shared.progress()),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    back
}

fn report<P: Space>(
    space: &P,
    options: &Options,
    parts: &[Part],
    ending: Ending,
) -> Report<P::State, P::Action>
where
    P::State: Hash,
{
    let sum = |of: fn(&Part) -> usize| parts.iter().map(of).sum::<usize>();
    let each = |of: fn(&Part) -> usize| match parts.first() {
        Some(first) if first.complete => of(first),
        _ => sum(of),
    };
    let trails = parts.first().map_or(&[][..], |it| &it.trails);
    Report {
        ending,
        unique_states: each(|it| it.unique),
        transitions: each(|it| it.transitions),
        depth: parts.iter().map(|it| it.depth).max().unwrap_or(0) as usize,
        found: trail::found(space, trails, options.paths),
        table_bytes: sum(|it| it.table_bytes),
        own_states: sum(|it| it.own),
    }
}

/// One worker, from its start to its report.
fn work<P, C>(allocator: Allocator, task: &Task<P, C>) -> Part
where
    P: Space + Send + Sync + 'static,
    P::State: Clone + Hash + Send + 'static,
    C: Codec<P::State>,
{
    let worker = &mut Worker::new(WorkerConfig::default(), allocator, None);
    let share = Rc::new(RefCell::new(Share::new(task.options.paths)));
    let begun = begin(worker, task, &mut share.borrow_mut());
    let through = begun.and_then(|()| go_through(worker, task, &share));
    let share = &*share.borrow();
    let mut part = match through {
        Ok(true) => last_words(worker, task, share).unwrap_or_default(),
        Ok(false) => Part {
            unique: share.unique,
            transitions: share.transitions,
            depth: share.depth,
            ..Part::default()
        },
        Err(failure) => {
            task.shared.fail(failure);
            Part::default()
        }
    };
    part.own = share.unique;
    part.table_bytes = share.table.bytes();
    part
}

fn begin<P, C>(
    worker: &Worker,
    task: &Task<P, C>,
    share: &mut Share<P::State>,
) -> Result<(), Failure>
where
    P: Space,
    P::State: Clone + Hash,
    C: Codec<P::State>,
{
    let (me, peers) = (worker.index(), worker.peers());
    let mine = |it| owner(it, peers) == me;
    let keeper = task.keeper.lock().unwrap_or_else(PoisonError::into_inner);
    if !keeper.restore(share, me == 0, mine)? {
        share.begin(&*task.space, mine);
    }
    Ok(())
}

/// Goes through all layers; whether it came to the end.
fn go_through<P, C>(
    worker: &mut Worker,
    task: &Task<P, C>,
    share: &Rc<RefCell<Share<P::State>>>,
) -> Result<bool, Failure>
where
    P: Space + Send + Sync + 'static,
    P::State: Clone + Hash + Send + 'static,
    C: Codec<P::State>,
{
    let kept = task.options.checkpoint.as_ref();
    // How many layers until all meet again; what one of them says counts for all.
    let mut some = if kept.is_some() { 1 } else { u32::MAX };
    loop {
        let begin = Instant::now();
        let until = share.borrow().layer.saturating_add(some);
        layers::<P, C>(worker, &task.space, share, &task.shared, until);
        let share = &mut *share.borrow_mut();
        let soon = kept.is_some_and(|it| begin.elapsed() < it.every / 4);
        let due = {
            let keeper = task.keeper.lock().unwrap_or_else(PoisonError::into_inner);
            keeper.is_due()
        };
        let waiting = share.now.len() as u64;
        let said = [waiting, share.layer.into(), soon.into(), due.into()];
        let Some(heard) = gather(worker, &task.shared, &said) else {
            return Ok(false);
        };
        let layer = heard.iter().filter(|it| it[0] > 0).map(|it| it[1]).max();
        let Some(layer) = layer else {
            return Ok(true);
        };
        share.layer = u32::try_from(layer).unwrap_or(u32::MAX);
        if heard[0][3] != 0 {
            let mut keeper = task.keeper.lock().unwrap_or_else(PoisonError::into_inner);
            keeper.write(share, task.options.workers)?;
        }
        some = match heard[0][2] {
            0 => (some / 2).max(1),
            _ => some.saturating_mul(2),
        };
    }
}

/// All say what they have counted, and together they find the way to each finding.
fn last_words<P, C>(worker: &mut Worker, task: &Task<P, C>, share: &Share<P::State>) -> Option<Part>
where
    P: Space,
    P::State: Clone + Hash,
{
    let mut said = vec![
        share.unique as u64,
        share.transitions as u64,
        u64::from(share.depth),
    ];
    said.extend(share.found.iter().flat_map(|it| it.numbers()));
    let heard = gather(worker, &task.shared, &said)?;
    let mut part = Part {
        complete: true,
        ..Part::default()
    };
    let mut found = Vec::new();
    for said in &heard {
        let [unique, transitions, depth, rest @ ..] = &said[..] else {
            return None;
        };
        part.unique += usize::try_from(*unique).ok()?;
        part.transitions += usize::try_from(*transitions).ok()?;
        part.depth = part.depth.max(u32::try_from(*depth).ok()?);
        let each = rest.as_chunks().0.iter();
        found.extend(each.map(|it| Finding::of_numbers(*it)));
    }
    let nearest = trail::nearest(found);
    part.trails = nearest.into_iter().map(Trail::new).collect();
    if task.options.paths {
        while lengthen(worker, task, share, &mut part.trails)? {}
    }
    Some(part)
}

/// Every worker hears the next parent on each trail from its owner; whether there
/// was one. `None` if everybody is to stop.
fn lengthen<P, C>(
    worker: &mut Worker,
    task: &Task<P, C>,
    share: &Share<P::State>,
    trails: &mut [Trail],
) -> Option<bool>
where
    P: Space,
{
    let tip = |trail: &Trail| trail.backwards.last().copied().unwrap_or(0);
    // Of who does not own a tip the parent is 0, as of a start.
    let parents = trails.iter().map(|it| share.table.parent(tip(it)));
    let heard = gather(worker, &task.shared, &parents.collect::<Vec<_>>())?;
    let mut longer = false;
    for (at, trail) in trails.iter_mut().enumerate() {
        let parent = heard
            .iter()
            .find_map(|it| it.get(at).filter(|&&it| it != 0));
        trail.backwards.extend(parent);
        longer |= parent.is_some();
    }
    Some(longer)
}
