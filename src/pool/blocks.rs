#![allow(unsafe_code)]
//! Recycled task blocks, and the gate that close shuts.
//!
//! Blocks are carved from slabs and never go back to the allocator before the pool does. A
//! worker takes and gives blocks in a list of its own; outsiders share a few shards, chosen by
//! thread, each behind a lock that is seldom contended. Lists that run dry or full exchange
//! batches with the depot.
//!
//! An outsider submits under its shard's lock: from the look at `closed` until the task is in
//! the queue. So once `close` has been through all shards, no submission from outside is under
//! way, and none will come.
//!
//! Futures outlive the pool, so the slabs must outlive it while handles are out: `retire` counts
//! the blocks that have not come home, and whoever frees the last of them drops the pool's core.

use super::{
    context::{self, Context},
    core::Core,
    status::{self, Error, Result},
    task::Task,
};
use crate::support::{
    CachePadded,
    sync::{Arc, AtomicIsize, Mutex, MutexGuard, Ordering, lock},
};
use std::{
    alloc::{Layout, alloc, dealloc},
    cell::Cell,
    ptr::{self, NonNull},
};

const SHARDS: usize = 8;
/// Blocks that change hands at a time.
const BATCH: usize = 64;
const FIRST_SLAB: usize = 32;
const LARGEST_SLAB: usize = 8192;

/// A chain of free blocks.
struct List {
    head: *mut Task,
    count: usize,
}

impl List {
    const EMPTY: Self = Self { head: ptr::null_mut(), count: 0 };

    fn push(&mut self, task: NonNull<Task>) {
        // SAFETY: a free block belongs to its list.
        unsafe { task.as_ref() }.next.store(self.head, Ordering::Relaxed);
        self.head = task.as_ptr();
        self.count += 1;
    }

    fn pop(&mut self) -> Option<NonNull<Task>> {
        let task = NonNull::new(self.head)?;
        // SAFETY: a free block belongs to its list.
        self.head = unsafe { task.as_ref() }.next.load(Ordering::Relaxed);
        self.count -= 1;
        Some(task)
    }
}

/// Free blocks at hand: a list in use, and a full batch or nothing, so that taking and giving
/// around a boundary does not go to the depot each time.
struct Stock {
    current: List,
    full: List,
}

impl Stock {
    const EMPTY: Self = Self { current: List::EMPTY, full: List::EMPTY };

    fn pop(&mut self, core: &Core) -> Result<NonNull<Task>> {
        if self.current.count == 0 {
            std::mem::swap(&mut self.current, &mut self.full);
        }
        if self.current.count == 0 {
            self.current = lock(&core.blocks.depot).take(core)?;
        }
        self.current.pop().ok_or_else(|| Error::no_memory("no memory for a task block"))
    }

    fn push(&mut self, core: &Core, task: NonNull<Task>) {
        if self.current.count == BATCH {
            let full = std::mem::replace(&mut self.full, List::EMPTY);
            self.full = std::mem::replace(&mut self.current, List::EMPTY);
            lock(&core.blocks.depot).give(full);
        }
        self.current.push(task);
    }

    fn count(&self) -> usize {
        self.current.count + self.full.count
    }
}

/// A worker's own free blocks; nobody else's while the worker lives.
pub struct Local(Cell<Stock>);

impl Local {
    /// None yet.
    pub const fn new() -> Self {
        Self(Cell::new(Stock::EMPTY))
    }

    fn with<R>(&self, change: impl FnOnce(&mut Stock) -> R) -> R {
        let mut stock = self.0.replace(Stock::EMPTY);
        let result = change(&mut stock);
        self.0.set(stock);
        result
    }
}

struct Shard {
    free: Stock,
    closed: bool,
    retired: bool,
}

struct Slab {
    start: NonNull<Task>,
    blocks: usize,
}

struct Depot {
    /// The first blocks of batches, each of which leads to the next batch's.
    batches: *mut Task,
    /// How many blocks are in the batches.
    free: usize,
    slabs: Vec<Slab>,
    /// Blocks of the newest slab that were never used.
    fresh: usize,
    /// Blocks ever handed out of slabs.
    carved: usize,
}

/// See the module.
pub struct Blocks {
    shards: [CachePadded<Mutex<Shard>>; SHARDS],
    depot: Mutex<Depot>,
    /// After `retire`: blocks still out.
    out: AtomicIsize,
}

// SAFETY: lists are chains of free blocks, which may move between threads.
unsafe impl Send for Blocks {}
// SAFETY: shards and depot are behind locks.
unsafe impl Sync for Blocks {}

/// The right to submit, until it is dropped.
pub struct Entry<'a> {
    core: &'a Core,
    place: Place<'a>,
}

enum Place<'a> {
    Worker(&'a Local),
    Shard(MutexGuard<'a, Shard>),
}

impl Blocks {
    /// No blocks yet.
    pub fn new() -> Self {
        let shard = || {
            CachePadded::new(Mutex::new(Shard {
                free: Stock::EMPTY,
                closed: false,
                retired: false,
            }))
        };
        Self {
            shards: std::array::from_fn(|_| shard()),
            depot: Mutex::new(Depot {
                batches: ptr::null_mut(),
                free: 0,
                slabs: Vec::new(),
                fresh: 0,
                carved: 0,
            }),
            out: AtomicIsize::new(0),
        }
    }

    fn shard(&self) -> MutexGuard<'_, Shard> {
        thread_local!(static HERE: u8 = const { 0 });
        // The address of a thread-local tells threads apart; the product spreads it.
        let here = HERE.with(|here| ptr::from_ref(here) as usize);
        let hash = (here >> 6).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as usize);
        lock(&self.shards[hash >> (usize::BITS - SHARDS.trailing_zeros())])
    }

    /// Enters the pool to submit: running tasks and callbacks always, outsiders until close.
    ///
    /// # Errors
    /// `CLOSED`.
    pub fn enter<'a>(&'a self, core: &'a Core, context: Option<&'a Context>) -> Result<Entry<'a>> {
        let local = context.and_then(|context| context.blocks);
        let place = if let Some(local) = local {
            // SAFETY: the worker's list lives as long as its context, and is this thread's.
            Place::Worker(unsafe { local.as_ref() })
        } else {
            let shard = self.shard();
            if shard.closed && context.is_none() {
                return Err(Error::from(status::CLOSED));
            }
            Place::Shard(shard)
        };
        Ok(Entry { core, place })
    }

    /// Shuts the gate: after this no submission from outside is under way.
    pub fn close(&self) {
        for shard in &self.shards {
            lock(shard).closed = true;
        }
    }

    /// Takes back a block that nobody owns any more.
    pub fn free(&self, task: NonNull<Task>) {
        // SAFETY: the block is alive while its core is.
        let core = unsafe { task.as_ref() }.core();
        if let Some(local) = context::find(core).and_then(|context| context.blocks) {
            // SAFETY: as in `enter`.
            unsafe { local.as_ref() }.with(|stock| stock.push(core, task));
            return;
        }
        let mut shard = self.shard();
        shard.free.push(core, task);
        if shard.retired {
            // Unlocked first: until it is counted, this very block keeps the core alive.
            drop(shard);
            if self.out.fetch_sub(1, Ordering::AcqRel) == 1 {
                // SAFETY: `retire` left one count of the core for the last block.
                unsafe { Arc::decrement_strong_count(core) };
            }
        }
    }

    /// Gives a leaving worker's blocks back.
    pub fn come_home(&self, local: &Local) {
        let stock = local.0.replace(Stock::EMPTY);
        let mut depot = lock(&self.depot);
        depot.give(stock.current);
        depot.give(stock.full);
    }

    /// The pool is gone, its workers have left. While handles are out, the core stays.
    pub fn retire(&self, core: &Arc<Core>) {
        // One count for the blocks that are out, dropped by the last of them or just below.
        std::mem::forget(Arc::clone(core));
        let mut home = 0;
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retired = true;
            home += shard.free.count();
        }
        let out = {
            let depot = lock(&self.depot);
            (depot.carved - depot.free - home).cast_signed()
        };
        if self.out.fetch_add(out, Ordering::AcqRel) + out == 0 {
            // SAFETY: the count forgotten above.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(core)) };
        }
    }
}

impl Depot {
    /// A batch: given back before, or else new.
    fn take(&mut self, core: &Core) -> Result<List> {
        let Some(head) = NonNull::new(self.batches) else { return self.carve(core) };
        // SAFETY: the block is free, and the depot's.
        let (next, count) = unsafe { head.as_ref() }.batch();
        self.batches = next;
        self.free -= count;
        Ok(List { head: head.as_ptr(), count })
    }

    fn give(&mut self, list: List) {
        if let Some(head) = NonNull::new(list.head) {
            // SAFETY: the block is free, and the list's.
            unsafe { head.as_ref() }.set_batch(self.batches, list.count);
            self.batches = list.head;
            self.free += list.count;
        }
    }

    /// Up to one batch of blocks that were never used.
    fn carve(&mut self, core: &Core) -> Result<List> {
        let error = || Error::no_memory("no memory for task blocks");
        if self.fresh == 0 {
            let blocks =
                self.slabs.last().map_or(FIRST_SLAB, |slab| (slab.blocks * 2).min(LARGEST_SLAB));
            let layout = Layout::array::<Task>(blocks).map_err(|_| error())?;
            self.slabs.try_reserve(1).map_err(|_| error())?;
            // SAFETY: the layout has a size.
            let start = NonNull::new(unsafe { alloc(layout) }).ok_or_else(error)?.cast::<Task>();
            self.slabs.push(Slab { start, blocks });
            self.fresh = blocks;
        }
        let Some(slab) = self.slabs.last() else {
            return Err(error());
        };
        let count = self.fresh.min(BATCH);
        let end = slab.blocks - self.fresh + count;
        let mut list = List::EMPTY;
        for index in (end - count..end).rev() {
            // SAFETY: inside the slab, and not carved before.
            let task = unsafe { slab.start.add(index) };
            // SAFETY: as above; nobody else knows the block yet.
            unsafe { task.write(Task::empty(core)) };
            list.push(task);
        }
        self.fresh -= count;
        self.carved += count;
        Ok(list)
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        for slab in &self.slabs {
            if let Ok(layout) = Layout::array::<Task>(slab.blocks) {
                // SAFETY: allocated in `carve` with this layout. Free blocks own nothing.
                unsafe { dealloc(slab.start.as_ptr().cast(), layout) };
            }
        }
    }
}

impl Entry<'_> {
    /// An empty block, the caller's alone.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn allocate(&mut self) -> Result<NonNull<Task>> {
        let core = self.core;
        self.with(|stock| stock.pop(core))
    }

    /// Takes back a block that was allocated here and not used.
    pub fn give_back(&mut self, task: NonNull<Task>) {
        let core = self.core;
        self.with(|stock| stock.push(core, task));
    }

    fn with<R>(&mut self, change: impl FnOnce(&mut Stock) -> R) -> R {
        match &mut self.place {
            Place::Worker(local) => local.with(change),
            Place::Shard(shard) => change(&mut shard.free),
        }
    }
}
