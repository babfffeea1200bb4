#![allow(unsafe_code)]
//! How tasks get into the queues: whatever can fail is done first, then they become visible.

use super::{engine::ThreadEngine, fifo::Fifo, queue::Seat};
use crate::{
    pool::{
        blocks::Door,
        core::Core,
        priority::{Counts, Level},
        status::{self, Error, Result},
        task::{Task, TaskRef},
    },
    support::sync::Ordering,
};

const NO_QUEUE: &str = "no memory for the queue of tasks";

/// So many tasks of a batch become visible at a time.
const PORTION: usize = 64;

impl ThreadEngine {
    /// The queue behind a door, with room for `count` tasks; and there is a worker.
    #[inline]
    fn reserve(&self, core: &Core, door: Door, count: usize) -> Result<&Fifo<Task>> {
        let queue = match door {
            // SAFETY: a worker's context holds its seat, which lives as long; the thread is this.
            Door::Worker(seat) => unsafe { seat.cast::<Seat<'_>>().as_ref() }.queue,
            Door::Lane(lane) => self.queues.lane(lane),
            Door::High | Door::Low => return Err(Error::from(status::INTERNAL)),
        };
        if !queue.reserve(count) {
            return Err(Error::no_memory(NO_QUEUE));
        }
        self.require_workers(core)?;
        Ok(queue)
    }

    #[inline]
    fn require_workers(&self, core: &Core) -> Result<()> {
        if !self.has_workers.load(Ordering::Acquire) {
            self.start_first(core)?;
        }
        Ok(())
    }

    /// As `put`, a task that is not of the normal level.
    #[cold]
    fn put_rare(&self, core: &Core, level: Level, task: TaskRef) -> Result<()> {
        let queue = self.queues.rare(level);
        if !queue.reserve(1) {
            return Err(Error::no_memory(NO_QUEUE));
        }
        self.require_workers(core)?;
        // SAFETY: reserved just now, and the queue is ours until it is dropped.
        unsafe { queue.put(0, task.as_non_null()) };
        queue.publish(1);
        Ok(())
    }

    /// As `put_all`, when not all are of the normal level.
    #[cold]
    fn put_mixed(
        &self,
        core: &Core,
        door: Door,
        counts: Counts,
        next: &mut dyn FnMut() -> TaskRef,
    ) -> Result<()> {
        let normal = self.reserve(core, door, counts.of(Level::Normal))?;
        let (high, low) = (self.queues.rare(Level::High), self.queues.rare(Level::Low));
        if !high.reserve(counts.of(Level::High)) || !low.reserve(counts.of(Level::Low)) {
            return Err(Error::no_memory(NO_QUEUE));
        }
        for _ in 0..counts.all() {
            let task = next();
            let queue = match task.level() {
                Level::High => &high,
                Level::Normal => normal,
                Level::Low => &low,
            };
            // SAFETY: reserved just now; the normal one is the caller's, the others are ours.
            unsafe { queue.put(0, task.as_non_null()) };
            queue.publish(1);
        }
        Ok(())
    }

    /// As `Engine::enqueue_all`.
    #[inline]
    pub(super) fn put_all(
        &self,
        core: &Core,
        door: Door,
        counts: Counts,
        next: &mut dyn FnMut() -> TaskRef,
    ) -> Result<()> {
        let count = counts.all();
        if counts.of(Level::Normal) != count {
            return self.put_mixed(core, door, counts, next);
        }
        let queue = self.reserve(core, door, count)?;
        let mut left = count;
        while left > 0 {
            let portion = left.min(PORTION);
            for ahead in 0..portion {
                // SAFETY: reserved just now.
                unsafe { queue.put(ahead, next().as_non_null()) };
            }
            queue.publish(portion);
            // Who is woken by the first portion calls others as long as there is more.
            if left == count && portion < count {
                // The lane is locked: nobody is told if that fails.
                let _ = self.try_wake(core);
            }
            left -= portion;
        }
        Ok(())
    }

    /// As `Engine::enqueue`.
    #[inline]
    pub(super) fn put(&self, core: &Core, door: Door, task: TaskRef) -> Result<()> {
        match door {
            Door::High => return self.put_rare(core, Level::High, task),
            Door::Low => return self.put_rare(core, Level::Low, task),
            Door::Worker(_) | Door::Lane(_) => {}
        }
        let queue = self.reserve(core, door, 1)?;
        // SAFETY: reserved just now.
        unsafe { queue.put(0, task.as_non_null()) };
        queue.publish(1);
        Ok(())
    }
}
