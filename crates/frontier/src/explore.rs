//! The ways to search, by what a space can do.

use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::bytes::{AsBytes, Codec, InMemory, Wire};
use crate::options::{Options, Progress};
use crate::report::{Failure, Report};
use crate::space::Space;
use crate::{alone, together};

/// Searches by one worker, this thread: any space.
///
/// `watch` is called now and then. Options of processes, other workers and
/// checkpoints are not heeded.
pub fn explore_alone<P: Space>(
    space: &P,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Report<P::State, P::Action> {
    alone::search(space, options, watch)
}

/// Searches by the workers of this process: a space that threads can share.
///
/// `watch` is called now and then. Options of processes and checkpoints are not
/// heeded: states of this space cannot be written down.
///
/// # Errors
/// [`Failure`] if the space panics.
pub fn explore<P>(
    space: &Arc<P>,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Result<Report<P::State, P::Action>, Failure>
where
    P: Space + Send + Sync + 'static,
    P::State: Send + 'static,
{
    let options = Options {
        checkpoint: None,
        cluster: None,
        ..options.clone()
    };
    by_workers::<P, InMemory>(space, &options, watch)
}

/// Searches with all options: a space whose states can be written down.
///
/// `watch` is called now and then.
///
/// # Errors
/// [`Failure`] if the space panics; if the other processes do not come, or one goes;
/// if the checkpoint cannot be used.
pub fn explore_anywhere<P>(
    space: &Arc<P>,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Result<Report<P::State, P::Action>, Failure>
where
    P: Space + Send + Sync + 'static,
    P::State: Wire + Send + 'static,
{
    if options.cluster.is_some() && options.checkpoint.is_some() {
        let why = "a checkpoint is that of one process: there can be none with several";
        return Err(Failure::Meeting(why.to_owned()));
    }
    by_workers::<P, AsBytes>(space, options, watch)
}

fn by_workers<P, C>(
    space: &Arc<P>,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Result<Report<P::State, P::Action>, Failure>
where
    P: Space + Send + Sync + 'static,
    P::State: Clone + Hash + Send + 'static,
    C: Codec<P::State>,
{
    if options.workers <= 1 && options.cluster.is_none() {
        let search = || alone::search_on::<P, C>(space, options, watch);
        let searched = catch_unwind(AssertUnwindSafe(search));
        return searched.unwrap_or_else(|panic| Err(Failure::panicked(&*panic)));
    }
    together::search::<P, C>(space, options, watch)
}
