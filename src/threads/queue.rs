#![allow(unsafe_code)]
//! Where tasks wait.
//!
//! Each worker has a queue of its own, and each lane of `pool/blocks.rs` one for the outsiders who
//! submit through it. Whoever puts a task in owns the queue at that moment: the worker, or who
//! holds the lane's lock. All are first in, first out, so that a submitter's tasks start in order,
//! whoever takes them. Workers look into their own queue first, then into the lanes, then into the
//! others'.
//!
//! Tasks of another level than the normal one have a queue for each level, put into under a lock,
//! whoever submits them. As long as there never was one, nobody looks there.

use super::fifo::Fifo;
use crate::{
    pool::{
        blocks::LANES,
        priority::{Level, ROUND},
        status::{self, Error, Result},
        tally::Tally,
        task::{Task, TaskRef},
    },
    support::{
        CachePadded,
        alloc::{try_box, try_boxed},
        lock::{Held, Lock},
        sync::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
};
use once_cell::race::OnceBox;
use std::{cell::Cell, ops::Deref};

/// So often a worker looks into the lanes first, lest its own tasks starve the others'.
const FAIR: u32 = 16;
/// Places in each segment after the first.
const SEGMENT: usize = 32;

/// One worker's place: its number, and its queue when a worker has been there.
struct WorkerPlace {
    taken: AtomicBool,
    queue: OnceBox<Fifo<Task>>,
    tally: CachePadded<Tally>,
    /// How many workers have had it.
    starts: AtomicUsize,
}

struct Segment {
    places: Box<[WorkerPlace]>,
    next: OnceBox<Segment>,
}

impl Segment {
    fn new(count: usize) -> Result<Self> {
        let place = || WorkerPlace {
            taken: AtomicBool::new(false),
            queue: OnceBox::new(),
            tally: CachePadded::default(),
            starts: AtomicUsize::new(0),
        };
        let places = try_boxed(count, place).ok_or(Error::no_memory("no memory for workers"))?;
        Ok(Self { places, next: OnceBox::new() })
    }
}

/// All the queues of a pool.
pub struct Queues {
    lanes: [Fifo<Task>; LANES],
    /// A bit for each lane that something was ever put into.
    used_lanes: AtomicU32,
    /// Whether anything was ever put into `high` or `low`.
    used_levels: AtomicBool,
    high: Rare,
    low: Rare,
    first: Segment,
    /// No worker has sat down at a place from this number on.
    used: AtomicUsize,
    most: usize,
}

/// The queue of a level that few tasks have.
struct Rare {
    /// Held by who puts something in.
    owned: Lock<()>,
    queue: Fifo<Task>,
}

impl Rare {
    fn new() -> Self {
        Self { owned: Lock::new(()), queue: Fifo::new() }
    }
}

/// The queue of a level, into which nobody else puts anything until this is dropped.
pub struct Owned<'a> {
    queue: &'a Fifo<Task>,
    _owned: Held<'a, ()>,
}

impl Deref for Owned<'_> {
    type Target = Fifo<Task>;
    fn deref(&self) -> &Fifo<Task> {
        self.queue
    }
}

/// A worker's number and queue, until it leaves.
pub struct Seat<'a> {
    place: &'a WorkerPlace,
    /// The worker's own queue.
    pub queue: &'a Fifo<Task>,
    /// The worker's number.
    pub number: usize,
    /// The lane to look into first, so that none is preferred.
    lane: Cell<usize>,
}

impl Queues {
    /// Queues for `workers` workers, and up to `most` in all.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn new(workers: usize, most: usize) -> Result<Self> {
        Ok(Self {
            lanes: std::array::from_fn(|_| Fifo::new()),
            used_lanes: AtomicU32::new(0),
            used_levels: AtomicBool::new(false),
            high: Rare::new(),
            low: Rare::new(),
            first: Segment::new(workers)?,
            used: AtomicUsize::new(0),
            most,
        })
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        std::iter::successors(Some(&self.first), |segment| segment.next.get())
    }

    fn places(&self) -> impl Iterator<Item = &WorkerPlace> {
        let used = self.used.load(Ordering::Acquire);
        self.segments().flat_map(|segment| segment.places.iter()).take(used)
    }

    /// Reserves the free place with the lowest number for a worker; `sit_down` or `give_up`
    /// follows.
    ///
    /// # Errors
    /// `SYSTEM` when there are too many workers.
    pub fn reserve(&self) -> Result<usize> {
        let mut number = 0;
        let mut segment = &self.first;
        loop {
            for place in &segment.places {
                if !place.taken.load(Ordering::Relaxed)
                    && !place.taken.swap(true, Ordering::Acquire)
                {
                    let queue = place.queue.get_or_try_init(|| try_box(Fifo::new()).ok_or(()));
                    if queue.is_err() {
                        place.taken.store(false, Ordering::Release);
                        return Err(Error::no_memory("no memory for a worker's queue"));
                    }
                    return Ok(number);
                }
                number += 1;
            }
            if number >= self.most {
                let text = format!("{number} workers wait inside tasks; no more can step in");
                return Err(Error::new(status::SYSTEM, text));
            }
            segment = segment.next.get_or_try_init(|| {
                try_box(Segment::new(SEGMENT)?).ok_or(Error::no_memory("no memory for workers"))
            })?;
        }
    }

    fn place(&self, number: usize) -> Option<&WorkerPlace> {
        self.segments().flat_map(|segment| segment.places.iter()).nth(number)
    }

    /// Frees a place that was reserved.
    pub fn give_up(&self, number: usize) {
        if let Some(place) = self.place(number) {
            place.taken.store(false, Ordering::Release);
        }
    }

    /// The seat at a place that this thread's worker was given.
    pub fn sit_down(&self, number: usize) -> Option<Seat<'_>> {
        let place = self.place(number)?;
        let queue = place.queue.get()?;
        place.starts.fetch_add(1, Ordering::Relaxed);
        self.used.fetch_max(number + 1, Ordering::AcqRel);
        Some(Seat { place, queue, number, lane: Cell::new(0) })
    }

    /// The queue of the outsiders in a lane. Who puts something in holds the lane's lock.
    pub fn lane(&self, lane: usize) -> &Fifo<Task> {
        // Before anything is put in: who looks after the push, and a fence, sees the bit.
        if self.used_lanes.load(Ordering::Relaxed) & 1 << lane == 0 {
            self.used_lanes.fetch_or(1 << lane, Ordering::Relaxed);
        }
        &self.lanes[lane]
    }

    /// The lanes that may hold something, with their numbers, from `first` on and around.
    fn lanes_from(&self, first: usize) -> impl Iterator<Item = (usize, &Fifo<Task>)> {
        let mut used = self.used_lanes.load(Ordering::Relaxed).rotate_right(first as u32);
        std::iter::from_fn(move || {
            if used == 0 {
                return None;
            }
            let number = (used.trailing_zeros() as usize + first) % u32::BITS as usize;
            used &= used - 1;
            Some((number, &self.lanes[number]))
        })
    }

    /// The queue of a level other than the normal one, for the caller to put something in.
    pub fn rare(&self, level: Level) -> Owned<'_> {
        // As in `lane`.
        self.used_levels.store(true, Ordering::Relaxed);
        let rare = if level == Level::High { &self.high } else { &self.low };
        Owned { queue: &rare.queue, _owned: rare.owned.lock() }
    }

    #[inline]
    fn has_levels(&self) -> bool {
        self.used_levels.load(Ordering::Relaxed)
    }

    /// Whether nobody outside was earlier, or goes ahead.
    pub fn is_nobody_ahead(&self) -> bool {
        self.are_lanes_empty() && (!self.has_levels() || self.high.queue.is_empty())
    }

    fn are_lanes_empty(&self) -> bool {
        self.lanes_from(0).all(|(_, lane)| lane.is_empty())
    }

    /// Whether all queues are empty, each looked at after the last `full_fence`.
    pub fn is_empty(&self) -> bool {
        self.are_lanes_empty()
            && self.places().filter_map(|place| place.queue.get()).all(Fifo::is_empty)
            && (!self.has_levels() || self.high.queue.is_empty() && self.low.queue.is_empty())
    }

    /// A task from any worker's queue, beginning with that of the place behind `thief`.
    fn steal(&self, thief: usize) -> Option<TaskRef> {
        let others = self.places().skip(thief + 1).chain(self.places().take(thief));
        others.filter_map(|place| place.queue.get()).find_map(take)
    }

    /// How many places workers have had, and how many tasks wait, more or less.
    pub fn survey(&self) -> (usize, usize) {
        let lanes = self.lanes_from(0).map(|(_, lane)| lane.len());
        let own = self.places().filter_map(|place| place.queue.get()).map(Fifo::len);
        (self.used.load(Ordering::Acquire), lanes.chain(own).sum())
    }

    /// Whether a worker has a place now, what those who had it have done, and how many they were.
    pub fn report_on(&self, number: usize) -> Option<(bool, &Tally, usize)> {
        let place = self.places().nth(number)?;
        let taken = place.taken.load(Ordering::Relaxed);
        Some((taken, &place.tally, place.starts.load(Ordering::Relaxed)))
    }

    /// Any task, for a thread that has no queue.
    pub fn take_any(&self) -> Option<TaskRef> {
        self.lanes_from(0)
            .find_map(|(_, lane)| take(lane))
            .or_else(|| self.places().filter_map(|place| place.queue.get()).find_map(take))
            .or_else(|| self.take_rare())
    }

    /// The most urgent task of another level than the normal one.
    fn take_rare(&self) -> Option<TaskRef> {
        if !self.has_levels() {
            return None;
        }
        take(&self.high.queue).or_else(|| take(&self.low.queue))
    }
}

fn take(queue: &Fifo<Task>) -> Option<TaskRef> {
    // SAFETY: the queue's reference comes along with the task.
    queue.take().map(|task| unsafe { TaskRef::from_raw(task) })
}

impl Seat<'_> {
    /// What the worker does is counted there, by itself alone.
    pub fn tally(&self) -> &Tally {
        &self.place.tally
    }

    /// The oldest task of an outsider, from one lane after the other.
    fn take_injected(&self, queues: &Queues) -> Option<TaskRef> {
        queues.lanes_from(self.lane.get()).find_map(|(number, lane)| {
            let task = take(lane)?;
            self.lane.set((number + 1) % LANES);
            Some(task)
        })
    }

    /// The next task for this worker; `tick` counts the tasks it has run.
    pub fn find(&self, queues: &Queues, tick: u32) -> Option<TaskRef> {
        if queues.has_levels()
            && let Some(task) = self.find_ahead(queues, tick)
        {
            return Some(task);
        }
        if tick.is_multiple_of(FAIR)
            && let Some(task) = self.take_injected(queues)
        {
            return Some(task);
        }
        take(self.queue)
            .or_else(|| self.take_injected(queues))
            .or_else(|| queues.steal(self.number).inspect(|_| self.tally().count_steal()))
            .or_else(|| queues.take_rare())
    }

    /// What goes ahead of the normal tasks.
    #[cold]
    fn find_ahead(&self, queues: &Queues, tick: u32) -> Option<TaskRef> {
        match Level::order(tick) {
            // They go first themselves, and now and then those in the lanes.
            [Level::Normal, ..] if (tick / ROUND).is_multiple_of(FAIR) => {
                self.take_injected(queues)
            }
            [Level::Normal, ..] => None,
            [Level::Low, ..] => take(&queues.low.queue).or_else(|| take(&queues.high.queue)),
            [Level::High, ..] => take(&queues.high.queue),
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.place.taken.store(false, Ordering::Release);
    }
}
