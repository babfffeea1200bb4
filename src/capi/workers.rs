#![allow(unsafe_code)]
//! How many workers a pool has.

use super::{
    boundary::{number, status},
    handle::{self, pool_t},
};
use crate::pool::options;

/// How many tasks the pool runs at a time; or POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_workers(pool: *mut pool_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        Ok(i32::try_from(core.workers()).unwrap_or(i32::MAX))
    })
}

/// Gives the pool more workers, or fewer, while it works. No task is disturbed: a worker that is
/// one too many ends the task in hand first, and what waits is run by the others.
///
/// workers: how many tasks run at a time from now on, at most the option `max_workers`; 0: as many
///   as pool_create(0) would take.
/// May be called from anywhere, also from tasks and callbacks. Does not block. Threads are started
/// when there is work for them; processes at once, forked by the pool's own process as those
/// before, so that they see the program's memory as it was then. New workers run the initializer; if it
/// fails, a thread does not step in, and a process is tried again as after a death.
/// Returns POOL_OK, POOL_ERR_INVALID, _CLOSED, _TERMINATED, _FORKED; _UNSUPPORTED inside a worker
/// process of the pool.
///
/// Example:
///     pool_resize(pool, 4);
///     assert(pool_workers(pool) == 4);
///     pool_map(pool, slow, in, sizeof in[0], out, sizeof out[0], 5);
///     pool_resize(pool, 1); // from here on one task at a time
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_resize(pool: *mut pool_t, workers: u32) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        core.resize(options::count(workers)?)
    })
}
