//! An allocator for a range of offsets that keeps its books elsewhere: best fit, neighbours are
//! joined when they are free.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// See the module.
pub struct Extents {
    /// Free extents: length by start.
    by_start: BTreeMap<usize, usize>,
    /// The same: length, then start.
    by_length: BTreeSet<(usize, usize)>,
    /// Lengths of those given out, by start.
    used: BTreeMap<usize, usize>,
}

impl Extents {
    /// All of the range is free.
    pub fn new(range: Range<usize>) -> Self {
        let mut extents =
            Self { by_start: BTreeMap::new(), by_length: BTreeSet::new(), used: BTreeMap::new() };
        extents.insert(range.start, range.len());
        extents
    }

    fn insert(&mut self, start: usize, length: usize) {
        if length > 0 {
            self.by_start.insert(start, length);
            self.by_length.insert((length, start));
        }
    }

    fn remove(&mut self, start: usize, length: usize) {
        self.by_start.remove(&start);
        self.by_length.remove(&(length, start));
    }

    /// The start of `length` bytes at a multiple of `align`, which divides all lengths.
    pub fn allocate(&mut self, length: usize, align: usize) -> Option<usize> {
        let length = length.checked_next_multiple_of(align)?.max(align);
        let &(found, start) = self.by_length.range((length, 0)..).next()?;
        self.remove(start, found);
        self.insert(start + length, found - length);
        self.used.insert(start, length);
        Some(start)
    }

    /// What was given out and holds the offset.
    pub fn holding(&self, offset: usize) -> Option<Range<usize>> {
        let (&start, &length) = self.used.range(..=offset).next_back()?;
        (offset - start < length).then(|| start..start + length)
    }

    /// Takes an extent back: what was given out, and the free extent that it is part of now.
    pub fn free(&mut self, start: usize) -> Option<(Range<usize>, Range<usize>)> {
        let length = self.used.remove(&start)?;
        let (mut low, mut high) = (start, start + length);
        if let Some((&before, &size)) = self.by_start.range(..start).next_back()
            && before + size == start
        {
            self.remove(before, size);
            low = before;
        }
        if let Some(&size) = self.by_start.get(&high) {
            self.remove(high, size);
            high += size;
        }
        self.insert(low, high - low);
        Some((start..start + length, low..high))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn neighbours_join_and_nothing_overlaps() {
        let mut extents = Extents::new(4096..8192);
        let a = extents.allocate(100, 64).expect("room");
        let b = extents.allocate(1, 64).expect("room");
        let c = extents.allocate(64, 64).expect("room");
        assert_eq!((a, b, c), (4096, 4224, 4288));
        assert!(extents.allocate(4096, 64).is_none());
        assert_eq!(extents.free(b), Some((4224..4288, 4224..4288)));
        assert!(extents.free(b).is_none());
        assert_eq!(extents.allocate(64, 64), Some(b), "the best fit");
        extents.free(a);
        extents.free(c);
        assert_eq!(extents.free(b).expect("given out").1, 4096..8192);
        assert_eq!(extents.allocate(4096, 64), Some(4096));
    }
}
