//! Append-only storage addressed by index: a cell never moves and is never
//! freed before the slab, so a stale index reads a cell and never freed memory.

use std::sync::OnceLock;

/// Cells in a first segment, where most indices are, and in segments that grow:
/// each doubling has `2^STEPS_LOG2`. Few steps are soon found; many leave less room
/// unused.
pub(super) struct Slab<T, const SEGMENTS: usize, const STEPS_LOG2: u32> {
    first: Box<[T]>,
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
    first_log2: u32,
}

impl<T: Default, const SEGMENTS: usize, const STEPS_LOG2: u32> Slab<T, SEGMENTS, STEPS_LOG2> {
    /// A slab whose first segment has `2^first_log2` cells, at least one for each
    /// step.
    pub(super) fn new(first_log2: u32) -> Self {
        let first_log2 = first_log2.max(STEPS_LOG2);
        Self {
            first: some(first_log2),
            segments: [const { OnceLock::new() }; SEGMENTS],
            first_log2,
        }
    }

    /// The cell at this index, made if its segment does not exist yet. `None`
    /// beyond the last possible segment.
    #[inline]
    pub(super) fn cell(&self, index: u32) -> Option<&T> {
        let cell = self.first.get(index as usize);
        cell.or_else(|| {
            let (segment, offset) = self.place(index);
            let doublings = u32::try_from(segment >> STEPS_LOG2).unwrap_or(0);
            let cells = self.segments.get(segment)?;
            let cells = cells.get_or_init(|| some(self.first_log2 - STEPS_LOG2 + doublings));
            cells.get(offset)
        })
    }

    /// The cell at this index, if its segment exists.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let cell = self.first.get(index as usize);
        cell.or_else(|| {
            let (segment, offset) = self.place(index);
            self.segments.get(segment)?.get()?.get(offset)
        })
    }

    /// The segment and offset of an index behind the first segment.
    const fn place(&self, index: u32) -> (usize, usize) {
        let log2 = index.ilog2();
        let size_log2 = log2 - STEPS_LOG2;
        let step = (index >> size_log2) - (1 << STEPS_LOG2);
        (
            (((log2 - self.first_log2) << STEPS_LOG2) | step) as usize,
            (index & ((1 << size_log2) - 1)) as usize,
        )
    }
}

/// `2^log2` cells.
fn some<T: Default>(log2: u32) -> Box<[T]> {
    (0..1_u64 << log2).map(|_| T::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_index_has_a_place_of_its_own<const STEPS_LOG2: u32>(first_log2: u32) {
        let slab = Slab::<u32, 256, STEPS_LOG2>::new(first_log2);
        let first = slab.first.len();
        assert_eq!(first, 1 << first_log2.max(STEPS_LOG2));
        let mut next = (0, 0);
        for index in 0..1000 {
            if index as usize >= first {
                if slab.get(index).is_none() && next != (0, 0) {
                    next = (next.0 + 1, 0);
                }
                let place = slab.place(index);
                assert_eq!(place, next, "one segment is full before the next begins");
                next.1 += 1;
            }
            let cell = slab.cell(index).map(std::ptr::from_ref);
            assert!(cell.is_some());
            assert_eq!(slab.get(index).map(std::ptr::from_ref), cell);
        }
        assert!(slab.get(u32::MAX).is_none());
    }

    #[test]
    fn segments_double_one_by_one_or_step_by_step() {
        for first_log2 in 0..6 {
            every_index_has_a_place_of_its_own::<0>(first_log2);
            every_index_has_a_place_of_its_own::<3>(first_log2);
        }
        let eighths = Slab::<u32, 256, 3>::new(3);
        assert_eq!(eighths.first.len(), 8);
        assert_eq!(eighths.place(8), (0, 0));
        assert_eq!(eighths.place(10), (2, 0));
        assert_eq!(eighths.place(17), (8, 1));
    }
}
