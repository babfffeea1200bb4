//! The life of a task on its way through another process, in one word that processes share.
//!
//! | phase     | who moves it on                                     | to        |
//! |-----------|-----------------------------------------------------|-----------|
//! | `FREE`    | the host, `publish`                                 | `QUEUED`  |
//! | `QUEUED`  | a worker, `claim`                                   | `CLAIMED` |
//! |           | the host, `withdraw`                                | `TAKEN`   |
//! | `CLAIMED` | the worker, `start`, right before the function      | `STARTED` |
//! |           | the host, after the worker's death, `return_to_queue` | `QUEUED` |
//! | `STARTED` | the worker, `finish`                                | `DONE`    |
//! | `CLAIMED`, `STARTED` | the host, `kill`: SIGKILL follows        | `KILLED`  |
//! | `STARTED`, `KILLED` | the host, after the worker's death, `bury` | `TAKEN`   |
//! | `DONE`    | the host, `take`: whoever is first                  | `TAKEN`   |
//! | `TAKEN`   | the host, `release`, with the next generation       | `FREE`    |
//!
//! Beside the phase the word holds flags, the generation, which changes whenever the slot is
//! given to another task, so that no stale hint or late worker can touch the wrong one, and the
//! incarnation of the worker that claimed it. Every change is a compare-and-swap on the whole
//! word: a process may die between any two of them.
//!
//! `claim` is acquire and pairs with the release of `publish`: the worker sees the task. `finish`
//! is release and pairs with the acquire of `take`: the host sees the result.

use crate::support::sync::{AtomicU64, Ordering};

const PHASE: u64 = 0b111;
const FREE: u64 = 0;
const QUEUED: u64 = 1;
const CLAIMED: u64 = 2;
const STARTED: u64 = 3;
const DONE: u64 = 4;
const KILLED: u64 = 5;
const TAKEN: u64 = 6;

/// Somebody waits for the result and takes it itself: it need not be reported.
pub const AWAITED: u64 = 1 << 7;
/// Somebody sleeps on the word: `finish` wakes it.
pub const WAITED: u64 = 1 << 3;
/// The task is asked to stop.
pub const STOP: u64 = 1 << 4;
/// Others have nothing to do: a map's piece should end early and leave its rest to them.
pub const YIELD: u64 = 1 << 5;
/// The supervisor is to be told at once when the task has ended.
pub const NOTICE: u64 = 1 << 6;
const FLAGS: u64 = WAITED | STOP | YIELD | NOTICE | AWAITED;

const GENERATION: u64 = 0xffff_ff00;
const ONE_GENERATION: u64 = 1 << 8;
const WORKER: u32 = 32;

/// Numbers of slots have so many bits.
pub const SLOT_BITS: u32 = 16;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No task.
    Free,
    /// Not claimed.
    Queued,
    /// A worker has it, and has not called its function.
    Claimed,
    /// A worker has called its function.
    Started,
    /// The result is there.
    Done,
    /// Its worker is being killed because of it.
    Killed,
    /// The host is at it.
    Taken,
}

/// What `finish` found.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Finish {
    /// The task is done; these flags were set.
    Done(u64),
    /// The task is not the worker's any more.
    Refused,
}

/// A generation of a slot, as it stands in the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Generation(u32);

impl Generation {
    /// From the number that `number` gave.
    pub fn from_number(number: u32) -> Self {
        Self(number & GENERATION as u32)
    }

    /// As a number that is never 0, for who writes beside the word what is of this generation.
    pub fn mark(self) -> u32 {
        self.0 | 1
    }

    /// A report about a slot, in half the bits of a hint: with as much of the generation as there is
    /// room for, so that one that is read late is not taken for one about the slot's next task.
    pub fn report(self, slot: u32) -> u32 {
        self.0 << (SLOT_BITS - ONE_GENERATION.trailing_zeros()) | slot
    }

    /// The slot that a report is about.
    pub fn slot_of(report: u32) -> u32 {
        report & ((1 << SLOT_BITS) - 1)
    }

    /// As a number, for a hint.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A reading of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading(u64);

impl Reading {
    /// Where the task is.
    pub fn phase(self) -> Phase {
        match self.0 & PHASE {
            FREE => Phase::Free,
            QUEUED => Phase::Queued,
            CLAIMED => Phase::Claimed,
            STARTED => Phase::Started,
            DONE => Phase::Done,
            KILLED => Phase::Killed,
            _ => Phase::Taken,
        }
    }

    /// Which task of the slot's.
    pub fn generation(self) -> Generation {
        Generation((self.0 & GENERATION) as u32)
    }

    /// The incarnation of the worker that has claimed it.
    pub fn worker(self) -> u32 {
        (self.0 >> WORKER) as u32
    }

    /// Whether one of these flags is set.
    pub fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    /// The half of the word that a futex sleeps on.
    pub fn low(self) -> u32 {
        self.0 as u32
    }
}

/// The word. See the module's table.
#[repr(transparent)]
pub struct Word(AtomicU64);

impl Word {
    /// A word that holds nothing, for models and tests; in shared memory zero bytes are one.
    #[cfg(all(test, loom))]
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// What it holds now.
    pub fn read(&self) -> Reading {
        Reading(self.0.load(Ordering::Acquire))
    }

    /// Changes the word while `change` gives a new value for the old one.
    fn change(&self, change: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let Some(next) = change(word) else { return Err(word) };
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(word),
                Err(now) => word = now,
            }
        }
    }

    /// `FREE` to `QUEUED`, with flags. The host, alone with the slot.
    pub fn publish(&self, flags: u64) -> Generation {
        let word = self.0.load(Ordering::Relaxed) & GENERATION;
        self.0.store(word | QUEUED | flags, Ordering::Release);
        Generation(word as u32)
    }

    /// `QUEUED` to `CLAIMED` by a worker; false if the task of that generation is not queued.
    #[must_use]
    pub fn claim(&self, generation: Generation, worker: u32) -> bool {
        self.change(|word| {
            let right = word & PHASE == QUEUED && word & GENERATION == u64::from(generation.0);
            right.then(|| word & (GENERATION | FLAGS) | CLAIMED | u64::from(worker) << WORKER)
        })
        .is_ok()
    }

    /// `CLAIMED` to `STARTED` by the worker; false if it is about to be killed.
    #[must_use]
    pub fn start(&self, worker: u32) -> bool {
        self.change(|word| {
            let right = word & PHASE == CLAIMED && Reading(word).worker() == worker;
            right.then_some(word - CLAIMED + STARTED)
        })
        .is_ok()
    }

    /// `STARTED` to `DONE` by the worker.
    pub fn finish(&self, worker: u32) -> Finish {
        let finished = self.change(|word| {
            let right = word & PHASE == STARTED && Reading(word).worker() == worker;
            right.then_some(word - STARTED + DONE)
        });
        match finished {
            Ok(word) => Finish::Done(word & FLAGS),
            Err(_) => Finish::Refused,
        }
    }

    /// Sets flags on a task that has not ended; the reading after it, or before if it has.
    pub fn set(&self, generation: Generation, flags: u64) -> Result<Reading, Reading> {
        self.change(|word| {
            let right = (QUEUED..=STARTED).contains(&(word & PHASE)) || word & PHASE == KILLED;
            (right && word & GENERATION == u64::from(generation.0)).then_some(word | flags)
        })
        .map(|word| Reading(word | flags))
        .map_err(Reading)
    }

    /// `QUEUED` to `TAKEN` by the host; false if a worker was faster.
    #[must_use]
    pub fn withdraw(&self, generation: Generation) -> bool {
        self.to_taken(generation, |phase| phase == QUEUED)
    }

    /// `DONE` to `TAKEN` by the host; false if another thread was faster, or it is not done.
    #[must_use]
    pub fn take(&self, generation: Generation) -> bool {
        self.to_taken(generation, |phase| phase == DONE)
    }

    /// `STARTED` or `KILLED` to `TAKEN` by the host, once the worker is dead.
    #[must_use]
    pub fn bury(&self, generation: Generation) -> bool {
        self.to_taken(generation, |phase| phase == STARTED || phase == KILLED)
    }

    fn to_taken(&self, generation: Generation, from: impl Fn(u64) -> bool) -> bool {
        self.change(|word| {
            let right = from(word & PHASE) && word & GENERATION == u64::from(generation.0);
            right.then_some(word & !PHASE | TAKEN)
        })
        .is_ok()
    }

    /// `CLAIMED` to `QUEUED` by the host, once the worker is dead.
    #[must_use]
    pub fn return_to_queue(&self, generation: Generation) -> bool {
        self.change(|word| {
            let right = word & PHASE == CLAIMED && word & GENERATION == u64::from(generation.0);
            right.then_some(word & (GENERATION | FLAGS) | QUEUED)
        })
        .is_ok()
    }

    /// `CLAIMED` or `STARTED` to `KILLED` by the host; gives the incarnation that is to be killed.
    pub fn kill(&self, generation: Generation) -> Option<u32> {
        self.change(|word| {
            let right = word & PHASE == CLAIMED || word & PHASE == STARTED;
            (right && word & GENERATION == u64::from(generation.0))
                .then_some(word & !PHASE | KILLED)
        })
        .ok()
        .map(|word| Reading(word).worker())
    }

    /// Makes the word that of a slot which has held `generation` and is free, whatever a worker has
    /// written over it.
    pub fn reset(&self, generation: Generation) {
        let next = u64::from(generation.0).wrapping_add(ONE_GENERATION) & GENERATION;
        self.0.store(next | FREE, Ordering::SeqCst);
    }

    /// `TAKEN` to `FREE`, with the next generation; gives what was there.
    pub fn release(&self) -> Reading {
        let word = self.0.load(Ordering::Relaxed);
        let next = (word & GENERATION).wrapping_add(ONE_GENERATION) & GENERATION;
        Reading(self.0.swap(next | FREE, Ordering::AcqRel))
    }
}
