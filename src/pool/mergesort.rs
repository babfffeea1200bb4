#![allow(unsafe_code)]
//! The sort of elements of any kind: a stable merge sort between the array and a buffer.
//!
//! Halves are sorted, and then merged, by forks: of two sorted runs, the first half of the merged
//! one is found by bisection, and both halves are merged at the same time. Whatever the comparison
//! says, each step moves every element from one place to one other, so that an inconsistent one
//! gives some order; and a step that finds that the sort has been stopped moves them unsorted.

use super::{
    abi::pool_task_t,
    callables::CompareFunction,
    core::Core,
    sort::{Progress, fork, run},
    status::{Error, Result},
};
use crate::support::alloc::Buffer;
use std::{ffi::c_void, ptr};

/// Runs of this length are sorted, and merged, by one worker.
const ALONE: usize = 4096;
/// Runs of this length are sorted by insertion.
const SHORT: usize = 12;
/// The buffer's elements are aligned as the array's are, up to this.
const ALIGN: usize = 64;

/// An array to sort: checked.
pub struct Array {
    /// The first element.
    pub data: *mut c_void,
    /// How many there are.
    pub count: usize,
    /// The size of each in bytes, not 0; all together are at most `isize::MAX`.
    pub size: usize,
    /// Less than 0 when the first element is before the second.
    pub compare: CompareFunction,
    /// Passed to it.
    pub context: *mut c_void,
}

/// Sorts an array.
///
/// # Safety
/// The array is the caller's, and nobody else uses it meanwhile; the function is what
/// `pool_sort_with` says.
///
/// # Errors
/// `NO_MEMORY`; why it could not be run, or not to its end. The array holds the same elements then.
pub unsafe fn sort(core: &Core, array: &Array) -> Result<()> {
    let error = || Error::no_memory("no memory for a second array to sort in");
    let bytes = array.count * array.size;
    let room = bytes.checked_add(ALIGN).ok_or_else(error)?;
    let buffer = Buffer::try_new(if array.count > 1 { room } else { 0 }).ok_or_else(error)?;
    let shift = (array.data as usize).wrapping_sub(buffer.as_ptr() as usize) % ALIGN;
    let order = Order { compare: array.compare, context: array.context };
    let size = array.size;
    let whole = Run {
        here: array.data.cast(),
        there: buffer.as_ptr().wrapping_add(shift),
        count: array.count,
    };
    run(core, move |progress, task| {
        // SAFETY: both hold `count` elements, the one well, and are ours until this has ended.
        unsafe {
            match size {
                4 => Sort { order, progress, item: Fixed::<4> }.all(task, whole),
                8 => Sort { order, progress, item: Fixed::<8> }.all(task, whole),
                16 => Sort { order, progress, item: Fixed::<16> }.all(task, whole),
                size => Sort { order, progress, item: Any(size) }.all(task, whole),
            }
        }
    })
}

/// How elements move.
trait Item: Copy + Send + Sync {
    fn size(self) -> usize;

    /// # Safety
    /// As `copy_nonoverlapping` of `count` elements.
    unsafe fn copy(self, from: *const u8, to: *mut u8, count: usize) {
        // SAFETY: promised by the caller.
        unsafe { ptr::copy_nonoverlapping(from, to, count * self.size()) };
    }
}

/// Elements of a size that is known here: one is moved without a call.
#[derive(Clone, Copy)]
struct Fixed<const SIZE: usize>;

impl<const SIZE: usize> Item for Fixed<SIZE> {
    fn size(self) -> usize {
        SIZE
    }
}

/// Elements of any size.
#[derive(Clone, Copy)]
struct Any(usize);

impl Item for Any {
    fn size(self) -> usize {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Order {
    compare: CompareFunction,
    context: *mut c_void,
}

impl Order {
    /// # Safety
    /// Both point to elements.
    unsafe fn is_before(self, a: *const u8, b: *const u8) -> bool {
        // SAFETY: promised by the caller of the sort.
        unsafe { (self.compare)(a.cast(), b.cast(), self.context) < 0 }
    }
}

// SAFETY: the pointer is only passed on.
unsafe impl Send for Order {}
// SAFETY: as above.
unsafe impl Sync for Order {}

/// Elements in a row, and as much room elsewhere.
#[derive(Clone, Copy)]
struct Run {
    here: *mut u8,
    there: *mut u8,
    count: usize,
}

// SAFETY: whoever has a run may use its memory.
unsafe impl Send for Run {}

/// Two sorted runs, and where they go.
#[derive(Clone, Copy)]
struct Merge {
    left: *const u8,
    right: *const u8,
    lefts: usize,
    rights: usize,
    to: *mut u8,
}

// SAFETY: as for `Run`.
unsafe impl Send for Merge {}

#[derive(Clone, Copy)]
struct Sort<'a, I> {
    order: Order,
    progress: &'a Progress,
    item: I,
}

impl<I: Item> Sort<'_, I> {
    fn at(&self, start: *const u8, index: usize) -> *mut u8 {
        start.cast_mut().wrapping_add(index * self.item.size())
    }

    fn split(&self, run: Run, count: usize) -> (Run, Run) {
        let rest = Run {
            here: self.at(run.here, count),
            there: self.at(run.there, count),
            count: run.count - count,
        };
        (Run { count, ..run }, rest)
    }

    /// Sorts the whole array, if it is not in order already.
    ///
    /// # Safety
    /// `here` holds the elements; both places are the caller's; so below.
    unsafe fn all(&self, task: *mut pool_task_t, run: Run) {
        // SAFETY: promised by the caller.
        unsafe {
            let is_before = |a, b| self.order.is_before(self.at(run.here, a), self.at(run.here, b));
            if (1..run.count).any(|index| is_before(index, index - 1)) {
                self.sort(task, run, false);
            }
        }
    }

    /// Sorts a run where it is, or to the other place.
    unsafe fn sort(&self, task: *mut pool_task_t, run: Run, to_there: bool) {
        // SAFETY: promised by the caller; the halves are apart.
        unsafe {
            if self.progress.is_stopped(task) {
                if to_there {
                    self.item.copy(run.here, run.there, run.count);
                }
                return;
            }
            if run.count <= ALONE {
                return self.sort_alone(run, to_there);
            }
            let (left, right) = self.split(run, run.count / 2);
            fork(
                self.progress,
                task,
                move |task| self.sort(task, left, !to_there),
                move |task| self.sort(task, right, !to_there),
            );
            self.merge(task, self.halves(run, to_there));
        }
    }

    /// As `sort`, on this worker.
    unsafe fn sort_alone(&self, run: Run, to_there: bool) {
        // SAFETY: promised by the caller.
        unsafe {
            if run.count <= SHORT {
                self.insert(run);
                if to_there {
                    self.item.copy(run.here, run.there, run.count);
                }
                return;
            }
            let (left, right) = self.split(run, run.count / 2);
            self.sort_alone(left, !to_there);
            self.sort_alone(right, !to_there);
            self.merge_alone(self.halves(run, to_there));
        }
    }

    /// The halves of a run that have been sorted to the opposite place of where it goes.
    fn halves(&self, run: Run, to_there: bool) -> Merge {
        let (from, to) = if to_there { (run.here, run.there) } else { (run.there, run.here) };
        let lefts = run.count / 2;
        let right = self.at(from, lefts);
        Merge { left: from, right, lefts, rights: run.count - lefts, to }
    }

    /// Sorts a short run where it is; the other place has room for the element in hand.
    unsafe fn insert(&self, run: Run) {
        // SAFETY: promised by the caller; the indices are below `count`.
        unsafe {
            for index in 1..run.count {
                let element = self.at(run.here, index);
                if !self.order.is_before(element, self.at(run.here, index - 1)) {
                    continue;
                }
                self.item.copy(element, run.there, 1);
                let mut hole = index;
                while hole > 0 && self.order.is_before(run.there, self.at(run.here, hole - 1)) {
                    self.item.copy(self.at(run.here, hole - 1), self.at(run.here, hole), 1);
                    hole -= 1;
                }
                self.item.copy(run.there, self.at(run.here, hole), 1);
            }
        }
    }

    /// Merges two runs, with others if they are long.
    unsafe fn merge(&self, task: *mut pool_task_t, merge: Merge) {
        let Merge { left, right, lefts, rights, to } = merge;
        // SAFETY: promised by the caller; what goes to the first half is apart from what does not.
        unsafe {
            if self.progress.is_stopped(task) {
                self.item.copy(left, to, lefts);
                self.item.copy(right, self.at(to, lefts), rights);
                return;
            }
            if lefts + rights <= ALONE {
                return self.merge_alone(merge);
            }
            let half = (lefts + rights) / 2;
            let (mut low, mut high) = (half.saturating_sub(rights), half.min(lefts));
            while low < high {
                let middle = usize::midpoint(low, high);
                // Of equal elements the left ones come first.
                if self.order.is_before(self.at(right, half - middle - 1), self.at(left, middle)) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            let first = Merge { lefts: low, rights: half - low, ..merge };
            let second = Merge {
                left: self.at(left, low),
                right: self.at(right, half - low),
                lefts: lefts - low,
                rights: rights - (half - low),
                to: self.at(to, half),
            };
            fork(
                self.progress,
                task,
                move |task| self.merge(task, first),
                move |task| self.merge(task, second),
            );
        }
    }

    /// Merges two runs on this worker.
    unsafe fn merge_alone(&self, merge: Merge) {
        let Merge { mut left, mut right, lefts, rights, mut to } = merge;
        let (left_end, right_end) = (self.at(left, lefts), self.at(right, rights));
        let size = self.item.size();
        // SAFETY: promised by the caller; no run is read beyond its end.
        unsafe {
            if lefts > 0 && rights > 0 && self.order.is_before(right, self.at(left, lefts - 1)) {
                while left < left_end && right < right_end {
                    let from_right = self.order.is_before(right, left);
                    self.item.copy(if from_right { right } else { left }, to, 1);
                    left = left.add(size * usize::from(!from_right));
                    right = right.add(size * usize::from(from_right));
                    to = to.add(size);
                }
            }
            let rest = left_end as usize - left as usize;
            ptr::copy_nonoverlapping(left, to, rest);
            ptr::copy_nonoverlapping(right, to.add(rest), right_end as usize - right as usize);
        }
    }
}
