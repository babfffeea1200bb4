#![allow(unsafe_code)]
//! Where tasks wait: the one file that knows crossbeam-deque.
//!
//! Outsiders push into the injector. Each worker has a deque of its own, first in first out, so
//! that a submitter's tasks start in order also when they are stolen. Workers look into their
//! own deque first, then into the injector, then into the others'.

use crate::{
    pool::{
        status::{self, Error, Result},
        task::TaskRef,
    },
    support::sync::{AtomicBool, AtomicUsize, Ordering},
};
use crossbeam_deque::{Injector, Steal, Stealer, Worker as Deque};
use once_cell::race::OnceBox;

/// So often a worker looks into the injector first, lest its own tasks starve the others'.
const FAIR: u32 = 61;
/// Places in each segment after the first.
const SEGMENT: usize = 32;

/// One worker's place: its number, and its deque when a worker has been there.
struct Place {
    taken: AtomicBool,
    deque: OnceBox<Ends>,
}

struct Ends {
    owner: Deque<TaskRef>,
    thief: Stealer<TaskRef>,
}

// SAFETY: `owner` is used only by the thread that has taken the place; `taken` hands it on.
unsafe impl Sync for Ends {}

struct Segment {
    places: Box<[Place]>,
    next: OnceBox<Segment>,
}

impl Segment {
    fn new(count: usize) -> Self {
        let place = || Place { taken: AtomicBool::new(false), deque: OnceBox::new() };
        Self { places: (0..count).map(|_| place()).collect(), next: OnceBox::new() }
    }
}

/// All the queues of a pool.
pub struct Queues {
    injector: Injector<TaskRef>,
    first: Segment,
    /// No worker has sat down at a place from this number on.
    used: AtomicUsize,
    most: usize,
}

/// A worker's number and the owner's end of its deque, until it leaves.
pub struct Seat<'a> {
    place: &'a Place,
    ends: &'a Ends,
    /// The worker's number.
    pub number: usize,
}

impl Queues {
    /// Queues for `workers` workers, and up to `most` in all.
    pub fn new(workers: usize, most: usize) -> Self {
        Self {
            injector: Injector::new(),
            first: Segment::new(workers),
            used: AtomicUsize::new(0),
            most,
        }
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        std::iter::successors(Some(&self.first), |segment| segment.next.get())
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        let used = self.used.load(Ordering::Acquire);
        self.segments().flat_map(|segment| segment.places.iter()).take(used)
    }

    fn stealers(&self) -> impl Iterator<Item = &Stealer<TaskRef>> {
        self.places().filter_map(|place| place.deque.get().map(|ends| &ends.thief))
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
                    return Ok(number);
                }
                number += 1;
            }
            if number >= self.most {
                let text = format!("{number} workers wait inside tasks; no more can step in");
                return Err(Error::new(status::SYSTEM, text));
            }
            segment = segment.next.get_or_init(|| Box::new(Segment::new(SEGMENT)));
        }
    }

    fn place(&self, number: usize) -> Option<&Place> {
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
        let ends = place.deque.get_or_init(|| {
            let owner = Deque::new_fifo();
            Box::new(Ends { thief: owner.stealer(), owner })
        });
        self.used.fetch_max(number + 1, Ordering::AcqRel);
        Some(Seat { place, ends, number })
    }

    /// Enqueues an outsider's task.
    pub fn inject(&self, task: TaskRef) {
        self.injector.push(task);
    }

    /// Whether the injector is empty: nobody outside was earlier.
    pub fn is_injector_empty(&self) -> bool {
        self.injector.is_empty()
    }

    /// Whether all queues are empty, each looked at after the last `SeqCst` fence.
    pub fn is_empty(&self) -> bool {
        self.injector.is_empty() && self.stealers().all(Stealer::is_empty)
    }

    /// The oldest task of an outsider.
    fn take_injected(&self) -> Option<TaskRef> {
        retry(|| self.injector.steal())
    }

    /// A task from any queue but the worker's own, beginning with its neighbour's.
    fn steal(&self, thief: usize) -> Option<TaskRef> {
        let others = self.places().skip(thief + 1).chain(self.places().take(thief));
        others.filter_map(|place| place.deque.get()).find_map(|ends| retry(|| ends.thief.steal()))
    }

    /// Any task, for a thread that has no deque.
    pub fn take_any(&self) -> Option<TaskRef> {
        self.take_injected()
            .or_else(|| self.stealers().find_map(|stealer| retry(|| stealer.steal())))
    }
}

fn retry(mut steal: impl FnMut() -> Steal<TaskRef>) -> Option<TaskRef> {
    loop {
        match steal() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}

impl Seat<'_> {
    /// Enqueues a task of the worker's own.
    pub fn push(&self, task: TaskRef) {
        self.owner().push(task);
    }

    fn owner(&self) -> &Deque<TaskRef> {
        &self.ends.owner
    }

    /// The next task for this worker; `tick` counts the tasks it has run.
    pub fn find(&self, queues: &Queues, tick: u32) -> Option<TaskRef> {
        if tick.is_multiple_of(FAIR)
            && let Some(task) = queues.take_injected()
        {
            return Some(task);
        }
        self.owner().pop().or_else(|| queues.take_injected()).or_else(|| queues.steal(self.number))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.place.taken.store(false, Ordering::Release);
    }
}
