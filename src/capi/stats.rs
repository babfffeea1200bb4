#![allow(unsafe_code)]
//! What a pool does and has done, in numbers.

use super::{
    boundary::{Versioned, status, write_struct},
    handle::{self, pool_t},
};
use crate::pool::{abi::POOL_NO_WORKER, stats};

/// A pool in numbers. Begin with POOL_STATS_INIT. All counts are since the pool was made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_stats_t {
    /// sizeof(pool_stats_t), set by POOL_STATS_INIT.
    pub struct_size: usize,
    /// How many tasks run at a time, as in pool_workers().
    pub workers: u32,
    /// Workers have had the numbers below this: those that pool_worker_stats() takes.
    pub numbers: u32,
    /// How many workers there are now: threads, which are started when needed and include spare ones, or
    /// processes.
    pub alive: u32,
    /// How many threads, or worker processes, are running something now.
    pub running: u32,
    /// How many tasks wait or block now, and have given their place up for that.
    pub blocked: u32,
    /// How many workers sleep now, since there is nothing to do.
    pub sleeping: u32,
    /// How many calls wait for a worker now. Those that were cancelled count until a worker comes by
    /// them, and so does a map that calls for more workers.
    pub queued: u64,
    /// How many calls may not start yet.
    pub held: u64,
    /// Calls that were accepted: tasks, and maps as one each.
    pub submitted: u64,
    /// Those of them that have ended, in whatever way.
    pub ended: u64,
    /// Those of the ended that ran and did not return POOL_OK.
    pub failed: u64,
    /// Those of the ended that never ran: they were cancelled, or the pool was terminated, or
    /// nobody could run them.
    pub cancelled: u64,
    /// The sums of what pool_worker_stats() says of all workers and of POOL_NO_WORKER.
    pub items: u64,
    /// See `items`.
    pub steals: u64,
    /// See `items`.
    pub sleeps: u64,
    /// See `items`.
    pub busy_ns: u64,
    /// See `items`.
    pub deaths: u64,
    /// How often a task has given up its place, to wait or in a blocking section.
    pub waits: u64,
}

// SAFETY: begins with its size; numbers may be zero.
unsafe impl Versioned for pool_stats_t {
    const WHAT: &'static str = "stats";
    const FORMER: &'static [usize] = &[];
}

/// A worker in numbers, or all threads from outside together. Begin with POOL_WORKER_STATS_INIT.
/// All counts are since the pool was made, over all workers that have had the number.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_worker_stats_t {
    /// sizeof(pool_worker_stats_t), set by POOL_WORKER_STATS_INIT.
    pub struct_size: usize,
    /// 1: there is such a worker now; 0: not yet, or not any more.
    pub alive: i32,
    /// Its process, 0 while there is none; in a pool of threads this one.
    pub pid: i32,
    /// Tasks that it has run.
    pub tasks: u64,
    /// Items of maps that it has run.
    pub items: u64,
    /// Tasks, and forks of pool_join2(), that it has taken from other workers' queues. (In processes
    /// there is one queue for all, and so nothing to steal.)
    pub steals: u64,
    /// How often it found nothing to do, and slept.
    pub sleeps: u64,
    /// How long it was awake, in nanoseconds: it ran tasks, waited in them, or looked for some. No
    /// clock is read for each task, but when the worker goes to sleep and when it is woken; so what
    /// tasks used is never more than this. 0 for POOL_NO_WORKER.
    pub busy_ns: u64,
    /// How often a worker with this number was started.
    pub starts: u64,
    /// How many of these died: crashed, were killed, or ended in the midst of a task. A replacement
    /// that the pool's options or pool_refresh() asked for is no death.
    pub deaths: u64,
}

// SAFETY: begins with its size; numbers may be zero.
unsafe impl Versioned for pool_worker_stats_t {
    const WHAT: &'static str = "worker_stats";
    const FORMER: &'static [usize] = &[];
}

/// Tells what a pool is doing and has done. The counts are kept all the time and cost nothing that
/// could be measured: each worker has its own. The numbers are of about the same moment, not of one:
/// while tasks run, their sums need not fit to the last one; in a pool at rest they do.
///
/// pool: also when it is closed, or has ended.
/// stats: its `struct_size` is read, the rest is written.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED; _UNSUPPORTED in a worker process of the pool. Does
/// not block.
///
/// Example:
///     pool_map(pool, square, in, sizeof(int), out, sizeof(int), 5);
///     pool_stats_t stats = POOL_STATS_INIT;
///     pool_stats(pool, &stats);
///     assert(stats.workers == 2 && stats.submitted == 1 && stats.ended == 1);
///     assert(stats.items == 5 && stats.failed == 0);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_stats(pool: *mut pool_t, stats: *mut pool_stats_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let seen = stats::of_pool(core);
        let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let value = pool_stats_t {
            struct_size: 0,
            workers: narrow(core.workers()),
            numbers: narrow(seen.now.numbers),
            alive: narrow(seen.alive),
            running: narrow(seen.now.running),
            blocked: narrow(seen.now.blocked),
            sleeping: narrow(seen.now.sleeping),
            queued: seen.now.queued as u64,
            held: seen.held as u64,
            submitted: seen.totals.submitted,
            ended: seen.ended,
            failed: seen.failed,
            cancelled: seen.cancelled,
            items: seen.totals.items,
            steals: seen.totals.steals,
            sleeps: seen.totals.sleeps,
            busy_ns: seen.totals.busy,
            deaths: seen.deaths,
            waits: seen.waits,
        };
        // SAFETY: the caller vouches for the struct.
        unsafe { write_struct(stats, &value) }
    })
}

/// Tells what one worker has done.
///
/// worker: its number, below `workers` or the `numbers` of pool_stats(): spare workers have numbers
///   of their own. POOL_NO_WORKER: the threads from outside that have run tasks while they waited, all
///   together.
/// stats: its `struct_size` is read, the rest is written.
/// Returns as pool_stats(); POOL_ERR_INVALID for a number that no worker has had.
///
/// Example (processes):
///     int32_t status = pool_apply(pool, square, &in[4], sizeof(int), &out[4], sizeof(int));
///     assert(status == POOL_OK);
///     uint64_t tasks = 0;
///     for (uint32_t worker = 0; worker < 2; worker++) {
///         pool_worker_stats_t stats = POOL_WORKER_STATS_INIT;
///         status = pool_worker_stats(pool, worker, &stats);
///         assert(status == POOL_OK && stats.starts == 1 && stats.deaths == 0);
///         tasks += stats.tasks;
///     }
///     assert(tasks == 1);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_worker_stats(
    pool: *mut pool_t,
    worker: u32,
    stats: *mut pool_worker_stats_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let seen = stats::of_worker(core, (worker != POOL_NO_WORKER).then_some(worker))?;
        let value = pool_worker_stats_t {
            struct_size: 0,
            alive: seen.alive.into(),
            pid: seen.pid,
            tasks: seen.totals.tasks,
            items: seen.totals.items,
            steals: seen.totals.steals,
            sleeps: seen.totals.sleeps,
            busy_ns: seen.totals.busy,
            starts: seen.starts,
            deaths: seen.deaths,
        };
        // SAFETY: the caller vouches for the struct.
        unsafe { write_struct(stats, &value) }
    })
}
