#![allow(unsafe_code)]
//! The sort of numbers: a quicksort in place, whose leaves are std's.
//!
//! It needs no memory, so it cannot fail for want of it. The array is divided around a pivot, by
//! all workers while there are few parts; the parts are forks. What equals a pivot that was used
//! before is set aside at once, so that many equal numbers are no harm, and when pivots turn out
//! bad too often std's sort takes the rest, which never needs more than n log n steps.

use super::{
    abi::pool_task_t,
    core::Core,
    sort::{Key, Progress, fork, run},
    status::Result,
};
use std::slice;

/// Parts that are not divided further: there are some for each worker, and they fit into a cache.
const PARTS_PER_WORKER: usize = 16;
const LEAST: usize = 4096;
/// How many numbers are looked at to choose a pivot.
const SAMPLE: usize = 127;
/// So many numbers are divided by one worker.
const DIVIDED_ALONE: usize = 128 << 10;

/// Sorts `data`.
///
/// # Errors
/// Why it could not be run, or not to its end; `data` holds the same numbers then.
pub fn sort<K: Key>(core: &Core, data: &mut [K]) -> Result<()> {
    run(core, |progress, task| {
        // What is in order already takes one look, and what is in reverse another.
        if data.is_sorted_by_key(|key| key.rank()) {
            return;
        }
        if data.is_sorted_by(|a, b| a.rank() >= b.rank()) {
            data.reverse();
            return;
        }
        let workers = if progress.workers == 1 { 1 } else { PARTS_PER_WORKER * progress.workers };
        let parts = Parts {
            progress,
            leaf: (data.len() / workers).max(LEAST),
            alone: (data.len() / progress.workers).max(DIVIDED_ALONE),
        };
        let bad = data.len().ilog2();
        parts.sort(task, data, None, bad);
    })
}

struct Parts<'a> {
    progress: &'a Progress,
    /// Parts of this size are not divided any more.
    leaf: usize,
    /// Parts of this size are divided by one worker.
    alone: usize,
}

impl Parts<'_> {
    /// Sorts a part whose numbers are none of them before `least`; `bad` pivots may still be.
    fn sort<K: Key>(
        &self,
        task: *mut pool_task_t,
        mut data: &mut [K],
        mut least: Option<K::Rank>,
        mut bad: u32,
    ) {
        while data.len() > self.leaf && bad > 0 {
            if self.progress.is_stopped(task) {
                return;
            }
            let pivot = choose(data);
            if least.is_some_and(|least| least >= pivot) {
                let equal = self.divide(task, data, &|key| key.rank() <= pivot);
                data = &mut data[equal..];
                least = None;
                continue;
            }
            let middle = self.divide(task, data, &|key| key.rank() < pivot);
            let (left, right) = data.split_at_mut(middle);
            if left.len().min(right.len()) < (left.len() + right.len()) / 8 {
                bad -= 1;
            }
            if left.is_empty() {
                data = right;
                least = Some(pivot);
                continue;
            }
            return fork(
                self.progress,
                task,
                |task| self.sort(task, left, least, bad),
                |task| self.sort(task, right, Some(pivot), bad),
            );
        }
        sort_leaf(data);
    }

    /// Brings those numbers to the front that are `first`; returns how many there are. Halves of
    /// a large part are divided at the same time, and then what is in the wrong half is exchanged.
    fn divide<K: Key>(
        &self,
        task: *mut pool_task_t,
        data: &mut [K],
        first: &(impl Fn(K) -> bool + Sync),
    ) -> usize {
        if data.len() <= self.alone {
            return divide(data, first);
        }
        let middle = data.len() / 2;
        let (left, right) = data.split_at_mut(middle);
        let (mut of_left, mut of_right) = (0, 0);
        fork(
            self.progress,
            task,
            |task| of_left = self.divide(task, left, first),
            |task| of_right = self.divide(task, right, first),
        );
        let (left, right) = (&mut left[of_left..], &mut right[..of_right]);
        let count = left.len().min(right.len());
        let last = right.len() - count;
        left[..count].swap_with_slice(&mut right[last..]);
        of_left + of_right
    }
}

/// Brings those numbers to the front that are `first`; returns how many there are. Without a
/// branch that depends on the numbers.
fn divide<K: Key>(data: &mut [K], first: &impl Fn(K) -> bool) -> usize {
    let mut count = 0;
    for index in 0..data.len() {
        let key = data[index];
        data.swap(index, count);
        count += usize::from(first(key));
    }
    count
}

/// Sorts a part as what all keys can become and come from: so that std's sort is in the library
/// once for each size.
fn sort_leaf<K: Key>(data: &mut [K]) {
    let (start, count) = (data.as_mut_ptr(), data.len());
    // SAFETY: the trait promises that the sizes agree, and that all bits are both.
    unsafe {
        for index in 0..count {
            let place = start.add(index);
            place.cast::<K::Rank>().write(place.read().rank());
        }
        slice::from_raw_parts_mut(start.cast::<K::Rank>(), count).sort_unstable();
        for index in 0..count {
            let place = start.add(index);
            place.write(K::of_rank(place.cast::<K::Rank>().read()));
        }
    }
}

/// A rank that about half of the numbers have not reached: the middle one of a sample.
fn choose<K: Key>(data: &[K]) -> K::Rank {
    let step = data.len() / SAMPLE;
    let mut sample: [K::Rank; SAMPLE] = std::array::from_fn(|place| data[place * step].rank());
    *sample.select_nth_unstable(SAMPLE / 2).1
}
