//! What a pool has done so far, and what it is doing now.

use super::{
    core::Core,
    status::{Error, Result},
    tally::Totals,
    task::NEVER_RAN,
};
use crate::support::sync::{AtomicU64, Ordering};

/// What is counted for the whole pool: what happens seldom, or once in many items.
#[derive(Default)]
pub struct Census {
    maps: AtomicU64,
    failed: AtomicU64,
    unrun: AtomicU64,
    waits: AtomicU64,
}

impl Census {
    /// A map has ended whose items, or some of them, were run.
    pub fn count_map(&self) {
        self.maps.fetch_add(1, Ordering::Relaxed);
    }

    /// A task, or a map, has not ended well.
    #[cold]
    pub fn count_failure(&self, worker: u32) {
        let counter = if worker == NEVER_RAN { &self.unrun } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A task waits or blocks, and gives its place up for that.
    pub fn count_wait(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }
}

/// What an engine says about this very moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survey {
    /// No worker has had this number, or a higher one.
    pub numbers: usize,
    /// Threads or processes that run something.
    pub running: usize,
    /// Tasks that wait, or block, and have given their place up.
    pub blocked: usize,
    /// Workers that sleep.
    pub sleeping: usize,
    /// What waits for a worker.
    pub queued: usize,
}

/// One worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerReport {
    /// Whether there is one with this number now.
    pub alive: bool,
    /// Its process; 0 while there is none.
    pub pid: i32,
    /// What those with this number have done.
    pub totals: Totals,
    /// How many there have been.
    pub starts: u64,
    /// How many of them have died.
    pub deaths: u64,
}

/// What an engine knows of its workers.
pub trait Books {
    /// What is going on at this moment.
    fn survey(&self, core: &Core) -> Survey;

    /// What there is to say about a worker, whose number is below the `numbers` of the survey, or
    /// one of those that the pool was made with.
    fn report_on(&self, core: &Core, worker: usize) -> WorkerReport;
}

/// A whole pool.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// This very moment.
    pub now: Survey,
    /// Workers that there are.
    pub alive: usize,
    /// Tasks that may not start yet.
    pub held: usize,
    /// All workers, and the threads from outside.
    pub totals: Totals,
    /// Tasks and maps that have ended, however.
    pub ended: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Those of them that were never started.
    pub cancelled: u64,
    /// How often a task has given its place up.
    pub waits: u64,
    /// Workers that have died.
    pub deaths: u64,
}

/// Looks at a pool.
pub fn of_pool(core: &Core) -> Stats {
    let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
    // Ends before beginnings, so that not more have ended than were submitted.
    let (failed, cancelled) = (read(&core.census.failed), read(&core.census.unrun));
    let maps = read(&core.census.maps);
    let now = core.engine.books().survey(core);
    let mut totals = core.outside.totals(core);
    let (mut deaths, mut alive) = (0, 0);
    for number in 0..now.numbers {
        let report = core.engine.books().report_on(core, number);
        totals += report.totals;
        deaths += report.deaths;
        alive += usize::from(report.alive);
    }
    totals.submitted += core.blocks.submitted();
    Stats {
        now,
        alive,
        held: core.agenda.count(),
        ended: totals.tasks + maps + cancelled,
        totals,
        failed,
        cancelled,
        waits: read(&core.census.waits),
        deaths,
    }
}

/// Looks at a worker; `None`: at the threads from outside, together.
///
/// # Errors
/// `INVALID` for a number that no worker has ever had.
pub fn of_worker(core: &Core, worker: Option<u32>) -> Result<WorkerReport> {
    let Some(number) = worker else {
        let totals = core.outside.totals(core);
        return Ok(WorkerReport { totals, pid: core.pid, ..WorkerReport::default() });
    };
    let numbers = core.engine.books().survey(core).numbers.max(core.workers());
    if number as usize >= numbers {
        return Err(Error::invalid(format!("{number} is no worker of the pool")));
    }
    Ok(core.engine.books().report_on(core, number as usize))
}
