#![allow(unsafe_code)]
//! What lies where in the memory that the host and its workers share.
//!
//! ```text
//! | orders   | bell, hints, sleepers, slots | arguments | shared   | one region per worker:     |
//! |          |                              |           |          | record, reports, slab      |
//! | host     | host and workers             | host      | everyone | that worker                |  who writes
//! ```
//!
//! What the host needs to trust it keeps elsewhere: all it reads here, it checks. Everything that
//! two processes touch is an atomic; zero bytes are the right beginning for all of it.

use super::{
    hints::{Ends, Hints},
    word::{SLOT_BITS, Word},
};
use crate::{
    pool::{
        priority::{LEVELS, Level},
        progress::Progress,
    },
    support::{
        CachePadded,
        sync::{AtomicI32, AtomicU32, AtomicU64, Ordering},
    },
    sys::{
        futex,
        memory::{Mapping, page},
        this_process,
    },
};
use std::{io, mem::size_of, ops::Range, ptr::NonNull};

/// Bytes for argument and result inside a slot: as many as inside a task's block.
pub const INLINE: usize = crate::pool::payload::INLINE;

/// In `Slot::kind`: argument and result lie in `inline`.
pub const IS_INLINE: u32 = 1;
/// In `Slot::kind`: the argument is a pointer.
pub const IS_POINTER: u32 = 2;
/// In `Slot::kind`: a piece of a map.
pub const IS_MAP: u32 = 4;
/// In `Slot::kind`: every item of the map has a status.
pub const HAS_STATUSES: u32 = 8;
/// In `Slot::kind`: a task with a context.
pub const HAS_CONTEXT: u32 = 16;
/// In `Slot::kind`: the run, or that of each item, has a limit: `started_at` is wanted.
pub const HAS_LIMIT: u32 = 32;
/// In `Slot::kind`: the task was begun before, or the items may be: see `MapSlot::attempts`.
pub const HAS_ATTEMPTS: u32 = 64;
/// From this bit on: the kind of the map's `Body`.
pub const BODY: u32 = 7;

/// In `Slot::message_len`: the task has said how far it has come.
pub const HAS_SAID: u32 = 1 << 31;

/// A task on its way through a worker. The first line is all that one without bytes of its own
/// touches; with a small argument or result it is two.
#[repr(C, align(64))]
pub struct Slot {
    /// Where it is.
    pub word: Word,
    /// What to run: a module of the catalog, and the offset in it. From here to `arg` written by
    /// the host before `publish`, and read by who has claimed the task.
    pub offset: AtomicU64,
    /// See `offset`.
    pub module: AtomicU32,
    /// The flags above.
    pub kind: AtomicU32,
    /// The size of the argument; in a map the distance between them.
    pub arg_size: AtomicU64,
    /// The size of the result, or of each.
    pub result_size: AtomicU64,
    /// The argument's address, or the pointer that is the argument; a map's first argument.
    pub arg: AtomicU64,
    /// How it ended. By the worker, as are the next two, before `finish`.
    pub status: AtomicI32,
    /// The sentence about a failure: its length, and its offset in the slab. `HAS_SAID` beside it.
    pub message_len: AtomicU32,
    /// The result, if it is not inline: its offset in the slab.
    pub result_at: AtomicU64,
    /// Argument and result, if both are small.
    pub inline: [AtomicU64; INLINE / 8],
    /// See `result_at`. By the worker.
    pub result_len: AtomicU64,
    /// See `message_len`. By the worker.
    pub message_at: AtomicU64,
    /// When the task, or the item, was started (`sys::clock`), if there is a limit. By the worker.
    pub started_at: AtomicU64,
    /// How far the task says it has come. By the worker, with the generation as the owner.
    pub said: Progress,
    /// What is only for pieces of maps.
    pub map: MapSlot,
}

/// A piece of a map.
#[repr(C, align(64))]
pub struct MapSlot {
    /// The item, counted from `first`, that is running; all before it are done. By the worker.
    pub progress: AtomicU64,
    /// The first item. From here on by the host.
    pub first: AtomicU64,
    /// How many items.
    pub count: AtomicU64,
    /// Where the results go in place; 0: to the slab.
    pub results: AtomicU64,
    /// What the results' places held before; 0: nothing that is needed.
    pub before: AtomicU64,
    /// What the function sees as its context; of a task, if the slot's kind has `HAS_CONTEXT`.
    pub context: AtomicU64,
    /// Where the items' statuses are in the slab. By the worker.
    pub statuses_at: AtomicU64,
    /// How often the task was begun before, if the slot's kind has `HAS_ATTEMPTS`. By the host.
    pub attempts: AtomicU64,
}

/// In `Slot::result_at`: the result is inline, or there is none.
pub const AT_HOME: u64 = u64::MAX;

/// What a worker says about itself.
#[repr(C)]
pub struct Record {
    /// The process of the worker that was last made.
    pub pid: AtomicI32,
    /// The incarnation that is ready to run tasks.
    pub ready: AtomicU32,
    /// The incarnation that is leaving because it has done enough.
    pub leaving: AtomicU32,
    /// What the initializer of incarnation `failed` returned.
    pub status: AtomicI32,
    /// See `status`.
    pub failed: AtomicU32,
    /// How often it has slept, and for how long it was awake before that, in nanoseconds.
    pub sleeps: AtomicU64,
    /// See `sleeps`.
    pub busy: AtomicU64,
    /// When it was last woken (`sys::clock`); 0 while it sleeps.
    pub awake_since: AtomicU64,
    /// Not 0 once the slab was used beyond what is kept.
    pub high: AtomicU32,
    /// How many reports there have been, for ever.
    pub reports: CachePadded<AtomicU32>,
}

/// What a worker is to do; written by the host.
pub const PARKED: u32 = 0;
/// Take tasks.
pub const WORK: u32 = 1;
/// End after the task in hand.
pub const LEAVE: u32 = 2;

/// In `Memory::sleepers`: it works, or looks for work without having said so.
pub const AWAKE: u32 = 0;
/// It sleeps, or is about to once it has looked again.
pub const ASLEEP: u32 = 1;
/// It looks for work, and need not be woken for one more task. When it finds one, it looks
/// whether there is another, and wakes another worker for that.
pub const SEARCHING: u32 = 2;

/// Sizes and offsets.
#[derive(Clone, Debug)]
pub struct Layout {
    /// How many workers, spare ones included.
    pub workers: usize,
    /// How many slots, a power of two.
    pub slots: usize,
    control: usize,
    fresh: [usize; LEVELS],
    returned: usize,
    sleepers: usize,
    slots_at: usize,
    /// Memory for arguments.
    pub arguments: Range<usize>,
    /// Memory for `pool_shared_alloc`.
    pub shared: Range<usize>,
    regions: usize,
    reports: usize,
    slab: usize,
    region: usize,
    total: usize,
}

const GIB: usize = 1 << 30;
/// A worker's ring of reports is so many times longer than there are slots.
const REPORTS: usize = 2;
/// Where the orders begin: behind `pieces` and `has_levels`.
const ORDERS: usize = 64;

impl Layout {
    /// The layout for so many workers; `shrink` halves what is sparse, again and again.
    fn new(workers: usize, shrink: u32) -> Option<Self> {
        let page = page();
        let up = |at: usize| at.next_multiple_of(page);
        let slots = (workers * 32).next_power_of_two().clamp(1024, 1 << SLOT_BITS);
        let control = up(ORDERS + size_of::<u32>() * workers);
        let ring = size_of::<Ends>() + slots * 8;
        let fresh = control + size_of::<CachePadded<AtomicU32>>();
        let fresh = [fresh, fresh + ring, fresh + 2 * ring];
        let returned = fresh[LEVELS - 1] + ring;
        let sleepers = returned + ring;
        let slots_at = (sleepers + workers * 4).next_multiple_of(align_of::<Slot>());
        let arguments = up(slots_at + slots * size_of::<Slot>());
        let shared = arguments + up(((64 * GIB) >> shrink).max(1 << 20));
        let regions = shared + up(((64 * GIB) >> shrink).max(1 << 20));
        let reports = size_of::<Record>().next_multiple_of(64);
        let slab = up(reports + REPORTS * slots * 4);
        let region = slab + up(((16 * GIB) >> shrink).max(1 << 20));
        let total = regions.checked_add(region.checked_mul(workers)?)?;
        Some(Self {
            workers,
            slots,
            control,
            fresh,
            returned,
            sleepers,
            slots_at,
            arguments: arguments..shared,
            shared: shared..regions,
            regions,
            reports,
            slab,
            region,
            total,
        })
    }

    /// The slab of a worker.
    pub fn slab(&self, worker: usize) -> Range<usize> {
        let start = self.regions + worker * self.region;
        start + self.slab..start + self.region
    }
}

/// So often is halved what is sparse when little is to be mapped.
const LITTLE: u32 = 10;

/// The memory, and its parts.
pub struct Memory {
    mapping: Mapping,
    /// What lies where.
    pub layout: Layout,
}

// SAFETY: the memory is shared by its very nature; all that is touched concurrently is atomic.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory for so many workers, as much as the process may map.
    ///
    /// # Errors
    /// When not even a little can be mapped, or there are no pages for what is used at once.
    pub fn new(workers: usize) -> io::Result<Self> {
        // Its search for leaks reads all that is mapped, and would bring the sparse pages into being.
        let mut shrink = if this_process::is_under_valgrind() { LITTLE } else { 0 };
        loop {
            let layout = Layout::new(workers, shrink);
            let mapped = layout.as_ref().map(|layout| Mapping::new(layout.total));
            if let (Some(layout), Some(Ok(mapping))) = (layout, mapped) {
                let memory = Self { mapping, layout };
                memory.populate(0..memory.layout.arguments.start)?;
                return Ok(memory);
            }
            shrink += 1;
            if shrink > 16 + LITTLE {
                return Mapping::new(usize::MAX / 2).map(|_| unreachable!());
            }
        }
    }

    /// Where an offset is.
    pub fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset <= self.layout.total);
        // SAFETY: inside the mapping, or one past its end.
        unsafe { self.mapping.start().add(offset) }
    }

    /// The offset of an address, if it is inside.
    pub fn offset_of(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.mapping.start().as_ptr() as usize)?;
        (offset < self.layout.total).then_some(offset)
    }

    /// Sees to it that the pages are there.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn populate(&self, range: Range<usize>) -> io::Result<()> {
        self.mapping.populate(range.start, range.len())
    }

    /// Gives the whole pages inside the range back to the system.
    pub fn discard(&self, range: Range<usize>) {
        self.mapping.discard(range.start, range.len());
    }

    /// Takes from the calling process, a worker, the right to write what is not its own.
    ///
    /// # Errors
    /// The system's.
    pub fn confine(&self, worker: usize) -> io::Result<()> {
        let layout = &self.layout;
        let own = layout.regions + worker * layout.region;
        self.mapping.protect(0, layout.control, false)?;
        self.mapping.protect(layout.arguments.start, layout.arguments.len(), false)?;
        self.mapping.protect(layout.regions, own - layout.regions, false)?;
        self.mapping.protect(own + layout.region, layout.total - own - layout.region, false)
    }

    /// # Safety
    /// The layout puts `count` values of the type at the offset, for which zero bytes are valid,
    /// and which are only changed through shared references.
    unsafe fn slice<T>(&self, offset: usize, count: usize) -> &[T] {
        // SAFETY: promised by the caller; the mapping is aligned to pages, offsets to the types.
        unsafe { std::slice::from_raw_parts(self.at(offset).cast::<T>().as_ptr(), count) }
    }

    /// # Safety
    /// As `slice`.
    unsafe fn one<T>(&self, offset: usize) -> &T {
        // SAFETY: promised by the caller.
        unsafe { self.at(offset).cast::<T>().as_ref() }
    }

    /// What each worker is to do.
    pub fn orders(&self) -> &[AtomicU32] {
        // SAFETY: as the layout says.
        unsafe { self.slice(ORDERS, self.layout.workers) }
    }

    /// Not 0 while pieces of maps are under way, which could be split: a worker that has nothing
    /// to do then rings. Written by the host.
    pub fn pieces(&self) -> &AtomicU32 {
        // SAFETY: as the layout says.
        unsafe { self.one(0) }
    }

    /// 1 since a worker has rung for the supervisor, which sets it back.
    pub fn bell(&self) -> &AtomicU32 {
        // SAFETY: as the layout says.
        unsafe { self.one::<CachePadded<AtomicU32>>(self.layout.control) }
    }

    fn hints(&self, offset: usize) -> Hints<'_> {
        // SAFETY: as the layout says.
        let ends = unsafe { self.one(offset) };
        // SAFETY: as the layout says.
        Hints::new(ends, unsafe { self.slice(offset + size_of::<Ends>(), self.layout.slots) })
    }

    /// Hints at tasks of a level, in the order of their submission.
    pub fn fresh(&self, level: Level) -> Hints<'_> {
        self.hints(self.layout.fresh[level as usize])
    }

    /// Not 0 since there ever was a task of another level than the normal one: as long as it is 0,
    /// nobody looks for their hints. Written by the host, before it puts the first one in.
    pub fn has_levels(&self) -> &AtomicU32 {
        // SAFETY: as the layout says.
        unsafe { self.one(size_of::<u32>()) }
    }

    /// Whether there is a hint at anything.
    pub fn has_hints(&self) -> bool {
        !self.fresh(Level::Normal).is_empty()
            || !self.returned().is_empty()
            || self.has_levels().load(Ordering::Relaxed) != 0
                && !(self.fresh(Level::High).is_empty() && self.fresh(Level::Low).is_empty())
    }

    /// Hints at tasks that go ahead of these: their first worker has died.
    pub fn returned(&self) -> Hints<'_> {
        self.hints(self.layout.returned)
    }

    /// One word for each worker: `AWAKE`, `ASLEEP` or `SEARCHING`.
    pub fn sleepers(&self) -> &[AtomicU32] {
        // SAFETY: as the layout says.
        unsafe { self.slice(self.layout.sleepers, self.layout.workers) }
    }

    /// Wakes a worker; false if it does not sleep.
    pub fn wake(&self, worker: usize) -> bool {
        let word = &self.sleepers()[worker];
        let asleep =
            word.compare_exchange(ASLEEP, AWAKE, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if asleep {
            // All of them: one that was killed stands in the kernel's queue until it has had a CPU
            // to die on, in front of the one that has come in its place.
            futex::wake_shared(word, i32::MAX);
        }
        asleep
    }

    /// The slots.
    pub fn slots(&self) -> &[Slot] {
        // SAFETY: as the layout says.
        unsafe { self.slice(self.layout.slots_at, self.layout.slots) }
    }

    /// What a worker says about itself. Its pages must have been populated.
    pub fn record(&self, worker: usize) -> &Record {
        // SAFETY: as the layout says.
        unsafe { self.one(self.layout.regions + worker * self.layout.region) }
    }

    /// What a worker has finished (`Generation::report`), as a ring.
    pub fn reports(&self, worker: usize) -> &[AtomicU32] {
        let start = self.layout.regions + worker * self.layout.region;
        // SAFETY: as the layout says.
        unsafe { self.slice(start + self.layout.reports, REPORTS * self.layout.slots) }
    }

    /// The pages of a worker's record and reports.
    pub fn record_pages(&self, worker: usize) -> Range<usize> {
        let start = self.layout.regions + worker * self.layout.region;
        start..start + self.layout.slab
    }

    /// The word's half that futexes sleep on.
    pub fn futex<'a>(&self, word: &'a Word) -> &'a AtomicU32 {
        let half = if cfg!(target_endian = "little") { 0 } else { 1 };
        // SAFETY: a word is a 64-bit atomic; its halves are only ever read through this.
        unsafe { &*std::ptr::from_ref(word).cast::<AtomicU32>().add(half) }
    }
}

const _: () = assert!(size_of::<Slot>() == 256, "a slot is four cache lines");

#[cfg(test)]
mod tests;
