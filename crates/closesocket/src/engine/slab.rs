//! Append-only storage addressed by index: a cell never moves and is never
//! freed before the slab, so a stale index reads a cell and never freed memory.

use std::sync::OnceLock;

/// Segments that grow: there are `2^STEPS_LOG2` of each size, and then as many of
/// twice that. Few steps are soon found; many leave less room unused.
pub(super) struct Slab<T, const SEGMENTS: usize, const STEPS_LOG2: u32> {
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
    first_log2: u32,
}

impl<T: Default, const SEGMENTS: usize, const STEPS_LOG2: u32> Slab<T, SEGMENTS, STEPS_LOG2> {
    /// A slab whose segments of the first size have `2^first_log2` cells together,
    /// at least one each. The first exists already.
    pub(super) fn new(first_log2: u32) -> Self {
        let slab = Self {
            segments: [const { OnceLock::new() }; SEGMENTS],
            first_log2: first_log2.max(STEPS_LOG2),
        };
        slab.cell(0);
        slab
    }

    /// The cell at this index, made if its segment does not exist yet. `None`
    /// beyond the last possible segment.
    pub(super) fn cell(&self, index: u32) -> Option<&T> {
        let (segment, offset) = self.place(index);
        let cells = self.segments.get(segment)?.get_or_init(|| {
            let doublings = u32::try_from(segment >> STEPS_LOG2).unwrap_or(0);
            (0..1_u64 << (self.first_log2 - STEPS_LOG2 + doublings))
                .map(|_| T::default())
                .collect()
        });
        cells.get(offset)
    }

    /// The cell at this index, if its segment exists.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let (segment, offset) = self.place(index);
        self.segments.get(segment)?.get()?.get(offset)
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an offset is at most the index"
    )]
    const fn place(&self, index: u32) -> (usize, usize) {
        let shifted = index as u64 + (1 << self.first_log2);
        let log2 = u64::BITS - 1 - shifted.leading_zeros();
        let size_log2 = log2 - STEPS_LOG2;
        let step = (shifted >> size_log2) - (1 << STEPS_LOG2);
        (
            (((log2 - self.first_log2) as usize) << STEPS_LOG2) | step as usize,
            (shifted & ((1 << size_log2) - 1)) as usize,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_index_has_a_place_of_its_own<const STEPS_LOG2: u32>(first_log2: u32) {
        let slab = Slab::<u32, 256, STEPS_LOG2>::new(first_log2);
        let mut places: Vec<_> = (0..1000).map(|index| slab.place(index)).collect();
        assert_eq!(places[0], (0, 0));
        let mut next = (0, 0);
        for (index, place) in (0..).zip(&places) {
            if slab.get(index).is_none() {
                next = (next.0 + 1, 0);
            }
            assert_eq!(*place, next, "one segment is full before the next begins");
            assert!(slab.cell(index).is_some());
            next.1 += 1;
        }
        places.dedup();
        assert_eq!(places.len(), 1000);
        assert!(slab.get(u32::MAX).is_none());
    }

    #[test]
    fn segments_double_one_by_one_or_step_by_step() {
        for first_log2 in 0..6 {
            every_index_has_a_place_of_its_own::<0>(first_log2);
            every_index_has_a_place_of_its_own::<3>(first_log2);
        }
        let eighths = Slab::<u32, 256, 3>::new(3);
        assert_eq!(eighths.place(7), (7, 0));
        assert_eq!(eighths.place(8), (8, 0));
        assert_eq!(eighths.place(10), (9, 0));
    }
}
