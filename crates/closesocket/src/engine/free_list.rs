//! Free indices, spread over several shards so that threads do not meet.

use std::sync::atomic::Ordering;

use super::primitives::{Monitor, Primitives, Word};

/// Free indices of the threads of one shard, on a cache line of their own.
#[repr(align(64))]
struct Shard<P: Primitives> {
    /// One more than an index that was given back; 0 if there is none. Whoever
    /// opens and closes in turn needs one instruction for each.
    latest: P::Word,
    others: P::Monitor<Vec<u32>>,
}

impl<P: Primitives> Shard<P> {
    fn new() -> Self {
        Self {
            latest: P::Word::new(0),
            others: P::Monitor::new(Vec::new()),
        }
    }

    #[inline]
    fn take_latest(&self) -> Option<u32> {
        let latest = self.latest.load(Ordering::Relaxed);
        let index = u32::try_from(latest.checked_sub(1)?).ok()?;
        let taken = self.latest.compare_exchange(latest, 0);
        taken.is_ok().then_some(index)
    }

    #[inline]
    fn put(&self, index: u32) {
        let taken = self.latest.compare_exchange(0, u64::from(index) + 1);
        if taken.is_err() {
            self.put_other(index);
        }
    }

    #[cold]
    fn put_other(&self, index: u32) {
        self.others.lock(|others| others.push(index));
    }

    fn len(&self) -> usize {
        let latest = self.latest.load(Ordering::Relaxed) != 0;
        usize::from(latest) + self.others.lock(|others| others.len())
    }
}

/// Hands out indices from 0 upwards, reused ones first.
pub(super) struct FreeList<P: Primitives> {
    shards: Box<[Shard<P>]>,
    /// The lowest index never handed out.
    fresh: P::Word,
    limit: u32,
}

impl<P: Primitives> FreeList<P> {
    /// At most `limit` indices, over this many shards, rounded up to a power of two.
    pub(super) fn new(limit: u32, shards: usize) -> Self {
        Self {
            shards: (0..shards.next_power_of_two())
                .map(|_| Shard::new())
                .collect(),
            fresh: P::Word::new(0),
            limit,
        }
    }

    /// An index that is nobody's, or `None` if all are taken.
    #[inline]
    pub(super) fn take(&self) -> Option<u32> {
        let own = self.own_shard();
        self.shards[own]
            .take_latest()
            .or_else(|| self.take_other(own))
    }

    #[cold]
    fn take_other(&self, own: usize) -> Option<u32> {
        let mut shards = (0..self.shards.len()).map(|step| &self.shards[own ^ step]);
        shards
            .find_map(|shard| shard.take_latest().or_else(|| shard.others.lock(Vec::pop)))
            .or_else(|| self.take_fresh())
    }

    /// Gives an index back.
    #[inline]
    pub(super) fn put(&self, index: u32) {
        self.shards[self.own_shard()].put(index);
    }

    /// How many indices were ever handed out: all are below this.
    pub(super) fn issued(&self) -> u32 {
        let fresh = self.fresh.fetch_add(0, Ordering::SeqCst);
        u32::try_from(fresh).unwrap_or(u32::MAX).min(self.limit)
    }

    /// How many indices are handed out now; exact when nobody else is at it.
    pub(super) fn taken(&self) -> usize {
        let free: usize = self.shards.iter().map(Shard::len).sum();
        (self.issued() as usize).saturating_sub(free)
    }

    fn take_fresh(&self) -> Option<u32> {
        let fresh = self.fresh.fetch_add(1, Ordering::SeqCst);
        match u32::try_from(fresh) {
            Ok(index) if index < self.limit => Some(index),
            _ => {
                self.fresh.fetch_sub(1, Ordering::SeqCst);
                None
            }
        }
    }

    #[inline]
    fn own_shard(&self) -> usize {
        shard_of_this_thread::<P>(self.shards.len())
    }
}

/// The calling thread's share of something that has so many shards, a power of two.
#[inline]
pub(super) fn shard_of_this_thread<P: Primitives>(shards: usize) -> usize {
    usize::try_from(P::current_thread()).unwrap_or(0) & (shards - 1)
}

#[cfg(test)]
mod tests {
    use super::super::standard::Std;
    use super::*;

    #[test]
    fn an_index_that_was_given_back_is_taken_again_by_whichever_thread() {
        let list = FreeList::<Std>::new(3, 4);
        let taken: Vec<_> = (0..4).map(|_| list.take()).collect();
        assert_eq!(taken, [Some(0), Some(1), Some(2), None]);
        for index in 0..3 {
            assert_eq!(list.taken(), 3 - index as usize);
            list.put(index);
        }
        assert_eq!(list.taken(), 0);
        let elsewhere = std::thread::scope(|scope| {
            let take_all = || [list.take(), list.take(), list.take(), list.take()];
            scope.spawn(take_all).join().ok()
        });
        let mut elsewhere = elsewhere.into_iter().flatten().collect::<Vec<_>>();
        elsewhere.sort_unstable();
        assert_eq!(elsewhere, [None, Some(0), Some(1), Some(2)]);
    }
}
