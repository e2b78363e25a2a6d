//! Append-only storage addressed by index: a cell never moves and is never
//! freed before the slab, so a stale index reads a cell and never freed memory.

use std::sync::OnceLock;

/// So many segments, two to the power of this, have the same size, then as many
/// have the double: what is not used yet is at most an eighth of what is.
const EQUAL_LOG2: u32 = 3;
const SEGMENTS: usize = ((u32::BITS + 1 - EQUAL_LOG2) as usize) << EQUAL_LOG2;

/// Segments of growing size; the first ones have `2^first_log2` cells.
pub(super) struct Slab<T> {
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
    first_log2: u32,
}

impl<T: Default> Slab<T> {
    /// A slab whose first segments have `2^first_log2` cells; one exists already.
    pub(super) fn new(first_log2: u32) -> Self {
        let slab = Self {
            segments: [const { OnceLock::new() }; SEGMENTS],
            first_log2,
        };
        slab.cell(0);
        slab
    }

    /// The cell at this index, made if its segment does not exist yet. `None`
    /// beyond the last possible segment.
    pub(super) fn cell(&self, index: u32) -> Option<&T> {
        let (segment, offset) = self.place(index);
        let cells = self.segments.get(segment)?.get_or_init(|| {
            let doublings = segment >> EQUAL_LOG2;
            let size = (1_u64 << self.first_log2) << doublings;
            (0..size).map(|_| T::default()).collect()
        });
        cells.get(offset)
    }

    /// The cell at this index, if its segment exists.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let (segment, offset) = self.place(index);
        self.segments.get(segment)?.get()?.get(offset)
    }

    /// Counted from where segments of `2^first_log2` cells would have been without a
    /// beginning, an index is in binary `1`, which of the segments of its size, and
    /// where in that.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an offset is at most the index"
    )]
    const fn place(&self, index: u32) -> (usize, usize) {
        let shifted = index as u64 + (1 << (self.first_log2 + EQUAL_LOG2));
        let size_log2 = u64::BITS - 1 - EQUAL_LOG2 - shifted.leading_zeros();
        let before = (size_log2 - self.first_log2) as u64 * (1 << EQUAL_LOG2);
        let among_equals = (shifted >> size_log2) - (1 << EQUAL_LOG2);
        let offset = shifted & ((1 << size_log2) - 1);
        ((before + among_equals) as usize, offset as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let slab = Slab::<u32>::new(2);
        let (mut segment, mut offset, mut size) = (0, 0, 4);
        for index in 0..10_000 {
            assert_eq!(slab.place(index), (segment, offset), "{index}");
            offset += 1;
            if offset == size {
                (segment, offset) = (segment + 1, 0);
                size = if segment % 8 == 0 { 2 * size } else { size };
            }
        }
        for first_log2 in [0, 6] {
            let (segment, _) = Slab::<u32>::new(first_log2).place(u32::MAX);
            assert!(segment < SEGMENTS);
        }
        assert!(slab.get(3).is_some());
        assert!(slab.get(4).is_none());
        assert!(slab.cell(4).is_some());
        assert!(slab.get(7).is_some());
        assert!(slab.get(8).is_none());
        assert!(slab.get(u32::MAX).is_none());
    }
}
