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
//! under way, and none will come; and one thread at a time puts tasks into a lane's queue.
//!
//! Futures outlive the pool, so the slabs must outlive it while handles are out: `retire` counts
//! the blocks that have not come home, and whoever frees the last of them drops the pool's core.

use super::{
    context::{self, Context},
    core::Core,
    status::{self, Error, Result},
    task::{Batch, CARRIED, Task},
};
use crate::support::{
    CachePadded,
    lock::{Held, Lock},
    process::Uncancellable,
    sync::{Arc, AtomicIsize, AtomicUsize, Mutex, Ordering, lock},
};
use std::{
    alloc::{Layout, alloc, dealloc},
    cell::{Cell, UnsafeCell},
    ffi::c_void,
    ptr::{self, NonNull},
};

/// As many outsiders submit without meeting, if they are dealt out evenly.
pub const LANES: usize = 16;
/// Blocks that change hands at a time.
const BATCH: usize = 63;
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
struct Stock {
    current: List,
    full: List,
}

impl Stock {
    const EMPTY: Self = Self { current: List::EMPTY, full: List::EMPTY };

    #[inline]
    fn pop(&mut self, core: &Core) -> Result<NonNull<Task>> {
        match self.current.pop() {
            Some(task) => Ok(task),
            None => self.refill(core),
        }
    }

    #[cold]
    fn refill(&mut self, core: &Core) -> Result<NonNull<Task>> {
        std::mem::swap(&mut self.current, &mut self.full);
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
pub struct Local(UnsafeCell<Stock>);

impl Local {
    /// None yet.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Stock::EMPTY))
    }
}

struct Lane {
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
    lanes: [CachePadded<Lock<Lane>>; LANES],
    depot: Mutex<Depot>,
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
    /// The worker's own, or the lane's, which is locked.
    stock: NonNull<Stock>,
    _lane: Option<Held<'a, Lane>>,
}

/// Where a task enters the engine.
#[derive(Clone, Copy)]
pub enum Door {
    /// By a worker: what the engine keeps for it.
    Worker(NonNull<c_void>),
    /// By an outsider, who holds the lock of this lane.
    Lane(usize),
}

impl Blocks {
    /// No blocks yet.
    pub fn new() -> Self {
        let lane = || {
            CachePadded::new(Lock::new(Lane { free: Stock::EMPTY, closed: false, retired: false }))
        };
        Self {
            lanes: std::array::from_fn(|_| lane()),
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

    /// The lane of the calling thread: threads are dealt out one after the other.
    #[inline]
    fn lane(&self) -> (Held<'_, Lane>, usize) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static LANE: Cell<usize> = const { Cell::new(LANES) });
        let mut lane = LANE.get();
        if lane == LANES {
            lane = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
            LANE.set(lane);
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
        if let Some((local, engine)) = worker {
            // SAFETY: the worker's list lives as long as its context.
            let stock = unsafe { local.as_ref() }.0.get();
            let stock = NonNull::new(stock).expect("a cell has an address");
            return Ok(Entry { core, door: Door::Worker(engine), stock, _lane: None });
        }
        let (mut lane, number) = self.lane();
        if lane.closed && context.is_none() {
            return Err(Error::from(status::CLOSED));
        }
        let stock = NonNull::from(&mut lane.free);
        Ok(Entry { core, door: Door::Lane(number), stock, _lane: Some(lane) })
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
        depot.give(stock.current);
        depot.give(stock.full);
    }

    /// The pool is gone, its workers have left. While handles are out, the core stays.
    pub fn retire(&self, core: &Arc<Core>) {
        // One count for the blocks that are out, dropped by the last of them or just below.
        std::mem::forget(Arc::clone(core));
        let mut home = 0;
        for lane in &self.lanes {
            let mut lane = lane.lock();
            lane.retired = true;
            home += lane.free.count();
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
        let Batch { next, count, carried } = unsafe { head.as_ref() }.batch();
        self.batches = next;
        self.free -= count;
        Ok(List { head: head.as_ptr(), carried, count })
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
    #[inline]
    pub fn allocate(&mut self) -> Result<NonNull<Task>> {
        let core = self.core;
        self.stock().pop(core)
    }

    /// Takes back a block that was allocated here and not used.
    pub fn give_back(&mut self, task: NonNull<Task>) {
        let core = self.core;
        self.stock().push(core, task);
    }

    /// Where what is submitted by this right enters the engine.
    pub fn door(&self) -> Door {
        self.door
    }

    fn stock(&mut self) -> &mut Stock {
        // SAFETY: the list is this thread's, or locked, and used by nobody else meanwhile.
        unsafe { self.stock.as_mut() }
    }
}
