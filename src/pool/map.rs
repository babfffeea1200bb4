#![allow(unsafe_code)]
//! A map: one descriptor for all its items, split only when somebody is there to take a share.
//!
//! Each participant has a slot with a range of items that nobody has begun. It takes chunks from
//! the front of its own range, and when that is empty the back half of another's. A range is one
//! word, changed by compare-and-swap, so that every item is taken exactly once.
//!
//! Chunks grow while they are quick, so that a cheap item costs no atomic of its own. A chunk
//! that turns out to be slow is no harm: a participant that finds nothing to steal raises
//! `HUNGRY`, and whoever is in a chunk puts the rest of it back before its next item. So neither
//! even nor wildly uneven work needs a chunk size. So that an item costs no more than one load
//! for this, whoever raises a flag also pokes the pool: between items only the count of pokes is
//! looked at.
//!
//! `left` counts items not accounted for; each participant subtracts what it did, or skipped,
//! when it leaves, and the one that brings it to zero ends the map.

use super::{
    abi::Function,
    accounts::Failure,
    core::Core,
    frame::Frame,
    payload::Place,
    site::Site,
    status::{self, Error, Result, Status},
    task::TaskRef,
};
use crate::support::{
    CachePadded,
    alloc::try_boxed,
    spin,
    sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Mutex, Ordering},
};
use std::{
    ffi::c_void,
    time::{Duration, Instant},
};

/// A chunk should take about this long: long against the cost of taking it.
const CHUNK: Duration = Duration::from_micros(16);
/// How often a hungry participant looks again before it leaves.
const PATIENCE: u32 = 64;

pub(super) const STOP: u32 = 1;
const HUNGRY: u32 = 2;

/// What to run, over what: checked, and borrowed from the caller until the map has ended.
#[derive(Clone, Copy)]
pub struct MapCall {
    /// The function.
    pub function: Function,
    /// The first argument.
    pub args: *const c_void,
    /// The distance between arguments; 0: each item gets `args` itself.
    pub arg_size: usize,
    /// The first result's place.
    pub results: *mut c_void,
    /// The distance between results, and the size of each.
    pub result_size: usize,
    /// How many items.
    pub count: usize,
    /// What items see as their context.
    pub context: *const c_void,
    /// Where each item's status goes; null: the first failure ends the map.
    pub statuses: *mut Status,
}

#[derive(Default)]
struct Slot {
    /// The items not yet taken, in units: first in the low half, end in the high half.
    range: AtomicU64,
    taken: AtomicBool,
}

/// See the module.
pub struct Map {
    pub(super) call: MapCall,
    /// Items that are taken together because there are more than a word can number.
    unit: usize,
    slots: Box<[CachePadded<Slot>]>,
    /// How many participate right now; a hint, that orders nothing.
    present: AtomicUsize,
    attention: AtomicU32,
    /// Why it was stopped from outside; 0: it was not.
    pub(super) stopped: AtomicU32,
    pub(super) left: AtomicUsize,
    pub(super) skipped: AtomicUsize,
    pub(super) failure: Mutex<Option<Failure>>,
    /// The engine's own number for the map, once it has it; else 0.
    pub number: AtomicU32,
}

const fn pack(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

const fn unpack(range: u64) -> (u32, u32) {
    (range as u32, (range >> 32) as u32)
}

impl Map {
    /// A map for up to `participants` at a time.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn new(call: MapCall, participants: usize) -> Result<Self> {
        let unit = call.count.div_ceil(u32::MAX as usize).max(1);
        let units = u32::try_from(call.count.div_ceil(unit))
            .map_err(|_| Error::invalid("too many items"))?;
        let count = participants.min(units as usize).max(1);
        let slots = try_boxed(count, CachePadded::<Slot>::default)
            .ok_or_else(|| Error::no_memory("no memory for a map"))?;
        slots[0].range.store(pack(0, units), Ordering::Relaxed);
        Ok(Self {
            call,
            unit,
            slots,
            present: AtomicUsize::new(0),
            attention: AtomicU32::new(0),
            stopped: AtomicU32::new(0),
            left: AtomicUsize::new(call.count.max(1)),
            skipped: AtomicUsize::new(0),
            failure: Mutex::new(None),
            number: AtomicU32::new(0),
        })
    }

    /// What to run, over what.
    pub fn call(&self) -> &MapCall {
        &self.call
    }

    /// What items see as their context.
    pub fn context(&self) -> *const c_void {
        self.call.context
    }

    /// Whether no more items are to be started.
    pub fn is_stopped(&self) -> bool {
        self.attention.load(Ordering::Acquire) & STOP != 0
    }

    /// Starts no more items; the map ends with `reason` if any were left.
    pub fn stop(&self, core: &Core, reason: Status) {
        let reason = reason.cast_unsigned();
        let _ = self.stopped.compare_exchange(0, reason, Ordering::Relaxed, Ordering::Relaxed);
        self.raise(core, STOP);
    }

    /// Whether nobody takes part.
    pub fn is_deserted(&self) -> bool {
        self.present.load(Ordering::Relaxed) == 0
    }

    /// Where the result of an item goes.
    pub fn place(&self, index: usize) -> Place {
        let offset = index * self.call.result_size;
        Place {
            start: self.call.results.wrapping_byte_add(offset).cast(),
            size: self.call.result_size,
        }
    }

    /// Whether one more participant would find something to do.
    pub fn has_room(&self) -> bool {
        self.present.load(Ordering::Relaxed) < self.slots.len()
            && self.slots.iter().any(|slot| {
                let (low, high) = unpack(slot.range.load(Ordering::Relaxed));
                low < high
            })
    }

    /// Takes part until there is nothing left to take. `invite` is called when one more
    /// participant could help. The caller owns a reference to the task besides the map's own.
    pub fn participate(&self, task: TaskRef, site: Site<'_>, invite: &dyn Fn()) {
        let Some(mine) = self.slots.iter().position(|slot| {
            !slot.taken.load(Ordering::Relaxed) && !slot.taken.swap(true, Ordering::Acquire)
        }) else {
            return;
        };
        self.present.fetch_add(1, Ordering::Relaxed);
        let frame = Frame::for_map(&task, self, site);
        let done = frame.enter(|| self.work(&task, &frame, mine, invite));
        self.present.fetch_sub(1, Ordering::Relaxed);
        self.slots[mine].taken.store(false, Ordering::Release);
        self.account(task, done);
    }

    /// Returns the number of items done or skipped.
    fn work(&self, task: &TaskRef, frame: &Frame<'_>, mine: usize, invite: &dyn Fn()) -> usize {
        if self.call.count == 0 {
            // Nothing to do but to end.
            return self.left.load(Ordering::Relaxed);
        }
        let mut done = 0;
        let mut size = 1;
        let mut before = Instant::now();
        let mut invited = false;
        loop {
            if task.core().is_terminated() {
                self.stop(task.core(), status::TERMINATED);
            }
            if self.is_stopped() {
                return done + self.skip_all();
            }
            let Some((low, high)) = self.take(mine, size) else {
                if self.steal(mine) || self.wait_for_share(task.core(), mine) {
                    continue;
                }
                return done;
            };
            if !invited && self.has_room() {
                invited = true;
                invite();
            }
            let end = self.run(task, frame, self.item(low), self.item(high));
            done += end - self.item(low);
            if self.attention.fetch_and(!HUNGRY, Ordering::Relaxed) & HUNGRY != 0
                || end < self.item(high)
            {
                self.put_back(mine, end.div_ceil(self.unit) as u32, high);
                invited = false;
                size = 1;
                before = Instant::now();
                continue;
            }
            let now = Instant::now();
            let took = now - before;
            before = now;
            if took < CHUNK / 2 {
                size = size.saturating_mul(2);
            } else if took > CHUNK * 2 {
                size = (size / 2).max(1);
            }
        }
    }

    /// The first item of a unit.
    fn item(&self, unit: u32) -> usize {
        (unit as usize).saturating_mul(self.unit).min(self.call.count)
    }

    /// Runs items until `high`, or until the pool is poked and this map is meant; returns where
    /// it stopped.
    fn run(&self, task: &TaskRef, frame: &Frame<'_>, low: usize, mut high: usize) -> usize {
        let core = task.core();
        let mut index = low;
        while index < high {
            // Read before the flags, which were raised before the poke.
            let seen = core.pokes();
            if self.wants_attention(core) {
                // At least one item, and to the end of its unit: ranges are counted in units.
                high = high.min(index.max(low + 1).next_multiple_of(self.unit));
            }
            let first = index;
            let status;
            // SAFETY: the arrays hold `count` items, and these are nobody else's.
            (index, status) = unsafe { self.sweep(core, frame, seen, first, high) };
            frame.end_sections();
            if !self.call.statuses.is_null() {
                // SAFETY: as above.
                unsafe { self.call.statuses.add(first).write_bytes(0, index - first) };
            }
            if status != status::OK {
                self.note(core, index, status, frame);
                index += 1;
            }
        }
        index
    }

    /// The innermost loop: runs items from `index` on, until one fails, or there is a poke that
    /// was not `seen`. Returns the item that it did not run, or that failed, and its status. A
    /// function of its own, so that all it needs stays in registers.
    #[inline(never)]
    unsafe fn sweep(
        &self,
        core: &Core,
        frame: &Frame<'_>,
        seen: u32,
        mut index: usize,
        high: usize,
    ) -> (usize, Status) {
        let MapCall { function, args, arg_size, results, result_size, .. } = self.call;
        let mut arg = args.wrapping_byte_add(index * arg_size);
        let mut result = results.wrapping_byte_add(index * result_size).cast::<u8>();
        while index < high && core.pokes() == seen {
            frame.set_item(index);
            // SAFETY: promised by the caller.
            let status = unsafe { frame.call_item(function, arg, result) };
            if status != status::OK {
                return (index, status);
            }
            index += 1;
            arg = arg.wrapping_byte_add(arg_size);
            result = result.wrapping_byte_add(result_size);
        }
        (index, status::OK)
    }

    fn wants_attention(&self, core: &Core) -> bool {
        self.attention.load(Ordering::Relaxed) != 0 || core.is_terminated()
    }

    /// Raises a flag, and sees to it that those inside a chunk look at it.
    pub(super) fn raise(&self, core: &Core, flag: u32) {
        self.attention.fetch_or(flag, Ordering::Release);
        core.poke();
    }

    /// Writes an item's status down: to its place, or as the failure of the map.
    #[cold]
    fn note(&self, core: &Core, index: usize, status: Status, frame: &Frame<'_>) {
        let outcome = frame.take_outcome();
        if self.call.statuses.is_null() {
            let message = outcome.and_then(|outcome| outcome.message);
            let message = message.unwrap_or_else(|| status::meaning(status).to_owned());
            self.fail(core, index, status, message);
        } else {
            // SAFETY: the array holds `count` statuses, and this one is the item's.
            unsafe { self.call.statuses.add(index).write(status) };
        }
    }

    /// Takes up to `size` units from the front of the own range.
    fn take(&self, mine: usize, size: u32) -> Option<(u32, u32)> {
        self.change(mine, |low, high| {
            let count = size.min(high.saturating_sub(low));
            (count > 0).then(|| ((low, low + count), (low + count, high)))
        })
    }

    /// Takes the back half of somebody's range as the own one; false if all are empty.
    fn steal(&self, mine: usize) -> bool {
        let count = self.slots.len();
        for victim in (1..count).map(|step| (mine + step) % count) {
            let stolen = self.change(victim, |low, high| {
                let share = high.saturating_sub(low).div_ceil(2);
                (share > 0).then(|| ((high - share, high), (low, high - share)))
            });
            if let Some((low, high)) = stolen {
                // Thieves leave an empty range alone, so nobody else writes this slot now.
                self.slots[mine].range.store(pack(low, high), Ordering::Release);
                return true;
            }
        }
        false
    }

    /// Raises `HUNGRY` and steals what somebody puts back soon; false if nobody does.
    fn wait_for_share(&self, core: &Core, mine: usize) -> bool {
        let alone = || self.present.load(Ordering::Relaxed) <= 1;
        if alone() {
            return false;
        }
        self.raise(core, HUNGRY);
        let mut stolen = false;
        spin::spin_until(PATIENCE, || {
            stolen = self.steal(mine);
            stolen || alone() || self.is_stopped()
        });
        stolen
    }

    /// Makes the own range begin at `low` again, where it began at `high` after a take.
    fn put_back(&self, mine: usize, low: u32, high: u32) {
        self.change(mine, |begin, end| {
            debug_assert!(begin == high || begin >= end);
            Some(((), (low, end.max(high))))
        });
    }

    /// Takes everything that nobody has begun; returns the number of items.
    fn skip_all(&self) -> usize {
        let mut skipped = 0;
        for slot in 0..self.slots.len() {
            let taken =
                self.change(slot, |low, high| (low < high).then_some(((low, high), (0, 0))));
            if let Some((low, high)) = taken {
                let (low, high) = (self.item(low), self.item(high));
                self.skip(low, high);
                skipped += high - low;
            }
        }
        skipped
    }

    /// Changes a slot's range; `change` returns what came of it and the new range, or `None` to
    /// leave the range as it is.
    fn change<R>(
        &self,
        slot: usize,
        change: impl Fn(u32, u32) -> Option<(R, (u32, u32))>,
    ) -> Option<R> {
        let word = &self.slots[slot].range;
        let mut range = word.load(Ordering::Acquire);
        loop {
            let (low, high) = unpack(range);
            let (result, (low, high)) = change(low, high)?;
            match word.compare_exchange_weak(
                range,
                pack(low, high),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(result),
                Err(now) => range = now,
            }
        }
    }
}
