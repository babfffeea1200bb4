//! What the host knows of the tasks that are with the workers, and of those that wait to go.
//!
//! Only so many tasks as there are slots are ever in shared memory; the others wait here, in the
//! order of their submission. All of it is behind one lock, under which nothing is called that
//! takes the lock of a submitter: tasks are ended and given up after it.

use super::word::Generation;
use crate::pool::{
    priority::{Counts, LEVELS, Level},
    status::{Error, Result},
    task::TaskRef,
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

/// Stands for the number of a map that was stopped before it had one, and has ended.
pub const ENDED: u32 = u32::MAX;

/// Of so many slots one is kept for each higher level.
const KEPT: usize = 16;

/// What a slot holds.
#[derive(Default)]
pub enum Load {
    /// Nothing.
    #[default]
    None,
    /// A task, with the queue's reference.
    Task(TaskRef),
    /// A piece of a map.
    Piece(Piece),
}

/// Some items of a map on their way through a worker.
pub struct Piece {
    /// The map's number.
    pub job: u32,
    /// The first item.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// The block of the heap with copies of arguments and results; 0: there is none.
    pub copies: usize,
}

/// A slot, as the host knows it.
#[derive(Default)]
pub struct Info {
    /// The generation of what it holds.
    pub generation: Generation,
    /// The level of what it holds.
    pub level: Level,
    /// What it holds.
    pub load: Load,
    /// How long a run of it may take, in nanoseconds; 0: there is no limit.
    pub limit: u64,
    /// Why its worker is being killed.
    pub reason: Option<Error>,
    /// How often its worker has died before it began.
    pub returns: u32,
    /// When a piece was published.
    pub since: Option<Instant>,
}

/// A map under way.
pub struct Job {
    /// Its task, with the queue's reference.
    pub task: TaskRef,
    /// How urgent it is.
    pub level: Level,
    /// Items that nobody has begun, in the order in which they go.
    pub ranges: VecDeque<(usize, usize)>,
    /// Pieces in slots, or on their way there or back.
    pub out: usize,
    /// Whether it stands in the queue.
    pub queued: bool,
    /// The size of pieces that items are copied in; `None`: the workers use the arrays in place.
    pub copied: Option<usize>,
}

impl Job {
    /// How many items nobody has begun.
    pub fn left(&self) -> usize {
        self.ranges.iter().map(|(low, high)| high - low).sum()
    }

    /// Takes up to `most` items off the front: the first, and how many.
    pub fn cut(&mut self, most: usize) -> (usize, usize) {
        let (low, high) = self.ranges.pop_front().unwrap_or((0, 0));
        let count = most.min(high - low);
        if low + count < high {
            self.ranges.push_front((low + count, high));
        }
        (low, count)
    }
}

/// What waits to go to the workers.
pub enum Waiting {
    /// A task, with the queue's reference.
    Task(TaskRef),
    /// A map, while it has items left.
    Map(u32),
}

/// See the module.
pub struct Window {
    /// Slots that hold nothing.
    pub free: Vec<u32>,
    /// All slots.
    pub infos: Vec<Info>,
    /// What waits, by level.
    pub queues: [VecDeque<Waiting>; LEVELS],
    /// How many have left them.
    pub turn: u32,
    /// Maps under way, by number.
    pub jobs: BTreeMap<u32, Job>,
    /// How many reports of each worker have been read.
    pub heads: Vec<u32>,
    /// How many hints were ever put into `fresh`, by level.
    pub fresh_ends: [u64; LEVELS],
    /// How many hints were ever put into `returned`.
    pub returned_end: u64,
    next_job: u32,
}

impl Window {
    /// Nothing yet, for so many slots and workers.
    pub fn new(slots: usize, workers: usize) -> Self {
        Self {
            free: (0..slots as u32).rev().collect(),
            infos: std::iter::repeat_with(Info::default).take(slots).collect(),
            queues: Default::default(),
            turn: 0,
            jobs: BTreeMap::new(),
            heads: vec![0; workers],
            fresh_ends: [0; LEVELS],
            returned_end: 0,
            next_job: 0,
        }
    }

    /// Whether something of a level may have one of the free slots. The last ones are kept for
    /// what is more urgent, and may come at any time; `first` says that it is this level's turn.
    pub fn has_slot(&self, level: Level, first: bool) -> bool {
        let kept = self.infos.len() / KEPT;
        let kept = match level {
            Level::High => 0,
            _ if first => 0,
            Level::Normal => kept,
            Level::Low => 2 * kept,
        };
        self.free.len() > kept
    }

    /// The slot that a report is about, and what it holds, if that is still what was reported.
    pub fn reported(&self, report: u32) -> Option<(u32, &Load)> {
        let number = Generation::slot_of(report);
        let info = self.infos.get(number as usize)?;
        (info.generation.report(number) == report).then_some((number, &info.load))
    }

    /// Whether a callback follows what a slot holds: then it is for the supervisor alone.
    pub fn has_callback(&self, load: &Load) -> bool {
        match load {
            Load::None => false,
            Load::Task(task) => task.has_callback(),
            Load::Piece(piece) => {
                self.jobs.get(&piece.job).is_some_and(|job| job.task.has_callback())
            }
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// Makes room for so many.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn reserve(&mut self, counts: Counts) -> Result<()> {
        for level in Level::ALL {
            let reserved = self.queues[level as usize].try_reserve(counts.of(level));
            reserved.map_err(|_| Error::no_memory("no memory for the queue of tasks"))?;
        }
        Ok(())
    }

    /// Takes in a map.
    pub fn add_job(&mut self, job: Job) -> u32 {
        // 0 stands for none.
        self.next_job = (self.next_job + 1) % ENDED;
        self.next_job = self.next_job.max(1);
        self.jobs.insert(self.next_job, job);
        self.next_job
    }

    /// Puts a map into the queue, in front if it was there before.
    pub fn queue_job(&mut self, number: u32, in_front: bool) {
        let Some(job) = self.jobs.get_mut(&number) else { return };
        if !std::mem::replace(&mut job.queued, true) {
            let queue = &mut self.queues[job.level as usize];
            if in_front {
                queue.push_front(Waiting::Map(number));
            } else {
                queue.push_back(Waiting::Map(number));
            }
        }
    }

    /// Takes a map out of the queue.
    pub fn unqueue_job(&mut self, number: u32) {
        for queue in &mut self.queues {
            queue.retain(|one| !matches!(one, Waiting::Map(other) if *other == number));
        }
        if let Some(job) = self.jobs.get_mut(&number) {
            job.queued = false;
        }
    }

    /// One piece of a map is not out any more; the map's task if that was the last of it.
    pub fn piece_back(&mut self, number: u32) -> Option<TaskRef> {
        let job = self.jobs.get_mut(&number)?;
        job.out -= 1;
        if job.out > 0 || !job.ranges.is_empty() {
            return None;
        }
        self.jobs.remove(&number).map(|job| job.task)
    }
}
