//! What many threads keep and let go of all the time, with several counts.

use std::ops::Deref;
use std::sync::Arc;

use super::free_list::shard_of_this_thread;
use super::primitives::Primitives;

/// Keeps a thing alive, as an [`Arc`] does. There are several of a thing, each with
/// a count on a cache line of its own, so that threads which open and close sockets
/// do not fight for one count.
pub(super) struct Keeper<T>(Arc<Kept<T>>);

#[repr(align(64))]
struct Kept<T>(Arc<T>);

impl<T> Clone for Keeper<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Keeper<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.0
    }
}

/// The keepers of one thing.
pub(super) struct Keepers<T>(Box<[Keeper<T>]>);

impl<T> Keepers<T> {
    /// So many of this thing, rounded up to a power of two.
    pub(super) fn new(thing: &Arc<T>, shards: usize) -> Self {
        let keeper = || Keeper(Arc::new(Kept(Arc::clone(thing))));
        Self((0..shards.next_power_of_two()).map(|_| keeper()).collect())
    }

    /// The one of the calling thread.
    #[inline]
    pub(super) fn own<P: Primitives>(&self) -> &Keeper<T> {
        &self.0[shard_of_this_thread::<P>(self.0.len())]
    }
}
