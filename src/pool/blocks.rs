#![allow(unsafe_code)]
//! Recycled task blocks, and the gate that close shuts.
//!
//! Blocks are carved from slabs and never go back to the allocator before the pool does. A
//! worker takes and gives blocks in a list of its own; outsiders share a few lanes, chosen by
//! thread, each behind a lock that is seldom contended. Lists that run dry or full exchange
//! batches with the depot.
//!
//! An outsider submits under its lane's lock: from the look at `closed` until the task is in
//! the lane's queue. So once `close` has been through all lanes, no submission from outside is
//! under way, and none will come, but of tasks from the agenda, which keep the pool from being
//! finished; and one thread at a time puts tasks into a lane's queue.
//!
//! Futures outlive the pool, so the slabs must outlive it while handles are out: `retire` counts
//! the blocks that have not come home, and whoever frees the last of them drops the pool's core.

use super::{
    context::{self, Context},
    core::Core,
    depot::{Depot, Stock},
    priority::Level,
    status::{self, Error, Result},
    task::Task,
};
use crate::support::{
    CachePadded,
    lock::{Held, Lock},
    process::Uncancellable,
    sync::{Arc, AtomicIsize, AtomicU64, AtomicUsize, Mutex, Ordering, lock, thread_local},
};
use std::{
    cell::{Cell, UnsafeCell},
    ffi::c_void,
    ptr::NonNull,
};

/// As many outsiders submit without meeting, if they are dealt out evenly.
pub const LANES: usize = 16;
/// A worker's own free blocks; nobody else's while the worker lives.
pub struct Local(UnsafeCell<Stock>);

impl Local {
    /// None yet.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Stock::EMPTY))
    }
}

struct Lane {
    free: Stock,
    /// How many were submitted here; an atomic because those of workers are.
    submitted: AtomicU64,
    closed: bool,
    retired: bool,
}

/// See the module.
pub struct Blocks {
    lanes: [CachePadded<Lock<Lane>>; LANES],
    pub(super) depot: Mutex<Depot>,
    /// After `retire`: blocks still out.
    out: AtomicIsize,
}

// SAFETY: lists are chains of free blocks, which may move between threads.
unsafe impl Send for Blocks {}
// SAFETY: lanes and depot are behind locks.
unsafe impl Sync for Blocks {}

/// The right to submit, until it is dropped.
pub struct Entry<'a> {
    core: &'a Core,
    door: Door,
    /// So many blocks can still be had for certain.
    promised: usize,
    /// The worker's own, or the lane's, which is locked.
    stock: NonNull<Stock>,
    /// The same, as a count that nobody else writes meanwhile.
    submitted: NonNull<AtomicU64>,
    _lane: Option<Held<'a, Lane>>,
}

/// Where a task enters the engine.
#[derive(Clone, Copy)]
pub enum Door {
    /// By a worker: what the engine keeps for it.
    Worker(NonNull<c_void>),
    /// By an outsider, who holds the lock of this lane.
    Lane(usize),
    /// By anybody: a task that goes ahead of others.
    High,
    /// By anybody: a task that lets others go ahead.
    Low,
}

impl Blocks {
    /// No blocks yet.
    pub fn new() -> Self {
        let lane = || {
            CachePadded::new(Lock::new(Lane {
                free: Stock::EMPTY,
                submitted: AtomicU64::new(0),
                closed: false,
                retired: false,
            }))
        };
        Self {
            lanes: std::array::from_fn(|_| lane()),
            depot: Mutex::new(Depot::new()),
            out: AtomicIsize::new(0),
        }
    }

    /// The lane of the calling thread: threads are dealt out one after the other.
    #[inline]
    fn lane(&self) -> (Held<'_, Lane>, usize) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static LANE: Cell<usize> = const { Cell::new(LANES) });
        let mut lane = LANE.with(Cell::get);
        if lane == LANES {
            lane = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
            LANE.with(|here| here.set(lane));
        }
        (self.lanes[lane].lock(), lane)
    }

    /// Enters the pool to submit: running tasks and callbacks always, outsiders until close.
    ///
    /// # Errors
    /// `CLOSED`.
    #[inline]
    pub fn enter<'a>(&'a self, core: &'a Core, context: Option<&'a Context>) -> Result<Entry<'a>> {
        let worker = context.and_then(|context| context.blocks.zip(context.engine));
        if let Some((context, (local, engine))) = context.zip(worker) {
            // SAFETY: the worker's list lives as long as its context.
            let stock = unsafe { local.as_ref() }.0.get();
            let stock = NonNull::new(stock).expect("a cell has an address");
            let submitted = NonNull::from(context.tally().submitted());
            let door = Door::Worker(engine);
            return Ok(Entry { core, door, promised: 0, stock, submitted, _lane: None });
        }
        let (lane, number) = self.lane();
        if lane.closed && context.is_none() {
            return Err(Error::from(status::CLOSED));
        }
        Ok(Entry::by_lane(core, lane, number))
    }

    /// How many were submitted by outsiders.
    pub fn submitted(&self) -> u64 {
        let of = |lane: &CachePadded<Lock<Lane>>| lane.lock().submitted.load(Ordering::Relaxed);
        self.lanes.iter().map(of).sum()
    }

    /// Enters the pool with a task that was accepted before: also after close.
    pub fn enter_late<'a>(&'a self, core: &'a Core, context: Option<&'a Context>) -> Entry<'a> {
        if let Some(Ok(entry)) = context.map(|context| self.enter(core, Some(context))) {
            return entry;
        }
        let (lane, number) = self.lane();
        Entry::by_lane(core, lane, number)
    }

    /// Shuts the gate: after this no submission from outside is under way.
    pub fn close(&self) {
        for lane in &self.lanes {
            lane.lock().closed = true;
        }
    }

    /// Takes back a block that nobody owns any more.
    pub fn free(&self, task: NonNull<Task>) {
        // SAFETY: the block is alive while its core is.
        let core = unsafe { task.as_ref() }.core();
        if let Some(local) = context::find(core).and_then(|context| context.blocks) {
            // SAFETY: as in `enter`; the list is this thread's, and nobody is at it.
            unsafe { &mut *local.as_ref().0.get() }.push(core, task);
            return;
        }
        let (mut lane, _) = self.lane();
        lane.free.push(core, task);
        if lane.retired {
            // Unlocked first: until it is counted, this very block keeps the core alive.
            drop(lane);
            let _put_off = Uncancellable::new();
            if self.out.fetch_sub(1, Ordering::AcqRel) == 1 {
                // SAFETY: `retire` left one count of the core for the last block.
                unsafe { Arc::decrement_strong_count(core) };
            }
        }
    }

    /// Gives a leaving worker's blocks back.
    pub fn come_home(&self, local: &Local) {
        // SAFETY: the leaving worker's own list.
        let stock = std::mem::replace(unsafe { &mut *local.0.get() }, Stock::EMPTY);
        let mut depot = lock(&self.depot);
        depot.take_back(stock);
    }

    /// The pool is gone, its workers have left. While handles are out, the core stays.
    pub fn retire(&self, core: &Arc<Core>) {
        // One count for the blocks that are out, dropped by the last of them or just below.
        std::mem::forget(Arc::clone(core));
        let out = {
            // All at once: a block that comes home meanwhile may push others from its lane into
            // the depot, and these must not be counted twice.
            let mut lanes = self.lanes.each_ref().map(|lane| lane.lock());
            let mut home = 0;
            for lane in &mut lanes {
                lane.retired = true;
                home += lane.free.count();
            }
            (lock(&self.depot).out() - home).cast_signed()
        };
        if self.out.fetch_add(out, Ordering::AcqRel) + out == 0 {
            // SAFETY: the count forgotten above.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(core)) };
        }
    }
}

#[cfg(shuttle)]
impl Drop for Blocks {
    /// Whoever still had a block would have it in memory that is freed.
    fn drop(&mut self) {
        let home: usize = self.lanes.iter().map(|lane| lane.lock().free.count()).sum();
        assert_eq!(lock(&self.depot).out(), home, "the pool's memory goes before its blocks");
    }
}

impl<'a> Entry<'a> {
    #[inline]
    fn by_lane(core: &'a Core, mut lane: Held<'a, Lane>, number: usize) -> Self {
        let stock = NonNull::from(&mut lane.free);
        let submitted = NonNull::from(&lane.submitted);
        let door = Door::Lane(number);
        Self { core, door, promised: 0, stock, submitted, _lane: Some(lane) }
    }

    /// An empty block, the caller's alone.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    #[inline]
    pub fn allocate(&mut self) -> Result<NonNull<Task>> {
        let core = self.core;
        let task = self.stock().pop(core)?;
        self.count(1);
        Ok(task)
    }

    #[inline]
    fn count(&self, change: i64) {
        // SAFETY: the counter is this thread's, or its lane is locked.
        let submitted = unsafe { self.submitted.as_ref() };
        let count = submitted.load(Ordering::Relaxed).wrapping_add_signed(change);
        submitted.store(count, Ordering::Relaxed);
    }

    /// Sees to it that `count` blocks can be had by `allocate_promised`.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn promise(&mut self, count: usize) -> Result<()> {
        lock(&self.core.blocks.depot).promise(count)?;
        self.promised += count;
        Ok(())
    }

    /// An empty block, the caller's alone, of those that were promised.
    pub fn allocate_promised(&mut self) -> NonNull<Task> {
        let (core, promised) = (self.core, self.promised);
        let (task, taken) = self.stock().pop_promised(core, promised);
        self.promised -= taken;
        self.count(1);
        task
    }

    /// Takes back a block that was allocated here and not used.
    pub fn give_back(&mut self, task: NonNull<Task>) {
        let core = self.core;
        self.stock().push(core, task);
        self.count(-1);
    }

    /// Where what is submitted by this right enters the engine.
    pub fn door(&self) -> Door {
        self.door
    }

    /// The same, for a task of that level.
    #[inline]
    pub fn door_for(&self, level: Level) -> Door {
        match level {
            Level::High => Door::High,
            Level::Normal => self.door,
            Level::Low => Door::Low,
        }
    }

    fn stock(&mut self) -> &mut Stock {
        // SAFETY: the list is this thread's, or locked, and used by nobody else meanwhile.
        unsafe { self.stock.as_mut() }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.promised > 0 {
            lock(&self.core.blocks.depot).break_promise(self.promised);
        }
    }
}
