#![allow(unsafe_code)]
//! A map: one descriptor for all its items, split only when somebody is there to take a share.
//!
//! Each participant takes chunks from the front of a range of its own, and when that is empty the
//! back half of another's (`ranges`). Chunks grow while they are quick, so that a cheap item costs
//! no atomic of its own. A chunk that turns out to be slow is no harm: a participant that finds
//! nothing to steal raises `HUNGRY`, and whoever is in a chunk puts the rest of it back before its
//! next item. A function that takes a whole range cannot be asked between its items; its chunks
//! are also small against what is left (`SHARE`). So neither even nor wildly uneven work needs a
//! chunk size. So that an item costs no more than one load for this, whoever raises a flag also
//! pokes the pool: between items only the count of pokes is looked at.
//!
//! `left` counts items not accounted for; each participant subtracts what it did, or skipped,
//! when it leaves, and the one that brings it to zero ends the map.

use super::{
    accounts::Failure,
    bodies::Body,
    columns::Columns,
    context::{self, Context},
    core::Core,
    frame::Frame,
    map_call::MapCall,
    pace::{Pace, SHARE},
    payload::Place,
    ranges::Ranges,
    site::Site,
    status::{self, Error, Result, Status},
    sweeping::Swept,
    task::TaskRef,
};
use crate::support::{
    alloc::Buffer,
    spin,
    sync::{AtomicU32, AtomicUsize, Mutex, Ordering},
};
use std::ffi::c_void;

/// How often a hungry participant looks again before it leaves.
const PATIENCE: u32 = 64;

pub(super) const STOP: u32 = 1;
const HUNGRY: u32 = 2;

/// See the module.
pub struct Map {
    pub(super) call: MapCall,
    /// Items that are taken together because there are more than a word can number.
    unit: usize,
    ranges: Ranges,
    /// How many participate right now; a hint, that orders nothing.
    present: AtomicUsize,
    attention: AtomicU32,
    /// Why it was stopped from outside; 0: it was not.
    pub(super) stopped: AtomicU32,
    pub(super) left: AtomicUsize,
    /// Items run or skipped in chunks that have ended, by participants that have not left: ahead of
    /// `left`, and orders nothing.
    pub(super) came: AtomicUsize,
    /// The most that was ever told to be done.
    pub(super) shown: AtomicUsize,
    pub(super) skipped: AtomicUsize,
    /// Memory that the map needs until it has ended.
    keep: Option<Buffer>,
    pub(super) failure: Mutex<Option<Failure>>,
    /// The engine's own number for the map, once it has it; else 0.
    pub number: AtomicU32,
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
        let ranges = Ranges::try_new(participants, units);
        let ranges = ranges.ok_or_else(|| Error::no_memory("no memory for a map"))?;
        Ok(Self {
            call,
            unit,
            ranges,
            present: AtomicUsize::new(0),
            attention: AtomicU32::new(0),
            stopped: AtomicU32::new(0),
            left: AtomicUsize::new(call.count.max(1)),
            came: AtomicUsize::new(0),
            shown: AtomicUsize::new(0),
            skipped: AtomicUsize::new(0),
            keep: None,
            failure: Mutex::new(None),
            number: AtomicU32::new(0),
        })
    }

    /// Keeps memory until the map has ended.
    pub fn keep(&mut self, memory: Option<Buffer>) {
        self.keep = memory;
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

    /// Has whoever is in a chunk end it early, so that its items count.
    pub fn ask_for_account(&self, core: &Core) {
        self.raise(core, HUNGRY);
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
        self.present.load(Ordering::Relaxed) < self.ranges.participants() && self.ranges.has_more()
    }

    /// Takes part until there is nothing left to take. `invite` is called when one more
    /// participant could help. The caller owns a reference to the task besides the map's own.
    pub fn participate(&self, task: TaskRef, site: Site<'_>, invite: &dyn Fn()) {
        let Some(mine) = self.ranges.enter() else { return };
        self.present.fetch_add(1, Ordering::Relaxed);
        let frame = Frame::for_map(&task, self, site);
        let mut skipped = 0;
        let done = frame.enter(|| self.work(&task, &frame, mine, invite, &mut skipped));
        self.present.fetch_sub(1, Ordering::Relaxed);
        self.ranges.leave(mine);
        if done > skipped {
            let core = task.core();
            let tally = context::find(core).map_or(&*core.outside, Context::tally);
            tally.count_items(done - skipped);
        }
        self.account(task, done);
    }

    /// Returns the number of items done or skipped, and adds those that were skipped; in a forked
    /// child 0.
    fn work(
        &self,
        task: &TaskRef,
        frame: &Frame<'_>,
        mine: usize,
        invite: &dyn Fn(),
        skipped: &mut usize,
    ) -> usize {
        if self.call.count == 0 {
            // Nothing to do but to end.
            *skipped = self.left.load(Ordering::Relaxed);
            return *skipped;
        }
        let share = if matches!(self.call.body, Body::Range(_)) { SHARE } else { 1 };
        let mut done = 0;
        let mut pace = Pace::new();
        let mut invited = false;
        loop {
            if task.core().is_terminated() {
                self.stop(task.core(), status::TERMINATED);
            }
            if self.is_stopped() {
                let rest = self.skip_all();
                *skipped += rest;
                return done + rest;
            }
            let Some((low, high)) = self.ranges.take(mine, pace.size, share) else {
                if self.ranges.steal(mine) || self.wait_for_share(task.core(), mine) {
                    continue;
                }
                return done;
            };
            if !invited && self.has_room() {
                invited = true;
                invite();
            }
            let end = self.run(task, frame, self.item(low), self.item(high), skipped);
            if !task.core().is_in_this_process() {
                // A child that an item has forked; the map is its parent's.
                return 0;
            }
            done += end - self.item(low);
            self.came.fetch_add(end - self.item(low), Ordering::Release);
            if self.attention.fetch_and(!HUNGRY, Ordering::Relaxed) & HUNGRY != 0
                || end < self.item(high)
            {
                self.ranges.put_back(mine, end.div_ceil(self.unit) as u32, high);
                invited = false;
                pace = Pace::new();
                continue;
            }
            pace.step();
        }
    }

    /// The first item of a unit.
    fn item(&self, unit: u32) -> usize {
        (unit as usize).saturating_mul(self.unit).min(self.call.count)
    }

    /// Runs items until `high`, or until the pool is poked and this map is meant; returns where
    /// it stopped. What is left of a unit when the map is stopped is skipped.
    fn run(
        &self,
        task: &TaskRef,
        frame: &Frame<'_>,
        low: usize,
        mut high: usize,
        skipped: &mut usize,
    ) -> usize {
        let core = task.core();
        let mut index = low;
        while index < high {
            // Read before the flags, which were raised before the poke.
            let seen = core.pokes();
            if self.wants_attention(core) {
                // At least one item, and to the end of its unit: ranges are counted in units.
                let end = index.max(low + 1).checked_next_multiple_of(self.unit);
                high = end.map_or(high, |end| end.min(high));
                if core.is_terminated() {
                    self.stop(core, status::TERMINATED);
                }
                if self.is_stopped() {
                    self.skip(index, high);
                    *skipped += high - index;
                    return high;
                }
            }
            let goes_on = || core.pokes() == seen;
            let swept = match self.call.body {
                Body::Item(function) if self.has_attempts() => {
                    self.sweep(index, high, goes_on, move |index, arg, result| {
                        frame.set_item(index);
                        // SAFETY: as below.
                        self.run_by_terms(core, frame, &|| unsafe {
                            frame.call(function, arg, result)
                        })
                    })
                }
                Body::Item(function) => {
                    self.sweep(index, high, goes_on, move |index, arg, result| {
                        frame.set_item(index);
                        // SAFETY: the arrays hold `count` items, and these are nobody else's.
                        unsafe { frame.call_item(function, arg, result) }
                    })
                }
                Body::Star(function) => {
                    let columns = self.call.args;
                    self.sweep(index, high, goes_on, move |index, _, result| {
                        frame.set_item(index);
                        // SAFETY: as above; the argument is `Columns`.
                        unsafe {
                            let table = Columns::table(columns, index);
                            frame.call_item(function, table.as_ptr().cast(), result)
                        }
                    })
                }
                // SAFETY: as above.
                Body::Swept(sweeper) => unsafe {
                    self.sweep_by(sweeper, core, frame, seen, index, high)
                },
                Body::Piece(function) => {
                    self.sweep(index, high, goes_on, move |index, arg, result| {
                        frame.set_item(index);
                        // SAFETY: as above; the arguments are bounds.
                        unsafe { frame.call_piece(function, arg, result) }
                    })
                }
                Body::Range(function) => {
                    let (begin, end) = (self.call.first + index, self.call.first + high);
                    frame.set_item(begin);
                    // SAFETY: these numbers are nobody else's.
                    let status = unsafe { frame.call_range(function, begin, end) };
                    let done = if status == status::OK { high } else { index };
                    Swept { done, next: high, status }
                }
            };
            frame.end_sections();
            if !self.call.statuses.is_null() {
                // SAFETY: as above.
                unsafe { self.call.statuses.add(index).write_bytes(0, swept.done - index) };
            }
            if swept.status != status::OK {
                self.note(core, swept.done, swept.status, frame);
            }
            index = swept.next;
        }
        index
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
            let message = message.unwrap_or_else(|| status::meaning(status));
            self.fail(core, index, status, message);
        } else {
            // SAFETY: the array holds `count` statuses, and this one is the item's.
            unsafe { self.call.statuses.add(index).write(status) };
        }
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
            stolen = self.ranges.steal(mine);
            stolen || alone() || self.is_stopped()
        });
        stolen
    }

    /// Takes everything that nobody has begun; returns the number of items.
    fn skip_all(&self) -> usize {
        let mut skipped = 0;
        self.ranges.drain(|low, high| {
            let (low, high) = (self.item(low), self.item(high));
            self.skip(low, high);
            skipped += high - low;
        });
        self.came.fetch_add(skipped, Ordering::Release);
        skipped
    }
}
