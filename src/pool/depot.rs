#![allow(unsafe_code)]
//! Free blocks: lists of them, and the depot that lists come from and go to.

use super::{
    core::Core,
    status::{Error, Result},
    task::{Batch, CARRIED, Task},
};
use crate::support::sync::{Ordering, lock};
use std::{
    alloc::{Layout, alloc, dealloc},
    ptr::{self, NonNull},
};

/// Blocks that change hands at a time.
const BATCH: usize = if cfg!(shuttle) { 3 } else { 63 };
/// So many blocks ahead of need a block's lines are asked for.
const AHEAD: usize = 2;
const FIRST_SLAB: usize = 32;
const LARGEST_SLAB: usize = 8192;

/// Free blocks. Some of them carry the addresses of others, and are linked: so the block that is
/// handed out next is known, and its cache lines can be fetched, before it is touched; it was
/// probably another processor that used it last.
struct List {
    /// The first carrier. Those behind it are full.
    head: *mut Task,
    /// How many addresses it carries.
    carried: usize,
    /// Carriers and carried.
    count: usize,
}

impl List {
    const EMPTY: Self = Self { head: ptr::null_mut(), carried: 0, count: 0 };

    fn push(&mut self, task: NonNull<Task>) {
        self.count += 1;
        // SAFETY: free blocks belong to their list.
        if let Some(head) = unsafe { self.head.as_ref() }
            && self.carried < CARRIED
        {
            head.carry(self.carried, task.as_ptr());
            self.carried += 1;
        } else {
            // SAFETY: as above.
            unsafe { task.as_ref() }.next.store(self.head, Ordering::Relaxed);
            self.head = task.as_ptr();
            self.carried = 0;
        }
    }

    fn pop(&mut self) -> Option<NonNull<Task>> {
        let head = NonNull::new(self.head)?;
        // SAFETY: free blocks belong to their list.
        let carrier = unsafe { head.as_ref() };
        self.count -= 1;
        if self.carried == 0 {
            self.head = carrier.next.load(Ordering::Relaxed);
            self.carried = CARRIED;
            return Some(head);
        }
        self.carried -= 1;
        let soon = match self.carried.checked_sub(AHEAD) {
            Some(index) => carrier.carried(index),
            None => carrier.next.load(Ordering::Relaxed),
        };
        Task::prefetch(soon);
        NonNull::new(carrier.carried(self.carried))
    }
}

/// Free blocks at hand: a list in use, and a full batch or nothing, so that taking and giving
/// around a boundary does not go to the depot each time.
pub struct Stock {
    current: List,
    full: List,
}

impl Stock {
    /// None.
    pub const EMPTY: Self = Self { current: List::EMPTY, full: List::EMPTY };

    /// A block.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    #[inline]
    pub fn pop(&mut self, core: &Core) -> Result<NonNull<Task>> {
        match self.current.pop() {
            Some(task) => Ok(task),
            None => Ok(self.refill(core, 0)?.0),
        }
    }

    /// A block, and how many came out of the depot of those that were promised.
    #[cold]
    fn refill(&mut self, core: &Core, promised: usize) -> Result<(NonNull<Task>, usize)> {
        std::mem::swap(&mut self.current, &mut self.full);
        let mut taken = 0;
        if self.current.count == 0 {
            self.current = lock(&core.blocks.depot).take(core, promised)?;
            taken = self.current.count.min(promised);
        }
        let task = self.current.pop();
        Ok((task.ok_or_else(|| Error::no_memory("no memory for a task block"))?, taken))
    }

    /// A block out of those that were promised, and how many of these came out of the depot for it.
    #[inline]
    pub fn pop_promised(&mut self, core: &Core, promised: usize) -> (NonNull<Task>, usize) {
        match self.current.pop() {
            Some(task) => (task, 0),
            None => self.refill(core, promised).expect("the block was promised"),
        }
    }

    /// Takes a block back.
    pub fn push(&mut self, core: &Core, task: NonNull<Task>) {
        if self.current.count == BATCH {
            let full = std::mem::replace(&mut self.full, List::EMPTY);
            self.full = std::mem::replace(&mut self.current, List::EMPTY);
            lock(&core.blocks.depot).give(full);
        }
        self.current.push(task);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.current.count + self.full.count
    }
}

struct Slab {
    start: NonNull<Task>,
    blocks: usize,
    /// Those at the end that were never used.
    fresh: usize,
}

/// All the blocks that nobody has at hand.
pub struct Depot {
    /// The first blocks of batches, each of which leads to the next batch's.
    batches: *mut Task,
    /// How many blocks are in the batches.
    free: usize,
    slabs: Vec<Slab>,
    /// Blocks of all slabs that were never used.
    fresh: usize,
    /// Blocks ever handed out of slabs.
    carved: usize,
    /// So many of the free and the fresh ones are for somebody who was promised them.
    promised: usize,
}

impl Depot {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            batches: ptr::null_mut(),
            free: 0,
            slabs: Vec::new(),
            fresh: 0,
            carved: 0,
            promised: 0,
        }
    }

    /// How many blocks are not here.
    pub fn out(&self) -> usize {
        self.carved - self.free
    }

    /// Takes back all blocks that somebody had at hand.
    pub fn take_back(&mut self, stock: Stock) {
        self.give(stock.current);
        self.give(stock.full);
    }

    /// So many of the promised blocks are not needed after all.
    pub fn break_promise(&mut self, count: usize) {
        self.promised -= count;
    }

    /// A batch: given back before, or else new. The caller was promised so many of all: to such a
    /// one it never fails.
    fn take(&mut self, core: *const Core, promised: usize) -> Result<List> {
        let others = self.promised - promised;
        let enough = if others == 0 { 1 } else { others + BATCH };
        let missing = enough.saturating_sub(self.free + self.fresh);
        if missing > 0
            && let Err(error) = self.add_slab(missing)
        {
            return if promised > 0 { Ok(self.take_one(core)) } else { Err(error) };
        }
        let list = self.take_free().unwrap_or_else(|| self.carve(core));
        self.promised -= promised.min(list.count);
        Ok(list)
    }

    /// One block of those that were promised, where a whole batch might be others'.
    fn take_one(&mut self, core: *const Core) -> List {
        let mut one = List::EMPTY;
        let mut list = self.take_free().unwrap_or_else(|| self.carve(core));
        if let Some(task) = list.pop() {
            one.push(task);
            self.promised -= 1;
        }
        self.give(list);
        one
    }

    /// A batch that was given back.
    fn take_free(&mut self) -> Option<List> {
        let head = NonNull::new(self.batches)?;
        // SAFETY: the block is free, and the depot's.
        let Batch { next, count, carried } = unsafe { head.as_ref() }.batch();
        self.batches = next;
        self.free -= count;
        Some(List { head: head.as_ptr(), carried, count })
    }

    fn give(&mut self, list: List) {
        if let Some(head) = NonNull::new(list.head) {
            // SAFETY: the block is free, and the list's.
            unsafe { head.as_ref() }.set_batch(&Batch {
                next: self.batches,
                count: list.count,
                carried: list.carried,
            });
            self.batches = list.head;
            self.free += list.count;
        }
    }

    /// Sees to it that `count` blocks more than were promised to others are there; memory that was
    /// never touched counts.
    pub fn promise(&mut self, count: usize) -> Result<()> {
        let missing = (self.promised + count).saturating_sub(self.free + self.fresh);
        if missing > 0 {
            self.add_slab(missing)?;
        }
        self.promised += count;
        Ok(())
    }

    /// A slab with `least` blocks, or more.
    fn add_slab(&mut self, least: usize) -> Result<()> {
        let error = || Error::no_memory("no memory for task blocks");
        let next = self.slabs.last().map_or(FIRST_SLAB, |slab| slab.blocks * 2);
        let blocks = next.min(LARGEST_SLAB).max(least);
        let layout = Layout::array::<Task>(blocks).map_err(|_| error())?;
        self.slabs.try_reserve(1).map_err(|_| error())?;
        // SAFETY: the layout has a size.
        let start = NonNull::new(unsafe { alloc(layout) }).ok_or_else(error)?.cast::<Task>();
        self.slabs.push(Slab { start, blocks, fresh: blocks });
        self.fresh += blocks;
        Ok(())
    }

    /// Up to one batch of blocks that were never used.
    fn carve(&mut self, core: *const Core) -> List {
        let mut list = List::EMPTY;
        let newest = self.slabs.iter_mut().rev().find(|slab| slab.fresh > 0);
        let Some(slab) = newest else { return list };
        let count = slab.fresh.min(BATCH);
        let end = slab.blocks - slab.fresh + count;
        slab.fresh -= count;
        for index in (end - count..end).rev() {
            // SAFETY: inside the slab, and not carved before.
            let task = unsafe { slab.start.add(index) };
            // SAFETY: as above; nobody else knows the block yet.
            unsafe { task.write(Task::empty(core)) };
            list.push(task);
        }
        self.fresh -= count;
        self.carved += count;
        list
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        for slab in &self.slabs {
            if let Ok(layout) = Layout::array::<Task>(slab.blocks) {
                // SAFETY: allocated in `add_slab` with this layout. Free blocks own nothing.
                unsafe { dealloc(slab.start.as_ptr().cast(), layout) };
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// No slab is large enough for what others were promised besides.
    #[test]
    fn a_promise_is_kept_when_there_is_no_memory_for_others() {
        let mut depot = Depot::new();
        depot.promise(100).expect("memory");
        depot.promised += usize::MAX / 2;
        for left in (1..=100).rev() {
            let mut list = depot.take(ptr::null(), left).expect("promised");
            assert_eq!(list.count, 1);
            assert!(list.pop().is_some());
        }
        assert!(depot.take(ptr::null(), 0).is_err());
        assert_eq!(depot.promised, usize::MAX / 2);
        assert_eq!(depot.out(), 100);
    }

    /// Whatever others take, as many as were promised stay; and what was taken is promised no more.
    #[test]
    fn what_is_promised_is_left_by_others() {
        let mut depot = Depot::new();
        let (mut first, mut second) = (1000, 500);
        depot.promise(first).expect("memory");
        depot.promise(second).expect("memory");
        assert!(depot.free + depot.fresh >= first + second);
        let mut taken = 0;
        while first + second > 0 {
            for promised in [&mut first, &mut second, &mut 0] {
                let count = depot.take(ptr::null(), *promised).expect("memory").count;
                *promised -= count.min(*promised);
                taken += count;
            }
            assert_eq!(depot.promised, first + second);
            assert!(depot.free + depot.fresh >= depot.promised);
            assert_eq!(depot.out(), taken);
        }
    }
}
