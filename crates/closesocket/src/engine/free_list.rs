//! Free indices, spread over several lists so that threads do not meet.

use std::sync::atomic::Ordering;

use super::primitives::{Monitor, Primitives, Word};

/// Hands out indices from 0 upwards, reused ones first.
pub(super) struct FreeList<P: Primitives> {
    shards: Box<[P::Monitor<Vec<u32>>]>,
    /// The lowest index never handed out.
    fresh: P::Word,
    limit: u32,
}

impl<P: Primitives> FreeList<P> {
    /// At most `limit` indices, over this many lists (at least one).
    pub(super) fn new(limit: u32, shards: usize) -> Self {
        Self {
            shards: (0..shards.max(1))
                .map(|_| P::Monitor::new(Vec::new()))
                .collect(),
            fresh: P::Word::new(0),
            limit,
        }
    }

    /// An index that is nobody's, or `None` if all are taken.
    pub(super) fn take(&self) -> Option<u32> {
        let own = self.own_shard();
        self.pop(own).or_else(|| {
            let others = (1..self.shards.len()).map(|step| (own + step) % self.shards.len());
            others
                .into_iter()
                .find_map(|shard| self.pop(shard))
                .or_else(|| self.take_fresh())
        })
    }

    /// Gives an index back.
    pub(super) fn put(&self, index: u32) {
        if let Some(shard) = self.shards.get(self.own_shard()) {
            shard.lock(|free| free.push(index));
        }
    }

    /// How many indices were ever handed out: all are below this.
    pub(super) fn issued(&self) -> u32 {
        let fresh = self.fresh.fetch_add(0, Ordering::SeqCst);
        u32::try_from(fresh).unwrap_or(u32::MAX).min(self.limit)
    }

    /// How many indices are handed out now; exact when nobody else is at it.
    pub(super) fn taken(&self) -> usize {
        let free: usize = self
            .shards
            .iter()
            .map(|shard| shard.lock(|free| free.len()))
            .sum();
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

    fn pop(&self, shard: usize) -> Option<u32> {
        self.shards.get(shard)?.lock(Vec::pop)
    }

    fn own_shard(&self) -> usize {
        usize::try_from(P::current_thread()).unwrap_or(0) % self.shards.len()
    }
}
