//! What was done, counted where it was done: one tally for each worker, one for all threads from
//! outside.
//!
//! A worker's tally is written by its own thread alone, with plain loads and stores; whoever asks
//! reads it at any time, without any order: each number is right by itself. Those of a tally with
//! many writers are atomic sums.

use super::core::Core;
use crate::support::sync::{AtomicU64, Ordering};
use std::ops::AddAssign;

/// See the module.
#[derive(Default)]
pub struct Tally {
    /// Whether more than one thread writes.
    shared: bool,
    submitted: AtomicU64,
    tasks: AtomicU64,
    items: AtomicU64,
    steals: AtomicU64,
    sleeps: AtomicU64,
    /// Nanoseconds that the worker was awake before it last fell asleep.
    busy: AtomicU64,
    /// When it was last woken, in nanoseconds of the pool's life; 0 while it sleeps.
    since: AtomicU64,
}

/// The numbers of a tally, or sums of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tasks and maps submitted by this thread.
    pub submitted: u64,
    /// Tasks run.
    pub tasks: u64,
    /// Items of maps run.
    pub items: u64,
    /// Tasks and forks taken from other workers.
    pub steals: u64,
    /// How often it had nothing to do and slept.
    pub sleeps: u64,
    /// Nanoseconds awake.
    pub busy: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut self.submitted, other.submitted);
        add(&mut self.tasks, other.tasks);
        add(&mut self.items, other.items);
        add(&mut self.steals, other.steals);
        add(&mut self.sleeps, other.sleeps);
        add(&mut self.busy, other.busy);
    }
}

impl Tally {
    /// A tally with many writers.
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }

    #[inline]
    fn add(&self, to: &AtomicU64, count: u64) {
        if self.shared {
            to.fetch_add(count, Ordering::Relaxed);
        } else {
            to.store(to.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
        }
    }

    /// Where those are counted that the worker submits: by its own thread alone.
    pub fn submitted(&self) -> &AtomicU64 {
        &self.submitted
    }

    /// A task has been run.
    #[inline]
    pub fn count_task(&self) {
        self.add(&self.tasks, 1);
    }

    /// A task has been run that was never submitted to anybody else.
    #[inline]
    pub fn count_direct(&self) {
        self.add(&self.submitted, 1);
        self.add(&self.tasks, 1);
    }

    /// So many items of a map have been run.
    pub fn count_items(&self, count: usize) {
        self.add(&self.items, count as u64);
    }

    /// Something was taken from another worker.
    pub fn count_steal(&self) {
        self.add(&self.steals, 1);
    }

    /// Somebody was awake for so long.
    pub fn count_awake(&self, nanoseconds: u64) {
        self.add(&self.busy, nanoseconds);
    }

    /// The worker begins to work.
    pub fn begin(&self, core: &Core) {
        self.since.store(core.age().max(1), Ordering::Relaxed);
    }

    /// The worker is about to sleep, or leaves for good.
    pub fn end(&self, core: &Core) {
        let since = self.since.load(Ordering::Relaxed);
        let awake = core.age().saturating_sub(since);
        // A reader between the two misses this stretch, rather than count it twice.
        self.since.store(0, Ordering::Relaxed);
        self.add(&self.busy, awake);
    }

    /// The worker is about to sleep.
    pub fn sleep(&self, core: &Core) {
        self.end(core);
        self.add(&self.sleeps, 1);
    }

    /// The numbers now.
    pub fn totals(&self, core: &Core) -> Totals {
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let busy = read(&self.busy);
        let since = read(&self.since);
        let awake = if since == 0 { 0 } else { core.age().saturating_sub(since) };
        Totals {
            submitted: read(&self.submitted),
            tasks: read(&self.tasks),
            items: read(&self.items),
            steals: read(&self.steals),
            sleeps: read(&self.sleeps),
            busy: busy.saturating_add(awake),
        }
    }
}
